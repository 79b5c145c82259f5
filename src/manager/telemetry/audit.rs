//! An audit log: one event of `tracing` for each attempt, without content and without secrets.

use crate::manager::report::{AttemptOutcome, AttemptReport};

/// Tells the target `samewire::audit` who was asked for what, and how it ended, for those who must keep a log.
///
/// Its fields: `provider` (the manager's name), `model`, `outcome` (`answer`, `incomplete`, `error`, `dropped`),
/// `error` and `status` where something failed, `input_tokens`, `output_tokens`, `cost_usd` where the service
/// states one, `waited_ms`, `duration_ms`. No prompt, no answer, no error text, no key. A JSON layer of
/// `tracing-subscriber` with a filter on the target writes them as lines.
///
/// # Example: audit every attempt
///
/// ```
/// use samewire::manager::{ManagerConfig, audit};
///
/// let config = ManagerConfig::new().on_attempt(audit);
/// # let _ = config;
/// ```
pub fn audit(report: &AttemptReport<'_>) {
    let outcome = match report.outcome {
        AttemptOutcome::Answer => "answer",
        AttemptOutcome::Incomplete => "incomplete",
        AttemptOutcome::Error => "error",
        AttemptOutcome::Dropped => "dropped",
    };
    tracing::info!(
        target: "samewire::audit",
        provider = report.provider,
        model = report.model,
        outcome,
        error = report.error.map(|error| tracing::field::debug(error.kind())),
        status = report.error.and_then(crate::Error::status),
        input_tokens = report.usage.input_tokens,
        output_tokens = report.usage.output_tokens,
        cost_usd = report.usage.total_cost.value(),
        waited_ms = report.waited.as_secs_f64() * 1000.0,
        duration_ms = report.duration.as_secs_f64() * 1000.0,
    );
}
