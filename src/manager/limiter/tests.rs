use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use tokio::time::{advance, sleep};

use super::*;
use crate::clock::TestClock;

fn limiter(config: LimiterConfig) -> AdaptiveRateLimiter {
    AdaptiveRateLimiter::new("p/m", config, Arc::new(TestClock::default()))
}

fn at_once(requests: u32) -> AdaptiveRateLimiter {
    limiter(LimiterConfig { concurrent_requests: Some(requests), ..LimiterConfig::default() })
}

fn headers(lines: &[(&'static str, &'static str)]) -> Headers {
    lines.iter().copied().collect()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_behind_a_limit_of_ten() {
    let config =
        LimiterConfig { concurrent_requests: Some(10), max_wait: 1000 * SECOND, ..LimiterConfig::default() };
    let limiter = limiter(config);
    let (now, most, order) = (AtomicU32::new(0), AtomicU32::new(0), Mutex::new(Vec::new()));
    let calls = (0..1000).map(|number| {
        let (limiter, now, most, order) = (&limiter, &now, &most, &order);
        async move {
            let permit = limiter.acquire(1).await.unwrap();
            order.lock().unwrap().push(number);
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(SECOND).await;
            now.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
        }
    });
    let start = Instant::now();
    futures_util::future::join_all(calls).await;
    assert_eq!(most.into_inner(), 10);
    assert_eq!(start.elapsed().as_secs(), 100, "always ten at work");
    assert_eq!(order.into_inner().unwrap(), (0..1000).collect::<Vec<_>>(), "first come, first served");
    assert_eq!((limiter.state().in_flight, limiter.state().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded_in_time_and_number() {
    let config = LimiterConfig {
        concurrent_requests: Some(1),
        max_queue: 2,
        max_wait: 5 * SECOND,
        ..LimiterConfig::default()
    };
    let limiter = limiter(config);
    let held = limiter.acquire(1).await.unwrap();
    let start = Instant::now();
    let (a, b, c) = tokio::join!(limiter.acquire(1), limiter.acquire(1), limiter.acquire(1));
    for outcome in [a, b, c] {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::RateLimited);
    }
    assert_eq!(start.elapsed(), 5 * SECOND);
    drop(held);
    assert_eq!((limiter.state().in_flight, limiter.state().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_known_to_be_too_long_is_refused_at_once() {
    let limiter = limiter(LimiterConfig::default());
    let refusal = Error::status_error(429, "slow down").with_retry(RetryAdvice::After(300 * SECOND));
    limiter.acquire(1).await.unwrap().failed(&refusal);
    let error = limiter.acquire(1).now_or_never().expect("no wait").unwrap_err();
    assert_eq!(error.retry(), RetryAdvice::After(300 * SECOND));
    assert!(error.message().contains("300.0 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn cancelled_waits_leave_no_trace() {
    let limiter = at_once(1);
    let held = limiter.acquire(1).await.unwrap();
    let mut first = Box::pin(limiter.acquire(1));
    let mut second = Box::pin(limiter.acquire(1));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    assert_eq!(limiter.state().waiting, 2);
    drop(first);
    drop(held);
    let permit = second.await.unwrap();
    assert_eq!((limiter.state().in_flight, limiter.state().waiting), (1, 0));
    drop(permit);
    assert_eq!(limiter.state().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn requests_and_tokens_a_minute() {
    let limiter = limiter(LimiterConfig {
        requests_per_minute: Some(60),
        tokens_per_minute: Some(6000),
        ..LimiterConfig::default()
    });
    let start = Instant::now();
    let mut permit = limiter.acquire(6000).await.unwrap();
    permit.settle_tokens(3000);
    drop(permit);
    drop(limiter.acquire(3000).await.unwrap());
    assert_eq!(start.elapsed(), Duration::ZERO, "what was not used was given back");
    drop(limiter.acquire(600).await.unwrap());
    assert_eq!(start.elapsed().as_secs_f64().round() as u64, 6);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_tokens_takes_no_requests() {
    let limiter = limiter(LimiterConfig {
        requests_per_minute: Some(10),
        tokens_per_minute: Some(600),
        ..LimiterConfig::default()
    });
    drop(limiter.acquire(600).await.unwrap());
    drop(limiter.acquire(10).await.unwrap());
    let start = Instant::now();
    for _ in 0..8 {
        drop(limiter.acquire(0).await.unwrap());
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_shrinks_once_and_success_grows_back() {
    let limiter = limiter(LimiterConfig {
        requests_per_minute: Some(1000),
        concurrent_requests: Some(100),
        ..LimiterConfig::default()
    });
    let mut permits = Vec::new();
    for _ in 0..100 {
        permits.push(limiter.acquire(1).await.unwrap());
    }
    advance(SECOND).await;
    for permit in &mut permits {
        permit.failed(&Error::status_error(429, "slow down"));
    }
    drop(permits);
    let state = limiter.state();
    assert_eq!((state.requests_per_minute, state.concurrent_requests), (Some(500), Some(50)));
    assert_eq!(state.paused, SECOND);
    let start = Instant::now();
    let mut permit = limiter.acquire(1).await.unwrap();
    assert!(start.elapsed() >= SECOND);
    permit.failed(&Error::status_error(529, "overloaded"));
    assert_eq!(limiter.state().paused, 2 * SECOND, "doubled");
    drop(permit);
    for _ in 0..50 {
        let mut permit = limiter.acquire(1).await.unwrap();
        permit.succeeded();
    }
    let state = limiter.state();
    assert_eq!(state.requests_per_minute, Some(1000));
    assert!(state.concurrent_requests > Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_success_amid_a_storm_does_not_make_old_refusals_news() {
    let limiter = limiter(LimiterConfig { requests_per_minute: Some(1000), ..LimiterConfig::default() });
    let mut permits = Vec::new();
    for _ in 0..30 {
        permits.push(limiter.acquire(1).await.unwrap());
    }
    advance(SECOND).await;
    for (number, permit) in permits.iter_mut().enumerate() {
        match number % 3 {
            2 => permit.succeeded(),
            _ => permit.failed(&Error::status_error(429, "slow down")),
        }
        advance(Duration::from_millis(1)).await;
    }
    assert_eq!(limiter.state().requests_per_minute, Some(700), "halved once, grown ten times");
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_does_not_shorten_the_first() {
    let limiter = limiter(LimiterConfig::default());
    let after =
        |seconds: u32| Error::status_error(429, "no").with_retry(RetryAdvice::After(seconds * SECOND));
    let mut first = limiter.acquire(1).await.unwrap();
    let mut second = limiter.acquire(1).await.unwrap();
    first.failed(&after(30));
    second.failed(&after(2));
    assert_eq!(limiter.state().paused, 30 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn limits_are_learned_from_headers() {
    let limiter = limiter(LimiterConfig::default());
    let mut permit = limiter.acquire(1).await.unwrap();
    permit.answered(&headers(&[
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-remaining", "1"),
        ("anthropic-ratelimit-input-tokens-limit", "40000"),
        ("anthropic-ratelimit-output-tokens-limit", "8000"),
    ]));
    let state = limiter.state();
    assert_eq!((state.requests_per_minute, state.tokens_per_minute), (Some(50), Some(40000)));
    let start = Instant::now();
    drop(limiter.acquire(1).await.unwrap());
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(limiter.acquire(1).await.unwrap());
    assert!(start.elapsed() > SECOND, "the service had one left");
}

#[tokio::test(start_paused = true)]
async fn used_up_windows_pause() {
    let limiter = limiter(LimiterConfig::default());
    let mut permit = limiter.acquire(1).await.unwrap();
    permit.answered(&headers(&[
        ("x-ratelimit-limit-requests-day", "14400"),
        ("x-ratelimit-remaining-requests-day", "0"),
        ("x-ratelimit-reset-requests-day", "40.5"),
    ]));
    assert_eq!(limiter.state().paused, Duration::from_millis(40_500));
    assert_eq!(limiter.state().requests_per_minute, None, "a day's limit is no rate");
}

#[tokio::test(start_paused = true)]
async fn the_configured_limit_is_never_exceeded() {
    let limiter = limiter(LimiterConfig { requests_per_minute: Some(20), ..LimiterConfig::default() });
    let mut permit = limiter.acquire(1).await.unwrap();
    permit.answered(&headers(&[("x-ratelimit-limit-requests-minute", "500")]));
    permit.succeeded();
    assert_eq!(limiter.state().requests_per_minute, Some(20));
}
