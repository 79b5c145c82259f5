//! Which setting holds a provider's key and model, and which environment variable the key comes from.

use samewire::ProviderSettings;

/// Where a provider's key and model stand.
struct Place {
    provider: &'static str,
    /// The setting of the key and the environment variable to take it from.
    key: Option<(&'static str, &'static str)>,
    model: &'static str,
}

/// Puts the model, and the key from the environment, into settings that lack them.
///
/// # Errors
///
/// Names the variable to set when there is no key.
pub(crate) fn complete(settings: &mut ProviderSettings, model: Option<&str>) -> Result<(), String> {
    let provider = settings.provider().unwrap_or_default().to_owned();
    let place = PLACES.iter().find(|place| place.provider == provider);
    if let Some(model) = model {
        settings.set(place.map_or(MODEL, |place| place.model), Some(model.into()));
    }
    let Some((setting, variable)) = place.and_then(|place| place.key) else { return Ok(()) };
    if settings.non_empty(setting).is_some() || samewire::provider_ids().all(|id| id != provider) {
        return Ok(());
    }
    match std::env::var(variable) {
        Ok(key) if !key.is_empty() => settings.set(setting, Some(key.into())),
        _ => {
            return Err(format!(
                "no key for {provider}: set {variable}, or `{setting}` in a --settings file"
            ));
        }
    }
    Ok(())
}

/// Prints the providers that are built in, and where their keys come from.
pub(crate) fn print_providers() {
    for provider in samewire::provider_ids() {
        let place = PLACES.iter().find(|place| place.provider == provider);
        match place.and_then(|place| place.key) {
            Some((_, variable)) => println!("{provider:20} {variable}"),
            None => println!("{provider}"),
        }
    }
}

const fn place(
    provider: &'static str,
    setting: &'static str,
    variable: &'static str,
    model: &'static str,
) -> Place {
    Place { provider, key: Some((setting, variable)), model }
}

const MODEL: &str = "apiModelId";

const PLACES: &[Place] = &[
    place("anthropic", "apiKey", "ANTHROPIC_API_KEY", MODEL),
    place("baseten", "basetenApiKey", "BASETEN_API_KEY", MODEL),
    place("cerebras", "cerebrasApiKey", "CEREBRAS_API_KEY", MODEL),
    place("chutes", "chutesApiKey", "CHUTES_API_KEY", MODEL),
    place("deepinfra", "deepInfraApiKey", "DEEPINFRA_API_KEY", "deepInfraModelId"),
    place("deepseek", "deepSeekApiKey", "DEEPSEEK_API_KEY", MODEL),
    place("doubao", "doubaoApiKey", "ARK_API_KEY", MODEL),
    place("featherless", "featherlessApiKey", "FEATHERLESS_API_KEY", MODEL),
    place("fireworks", "fireworksApiKey", "FIREWORKS_API_KEY", MODEL),
    place("gemini", "geminiApiKey", "GEMINI_API_KEY", MODEL),
    place("groq", "groqApiKey", "GROQ_API_KEY", MODEL),
    place("huggingface", "huggingFaceApiKey", "HF_TOKEN", "huggingFaceModelId"),
    place("io-intelligence", "ioIntelligenceApiKey", "IOINTELLIGENCE_API_KEY", "ioIntelligenceModelId"),
    place("litellm", "litellmApiKey", "LITELLM_API_KEY", "litellmModelId"),
    Place { provider: "lmstudio", key: None, model: "lmStudioModelId" },
    place("minimax", "minimaxApiKey", "MINIMAX_API_KEY", MODEL),
    place("mistral", "mistralApiKey", "MISTRAL_API_KEY", MODEL),
    place("moonshot", "moonshotApiKey", "MOONSHOT_API_KEY", MODEL),
    Place { provider: "ollama", key: None, model: "ollamaModelId" },
    place("openai", "openAiApiKey", "OPENAI_API_KEY", "openAiModelId"),
    place("openai-native", "openAiNativeApiKey", "OPENAI_API_KEY", MODEL),
    place("openrouter", "openRouterApiKey", "OPENROUTER_API_KEY", "openRouterModelId"),
    place("requesty", "requestyApiKey", "REQUESTY_API_KEY", "requestyModelId"),
    place("roo", "rooApiKey", "ROO_API_KEY", MODEL),
    place("sambanova", "sambaNovaApiKey", "SAMBANOVA_API_KEY", MODEL),
    place("unbound", "unboundApiKey", "UNBOUND_API_KEY", "unboundModelId"),
    place("vercel-ai-gateway", "vercelAiGatewayApiKey", "AI_GATEWAY_API_KEY", "vercelAiGatewayModelId"),
    place("xai", "xaiApiKey", "XAI_API_KEY", MODEL),
    place("zai", "zaiApiKey", "ZAI_API_KEY", MODEL),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_key_go_to_the_providers_own_settings() {
        let mut settings = ProviderSettings::new("openai").with("openAiApiKey", "k");
        complete(&mut settings, Some("gpt-4o")).unwrap();
        assert_eq!(settings.text("openAiModelId"), Some("gpt-4o"));
        let mut settings = ProviderSettings::new("anthropic").with("apiKey", "k");
        complete(&mut settings, Some("claude")).unwrap();
        assert_eq!(settings.text("apiModelId"), Some("claude"));
    }
}
