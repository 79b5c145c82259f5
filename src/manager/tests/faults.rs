//! One fault after another.

use super::*;
use crate::registry::Protocol;

#[tokio::test(start_paused = true)]
async fn a_server_error_is_tried_again_then_the_next_provider_answers() {
    let down = Scripted::new("a", []).always(vec![status(500)]);
    let up = Scripted::new("b", []);
    let manager = manager(&[&down, &up]);
    let start = Instant::now();
    let answer = manager.chat(hi()).await.unwrap();
    assert_eq!(answer.text, "hello");
    assert_eq!((down.calls(), up.calls()), (3, 1), "two retries, then on");
    assert!(start.elapsed() < 2 * SECOND, "{:?}", start.elapsed());
    assert_at_rest(&manager, &[&down, &up]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_goes_on_at_once() {
    let busy = Scripted::new("a", []).always(vec![status(429)]);
    let up = Scripted::new("b", []);
    let manager = manager(&[&busy, &up]);
    let start = Instant::now();
    manager.chat(hi()).await.unwrap();
    assert_eq!((busy.calls(), up.calls(), start.elapsed()), (1, 1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_without_headers_is_waited_out() {
    let service = Scripted::new("a", [vec![status(429)], vec![status(429)]]);
    let manager = manager(&[&service]);
    let start = Instant::now();
    manager.chat(hi()).await.unwrap();
    assert_eq!(service.calls(), 3);
    let waited = start.elapsed();
    assert!(waited >= 3 * SECOND && waited < 4 * SECOND, "1 s, then 2 s: {waited:?}");
    assert_eq!(manager.health()[0].breaker, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_a_service_names_holds_for_everybody() {
    let refuse = Fail(ErrorKind::Server, Some(429), RetryAdvice::After(20 * SECOND));
    let service = Scripted::new("a", [vec![refuse]]);
    let manager = manager(&[&service]);
    let start = Instant::now();
    let answers = futures_util::future::join_all((0..50).map(|_| manager.chat(hi()))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(start.elapsed() >= 20 * SECOND && start.elapsed() < 30 * SECOND);
    assert_eq!(service.calls(), 51);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_reason_is_an_error_that_says_how_long() {
    let refuse = Fail(ErrorKind::Server, Some(429), RetryAdvice::After(3600 * SECOND));
    let (a, b) =
        (Scripted::new("a", []).always(vec![refuse.clone()]), Scripted::new("b", []).always(vec![refuse]));
    let manager = manager(&[&a, &b]);
    let start = Instant::now();
    let error = manager.chat(hi()).await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry(), RetryAdvice::After(3600 * SECOND));
    assert!(error.message().starts_with("every provider of `all` failed; the last, b: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_and_a_stall_after_it_have_an_owner() {
    for stall in [vec![Hang], vec![Count(5, 0), Hang], vec![Say(""), Hang]] {
        let (slow, up) = (Scripted::new("a", [stall]), Scripted::new("b", []));
        let manager = manager(&[&slow, &up]);
        manager.replace(slow.config().first_token_timeout(Some(10 * SECOND)));
        let start = Instant::now();
        assert_eq!(manager.chat(hi()).await.unwrap().text, "hello");
        assert_eq!(start.elapsed(), 10 * SECOND);
        assert_eq!((slow.calls(), up.calls()), (1, 1));
        assert_at_rest(&manager, &[&slow, &up]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_before_the_first_token_is_repaired_silently() {
    let service = Scripted::new("a", [vec![Count(5, 0), fail(ErrorKind::Interrupted)]]);
    let manager = manager(&[&service]);
    let answer = manager.chat(hi()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.input_tokens), ("hello", 10), "the first try's is gone");
    assert_eq!(service.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reset_after_the_first_token_is_never_replayed() {
    let broken = vec![Count(7, 0), Say("Hel"), Say("lo"), Count(0, 2), fail(ErrorKind::Interrupted)];
    let a = Scripted::new("a", [broken]);
    let b = Scripted::new("b", []);
    let manager = manager(&[&a, &b]);
    let items: Vec<_> = manager.chat_stream(hi()).await.unwrap().collect().await;
    assert_eq!((a.calls(), b.calls()), (1, 0));
    let (error, tokens) = items.split_last().unwrap();
    assert!(tokens.iter().all(Result::is_ok) && tokens.len() == 4);
    let error = error.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.message(), "the answer of a broke off: Interrupted");
    assert_eq!(error.cause().unwrap().kind(), ErrorKind::Interrupted);
    let partial = error.partial().unwrap();
    assert_eq!(partial.text, "Hello");
    assert_eq!((partial.usage.input_tokens, partial.usage.output_tokens), (7, 2));
    assert_at_rest(&manager, &[&a, &b]);
}

#[tokio::test(start_paused = true)]
async fn an_error_object_in_a_200_stream_counts_as_what_it_is() {
    let overloaded = Fail(ErrorKind::InStream, None, RetryAdvice::Never);
    let a = Scripted::new("a", []).always(vec![Count(1, 0), overloaded]);
    let b = Scripted::new("b", []);
    let manager = manager(&[&a, &b]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "hello");
    assert_eq!((a.calls(), b.calls()), (3, 1));
    assert_eq!(manager.health()[0].failures, 3);
}

#[tokio::test(start_paused = true)]
async fn the_callers_mistake_is_the_callers() {
    let a = Scripted::new("a", []).always(vec![status(400)]);
    let b = Scripted::new("b", []);
    let manager = manager(&[&a, &b]);
    let error = manager.chat(hi()).await.unwrap_err();
    assert_eq!((error.status(), error.message()), (Some(400), "status 400"));
    assert_eq!((a.calls(), b.calls()), (1, 0));
    for refusal in [401, 402, 403, 404, 413] {
        let a = Scripted::new("a", []).always(vec![status(refusal)]);
        let manager = super::manager(&[&a, &b]);
        manager.chat(hi()).await.unwrap();
        assert_eq!(a.calls(), 1, "{refusal} goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_in_mid_stream_ends_it_and_a_slow_reader_does_not() {
    let service = Scripted::new("a", [vec![Say("one"), Wait(299 * SECOND), Say("two"), Hang]]);
    let manager = manager(&[&service]);
    let mut stream = manager.chat_stream(hi()).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    sleep(1000 * SECOND).await;
    assert!(stream.next().await.unwrap().is_ok());
    let start = Instant::now();
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), 300 * SECOND);
    assert_eq!(error.cause().unwrap().kind(), ErrorKind::Timeout);
    assert_eq!(error.partial().unwrap().text, "onetwo");
    assert!(stream.next().await.is_none());
    assert_at_rest(&manager, &[&service]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_is_taken_as_the_reference_does_unless_asked() {
    let service = Scripted::new("a", [vec![Say("cut")], vec![Say("cut")]]);
    let manager = manager(&[&service]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "cut");
    manager.replace(service.config().require_finish_reason());
    assert_eq!(manager.chat(hi()).await.unwrap_err().kind(), ErrorKind::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_polite_nothing_is_no_answer() {
    let a = Scripted::new("a", []).always(vec![]);
    let b = Scripted::new("b", []);
    let manager = manager(&[&a, &b]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "hello");
    assert_eq!(a.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flapping_provider_is_left_alone_and_found_again() {
    let a = Scripted::new("a", []).always(vec![fail(ErrorKind::Connection)]);
    let b = Scripted::new("b", []);
    let manager = manager(&[&a, &b]);
    let mut events = manager.breaker_events();
    for _ in 0..20 {
        manager.chat(hi()).await.unwrap();
    }
    assert!(a.calls() <= 12, "{} calls to a dead provider", a.calls());
    assert_eq!(b.calls(), 20);
    assert_eq!(manager.health()[0].state, HealthState::Unhealthy);
    *a.0.always.lock().unwrap() = None;
    sleep(16 * SECOND).await;
    manager.chat(hi()).await.unwrap();
    assert_eq!((b.calls(), manager.health()[0].state), (20, HealthState::Healthy));
    let states: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).map(|event| event.to).collect();
    assert_eq!(states, [BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_behind_a_limit_of_ten() {
    let service = Scripted::new("a", []).always(vec![Wait(SECOND), Say("x"), Wait(SECOND), Count(1, 1)]);
    let limits =
        LimiterConfig { concurrent_requests: Some(10), max_wait: 500 * SECOND, ..LimiterConfig::default() };
    let manager = manager(&[]);
    manager.register(service.config().limits(limits)).unwrap();
    let manager = manager.target("a");
    let start = Instant::now();
    let calls = (0..1000).map(|_| manager.chat(hi()));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.text == "x")));
    assert_eq!(service.0.most_open.load(Ordering::SeqCst), 10, "the permit lives as long as the stream");
    assert_eq!(start.elapsed(), 200 * SECOND);
    assert_at_rest(&manager, &[&service]);
}

#[tokio::test(start_paused = true)]
async fn cancellation_at_every_point_leaves_nothing_behind() {
    let script = vec![Wait(SECOND), Count(1, 0), Wait(SECOND), Say("a"), Wait(SECOND), Say("b"), Count(0, 1)];
    for tenths in 0..45 {
        let bad = Scripted::new("a", []).always(vec![Wait(SECOND / 2), status(503)]);
        let good = Scripted::new("b", []).always(script.clone());
        let manager = manager(&[&bad, &good]);
        let call = async {
            let mut stream = manager.chat_stream(hi()).await.unwrap();
            while stream.next().await.is_some() {}
        };
        let _ = tokio::time::timeout(Duration::from_millis(100 * tenths), call).await;
        assert_at_rest(&manager, &[&bad, &good]);
        assert!(manager.health().iter().all(|view| view.failures <= 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_in_the_middle_of_a_tool_loop() {
    let a = Scripted::new("a", [vec![Say("I will look.")]]).always(vec![status(503)]);
    let b = Scripted::new("b", []);
    let config = ManagerConfig::new()
        .provider(a.config().speaks(Protocol::Gemini))
        .provider(b.config().speaks(Protocol::Messages))
        .route(Route::ordered("all", ["a", "b"]))
        .default_target("all");
    let manager = ProviderManager::new(config, context()).unwrap();
    manager.chat(hi()).await.unwrap();
    let call = Value::parse(
        r#"{"role":"assistant","content":[{"type":"tool_use","id":"read:1","name":"read","input":{}},{"type":"thoughtSignature","thoughtSignature":"s"}]}"#,
    );
    let result = Value::parse(
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"read:1","content":"text"}]}"#,
    );
    let history = [Message::user("Hi"), Message::from(call.unwrap()), Message::from(result.unwrap())];
    manager.chat(ChatRequest::new("", history.clone())).await.unwrap();
    assert_eq!(a.0.requests.lock().unwrap()[1].messages, history, "its own history is not touched");
    let seen = b.0.requests.lock().unwrap()[0].messages.clone();
    let blocks = seen[1].content().unwrap();
    assert!(blocks.at(1).is_none(), "the foreign signature is gone");
    let id = blocks.at(0).unwrap().get("id").unwrap();
    assert_eq!(Some(id), seen[2].content().unwrap().at(0).unwrap().get("tool_use_id"));
    assert_ne!(id.as_str(), Some("read:1"));
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_attempts_and_time_is_one_for_all() {
    let (a, b) =
        (Scripted::new("a", []).always(vec![status(500)]), Scripted::new("b", []).always(vec![status(500)]));
    let manager = build(&[&a, &b], |config| config.budget(Budget { attempts: 4, ..Budget::default() }));
    let error = manager.chat(hi()).await.unwrap_err();
    assert_eq!((a.calls(), b.calls()), (3, 1));
    assert_eq!(error.status(), Some(500));

    let slow = Scripted::new("a", []).always(vec![Wait(7 * SECOND), status(500)]);
    let budget = Budget { time: Some(10 * SECOND), ..Budget::default() };
    let manager = build(&[&slow], |config| config.budget(budget));
    let start = Instant::now();
    manager.chat(hi()).await.unwrap_err();
    assert_eq!((slow.calls(), start.elapsed()), (2, 10 * SECOND));
    assert_at_rest(&manager, &[&slow]);
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_reported_once() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let a =
        Scripted::new("a", [vec![status(500)], vec![Say("x"), Count(3, 4), fail(ErrorKind::Interrupted)]]);
    let seen = reports.clone();
    let manager = build(&[&a], |config| {
        config.on_attempt(move |report| {
            seen.lock().unwrap().push((report.outcome, report.usage.output_tokens));
        })
    });
    manager.chat(hi()).await.unwrap_err();
    manager.chat(hi()).await.unwrap();
    drop(manager.chat_stream(hi()).await.unwrap());
    let reports = reports.lock().unwrap().clone();
    let expected = [
        (AttemptOutcome::Error, 0),
        (AttemptOutcome::Incomplete, 4),
        (AttemptOutcome::Answer, 2),
        (AttemptOutcome::Dropped, 0),
    ];
    assert_eq!(reports, expected);
}

#[tokio::test(start_paused = true)]
async fn completions_fail_over_too() {
    let a = Scripted::new("a", []).always(vec![status(401)]);
    let b = Scripted::new("b", []);
    let manager = manager(&[&a, &b]);
    assert_eq!(manager.complete(CompletionRequest::new("Hi")).await.unwrap().text, "hello");
    let stream = manager.complete_stream(CompletionRequest::new("Hi")).await.unwrap();
    assert_eq!(ChatResponse::collect(stream).await.unwrap().text, "hello");
    assert_at_rest(&manager, &[&a, &b]);
}
