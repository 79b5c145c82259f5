//! What a request costs, in the reference's order of arithmetic so that every digit agrees.

use crate::json::Value;
use crate::model::ModelInfo;

/// Token counts by price class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) input: f64,
    pub(crate) output: f64,
    pub(crate) cache_writes: f64,
    pub(crate) cache_reads: f64,
}

/// US dollars where `input` excludes cached tokens (Anthropic's way to count).
pub(crate) fn anthropic_style(info: &ModelInfo, tokens: Tokens) -> f64 {
    let price = |name: &str| info.number(name).unwrap_or(0.0) / 1_000_000.0;
    price("cacheWritesPrice") * tokens.cache_writes
        + price("cacheReadsPrice") * tokens.cache_reads
        + price("inputPrice") * tokens.input
        + price("outputPrice") * tokens.output
}

/// US dollars where `input` includes cached tokens (OpenAI's way to count).
pub(crate) fn openai_style(info: &ModelInfo, tokens: Tokens) -> f64 {
    let uncached = tokens.input - tokens.cache_writes - tokens.cache_reads;
    // JavaScript's Math.max keeps NaN, Rust's f64::max drops it.
    let input = if uncached.is_nan() { uncached } else { uncached.max(0.0) };
    anthropic_style(info, Tokens { input, ..tokens })
}

/// US dollars where `input` includes cached tokens and the price may depend on how long the request is:
/// the first tier that is wide enough counts. `None` if there is no price.
pub(crate) fn tiered(info: &ModelInfo, tokens: Tokens) -> Option<f64> {
    let tiers = info.get("tiers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let tier = tiers.iter().find(|tier| {
        tier.get("contextWindow").and_then(Value::as_f64).is_some_and(|window| tokens.input <= window)
    });
    let price = |name: &str| {
        let of_tier = tier.and_then(|tier| tier.get(name)).and_then(Value::as_f64);
        of_tier.or_else(|| info.number(name)).filter(|price| *price != 0.0)
    };
    let (input, output) = (price("inputPrice")?, price("outputPrice")?);
    let cached = if tokens.cache_reads > 0.0 {
        price("cacheReadsPrice").unwrap_or(0.0) * (tokens.cache_reads / 1_000_000.0)
    } else {
        0.0
    };
    Some(
        input * ((tokens.input - tokens.cache_reads) / 1_000_000.0)
            + output * (tokens.output / 1_000_000.0)
            + cached,
    )
}
