//! Several managers that share one state, and several keys with a limit each.

use super::*;
use crate::ProviderSettings;
use crate::transport::Exchange;

/// Managers of the same services, as in several processes.
fn fleet<const N: usize>(service: &Scripted, limits: &LimiterConfig) -> [ProviderManager; N] {
    let state: Arc<dyn SharedState> = Arc::new(MemorySharedState::default());
    std::array::from_fn(|_| {
        let manager = build(&[], |_| ManagerConfig::new().shared_state(state.clone()));
        manager.register(service.config().limits(limits.clone())).unwrap();
        manager.target("a")
    })
}

#[tokio::test(start_paused = true)]
async fn a_fleet_keeps_to_one_limit_of_calls_at_the_same_time() {
    let service = Scripted::new("a", []).always(vec![Say("x"), Wait(SECOND), Count(1, 1)]);
    let limits = LimiterConfig { concurrent_requests: Some(4), ..LimiterConfig::default() };
    let fleet: [_; 3] = fleet(&service, &limits);
    let calls = (0..30).map(|n| fleet[n % 3].chat(hi()));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(service.0.most_open.load(Ordering::SeqCst), 4);
    for manager in &fleet {
        assert_at_rest(manager, &[&service]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_keeps_to_one_limit_a_minute() {
    let service = Scripted::new("a", []);
    let limits = LimiterConfig { requests_per_minute: Some(6), ..LimiterConfig::default() };
    let [one, other] = fleet(&service, &limits);
    let start = Instant::now();
    for n in 0..8 {
        (if n % 2 == 0 { &one } else { &other }).chat(hi()).await.unwrap();
    }
    let elapsed = start.elapsed();
    assert!(
        elapsed >= 19 * SECOND && elapsed <= 21 * SECOND,
        "six at once, two more 10 s apart: {elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_one_was_told_holds_for_all() {
    let refuse = Fail(ErrorKind::Server, Some(429), RetryAdvice::After(20 * SECOND));
    let service = Scripted::new("a", [vec![refuse]]);
    let [one, other] = fleet(&service, &LimiterConfig::default());
    let start = Instant::now();
    let refused = async { one.chat(hi()).await.unwrap() };
    let warned = async {
        sleep(SECOND).await;
        other.chat(hi()).await.unwrap();
    };
    tokio::join!(refused, warned);
    assert_eq!(service.calls(), 3, "the other one did not ask during the pause");
    assert!(start.elapsed() >= 20 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_one_opened_is_open_for_all_and_one_probe_decides() {
    let service = Scripted::new("a", []).always(vec![fail(ErrorKind::Connection)]);
    let [one, other] = fleet(&service, &LimiterConfig::default());
    for _ in 0..4 {
        let _ = one.chat(hi()).await;
    }
    assert_eq!(one.health()[0].breaker, BreakerState::Open);
    let asked = service.calls();
    let error = other.chat(hi()).await.unwrap_err();
    assert_eq!((error.kind(), service.calls()), (ErrorKind::Overloaded, asked), "nothing was sent");

    *service.0.always.lock().unwrap() = Some(vec![Wait(2 * SECOND), Say("well again")]);
    sleep(16 * SECOND).await;
    let probe = one.chat(hi());
    let meanwhile = async {
        sleep(SECOND).await;
        assert!(other.chat(hi()).await.is_err(), "one probe at a time");
        assert_eq!(service.calls(), asked + 1);
        sleep(2 * SECOND).await;
        other.chat(hi()).await.unwrap();
    };
    let (probed, ()) = tokio::join!(probe, meanwhile);
    assert_eq!(probed.unwrap().text, "well again");
    assert_eq!(other.health()[0].breaker, BreakerState::Closed);
}

/// Cannot be reached.
#[derive(Debug)]
struct Gone;

impl SharedState for Gone {
    fn take<'a>(
        &'a self,
        _: &'a str,
        _: &'a Share,
    ) -> BoxFuture<'a, Result<Option<std::time::Duration>, Error>> {
        Box::pin(std::future::ready(Err(gone())))
    }

    fn open_for<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<std::time::Duration>, Error>> {
        Box::pin(std::future::ready(Err(gone())))
    }

    fn try_probe<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(std::future::ready(Err(gone())))
    }

    fn tell(&self, _: SharedEvent) {}

    fn flush(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Err(gone())))
    }

    fn last_error(&self) -> Option<String> {
        Some(gone().message().to_owned())
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Connection, "nobody there")
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_reached_holds_nobody_up() {
    let service = Scripted::new("a", vec![vec![fail(ErrorKind::Connection)]; 12]);
    let manager = build(&[&service], |config| config.shared_state(Arc::new(Gone)));
    for _ in 0..4 {
        let _ = manager.chat(hi()).await;
    }
    assert_eq!(manager.health()[0].breaker, BreakerState::Open, "its own breaker works all the same");
    sleep(16 * SECOND).await;
    *service.0.scripts.lock().unwrap() = VecDeque::new();
    assert_eq!(manager.chat(hi()).await.unwrap().text, "hello");
    assert_eq!(manager.shared_state_error().as_deref(), Some("nobody there"));
}

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";

/// A manager of one provider with two keys, and the keys that its requests carried so far.
fn two_keys(limits: LimiterConfig, answers: Vec<Exchange>) -> (ProviderManager, impl Fn() -> Vec<String>) {
    let replay = Arc::new(ReplayTransport::new(answers));
    let clock = Arc::new(PausedClock::start());
    let context = Context::for_tests(replay.clone(), clock.clone());
    let ring = Arc::new(KeyRing::new("groq", ["key-0", "key-1"].map(ApiKey::new), clock).unwrap());
    let provider = ProviderConfig::new("groq", ProviderSettings::new("groq")).keys(ring).limits(limits);
    let manager = ProviderManager::new(ManagerConfig::new().provider(provider), context).unwrap();
    let keys = move || {
        let key = |request: &crate::transport::HttpRequest| {
            let value = request.headers.get("authorization").unwrap().as_bytes().to_vec();
            String::from_utf8(value).unwrap().trim_start_matches("Bearer ").to_owned()
        };
        replay.requests().iter().map(key).collect()
    };
    (manager, keys)
}

fn good() -> Exchange {
    Exchange::new(200).header("content-type", "text/event-stream").body(HELLO)
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own_limit() {
    let limits = LimiterConfig { requests_per_minute: Some(2), ..LimiterConfig::default() };
    let (manager, keys) = two_keys(limits, vec![good(), good(), good(), good(), good()]);
    let start = Instant::now();
    for _ in 0..4 {
        manager.chat(hi()).await.unwrap();
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "two with each key");
    assert_eq!(keys(), ["key-0", "key-1", "key-0", "key-1"]);
    assert_eq!(manager.health()[0].limits.requests_per_minute, Some(4));
    manager.chat(hi()).await.unwrap();
    assert!(start.elapsed() >= 29 * SECOND, "the fifth waits for the first key with room");
    assert_at_rest(&manager, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_leaves_its_key_only_for_a_long_wait() {
    let limits = LimiterConfig { requests_per_minute: Some(60), ..LimiterConfig::default() };
    let answers = vec![good().header("x-ratelimit-remaining-requests-minute", "0"), good()];
    let (manager, keys) = two_keys(limits, answers);
    for _ in 0..2 {
        manager.chat(hi().with_task_id("task")).await.unwrap();
    }
    assert_eq!(keys()[0], keys()[1], "a second's wait is nothing against a cold cache");

    let limits = LimiterConfig { requests_per_minute: Some(1), ..LimiterConfig::default() };
    let (manager, keys) = two_keys(limits, vec![good(), good()]);
    let start = Instant::now();
    for _ in 0..2 {
        manager.chat(hi().with_task_id("task")).await.unwrap();
    }
    assert_ne!(keys()[0], keys()[1], "a minute is");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_shrinks_the_limits_of_its_key_alone() {
    let limits = LimiterConfig { requests_per_minute: Some(100), ..LimiterConfig::default() };
    let refused = Exchange::new(429).header("retry-after", "5").body("{}");
    let (manager, keys) = two_keys(limits, vec![refused, good(), good()]);
    manager.chat(hi()).await.unwrap();
    manager.chat(hi()).await.unwrap();
    assert_eq!(keys(), ["key-0", "key-1", "key-1"]);
    assert_eq!(manager.health()[0].limits.requests_per_minute, Some(50 + 100));
    assert_eq!(manager.health()[0].limits.paused, Duration::ZERO, "the other key is free");
}
