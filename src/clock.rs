//! Time and chance, as values that can be replaced.

use std::time::Duration;

use futures_core::future::BoxFuture;

/// What retries and signatures know of time and chance; tests bring a virtual one.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch, as JavaScript's `Date.now()`.
    fn now(&self) -> f64;

    /// Waits. Dropping the future ends the wait.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// A random number, at least 0 and less than 1, as JavaScript's `Math.random()`.
    fn random(&self) -> f64;
}

/// The clock of the operating system, and a random generator that is not for secrets.
///
/// Its `sleep` needs a Tokio runtime with time enabled.
#[cfg(any(feature = "http", feature = "manager"))]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(any(feature = "http", feature = "manager"))]
impl Clock for SystemClock {
    fn now(&self) -> f64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0.0, |since| (since.as_secs_f64() * 1000.0).floor())
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

/// A clock for tests: stands at 2026-01-15T12:00:00Z until somebody sleeps, and draws 0.5.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct TestClock {
    pub(crate) sleeps: std::sync::Mutex<Vec<f64>>,
}

#[cfg(test)]
impl TestClock {
    pub(crate) const START: f64 = 1_768_478_400_000.0;
}

#[cfg(test)]
impl Clock for TestClock {
    fn now(&self) -> f64 {
        Self::START
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.sleeps.lock().unwrap().push(time.as_secs_f64() * 1000.0);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// A clock for tests under tokio's paused time: begins where [`TestClock`] stands and goes with tokio's.
#[cfg(all(test, feature = "manager"))]
pub(crate) struct PausedClock(tokio::time::Instant);

#[cfg(all(test, feature = "manager"))]
impl PausedClock {
    pub(crate) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[cfg(all(test, feature = "manager"))]
impl Clock for PausedClock {
    fn now(&self) -> f64 {
        TestClock::START + self.0.elapsed().as_secs_f64() * 1000.0
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn random(&self) -> f64 {
        0.5
    }
}
