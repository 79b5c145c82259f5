//! Limits and breakers in Redis, so that many machines share them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_core::future::BoxFuture;
use redis::{FromRedisValue, Script, ScriptInvocation};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::Error;
use crate::lock::Locked;
use crate::manager::redis_connection::RedisConnection;
use crate::manager::shared_state::{
    CROWD_POLL, LONGEST_CALL, LONGEST_PROBE, Share, SharedEvent, SharedState,
};

/// Keeps what limiters and breakers share in a Redis server, under `samewire:limit:<name>`, `samewire:calls:<name>`,
/// `samewire:open:<name>` and `samewire:probe:<name>`. Names are those of providers, models and fingerprints of
/// keys; no key ever reaches it. Everything expires by itself.
///
/// Time is the server's, so that the machines' clocks may differ. A server that does not answer within a second is
/// left alone for five, in which every machine goes on by itself. What limiters tell is sent by one task that ends
/// with the state.
///
/// # Example: one limit for a fleet
///
/// ```no_run
/// use std::sync::Arc;
/// use samewire::manager::{ManagerConfig, RedisSharedState};
///
/// # fn main() -> Result<(), samewire::Error> {
/// let state = RedisSharedState::new("redis://127.0.0.1/")?;
/// let config = ManagerConfig::new().shared_state(Arc::new(state));
/// # drop(config);
/// # Ok(())
/// # }
/// ```
pub struct RedisSharedState {
    server: Arc<Server>,
    letters: mpsc::UnboundedSender<Letter>,
    /// What the sender reads, until it runs.
    unread: Mutex<Option<mpsc::UnboundedReceiver<Letter>>>,
    sender: Mutex<Option<AbortHandle>>,
}

enum Letter {
    Event(SharedEvent),
    /// Everything before it is kept.
    Flush(oneshot::Sender<()>),
}

struct Server {
    redis: RedisConnection,
    scripts: Scripts,
    trouble: Mutex<Option<Trouble>>,
}

struct Trouble {
    message: String,
    until: Instant,
}

impl RedisSharedState {
    /// A state in the server of that URL (`redis://` or `unix://`). Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) for a URL that cannot be read.
    pub fn new(url: &str) -> Result<Self, Error> {
        let server =
            Server { redis: RedisConnection::new(url)?, scripts: Scripts::new(), trouble: Mutex::default() };
        let (letters, unread) = mpsc::unbounded_channel();
        Ok(Self {
            server: Arc::new(server),
            letters,
            unread: Mutex::new(Some(unread)),
            sender: Mutex::default(),
        })
    }

    /// Starts the task that sends what is told, where a runtime is at hand.
    fn start_sender(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let Some(unread) = lock(&self.unread).take() else { return };
        let sender = runtime.spawn(deliver(self.server.clone(), unread));
        *lock(&self.sender) = Some(sender.abort_handle());
    }
}

impl Drop for RedisSharedState {
    fn drop(&mut self) {
        if let Some(sender) = lock(&self.sender).take() {
            sender.abort();
        }
    }
}

impl SharedState for RedisSharedState {
    fn take<'a>(
        &'a self,
        limiter: &'a str,
        share: &'a Share,
    ) -> BoxFuture<'a, Result<Option<Duration>, Error>> {
        self.start_sender();
        Box::pin(async move {
            let mut call = self.server.scripts.take.key(format!("samewire:limit:{limiter}"));
            call.key(format!("samewire:calls:{limiter}"))
                .arg(&share.call)
                .arg(share.tokens)
                .arg(share.requests_per_minute.unwrap_or(0))
                .arg(share.tokens_per_minute.unwrap_or(0))
                .arg(share.concurrent_requests.unwrap_or(0))
                .arg(milliseconds(LONGEST_CALL))
                .arg(milliseconds(CROWD_POLL));
            let wait: u64 = self.server.ask(call).await?;
            Ok((wait > 0).then(|| Duration::from_millis(wait)))
        })
    }

    fn open_for<'a>(&'a self, breaker: &'a str) -> BoxFuture<'a, Result<Option<Duration>, Error>> {
        Box::pin(async move {
            let wait: i64 = self.server.ask(self.server.scripts.open_for.key(open(breaker))).await?;
            Ok(u64::try_from(wait).ok().filter(|wait| *wait > 0).map(Duration::from_millis))
        })
    }

    fn try_probe<'a>(&'a self, breaker: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            let mut call = self.server.scripts.try_probe.key(probe(breaker));
            call.arg(milliseconds(LONGEST_PROBE));
            Ok(self.server.ask::<i64>(call).await? == 1)
        })
    }

    fn tell(&self, event: SharedEvent) {
        self.start_sender();
        // The receiver lives as long as this.
        drop(self.letters.send(Letter::Event(event)));
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.start_sender();
        Box::pin(async move {
            let (kept, wait) = oneshot::channel();
            drop(self.letters.send(Letter::Flush(kept)));
            drop(wait.await);
            match self.last_error() {
                Some(message) => Err(Error::new(crate::ErrorKind::Connection, message)),
                None => Ok(()),
            }
        })
    }

    fn last_error(&self) -> Option<String> {
        lock(&self.server.trouble).as_ref().map(|trouble| trouble.message.clone())
    }
}

impl fmt::Debug for RedisSharedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.write_str("RedisSharedState")
    }
}

/// Sends what is told, in its order; what cannot be sent is forgotten, as it expires anyway.
async fn deliver(server: Arc<Server>, mut unread: mpsc::UnboundedReceiver<Letter>) {
    while let Some(letter) = unread.recv().await {
        match letter {
            Letter::Event(event) => drop(server.keep(&event).await),
            Letter::Flush(kept) => drop(kept.send(())),
        }
    }
}

impl Server {
    async fn ask<T: FromRedisValue>(&self, call: ScriptInvocation<'_>) -> Result<T, Error> {
        if let Some(trouble) = &*lock(&self.trouble)
            && Instant::now() < trouble.until
        {
            return Err(Error::new(crate::ErrorKind::Connection, trouble.message.clone()));
        }
        let outcome = match self.redis.get().await {
            Ok(mut connection) => match call.invoke_async(&mut connection).await {
                Ok(answer) => Ok(answer),
                Err(error) => Err(self.redis.failed(error).await),
            },
            Err(error) => Err(error),
        };
        *lock(&self.trouble) = outcome.as_ref().err().map(|error: &Error| Trouble {
            message: error.message().to_owned(),
            until: Instant::now() + LEFT_ALONE,
        });
        outcome
    }

    async fn keep(&self, event: &SharedEvent) -> Result<(), Error> {
        let scripts = &self.scripts;
        let limit = |name: &str| format!("samewire:limit:{name}");
        let call = match event {
            SharedEvent::Settled { limiter, unused, tokens_per_minute } => {
                let mut call = scripts.settle.key(limit(limiter));
                call.arg(unused * 60_000.0 / f64::from((*tokens_per_minute).max(1)));
                call
            }
            SharedEvent::Released { limiter, call: id } => {
                let mut call = scripts.release.key(format!("samewire:calls:{limiter}"));
                call.arg(id);
                call
            }
            SharedEvent::Paused { limiter, time } => {
                let mut call = scripts.pause.key(limit(limiter));
                call.arg(milliseconds(*time));
                call
            }
            SharedEvent::Opened { breaker, time } => {
                let mut call = scripts.open.key(open(breaker));
                call.key(probe(breaker)).arg(milliseconds(*time).max(1));
                call
            }
            SharedEvent::Closed { breaker } => {
                let mut call = scripts.forget.key(open(breaker));
                call.key(probe(breaker));
                call
            }
            SharedEvent::ProbeEnded { breaker } => scripts.forget.key(probe(breaker)),
        };
        self.ask::<i64>(call).await.map(drop)
    }
}

struct Scripts {
    take: Script,
    settle: Script,
    release: Script,
    pause: Script,
    open: Script,
    open_for: Script,
    try_probe: Script,
    forget: Script,
}

impl Scripts {
    fn new() -> Self {
        let with_time = |script: &str| {
            let now = "local t = redis.call('TIME')\nlocal now = t[1] * 1000 + math.floor(t[2] / 1000)\n";
            Script::new(&format!("{now}{script}"))
        };
        Self {
            take: with_time(TAKE),
            settle: with_time(SETTLE),
            release: Script::new("return redis.call('ZREM', KEYS[1], ARGV[1])"),
            pause: with_time(PAUSE),
            open: Script::new(
                "redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])\nreturn redis.call('DEL', KEYS[2])",
            ),
            open_for: Script::new("return redis.call('PTTL', KEYS[1])"),
            try_probe: Script::new(
                "if redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then return 1 end\nreturn 0",
            ),
            forget: Script::new("return redis.call('DEL', unpack(KEYS))"),
        }
    }
}

/// A whole minute's worth may go at once: what is taken now must be refilled within a minute. `requests` and
/// `tokens` are the times when all that was taken will have been refilled.
const TAKE: &str = "
local known = redis.call('HMGET', KEYS[1], 'paused', 'requests', 'tokens')
local paused = tonumber(known[1] or 0)
if paused > now then return paused - now end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[6])
local most = tonumber(ARGV[5])
if most > 0 and redis.call('ZCARD', KEYS[2]) >= most then return tonumber(ARGV[7]) end
local function fill(full, amount, rate)
  if rate == 0 then return nil, 0 end
  full = math.max(tonumber(full or 0), now) + math.min(amount, rate) * 60000 / rate
  return full, math.max(0, math.ceil(full - now - 60000))
end
local requests, request_wait = fill(known[2], 1, tonumber(ARGV[3]))
local tokens, token_wait = fill(known[3], tonumber(ARGV[2]), tonumber(ARGV[4]))
local wait = math.max(request_wait, token_wait)
if wait > 0 then return wait end
if requests then redis.call('HSET', KEYS[1], 'requests', requests) end
if tokens then redis.call('HSET', KEYS[1], 'tokens', tokens) end
if requests or tokens then redis.call('PEXPIRE', KEYS[1], math.max(120000, redis.call('PTTL', KEYS[1]))) end
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
return 0";

const SETTLE: &str = "
local full = math.max(tonumber(redis.call('HGET', KEYS[1], 'tokens') or 0), now)
redis.call('HSET', KEYS[1], 'tokens', full - ARGV[1])
return redis.call('PEXPIRE', KEYS[1], math.max(120000, redis.call('PTTL', KEYS[1])))";

const PAUSE: &str = "
local paused = math.max(tonumber(redis.call('HGET', KEYS[1], 'paused') or 0), now + ARGV[1])
redis.call('HSET', KEYS[1], 'paused', paused)
return redis.call('PEXPIRE', KEYS[1], math.max(120000, paused - now, redis.call('PTTL', KEYS[1])))";

fn open(breaker: &str) -> String {
    format!("samewire:open:{breaker}")
}

fn probe(breaker: &str) -> String {
    format!("samewire:probe:{breaker}")
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.locked()
}

const LEFT_ALONE: Duration = Duration::from_secs(5);
