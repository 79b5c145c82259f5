//! What can be seen from outside: figures, spans, an audit log. Without the feature `metrics` nothing is told.

#[cfg(feature = "metrics")]
mod audit;
#[cfg(feature = "metrics")]
pub(super) mod figures;
pub(super) mod instruments;
#[cfg(feature = "metrics")]
mod metrics;
pub(super) mod traffic;

#[cfg(feature = "metrics")]
pub use audit::audit;
#[cfg(feature = "metrics")]
pub use metrics::{MeasuredProvider, count_retry, describe_metrics};
