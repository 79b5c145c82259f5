//! Random schedules of faults: whatever happens, each call ends once and nothing is left behind.

use proptest::prelude::*;

use super::*;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Say("x")),
        1 => Just(Say("")),
        2 => (0u64..100, 0u64..100).prop_map(|(input, output)| Count(input, output)),
        2 => (0u64..20_000).prop_map(|ms| Wait(Duration::from_millis(ms))),
        1 => prop_oneof![
            Just(ErrorKind::Connection),
            Just(ErrorKind::Interrupted),
            Just(ErrorKind::InStream),
            Just(ErrorKind::InvalidResponse),
            Just(ErrorKind::Unsupported),
        ].prop_map(fail),
        2 => prop_oneof![Just(400), Just(401), Just(429), Just(500), Just(503), Just(529)].prop_map(status),
        1 => (0u64..100).prop_map(|s| {
            Fail(ErrorKind::Server, Some(429), RetryAdvice::After(Duration::from_secs(s)))
        }),
        1 => Just(Hang),
    ]
}

use proptest::strategy::Strategy;

fn scripts() -> impl Strategy<Value = Vec<Vec<Act>>> {
    prop::collection::vec(prop::collection::vec(act(), 0..6), 0..12)
}

/// What a caller does: waits before it calls, and loses patience after a while.
fn callers() -> impl Strategy<Value = Vec<(u64, Option<u64>)>> {
    prop::collection::vec((0u64..60_000, prop::option::weighted(0.3, 0u64..60_000)), 1..12)
}

#[derive(Debug, PartialEq)]
enum End {
    Answer,
    Incomplete,
    Error,
    GaveUp,
}

async fn call(manager: &ProviderManager, after: u64, patience: Option<u64>, tokens: &AtomicUsize) -> End {
    sleep(Duration::from_millis(after)).await;
    let work = async {
        let mut stream = match manager.chat_stream(hi()).await {
            Ok(stream) => stream,
            Err(error) => {
                assert!(error.partial().is_none());
                return End::Error;
            }
        };
        let mut text = String::new();
        while let Some(item) = stream.next().await {
            match item {
                Ok(token) => {
                    text.push_str(token.text().unwrap_or_default());
                    tokens.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Interrupted);
                    assert_eq!(error.partial().unwrap().text, text, "what arrived is what is carried");
                    assert!(stream.next().await.is_none(), "nothing comes after an error");
                    return End::Incomplete;
                }
            }
        }
        assert!(stream.next().await.is_none());
        End::Answer
    };
    match patience {
        Some(ms) => tokio::time::timeout(Duration::from_millis(ms), work).await.unwrap_or(End::GaveUp),
        None => work.await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_ends_once_and_permits_return(
        a in scripts(),
        b in scripts(),
        callers in callers(),
        concurrent in 1u32..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (a, b) = (Scripted::new("a", a), Scripted::new("b", b));
            let reports: Arc<Mutex<Vec<AttemptOutcome>>> = Arc::default();
            let seen = reports.clone();
            let limits = LimiterConfig { concurrent_requests: Some(concurrent), ..LimiterConfig::default() };
            let config = ManagerConfig::new()
                .provider(a.config().limits(limits.clone()).first_token_timeout(Some(30 * SECOND)))
                .provider(b.config().limits(limits).first_token_timeout(Some(30 * SECOND)))
                .route(Route::ordered("all", ["a", "b"]))
                .default_target("all")
                .on_attempt(move |report| seen.lock().unwrap().push(report.outcome));
            let manager = ProviderManager::new(config, context()).unwrap();
            let tokens = AtomicUsize::new(0);
            let start = Instant::now();
            let calls = callers.iter().map(|(after, patience)| call(&manager, *after, *patience, &tokens));
            let ends = futures_util::future::join_all(calls).await;
            assert!(start.elapsed() < Duration::from_secs(60 + 600 + 6 * 300 + 120), "bounded time");

            assert_at_rest(&manager, &[&a, &b]);
            let reports = reports.lock().unwrap();
            assert_eq!(reports.len(), a.calls() + b.calls(), "each attempt is reported once");
            let count = |outcome| reports.iter().filter(|seen| **seen == outcome).count();
            let ended = |end: &End| ends.iter().filter(|seen| *seen == end).count();
            assert_eq!(count(AttemptOutcome::Answer), ended(&End::Answer), "one billing for one answer");
            assert_eq!(count(AttemptOutcome::Incomplete), ended(&End::Incomplete));
            assert!(count(AttemptOutcome::Dropped) <= ended(&End::GaveUp));
            for view in manager.health() {
                assert!(view.limits.concurrent_requests <= Some(concurrent));
            }
            for service in [&a, &b] {
                assert!(service.0.most_open.load(Ordering::SeqCst) <= concurrent as usize);
            }
        });
    }
}
