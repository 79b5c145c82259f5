//! What a provider with several keys promises.

use futures_util::StreamExt;

use super::*;
use crate::clock::PausedClock;
use crate::manager::keys::FileKeyState;
use crate::transport::{Exchange, ReplayTransport};
use crate::{ErrorKind, Message};

const GOOD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";

struct Rig {
    replay: Arc<ReplayTransport>,
    provider: RotatingProvider,
}

/// A service that answers in this order, in front of `count` keys.
fn rig(count: usize, exchanges: impl IntoIterator<Item = Exchange>) -> Rig {
    let clock = Arc::new(PausedClock::start());
    let replay = Arc::new(ReplayTransport::new(exchanges));
    let transport: Arc<dyn Transport> = replay.clone();
    // With the reference's retries in between, which must leave refusals alone.
    #[cfg(feature = "http")]
    let transport = crate::layers::standard(transport, clock.clone());
    let context = Context::for_tests(transport, clock.clone());
    let keys = (0..count).map(|n| ApiKey::new(format!("key-{n}")));
    let ring = Arc::new(KeyRing::new("groq", keys, clock).unwrap());
    let provider =
        RotatingProvider::new(&ProviderSettings::new("groq"), "groqApiKey", ring, &context).unwrap();
    Rig { replay, provider }
}

impl Rig {
    async fn ask(&self, task_id: Option<&str>) -> Result<String, Error> {
        let mut request = ChatRequest::new("", [Message::user("hi")]);
        request.task_id = task_id.map(str::to_owned);
        Ok(self.provider.chat(request).await?.text)
    }

    /// The keys that requests carried, in order.
    fn keys(&self) -> Vec<String> {
        let key = |request: &HttpRequest| {
            let value = request.headers.get("authorization").unwrap().as_bytes().to_vec();
            String::from_utf8(value).unwrap().trim_start_matches("Bearer ").to_owned()
        };
        self.replay.requests().iter().map(key).collect()
    }
}

fn good() -> Exchange {
    Exchange::new(200).header("content-type", "text/event-stream").body(GOOD)
}

#[tokio::test(start_paused = true)]
async fn one_key_of_three_is_revoked() {
    let rig = rig(3, [Exchange::new(401).body("{}"), good(), good(), good(), good()]);
    for _ in 0..4 {
        assert_eq!(rig.ask(None).await.unwrap(), "Hello");
    }
    assert_eq!(rig.keys(), ["key-0", "key-1", "key-2", "key-1", "key-2"]);
    assert_eq!(rig.provider.ring().status().iter().filter(|key| key.usable).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_keeps_its_key_and_the_one_that_it_moved_to() {
    let limited = Exchange::new(429).header("retry-after", "5").body("{}");
    let rig = rig(3, [good(), good(), limited, good(), good()]);
    for _ in 0..4 {
        rig.ask(Some("task")).await.unwrap();
        tokio::time::advance(std::time::Duration::from_secs(6)).await;
    }
    let keys = rig.keys();
    assert_eq!((&keys[0], &keys[0]), (&keys[1], &keys[2]));
    assert_ne!(keys[2], keys[3]);
    assert_eq!(keys[3], keys[4], "the first key is usable again, but the cache is with the second");
}

#[tokio::test(start_paused = true)]
async fn all_keys_rest_and_the_call_waits() {
    let limited = |seconds| Exchange::new(429).header("retry-after", seconds).body("{}");
    let rig = rig(2, [limited("20"), limited("30"), good()]);
    let begun = tokio::time::Instant::now();
    assert_eq!(rig.ask(None).await.unwrap(), "Hello");
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(rig.keys(), ["key-0", "key-1", "key-0"]);
}

#[tokio::test(start_paused = true)]
async fn all_keys_rest_for_too_long() {
    let limited = |seconds| Exchange::new(429).header("retry-after", seconds).body("{}");
    let rig = rig(2, [limited("500"), limited("300")]);
    let error = rig.ask(None).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, Some(429)));
    assert_eq!(error.retry(), RetryAdvice::After(std::time::Duration::from_secs(300)));
    let error = rig.ask(None).await.unwrap_err();
    assert_eq!(
        error.message(),
        "all 2 keys of `groq` are cooling down until 2026-01-15T12:05:00Z (in 300 s)"
    );
    assert_eq!(rig.replay.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn waiting_can_be_cancelled() {
    let rig = rig(1, [Exchange::new(429).header("retry-after", "30").body("{}"), good()]);
    let wait = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(wait, rig.ask(None)).await.is_err());
    assert_eq!(rig.ask(None).await.unwrap(), "Hello");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_every_key_is_forbidden_rests_no_key() {
    let rig = rig(3, (0..3).map(|_| Exchange::new(403).body("{}")));
    assert_eq!(rig.ask(None).await.unwrap_err().status(), Some(403));
    assert!(rig.provider.ring().status().iter().all(|key| key.usable));
    assert_eq!(rig.keys(), ["key-0", "key-1", "key-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_alone_is_forbidden_rests() {
    let rig = rig(2, [Exchange::new(403).body("{}"), good()]);
    rig.ask(None).await.unwrap();
    let usable: Vec<bool> = rig.provider.ring().status().iter().map(|key| key.usable).collect();
    assert_eq!(usable, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn other_failures_are_the_callers() {
    let rig = rig(2, [Exchange::new(400).body("{}"), good()]);
    assert_eq!(rig.ask(None).await.unwrap_err().status(), Some(400));
    assert_eq!(rig.replay.left(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_replayed_after_the_first_token() {
    let clock = Arc::new(PausedClock::start());
    let keys = ["a", "b"].map(ApiKey::new);
    let ring = Arc::new(KeyRing::new("own", keys, clock.clone()).unwrap());
    let provider = RotatingProvider::with_builder(ring, clock, |key| {
        let broken = key.expose() == "a";
        Ok(Arc::new(Fake { broken }))
    })
    .unwrap();
    let mut tokens = provider.chat_stream(ChatRequest::default()).await.unwrap();
    assert_eq!(tokens.next().await.unwrap().unwrap().text(), Some("Hel"));
    assert_eq!(tokens.next().await.unwrap().unwrap_err().kind(), ErrorKind::RateLimited);
    assert!(tokens.next().await.is_none());
    assert!(!provider.ring().status()[0].usable);
    assert_eq!(provider.chat(ChatRequest::default()).await.unwrap().text, "whole");
}

#[tokio::test(start_paused = true)]
async fn a_restart_remembers_what_rests() {
    let path = std::env::temp_dir().join(format!("samewire-rotating-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let clock = Arc::new(PausedClock::start());
    let ring = || {
        let keys = ["sk-a", "sk-b"].map(ApiKey::new);
        let ring = KeyRing::new("r", keys, clock.clone()).unwrap();
        Arc::new(ring.with_state(Arc::new(FileKeyState::new(&path))))
    };
    let first = ring();
    first.acquire(None).await.unwrap().failed(&Error::status_error(429, "slow down"));
    first.synchronize().await;
    assert_eq!(first.state_error(), None);
    let second = ring();
    assert_eq!(second.acquire(None).await.unwrap().key().expose(), "sk-b");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(ApiKey::new("sk-a").id().as_str()) && !text.contains("sk-"));
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(path.with_extension("json.lock")).unwrap();
}

struct Fake {
    broken: bool,
}

impl AiProvider for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn model(&self) -> Model {
        Model::without_info("m")
    }

    fn chat_stream(&self, _: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        let limited = Error::status_error(429, "slow down");
        let tokens = if self.broken {
            vec![Ok(StreamToken::Text("Hel".into())), Err(limited)]
        } else {
            vec![Ok(StreamToken::Text("whole".into()))]
        };
        let tokens = TokenStream::from_tokens(futures_util::stream::iter(tokens));
        Box::pin(std::future::ready(Ok(tokens)))
    }

    fn complete(&self, _: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async { Err(Error::configuration("not here")) })
    }
}
