//! Where the limits and breakers of several processes meet.

#[cfg(feature = "redis")]
mod redis;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use futures_core::future::BoxFuture;
use tokio::time::Instant;

use crate::Error;
use crate::lock::Locked;

#[cfg(feature = "redis")]
pub use redis::RedisSharedState;

/// What limiters and breakers of one name have in common, in whichever process or machine they are.
///
/// Every process keeps its own limiter and breaker; this adds what the others do. Counts per minute, calls at the
/// same time, the pauses that a service asked for, and open breakers are shared. How far a rate shrinks and grows is
/// each process' own, as all of them see the same headers and refusals.
///
/// A state that cannot be reached holds nobody up: callers go on with what they know themselves.
///
/// # Example: two managers of one program, one limit
///
/// ```
/// use std::sync::Arc;
/// use samewire::manager::{ManagerConfig, MemorySharedState, SharedState};
///
/// let state: Arc<dyn SharedState> = Arc::new(MemorySharedState::default());
/// let (one, other) = (ManagerConfig::new().shared_state(state.clone()), ManagerConfig::new().shared_state(state));
/// # drop((one, other));
/// ```
pub trait SharedState: fmt::Debug + Send + Sync {
    /// Takes a call's share of a limiter, or says how long to wait before asking again, having taken nothing.
    fn take<'a>(
        &'a self,
        limiter: &'a str,
        share: &'a Share,
    ) -> BoxFuture<'a, Result<Option<Duration>, Error>>;

    /// How long a breaker is open still, whoever opened it; `None` if it is not.
    fn open_for<'a>(&'a self, breaker: &'a str) -> BoxFuture<'a, Result<Option<Duration>, Error>>;

    /// Asks to make the call that decides about a breaker; `false` while somebody else makes it.
    fn try_probe<'a>(&'a self, breaker: &'a str) -> BoxFuture<'a, Result<bool, Error>>;

    /// Takes note of what happened. Never blocks and never fails; what cannot be kept is forgotten.
    fn tell(&self, event: SharedEvent);

    /// Waits until everything told is kept.
    fn flush(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Why the state could not be reached at the last try; `None` if it was.
    fn last_error(&self) -> Option<String> {
        None
    }
}

/// What one call wants of a limiter, and the limits as its process knows them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Share {
    /// The call, unlike any other.
    pub call: String,
    /// The tokens that it will take, as a guess.
    pub tokens: u32,
    /// Requests a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute.
    pub tokens_per_minute: Option<u32>,
    /// Calls at the same time.
    pub concurrent_requests: Option<u32>,
}

impl Share {
    /// The share of a call that wants so many tokens, of a limiter without limits.
    pub fn new(call: impl Into<String>, tokens: u32) -> Self {
        Self {
            call: call.into(),
            tokens,
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrent_requests: None,
        }
    }
}

/// What a limiter or a breaker has to tell the others.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SharedEvent {
    /// A call took fewer tokens than its share, or more where `unused` is negative.
    Settled {
        /// The limiter.
        limiter: String,
        /// Tokens.
        unused: f64,
        /// The limit that the share was taken from.
        tokens_per_minute: u32,
    },
    /// A call is over.
    Released {
        /// The limiter.
        limiter: String,
        /// The call's share.
        call: String,
    },
    /// The service wants to be left alone for so long.
    Paused {
        /// The limiter.
        limiter: String,
        /// How long.
        time: Duration,
    },
    /// A breaker opened for so long.
    Opened {
        /// The breaker.
        breaker: String,
        /// How long.
        time: Duration,
    },
    /// A breaker's probe went well.
    Closed {
        /// The breaker.
        breaker: String,
    },
    /// A breaker's probe ended without an outcome.
    ProbeEnded {
        /// The breaker.
        breaker: String,
    },
}

/// How long a call may hold its place before it counts as forgotten by a process that died.
pub(super) const LONGEST_CALL: Duration = Duration::from_secs(900);

/// How long a probe keeps others from probing, unless it ends earlier.
pub(super) const LONGEST_PROBE: Duration = Duration::from_secs(60);

/// How soon to ask again when too many calls are under way elsewhere.
pub(super) const CROWD_POLL: Duration = Duration::from_millis(250);

/// A state for managers of one process. Time is Tokio's.
#[derive(Debug, Default)]
pub struct MemorySharedState(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    limiters: HashMap<String, Limiter>,
    open: HashMap<String, Instant>,
    probes: HashMap<String, Instant>,
}

#[derive(Debug, Default)]
struct Limiter {
    /// When all requests taken so far will have been refilled.
    requests_full: Option<Instant>,
    tokens_full: Option<Instant>,
    paused_until: Option<Instant>,
    calls: BTreeMap<String, Instant>,
}

impl MemorySharedState {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.locked()
    }
}

impl SharedState for MemorySharedState {
    fn take<'a>(
        &'a self,
        limiter: &'a str,
        share: &'a Share,
    ) -> BoxFuture<'a, Result<Option<Duration>, Error>> {
        let wait = self.lock().limiters.entry(limiter.to_owned()).or_default().take(share);
        Box::pin(std::future::ready(Ok(wait)))
    }

    fn open_for<'a>(&'a self, breaker: &'a str) -> BoxFuture<'a, Result<Option<Duration>, Error>> {
        let until = self.lock().open.get(breaker).copied();
        let wait = until.map(|until| until - Instant::now()).filter(|wait| !wait.is_zero());
        Box::pin(std::future::ready(Ok(wait)))
    }

    fn try_probe<'a>(&'a self, breaker: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        let mut known = self.lock();
        let now = Instant::now();
        let is_free = known.probes.get(breaker).is_none_or(|until| *until <= now);
        if is_free {
            known.probes.insert(breaker.to_owned(), now + LONGEST_PROBE);
        }
        Box::pin(std::future::ready(Ok(is_free)))
    }

    fn tell(&self, event: SharedEvent) {
        let mut known = self.lock();
        let now = Instant::now();
        match event {
            SharedEvent::Settled { limiter, unused, tokens_per_minute } => {
                let full = &mut known.limiters.entry(limiter).or_default().tokens_full;
                let time = refill(unused.abs(), tokens_per_minute);
                let known = full.unwrap_or(now).max(now);
                *full = if unused < 0.0 { Some(known + time) } else { known.checked_sub(time) };
            }
            SharedEvent::Released { limiter, call } => {
                known.limiters.entry(limiter).or_default().calls.remove(&call);
            }
            SharedEvent::Paused { limiter, time } => {
                let paused = &mut known.limiters.entry(limiter).or_default().paused_until;
                *paused = (*paused).max(Some(now + time));
            }
            SharedEvent::Opened { breaker, time } => {
                known.probes.remove(&breaker);
                known.open.insert(breaker, now + time);
            }
            SharedEvent::Closed { breaker } => {
                known.open.remove(&breaker);
                known.probes.remove(&breaker);
            }
            SharedEvent::ProbeEnded { breaker } => {
                known.probes.remove(&breaker);
            }
        }
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Limiter {
    fn take(&mut self, share: &Share) -> Option<Duration> {
        let now = Instant::now();
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(until - now);
        }
        self.calls.retain(|_, since| now - *since < LONGEST_CALL);
        if share.concurrent_requests.is_some_and(|most| self.calls.len() >= most.max(1) as usize) {
            return Some(CROWD_POLL);
        }
        // A whole minute's worth may go at once: what is taken now must be refilled within a minute.
        let fill = |full: Option<Instant>, amount: u32, rate: Option<u32>| {
            let Some(rate) = rate else { return Ok(full) };
            let full = full.unwrap_or(now).max(now) + refill(f64::from(amount.min(rate)), rate);
            match (full - now).checked_sub(MINUTE) {
                Some(wait) if !wait.is_zero() => Err(wait),
                _ => Ok(Some(full)),
            }
        };
        let requests = fill(self.requests_full, 1, share.requests_per_minute);
        let tokens = fill(self.tokens_full, share.tokens, share.tokens_per_minute);
        match (requests, tokens) {
            (Ok(requests), Ok(tokens)) => {
                (self.requests_full, self.tokens_full) = (requests, tokens);
                self.calls.insert(share.call.clone(), now);
                None
            }
            (requests, tokens) => requests.err().max(tokens.err()),
        }
    }
}

/// The time in which so much comes back.
fn refill(amount: f64, per_minute: u32) -> Duration {
    MINUTE.mul_f64(amount / f64::from(per_minute.max(1)))
}

const MINUTE: Duration = Duration::from_secs(60);
