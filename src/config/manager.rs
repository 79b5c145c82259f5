//! From a configuration to providers and a manager.

use std::sync::Arc;

use super::Config;
use super::key::KeyReader;
use super::provider::{ProviderEntry, Source};
use crate::manager::{ApiKey, FileKeyState, KeyRing, ManagerConfig, ProviderConfig};
use crate::provider::AiProvider;
use crate::providers::build_provider_in;
use crate::settings::ProviderSettings;
use crate::{Context, Error};

impl Config {
    /// What a [`ProviderManager`](crate::manager::ProviderManager) is made from. Keys are fetched now, those of
    /// all providers at the same time; one that cannot be had fails the calls to its provider, not the others'.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) for network settings that cannot be used, naming the provider.
    pub async fn manager_config(&self, keys: &KeyReader) -> Result<ManagerConfig, Error> {
        let mut config = ManagerConfig::new().budget(self.budget).breaker(self.breaker.clone());
        let providers = self.providers.iter().map(|entry| provider_config(entry, keys));
        for provider in futures_util::future::join_all(providers).await {
            config = config.provider(provider?);
        }
        for (alias, target) in &self.names.aliases {
            config = config.alias(alias, target);
        }
        for route in &self.names.routes {
            config = config.route(route.route.clone());
        }
        Ok(match self.default_target() {
            Some(target) => config.default_target(target),
            None => config,
        })
    }

    /// The settings of one service with its key, for [`build_provider_in`] and the
    /// context of [`network`](Self::network).
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) for a provider that is not configured, and for a key
    /// that is needed and cannot be had.
    pub async fn settings(&self, provider: &str, keys: &KeyReader) -> Result<ProviderSettings, Error> {
        let entry = self.entry(provider)?;
        if let Source::Program(program) = &entry.source {
            return Ok(program.to_settings());
        }
        let first = fetch(entry, keys).await?.into_iter().next();
        Ok(with_key(entry, first.as_ref()))
    }

    /// The context with the proxies, certificates and times of one provider; the given one if it has none of
    /// its own.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), naming the setting.
    pub fn network(&self, provider: &str, context: &Context) -> Result<Context, Error> {
        Ok(own_network(self.entry(provider)?, context)?.unwrap_or_else(|| context.clone()))
    }
}

async fn provider_config(entry: &ProviderEntry, keys: &KeyReader) -> Result<ProviderConfig, Error> {
    let mut config = match &entry.source {
        Source::Program(program) => ProviderConfig::new(entry.id(), program.to_settings()),
        Source::Service(_) => service_config(entry, keys).await?,
    };
    config = config.limits(entry.limits.clone());
    if let Some(limit) = entry.first_token {
        config = config.first_token_timeout(limit);
    }
    if let Some(limit) = entry.between_tokens {
        config = config.idle_timeout(limit);
    }
    if entry.require_finish_reason {
        config = config.require_finish_reason();
    }
    Ok(config)
}

async fn service_config(entry: &ProviderEntry, reader: &KeyReader) -> Result<ProviderConfig, Error> {
    let keys = match fetch(entry, reader).await {
        Ok(keys) => keys,
        Err(error) => return Ok(ProviderConfig::made_by(entry.id(), move |_| Err(error.clone()))),
    };
    let mut config = ProviderConfig::new(entry.id(), with_key(entry, keys.first()));
    if keys.len() > 1 {
        let mut ring = KeyRing::new(entry.id(), keys, reader.context().clock.clone())?;
        if let Some(path) = &entry.key_state {
            ring = ring.with_state(Arc::new(FileKeyState::new(path)));
        }
        config = config.keys(Arc::new(ring));
    }
    match own_network(entry, reader.context())? {
        Some(context) => Ok(config.in_context(context)),
        None => Ok(config),
    }
}

/// The keys of an entry that can be had.
///
/// # Errors
///
/// When one is needed and none can be had: why the first one cannot.
async fn fetch(entry: &ProviderEntry, reader: &KeyReader) -> Result<Vec<ApiKey>, Error> {
    let fetched = futures_util::future::join_all(entry.keys.iter().map(|key| reader.read(&key.value))).await;
    let mut keys = Vec::new();
    let mut problem = None;
    for outcome in fetched {
        match outcome {
            Ok(key) => keys.push(key),
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    // The usual variable is only looked at; a key that the file names has to be there.
    let is_named = entry.keys.iter().any(|key| key.origin != super::Origin::Default);
    let is_needed = is_named || entry.needs_key;
    match problem {
        Some(error) if keys.is_empty() && is_needed => {
            let message = format!("no key for `{}`: {}", entry.id, error.message());
            Err(error.with_message(message).with_provider(entry.id()))
        }
        _ => Ok(keys),
    }
}

fn with_key(entry: &ProviderEntry, key: Option<&ApiKey>) -> ProviderSettings {
    let mut settings = entry.settings.clone();
    let setting = entry.service().and_then(|facts| facts.key_setting);
    if let (Some(setting), Some(key)) = (setting, key) {
        settings.set(setting, Some(key.expose().into()));
        // Amazon Bedrock has other proofs beside its key, and has to be told.
        if setting == "awsApiKey" {
            settings.set("awsUseApiKey", Some(true.into()));
        }
    }
    settings
}

/// The context of an entry with a network of its own; `None` if it has none.
fn own_network(entry: &ProviderEntry, context: &Context) -> Result<Option<Context>, Error> {
    if !crate::network::is_set(&entry.settings) {
        return Ok(None);
    }
    let transport = Context::system_for(&entry.settings)
        .map_err(|error| {
            let message = format!("provider `{}`: {}", entry.id, error.message());
            error.with_message(message)
        })?
        .transport;
    Ok(Some(Context { transport, ..context.clone() }))
}

/// Builds a provider of a configuration outside of a manager.
impl Config {
    /// One provider by itself: no limits, breakers or further keys.
    ///
    /// # Errors
    ///
    /// As [`settings`](Self::settings), [`network`](Self::network) and
    /// [`build_provider_in`].
    pub async fn build(&self, provider: &str, keys: &KeyReader) -> Result<Arc<dyn AiProvider>, Error> {
        let settings = self.settings(provider, keys).await?;
        build_provider_in(&settings, &self.network(provider, keys.context())?)
    }
}
