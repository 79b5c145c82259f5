//! The names of parameters that differ by service and model.

use crate::AiProvider;
use crate::json::Value;
use crate::request::ChatRequest;

/// Where a request says how long the answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenLimit {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`: reasoning counts too.
    MaxCompletionTokens,
    /// `max_output_tokens` of the Responses API.
    MaxOutputTokens,
    /// `generationConfig.maxOutputTokens` of Gemini.
    GenerationConfig,
    /// `inferenceConfig.maxTokens` of Converse.
    InferenceConfig,
}

/// The parameters that a provider's requests to its model carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedParameters {
    /// How the limit of the answer is named; `None` where none is sent.
    pub token_limit: Option<TokenLimit>,
    /// Whether a temperature is sent. Models that refuse one get none.
    pub temperature: bool,
}

impl AcceptedParameters {
    /// What this provider, with its model and settings, sends: read from a request as it would go out, so it
    /// cannot differ from what is sent. Nothing is sent by this.
    ///
    /// # Errors
    ///
    /// As [`AiProvider::encode`]'s.
    ///
    /// # Example: two names of one limit
    ///
    /// ```
    /// use samewire::catalog::{AcceptedParameters, TokenLimit};
    /// use samewire::{ProviderSettings, build_provider};
    ///
    /// let claude = build_provider(&ProviderSettings::new("anthropic").with("apiKey", "k"))?;
    /// assert_eq!(AcceptedParameters::of(&*claude)?.token_limit, Some(TokenLimit::MaxTokens));
    /// let o3 = ProviderSettings::new("openai-native").with("openAiNativeApiKey", "k").with("apiModelId", "o3");
    /// let accepted = AcceptedParameters::of(&*build_provider(&o3)?)?;
    /// assert_eq!(accepted.token_limit, Some(TokenLimit::MaxOutputTokens));
    /// assert!(!accepted.temperature);
    /// # Ok::<(), samewire::Error>(())
    /// ```
    pub fn of(provider: &dyn AiProvider) -> Result<Self, crate::Error> {
        let request = provider.encode(&ChatRequest::new("", [crate::Message::user("?")]))?;
        let body = Value::parse_bytes(request.body)?;
        let has = |path: &[&str]| {
            let found = path.iter().try_fold(&body, |value, key| value.get(key));
            found.is_some_and(|value| !value.is_null())
        };
        let limit = LIMITS.iter().find(|(path, _)| has(path)).map(|(_, limit)| *limit);
        let temperature = TEMPERATURES.iter().any(|path| has(path));
        Ok(Self { token_limit: limit, temperature })
    }
}

const LIMITS: &[(&[&str], TokenLimit)] = &[
    (&["max_tokens"], TokenLimit::MaxTokens),
    (&["max_completion_tokens"], TokenLimit::MaxCompletionTokens),
    (&["max_output_tokens"], TokenLimit::MaxOutputTokens),
    (&["generationConfig", "maxOutputTokens"], TokenLimit::GenerationConfig),
    (&["inferenceConfig", "maxTokens"], TokenLimit::InferenceConfig),
];

const TEMPERATURES: &[&[&str]] = &[
    &["temperature"],
    &["generationConfig", "temperature"],
    &["inferenceConfig", "temperature"],
    &["options", "temperature"],
];
