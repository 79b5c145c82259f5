//! One provider behind several keys.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::clock::Clock;
use crate::context::Context;
use crate::json::Value;
use crate::manager::failover::LONGEST_STAY;
use crate::manager::keys::ApiKey;
use crate::manager::keys::KeyFailure;
use crate::manager::limiter::LimiterConfig;
use crate::manager::limiter::{AdaptiveRateLimiter, LimiterPermit};
use crate::manager::routing::Needs;
use crate::manager::shared_state::SharedState;
use crate::manager::telemetry::instruments;
use crate::manager::{KeyLease, KeyRing};
use crate::provider::{AiProvider, HealthStatus, ProviderCapabilities};
use crate::providers::build_provider_in;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::settings::ProviderSettings;
use crate::stream::{Observe, StreamProcessor, TokenStream};
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use crate::{Error, GeneratedImage, ImageRequest, Model, RetryAdvice, StreamToken, Usage};

/// A provider that changes its key when the service refuses it (401, 402, 403, 429).
///
/// The keys and their rests are those of a [`KeyRing`]; each key has a provider of its own, built when the
/// key is first used. Rotation ends with the first token that says something: an error after that goes to
/// the reader, and the key rests all the same. So `chat_stream` returns only once that token is there.
///
/// - A 403 counts against a key only if another key gets through: a request that every key is refused for
///   is the request's fault.
/// - The refusals of 401, 402, 403 and 429 are not tried again with the same key, whatever the reference does,
///   unless there is only one.
/// - Other failures go to the caller at once.
///
/// # Example: three keys, one provider
///
/// ```
/// use std::sync::Arc;
/// use samewire::{AiProvider, Context, ProviderSettings};
/// use samewire::manager::{ApiKey, KeyRing};
/// use samewire::manager::RotatingProvider;
///
/// let context = Context::system();
/// let keys = ["gsk_one", "gsk_two", "gsk_three"].map(ApiKey::new);
/// let ring = Arc::new(KeyRing::new("groq", keys, context.clock.clone())?);
/// let provider = RotatingProvider::new(&ProviderSettings::new("groq"), "groqApiKey", ring, &context)?;
/// assert_eq!(provider.name(), "groq");
/// # Ok::<(), samewire::Error>(())
/// ```
pub struct RotatingProvider {
    ring: Arc<KeyRing>,
    clock: Arc<dyn Clock>,
    build: Box<Build>,
    /// By the index of the key.
    providers: Vec<OnceLock<Arc<dyn AiProvider>>>,
    first: Arc<dyn AiProvider>,
    /// By the index of the key; empty without limits.
    limiters: Arc<[AdaptiveRateLimiter]>,
}

type Build = dyn Fn(&ApiKey) -> Result<Arc<dyn AiProvider>, Error> + Send + Sync;

impl RotatingProvider {
    /// The provider of these settings, with the entry `key_entry` (`apiKey`, `openAiApiKey`, ...) replaced by
    /// each key of the ring in turn.
    ///
    /// # Errors
    ///
    /// As [`build_provider_in`](crate::build_provider_in), for the first key; for the others with the call.
    pub fn new(
        settings: &ProviderSettings,
        key_entry: impl Into<String>,
        ring: Arc<KeyRing>,
        context: &Context,
    ) -> Result<Self, Error> {
        let (settings, key_entry, mut context) = (settings.clone(), key_entry.into(), context.clone());
        let clock = context.clock.clone();
        if ring.keys().len() > 1 {
            context.transport = Arc::new(RefusalsAreFinal(context.transport));
        }
        Self::with_builder(ring, clock, move |key| {
            let mut settings = settings.clone();
            settings.set(&key_entry, Some(key.expose().into()));
            build_provider_in(&settings, &context)
        })
    }

    /// Providers that are made in your own way, one for each key.
    ///
    /// # Errors
    ///
    /// The builder's, for the first key.
    pub fn with_builder(
        ring: Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        build: impl Fn(&ApiKey) -> Result<Arc<dyn AiProvider>, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let first = build(&ring.keys()[0])?;
        let providers = ring.keys().iter().map(|_| OnceLock::new()).collect::<Vec<_>>();
        let _ = providers[0].set(first.clone());
        Ok(Self { ring, clock, build: Box::new(build), providers, first, limiters: Arc::new([]) })
    }

    /// The same provider with a rate limiter for each key, all beginning alike. A key without room is passed over
    /// for one that has some; a conversation waits up to three seconds for its own first.
    ///
    /// `name` stands in errors and figures. With a state, each key's limits are shared under that name and the
    /// key's fingerprint.
    #[must_use]
    pub fn with_limits(
        mut self,
        name: &str,
        limits: &LimiterConfig,
        state: Option<&Arc<dyn SharedState>>,
    ) -> Self {
        let limiter = |key: &ApiKey| {
            let (config, clock) = (limits.clone(), self.clock.clone());
            match state {
                Some(state) => {
                    let shared_name = format!("{name}#{}", key.id().as_str());
                    AdaptiveRateLimiter::shared(name, config, clock, shared_name, state.clone())
                }
                None => AdaptiveRateLimiter::new(name, config, clock),
            }
        };
        self.limiters = self.ring.keys().iter().map(limiter).collect();
        self
    }

    /// The limiters of the keys, in their order; empty without limits.
    pub fn limiters(&self) -> Arc<[AdaptiveRateLimiter]> {
        self.limiters.clone()
    }

    /// The keys.
    pub fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    fn provider(&self, index: usize) -> Result<&Arc<dyn AiProvider>, Error> {
        if let Some(provider) = self.providers[index].get() {
            return Ok(provider);
        }
        let built = (self.build)(&self.ring.keys()[index])?;
        Ok(self.providers[index].get_or_init(|| built))
    }

    /// A key and its limiter's permission. `tokens` is `None` for calls that no limit counts.
    async fn enter(
        &self,
        task_id: Option<&str>,
        except: &[usize],
        tokens: Option<u32>,
        deadline: f64,
    ) -> Result<KeyCall, Error> {
        let mut passed_over = except.to_vec();
        let mut soonest: Option<(Duration, KeyLease)> = None;
        loop {
            let until = if soonest.is_none() { deadline } else { self.clock.now() };
            let lease = match (self.ring.acquire_except(task_id, &passed_over, until).await, soonest) {
                (Ok(lease), known) => {
                    soonest = known;
                    lease
                }
                (Err(_), Some((_, lease))) => return self.wait_with(lease, tokens).await,
                (Err(rest), None) => return Err(rest),
            };
            let (Some(tokens), Some(limiter)) = (tokens, self.limiters.get(lease.index())) else {
                return Ok(KeyCall { lease, permit: None, usage: Usage::default() });
            };
            match limiter.acquire_now(tokens).await {
                Ok(permit) => return Ok(KeyCall { lease, permit: Some(permit), usage: Usage::default() }),
                Err(wait) if task_id.is_some() && soonest.is_none() && wait <= LONGEST_STAY => {
                    return self.wait_with(lease, Some(tokens)).await;
                }
                Err(wait) => {
                    passed_over.push(lease.index());
                    if soonest.as_ref().is_none_or(|(known, _)| wait < *known) {
                        soonest = Some((wait, lease));
                    }
                }
            }
        }
    }

    async fn wait_with(&self, lease: KeyLease, tokens: Option<u32>) -> Result<KeyCall, Error> {
        let permit = match (tokens, self.limiters.get(lease.index())) {
            (Some(tokens), Some(limiter)) => Some(limiter.acquire(tokens).await?),
            _ => None,
        };
        Ok(KeyCall { lease, permit, usage: Usage::default() })
    }

    /// Calls with one key after the other until a call ends otherwise than by a refusal of its key.
    async fn rotate<'a, T>(
        &'a self,
        task_id: Option<&str>,
        tokens: Option<u32>,
        call: impl Fn(&'a dyn AiProvider) -> BoxFuture<'a, Result<T, Error>>,
    ) -> Result<(T, KeyCall), Error> {
        let deadline = self.clock.now() + self.ring.rules().longest_wait.as_secs_f64() * 1000.0;
        let mut forbidden: Vec<(KeyLease, Error)> = Vec::new();
        let mut last = None;
        for _ in 0..2 * self.ring.keys().len() {
            let except: Vec<usize> = forbidden.iter().map(|(lease, _)| lease.index()).collect();
            let mut key = match self.enter(task_id, &except, tokens, deadline).await {
                Ok(key) => key,
                Err(rest) => return Err(self.refused(forbidden, last, Some(rest))),
            };
            if let Some(because) = forbidden.last().map(|(_, error)| error).or(last.as_ref()) {
                instruments::retried(self.name(), &self.model().id, because.kind());
            }
            let outcome = call(self.provider(key.lease.index())?.as_ref()).await;
            if let (Err(error), Some(permit)) = (&outcome, &mut key.permit) {
                permit.failed(error);
            }
            let failure = outcome.as_ref().err().and_then(KeyFailure::of_error);
            match (outcome, failure) {
                (Err(error), Some(KeyFailure::Forbidden)) => forbidden.push((key.lease.clone(), error)),
                (Err(error), Some(_)) => {
                    key.lease.failed(&error);
                    last = Some(error);
                }
                (outcome, _) => {
                    for (lease, error) in &forbidden {
                        lease.failed(error);
                    }
                    if outcome.is_ok() {
                        key.succeeded();
                    }
                    self.ring.synchronize().await;
                    return outcome.map(|answer| (answer, key));
                }
            }
        }
        self.ring.synchronize().await;
        Err(self.refused(forbidden, last, None))
    }

    /// What the service said last, with the ring's advice when to come back; the ring's words if no key was
    /// tried.
    fn refused(
        &self,
        mut forbidden: Vec<(KeyLease, Error)>,
        last: Option<Error>,
        rest: Option<Error>,
    ) -> Error {
        let said = last.or_else(|| forbidden.pop().map(|(_, error)| error));
        let advice = rest.as_ref().map(Error::retry).filter(|advice| *advice != RetryAdvice::Never);
        let error = match (said, advice) {
            (Some(said), Some(advice)) => said.with_retry(advice),
            (Some(said), None) => said,
            (None, _) => rest.unwrap_or_else(|| Error::configuration("no key was tried")),
        };
        error.with_provider(self.name())
    }

    async fn open<'a>(
        &'a self,
        task_id: Option<&str>,
        needs: Needs,
        call: impl Fn(&'a dyn AiProvider) -> BoxFuture<'a, Result<TokenStream, Error>>,
    ) -> Result<TokenStream, Error> {
        match self.rotate(task_id, Some(needs.tokens()), call).await {
            Ok((tokens, mut key)) => {
                if let (Some(permit), Some(headers)) = (&mut key.permit, tokens.headers()) {
                    permit.answered(headers);
                }
                Ok(tokens.with_key(key.lease.key().id().clone()).observed(key))
            }
            Err(error) if error.is_announced() => Ok(TokenStream::of_announced(error)),
            Err(error) => Err(error),
        }
    }
}

#[deny(clippy::missing_trait_methods)]
impl AiProvider for RotatingProvider {
    fn name(&self) -> &str {
        self.first.name()
    }

    fn model(&self) -> Model {
        self.first.model()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        self.first.capabilities()
    }

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            let task_id = request.task_id.clone();
            self.open(task_id.as_deref(), Needs::of_chat(&request), |provider| {
                let opening = provider.chat_stream(request.clone());
                Box::pin(async move {
                    let mut stream = opening.await?;
                    stream.start_unless(is_refusal).await?;
                    Ok(stream)
                })
            })
            .await
        })
    }

    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<ChatResponse, Error>> {
        Box::pin(crate::response::whole(self, request))
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async move {
            let tokens = Needs::of_prompt(&request.prompt).tokens();
            let (response, _) =
                self.rotate(None, Some(tokens), |provider| provider.complete(request.clone())).await?;
            Ok(response)
        })
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            self.open(None, Needs::of_prompt(&request.prompt), |provider| {
                let opening = provider.complete_stream(request.clone());
                Box::pin(async move {
                    let mut stream = opening.await?;
                    stream.start_unless(is_refusal).await?;
                    Ok(stream)
                })
            })
            .await
        })
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, Error>> {
        Box::pin(async move {
            let (models, _) = self.rotate(None, None, |provider| provider.list_models()).await?;
            Ok(models)
        })
    }

    fn generate_image(&self, request: ImageRequest) -> BoxFuture<'_, Result<GeneratedImage, Error>> {
        Box::pin(async move {
            let (image, _) =
                self.rotate(None, Some(0), |provider| provider.generate_image(request.clone())).await?;
            Ok(image)
        })
    }

    fn count_tokens<'a>(&'a self, content: &'a [Value]) -> BoxFuture<'a, Result<u64, Error>> {
        self.first.count_tokens(content)
    }

    /// The health of the key whose turn it is.
    fn health_check(&self) -> BoxFuture<'_, HealthStatus> {
        Box::pin(async move {
            let now = self.clock.now();
            let lease = match self.ring.acquire_except(None, &[], now).await {
                Ok(lease) => lease,
                Err(error) => return HealthStatus::Unhealthy(error.with_provider(self.name())),
            };
            match self.provider(lease.index()) {
                Ok(provider) => {
                    let health = provider.health_check().await;
                    if let HealthStatus::Unhealthy(error) = &health {
                        lease.failed(error);
                    }
                    health
                }
                Err(error) => HealthStatus::Unhealthy(error),
            }
        })
    }

    fn initialize(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.ring.synchronize().await;
            self.first.initialize().await
        })
    }

    fn shutdown(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.ring.synchronize().await;
            for provider in self.providers.iter().filter_map(OnceLock::get) {
                provider.shutdown().await?;
            }
            Ok(())
        })
    }

    /// With the conversation's own key, whether it rests or not.
    fn encode(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.provider(self.ring.favourite(request.task_id.as_deref()))?.encode(request)
    }

    fn decoder(&self, request: &ChatRequest) -> Result<StreamProcessor, Error> {
        self.first.decoder(request)
    }
}

impl fmt::Debug for RotatingProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotatingProvider").field("ring", &self.ring).finish_non_exhaustive()
    }
}

fn is_refusal(error: &Error) -> bool {
    KeyFailure::of_error(error).is_some()
}

/// A call with one of the keys; rides in its stream.
struct KeyCall {
    lease: KeyLease,
    permit: Option<LimiterPermit>,
    usage: Usage,
}

impl KeyCall {
    fn succeeded(&mut self) {
        self.lease.succeeded();
        if let Some(permit) = &mut self.permit {
            permit.succeeded();
        }
    }
}

impl Observe for KeyCall {
    fn item(&mut self, item: &Result<StreamToken, Error>) {
        match item {
            Ok(StreamToken::Usage(usage)) => self.usage.add(usage),
            Ok(_) => {}
            // A key that is refused in the middle of an answer rests too.
            Err(error) => {
                self.lease.failed(error);
                if let Some(permit) = &mut self.permit {
                    permit.failed(error);
                }
            }
        }
    }
}

impl Drop for KeyCall {
    fn drop(&mut self) {
        let tokens = self.usage.input_tokens + self.usage.output_tokens;
        if let Some(permit) = self.permit.as_mut().filter(|_| tokens > 0) {
            permit.settle_tokens(tokens);
        }
    }
}

/// Tells the retry layer inside to leave refusals to the ring.
struct RefusalsAreFinal(Arc<dyn Transport>);

impl Transport for RefusalsAreFinal {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        request.options.final_statuses = &[401, 402, 403, 429];
        self.0.send(request)
    }
}

#[cfg(test)]
mod tests;
