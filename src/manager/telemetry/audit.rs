//! An audit log: one event of `tracing` for each attempt, without content and without secrets.

use crate::manager::report::{AttemptOutcome, AttemptReport};
use crate::manager::usage::CostSource;

/// Tells the target `samewire::audit` who asked whom for what, and how it ended, for those who must keep a log.
///
/// | field | what |
/// | --- | --- |
/// | `who` | as [`ChatRequest::on_behalf_of`](crate::ChatRequest::on_behalf_of) names the user or tenant |
/// | `task` | the conversation's id |
/// | `provider`, `model` | the manager's name of the provider, and the model |
/// | `outcome` | `answer`, `incomplete`, `error` or `dropped` |
/// | `error`, `status` | the kind of error and the HTTP status, where something failed |
/// | `request_bytes`, `response_bytes` | the sizes of the bodies, decompressed |
/// | `input_tokens`, `output_tokens` | as far as the service counted |
/// | `cost_usd`, `cost_source` | `reported` by the service or `estimated` from the model's prices |
/// | `waited_ms`, `duration_ms` | for the rate limiter; from sending to the end |
///
/// What is not known is left out. No prompt, no answer, no error text, no key. A JSON layer of `tracing-subscriber` with a
/// filter on the target writes them as lines.
///
/// # Example: audit every attempt
///
/// ```
/// use samewire::manager::{ManagerConfig, audit};
/// use samewire::{ChatRequest, Message};
///
/// let config = ManagerConfig::new().on_attempt(audit);
/// let request = ChatRequest::new("", [Message::user("Hello")]).with_on_behalf_of("tenant-7/anna");
/// # let _ = (config, request);
/// ```
pub fn audit(report: &AttemptReport<'_>) {
    let outcome = match report.outcome {
        AttemptOutcome::Answer => "answer",
        AttemptOutcome::Incomplete => "incomplete",
        AttemptOutcome::Error => "error",
        AttemptOutcome::Dropped => "dropped",
    };
    let cost_source = report.cost.map(|cost| match cost.source {
        CostSource::Reported => "reported",
        CostSource::Estimated => "estimated",
    });
    tracing::info!(
        target: "samewire::audit",
        who = report.on_behalf_of,
        task = report.task_id,
        provider = report.provider,
        model = report.model,
        outcome,
        error = report.error.map(|error| tracing::field::debug(error.kind())),
        status = report.error.and_then(crate::Error::status),
        request_bytes = report.request_bytes,
        response_bytes = report.response_bytes,
        input_tokens = report.usage.input_tokens,
        output_tokens = report.usage.output_tokens,
        cost_usd = report.cost.map(|cost| cost.dollars),
        cost_source,
        waited_ms = report.waited.as_secs_f64() * 1000.0,
        duration_ms = report.duration.as_secs_f64() * 1000.0,
    );
}
