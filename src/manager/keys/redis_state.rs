//! Records of keys in Redis, so that many machines share their cooldowns.

use std::collections::BTreeMap;
use std::fmt;

use futures_core::future::BoxFuture;
use redis::{AsyncCommands, Script};

use super::api_key::KeyId;
use super::state::{KeyEvent, KeyRecord, KeyState, apply_all, records_from_json, records_to_json};
use crate::json::Value;
use crate::manager::redis_connection::RedisConnection;
use crate::{Error, ErrorKind};

/// Keeps the records of key rings in a Redis server, one string for each ring under
/// `samewire:keys:<ring>`. No key ever reaches it, only fingerprints.
///
/// Changes are compare-and-set: of two machines that change a ring at the same moment, one reads again.
///
/// # Example: share cooldowns between machines
///
/// ```no_run
/// use std::sync::Arc;
/// use samewire::manager::{KeyState, RedisKeyState};
///
/// # fn main() -> Result<(), samewire::Error> {
/// let state: Arc<dyn KeyState> = Arc::new(RedisKeyState::new("redis://127.0.0.1/")?);
/// # let _ = state;
/// # Ok(())
/// # }
/// ```
pub struct RedisKeyState {
    redis: RedisConnection,
    compare_and_set: Script,
}

/// How often a change is tried against other machines' changes.
const TRIES: usize = 50;

impl RedisKeyState {
    /// A state in the server of that URL (`redis://` or `unix://`). Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`Configuration`](ErrorKind::Configuration) for a URL that cannot be read.
    pub fn new(url: &str) -> Result<Self, Error> {
        let compare_and_set = Script::new(
            "local now = redis.call('GET', KEYS[1]) or ''\n\
             if now ~= ARGV[1] then return 0 end\n\
             redis.call('SET', KEYS[1], ARGV[2])\n\
             return 1",
        );
        Ok(Self { redis: RedisConnection::new(url)?, compare_and_set })
    }

    async fn read(&self, ring: &str) -> Result<String, Error> {
        let mut connection = self.redis.get().await?;
        match connection.get::<_, Option<String>>(name(ring)).await {
            Ok(records) => Ok(records.unwrap_or_default()),
            Err(error) => Err(self.redis.failed(error).await),
        }
    }

    async fn write(&self, ring: &str, old: &str, new: &str) -> Result<bool, Error> {
        let mut connection = self.redis.get().await?;
        let mut call = self.compare_and_set.key(name(ring));
        match call.arg(old).arg(new).invoke_async::<i64>(&mut connection).await {
            Ok(done) => Ok(done == 1),
            Err(error) => Err(self.redis.failed(error).await),
        }
    }
}

impl KeyState for RedisKeyState {
    fn load<'a>(&'a self, ring: &'a str) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>> {
        Box::pin(async move { Ok(decode(&self.read(ring).await?)) })
    }

    fn record<'a>(
        &'a self,
        ring: &'a str,
        events: &'a [(KeyId, KeyEvent)],
    ) -> BoxFuture<'a, Result<BTreeMap<KeyId, KeyRecord>, Error>> {
        Box::pin(async move {
            for _ in 0..TRIES {
                let old = self.read(ring).await?;
                let mut records = decode(&old);
                apply_all(&mut records, events);
                if self.write(ring, &old, &records_to_json(&records).to_json()).await? {
                    return Ok(records);
                }
            }
            Err(Error::new(
                ErrorKind::Server,
                "the records of the keys change faster than they can be written",
            ))
        })
    }
}

impl fmt::Debug for RedisKeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.write_str("RedisKeyState")
    }
}

fn decode(records: &str) -> BTreeMap<KeyId, KeyRecord> {
    records_from_json(Value::parse(records).ok().as_ref())
}

fn name(ring: &str) -> String {
    format!("samewire:keys:{ring}")
}
