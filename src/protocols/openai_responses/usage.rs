//! Token counts and what they cost at the tier that served them.

use crate::catalog::cost::{self, Tokens as Counts};
use crate::json::javascript::to_number;
use crate::json::{Node, Value};
use crate::model::ModelInfo;
use crate::protocols::tokens::usage_object;
use crate::token::StreamToken;

/// A usage object as a token; `None` if there is none. Counts keep the form in which they came.
pub(super) fn token(usage: Node<'_>, info: &ModelInfo, tier: Option<&str>) -> Option<StreamToken> {
    if !usage.is_truthy() {
        return None;
    }
    let details = first(usage, &["input_tokens_details", "prompt_tokens_details"]);
    let cached = details.get("cached_tokens").as_f64();
    let missed = details.get("cache_miss_tokens").as_f64().unwrap_or(0.0);
    let count =
        |keys: &[&str]| Some(first(usage, keys)).filter(|node| !node.is_nullish()).map(Node::to_value);
    let mut input = count(&["input_tokens", "prompt_tokens"]).unwrap_or(Value::Number(0.0));
    let in_details = cached.unwrap_or(0.0) + missed;
    if input.as_f64() == Some(0.0) && (cached.unwrap_or(0.0) > 0.0 || missed > 0.0) {
        input = in_details.into();
    }
    let output = count(&["output_tokens", "completion_tokens"]).unwrap_or(Value::Number(0.0));
    let writes = count(&["cache_creation_input_tokens", "cache_write_tokens"]).unwrap_or(Value::Number(0.0));
    let reads = count(&["cache_read_input_tokens", "cache_read_tokens", "cached_tokens"])
        .unwrap_or_else(|| cached.unwrap_or(0.0).into());
    let cost = cost::openai_style(
        &at_tier(info, tier),
        Counts {
            input: to_number(&input),
            output: to_number(&output),
            cache_writes: to_number(&writes),
            cache_reads: to_number(&reads),
        },
    );
    let mut token = usage_object(input, output);
    token.insert("cacheWriteTokens", writes);
    token.insert("cacheReadTokens", reads);
    token.insert_some("reasoningTokens", usage.get("output_tokens_details").get("reasoning_tokens").as_f64());
    token.insert("totalCost", cost);
    Some(StreamToken::from_object(token))
}

/// The first of these keys that is neither missing nor null.
fn first<'a>(node: Node<'a>, keys: &[&str]) -> Node<'a> {
    keys.iter().map(|key| node.get(key)).find(|node| !node.is_nullish()).unwrap_or_default()
}

/// The model's facts with the prices of that tier, if it has such a tier.
fn at_tier(info: &ModelInfo, tier: Option<&str>) -> ModelInfo {
    let mut priced = info.clone();
    let Some(tier) = tier.filter(|tier| *tier != "default") else { return priced };
    let tiers = info.get("tiers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if let Some(prices) = tiers.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(tier)) {
        for price in ["inputPrice", "outputPrice", "cacheReadsPrice", "cacheWritesPrice"] {
            if let Some(value) = prices.get(price).filter(|value| value.as_f64().is_some()) {
                priced.as_object_mut().insert(price, value.clone());
            }
        }
    }
    priced
}
