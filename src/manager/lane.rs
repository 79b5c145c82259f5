//! A provider of a manager, and what is remembered about each model of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;

use super::breaker::CircuitBreaker;
use super::config::{ProviderConfig, Source};
use super::health::Record;
use super::limiter::AdaptiveRateLimiter;
use super::rotating::RotatingProvider;
use crate::context::Context;
use crate::provider::AiProvider;
use crate::providers::build_provider_in;
use crate::registry::{Protocol, ProviderRegistry};
use crate::settings::ProviderSettings;
use crate::{Error, ErrorKind};

/// One provider of a manager, with an instance for each model asked for.
pub(super) struct Entry {
    pub(super) config: ProviderConfig,
    context: Arc<Context>,
    /// By model; the provider's own choice under the empty name.
    instances: DashMap<String, Arc<dyn AiProvider>>,
}

impl Entry {
    pub(super) fn new(config: ProviderConfig, context: Arc<Context>) -> Self {
        Self { config, context, instances: DashMap::new() }
    }

    /// The provider for a model, made when it is first asked for.
    pub(super) fn instance(&self, model: Option<&str>) -> Result<Arc<dyn AiProvider>, Error> {
        let key = model.unwrap_or_default();
        if let Some(known) = self.instances.get(key) {
            return Ok(known.clone());
        }
        let made = self.instances.entry(key.to_owned()).or_try_insert_with(|| self.make(model))?;
        Ok(made.clone())
    }

    pub(super) fn protocol(&self) -> Protocol {
        let of_settings = |settings: &ProviderSettings| {
            ProviderRegistry::get(settings.provider()?).map(|facts| facts.protocol)
        };
        let known = match &self.config.source {
            Source::Settings(settings) => of_settings(settings),
            Source::Ready(provider) => ProviderRegistry::get(provider.name()).map(|facts| facts.protocol),
            Source::Made(_) => None,
        };
        self.config.protocol.or(known).unwrap_or(Protocol::Unknown)
    }

    /// Every instance made so far.
    pub(super) fn made(&self) -> Vec<Arc<dyn AiProvider>> {
        self.instances.iter().map(|instance| instance.clone()).collect()
    }

    fn make(&self, model: Option<&str>) -> Result<Arc<dyn AiProvider>, Error> {
        match (&self.config.source, model) {
            (Source::Made(make), model) => make(model),
            (Source::Ready(provider), None) => Ok(provider.clone()),
            (Source::Ready(provider), Some(model)) if provider.model().id == model => Ok(provider.clone()),
            (Source::Ready(provider), Some(model)) => Err(Error::configuration(format!(
                "provider `{}` was registered with the model `{}` and cannot change to `{model}`: register \
                 it by its settings",
                self.config.id,
                provider.model().id
            ))),
            (Source::Settings(settings), model) => self.build(settings.clone(), model),
        }
    }

    fn build(
        &self,
        mut settings: ProviderSettings,
        model: Option<&str>,
    ) -> Result<Arc<dyn AiProvider>, Error> {
        let facts = settings.provider().and_then(ProviderRegistry::get);
        if let Some(model) = model {
            let key = facts.map_or("apiModelId", |facts| facts.model_setting);
            settings.set(key, Some(model.into()));
        }
        match (&self.config.keys, facts.and_then(|facts| facts.key_setting)) {
            (Some(ring), Some(entry)) => {
                Ok(Arc::new(RotatingProvider::new(&settings, entry, ring.clone(), &self.context)?))
            }
            _ => build_provider_in(&settings, &self.context),
        }
    }
}

/// What is remembered about one model of one provider.
pub(super) struct Lane {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) breaker: CircuitBreaker,
    pub(super) limiter: AdaptiveRateLimiter,
    record: Mutex<Record>,
}

impl Lane {
    pub(super) fn new(
        provider: String,
        model: String,
        breaker: CircuitBreaker,
        limiter: AdaptiveRateLimiter,
    ) -> Self {
        Self { provider, model, breaker, limiter, record: Mutex::default() }
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The breaker's refusal as an error.
    pub(super) fn refused(&self, refusal: super::breaker::OpenUntil) -> Error {
        refusal.into_error(self.breaker.name()).with_provider(self.provider.clone())
    }
}

/// The error of a name that nothing has.
pub(super) fn no_such_target(name: &str, known: &[String]) -> Error {
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    Error::new(
        ErrorKind::Configuration,
        format!("the manager has no provider, alias or route `{name}`: it knows {known}"),
    )
}
