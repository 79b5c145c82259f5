//! Limits and breakers in a real Redis server. `scripts/with-redis cargo test --features redis` starts one; where
//! `REDIS_URL` names none, the tests say so and pass over.
#![cfg(feature = "redis")]

use std::time::Duration;

use samewire::manager::{RedisSharedState, Share, SharedEvent, SharedState};

/// The states of two machines.
fn machines() -> Option<[RedisSharedState; 2]> {
    let Ok(url) = std::env::var("REDIS_URL") else {
        eprintln!("skipped: REDIS_URL is not set (scripts/with-redis sets it)");
        return None;
    };
    Some([(); 2].map(|()| RedisSharedState::new(&url).expect("REDIS_URL is a Redis URL")))
}

/// A name of this test alone.
fn name(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

fn share(call: &str, tokens: u32) -> Share {
    Share::new(call, tokens)
}

#[tokio::test]
async fn calls_at_the_same_time_are_counted_over_all_machines() {
    let Some([here, there]) = machines() else { return };
    let limiter = name("calls");
    let of = |call: &str| {
        let mut share = share(call, 1);
        share.concurrent_requests = Some(2);
        share
    };
    assert_eq!(here.take(&limiter, &of("1")).await.unwrap(), None);
    assert_eq!(there.take(&limiter, &of("2")).await.unwrap(), None);
    assert!(there.take(&limiter, &of("3")).await.unwrap().is_some());
    here.tell(SharedEvent::Released { limiter: limiter.clone(), call: "1".into() });
    here.flush().await.unwrap();
    assert_eq!(there.take(&limiter, &of("3")).await.unwrap(), None);
}

#[tokio::test]
async fn a_minutes_worth_is_one_for_all_machines() {
    let Some([here, there]) = machines() else { return };
    let limiter = name("minute");
    let of = |call: &str, tokens| {
        let mut share = share(call, tokens);
        (share.requests_per_minute, share.tokens_per_minute) = (Some(60), Some(1000));
        share
    };
    assert_eq!(here.take(&limiter, &of("1", 900)).await.unwrap(), None);
    let wait = there.take(&limiter, &of("2", 700)).await.unwrap().unwrap();
    assert!((30..=36).contains(&wait.as_secs()), "600 tokens too many at 1000 a minute: {wait:?}");
    here.tell(SharedEvent::Settled { limiter: limiter.clone(), unused: 800.0, tokens_per_minute: 1000 });
    here.flush().await.unwrap();
    assert_eq!(there.take(&limiter, &of("2", 700)).await.unwrap(), None, "what was not used is given back");
    for call in 3..=60 {
        assert_eq!(there.take(&limiter, &of(&call.to_string(), 0)).await.unwrap(), None, "{call}");
    }
    assert!(here.take(&limiter, &of("61", 0)).await.unwrap().is_some(), "60 requests a minute");
}

#[tokio::test]
async fn pauses_and_open_breakers_are_known_everywhere() {
    let Some([here, there]) = machines() else { return };
    let (limiter, breaker) = (name("pause"), name("open"));
    here.tell(SharedEvent::Paused { limiter: limiter.clone(), time: Duration::from_secs(20) });
    here.tell(SharedEvent::Paused { limiter: limiter.clone(), time: Duration::from_secs(2) });
    here.tell(SharedEvent::Opened { breaker: breaker.clone(), time: Duration::from_secs(15) });
    here.flush().await.unwrap();
    let wait = there.take(&limiter, &share("1", 1)).await.unwrap().unwrap();
    assert!((15..=20).contains(&wait.as_secs()), "a shorter pause ends no longer one: {wait:?}");
    assert!(there.open_for(&breaker).await.unwrap().unwrap() <= Duration::from_secs(15));
    there.tell(SharedEvent::Closed { breaker: breaker.clone() });
    there.flush().await.unwrap();
    assert_eq!(here.open_for(&breaker).await.unwrap(), None);
}

#[tokio::test]
async fn one_machine_probes_at_a_time() {
    let Some([here, there]) = machines() else { return };
    let breaker = name("probe");
    assert!(here.try_probe(&breaker).await.unwrap());
    assert!(!there.try_probe(&breaker).await.unwrap());
    here.tell(SharedEvent::ProbeEnded { breaker: breaker.clone() });
    here.flush().await.unwrap();
    assert!(there.try_probe(&breaker).await.unwrap());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_left_alone_and_its_password_stays_secret() {
    let state = RedisSharedState::new("redis://:sk-planted@127.0.0.1:1/").unwrap();
    let error = state.take("a", &share("1", 1)).await.unwrap_err();
    assert!(error.message().starts_with("Redis cannot be reached"), "{error}");
    assert_eq!(state.last_error().as_deref(), Some(error.message()));
    state.tell(SharedEvent::Closed { breaker: "a".into() });
    assert!(state.flush().await.is_err());
    assert!(!format!("{error:?} {state:?}").contains("planted"));
}
