//! Key records in a real Redis server. `scripts/with-redis cargo test --features redis` starts one; where
//! `REDIS_URL` names none, the tests say so and pass over.
#![cfg(feature = "redis")]

use std::sync::Arc;
use std::time::Duration;

use samewire::manager::{ApiKey, Cooldown, KeyEvent, KeyFailure, KeyState, RedisKeyState};

fn state() -> Option<RedisKeyState> {
    let Ok(url) = std::env::var("REDIS_URL") else {
        eprintln!("skipped: REDIS_URL is not set (scripts/with-redis sets it)");
        return None;
    };
    Some(RedisKeyState::new(&url).expect("REDIS_URL is a Redis URL"))
}

fn failed(at: f64) -> KeyEvent {
    KeyEvent::Failed {
        leased_at: at,
        at,
        failure: KeyFailure::RateLimited,
        cooldown: Cooldown { first: Duration::from_secs(60), longest: Duration::from_secs(3600) },
        asked: None,
    }
}

/// A ring of this test alone.
fn ring(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

#[tokio::test]
async fn what_one_machine_records_another_reads() {
    let (Some(here), Some(there)) = (state(), state()) else { return };
    let (ring, key) = (ring("shared"), ApiKey::new("sk-planted"));
    here.record(&ring, &[(key.id().clone(), failed(1000.0))]).await.unwrap();
    let seen = there.load(&ring).await.unwrap();
    assert_eq!(seen[key.id()].failures, 1);
    assert_eq!(seen[key.id()].cooling_until.to_string(), "61000");
    assert!(there.load("another ring").await.unwrap().is_empty());
}

#[tokio::test]
async fn changes_at_the_same_moment_are_all_kept() {
    let Some(state) = state() else { return };
    let (state, ring) = (Arc::new(state), ring("racing"));
    let writers = (0..20).map(|n| {
        let (state, ring) = (state.clone(), ring.clone());
        tokio::spawn(async move {
            let key = ApiKey::new(format!("sk-{n}"));
            state.record(&ring, &[(key.id().clone(), failed(f64::from(n)))]).await.map(drop)
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(state.load(&ring).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_clear_error_without_the_password() {
    let state = RedisKeyState::new("redis://:sk-planted@127.0.0.1:1/").unwrap();
    let error = state.load("ring").await.unwrap_err();
    assert!(error.message().starts_with("Redis cannot be reached"), "{error}");
    assert!(!format!("{error:?} {state:?}").contains("planted"));
    let wrong = RedisKeyState::new("sk-planted://nonsense").unwrap_err();
    assert!(!format!("{wrong:?}").contains("planted"), "{wrong:?}");
}
