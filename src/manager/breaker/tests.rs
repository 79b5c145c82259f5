//! What a circuit breaker promises.

use tokio::time::advance;

use super::*;

fn breaker() -> CircuitBreaker {
    let config = BreakerConfig { minimum_calls: 4, slow_call: Some(SECOND), ..BreakerConfig::default() };
    CircuitBreaker::new("p/m", config)
}

fn fail(breaker: &CircuitBreaker, kind: ErrorKind) {
    breaker.try_enter().unwrap().failure(&Error::new(kind, "no"));
}

fn succeed(breaker: &CircuitBreaker) {
    breaker.try_enter().unwrap().success();
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn opens_at_the_rate_but_not_below_the_minimum() {
    let breaker = breaker();
    for _ in 0..3 {
        fail(&breaker, ErrorKind::Server);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    fail(&breaker, ErrorKind::Server);
    assert_eq!(breaker.state(), BreakerState::Open);
    assert_eq!(breaker.try_enter().unwrap_err().wait, 15 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn old_samples_leave_the_window() {
    let breaker = breaker();
    for _ in 0..3 {
        fail(&breaker, ErrorKind::Server);
    }
    advance(61 * SECOND).await;
    fail(&breaker, ErrorKind::Server);
    assert_eq!(breaker.state(), BreakerState::Closed);
    for _ in 0..3 {
        advance(10 * SECOND).await;
        succeed(&breaker);
    }
    fail(&breaker, ErrorKind::Server);
    assert_eq!(breaker.state(), BreakerState::Closed, "two of five failed");
    fail(&breaker, ErrorKind::Server);
    assert_eq!(breaker.state(), BreakerState::Open, "three of six");
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_about_health_is_not_counted() {
    let breaker = breaker();
    for kind in [
        ErrorKind::RateLimited,
        ErrorKind::InvalidRequest,
        ErrorKind::Configuration,
        ErrorKind::Unsupported,
        ErrorKind::Authentication,
        ErrorKind::PermissionDenied,
        ErrorKind::NotFound,
    ] {
        for _ in 0..20 {
            fail(&breaker, kind);
        }
    }
    let in_stream = Error::new(ErrorKind::InStream, "slow down").with_status(429);
    for _ in 0..20 {
        breaker.try_enter().unwrap().failure(&in_stream);
        drop(breaker.try_enter().unwrap());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn slow_answers_open_it_and_long_ones_do_not() {
    let breaker = breaker();
    for _ in 0..4 {
        let mut permit = breaker.try_enter().unwrap();
        permit.first_token();
        advance(5 * SECOND).await;
        permit.success();
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    for _ in 0..16 {
        let permit = breaker.try_enter().unwrap();
        advance(2 * SECOND).await;
        permit.success();
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_decides() {
    let breaker = breaker();
    let mut events = breaker.subscribe();
    for _ in 0..4 {
        fail(&breaker, ErrorKind::Connection);
    }
    advance(15 * SECOND).await;
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    let probe = breaker.try_enter().unwrap();
    assert!(breaker.try_enter().is_err());
    drop(probe);
    let limited = breaker.try_enter().unwrap();
    limited.failure(&Error::new(ErrorKind::RateLimited, "429"));
    let mut probe = breaker.try_enter().unwrap();
    probe.first_token();
    assert_eq!(breaker.state(), BreakerState::Closed, "closed before the answer's end");
    succeed(&breaker);
    probe.failure(&Error::new(ErrorKind::Interrupted, "broke off"));
    assert_eq!(breaker.state(), BreakerState::Closed);
    let changes: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).map(|event| event.to).collect();
    assert_eq!(changes, [BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_doubles_the_time_and_a_good_while_resets_it() {
    let breaker = breaker();
    for _ in 0..4 {
        fail(&breaker, ErrorKind::Connection);
    }
    for seconds in [30, 60, 120, 240, 300, 300] {
        advance(300 * SECOND).await;
        fail(&breaker, ErrorKind::Connection);
        assert_eq!(breaker.try_enter().unwrap_err().wait, seconds * SECOND);
    }
    advance(300 * SECOND).await;
    succeed(&breaker);
    advance(61 * SECOND).await;
    for _ in 0..4 {
        fail(&breaker, ErrorKind::Connection);
    }
    assert_eq!(breaker.try_enter().unwrap_err().wait, 15 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn samples_from_before_an_opening_do_not_touch_the_new_state() {
    let breaker = breaker();
    let old: Vec<_> = (0..8).map(|_| breaker.try_enter().unwrap()).collect();
    for _ in 0..4 {
        fail(&breaker, ErrorKind::Connection);
    }
    advance(15 * SECOND).await;
    succeed(&breaker);
    for permit in old {
        permit.failure(&Error::new(ErrorKind::Connection, "reset"));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}
