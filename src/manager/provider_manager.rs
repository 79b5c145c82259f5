//! The manager itself: what is registered, and the trait's methods.

use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;
use futures_core::future::BoxFuture;
use tokio::sync::broadcast;

use super::breaker::{BreakerConfig, BreakerEvent, CircuitBreaker, EVENTS_KEPT};
use super::config::{Budget, ManagerConfig, ProviderConfig};
use super::failover::{Answered, Asked};
use super::health::ProviderHealth;
use super::lane::{Entry, Instance, Lane};
use super::limiter::AdaptiveRateLimiter;
use super::report::Books;
use super::routing::{Needs, Route, RouteExplanation};
use super::shared_state::SharedState;
use super::single_try::SingleTry;
use crate::context::Context;
use crate::json::Value;
use crate::provider::{AiProvider, HealthStatus, ProviderCapabilities};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::stream::{StreamProcessor, TokenStream};
use crate::transport::HttpRequest;
use crate::{Error, ErrorKind, Model};

/// Many providers behind one [`AiProvider`].
///
/// A request goes to the target of the handle that it is made with: the default target, or the one that
/// [`target`](Self::target) names. The entry `route` of [`ChatRequest::metadata`] names another for a single
/// request; it is taken out before anything is sent. A target is a provider's id, `provider/model`, an
/// alias, or a route.
///
/// Handles are cheap to clone and share everything. Nothing runs in the background. Dropping a future or
/// a stream cancels its call, gives back its permits and counts against nobody.
///
/// # Example: a fallback
///
/// ```no_run
/// use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager, Route};
/// use samewire::{AiProvider, ChatRequest, Context, Message, ProviderSettings};
///
/// # async fn run() -> Result<(), samewire::Error> {
/// let groq = ProviderSettings::new("groq").with("groqApiKey", "gsk_...");
/// let xai = ProviderSettings::new("xai").with("xaiApiKey", "xai-...");
/// let config = ManagerConfig::new()
///     .provider(ProviderConfig::new("groq", groq))
///     .provider(ProviderConfig::new("xai", xai))
///     .route(Route::ordered("chat", ["groq", "xai/grok-4"]))
///     .default_target("chat");
/// let manager = ProviderManager::new(config, Context::system())?;
/// let answer = manager.chat(ChatRequest::new("", [Message::user("Hello!")])).await?;
/// println!("{}", answer.text);
/// let grok = manager.target("xai/grok-4").chat(ChatRequest::new("", [Message::user("Hello!")])).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ProviderManager {
    shared: Arc<Shared>,
    target: Arc<str>,
}

pub(super) struct Shared {
    pub(super) context: Arc<Context>,
    single_tries: bool,
    pub(super) providers: DashMap<String, Arc<Entry>>,
    pub(super) routes: Vec<Route>,
    pub(super) aliases: Vec<(String, String)>,
    pub(super) budget: Budget,
    pub(super) breaker: BreakerConfig,
    pub(super) events: broadcast::Sender<BreakerEvent>,
    pub(super) books: Books,
    pub(super) state: Option<Arc<dyn SharedState>>,
}

impl ProviderManager {
    /// A manager. Providers are made when they are first needed; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) for an id with `/` or one that stands there twice, and for
    /// a default target or a route that names what does not exist.
    pub fn new(config: ManagerConfig, mut context: Context) -> Result<Self, Error> {
        let single_tries = !config.keep_sdk_retries;
        if single_tries {
            context.transport = Arc::new(SingleTry::new(context.transport));
        }
        let first = config.providers.first().map(|provider| provider.id.clone());
        let shared = Arc::new(Shared {
            context: Arc::new(context),
            single_tries,
            providers: DashMap::new(),
            routes: config.routes,
            aliases: config.aliases,
            budget: config.budget,
            breaker: config.breaker,
            events: broadcast::channel(EVENTS_KEPT).0,
            books: config.books,
            state: config.state,
        });
        let target = config.default.or(first).unwrap_or_default().into();
        let manager = Self { shared, target };
        for provider in config.providers {
            manager.register(provider)?;
        }
        manager.shared.check(&manager.target)?;
        Ok(manager)
    }

    /// The same manager with another default target. Whether it exists shows when it is used, as providers
    /// come and go.
    #[must_use]
    pub fn target(&self, target: impl Into<Arc<str>>) -> Self {
        Self { shared: self.shared.clone(), target: target.into() }
    }

    /// Adds a provider.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) if the id is taken, empty, or has a `/`.
    pub fn register(&self, provider: ProviderConfig) -> Result<(), Error> {
        if provider.id.is_empty() || provider.id.contains('/') {
            return Err(Error::configuration(format!(
                "`{}` cannot be a provider's id: it must not be empty nor contain `/`",
                provider.id
            )));
        }
        match self.shared.providers.entry(provider.id.clone()) {
            dashmap::Entry::Occupied(_) => {
                Err(Error::configuration(format!("there is a provider `{}` already", provider.id)))
            }
            dashmap::Entry::Vacant(vacant) => {
                vacant.insert(self.shared.new_entry(provider));
                Ok(())
            }
        }
    }

    /// Puts a provider in the place of the one with its id, or adds it. Calls under way end with the old one;
    /// its breakers, limits and figures are forgotten.
    pub fn replace(&self, provider: ProviderConfig) {
        self.shared.providers.insert(provider.id.clone(), self.shared.new_entry(provider));
    }

    /// Removes a provider; false if there is none of that id. Calls under way go on to their end.
    pub fn remove(&self, id: &str) -> bool {
        self.shared.providers.remove(id).is_some()
    }

    /// The ids of all providers, in alphabetical order.
    pub fn provider_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.shared.providers.iter().map(|entry| entry.key().clone()).collect();
        ids.sort_unstable();
        ids
    }

    /// Says where a request would go, in which order, and why; nothing is sent. A route by chance is drawn
    /// anew each time.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) for a target that does not exist.
    pub fn explain_route(&self, request: &ChatRequest) -> Result<RouteExplanation, Error> {
        let target = route_of(request).unwrap_or(&self.target);
        self.shared.explain(target, Needs::of_chat(request))
    }

    /// How every provider is that was used so far, a view for each model, in alphabetical order.
    pub fn health(&self) -> Vec<ProviderHealth> {
        let lanes = self.shared.providers.iter().flat_map(|entry| entry.lanes());
        let mut views: Vec<ProviderHealth> = lanes.map(|lane| lane.view()).collect();
        views.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
        views
    }

    /// Changes of state of every breaker, from now on. A reader that falls 256 events behind loses the oldest.
    pub fn breaker_events(&self) -> broadcast::Receiver<BreakerEvent> {
        self.shared.events.subscribe()
    }

    /// Why limits and breakers could not be shared at the last try; `None` if they were, or if nothing is shared.
    pub fn shared_state_error(&self) -> Option<String> {
        self.shared.state.as_ref()?.last_error()
    }

    /// Every provider with its own choice of model, and the lane of that.
    pub(super) fn default_lanes(&self) -> Vec<(Arc<dyn AiProvider>, Arc<Lane>)> {
        let entries: Vec<Arc<Entry>> = self.shared.providers.iter().map(|entry| entry.clone()).collect();
        let lanes = entries.iter().filter_map(|entry| {
            let instance = entry.instance(None).ok()?;
            let lane = self.shared.lane(entry, &instance);
            Some((instance.provider, lane))
        });
        lanes.collect()
    }

    /// The first provider of the target.
    fn first(&self, needs: Needs) -> Result<Arc<dyn AiProvider>, Error> {
        let plan = self.shared.plan(&self.target, needs)?;
        match plan.candidates.into_iter().next() {
            Some(candidate) => Ok(candidate.provider),
            None => Err(plan.error.unwrap_or_else(|| {
                Error::new(ErrorKind::Unsupported, format!("no provider of `{}` can serve this", self.target))
            })),
        }
    }

    async fn stream(&self, target: &str, asked: Asked<'_>) -> Result<TokenStream, Error> {
        match self.shared.call(target, asked).await? {
            Answered::Stream(stream) => Ok(*stream),
            Answered::Whole(whole) => Ok(TokenStream::of_text(whole.text)),
        }
    }
}

impl Shared {
    fn new_entry(&self, mut provider: ProviderConfig) -> Arc<Entry> {
        let context = match provider.context.take() {
            None => self.context.clone(),
            Some(mut own) => {
                if self.single_tries {
                    own.transport = Arc::new(SingleTry::new(own.transport));
                }
                Arc::new(own)
            }
        };
        Arc::new(Entry::new(provider, &context, self.state.clone()))
    }

    pub(super) fn entry(&self, id: &str) -> Option<Arc<Entry>> {
        self.providers.get(id).map(|entry| entry.clone())
    }

    pub(super) fn lane(&self, entry: &Entry, instance: &Instance) -> Arc<Lane> {
        let (config, model) = (&entry.config, instance.provider.model().id);
        entry.lane(&model, || {
            let provider = config.id.as_str();
            let name: Arc<str> = format!("{provider}/{model}").into();
            let (events, state) = (self.events.clone(), self.state.clone());
            let breaker = CircuitBreaker::with_events(name.clone(), self.breaker.clone(), events, state);
            let limits = instance.limits(|| {
                let (config, clock) = (config.limits.clone(), self.context.clock.clone());
                match &self.state {
                    Some(state) => {
                        let shared_name = name.to_string();
                        AdaptiveRateLimiter::shared(name, config, clock, shared_name, state.clone())
                    }
                    None => AdaptiveRateLimiter::new(name, config, clock),
                }
            });
            Arc::new(Lane::new(provider.into(), model.clone(), breaker, limits))
        })
    }

    /// Every name that a target can begin with.
    pub(super) fn names(&self) -> Vec<String> {
        let providers = self.providers.iter().map(|entry| entry.key().clone());
        let aliases = self.aliases.iter().map(|(alias, _)| alias.clone());
        let routes = self.routes.iter().map(|route| route.name.clone());
        let mut names: Vec<String> = providers.chain(aliases).chain(routes).collect();
        names.sort_unstable();
        names
    }

    fn check(&self, default: &str) -> Result<(), Error> {
        for route in &self.routes {
            self.plan(&route.name, Needs::default())?;
        }
        for (alias, _) in &self.aliases {
            self.plan(alias, Needs::default())?;
        }
        if !default.is_empty() {
            self.plan(default, Needs::default())?;
        }
        Ok(())
    }
}

impl AiProvider for ProviderManager {
    /// The target.
    fn name(&self) -> &str {
        &self.target
    }

    /// The model of the target's first provider; one without a name if there is none.
    fn model(&self) -> Model {
        self.first(Needs::default()).map_or_else(|_| Model::without_info(""), |provider| provider.model())
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.first(Needs::default()).map(|provider| provider.capabilities()).unwrap_or_default()
    }

    /// Resolves with the first token that says something, or with the error that nobody could help.
    fn chat_stream(&self, mut request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            let route = request.metadata.remove(ROUTE);
            let target = route.as_ref().and_then(Value::as_str).unwrap_or(&self.target);
            self.stream(target, Asked::Chat(&request)).await
        })
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async move {
            match self.shared.call(&self.target, Asked::Completion(&request)).await? {
                Answered::Whole(whole) => Ok(whole),
                Answered::Stream(stream) => {
                    let answer = crate::ChatResponse::collect(*stream).await?;
                    Ok(CompletionResponse::from(crate::Text::from(answer.text)))
                }
            }
        })
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move { self.stream(&self.target, Asked::CompletionStream(&request)).await })
    }

    /// The models of the target's first provider.
    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, Error>> {
        Box::pin(async move { self.first(Needs::default())?.list_models().await })
    }

    fn count_tokens<'a>(&'a self, content: &'a [Value]) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move { self.first(Needs::default())?.count_tokens(content).await })
    }

    /// Asks the target's first provider.
    fn health_check(&self) -> BoxFuture<'_, HealthStatus> {
        Box::pin(async move {
            match self.first(Needs::default()) {
                Ok(provider) => provider.health_check().await,
                Err(error) => HealthStatus::Unhealthy(error),
            }
        })
    }

    /// Prepares every provider, all at the same time.
    ///
    /// # Errors
    ///
    /// The first provider's that failed; the others are prepared all the same.
    fn initialize(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let entries: Vec<Arc<Entry>> = self.shared.providers.iter().map(|entry| entry.clone()).collect();
            let all =
                entries.iter().map(|entry| async move { entry.instance(None)?.provider.initialize().await });
            futures_util::future::join_all(all).await.into_iter().collect()
        })
    }

    /// Shuts every provider down that was made; they stay registered.
    fn shutdown(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let made: Vec<_> = self.shared.providers.iter().flat_map(|entry| entry.made()).collect();
            let all = made.iter().map(|provider| provider.shutdown());
            let outcome = futures_util::future::join_all(all).await.into_iter().collect();
            if let Some(state) = &self.shared.state {
                // What could not be kept shows in `shared_state_error`.
                drop(state.flush().await);
            }
            outcome
        })
    }

    /// As the target's first provider that can serve the request.
    fn encode(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.first(Needs::of_chat(request))?.encode(request)
    }

    fn decoder(&self, request: &ChatRequest) -> Result<StreamProcessor, Error> {
        self.first(Needs::of_chat(request))?.decoder(request)
    }
}

impl fmt::Debug for ProviderManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderManager")
            .field("target", &self.target)
            .field("providers", &self.provider_ids())
            .finish_non_exhaustive()
    }
}

fn route_of(request: &ChatRequest) -> Option<&str> {
    request.metadata.get(ROUTE).and_then(Value::as_str)
}

/// The entry of a request's metadata that names its target.
const ROUTE: &str = "route";
