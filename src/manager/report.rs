//! How an attempt went, told once.

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::BreakerPermit;
use super::config::Observer;
use super::lane::Lane;
use super::limiter::LimiterPermit;
use crate::transport::Headers;
use crate::{Error, Usage};
use std::sync::Arc;

/// One attempt of a call, when it is over: what usage accounting and metrics are made from.
///
/// Every attempt that got as far as sending is reported exactly once, also when its stream is dropped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttemptReport<'a> {
    /// The manager's name for the provider.
    pub provider: &'a str,
    /// The model asked.
    pub model: &'a str,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The tokens that the service reported, as far as they arrived.
    pub usage: &'a Usage,
    /// The wait for the rate limiter.
    pub waited: Duration,
    /// From sending to the first token that says something, if one came.
    pub first_token: Option<Duration>,
    /// From sending to the end.
    pub duration: Duration,
    /// What went wrong.
    pub error: Option<&'a Error>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// With a whole answer.
    Answer,
    /// Within an answer.
    Incomplete,
    /// Before an answer.
    Error,
    /// The caller lost interest.
    Dropped,
}

/// What an attempt holds: its place in the limiter, its sample for the breaker, and the duty to report.
/// Rides inside the stream and settles once: at the end, at an error, or when dropped.
pub(super) struct Sample {
    lane: Arc<Lane>,
    limiter: LimiterPermit,
    breaker: Option<BreakerPermit>,
    observer: Option<Observer>,
    sent: Instant,
    first_token: Option<Duration>,
    usage: Usage,
}

impl Sample {
    pub(super) fn new(
        lane: Arc<Lane>,
        limiter: LimiterPermit,
        breaker: BreakerPermit,
        observer: Option<Observer>,
    ) -> Self {
        Self {
            lane,
            limiter,
            breaker: Some(breaker),
            observer,
            sent: Instant::now(),
            first_token: None,
            usage: Usage::default(),
        }
    }

    /// The response head is there.
    pub(super) fn answered(&mut self, headers: &Headers) {
        self.limiter.answered(headers);
    }

    /// The answer has begun.
    pub(super) fn first_token(&mut self) {
        self.first_token = Some(self.sent.elapsed());
        self.limiter.succeeded();
        if let Some(breaker) = &mut self.breaker {
            breaker.first_token();
        }
        self.lane.health().first_token(self.sent.elapsed());
    }

    /// The tokens reported so far.
    pub(super) fn usage(&mut self, usage: &Usage) {
        self.usage = usage.clone();
    }

    pub(super) fn success(mut self) {
        if let Some(breaker) = self.breaker.take() {
            breaker.success();
        }
        self.lane.health().success();
        self.report(AttemptOutcome::Answer, None);
    }

    pub(super) fn failure(mut self, error: &Error) {
        self.limiter.failed(error);
        if let Some(breaker) = self.breaker.take() {
            breaker.failure(error);
        }
        self.lane.health().failure(error);
        let outcome =
            if self.first_token.is_some() { AttemptOutcome::Incomplete } else { AttemptOutcome::Error };
        self.report(outcome, Some(error));
    }

    fn report(&mut self, outcome: AttemptOutcome, error: Option<&Error>) {
        let tokens = self.usage.input_tokens + self.usage.output_tokens;
        if tokens > 0 {
            self.limiter.settle_tokens(tokens);
        }
        if let Some(observer) = self.observer.take() {
            observer(&AttemptReport {
                provider: &self.lane.provider,
                model: &self.lane.model,
                outcome,
                usage: &self.usage,
                waited: self.limiter.waited(),
                first_token: self.first_token,
                duration: self.sent.elapsed(),
                error,
            });
        }
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        // Success and failure take the breaker's permit, a cancelled call has it still.
        if self.breaker.is_some() {
            self.report(AttemptOutcome::Dropped, None);
        }
    }
}
