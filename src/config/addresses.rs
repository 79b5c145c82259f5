//! Which setting replaces a provider's address.

use crate::manager::ProviderInfo;

/// The setting that holds the base URL; `None` for services that the reference calls at a fixed one.
pub(super) fn base_url_setting(facts: &ProviderInfo) -> Option<&'static str> {
    SETTINGS.iter().find(|(id, _)| *id == facts.id).map(|(_, setting)| *setting)
}

const SETTINGS: &[(&str, &str)] = &[
    ("anthropic", "anthropicBaseUrl"),
    ("bedrock", "awsBedrockEndpoint"),
    ("deepinfra", "deepInfraBaseUrl"),
    ("deepseek", "deepSeekBaseUrl"),
    ("doubao", "doubaoBaseUrl"),
    ("gemini", "googleGeminiBaseUrl"),
    ("litellm", "litellmBaseUrl"),
    ("lmstudio", "lmStudioBaseUrl"),
    ("minimax", "minimaxBaseUrl"),
    ("moonshot", "moonshotBaseUrl"),
    ("ollama", "ollamaBaseUrl"),
    ("openai", "openAiBaseUrl"),
    ("openai-native", "openAiNativeBaseUrl"),
    ("openrouter", "openRouterBaseUrl"),
    ("requesty", "requestyBaseUrl"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::manager::ProviderRegistry;
    use crate::transport::replay::ReplayTransport;
    use crate::{ChatRequest, Context, Message, ProviderSettings, build_provider_in};
    use std::sync::Arc;

    #[test]
    fn an_address_of_ones_own_is_where_requests_go() {
        let context = Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(TestClock::default()));
        for facts in ProviderRegistry::all() {
            let Some(setting) = base_url_setting(facts) else { continue };
            let mut settings = ProviderSettings::new(facts.id).with(setting, "http://own.example/base");
            settings.set(facts.model_setting, Some("m".into()));
            settings.set(facts.key_setting.unwrap_or("none"), Some("k".into()));
            settings.set("awsBedrockEndpointEnabled", Some(true.into()));
            settings.set("awsUseApiKey", Some(true.into()));
            settings.set("awsRegion", Some("eu-west-1".into()));
            let provider = build_provider_in(&settings, &context).unwrap();
            let http = provider.encode(&ChatRequest::new("", [Message::user("Hi")])).unwrap();
            assert!(http.url.starts_with("http://own.example/"), "{}: {}", facts.id, http.url);
        }
    }
}
