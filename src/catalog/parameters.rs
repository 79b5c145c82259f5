//! What follows from a model's facts and the settings: token limits, temperature, reasoning.

use crate::json::{Object, Value};
use crate::model::ModelInfo;
use crate::settings::ProviderSettings;

/// The family of wire formats that the reference tells apart when it derives parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Anthropic,
    OpenAi,
    Gemini,
    OpenRouter,
}

/// Parameters of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameters {
    pub(crate) format: Format,
    pub(crate) max_tokens: Option<f64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) reasoning_effort: Option<Value>,
    pub(crate) reasoning_budget: Option<f64>,
    pub(crate) verbosity: Option<Value>,
    /// Reasoning in the form of the wire format.
    pub(crate) reasoning: Option<Value>,
}

/// Budgets are tokens of an answer that may be spent on reasoning.
const DEFAULT_BUDGET: f64 = 8192.0;
const DEFAULT_BUDGET_GEMINI_PRO: f64 = 128.0;
const LEAST_BUDGET: f64 = 1024.0;
/// The answer's limit when a budget is in use and the settings name none.
const HYBRID_MAX_TOKENS: f64 = 16384.0;
const ANTHROPIC_MAX_TOKENS: f64 = 8192.0;

impl Parameters {
    /// Derives the parameters; `default_temperature` is the provider's own.
    pub(crate) fn derive(
        format: Format,
        id: &str,
        info: &ModelInfo,
        settings: &ProviderSettings,
        default_temperature: f64,
    ) -> Self {
        let max_tokens = max_output_tokens(id, info, settings, Some(format));
        let mut parameters = Self {
            format,
            max_tokens,
            temperature: Some(
                settings
                    .number("modelTemperature")
                    .or_else(|| info.number("defaultTemperature"))
                    .unwrap_or(default_temperature),
            ),
            reasoning_effort: None,
            reasoning_budget: None,
            verbosity: settings.get("verbosity").cloned(),
            reasoning: None,
        };
        if uses_budget(info, settings) {
            parameters.reasoning_budget = Some(budget(id, max_tokens, settings));
            parameters.temperature = Some(1.0);
        } else if uses_effort(info, settings) {
            parameters.reasoning_effort = selected_effort(info, settings)
                .filter(|effort| effort.is_truthy() && effort.as_str() != Some("disable"));
        }
        parameters.shape(id, info, settings);
        parameters
    }

    /// Puts reasoning into the form of the wire, and drops the temperature where it is refused.
    fn shape(&mut self, id: &str, info: &ModelInfo, settings: &ProviderSettings) {
        let single =
            |key: &'static str, value: Value| Value::from([(key, value)].into_iter().collect::<Object>());
        match self.format {
            Format::OpenAi => {
                if id.starts_with("o1") || id.starts_with("o3-mini") {
                    self.temperature = None;
                }
                self.reasoning =
                    self.reasoning_effort.clone().map(|effort| single("reasoning_effort", effort));
            }
            Format::Anthropic => {
                self.reasoning = self.reasoning_budget.map(|budget| {
                    let fields = [("type", Value::from("enabled")), ("budget_tokens", budget.into())];
                    fields.into_iter().collect::<Object>().into()
                });
            }
            Format::OpenRouter => {
                if id == "openai/o1-pro" {
                    self.temperature = None;
                }
                self.reasoning = match (self.reasoning_budget, &self.reasoning_effort) {
                    (Some(budget), _) => Some(single("max_tokens", budget.into())),
                    (None, effort) => effort.clone().map(|effort| single("effort", effort)),
                };
            }
            Format::Gemini => {
                let level = selected_effort(info, settings).filter(|effort| {
                    effort.as_str().is_some_and(|e| ["minimal", "low", "medium", "high"].contains(&e))
                });
                let (key, value) = match (self.reasoning_budget, level) {
                    (Some(budget), _) => ("thinkingBudget", Value::from(budget)),
                    (None, Some(level)) => ("thinkingLevel", level),
                    (None, None) => return,
                };
                self.reasoning = Some(
                    [(key, value), ("includeThoughts", true.into())].into_iter().collect::<Object>().into(),
                );
            }
        }
    }

    /// The parameters as the reference's `getModel` prints them behind id and info.
    pub(crate) fn to_object(&self) -> Object {
        let mut object = Object::with_capacity(7);
        let format = match self.format {
            Format::Anthropic => "anthropic",
            Format::OpenAi => "openai",
            Format::Gemini => "gemini",
            Format::OpenRouter => "openrouter",
        };
        object.insert("format", format);
        object.insert_some("maxTokens", self.max_tokens);
        object.insert_some("temperature", self.temperature);
        object.insert_some("reasoningEffort", self.reasoning_effort.clone());
        object.insert_some("reasoningBudget", self.reasoning_budget);
        object.insert_some("verbosity", self.verbosity.clone());
        object.insert_some("reasoning", self.reasoning.clone());
        object
    }
}

/// Whether reasoning is limited by a token budget.
pub(crate) fn uses_budget(info: &ModelInfo, settings: &ProviderSettings) -> bool {
    info.flag("requiredReasoningBudget")
        || (info.flag("supportsReasoningBudget") && settings.is_truthy("enableReasoningEffort"))
}

/// Whether reasoning is graded by an effort.
pub(crate) fn uses_effort(info: &ModelInfo, settings: &ProviderSettings) -> bool {
    if settings.is_false("enableReasoningEffort") {
        return false;
    }
    let Some(selected) = selected_effort(info, settings).filter(Value::is_truthy) else { return false };
    if selected.as_str() == Some("disable") {
        return false;
    }
    match info.get("supportsReasoningEffort") {
        Some(Value::Array(allowed)) => allowed.contains(&selected),
        Some(Value::Bool(true)) => true,
        _ => info.get("reasoningEffort").is_some_and(Value::is_truthy),
    }
}

/// The effort that the settings ask for, else the model's own.
pub(crate) fn selected_effort(info: &ModelInfo, settings: &ProviderSettings) -> Option<Value> {
    let set = |value: &&Value| !value.is_null();
    settings.get("reasoningEffort").filter(set).or_else(|| info.get("reasoningEffort").filter(set)).cloned()
}

/// The most tokens that an answer may have; `None` leaves it to the service.
pub(crate) fn max_output_tokens(
    id: &str,
    info: &ModelInfo,
    settings: &ProviderSettings,
    format: Option<Format>,
) -> Option<f64> {
    let truthy = |number: f64| (number != 0.0 && !number.is_nan()).then_some(number);
    if uses_budget(info, settings) {
        return Some(settings.number("modelMaxTokens").and_then(truthy).unwrap_or(HYBRID_MAX_TOKENS));
    }
    let is_anthropic = id.contains("claude")
        || format == Some(Format::Anthropic)
        || (format == Some(Format::OpenRouter) && id.starts_with("anthropic/"));
    let own = info.max_tokens().and_then(truthy);
    if is_anthropic && (info.flag("supportsReasoningBudget") || own.is_none()) {
        return Some(ANTHROPIC_MAX_TOKENS);
    }
    match own {
        Some(own) if id.to_lowercase().contains("gpt-5") => Some(own),
        Some(own) => Some(own.min((info.context_window().unwrap_or(f64::NAN) * 0.2).ceil())),
        None if format.is_some() => None,
        None => Some(ANTHROPIC_MAX_TOKENS),
    }
}

fn budget(id: &str, max_tokens: Option<f64>, settings: &ProviderSettings) -> f64 {
    let is_gemini_pro = id.contains("gemini-2.5-pro");
    let default = if is_gemini_pro { DEFAULT_BUDGET_GEMINI_PRO } else { DEFAULT_BUDGET };
    let mut budget = settings.number("modelMaxThinkingTokens").unwrap_or(default);
    if let Some(ceiling) = max_tokens.filter(|max| *max != 0.0).map(|max| (max * 0.8).floor()) {
        budget = budget.min(ceiling);
    }
    budget.max(if is_gemini_pro { DEFAULT_BUDGET_GEMINI_PRO } else { LEAST_BUDGET })
}
