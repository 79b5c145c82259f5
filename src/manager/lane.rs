//! A provider of a manager, and what is remembered about each model of it.

use std::sync::{Arc, Mutex, MutexGuard};

use dashmap::DashMap;

use super::breaker::CircuitBreaker;
use super::config::{ProviderConfig, Source};
use super::health::Record;
use super::keys::RotatingProvider;
use super::limiter::LimiterState;
use super::limiter::{AdaptiveRateLimiter, LimiterPermit};
use super::shared_state::SharedState;
use super::telemetry::traffic::Counted;
use crate::context::Context;
use crate::lock::Locked;
use crate::provider::AiProvider;
use crate::providers::build_provider_in;
use crate::registry::{Protocol, ProviderRegistry};
use crate::settings::ProviderSettings;
use crate::{Error, ErrorKind, Text};

/// One provider of a manager, with an instance for each model asked for.
pub(super) struct Entry {
    pub(super) config: ProviderConfig,
    context: Context,
    state: Option<Arc<dyn SharedState>>,
    /// By model; the provider's own choice under the empty name.
    instances: DashMap<String, Instance>,
    /// By the model that is asked in the end.
    lanes: DashMap<Text, Arc<Lane>>,
}

/// A provider with one model.
#[derive(Clone)]
pub(super) struct Instance {
    pub(super) provider: Arc<dyn AiProvider>,
    /// Of a provider with several keys, which keeps to them itself.
    key_limiters: Option<Arc<[AdaptiveRateLimiter]>>,
}

impl Entry {
    pub(super) fn new(
        config: ProviderConfig,
        context: &Context,
        state: Option<Arc<dyn SharedState>>,
    ) -> Self {
        let transport = Arc::new(Counted::new(context.transport.clone()));
        let context = Context { transport, ..context.clone() };
        Self { config, context, state, instances: DashMap::new(), lanes: DashMap::new() }
    }

    /// The provider for a model, made when it is first asked for.
    pub(super) fn instance(&self, model: Option<&str>) -> Result<Instance, Error> {
        let key = model.unwrap_or_default();
        if let Some(known) = self.instances.get(key) {
            return Ok(known.clone());
        }
        let make = || {
            let made = self.make(model)?;
            Ok::<_, Error>(Instance { provider: self.measured(made.provider), ..made })
        };
        Ok(self.instances.entry(key.to_owned()).or_try_insert_with(make)?.clone())
    }

    /// The registry's id of the service, where it is known.
    pub(super) fn service(&self) -> Option<&str> {
        let name = match &self.config.source {
            Source::Settings(settings) => settings.provider()?,
            Source::Ready(provider) => provider.name(),
            Source::Made(_) => return None,
        };
        ProviderRegistry::get(name).map(|facts| facts.id)
    }

    pub(super) fn protocol(&self) -> Protocol {
        let known = self.service().and_then(ProviderRegistry::get).map(|facts| facts.protocol);
        self.config.protocol.or(known).unwrap_or(Protocol::Unknown)
    }

    /// What is remembered about a model; `make` makes it when it is first asked for.
    pub(super) fn lane(&self, model: &Text, make: impl FnOnce() -> Arc<Lane>) -> Arc<Lane> {
        if let Some(lane) = self.lanes.get(model) {
            return lane.clone();
        }
        self.lanes.entry(model.clone()).or_insert_with(make).clone()
    }

    /// What is remembered about all models so far.
    pub(super) fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes.iter().map(|lane| lane.clone()).collect()
    }

    /// Every instance made so far.
    pub(super) fn made(&self) -> Vec<Arc<dyn AiProvider>> {
        self.instances.iter().map(|instance| instance.provider.clone()).collect()
    }

    #[cfg(feature = "metrics")]
    fn measured(&self, provider: Arc<dyn AiProvider>) -> Arc<dyn AiProvider> {
        Arc::new(super::MeasuredProvider::new(provider, self.context.clock.clone()))
    }

    #[cfg(not(feature = "metrics"))]
    #[expect(clippy::unused_self, reason = "measured, it needs a clock")]
    fn measured(&self, provider: Arc<dyn AiProvider>) -> Arc<dyn AiProvider> {
        provider
    }

    fn make(&self, model: Option<&str>) -> Result<Instance, Error> {
        let without_keys = |provider| Instance { provider, key_limiters: None };
        match (&self.config.source, model) {
            (Source::Made(make), model) => make(model).map(without_keys),
            (Source::Ready(provider), None) => Ok(without_keys(provider.clone())),
            (Source::Ready(provider), Some(model)) if provider.model().id == model => {
                Ok(without_keys(provider.clone()))
            }
            (Source::Ready(provider), Some(model)) => Err(Error::configuration(format!(
                "provider `{}` was registered with the model `{}` and cannot change to `{model}`: register \
                 it by its settings",
                self.config.id,
                provider.model().id
            ))),
            (Source::Settings(settings), model) => self.build(settings.clone(), model),
        }
    }

    fn build(&self, mut settings: ProviderSettings, model: Option<&str>) -> Result<Instance, Error> {
        let facts = settings.provider().and_then(ProviderRegistry::get);
        if let Some(model) = model {
            let key = facts.map_or("apiModelId", |facts| facts.model_setting);
            settings.set(key, Some(model.into()));
        }
        let key_setting = facts.and_then(|facts| facts.key_setting);
        let Some((ring, entry)) = self.config.keys.as_ref().zip(key_setting) else {
            let provider = build_provider_in(&settings, &self.context)?;
            return Ok(Instance { provider, key_limiters: None });
        };
        let provider = RotatingProvider::new(&settings, entry, ring.clone(), &self.context)?;
        let name = format!("{}/{}", self.config.id, provider.model().id);
        let provider = provider.with_limits(&name, &self.config.limits, self.state.as_ref());
        let key_limiters = Some(provider.limiters());
        Ok(Instance { provider: Arc::new(provider), key_limiters })
    }
}

impl Instance {
    /// The limits of its calls; `make` makes those of a provider with one key.
    pub(super) fn limits(&self, make: impl FnOnce() -> AdaptiveRateLimiter) -> Limits {
        match &self.key_limiters {
            Some(limiters) => Limits::OfKeys(limiters.clone()),
            None => Limits::OfAll(make()),
        }
    }
}

/// What holds the calls of a model back.
pub(super) enum Limits {
    /// One limiter for all of them.
    OfAll(AdaptiveRateLimiter),
    /// One for each key, where the keys are chosen.
    OfKeys(Arc<[AdaptiveRateLimiter]>),
}

impl Limits {
    /// Permission for a call, unless that depends on the key.
    pub(super) async fn acquire(&self, tokens: u32) -> Result<Option<LimiterPermit>, Error> {
        match self {
            Self::OfAll(limiter) => limiter.acquire(tokens).await.map(Some),
            Self::OfKeys(_) => Ok(None),
        }
    }

    /// What is allowed at the moment, of all keys together.
    pub(super) fn state(&self) -> LimiterState {
        match self {
            Self::OfAll(limiter) => limiter.state(),
            Self::OfKeys(limiters) => LimiterState::sum(limiters.iter().map(AdaptiveRateLimiter::state)),
        }
    }
}

/// What is remembered about one model of one provider.
pub(super) struct Lane {
    pub(super) provider: Text,
    pub(super) model: Text,
    pub(super) breaker: CircuitBreaker,
    pub(super) limits: Limits,
    record: Mutex<Record>,
}

impl Lane {
    pub(super) fn new(provider: Text, model: Text, breaker: CircuitBreaker, limits: Limits) -> Self {
        Self { provider, model, breaker, limits, record: Mutex::default() }
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Record> {
        self.record.locked()
    }

    /// The breaker's refusal as an error.
    pub(super) fn refused(&self, refusal: super::breaker::BreakerOpen) -> Error {
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
