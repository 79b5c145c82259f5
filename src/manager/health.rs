//! How providers are: seen from real traffic, and asked if wanted.

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{BreakerState, counts};
use super::limiter::LimiterState;
use super::{ProviderManager, lane::Lane};
use crate::provider::HealthStatus;
use crate::{Error, ErrorKind};

/// What is known about one model of one provider.
///
/// Figures come from real traffic since the manager began or the provider was registered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProviderHealth {
    /// The manager's name for the provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The verdict.
    pub state: HealthState,
    /// The circuit breaker.
    pub breaker: BreakerState,
    /// The rate limiter; those of all keys together where there are several.
    pub limits: LimiterState,
    /// Calls that ended with an answer.
    pub successes: u64,
    /// Calls that failed for a reason that speaks against the service.
    pub failures: u64,
    /// The usual time to the first token: a moving average that forgets four fifths in eight calls.
    pub first_token: Option<Duration>,
    /// How long ago the last good sign came.
    pub last_success: Option<Duration>,
    /// The message of the last failure, while no success has come since.
    pub last_error: Option<String>,
}

/// The verdict about a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthState {
    /// Nothing was asked yet.
    Unknown,
    /// The last sign was good.
    Healthy,
    /// The last sign was bad, or the service asks for pauses; calls go there still.
    Degraded,
    /// The breaker keeps calls away.
    Unhealthy,
}

/// Asks every provider of a manager for a sign of life at intervals.
///
/// Nothing runs unless [`run`](Self::run) is polled: probes are off until somebody spawns it, and end when
/// it is dropped. A probe is [`AiProvider::health_check`](crate::AiProvider::health_check), a model list where there is one; it costs no
/// tokens. Its outcome shows in [`ProviderManager::health`]; breakers learn from real calls only.
///
/// # Example: probe once a minute
///
/// ```no_run
/// use std::time::Duration;
/// use samewire::manager::{HealthMonitor, ProviderManager};
///
/// # async fn run(manager: ProviderManager) {
/// let probes = tokio::spawn(HealthMonitor::new(manager.clone(), Duration::from_secs(60)).run());
/// // ...
/// probes.abort();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HealthMonitor {
    manager: ProviderManager,
    interval: Duration,
    timeout: Duration,
}

impl HealthMonitor {
    /// Probes of every provider, so far apart; at least 1 s.
    pub fn new(manager: ProviderManager, interval: Duration) -> Self {
        Self { manager, interval: interval.max(Duration::from_secs(1)), timeout: Duration::from_secs(10) }
    }

    /// How long a probe may take; 10 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Probes for ever.
    pub async fn run(self) {
        loop {
            self.probe().await;
            tokio::time::sleep(self.interval).await;
        }
    }

    /// Probes every provider once, all at the same time.
    pub async fn probe(&self) {
        let probes = self.manager.default_lanes().into_iter().map(|(provider, lane)| async move {
            let status = tokio::time::timeout(self.timeout, provider.health_check()).await;
            lane.health().probed(status.unwrap_or_else(|_| {
                HealthStatus::Unhealthy(Error::new(ErrorKind::Timeout, "no answer to the health check"))
            }));
        });
        futures_util::future::join_all(probes).await;
    }
}

/// What traffic and probes told.
#[derive(Debug, Default)]
pub(super) struct Record {
    successes: u64,
    failures: u64,
    first_token: Option<Duration>,
    last_success: Option<Instant>,
    last_error: Option<String>,
}

impl Record {
    pub(super) fn first_token(&mut self, time: Duration) {
        self.first_token =
            Some(self.first_token.map_or(time, |usual| usual.mul_f64(0.8) + time.mul_f64(0.2)));
    }

    pub(super) fn success(&mut self) {
        self.successes += 1;
        self.good_sign();
    }

    pub(super) fn failure(&mut self, error: &Error) {
        if counts(error) {
            self.failures += 1;
            self.last_error = Some(error.message().to_owned());
        }
    }

    /// The usual time to the first token.
    pub(super) fn latency(&self) -> Option<Duration> {
        self.first_token
    }

    fn good_sign(&mut self) {
        self.last_success = Some(Instant::now());
        self.last_error = None;
    }

    fn probed(&mut self, status: HealthStatus) {
        match status {
            HealthStatus::Healthy | HealthStatus::Degraded(_) => self.good_sign(),
            HealthStatus::Unhealthy(error) => self.last_error = Some(error.message().to_owned()),
            HealthStatus::Unknown => {}
        }
    }
}

impl Lane {
    pub(super) fn view(&self) -> ProviderHealth {
        let (breaker, limits) = (self.breaker.state(), self.limits.state());
        let record = self.health();
        let state = if breaker == BreakerState::Open {
            HealthState::Unhealthy
        } else if record.last_error.is_some() || breaker == BreakerState::HalfOpen || !limits.paused.is_zero()
        {
            HealthState::Degraded
        } else if record.last_success.is_some() {
            HealthState::Healthy
        } else {
            HealthState::Unknown
        };
        ProviderHealth {
            provider: self.provider.to_string(),
            model: self.model.to_string(),
            state,
            breaker,
            limits,
            successes: record.successes,
            failures: record.failures,
            first_token: record.first_token,
            last_success: record.last_success.map(|at| at.elapsed()),
            last_error: record.last_error.clone(),
        }
    }
}
