//! Several keys for one provider: whose turn it is, which ones rest, and until when.

mod api_key;
#[cfg(feature = "redis")]
mod redis_state;
mod rotating;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sha2::{Digest, Sha256};

use self::state::apply_all;
use crate::auth::sigv4::civil;
use crate::clock::Clock;
use crate::layers::retry_after;
use crate::lock::Locked;
use crate::{Error, RetryAdvice};

pub use api_key::{ApiKey, KeyId, KeyRules};
#[cfg(feature = "redis")]
pub use redis_state::RedisKeyState;
pub use rotating::RotatingProvider;
pub use state::{Cooldown, FileKeyState, KeyEvent, KeyFailure, KeyRecord, KeyState, MemoryKeyState};

/// The keys of one provider (its auth profiles).
///
/// - Requests of one conversation keep their key, so that prompt caches survive, in every process and
///   after a restart: the key follows from the task id. A conversation whose key rests moves to another
///   one and stays there (the ring remembers the latest 4,096 that moved).
/// - Requests without a task id take turns.
/// - A refused key rests ([`KeyRules`]); a wait that the service asked for wins over the ring's own, and no
///   failure or success ends a rest early.
/// - Records live in a [`KeyState`]. If that fails, the ring goes on with what it remembers;
///   [`state_error`](Self::state_error) tells.
///
/// # Example: the second key takes over
///
/// ```
/// use std::sync::Arc;
/// use samewire::{Error, clock::SystemClock};
/// use samewire::manager::{ApiKey, KeyRing};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let keys = ["sk-one", "sk-two"].map(ApiKey::new);
/// let ring = Arc::new(KeyRing::new("groq", keys, Arc::new(SystemClock))?);
/// let lease = ring.acquire(Some("task-1")).await?;
/// lease.failed(&Error::status_error(401, "revoked"));
/// let other = ring.acquire(Some("task-1")).await?;
/// assert_ne!(lease.key().id(), other.key().id());
/// other.succeeded();
/// # Ok::<(), samewire::Error>(()) }).unwrap();
/// ```
pub struct KeyRing {
    name: String,
    keys: Vec<ApiKey>,
    rules: KeyRules,
    state: Arc<dyn KeyState>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    /// One exchange with the state at a time.
    exchange: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Memory {
    records: BTreeMap<KeyId, KeyRecord>,
    /// Applied to `records`, not yet to the state.
    unsaved: Vec<(KeyId, KeyEvent)>,
    turn: usize,
    moved: BTreeMap<String, Moved>,
    state_error: Option<String>,
}

struct Moved {
    key: usize,
    used_at: f64,
}

/// One key and how it fares.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KeyStatus {
    /// The key's fingerprint.
    pub id: KeyId,
    /// Whether it may be used now.
    pub usable: bool,
    /// Its record; an empty one for a key without a history.
    pub record: KeyRecord,
}

/// A key given out for one request. Say how it went with [`succeeded`](Self::succeeded) or
/// [`failed`](Self::failed); a lease dropped without a word says nothing about its key.
#[derive(Clone)]
pub struct KeyLease {
    ring: Arc<KeyRing>,
    index: usize,
    leased_at: f64,
}

enum Choice {
    Key(usize),
    Wait { until: f64, failure: Option<KeyFailure> },
    Nothing,
}

impl KeyRing {
    /// A ring with the default rules whose records live in memory. Keys that stand twice count once.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) without any key, and for an empty one.
    pub fn new(
        name: impl Into<String>,
        keys: impl IntoIterator<Item = ApiKey>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let name = name.into();
        let mut unique: Vec<ApiKey> = Vec::new();
        for key in keys {
            if key.expose().is_empty() {
                return Err(Error::configuration(format!("key ring `{name}` has an empty key")));
            }
            if !unique.contains(&key) {
                unique.push(key);
            }
        }
        if unique.is_empty() {
            return Err(Error::configuration(format!("key ring `{name}` has no keys")));
        }
        Ok(Self {
            name,
            keys: unique,
            rules: KeyRules::default(),
            state: Arc::new(MemoryKeyState::default()),
            clock,
            memory: Mutex::default(),
            exchange: tokio::sync::Mutex::default(),
        })
    }

    /// The same ring with other rules.
    #[must_use]
    pub fn with_rules(mut self, rules: KeyRules) -> Self {
        self.rules = rules;
        self
    }

    /// The same ring with its records elsewhere, to be shared under the ring's name.
    #[must_use]
    pub fn with_state(mut self, state: Arc<dyn KeyState>) -> Self {
        self.state = state;
        self
    }

    /// The ring's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it treats its keys.
    pub fn rules(&self) -> &KeyRules {
        &self.rules
    }

    /// The keys in their order.
    pub fn keys(&self) -> &[ApiKey] {
        &self.keys
    }

    /// Gives out a key: the conversation's own, or the next one for requests without a task id. Waits
    /// while all keys rest, [`KeyRules::longest_wait`] at most. Dropping the future ends the wait.
    ///
    /// # Errors
    ///
    /// When no key will be usable in time: the message names the time, [`Error::retry`] the wait, and the
    /// kind is that of the failure that the first key to come back rests for.
    pub async fn acquire(self: &Arc<Self>, task_id: Option<&str>) -> Result<KeyLease, Error> {
        let deadline = self.clock.now() + self.rules.longest_wait.as_secs_f64() * 1000.0;
        self.acquire_except(task_id, &[], deadline).await
    }

    /// As [`acquire`](Self::acquire), never one of `except`, and with a wait that ends at `deadline`.
    pub(super) async fn acquire_except(
        self: &Arc<Self>,
        task_id: Option<&str>,
        except: &[usize],
        deadline: f64,
    ) -> Result<KeyLease, Error> {
        loop {
            self.synchronize().await;
            let now = self.clock.now();
            match self.choose(task_id, except, now) {
                Choice::Key(index) => {
                    return Ok(KeyLease { ring: self.clone(), index, leased_at: now });
                }
                Choice::Wait { until, failure } if until > deadline => {
                    return Err(self.all_rest(until, now, failure));
                }
                Choice::Wait { until, .. } => self.clock.sleep(milliseconds(until - now)).await,
                Choice::Nothing => {
                    return Err(Error::configuration(format!("every key of `{}` was refused", self.name)));
                }
            }
        }
    }

    /// The key that [`acquire`](Self::acquire) would give to this conversation if no key rested.
    pub(super) fn favourite(&self, task_id: Option<&str>) -> usize {
        let Some(task_id) = task_id else { return 0 };
        let weight = |index: &usize| {
            let id = self.keys[*index].id().as_str();
            Sha256::new().chain_update(task_id).chain_update("\0").chain_update(id).finalize()
        };
        (0..self.keys.len()).max_by_key(weight).unwrap_or_default()
    }

    /// Every key and how it fares, as far as this process knows.
    pub fn status(&self) -> Vec<KeyStatus> {
        let now = self.clock.now();
        let memory = self.memory();
        let status = |key: &ApiKey| {
            let record = memory.records.get(key.id()).cloned().unwrap_or_default();
            KeyStatus { id: key.id().clone(), usable: record.cooling_until <= now, record }
        };
        self.keys.iter().map(status).collect()
    }

    /// Forgets the failures of a key, when it has got new credit or rights.
    pub fn reset(&self, id: &KeyId) {
        self.note(id, KeyEvent::Reset);
    }

    /// Why the records could not be shared at the last try; `None` if they were.
    pub fn state_error(&self) -> Option<String> {
        self.memory().state_error.clone()
    }

    /// Writes what happened to the state and reads what happened elsewhere. [`acquire`](Self::acquire) does
    /// so itself; call it before the process ends.
    pub async fn synchronize(&self) {
        let _one = self.exchange.lock().await;
        let unsaved = self.memory().unsaved.clone();
        let outcome = if unsaved.is_empty() {
            self.state.load(&self.name).await
        } else {
            self.state.record(&self.name, &unsaved).await
        };
        let mut memory = self.memory();
        match outcome {
            Ok(records) => {
                memory.state_error = None;
                // What came in during the wait stands behind what was written.
                memory.unsaved.drain(..unsaved.len());
                let Memory { records: known, unsaved, .. } = &mut *memory;
                *known = records;
                apply_all(known, unsaved);
            }
            Err(error) => {
                memory.state_error = Some(error.message().to_owned());
                let excess = memory.unsaved.len().saturating_sub(MOST_UNSAVED);
                memory.unsaved.drain(..excess);
            }
        }
    }

    fn note(&self, id: &KeyId, event: KeyEvent) {
        let mut memory = self.memory();
        let record = memory.records.entry(id.clone()).or_default();
        if record.cares(&event) {
            record.apply(event);
            memory.unsaved.push((id.clone(), event));
        }
    }

    fn choose(&self, task_id: Option<&str>, except: &[usize], now: f64) -> Choice {
        let mut memory = self.memory();
        let rests_until = |memory: &Memory, index: usize| {
            memory.records.get(self.keys[index].id()).map_or(0.0, |record| record.cooling_until)
        };
        let usable =
            |memory: &Memory, index: usize| !except.contains(&index) && rests_until(memory, index) <= now;
        let favourite = self.favourite(task_id);
        if let Some(task_id) = task_id {
            let moved = memory.moved.get(task_id).map(|moved| moved.key);
            for index in moved.into_iter().chain([favourite]) {
                if usable(&memory, index) {
                    if moved == Some(index) {
                        memory.remember(task_id, index, now);
                    }
                    return Choice::Key(index);
                }
            }
        }
        let count = self.keys.len();
        let turn = memory.turn;
        if let Some(index) = (turn..turn + count).map(|at| at % count).find(|at| usable(&memory, *at)) {
            memory.turn = (index + 1) % count;
            if let Some(task_id) = task_id {
                memory.remember(task_id, index, now);
            }
            return Choice::Key(index);
        }
        let soonest = (0..count)
            .filter(|index| !except.contains(index))
            .min_by(|a, b| rests_until(&memory, *a).total_cmp(&rests_until(&memory, *b)));
        soonest.map_or(Choice::Nothing, |index| Choice::Wait {
            until: rests_until(&memory, index),
            failure: memory.records.get(self.keys[index].id()).and_then(|record| record.failure),
        })
    }

    fn all_rest(&self, until: f64, now: f64, failure: Option<KeyFailure>) -> Error {
        let wait = milliseconds(until - now);
        let failure = failure.unwrap_or(KeyFailure::RateLimited);
        let message = format!(
            "all {} keys of `{}` are cooling down until {} (in {} s)",
            self.keys.len(),
            self.name,
            iso_time(until),
            wait.as_secs_f64().ceil()
        );
        Error::new(failure.kind(), message).with_retry(RetryAdvice::After(wait))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.locked()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Memory {
    fn remember(&mut self, task_id: &str, key: usize, used_at: f64) {
        self.moved.insert(task_id.to_owned(), Moved { key, used_at });
        if self.moved.len() > MOST_MOVED {
            let oldest = self.moved.iter().min_by(|(_, a), (_, b)| a.used_at.total_cmp(&b.used_at));
            if let Some(oldest) = oldest.map(|(task_id, _)| task_id.clone()) {
                self.moved.remove(&oldest);
            }
        }
    }
}

impl KeyLease {
    /// The key.
    pub fn key(&self) -> &ApiKey {
        &self.ring.keys[self.index]
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// The request was answered.
    pub fn succeeded(&self) {
        self.ring.note(self.key().id(), KeyEvent::Succeeded { leased_at: self.leased_at });
    }

    /// The request failed. Errors that are not the key's fault are ignored; see [`KeyFailure::of_error`].
    pub fn failed(&self, error: &Error) {
        let Some(failure) = KeyFailure::of_error(error) else { return };
        let at = self.ring.clock.now();
        let asked = match error.retry() {
            RetryAdvice::After(wait) => Some(wait),
            _ => retry_after(error.headers(), at),
        };
        let cooldown = match failure {
            KeyFailure::RateLimited => self.ring.rules.rate_limited,
            _ => self.ring.rules.refused,
        };
        let asked = asked.map(|wait| wait.as_secs_f64() * 1000.0);
        let event = KeyEvent::Failed { leased_at: self.leased_at, at, failure, cooldown, asked };
        self.ring.note(self.key().id(), event);
    }
}

impl fmt::Debug for KeyLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLease").field("key", self.key()).finish_non_exhaustive()
    }
}

/// At least a millisecond, so that nobody waits in a busy loop.
fn milliseconds(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms.ceil().max(1.0) / 1000.0).unwrap_or(Duration::MAX)
}

/// RFC 3339 in UTC, to the second.
fn iso_time(ms: f64) -> String {
    let seconds = (ms / 1000.0).ceil() as i64;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

/// More events than this are not kept while the state is out of reach.
const MOST_UNSAVED: usize = 1024;

/// More conversations than this are not remembered after they moved; the longest unused goes.
const MOST_MOVED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::clock::PausedClock;

    fn ring(count: usize) -> Arc<KeyRing> {
        let keys = (0..count).map(|n| ApiKey::new(format!("sk-{n}")));
        Arc::new(KeyRing::new("r", keys, Arc::new(PausedClock::start())).unwrap())
    }

    #[test]
    fn fingerprints_are_stable_and_debug_shows_nothing_else() {
        let key = ApiKey::new("sk-secret");
        assert_eq!(key.id().as_str(), "24a81e90b30f4095");
        assert_eq!(format!("{key:?}"), "ApiKey(24a81e90b30f4095)");
    }

    #[tokio::test(start_paused = true)]
    async fn rings_refuse_what_is_no_key() {
        let clock = Arc::new(PausedClock::start());
        assert!(KeyRing::new("r", [], clock.clone()).is_err());
        assert!(KeyRing::new("r", [ApiKey::new("")], clock.clone()).is_err());
        let same = KeyRing::new("r", [ApiKey::new("a"), ApiKey::new("a")], clock).unwrap();
        assert_eq!(same.keys().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn conversations_spread_over_the_keys_and_stay() {
        let (ring, again) = (ring(3), ring(3));
        let mut counts = [0; 3];
        for n in 0..300 {
            let task = format!("task-{n}");
            let index = ring.acquire(Some(&task)).await.unwrap().index();
            assert_eq!(index, again.acquire(Some(&task)).await.unwrap().index());
            counts[index] += 1;
        }
        assert!(counts.iter().all(|count| (70..=130).contains(count)), "{counts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn moved_conversations_are_bounded() {
        let ring = ring(2);
        ring.acquire(None).await.unwrap().failed(&Error::status_error(401, ""));
        for n in 0..MOST_MOVED + 10 {
            ring.acquire(Some(&format!("task-{n}"))).await.unwrap();
        }
        assert!(ring.memory().moved.len() <= MOST_MOVED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_waiters_get_their_key_when_it_is_back() {
        let ring = ring(1);
        let lease = ring.acquire(None).await.unwrap();
        lease.failed(&Error::status_error(429, ""));
        let begun = tokio::time::Instant::now();
        let waiters: Vec<_> = (0..1000)
            .map(|_| {
                let ring = ring.clone();
                tokio::spawn(async move { ring.acquire(None).await.is_ok() })
            })
            .collect();
        for waiter in waiters {
            assert!(waiter.await.unwrap());
        }
        assert_eq!(begun.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_state_does_not_stop_calls() {
        let keys = ["a", "b"].map(ApiKey::new);
        let ring = KeyRing::new("r", keys, Arc::new(PausedClock::start())).unwrap();
        let nowhere = FileKeyState::new("/nonexistent/samewire/keys.json");
        let ring = Arc::new(ring.with_state(Arc::new(nowhere)));
        ring.acquire(None).await.unwrap().failed(&Error::status_error(401, ""));
        for _ in 0..3 {
            assert_eq!(ring.acquire(None).await.unwrap().key().expose(), "b");
        }
        assert!(ring.state_error().unwrap().contains("/nonexistent/samewire/keys.json"));
    }

    #[tokio::test(start_paused = true)]
    async fn errors_have_the_kind_of_what_the_keys_rest_for() {
        let ring = ring(1);
        ring.acquire(None).await.unwrap().failed(&Error::status_error(401, ""));
        assert_eq!(ring.acquire(None).await.unwrap_err().kind(), ErrorKind::Authentication);
        ring.reset(ring.keys()[0].id());
        assert!(ring.acquire(None).await.is_ok());
    }

    #[test]
    fn times_are_printed_in_utc() {
        assert_eq!(iso_time(1_768_478_400_000.0), "2026-01-15T12:00:00Z");
        assert_eq!(iso_time(1_709_209_845_001.0), "2024-02-29T12:30:46Z");
    }
}
