//! Which providers a call may go to, in which order, and why.

use std::fmt;

use crate::json::Value;
use crate::provider::AiProvider;
use crate::request::ChatRequest;

/// A named choice between targets.
///
/// Targets that cannot serve a request are passed over: no vision for images, no tools for tools, a context
/// too small for the prompt, or a prompt outside the target's own bounds. The rest is ordered by the strategy.
/// All that is not known to be impossible is possible.
///
/// # Example: cheap for short prompts, large for long ones
///
/// ```
/// use samewire::manager::{Route, RouteTarget};
///
/// let route = Route::ordered("auto", [
///     RouteTarget::new("groq").prompt_tokens(..=8_000),
///     RouteTarget::new("gemini").prompt_tokens(8_001..),
/// ]);
/// assert_eq!(route.name(), "auto");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub(super) name: String,
    pub(super) strategy: Strategy,
    pub(super) targets: Vec<RouteTarget>,
}

/// How the targets of a route are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// As listed: the later ones are for when the earlier ones fail.
    Ordered,
    /// By chance, in proportion to the weights.
    Weighted,
    /// The shortest usual time to the first token first; what was never tried goes in front, to be known.
    LeastLatency,
    /// The lowest price for the prompt and 1,000 tokens of answer first, by the model tables. Unknown
    /// prices go last, in the order listed.
    LowestCost,
}

/// One target of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTarget {
    pub(super) target: String,
    pub(super) weight: f64,
    pub(super) prompt_tokens: (u64, u64),
}

impl Route {
    /// Targets in the order of preference.
    pub fn ordered<T: Into<RouteTarget>>(
        name: impl Into<String>,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        Self::new(name, Strategy::Ordered, targets)
    }

    /// Targets with another strategy. Each is a provider's id, `provider/model`, or an alias of those.
    pub fn new<T: Into<RouteTarget>>(
        name: impl Into<String>,
        strategy: Strategy,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        Self { name: name.into(), strategy, targets: targets.into_iter().map(Into::into).collect() }
    }

    /// The route's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl RouteTarget {
    /// A target of weight 1, for prompts of any size.
    pub fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), weight: 1.0, prompt_tokens: (0, u64::MAX) }
    }

    /// Its share, relative to the weights of the others; 0 is a last resort.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight.max(0.0);
        self
    }

    /// The sizes of prompts, in estimated tokens, that it is for.
    #[must_use]
    pub fn prompt_tokens(mut self, sizes: impl std::ops::RangeBounds<u64>) -> Self {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match sizes.start_bound() {
            Included(&from) => from,
            Excluded(&from) => from.saturating_add(1),
            Unbounded => 0,
        };
        let to = match sizes.end_bound() {
            Included(&to) => to,
            Excluded(&to) => to.saturating_sub(1),
            Unbounded => u64::MAX,
        };
        self.prompt_tokens = (from, to);
        self
    }
}

impl<T: Into<String>> From<T> for RouteTarget {
    fn from(target: T) -> Self {
        Self::new(target)
    }
}

/// Why a request goes where it goes.
///
/// `Display` prints it for people, a line for each target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RouteExplanation {
    /// What was asked for.
    pub target: String,
    /// How the targets are ordered.
    pub strategy: Strategy,
    /// The estimated tokens of the prompt.
    pub prompt_tokens: u64,
    /// Every target: those that will be tried in this order, then those that were passed over.
    pub targets: Vec<ExplainedTarget>,
}

/// One target of a [`RouteExplanation`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExplainedTarget {
    /// The manager's name for the provider.
    pub provider: String,
    /// The model; empty where the provider could not be made.
    pub model: String,
    /// Whether it will be tried.
    pub chosen: bool,
    /// Why.
    pub reason: String,
}

impl fmt::Display for RouteExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}`, {:?}, about {} tokens:", self.target, self.strategy, self.prompt_tokens)?;
        for (place, target) in self.targets.iter().enumerate() {
            let place = if target.chosen { format!("{}.", place + 1) } else { "-".into() };
            writeln!(f, "{place:>4} {}/{}: {}", target.provider, target.model, target.reason)?;
        }
        Ok(())
    }
}

/// What a request asks of its provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The estimated tokens of the prompt.
    pub(super) prompt_tokens: u64,
    pub(super) vision: bool,
    pub(super) tools: bool,
}

impl Needs {
    pub(super) fn of_chat(request: &ChatRequest) -> Self {
        let mut sizes = Sizes { characters: request.system_prompt.len(), images: 0 };
        request.messages.iter().for_each(|message| sizes.add(message.as_json()));
        request.tools.iter().flatten().for_each(|tool| sizes.add(tool.as_json()));
        Self {
            prompt_tokens: (sizes.characters / CHARACTERS_PER_TOKEN + sizes.images * TOKENS_PER_IMAGE) as u64,
            vision: sizes.images > 0,
            tools: request.tools.as_ref().is_some_and(|tools| !tools.is_empty()),
        }
    }

    pub(super) fn of_prompt(prompt: &str) -> Self {
        Self { prompt_tokens: (prompt.len() / CHARACTERS_PER_TOKEN) as u64, ..Self::default() }
    }

    /// The tokens that the whole call will take, as a guess.
    pub(super) fn tokens(self) -> u32 {
        u32::try_from(self.prompt_tokens).unwrap_or(u32::MAX).saturating_add(ANSWER_TOKENS as u32)
    }

    /// Why a provider cannot serve the request.
    pub(super) fn obstacle(self, target: &RouteTarget, provider: &dyn AiProvider) -> Option<String> {
        let (from, to) = target.prompt_tokens;
        if self.prompt_tokens < from || self.prompt_tokens > to {
            return Some("the prompt's size is outside its bounds".into());
        }
        let capabilities = provider.capabilities();
        let knows_model = provider.model().info.is_some();
        if self.vision && knows_model && !capabilities.vision {
            return Some("the model takes no images".into());
        }
        if self.tools && !capabilities.functions {
            return Some("the model takes no tools".into());
        }
        let window = capabilities.context_window.filter(|window| self.prompt_tokens > *window)?;
        Some(format!("the prompt is longer than its context of {window} tokens"))
    }

    /// The price in US dollars.
    pub(super) fn price(self, provider: &dyn AiProvider) -> Option<f64> {
        let model = provider.model();
        let (input, output) = (model.info().number("inputPrice")?, model.info().number("outputPrice")?);
        Some((self.prompt_tokens as f64 * input + ANSWER_TOKENS as f64 * output) / 1e6)
    }
}

struct Sizes {
    characters: usize,
    images: usize,
}

impl Sizes {
    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.characters += text.len(),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(object) => {
                if object.get("type").and_then(Value::as_str) == Some("image") {
                    self.images += 1;
                    return;
                }
                for (key, value) in object {
                    self.characters += key.len() + 4;
                    self.add(value);
                }
            }
            _ => self.characters += 4,
        }
    }
}

/// A rough measure, good enough for limits and routes: counting really would cost more than it saves.
const CHARACTERS_PER_TOKEN: usize = 4;
const TOKENS_PER_IMAGE: usize = 1200;
const ANSWER_TOKENS: u64 = 1000;
