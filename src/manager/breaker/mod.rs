//! Keeps calls away from a service that fails: the circuit breaker.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;

use super::shared_state::{SharedEvent, SharedState};
use super::telemetry::instruments;
use crate::lock::Locked;
use crate::{Error, ErrorKind, RetryAdvice};

/// When a [`CircuitBreaker`] opens and for how long.
///
/// # Example: open at the third failure of four calls, look again after ten seconds
///
/// ```
/// use std::time::Duration;
/// use samewire::manager::BreakerConfig;
///
/// let config = BreakerConfig {
///     minimum_calls: 4,
///     failure_rate: 0.75,
///     open_for: Duration::from_secs(10),
///     ..BreakerConfig::default()
/// };
/// assert_eq!(config.slow_call, None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    /// How far back calls are counted; 60 s.
    pub window: Duration,
    /// Below this number of counted calls in the window nothing opens; 10.
    pub minimum_calls: u32,
    /// The share of failed calls, above 0 and at most 1, at which the breaker opens; 0.5.
    pub failure_rate: f64,
    /// A call whose first token takes longer than this is slow; `None`, the default, knows no slow calls.
    pub slow_call: Option<Duration>,
    /// The share of slow calls, above 0 and at most 1, at which the breaker opens; 0.8.
    pub slow_rate: f64,
    /// How long the breaker stays open the first time; 15 s. Each time that it opens again without having
    /// been closed for a whole window in between doubles this.
    pub open_for: Duration,
    /// The longest that it stays open; 300 s.
    pub open_for_at_most: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            minimum_calls: 10,
            failure_rate: 0.5,
            slow_call: None,
            slow_rate: 0.8,
            open_for: Duration::from_secs(15),
            open_for_at_most: Duration::from_secs(300),
        }
    }
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Every call.
    Closed,
    /// No call.
    Open,
    /// One call at a time: the probe that decides.
    HalfOpen,
}

/// A breaker has changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerEvent {
    /// The breaker's name: in a manager `provider/model`.
    pub breaker: Arc<str>,
    /// The state before.
    pub from: BreakerState,
    /// The state from now on.
    pub to: BreakerState,
}

/// A circuit breaker for one service.
///
/// Closed, it counts calls in a sliding window of time and opens when too many of them failed or were slow.
/// Open, it refuses. After a while one call may pass, the probe: its first token closes the breaker, its
/// failure opens it for longer.
///
/// Some failures say nothing about the service's health, and are not counted at all: 429, every other
/// mistake of the caller (4xx but 408, wrong settings, requests that cannot be expressed), and calls that
/// were dropped before they ended.
///
/// Time is Tokio's, so tests can pause it. Cloning gives another handle to the same breaker.
///
/// # Example: guard a call
///
/// ```
/// use samewire::manager::{BreakerConfig, BreakerState, CircuitBreaker};
/// use samewire::{Error, ErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let breaker = CircuitBreaker::new("groq", BreakerConfig { minimum_calls: 2, ..BreakerConfig::default() });
/// for _ in 0..2 {
///     let permit = breaker.try_enter().expect("closed");
///     permit.failure(&Error::new(ErrorKind::Connection, "connection refused"));
/// }
/// assert_eq!(breaker.state(), BreakerState::Open);
/// let refusal = breaker.try_enter().expect_err("open");
/// assert!(refusal.wait.as_secs() <= 15);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreaker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: Arc<str>,
    config: BreakerConfig,
    inner: Mutex<Inner>,
    events: broadcast::Sender<BreakerEvent>,
    elsewhere: Option<Arc<dyn SharedState>>,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    /// Counts the changes of state; samples of an older one say nothing about the present one.
    generation: u64,
    counts: Window,
    /// How often the breaker opened in a row, and when it closed last.
    opened: u32,
    closed_at: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { probing: bool },
}

/// Why a breaker refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOpen {
    /// How long the breaker refuses still; zero while somebody else's probe decides.
    pub wait: Duration,
}

impl BreakerOpen {
    /// The refusal as an error: [`Overloaded`](ErrorKind::Overloaded), with the wait as its advice.
    pub fn into_error(self, name: &str) -> Error {
        let error = Error::new(
            ErrorKind::Overloaded,
            format!(
                "{name} failed too often and is left alone for another {:.1} s (circuit breaker)",
                self.wait.as_secs_f64()
            ),
        );
        error.with_retry(RetryAdvice::After(self.wait))
    }
}

impl CircuitBreaker {
    /// A closed breaker; the name stands in its events.
    pub fn new(name: impl Into<Arc<str>>, config: BreakerConfig) -> Self {
        Self::with_events(name, config, broadcast::channel(EVENTS_KEPT).0, None)
    }

    /// A closed breaker that sends its events to a channel, and tells a state that others read when it opens and
    /// closes.
    pub fn with_events(
        name: impl Into<Arc<str>>,
        config: BreakerConfig,
        events: broadcast::Sender<BreakerEvent>,
        elsewhere: Option<Arc<dyn SharedState>>,
    ) -> Self {
        let counts = Window::new(config.window);
        let inner =
            Inner { phase: Phase::Closed, generation: 0, counts, opened: 0, closed_at: Instant::now() };
        Self(Arc::new(Shared { name: name.into(), config, inner: Mutex::new(inner), events, elsewhere }))
    }

    /// Asks to make a call. Keep the permit until its outcome is known; dropping it means that nothing was
    /// learned.
    ///
    /// # Errors
    ///
    /// [`BreakerOpen`] while the breaker is open, or half-open with a probe under way.
    pub fn try_enter(&self) -> Result<BreakerPermit, BreakerOpen> {
        let now = Instant::now();
        let mut inner = self.0.lock();
        let mut probe = false;
        match inner.phase {
            Phase::Closed => {}
            Phase::Open { until } if now < until => return Err(BreakerOpen { wait: until - now }),
            Phase::HalfOpen { probing: true } => return Err(BreakerOpen { wait: Duration::ZERO }),
            Phase::Open { .. } | Phase::HalfOpen { probing: false } => {
                self.0.change(&mut inner, Phase::HalfOpen { probing: true });
                probe = true;
            }
        }
        let generation = inner.generation;
        drop(inner);
        Ok(BreakerPermit {
            breaker: self.clone(),
            generation,
            probe,
            probes_for_all: false,
            entered: now,
            slow: None,
        })
    }

    /// As [`try_enter`](Self::try_enter), after a look at what the same breaker does elsewhere: it is open for as
    /// long as any of them, and one probe is made for all.
    ///
    /// # Errors
    ///
    /// As [`try_enter`](Self::try_enter).
    pub async fn try_enter_shared(&self) -> Result<BreakerPermit, BreakerOpen> {
        let Some(elsewhere) = &self.0.elsewhere else { return self.try_enter() };
        // A state that cannot be reached holds nobody up.
        if let Ok(Some(wait)) = elsewhere.open_for(self.name()).await {
            self.0.hold_open(wait);
        }
        let mut permit = self.try_enter()?;
        if permit.probe {
            permit.probes_for_all = elsewhere.try_probe(self.name()).await.unwrap_or(false);
            if !permit.probes_for_all && elsewhere.last_error().is_none() {
                return Err(BreakerOpen { wait: Duration::ZERO });
            }
        }
        Ok(permit)
    }

    /// What the breaker would do with a call now. An open breaker whose time is over counts as half-open.
    pub fn state(&self) -> BreakerState {
        match self.0.lock().phase {
            Phase::Open { until } if Instant::now() >= until => BreakerState::HalfOpen,
            phase => phase.state(),
        }
    }

    /// Changes of state from now on. A reader that falls 256 events behind loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<BreakerEvent> {
        self.0.events.subscribe()
    }

    /// The breaker's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

/// The right to make one call. Settles with [`success`](Self::success), [`failure`](Self::failure), or by
/// being dropped: a call without an outcome, which is not counted.
#[derive(Debug)]
#[must_use = "a dropped permit counts as a cancelled call"]
pub struct BreakerPermit {
    breaker: CircuitBreaker,
    generation: u64,
    probe: bool,
    /// Nobody elsewhere probes meanwhile.
    probes_for_all: bool,
    entered: Instant,
    slow: Option<bool>,
}

impl BreakerPermit {
    /// Notes that the service has begun to answer. This ends the time that decides whether the call was
    /// slow, and closes the breaker if the call is the probe.
    pub fn first_token(&mut self) {
        if self.slow.is_none() {
            self.slow = Some(self.is_slow());
        }
        if std::mem::take(&mut self.probe) {
            let mut inner = self.breaker.0.lock();
            self.breaker.0.close(&mut inner);
            self.generation = inner.generation;
        }
    }

    /// The call succeeded.
    pub fn success(mut self) {
        self.first_token();
        let slow = self.slow.unwrap_or_default();
        self.breaker.0.record(self.generation, false, slow);
    }

    /// The call failed. Failures that say nothing about the service are not counted.
    pub fn failure(mut self, error: &Error) {
        if !counts(error) {
            return;
        }
        if std::mem::take(&mut self.probe) {
            let mut inner = self.breaker.0.lock();
            self.breaker.0.open(&mut inner);
        } else {
            let slow = self.slow.unwrap_or_else(|| self.is_slow());
            self.breaker.0.record(self.generation, true, slow);
        }
    }

    fn is_slow(&self) -> bool {
        self.breaker.0.config.slow_call.is_some_and(|limit| self.entered.elapsed() > limit)
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.0.probe_again(self.generation);
        }
        if self.probe && self.probes_for_all {
            self.breaker.0.tell(|breaker| SharedEvent::ProbeEnded { breaker });
        }
    }
}

/// Whether an error says something about the health of the service.
pub(crate) fn counts(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Timeout
        | ErrorKind::Overloaded
        | ErrorKind::Server
        | ErrorKind::Connection
        | ErrorKind::Interrupted
        | ErrorKind::InStream
        | ErrorKind::InvalidResponse => {
            error.status().is_none_or(|status| status == 408 || !(400..500).contains(&status))
        }
        _ => false,
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.locked()
    }

    fn record(&self, generation: u64, failed: bool, slow: bool) {
        let mut inner = self.lock();
        if inner.generation != generation || !matches!(inner.phase, Phase::Closed) {
            return;
        }
        inner.counts.add(failed, slow);
        let Bucket { calls, failures, slow } = inner.counts.total();
        let share = |part: u32, least: f64| f64::from(part) >= least * f64::from(calls) && part > 0;
        let too_many = share(failures, self.config.failure_rate) || share(slow, self.config.slow_rate);
        if calls >= self.config.minimum_calls && too_many {
            self.open(&mut inner);
        }
    }

    fn tell(&self, event: impl FnOnce(String) -> SharedEvent) {
        if let Some(elsewhere) = &self.elsewhere {
            elsewhere.tell(event(self.name.to_string()));
        }
    }

    /// The probe is over without an outcome; the next call may be another.
    fn probe_again(&self, generation: u64) {
        let mut inner = self.lock();
        if matches!(inner.phase, Phase::HalfOpen { .. }) && inner.generation == generation {
            inner.phase = Phase::HalfOpen { probing: false };
        }
    }

    /// Somebody elsewhere opened it.
    fn hold_open(&self, wait: Duration) {
        let mut inner = self.lock();
        let until = Instant::now() + wait;
        let is_held = match inner.phase {
            Phase::HalfOpen { probing } => probing,
            Phase::Open { until: known } => known >= until,
            Phase::Closed => false,
        };
        if !is_held {
            self.change(&mut inner, Phase::Open { until });
        }
    }

    fn open(&self, inner: &mut Inner) {
        let was_well =
            matches!(inner.phase, Phase::Closed) && inner.closed_at.elapsed() >= self.config.window;
        inner.opened = if was_well { 1 } else { inner.opened.saturating_add(1) };
        let factor = 2u32.saturating_pow(inner.opened - 1);
        let time = self.config.open_for.saturating_mul(factor).min(self.config.open_for_at_most);
        self.change(inner, Phase::Open { until: Instant::now() + time });
        self.tell(|breaker| SharedEvent::Opened { breaker, time });
    }

    fn close(&self, inner: &mut Inner) {
        inner.counts = Window::new(self.config.window);
        inner.closed_at = Instant::now();
        self.change(inner, Phase::Closed);
        self.tell(|breaker| SharedEvent::Closed { breaker });
    }

    fn change(&self, inner: &mut Inner, to: Phase) {
        let (from, phase) = (inner.phase.state(), to.state());
        inner.phase = to;
        inner.generation += 1;
        if from != phase {
            instruments::breaker_changed(&self.name, phase);
            let event = BreakerEvent { breaker: self.name.clone(), from, to: phase };
            // Nobody needs to listen.
            drop(self.events.send(event));
        }
    }
}

impl Phase {
    fn state(self) -> BreakerState {
        match self {
            Self::Closed => BreakerState::Closed,
            Self::Open { .. } => BreakerState::Open,
            Self::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

/// Counts of the last while, in buckets of a tenth of it: a fixed size whatever the traffic.
#[derive(Debug)]
struct Window {
    start: Instant,
    step: Duration,
    buckets: [Bucket; BUCKETS],
    newest: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    calls: u32,
    failures: u32,
    slow: u32,
}

impl Window {
    fn new(length: Duration) -> Self {
        let step = (length / BUCKETS as u32).max(Duration::from_millis(1));
        Self { start: Instant::now(), step, buckets: [Bucket::default(); BUCKETS], newest: 0 }
    }

    fn add(&mut self, failed: bool, slow: bool) {
        self.advance();
        let bucket = &mut self.buckets[self.newest as usize % BUCKETS];
        bucket.calls += 1;
        bucket.failures += u32::from(failed);
        bucket.slow += u32::from(slow);
    }

    fn total(&self) -> Bucket {
        self.buckets.iter().fold(Bucket::default(), |sum, bucket| Bucket {
            calls: sum.calls + bucket.calls,
            failures: sum.failures + bucket.failures,
            slow: sum.slow + bucket.slow,
        })
    }

    fn advance(&mut self) {
        let now = (self.start.elapsed().as_nanos() / self.step.as_nanos()) as u64;
        for index in (self.newest + 1..=now).take(BUCKETS) {
            self.buckets[index as usize % BUCKETS] = Bucket::default();
        }
        self.newest = now;
    }
}

const BUCKETS: usize = 10;

/// How far a reader of events may fall behind.
pub(crate) const EVENTS_KEPT: usize = 256;

#[cfg(test)]
mod tests;
