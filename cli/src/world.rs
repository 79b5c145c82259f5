//! The configuration that is in force, and the providers that commands ask for.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use samewire::config::{Config, KeyReader, find, user_folder};
use samewire::manager::ProviderManager;
use samewire::{AiProvider, Context, ProviderInfo, ProviderRegistry, ProviderSettings, build_provider};

use crate::failure::Failure;
use crate::keyring::with_keyring;

/// Where the configuration stands; for every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// The configuration to use
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The profile of the configuration to use
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
}

impl Place {
    /// The file: the one named, else the one of `SAMEWIRE_CONFIG`, else the one that is found.
    pub(crate) fn file(&self) -> Result<Option<PathBuf>, Failure> {
        if let Some(file) = &self.config {
            return Ok(Some(file.clone()));
        }
        if let Some(file) = std::env::var_os("SAMEWIRE_CONFIG").filter(|file| !file.is_empty()) {
            return Ok(Some(file.into()));
        }
        Ok(find(&std::env::current_dir()?, user_folder().as_deref())?)
    }

    /// The configuration; `None` where there is none.
    pub(crate) fn load(&self, context: &Context) -> Result<Option<Config>, Failure> {
        let Some(file) = self.file()? else {
            return match &self.profile {
                Some(profile) => Err(Failure::Usage(format!(
                    "there is no configuration that could have a profile `{profile}`"
                ))),
                None => Ok(None),
            };
        };
        let config = Config::load(&file, self.profile.as_deref(), context)?;
        for warning in config.warnings() {
            eprintln!("samewire: {warning}");
        }
        Ok(Some(config))
    }
}

/// Which provider a command is to use.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Choice {
    /// A provider of the configuration, or any of `samewire list-providers`
    #[arg(long, short)]
    pub(crate) provider: Option<String>,
    /// The model; the provider's default if there is none
    #[arg(long, short)]
    pub(crate) model: Option<String>,
    /// A route, an alias or provider/model of the configuration
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["provider", "model", "settings"])]
    pub(crate) route: Option<String>,
    /// A file with provider settings, as the TypeScript stores a profile
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

/// The machine, and the configuration on it.
pub(crate) struct World {
    pub(crate) config: Option<Config>,
    pub(crate) context: Context,
    pub(crate) keys: KeyReader,
}

impl World {
    pub(crate) fn open(place: &Place) -> Result<Self, Failure> {
        let context = Context::system();
        let config = place.load(&context)?;
        let keys = with_keyring(KeyReader::new(context.clone()));
        Ok(Self { config, context, keys })
    }

    /// The provider that is asked for, ready to be called.
    pub(crate) async fn provider(&self, choice: &Choice) -> Result<Arc<dyn AiProvider>, Failure> {
        if let Some(file) = &choice.settings {
            let mut settings = ProviderSettings::load(file)?;
            if let Some(provider) = &choice.provider {
                settings.set("apiProvider", Some(provider.as_str().into()));
            }
            return Ok(build_provider(&completed(settings, choice.model.as_deref())?)?);
        }
        if let Some(target) = self.target(choice)? {
            return self.manager(&target).await;
        }
        let Some(provider) = &choice.provider else { return Err(Failure::Usage(NO_PROVIDER.to_owned())) };
        let settings = ProviderSettings::new(provider.as_str());
        Ok(build_provider(&completed(settings, choice.model.as_deref())?)?)
    }

    /// What is asked for, in the configuration's names; `None` if it is not the configuration's.
    fn target(&self, choice: &Choice) -> Result<Option<String>, Failure> {
        let Some(config) = &self.config else {
            return match &choice.route {
                Some(route) => Err(Failure::Usage(format!(
                    "there is no configuration that could have `{route}`: write a samewire.toml"
                ))),
                None => Ok(None),
            };
        };
        if let Some(route) = &choice.route {
            return Ok(Some(route.clone()));
        }
        let with_model = |target: &str| match &choice.model {
            Some(model) => format!("{target}/{model}"),
            None => target.to_owned(),
        };
        match &choice.provider {
            Some(provider) if config.provider(provider).is_some() => Ok(Some(with_model(provider))),
            Some(name)
                if config.routes().chain(config.aliases().map(|(alias, _)| alias)).any(|it| it == name) =>
            {
                Err(Failure::Usage(format!("`{name}` is no provider but leads to some: use --route {name}")))
            }
            Some(_) => Ok(None),
            None => match (config.default_target(), &choice.model) {
                (None, _) => Err(Failure::Usage(format!("{NO_PROVIDER} (the configuration names none)"))),
                (Some(target), None) => Ok(Some(target.to_owned())),
                (Some(target), Some(_)) if config.provider(target).is_some() => Ok(Some(with_model(target))),
                (Some(target), Some(model)) => Err(Failure::Usage(format!(
                    "the default `{target}` is no single provider, so `--model {model}` needs a `--provider`"
                ))),
            },
        }
    }

    async fn manager(&self, target: &str) -> Result<Arc<dyn AiProvider>, Failure> {
        let Some(config) = &self.config else { return Err(Failure::Usage(NO_PROVIDER.to_owned())) };
        let narrowed = config.narrowed_to(target)?;
        let manager_config = narrowed.manager_config(&self.keys).await?;
        Ok(Arc::new(ProviderManager::new(manager_config, self.context.clone())?))
    }

    /// The ids of the providers that can be asked: those of the configuration, else those whose key is in the
    /// environment.
    pub(crate) fn usual_providers(&self) -> Vec<String> {
        if let Some(config) = &self.config {
            return config.providers().map(|entry| entry.id().to_owned()).collect();
        }
        let has_key = |facts: &&ProviderInfo| {
            facts.key_variable.is_some_and(|name| self.context.env(name).is_some_and(|key| !key.is_empty()))
        };
        ProviderRegistry::all().filter(has_key).map(|facts| facts.id.to_owned()).collect()
    }

    /// The settings of one provider with its key, and the world to use them in.
    pub(crate) async fn settings(&self, provider: &str) -> Result<(ProviderSettings, Context), Failure> {
        if let Some(config) = self.config.as_ref().filter(|config| config.provider(provider).is_some()) {
            let settings = config.settings(provider, &self.keys).await?;
            return Ok((settings, config.network(provider, &self.context)?));
        }
        let mut settings = ProviderSettings::new(provider);
        fill_in(&mut settings, None);
        Ok((settings, self.context.clone()))
    }
}

/// Settings with the model, and with the key from the environment, if they lack them.
fn completed(mut settings: ProviderSettings, model: Option<&str>) -> Result<ProviderSettings, Failure> {
    let missing = fill_in(&mut settings, model);
    match missing {
        Some((facts, setting, variable)) if facts.key_required => {
            let provider = facts.id;
            Err(Failure::Usage(format!(
                "no key for {provider}: set {variable}, or `{setting}` in a --settings file, or say in a \
                 samewire.toml where it is"
            )))
        }
        _ => Ok(settings),
    }
}

type MissingKey = (&'static ProviderInfo, &'static str, &'static str);

/// Puts the model and the key into settings; tells which key is missing.
fn fill_in(settings: &mut ProviderSettings, model: Option<&str>) -> Option<MissingKey> {
    let facts = settings.provider().and_then(ProviderRegistry::get)?;
    if let Some(model) = model {
        settings.set(facts.model_setting, Some(model.into()));
    }
    let (setting, variable) = (facts.key_setting?, facts.key_variable?);
    if settings.non_empty(setting).is_some() {
        return None;
    }
    match std::env::var(variable) {
        Ok(key) if !key.is_empty() => {
            settings.set(setting, Some(key.into()));
            None
        }
        _ => Some((facts, setting, variable)),
    }
}

const NO_PROVIDER: &str = "no provider: name one with --provider, or write a samewire.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_key_go_to_the_providers_own_settings() {
        let mut settings = ProviderSettings::new("openai").with("openAiApiKey", "k");
        assert!(fill_in(&mut settings, Some("gpt-4o")).is_none());
        assert_eq!(settings.text("openAiModelId"), Some("gpt-4o"));
        let mut settings = ProviderSettings::new("anthropic").with("apiKey", "k");
        assert!(fill_in(&mut settings, Some("claude")).is_none());
        assert_eq!(settings.text("apiModelId"), Some("claude"));
    }
}
