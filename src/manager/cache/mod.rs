//! Answers that were given before, kept in memory.

mod flight;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use futures_core::future::BoxFuture;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use self::flight::Flight;
use super::usage::ledger::token_bytes;
use crate::clock::Clock;
use crate::lock::Locked;
use crate::provider::{AiProvider, left_to};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::stream::{StreamSummary, TokenStream};
use crate::{Error, StreamToken};

pub(crate) use flight::FlightReader;

/// The limits of a [`ResponseCache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheRules {
    /// About how many bytes all answers may take together. Default: 64 MiB.
    pub most_bytes: u64,
    /// The longest time that an answer is given again. Default: 1 h.
    pub longest_age: Duration,
}

impl Default for CacheRules {
    fn default() -> Self {
        Self { most_bytes: 64 << 20, longest_age: Duration::from_secs(3600) }
    }
}

/// Answers in memory, for any number of providers. Clones share one cache.
#[derive(Clone)]
pub struct ResponseCache(Arc<Shared>);

struct Shared {
    rules: CacheRules,
    clock: Arc<dyn Clock>,
    answers: Cache<CacheKey, Arc<Answer>>,
    flights: Mutex<HashMap<CacheKey, Weak<Flight>>>,
    hits: AtomicU64,
    joined: AtomicU64,
    misses: AtomicU64,
}

type CacheKey = [u8; 32];

struct Answer {
    tokens: Vec<StreamToken>,
    summary: StreamSummary,
    given_at: f64,
}

/// How often a cache was of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// Calls answered from the cache.
    pub hits: u64,
    /// Calls that joined an identical one on its way.
    pub joined: u64,
    /// Calls that were sent.
    pub misses: u64,
}

impl ResponseCache {
    /// An empty cache.
    pub fn new(rules: CacheRules, clock: Arc<dyn Clock>) -> Self {
        let answers = Cache::builder()
            .max_capacity(rules.most_bytes)
            .weigher(|_, answer: &Arc<Answer>| answer.bytes())
            .time_to_live(rules.longest_age)
            .build();
        Self(Arc::new(Shared {
            rules,
            clock,
            answers,
            flights: Mutex::default(),
            hits: AtomicU64::default(),
            joined: AtomicU64::default(),
            misses: AtomicU64::default(),
        }))
    }

    /// Forgets every answer.
    pub fn clear(&self) {
        self.0.answers.invalidate_all();
    }

    /// How often it was of use so far.
    pub fn statistics(&self) -> CacheStatistics {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStatistics {
            hits: count(&self.0.hits),
            joined: count(&self.0.joined),
            misses: count(&self.0.misses),
        }
    }

    async fn stream(
        &self,
        key: CacheKey,
        ask: impl FnOnce() -> BoxFuture<'static, Result<TokenStream, Error>>,
    ) -> Result<TokenStream, Error> {
        let (reader, joined) = {
            let mut flights = self.0.flights();
            if let Some(answer) = self.0.answer(&key) {
                self.0.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(TokenStream::of_answer(answer.tokens.clone(), answer.summary.clone()));
            }
            let known = flights.get(&key).and_then(Weak::upgrade);
            let joined = known.is_some();
            let flight = known.unwrap_or_else(|| {
                flights.retain(|_, flight| flight.strong_count() > 0);
                let shared = Arc::downgrade(&self.0);
                let flight = Flight::new(ask(), move |outcome| {
                    if let Some(shared) = shared.upgrade() {
                        shared.land(key, outcome);
                    }
                });
                flights.insert(key, Arc::downgrade(&flight));
                flight
            });
            let counter = if joined { &self.0.joined } else { &self.0.misses };
            counter.fetch_add(1, Ordering::Relaxed);
            (flight.reader(), joined)
        };
        Ok(TokenStream::of_flight(reader.open().await?, joined))
    }
}

impl Shared {
    /// The answer, unless it is too old.
    fn answer(&self, key: &CacheKey) -> Option<Arc<Answer>> {
        let answer = self.answers.get(key)?;
        let age = self.clock.now() - answer.given_at;
        (age <= self.rules.longest_age.as_secs_f64() * 1000.0).then_some(answer)
    }

    /// A call has ended; the next one of its kind finds the answer or asks anew.
    fn land(&self, key: CacheKey, answer: Option<(&[StreamToken], &StreamSummary)>) {
        let mut flights = self.flights();
        if let Some((tokens, summary)) = answer {
            let answer = Answer {
                tokens: tokens.iter().map(detached).collect(),
                summary: summary.clone(),
                given_at: self.clock.now(),
            };
            self.answers.insert(key, Arc::new(answer));
        }
        flights.remove(&key);
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<CacheKey, Weak<Flight>>> {
        self.flights.locked()
    }
}

impl Answer {
    fn bytes(&self) -> u32 {
        let tokens: usize =
            self.tokens.iter().map(|token| size_of::<StreamToken>() + token_bytes(token)).sum();
        u32::try_from(tokens + size_of::<Self>()).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for ResponseCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResponseCache").field(&self.statistics()).finish()
    }
}

/// A provider that gives a whole answer again when the same request is made again.
///
/// - Requests are the same when their encoded method, URL and body are; keys, headers and the
///   conversation's id do not count, so callers with different keys share answers. Give each tenant a
///   cache of its own where that must not be.
/// - An answer comes again with the same tokens, and [`TokenStream::is_cached`] says so. Only answers that
///   ended without an error are kept.
/// - Identical requests at the same time are sent once: everybody reads along, and the request is
///   aborted when the last reader goes.
/// - Completions, model lists and providers that cannot [`encode`](AiProvider::encode) are not cached.
///
/// # Example: ask once
///
/// ```
/// use std::sync::Arc;
/// use samewire::manager::{CacheRules, CachedProvider, ResponseCache};
/// use samewire::{AiProvider, Context, ProviderSettings, build_provider_in};
///
/// let context = Context::system();
/// let cache = ResponseCache::new(CacheRules::default(), context.clock.clone());
/// let provider = build_provider_in(&ProviderSettings::new("groq").with("groqApiKey", "gsk"), &context)?;
/// let provider = CachedProvider::new(provider, cache.clone());
/// assert_eq!(cache.statistics().hits, 0);
/// # let _: Arc<dyn AiProvider> = Arc::new(provider);
/// # Ok::<(), samewire::Error>(())
/// ```
pub struct CachedProvider {
    inner: Arc<dyn AiProvider>,
    cache: ResponseCache,
}

impl CachedProvider {
    /// Puts a cache in front of a provider.
    pub fn new(inner: Arc<dyn AiProvider>, cache: ResponseCache) -> Self {
        Self { inner, cache }
    }

    /// `None` for requests that cannot be compared.
    fn key(&self, request: &ChatRequest) -> Option<CacheKey> {
        let http = self.inner.encode(request).ok()?;
        let mut hash = Sha256::new();
        for part in [self.inner.name().as_bytes(), http.method.as_bytes(), &public_url(&http.url), &http.body]
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update([u8::from(request.track_tool_calls)]);
        Some(hash.finalize().into())
    }
}

#[deny(clippy::missing_trait_methods)]
impl AiProvider for CachedProvider {
    left_to!(inner);

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        let Some(key) = self.key(&request) else { return self.inner.chat_stream(request) };
        Box::pin(self.cache.stream(key, || {
            let inner = self.inner.clone();
            Box::pin(async move { inner.chat_stream(request).await })
        }))
    }

    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<ChatResponse, Error>> {
        Box::pin(crate::response::whole(self, request))
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        self.inner.complete(request)
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        self.inner.complete_stream(request)
    }
}

impl fmt::Debug for CachedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedProvider").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// The URL without user, password and the query's keys.
fn public_url(url: &str) -> Vec<u8> {
    let Ok(mut url) = url::Url::parse(url) else { return url.as_bytes().to_vec() };
    let _ = (url.set_username(""), url.set_password(None));
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["key", "token", "secret", "signature"].iter().any(|part| name.contains(part))
    };
    let query: Vec<(String, String)> =
        url.query_pairs().filter(|(name, _)| !is_secret(name)).map(|(n, v)| (n.into(), v.into())).collect();
    url.set_query(None);
    format!("{url}\n{query:?}").into_bytes()
}

/// The token with texts of its own, so that a small answer does not keep large network buffers.
fn detached(token: &StreamToken) -> StreamToken {
    match token {
        StreamToken::Text(text) => StreamToken::Text(text.to_string().into()),
        StreamToken::Reasoning(text) => StreamToken::Reasoning(text.to_string().into()),
        StreamToken::ToolCallPartial(part) => {
            let mut part = part.clone();
            if let Some(arguments) = part.arguments.value() {
                part.arguments = crate::Field::Value(arguments.to_string().into());
            }
            StreamToken::ToolCallPartial(part)
        }
        token => token.clone(),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::clock::PausedClock;
    use crate::context::Context;
    use crate::transport::{Disconnect, Exchange, ReplayTransport};
    use crate::{Message, ProviderSettings, build_provider_in};

    const BODY: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":70,\"completion_tokens\":9}}\n\n"
    );

    struct Rig {
        replay: Arc<ReplayTransport>,
        cache: ResponseCache,
        providers: Vec<CachedProvider>,
    }

    /// Two providers with different keys over one cache.
    fn rig(exchanges: impl IntoIterator<Item = Exchange>) -> Rig {
        let clock = Arc::new(PausedClock::start());
        let exchanges = exchanges.into_iter().map(|one| one.header("content-type", "text/event-stream"));
        let replay = Arc::new(ReplayTransport::new(exchanges));
        let context = Context::for_tests(replay.clone(), clock.clone());
        let cache = ResponseCache::new(CacheRules::default(), clock);
        let provider = |key: &str| {
            let settings = ProviderSettings::new("groq").with("groqApiKey", key);
            CachedProvider::new(build_provider_in(&settings, &context).unwrap(), cache.clone())
        };
        let providers = vec![provider("one"), provider("two")];
        Rig { replay, cache, providers }
    }

    fn request(text: &str) -> ChatRequest {
        ChatRequest::new("", [Message::user(text)])
    }

    async fn tokens(stream: TokenStream) -> Vec<StreamToken> {
        stream.map(Result::unwrap).collect().await
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_request_gets_the_same_tokens() {
        let rig = rig([Exchange::new(200).body(BODY).cut_at([30, 60]), Exchange::new(200).body(BODY)]);
        let mut first = rig.providers[0].chat_stream(request("hi")).await.unwrap();
        let mut given = Vec::new();
        while let Some(token) = first.next().await {
            given.push(token.unwrap());
        }
        let again = rig.providers[1].chat_stream(request("hi")).await.unwrap();
        assert_eq!((first.is_cached(), again.is_cached()), (false, true));
        assert_eq!(again.summary(), first.summary());
        assert_eq!(tokens(again).await, given);
        assert_eq!(rig.replay.requests().len(), 1);
        rig.providers[0].chat(request("ho")).await.unwrap();
        assert_eq!(rig.cache.statistics(), CacheStatistics { hits: 1, joined: 0, misses: 2 });
    }

    #[tokio::test(start_paused = true)]
    async fn old_answers_are_asked_for_again() {
        let rig = rig([Exchange::new(200).body(BODY), Exchange::new(200).body(BODY)]);
        rig.providers[0].chat(request("hi")).await.unwrap();
        tokio::time::advance(Duration::from_secs(3601)).await;
        rig.providers[0].chat(request("hi")).await.unwrap();
        assert_eq!(rig.cache.statistics().misses, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_not_kept() {
        let broken = Exchange::new(200).body(&BODY[..60]).disconnect(Disconnect::Mid);
        let rig = rig([Exchange::new(401).body("{}"), broken, Exchange::new(200).body(BODY)]);
        let provider = &rig.providers[0];
        assert_eq!(provider.chat(request("hi")).await.unwrap_err().status(), Some(401));
        assert!(provider.chat(request("hi")).await.is_err());
        assert_eq!(provider.chat(request("hi")).await.unwrap().text, "Hello");
    }

    #[tokio::test(start_paused = true)]
    async fn identical_requests_fly_once_and_survive_their_first_reader() {
        let rig = rig([Exchange::new(200).body(BODY), Exchange::new(200).body(BODY)]);
        let mut first = rig.providers[0].chat_stream(request("hi")).await.unwrap();
        assert_eq!(first.next().await.unwrap().unwrap().text(), Some("Hel"));
        let second = rig.providers[1].chat_stream(request("hi")).await.unwrap();
        let third = rig.providers[1].chat_stream(request("hi")).await.unwrap();
        drop(first);
        let (second, third) = tokio::join!(tokens(second), tokens(third));
        assert_eq!((second.len(), &second), (3, &third));
        assert_eq!(rig.cache.statistics(), CacheStatistics { hits: 0, joined: 2, misses: 1 });
        let again = rig.providers[0].chat_stream(request("hi")).await.unwrap();
        assert_eq!(tokens(again).await, second);
        assert_eq!(rig.replay.requests().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_without_readers_is_aborted() {
        let rig = rig([Exchange::new(200).body(BODY), Exchange::new(200).body(BODY)]);
        let mut first = rig.providers[0].chat_stream(request("hi")).await.unwrap();
        first.next().await;
        drop(first);
        assert_eq!(rig.providers[0].chat(request("hi")).await.unwrap().text, "Hello");
        assert_eq!(rig.replay.requests().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_readers_are_woken_by_whoever_drives() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let flight = Flight::new(Box::pin(async move { receiver.await.unwrap() }), |_| {});
        let readers: Vec<_> = (0..50).map(|_| tokio::spawn(flight.reader().open())).collect();
        tokio::task::yield_now().await;
        readers[49].abort();
        drop(flight);
        assert!(sender.send(Ok(TokenStream::of_text("x".into()))).is_ok());
        for reader in readers.into_iter().take(49) {
            let stream = TokenStream::of_flight(reader.await.unwrap().unwrap(), true);
            assert_eq!(tokens(stream).await.len(), 1);
        }
    }

    #[test]
    fn keys_in_urls_do_not_count() {
        let same = |a, b| public_url(a) == public_url(b);
        assert!(same("https://h/p?key=1&alt=sse", "https://u:p@h/p?key=2&alt=sse"));
        assert!(!same("https://h/p?alt=sse", "https://h/p?alt=json"));
    }
}
