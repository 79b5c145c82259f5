//! What a manager is made from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::BreakerConfig;
use super::keys::KeyRing;
use super::limiter::LimiterConfig;
use super::report::{AttemptReport, Books};
use super::routing::Route;
use super::shared_state::SharedState;
use super::usage::UsageLedger;
use crate::Error;
use crate::context::Context;
use crate::provider::AiProvider;
use crate::registry::Protocol;
use crate::settings::ProviderSettings;

/// What a [`ProviderManager`](super::ProviderManager) is made from: providers, routes between them, and one
/// budget for every call.
///
/// # Example: two providers, the second for when the first is down
///
/// ```
/// use samewire::ProviderSettings;
/// use samewire::manager::{ManagerConfig, ProviderConfig, Route};
///
/// let config = ManagerConfig::new()
///     .provider(ProviderConfig::new("anthropic", ProviderSettings::new("anthropic").with("apiKey", "sk-...")))
///     .provider(ProviderConfig::new("groq", ProviderSettings::new("groq").with("groqApiKey", "gsk_...")))
///     .route(Route::ordered("smart", ["anthropic/claude-sonnet-4-5", "groq"]))
///     .alias("fast", "groq/openai/gpt-oss-120b")
///     .default_target("smart");
/// # drop(config);
/// ```
#[derive(Clone, Default)]
pub struct ManagerConfig {
    pub(super) providers: Vec<ProviderConfig>,
    pub(super) routes: Vec<Route>,
    pub(super) aliases: Vec<(String, String)>,
    pub(super) default: Option<String>,
    pub(super) budget: Budget,
    pub(super) breaker: BreakerConfig,
    pub(super) keep_sdk_retries: bool,
    pub(super) books: Books,
    pub(super) state: Option<Arc<dyn SharedState>>,
}

/// Is told of every attempt once it is over.
pub(super) type Observer = Arc<dyn Fn(&AttemptReport<'_>) + Send + Sync>;

impl ManagerConfig {
    /// No providers, and the defaults of everything else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider. The first is the default target, unless another is named.
    #[must_use]
    pub fn provider(mut self, provider: ProviderConfig) -> Self {
        self.providers.push(provider);
        self
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Adds another name for a target: a provider's id, `provider/model`, or a route.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>, target: impl Into<String>) -> Self {
        self.aliases.push((alias.into(), target.into()));
        self
    }

    /// Where requests go that name no target.
    #[must_use]
    pub fn default_target(mut self, target: impl Into<String>) -> Self {
        self.default = Some(target.into());
        self
    }

    /// How much a call may spend before its first token.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// When breakers open; one for each provider and model.
    #[must_use]
    pub fn breaker(mut self, breaker: BreakerConfig) -> Self {
        self.breaker = breaker;
        self
    }

    /// Lets each attempt be tried again inside, as the reference's SDKs do, before the manager hears of the
    /// failure. Off by default: one owner decides about retries, or they multiply.
    #[must_use]
    pub fn keep_sdk_retries(mut self) -> Self {
        self.keep_sdk_retries = true;
        self
    }

    /// Has every attempt reported once it is over: answered, failed, broken off or dropped. The function must
    /// not block.
    #[must_use]
    pub fn on_attempt(mut self, observer: impl Fn(&AttemptReport<'_>) + Send + Sync + 'static) -> Self {
        self.books.observer = Some(Arc::new(observer));
        self
    }

    /// Shares limits and breakers with other managers, through this state. Cooldowns of keys are shared by
    /// [`KeyRing::with_state`].
    #[must_use]
    pub fn shared_state(mut self, state: Arc<dyn SharedState>) -> Self {
        self.state = Some(state);
        self
    }

    /// Books in this ledger what every attempt used, also those whose answer nobody saw. Its providers are the
    /// manager's.
    #[must_use]
    pub fn ledger(mut self, ledger: UsageLedger) -> Self {
        self.books.ledger = Some(ledger);
        self
    }
}

impl fmt::Debug for ManagerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagerConfig")
            .field("providers", &self.providers)
            .field("routes", &self.routes)
            .field("aliases", &self.aliases)
            .field("default", &self.default)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// One provider of a manager, and how patient to be with it.
///
/// # Example: a local model that may take its time
///
/// ```
/// use samewire::ProviderSettings;
/// use samewire::manager::{LimiterConfig, ProviderConfig};
///
/// let local = ProviderConfig::new("local", ProviderSettings::new("ollama").with("ollamaModelId", "qwen3"))
///     .first_token_timeout(None)
///     .limits(LimiterConfig { concurrent_requests: Some(1), ..LimiterConfig::default() });
/// assert_eq!(local.id(), "local");
/// ```
#[derive(Clone)]
pub struct ProviderConfig {
    pub(super) id: String,
    pub(super) source: Source,
    pub(super) limits: LimiterConfig,
    pub(super) first_token_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) require_finish_reason: bool,
    pub(super) protocol: Option<Protocol>,
    pub(super) keys: Option<Arc<KeyRing>>,
    pub(super) context: Option<Context>,
}

/// Where a provider comes from.
#[derive(Clone)]
pub(super) enum Source {
    Settings(ProviderSettings),
    Ready(Arc<dyn AiProvider>),
    Made(Arc<Make>),
}

pub(super) type Make = dyn Fn(Option<&str>) -> Result<Arc<dyn AiProvider>, Error> + Send + Sync;

impl ProviderConfig {
    /// A provider that is built from settings when it is first needed. The id is the manager's name for it,
    /// so one service can stand there several times; `/` must not occur in it.
    pub fn new(id: impl Into<String>, settings: ProviderSettings) -> Self {
        Self::from_source(id, Source::Settings(settings))
    }

    /// A provider that exists already. Its model is fixed.
    pub fn ready(id: impl Into<String>, provider: Arc<dyn AiProvider>) -> Self {
        Self::from_source(id, Source::Ready(provider))
    }

    /// A provider that a function makes when it is first needed, given the model if the target names one.
    pub fn made_by(
        id: impl Into<String>,
        make: impl Fn(Option<&str>) -> Result<Arc<dyn AiProvider>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self::from_source(id, Source::Made(Arc::new(make)))
    }

    fn from_source(id: impl Into<String>, source: Source) -> Self {
        Self {
            id: id.into(),
            source,
            limits: LimiterConfig::default(),
            first_token_timeout: Some(Duration::from_secs(300)),
            idle_timeout: Some(Duration::from_secs(300)),
            require_finish_reason: false,
            protocol: None,
            keys: None,
            context: None,
        }
    }

    /// The manager's name for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The limits to begin with, for each model, and for each key where there are several.
    #[must_use]
    pub fn limits(mut self, limits: LimiterConfig) -> Self {
        self.limits = limits;
        self
    }

    /// The longest wait from sending to the first token, 300 s unless set; `None` waits for ever. When it is
    /// over the attempt is cancelled, and the next one may begin.
    #[must_use]
    pub fn first_token_timeout(mut self, time: Option<Duration>) -> Self {
        self.first_token_timeout = time;
        self
    }

    /// The longest silence between two tokens, 300 s unless set; `None` waits for ever.
    #[must_use]
    pub fn idle_timeout(mut self, time: Option<Duration>) -> Self {
        self.idle_timeout = time;
        self
    }

    /// Takes an answer that ends without saying why for one that broke off. The reference takes it for
    /// complete, and so do we unless asked.
    #[must_use]
    pub fn require_finish_reason(mut self) -> Self {
        self.require_finish_reason = true;
        self
    }

    /// Several keys in place of the one in the settings: a [`RotatingProvider`](super::RotatingProvider). A key
    /// that is refused rests, and the next one is asked within the same attempt. Of no effect on providers
    /// that are not built from settings, or that know no key.
    #[must_use]
    pub fn keys(mut self, keys: Arc<KeyRing>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Another context than the manager's: for a proxy, certificates or times of its own. Of no effect on
    /// providers that are not built from settings.
    #[must_use]
    pub fn in_context(mut self, context: Context) -> Self {
        self.context = Some(context);
        self
    }

    /// What the provider speaks, which decides how a history is adapted to it. Providers from settings know.
    #[must_use]
    pub fn speaks(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ProviderConfig");
        debug.field("id", &self.id);
        match &self.source {
            Source::Settings(settings) => debug.field("settings", settings),
            Source::Ready(provider) => debug.field("provider", &provider.name()),
            Source::Made(_) => &mut debug,
        };
        debug.finish_non_exhaustive()
    }
}

/// How much one call may spend until its first token, over all providers of its route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Requests sent at most; 8. At least 1.
    pub attempts: u32,
    /// How often one provider is asked again after a failure; 2.
    pub retries: u32,
    /// The time from the call to the first token, waits included; 600 s. `None` is no limit.
    pub time: Option<Duration>,
    /// The longest single wait when every provider asks for one; 60 s. Beyond it the call fails, saying how
    /// long it would have been.
    pub max_wait: Duration,
    /// The first delay before trying again; 0.5 s. It doubles up to 8 s, less a random quarter.
    pub delay: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            attempts: 8,
            retries: 2,
            time: Some(Duration::from_secs(600)),
            max_wait: Duration::from_secs(60),
            delay: Duration::from_millis(500),
        }
    }
}
