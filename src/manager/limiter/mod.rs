//! Keeps calls within what a service allows, and learns what that is.

mod bucket;
mod limits;
mod rate_limit_headers;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use self::bucket::Bucket;
use super::shared_state::{Share, SharedEvent, SharedState};
use super::telemetry::instruments::Waits;
use crate::clock::Clock;
use crate::lock::Locked;
use crate::transport::Headers;
use crate::{Error, ErrorKind, RetryAdvice};

pub use limits::{LimiterConfig, LimiterState};
pub use rate_limit_headers::{LimitWindow, RateLimitHeaders, parse_reset};

/// A rate limiter for one provider, key and model: requests a minute, tokens a minute, and requests at the
/// same time.
///
/// It learns the limits from response headers ([`RateLimitHeaders`]). A refusal shrinks them multiplicatively
/// (once for all calls that were under way together) and pauses everybody for as long as the service
/// asks; success lets them grow again by steps, never above what is configured and told.
///
/// Callers are served in the order in which they came. A wait is bounded in time and in the number of
/// callers, and dropping the future gives it up without a trace. Time is Tokio's.
///
/// # Example: hold a permit as long as the answer streams
///
/// ```
/// use std::sync::Arc;
/// use samewire::clock::SystemClock;
/// use samewire::manager::{AdaptiveRateLimiter, LimiterConfig};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let config = LimiterConfig { concurrent_requests: Some(1), ..LimiterConfig::default() };
/// let limiter = AdaptiveRateLimiter::new("groq", config, Arc::new(SystemClock));
/// let mut permit = limiter.acquire(1200).await?;
/// assert_eq!(limiter.state().in_flight, 1);
/// permit.succeeded();
/// permit.settle_tokens(900);
/// drop(permit);
/// assert_eq!(limiter.state().in_flight, 0);
/// # Ok::<(), samewire::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AdaptiveRateLimiter(Arc<Shared>);

struct Shared {
    name: Arc<str>,
    waits: Waits,
    config: LimiterConfig,
    elsewhere: Option<Elsewhere>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held by the caller who is next; Tokio's lock is served in order.
    turn: tokio::sync::Mutex<()>,
    /// Wakes the one who is next: a permit came back, or a limit changed.
    changed: Notify,
}

/// Where other processes' limiters of the same name are met.
struct Elsewhere {
    name: String,
    state: Arc<dyn SharedState>,
}

struct State {
    in_flight: u32,
    waiting: usize,
    requests: Option<Rate>,
    tokens: Option<Rate>,
    concurrent: Option<f64>,
    paused_until: Instant,
    shrunk_at: Option<Instant>,
    refusals: u32,
}

/// A rate between what refusals made of it and the most that it may be.
struct Rate {
    bucket: Bucket,
    now: f64,
    most: f64,
}

impl AdaptiveRateLimiter {
    /// A limiter; the name stands in its errors, the clock reads resets that are dates.
    pub fn new(name: impl Into<Arc<str>>, config: LimiterConfig, clock: Arc<dyn Clock>) -> Self {
        Self::make(name.into(), config, clock, None)
    }

    /// A limiter that shares its limits with all others of the name `shared_name`, through that state. While the
    /// state cannot be reached, the limiter goes on by itself.
    pub fn shared(
        name: impl Into<Arc<str>>,
        config: LimiterConfig,
        clock: Arc<dyn Clock>,
        shared_name: impl Into<String>,
        state: Arc<dyn SharedState>,
    ) -> Self {
        Self::make(name.into(), config, clock, Some(Elsewhere { name: shared_name.into(), state }))
    }

    fn make(
        name: Arc<str>,
        config: LimiterConfig,
        clock: Arc<dyn Clock>,
        elsewhere: Option<Elsewhere>,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            in_flight: 0,
            waiting: 0,
            requests: config.requests_per_minute.map(Rate::new),
            tokens: config.tokens_per_minute.map(Rate::new),
            concurrent: config.concurrent_requests.map(|most| f64::from(most.max(1))),
            paused_until: now,
            shrunk_at: None,
            refusals: 0,
        };
        Self(Arc::new(Shared {
            waits: Waits::at(&name),
            name,
            config,
            elsewhere,
            clock,
            state: Mutex::new(state),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
        }))
    }

    /// Waits for permission to make a call of about that many tokens, request and answer together.
    ///
    /// # Errors
    ///
    /// [`RateLimited`](ErrorKind::RateLimited), with the wait that would be needed as advice: at once
    /// when too many wait already, or when the wait is known to be longer than allowed; else when the
    /// time is over.
    pub async fn acquire(&self, tokens: u32) -> Result<LimiterPermit, Error> {
        let came = Instant::now();
        let deadline = came + self.0.config.max_wait;
        let _place = self.queue()?;
        let turn = timeout_at(deadline, self.0.turn.lock()).await;
        let _turn = turn.map_err(|_| self.0.refusal(self.0.config.pause))?;
        loop {
            let wait = match self.admit(tokens).await {
                Ok(mut permit) => {
                    permit.waited = permit.admitted - came;
                    self.0.waits.record(permit.waited);
                    return Ok(permit);
                }
                Err(Obstacle::Crowd) => None,
                Err(Obstacle::Time(wait)) => Some(wait),
            };
            let now = Instant::now();
            let until = wait.map_or(deadline, |wait| now + wait);
            if until > deadline || now >= deadline {
                return Err(self.0.refusal(wait.unwrap_or(self.0.config.pause)));
            }
            // Waking for either reason, the limits are looked at again.
            let _ = timeout_at(until, self.0.changed.notified()).await;
        }
    }

    /// Permission without a wait, behind everybody who waits; else about how long it would take.
    pub(super) async fn acquire_now(&self, tokens: u32) -> Result<LimiterPermit, Duration> {
        let Ok(_turn) = self.0.turn.try_lock() else { return Err(self.0.config.pause) };
        let permit = self.admit(tokens).await.map_err(|obstacle| match obstacle {
            Obstacle::Crowd => self.0.config.pause,
            Obstacle::Time(wait) => wait,
        })?;
        self.0.waits.record(Duration::ZERO);
        Ok(permit)
    }

    /// Takes the place here and elsewhere, or none.
    async fn admit(&self, tokens: u32) -> Result<LimiterPermit, Obstacle> {
        if let Some(obstacle) = self.0.lock().admit(tokens) {
            return Err(obstacle);
        }
        let mut permit = LimiterPermit {
            limiter: self.clone(),
            admitted: Instant::now(),
            waited: Duration::ZERO,
            estimate: f64::from(tokens),
            call: None,
            is_taken_back: false,
        };
        let Some(elsewhere) = &self.0.elsewhere else { return Ok(permit) };
        let share = self.share(tokens);
        permit.call = Some(share.call.clone());
        match elsewhere.state.take(&elsewhere.name, &share).await {
            Ok(Some(wait)) => {
                self.0.lock().take_back(tokens);
                // Nobody need be woken for it, least of all this caller.
                permit.is_taken_back = true;
                Err(Obstacle::Time(wait))
            }
            // A state that cannot be reached holds nobody up.
            Ok(None) | Err(_) => Ok(permit),
        }
    }

    fn share(&self, tokens: u32) -> Share {
        let State { requests, tokens: rate, concurrent, .. } = &*self.0.lock();
        let per_minute = |rate: &Option<Rate>| rate.as_ref().map(|rate| rate.bucket.per_minute());
        Share {
            requests_per_minute: per_minute(requests),
            tokens_per_minute: per_minute(rate),
            concurrent_requests: concurrent.map(|limit| limit as u32),
            ..Share::new(format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)), tokens)
        }
    }

    /// What the limiter allows at the moment.
    pub fn state(&self) -> LimiterState {
        let state = self.0.lock();
        let rate = |rate: &Option<Rate>| rate.as_ref().map(|rate| rate.bucket.per_minute());
        LimiterState {
            in_flight: state.in_flight,
            waiting: state.waiting,
            requests_per_minute: rate(&state.requests),
            tokens_per_minute: rate(&state.tokens),
            concurrent_requests: state.concurrent.map(|limit| limit as u32),
            paused: state.paused_until.saturating_duration_since(Instant::now()),
        }
    }

    fn queue(&self) -> Result<Place<'_>, Error> {
        let mut state = self.0.lock();
        if state.waiting >= self.0.config.max_queue {
            drop(state);
            return Err(self.0.refusal(self.0.config.pause));
        }
        state.waiting += 1;
        Ok(Place(&self.0))
    }
}

impl std::fmt::Debug for AdaptiveRateLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AdaptiveRateLimiter").field(&self.0.name).field(&self.state()).finish()
    }
}

/// A place in the queue; given up when dropped.
struct Place<'a>(&'a Shared);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// The right to make one call; dropping it makes room for the next. Tell it how the call went, so that the
/// limiter learns.
#[derive(Debug)]
#[must_use = "a dropped permit makes room at once"]
pub struct LimiterPermit {
    limiter: AdaptiveRateLimiter,
    admitted: Instant,
    waited: Duration,
    estimate: f64,
    /// The call's name elsewhere.
    call: Option<String>,
    is_taken_back: bool,
}

impl LimiterPermit {
    /// How long the caller waited for it.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Learns the limits that a response told of.
    pub fn answered(&mut self, headers: &Headers) {
        let shared = &self.limiter.0;
        let told = RateLimitHeaders::read(headers, shared.clock.now());
        shared.lock().learn(&shared.config, &told);
        shared.changed.notify_one();
    }

    /// The service began to answer: the limits may grow.
    pub fn succeeded(&mut self) {
        let shared = &self.limiter.0;
        shared.lock().grow(&shared.config);
        shared.changed.notify_one();
    }

    /// The call failed. If the service refused it for want of capacity, limits shrink and everybody waits
    /// as long as it asked. Other failures change nothing.
    pub fn failed(&mut self, error: &Error) {
        if !error.headers().is_empty() {
            self.answered(error.headers());
        }
        if !is_refusal(error) {
            return;
        }
        let shared = &self.limiter.0;
        let asked = match error.retry() {
            RetryAdvice::After(wait) => Some(wait),
            _ => crate::layers::retry_after(error.headers(), shared.clock.now()),
        };
        let pause = {
            let mut state = shared.lock();
            state.shrink(&shared.config, self.admitted, asked);
            state.paused_until.saturating_duration_since(Instant::now())
        };
        if !pause.is_zero() {
            shared.tell(|limiter| SharedEvent::Paused { limiter, time: pause });
        }
    }

    /// Replaces the estimate by the tokens that the call really took.
    pub fn settle_tokens(&mut self, tokens: u64) {
        let used = tokens as f64;
        let unused = std::mem::replace(&mut self.estimate, used) - used;
        let shared = &self.limiter.0;
        let tokens_per_minute = shared.lock().tokens.as_mut().map(|rate| {
            rate.bucket.settle(unused);
            rate.bucket.per_minute()
        });
        if let Some(tokens_per_minute) = tokens_per_minute {
            shared.tell(|limiter| SharedEvent::Settled { limiter, unused, tokens_per_minute });
        }
        shared.changed.notify_one();
    }
}

impl Drop for LimiterPermit {
    fn drop(&mut self) {
        if self.is_taken_back {
            return;
        }
        self.limiter.0.lock().in_flight -= 1;
        if let Some(call) = self.call.take() {
            self.limiter.0.tell(|limiter| SharedEvent::Released { limiter, call });
        }
        self.limiter.0.changed.notify_one();
    }
}

/// Whether the service said that it is asked too much: 429 or 529.
pub(crate) fn is_refusal(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::RateLimited => true,
        ErrorKind::Overloaded => error.status() != Some(503),
        _ => matches!(error.status(), Some(429 | 529)),
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }

    fn tell(&self, event: impl FnOnce(String) -> SharedEvent) {
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.state.tell(event(elsewhere.name.clone()));
        }
    }

    fn refusal(&self, wait: Duration) -> Error {
        let message = format!(
            "the rate limit of {} leaves no room within {:.0} s: try again in {:.1} s",
            self.name,
            self.config.max_wait.as_secs_f64(),
            wait.as_secs_f64()
        );
        Error::new(ErrorKind::RateLimited, message).with_retry(RetryAdvice::After(wait))
    }
}

/// What keeps a caller waiting.
enum Obstacle {
    /// Too many calls are under way.
    Crowd,
    /// It is too early by so much.
    Time(Duration),
}

impl State {
    fn admit(&mut self, tokens: u32) -> Option<Obstacle> {
        let now = Instant::now();
        if now < self.paused_until {
            return Some(Obstacle::Time(self.paused_until - now));
        }
        if self.concurrent.is_some_and(|limit| self.in_flight >= limit as u32) {
            return Some(Obstacle::Crowd);
        }
        if let Some(requests) = &mut self.requests
            && let Err(wait) = requests.bucket.take(1)
        {
            return Some(Obstacle::Time(wait));
        }
        if let Some(rate) = &mut self.tokens
            && let Err(wait) = rate.bucket.take(tokens)
        {
            if let Some(requests) = &mut self.requests {
                requests.bucket.settle(1.0);
            }
            return Some(Obstacle::Time(wait));
        }
        self.in_flight += 1;
        None
    }

    /// Undoes an admission.
    fn take_back(&mut self, tokens: u32) {
        self.in_flight -= 1;
        for (rate, amount) in [(&mut self.requests, 1.0), (&mut self.tokens, f64::from(tokens))] {
            if let Some(rate) = rate {
                rate.bucket.settle(amount);
            }
        }
    }

    fn learn(&mut self, config: &LimiterConfig, told: &RateLimitHeaders) {
        learn_rate(&mut self.requests, config.requests_per_minute, &told.requests);
        learn_rate(&mut self.tokens, config.tokens_per_minute, &told.tokens);
        for window in told.requests.iter().chain(&told.tokens).chain(&told.output_tokens) {
            // Where a window refills all the time, the bucket knows when there is something again.
            if window.remaining == Some(0)
                && (!window.refills || window.is_long())
                && let Some(reset) = window.reset
            {
                self.pause(reset);
            }
        }
    }

    fn grow(&mut self, config: &LimiterConfig) {
        self.refusals = 0;
        for rate in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
            rate.set(rate.now + rate.most * config.grow);
        }
        if let Some(limit) = &mut self.concurrent {
            let most = config.concurrent_requests.map_or(f64::INFINITY, f64::from);
            *limit = (*limit + 1.0 / *limit).min(most.max(1.0));
        }
    }

    fn shrink(&mut self, config: &LimiterConfig, admitted: Instant, asked: Option<Duration>) {
        // Calls that were under way when the limits shrank know nothing of the new ones.
        let is_news = self.shrunk_at.is_none_or(|at| admitted > at);
        if is_news {
            self.shrunk_at = Some(Instant::now());
            self.refusals += 1;
            for rate in [&mut self.requests, &mut self.tokens].into_iter().flatten() {
                rate.set(rate.now * config.shrink);
            }
            let limit = self.concurrent.unwrap_or(f64::INFINITY).min(f64::from(self.in_flight));
            self.concurrent = Some((limit * config.shrink).max(1.0));
        }
        let doubled = config.pause.saturating_mul(2u32.saturating_pow(self.refusals.saturating_sub(1)));
        match asked {
            Some(wait) => self.pause(wait),
            None if is_news => self.pause(doubled.min(config.pause_at_most)),
            None => {}
        }
    }

    /// A later, shorter pause never ends an earlier, longer one.
    fn pause(&mut self, time: Duration) {
        self.paused_until = self.paused_until.max(Instant::now() + time.min(DAY));
    }
}

fn learn_rate(rate: &mut Option<Rate>, configured: Option<u32>, told: &[LimitWindow]) {
    let short = || told.iter().filter(|window| !window.is_long());
    if let Some(limit) = short().filter_map(|window| window.limit).filter(|limit| *limit > 0).min() {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let most = configured.map_or(limit, |configured| configured.min(limit));
        rate.get_or_insert_with(|| Rate::new(most)).set_most(f64::from(most));
    }
    if let (Some(rate), Some(remaining)) = (rate, short().filter_map(|window| window.remaining).min()) {
        rate.bucket.lower_to(remaining);
    }
}

impl Rate {
    fn new(per_minute: u32) -> Self {
        let rate = f64::from(per_minute.max(1));
        Self { bucket: Bucket::new(per_minute), now: rate, most: rate }
    }

    fn set(&mut self, rate: f64) {
        self.now = rate.clamp(1.0, self.most);
        self.bucket.set_rate(self.now as u32);
    }

    fn set_most(&mut self, most: f64) {
        let was_full = self.now >= self.most;
        self.most = most;
        self.set(if was_full { most } else { self.now });
    }
}

const DAY: Duration = Duration::from_secs(86400);

#[cfg(test)]
mod tests;
