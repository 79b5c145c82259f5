//! Fills in the key and the model that settings lack.

use samewire::ProviderSettings;
use samewire::manager::ProviderRegistry;

/// Puts the model, and the key from the environment, into settings that lack them.
///
/// # Errors
///
/// Names the variable to set when there is no key.
pub(crate) fn complete(settings: &mut ProviderSettings, model: Option<&str>) -> Result<(), String> {
    let Some(facts) = settings.provider().and_then(ProviderRegistry::get) else { return Ok(()) };
    if let Some(model) = model {
        settings.set(facts.model_setting, Some(model.into()));
    }
    let (Some(setting), Some(variable)) = (facts.key_setting, facts.key_variable) else { return Ok(()) };
    if settings.non_empty(setting).is_some() {
        return Ok(());
    }
    match std::env::var(variable) {
        Ok(key) if !key.is_empty() => settings.set(setting, Some(key.into())),
        _ if facts.key_required => {
            let provider = facts.id;
            return Err(format!(
                "no key for {provider}: set {variable}, or `{setting}` in a --settings file"
            ));
        }
        _ => {}
    }
    Ok(())
}

/// Prints the providers that are built in, and where their keys come from.
pub(crate) fn print_providers() {
    for provider in ProviderRegistry::all() {
        println!("{:20} {:24} {}", provider.id, provider.key_variable.unwrap_or("-"), provider.description);
    }
}

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
