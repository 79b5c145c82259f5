//! What a manager tells the `metrics` facade besides its calls; without the feature `metrics`, nothing.

use std::time::Duration;

#[cfg(not(feature = "metrics"))]
use crate::ErrorKind;
use crate::manager::breaker::BreakerState;

/// A further try of a call.
#[cfg(feature = "metrics")]
pub(crate) use super::metrics::count_retry as retried;

#[cfg(not(feature = "metrics"))]
pub(crate) fn retried(_: &str, _: &str, _: ErrorKind) {}

/// How long a limiter holds calls back.
pub(crate) struct Waits {
    #[cfg(feature = "metrics")]
    figure: super::figures::Figure,
}

impl Waits {
    /// The waits at the limiter of that name.
    pub(crate) fn at(limiter: &str) -> Self {
        #[cfg(feature = "metrics")]
        let waits = {
            let label = ::metrics::Label::new("samewire.limiter.name", limiter.to_owned());
            Self { figure: super::figures::Figure::new(super::metrics::LIMITER_WAIT, vec![label]) }
        };
        #[cfg(not(feature = "metrics"))]
        let waits = {
            let _ = limiter;
            Self {}
        };
        waits
    }

    /// A call was let through after so long.
    pub(crate) fn record(&self, time: Duration) {
        #[cfg(feature = "metrics")]
        self.figure.record(time.as_secs_f64());
        #[cfg(not(feature = "metrics"))]
        let _ = (self, time);
    }
}

/// A breaker of that name is in another state.
pub(crate) fn breaker_changed(breaker: &str, to: BreakerState) {
    #[cfg(feature = "metrics")]
    ::metrics::gauge!(super::metrics::BREAKER_STATE, "samewire.breaker.name" => breaker.to_owned()).set(
        match to {
            BreakerState::Closed => 0.0,
            BreakerState::HalfOpen => 1.0,
            BreakerState::Open => 2.0,
        },
    );
    #[cfg(not(feature = "metrics"))]
    let _ = (breaker, to);
}
