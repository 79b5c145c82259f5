//! What is remembered about keys, and where: in memory, or in a file that several processes share.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;

use super::api_key::KeyId;
use crate::files::{self, Readers};
use crate::json::{Object, Value};
use crate::lock::Locked;
use crate::{Error, ErrorKind, Text};

/// Keeps the records of key rings. No key ever reaches it, only fingerprints.
///
/// A state elsewhere (Redis, a database) needs these two methods. [`record`](Self::record) must be one
/// step for whoever else uses the same state: read, [`KeyRecord::apply`], write.
pub trait KeyState: Send + Sync + 'static {
    /// The records of one ring. Keys without a history are missing.
    ///
    /// # Errors
    ///
    /// When the state cannot be read. Rings then go on with what they remember themselves.
    fn load<'a>(&'a self, ring: &'a str) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>>;

    /// Applies events to the records of one ring, in order, and gives all its records after that.
    ///
    /// # Errors
    ///
    /// When the state cannot be changed; then no event was applied. Dropping the future may or may not
    /// leave the events applied, but never a part of them.
    fn record<'a>(
        &'a self,
        ring: &'a str,
        events: &'a [(KeyId, KeyEvent)],
    ) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>>;
}

/// What is remembered about one key. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// Failures in a row, those of requests that were under way together counted once.
    pub failures: u32,
    /// When the key failed last; 0 for never.
    pub failed_at: f64,
    /// Until when the key rests; in the past if it does not.
    pub cooling_until: f64,
    /// How it failed last.
    pub failure: Option<KeyFailure>,
}

/// How a service refuses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyFailure {
    /// 401: unknown or revoked.
    Unauthorized,
    /// 402: out of credit.
    NoCredit,
    /// 403: not allowed.
    Forbidden,
    /// 429: over its limit.
    RateLimited,
}

/// Something that happened to a key. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KeyEvent {
    /// A request that was sent at that time succeeded.
    Succeeded {
        /// When the key was given out for it.
        leased_at: f64,
    },
    /// A request was refused because of its key.
    Failed {
        /// When the key was given out for it.
        leased_at: f64,
        /// When it failed.
        at: f64,
        /// How.
        failure: KeyFailure,
        /// How long the key rests.
        cooldown: Cooldown,
        /// The wait that the service asked for, in milliseconds; it wins over `cooldown`.
        asked: Option<f64>,
    },
    /// Forget the key's failures: it has got new credit or rights.
    Reset,
}

/// A rest that doubles with every failure in a row.
///
/// # Example: one minute, two, four, and at most an hour
///
/// ```
/// use std::time::Duration;
/// use samewire::manager::Cooldown;
///
/// let cooldown = Cooldown { first: Duration::from_secs(60), longest: Duration::from_secs(3600) };
/// assert_eq!(cooldown.after(3), Duration::from_secs(240));
/// assert_eq!(cooldown.after(300), Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// The rest after the first failure.
    pub first: Duration,
    /// The longest rest, also where a service asks for more.
    pub longest: Duration,
}

impl Cooldown {
    /// The rest after that many failures in a row; none after 0.
    pub fn after(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        self.first.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(self.longest)
    }
}

impl KeyRecord {
    /// What the record is after an event.
    ///
    /// A cooldown is only ever made longer: neither a second failure nor a late success ends it early. A
    /// failure of a request that was sent before the last known failure does not double the cooldown, so
    /// that a hundred requests that fail together are one failure, and an event told twice is one event.
    pub fn apply(&mut self, event: KeyEvent) {
        match event {
            KeyEvent::Reset => *self = Self::default(),
            KeyEvent::Succeeded { leased_at } => {
                if leased_at > self.failed_at {
                    self.failures = 0;
                }
            }
            KeyEvent::Failed { leased_at, at, failure, cooldown, asked } => {
                if self.failures == 0 || leased_at > self.failed_at {
                    self.failures = self.failures.saturating_add(1);
                }
                let longest = cooldown.longest.as_secs_f64() * 1000.0;
                let own = cooldown.after(self.failures).as_secs_f64() * 1000.0;
                let rest = asked.filter(|asked| *asked >= 0.0).unwrap_or(own).min(longest);
                self.failed_at = self.failed_at.max(at);
                self.failure = Some(failure);
                self.cooling_until = self.cooling_until.max(at + rest);
            }
        }
    }

    /// Whether an event would change anything, so that a success of a sound key costs no write.
    pub(crate) fn cares(&self, event: &KeyEvent) -> bool {
        !matches!(event, KeyEvent::Succeeded { .. }) || self.failures > 0
    }

    fn to_json(&self) -> Value {
        let mut object = Object::with_capacity(4);
        object.insert("failures", f64::from(self.failures));
        object.insert("failedAt", self.failed_at);
        object.insert("coolingUntil", self.cooling_until);
        object.insert_some("failure", self.failure.map(|failure| Value::from(failure.name())));
        object.into()
    }

    fn from_json(value: &Value) -> Self {
        let number = |key: &str| value.get(key).and_then(Value::as_f64).unwrap_or(0.0);
        Self {
            failures: number("failures") as u32,
            failed_at: number("failedAt"),
            cooling_until: number("coolingUntil"),
            failure: value.get("failure").and_then(Value::as_str).and_then(KeyFailure::of_name),
        }
    }
}

impl KeyFailure {
    /// Whether an error is the key's fault, and how; `None` for every other failure.
    pub fn of_error(error: &Error) -> Option<Self> {
        match (error.status(), error.kind()) {
            (Some(401), _) | (None, ErrorKind::Authentication) => Some(Self::Unauthorized),
            (Some(402), _) => Some(Self::NoCredit),
            (Some(403), _) | (None, ErrorKind::PermissionDenied) => Some(Self::Forbidden),
            (Some(429), _) | (None, ErrorKind::RateLimited) => Some(Self::RateLimited),
            _ => None,
        }
    }

    /// The kind of error that it is.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Unauthorized => ErrorKind::Authentication,
            Self::NoCredit | Self::Forbidden => ErrorKind::PermissionDenied,
            Self::RateLimited => ErrorKind::RateLimited,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::NoCredit => "no-credit",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate-limited",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Unauthorized, Self::NoCredit, Self::Forbidden, Self::RateLimited]
            .into_iter()
            .find(|failure| failure.name() == name)
    }
}

/// Records that live as long as the process.
#[derive(Debug, Default)]
pub struct MemoryKeyState(Mutex<BTreeMap<String, BTreeMap<KeyId, KeyRecord>>>);

impl KeyState for MemoryKeyState {
    fn load<'a>(&'a self, ring: &'a str) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>> {
        self.record(ring, &[])
    }

    fn record<'a>(
        &'a self,
        ring: &'a str,
        events: &'a [(KeyId, KeyEvent)],
    ) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>> {
        let mut rings = self.0.locked();
        let records = rings.entry(ring.to_owned()).or_default();
        apply_all(records, events);
        Box::pin(std::future::ready(Ok(records.clone())))
    }
}

/// Records in a JSON file, for one process or many.
///
/// Changes happen under a lock on a file beside it (`<file>.lock`, advisory, given back by the system when
/// a process dies) and replace the file in one step, so readers need no lock and never see half of it. A
/// damaged or missing file counts as empty. The file belongs to the user alone where the platform has
/// such a thing, although it holds no key.
///
/// Needs a Tokio runtime. A lock that is not free within two seconds is an error.
///
/// # Example: two processes, one memory
///
/// ```
/// use samewire::manager::{FileKeyState, KeyEvent, KeyState};
/// use samewire::manager::ApiKey;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let path = std::env::temp_dir().join(format!("samewire-doc-{}.json", std::process::id()));
/// let key = ApiKey::new("sk-secret");
/// FileKeyState::new(&path).record("groq", &[(key.id().clone(), KeyEvent::Reset)]).await?;
/// let elsewhere = FileKeyState::new(&path).load("groq").await?;
/// assert_eq!(elsewhere[key.id()].failures, 0);
/// assert!(!std::fs::read_to_string(&path).unwrap().contains("sk-secret"));
/// # std::fs::remove_file(&path).unwrap();
/// # std::fs::remove_file(path.with_extension("json.lock")).unwrap();
/// # Ok::<(), samewire::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct FileKeyState {
    path: PathBuf,
}

impl FileKeyState {
    /// Records in this file. Its folder must exist; the file comes with the first record.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    async fn change(
        &self,
        ring: &str,
        events: &[(KeyId, KeyEvent)],
    ) -> io::Result<BTreeMap<KeyId, KeyRecord>> {
        let lock_path = beside(&self.path, ".lock");
        let lock =
            tokio::task::spawn_blocking(move || lock(&lock_path)).await.map_err(io::Error::other)??;
        let mut rings = read(&self.path).await?;
        let mut records = records_from_json(rings.get(ring));
        apply_all(&mut records, events);
        rings.insert(ring.to_owned(), records_to_json(&records));
        let text = Value::Object(rings).to_json();
        files::replace(&self.path, &text, Readers::Owner).await?;
        drop(lock);
        Ok(records)
    }

    fn explain(&self, error: &io::Error) -> Error {
        Error::configuration(format!("key state {}: {error}", self.path.display()))
    }
}

impl KeyState for FileKeyState {
    fn load<'a>(&'a self, ring: &'a str) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>> {
        Box::pin(async move {
            let rings = read(&self.path).await.map_err(|error| self.explain(&error))?;
            Ok(records_from_json(rings.get(ring)))
        })
    }

    fn record<'a>(
        &'a self,
        ring: &'a str,
        events: &'a [(KeyId, KeyEvent)],
    ) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>> {
        Box::pin(async move { self.change(ring, events).await.map_err(|error| self.explain(&error)) })
    }
}

pub(crate) fn apply_all(records: &mut BTreeMap<KeyId, KeyRecord>, events: &[(KeyId, KeyEvent)]) {
    for (id, event) in events {
        records.entry(id.clone()).or_default().apply(*event);
    }
}

async fn read(path: &Path) -> io::Result<Object> {
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(match Value::parse(&text) {
            Ok(Value::Object(rings)) => rings,
            _ => Object::new(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Object::new()),
        Err(error) => Err(error),
    }
}

/// The records of one ring as JSON, by fingerprint.
pub(crate) fn records_to_json(records: &BTreeMap<KeyId, KeyRecord>) -> Value {
    records.iter().map(|(id, record)| (id.as_str(), record.to_json())).collect::<Object>().into()
}

/// Records from JSON; anything damaged counts as no record.
pub(crate) fn records_from_json(records: Option<&Value>) -> BTreeMap<KeyId, KeyRecord> {
    let records = records.and_then(Value::as_object);
    let record = |(id, record): (&Text, &Value)| (KeyId::from_text(id.clone()), KeyRecord::from_json(record));
    records.into_iter().flatten().map(record).collect()
}

/// Holds the lock until the file is dropped. Blocks.
fn lock(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if begun.elapsed() < LONGEST_LOCK => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "its lock is held by another process"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

const LONGEST_LOCK: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(2);

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole milliseconds")]
mod tests {
    use super::*;

    const COOLDOWN: Cooldown = Cooldown { first: Duration::from_secs(10), longest: Duration::from_secs(60) };

    fn failed(leased_at: f64, at: f64, asked: Option<f64>) -> KeyEvent {
        KeyEvent::Failed { leased_at, at, failure: KeyFailure::RateLimited, cooldown: COOLDOWN, asked }
    }

    #[test]
    fn rests_double_and_success_ends_the_row() {
        let mut record = KeyRecord::default();
        let mut now = 1000.0;
        for rest in [10_000.0, 20_000.0, 40_000.0, 60_000.0, 60_000.0] {
            record.apply(failed(now, now + 1.0, None));
            assert_eq!(record.cooling_until, now + 1.0 + rest);
            now = record.cooling_until;
        }
        record.apply(KeyEvent::Succeeded { leased_at: now });
        record.apply(failed(now + 5.0, now + 6.0, None));
        assert_eq!((record.failures, record.cooling_until), (1, now + 10_006.0));
    }

    #[test]
    fn the_service_knows_better_but_never_shortens() {
        let mut record = KeyRecord::default();
        record.apply(failed(0.0, 1.0, Some(50_000.0)));
        record.apply(failed(2.0, 3.0, Some(1_000.0)));
        assert_eq!(record.cooling_until, 50_001.0);
        record.apply(failed(4.0, 5.0, Some(1e12)));
        assert_eq!(record.cooling_until, 60_005.0, "absurd waits are cut");
    }

    #[test]
    fn requests_that_fail_together_are_one_failure() {
        let mut record = KeyRecord::default();
        for n in 0..100 {
            record.apply(failed(f64::from(n), 1000.0 + f64::from(n), None));
        }
        assert_eq!(record.failures, 1);
        record.apply(KeyEvent::Succeeded { leased_at: 900.0 });
        assert_eq!(record.failures, 1, "that request was sent before the failures");
        record.apply(KeyEvent::Reset);
        assert_eq!(record, KeyRecord::default());
    }

    #[tokio::test]
    async fn writers_do_not_lose_each_others_records() {
        let path = std::env::temp_dir().join(format!("samewire-keys-{}.json", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let writers = (0..24).map(|n| {
            let state = FileKeyState::new(&path);
            tokio::spawn(async move {
                let id = KeyId::from_text(format!("key-{n}"));
                state.record(if n % 2 == 0 { "even" } else { "odd" }, &[(id, failed(0.0, 1.0, None))]).await
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap().unwrap();
        }
        let state = FileKeyState::new(&path);
        assert_eq!(state.load("even").await.unwrap().len(), 12);
        assert_eq!(state.load("odd").await.unwrap()[&KeyId::from_text("key-7")].cooling_until, 10_001.0);
        std::fs::write(&path, "{broken").unwrap();
        assert!(state.load("even").await.unwrap().is_empty());
        std::fs::remove_file(&path).unwrap();
        std::fs::remove_file(beside(&path, ".lock")).unwrap();
    }
}
