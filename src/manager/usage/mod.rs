//! What a request used and what it cost, with the reasons spelt out.

pub(super) mod ledger;

use crate::json::Value;
use crate::manager::KeyId;
use crate::{ErrorKind, Model, ModelInfo, Text, Usage};

pub use ledger::{Account, MeteredCall, UsageLedger, UsageSums};

/// How a provider's counts are to be read.
///
/// The three facts that differ, one line a provider, in [`Counting::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counting {
    /// Whether input tokens include those read from and written to the prompt cache.
    pub input_includes_cached: bool,
    /// Whether output tokens include those of reasoning.
    pub output_includes_reasoning: bool,
    /// Whether the cost in a usage token is the service's own, not computed from a price table.
    pub cost_is_reported: bool,
}

impl Counting {
    /// The way of OpenAI's protocols, and of most others.
    pub const OPENAI: Self =
        Self { input_includes_cached: true, output_includes_reasoning: true, cost_is_reported: false };

    /// The way of Anthropic's protocol: cached tokens stand beside the input.
    pub const ANTHROPIC: Self = Self { input_includes_cached: false, ..Self::OPENAI };

    /// The way of Google's protocol: thoughts stand beside the output.
    pub const GEMINI: Self = Self { output_includes_reasoning: false, ..Self::OPENAI };

    /// How the provider of this id counts for this model.
    ///
    /// # Example: the same numbers, two meanings
    ///
    /// ```
    /// use samewire::manager::Counting;
    ///
    /// assert!(!Counting::of("anthropic", "claude-sonnet-4-5").input_includes_cached);
    /// assert!(Counting::of("openrouter", "anthropic/claude-sonnet-4.5").input_includes_cached);
    /// ```
    pub fn of(provider: &str, model: &str) -> Self {
        let starts_with =
            |prefix: &str| model.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix));
        let of_anthropic = starts_with("anthropic/");
        match provider {
            "anthropic" | "bedrock" | "minimax" => Self::ANTHROPIC,
            // Programs that tell what they spent.
            "claude-code" | "opencode" => Self { cost_is_reported: true, ..Self::ANTHROPIC },
            "vertex" if model.to_ascii_lowercase().contains("claude") => Self::ANTHROPIC,
            "perplexity" => Self { output_includes_reasoning: false, cost_is_reported: true, ..Self::OPENAI },
            "vertex" | "gemini" | "gemini-cli" => Self::GEMINI,
            "openrouter" => Self { cost_is_reported: true, ..Self::OPENAI },
            // The reference subtracts cached tokens for Anthropic's models (`roo`), or takes the gateway to
            // count as Anthropic does (`vercel-ai-gateway`).
            "roo" | "vercel-ai-gateway" => {
                Self { input_includes_cached: !of_anthropic, cost_is_reported: true, ..Self::OPENAI }
            }
            _ => Self::OPENAI,
        }
    }
}

/// Tokens by the price that they have; no token is in two counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCounts {
    /// Of the request, neither read from nor written to a cache.
    pub input: u64,
    /// Read from the prompt cache.
    pub cache_reads: u64,
    /// Written to the prompt cache for the usual time, with Anthropic five minutes.
    pub cache_writes: u64,
    /// Written to the prompt cache for an hour.
    pub hour_cache_writes: u64,
    /// Of the answer, reasoning included.
    pub output: u64,
    /// Of the answer's tokens those of reasoning, as far as the service says.
    pub reasoning: u64,
}

impl TokenCounts {
    /// Sorts the counts of a provider.
    ///
    /// # Example: cached tokens are counted once
    ///
    /// ```
    /// use samewire::Usage;
    /// use samewire::manager::{Counting, TokenCounts};
    ///
    /// let mut usage = Usage::default();
    /// (usage.input_tokens, usage.cache_read_tokens) = (1000, 800.into());
    /// assert_eq!(TokenCounts::of(&usage, Counting::OPENAI).input, 200);
    /// assert_eq!(TokenCounts::of(&usage, Counting::ANTHROPIC).prompt(), 1800);
    /// ```
    pub fn of(usage: &Usage, counting: Counting) -> Self {
        let reads = usage.cache_read_tokens.value().copied().unwrap_or(0);
        let writes = usage.cache_write_tokens.value().copied().unwrap_or(0);
        let reasoning = usage.reasoning_tokens.value().copied().unwrap_or(0);
        let hour = usage.hour_cache_write_tokens.unwrap_or(0).min(writes);
        let cached = if counting.input_includes_cached { reads.saturating_add(writes) } else { 0 };
        let beside = if counting.output_includes_reasoning { 0 } else { reasoning };
        Self {
            input: usage.input_tokens.saturating_sub(cached),
            cache_reads: reads,
            cache_writes: writes - hour,
            hour_cache_writes: hour,
            output: usage.output_tokens.saturating_add(beside),
            reasoning,
        }
    }

    /// All tokens of the request: what long-context tiers go by.
    pub fn prompt(&self) -> u64 {
        self.input + self.cache_reads + self.cache_writes + self.hour_cache_writes
    }

    /// All tokens.
    pub fn total(&self) -> u64 {
        self.prompt() + self.output
    }

    /// Adds other counts.
    pub fn add(&mut self, more: &Self) {
        self.input += more.input;
        self.cache_reads += more.cache_reads;
        self.cache_writes += more.cache_writes;
        self.hour_cache_writes += more.hour_cache_writes;
        self.output += more.output;
        self.reasoning += more.reasoning;
    }
}

/// What a request cost, and who says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// US dollars.
    pub dollars: f64,
    /// Who says so.
    pub source: CostSource,
}

/// Who says what a request cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostSource {
    /// The service, in its answer.
    Reported,
    /// The token counts times the prices that are known of the model.
    Estimated,
}

impl Cost {
    /// What a request cost: what the service reported, else the estimate; `None` if neither is known.
    ///
    /// A reported 0 for used tokens is taken for "not reported", because providers say 0 when their
    /// service said nothing; it stands where the price table says 0 too.
    pub fn of(usage: &Usage, counting: Counting, model: &Model) -> Option<Self> {
        let counts = TokenCounts::of(usage, counting);
        let estimate = estimate_cost(&counts, model.info()).filter(|_| counts.total() > 0);
        let reported = usage.total_cost.value().copied().filter(|_| counting.cost_is_reported);
        match (reported, estimate) {
            (Some(dollars), _) if dollars > 0.0 => Some(Self { dollars, source: CostSource::Reported }),
            (_, Some(dollars)) => Some(Self { dollars, source: CostSource::Estimated }),
            _ => None,
        }
    }
}

/// US dollars by the model's prices; `None` if a price that is needed is not known.
///
/// - Long-context tiers go by the whole prompt, cached tokens included. Tiers with a name belong to service
///   classes that nobody asked for here, and are passed over.
/// - Tokens cached for an hour cost twice the input price, as Anthropic has it, unless the model names a
///   `hourCacheWritesPrice`.
///
/// # Example: the long-context tier
///
/// ```
/// use samewire::json::{Value, object};
/// use samewire::manager::{TokenCounts, estimate_cost};
/// use samewire::ModelInfo;
///
/// let long = object! { "contextWindow": 1_000_000, "inputPrice": 6, "outputPrice": 22.5 };
/// let info = ModelInfo::from_object(object! {
///     "contextWindow": 200_000, "inputPrice": 3, "outputPrice": 15, "tiers": vec![Value::from(long)],
/// });
/// let mut counts = TokenCounts::default();
/// counts.input = 100_000;
/// assert_eq!(estimate_cost(&counts, &info), Some(0.3));
/// counts.input = 300_000;
/// assert_eq!(estimate_cost(&counts, &info), Some(1.8));
/// counts.cache_reads = 1;
/// assert_eq!(estimate_cost(&counts, &info), None, "nobody knows what a cached token costs here");
/// ```
pub fn estimate_cost(counts: &TokenCounts, info: &ModelInfo) -> Option<f64> {
    let tier = tier(counts.prompt() as f64, info);
    let price = |name: &str| {
        let of_tier = tier.and_then(|tier| tier.get(name)).and_then(Value::as_f64);
        of_tier.or_else(|| info.number(name))
    };
    let hour = || price("hourCacheWritesPrice").or_else(|| price("inputPrice").map(|price| 2.0 * price));
    let classes: [(u64, &dyn Fn() -> Option<f64>); 5] = [
        (counts.input, &|| price("inputPrice")),
        (counts.output, &|| price("outputPrice")),
        (counts.cache_reads, &|| price("cacheReadsPrice")),
        (counts.cache_writes, &|| price("cacheWritesPrice")),
        (counts.hour_cache_writes, &hour),
    ];
    let mut dollars = 0.0;
    for (tokens, price) in classes {
        if tokens > 0 {
            dollars += tokens as f64 * price()? / 1_000_000.0;
        }
    }
    Some(dollars)
}

/// The tier for a prompt of that length; `None` for the base prices.
fn tier(prompt: f64, info: &ModelInfo) -> Option<&Value> {
    let tiers = info.get("tiers")?.as_array()?;
    let unnamed = || tiers.iter().filter(|tier| tier.get("name").is_none());
    let window = |tier: &Value| tier.get("contextWindow").and_then(Value::as_f64).unwrap_or(f64::INFINITY);
    let narrowest = unnamed().map(window).fold(f64::INFINITY, f64::min);
    if info.context_window().is_some_and(|base| base < narrowest && prompt <= base) {
        return None;
    }
    unnamed().find(|tier| prompt <= window(tier)).or_else(|| unnamed().last())
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With a whole answer.
    Complete,
    /// With an error, before or within the answer.
    Failed(ErrorKind),
    /// The reader went away.
    Dropped,
}

/// What one request used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UsageRecord {
    /// The provider's id.
    pub provider: Text,
    /// The model that was asked.
    pub model: Text,
    /// The key that was used, where one of several was chosen.
    pub key: Option<KeyId>,
    /// The conversation's id.
    pub task_id: Option<String>,
    /// Who asked, as [`ChatRequest::on_behalf_of`](crate::ChatRequest::on_behalf_of) says.
    pub on_behalf_of: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The tokens.
    pub tokens: TokenCounts,
    /// Whether the tokens are a guess from the length of texts, because the service did not get to count.
    pub guessed: bool,
    /// The cost; `None` if it is not known.
    pub cost: Option<Cost>,
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "figures with an exact result")]
mod tests {
    use super::*;
    use crate::json::object;

    fn usage(input: u64, output: u64, reads: u64, writes: u64) -> Usage {
        Usage {
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: reads.into(),
            cache_write_tokens: writes.into(),
            ..Usage::default()
        }
    }

    fn model(facts: crate::json::Object) -> Model {
        Model::new("m", ModelInfo::from_object(facts))
    }

    fn claude() -> Model {
        model(object! {
            "contextWindow": 200_000, "inputPrice": 3, "outputPrice": 15,
            "cacheWritesPrice": 3.75, "cacheReadsPrice": 0.3,
        })
    }

    #[test]
    fn cached_tokens_are_counted_once() {
        let usage = usage(1000, 10, 600, 300);
        let (openai, anthropic) = (Counting::OPENAI, Counting::ANTHROPIC);
        assert_eq!(TokenCounts::of(&usage, openai).prompt(), 1000);
        assert_eq!(TokenCounts::of(&usage, anthropic).prompt(), 1900);
        assert_eq!(Counting::of("vertex", "claude-sonnet-4@20250514"), anthropic);
        assert!(!Counting::of("roo", "Anthropic/claude-sonnet-4").input_includes_cached);
        assert!(Counting::of("perplexity", "sonar-deep-research").cost_is_reported);
        assert!(Counting::of("claude-code", "sonnet").cost_is_reported);
    }

    #[test]
    fn thoughts_are_paid_as_output() {
        let mut usage = usage(10, 20, 0, 0);
        usage.reasoning_tokens = 30.into();
        assert_eq!(TokenCounts::of(&usage, Counting::GEMINI).output, 50);
        assert_eq!(TokenCounts::of(&usage, Counting::OPENAI).output, 20);
    }

    #[test]
    fn tokens_cached_for_an_hour_cost_more() {
        let mut usage = usage(0, 0, 0, 1_000_000);
        let cost = |usage: &Usage| Cost::of(usage, Counting::ANTHROPIC, &claude()).unwrap().dollars;
        assert_eq!(cost(&usage), 3.75);
        usage.hour_cache_write_tokens = Some(400_000);
        assert_eq!(cost(&usage), 0.6 * 3.75 + 0.4 * 6.0);
    }

    #[test]
    fn what_the_service_says_wins_and_unknown_is_not_zero() {
        let reported = Counting::of("openrouter", "x");
        let mut counts = usage(1_000_000, 0, 0, 0);
        counts.total_cost = 2.5.into();
        let cost = |counts: &Usage, counting, model: &Model| Cost::of(counts, counting, model);
        let (service, own) = (CostSource::Reported, CostSource::Estimated);
        assert_eq!(cost(&counts, reported, &claude()), Some(Cost { dollars: 2.5, source: service }));
        assert_eq!(cost(&counts, Counting::OPENAI, &claude()), Some(Cost { dollars: 3.0, source: own }));
        counts.total_cost = 0.0.into();
        assert_eq!(cost(&counts, reported, &claude()), Some(Cost { dollars: 3.0, source: own }));
        assert_eq!(cost(&counts, reported, &Model::without_info("x")), None);
        let free = model(object! { "inputPrice": 0, "outputPrice": 0 });
        assert_eq!(cost(&counts, reported, &free), Some(Cost { dollars: 0.0, source: own }));
        assert_eq!(cost(&Usage::default(), reported, &claude()), None);
    }

    #[test]
    fn tiers_go_by_the_whole_prompt() {
        let tier = |window: f64, price: i32| {
            Value::from(object! { "contextWindow": window, "inputPrice": price, "cacheReadsPrice": 1 })
        };
        let named = object! { "name": "flex", "contextWindow": 1_000_000, "inputPrice": 100 };
        let gemini = ModelInfo::from_object(object! {
            "contextWindow": 1_048_576, "inputPrice": 9, "outputPrice": 9,
            "tiers": vec![Value::from(named), tier(200_000.0, 2), tier(f64::INFINITY, 4)],
        });
        let cost = |input, cache_reads| {
            estimate_cost(&TokenCounts { input, cache_reads, ..TokenCounts::default() }, &gemini).unwrap()
        };
        assert_eq!(cost(200_000, 0), 0.4);
        assert_eq!(cost(200_001, 0), 0.800_004);
        assert_eq!(cost(150_000, 50_001), 0.6 + 0.050_001);
    }
}
