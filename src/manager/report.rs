//! How an attempt went, told once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::BreakerPermit;
use super::config::Observer;
use super::lane::Lane;
use super::limiter::LimiterPermit;
use super::telemetry::traffic::Traffic;
use super::usage::ledger::largest;
use super::usage::{Cost, MeteredCall, Outcome, UsageLedger};
use crate::lock::Locked;
use crate::stream::{Observe, TokenStream};
use crate::{Error, StreamToken, Usage};

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
    /// Who asked, as [`ChatRequest::on_behalf_of`](crate::ChatRequest::on_behalf_of) says.
    pub on_behalf_of: Option<&'a str>,
    /// The conversation's id.
    pub task_id: Option<&'a str>,
    /// The bytes of the bodies that were sent, those for access tokens and model lists included; `None` for providers
    /// that do not go through the manager's transport: programs, and those made elsewhere.
    pub request_bytes: Option<u64>,
    /// The bytes of the bodies that came back, decompressed, as far as they were read.
    pub response_bytes: Option<u64>,
    /// The tokens that the service reported, as far as they arrived: the largest count of each kind, since services that
    /// count several times tell running totals.
    pub usage: &'a Usage,
    /// What these tokens cost; `None` if it is not known.
    pub cost: Option<Cost>,
    /// The wait for the rate limiter. Zero where several keys have one each: theirs show in the metrics.
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

/// What an attempt holds: its place in the limiter, its sample for the breaker, and the duty to report and to
/// book. Rides inside the stream and settles once: at the end, at an error, or when dropped.
pub(super) struct Sample {
    lane: Arc<Lane>,
    /// `None` where each key has a limiter of its own.
    limiter: Option<LimiterPermit>,
    breaker: Option<BreakerPermit>,
    books: Books,
    /// A call that no stream books yet. In a box, as is the other, since most calls are nobody's business and all keep room.
    unbooked: Option<Box<MeteredCall>>,
    /// The call, for who wants to know of it.
    call: Option<Box<MeteredCall>>,
    traffic: Option<Arc<Traffic>>,
    sent: Instant,
    first_token: Option<Duration>,
    /// What the stream counts; `None` for an answer in one piece.
    usage: Option<Arc<Mutex<Usage>>>,
}

/// Who wants to know.
#[derive(Clone, Default)]
pub(super) struct Books {
    pub(super) observer: Option<Observer>,
    pub(super) ledger: Option<UsageLedger>,
}

impl Sample {
    pub(super) fn new(
        lane: Arc<Lane>,
        limiter: Option<LimiterPermit>,
        breaker: BreakerPermit,
        books: Books,
    ) -> Self {
        let traffic = books.observer.is_some().then(Arc::default);
        Self {
            lane,
            limiter,
            breaker: Some(breaker),
            books,
            unbooked: None,
            call: None,
            traffic,
            sent: Instant::now(),
            first_token: None,
            usage: None,
        }
    }

    /// A request is about to be sent.
    pub(super) fn sends(&mut self, call: impl FnOnce() -> MeteredCall) {
        let Books { observer, ledger } = &self.books;
        if observer.is_none() && ledger.is_none() {
            return;
        }
        // Prices are known by the service, not by the manager's name for it.
        let call = match ledger {
            Some(ledger) => ledger.priced(call()),
            None => call(),
        };
        self.call = observer.is_some().then(|| Box::new(call.clone()));
        self.unbooked = ledger.is_some().then(|| Box::new(call.with_provider(self.lane.provider.as_str())));
    }

    /// Where the attempt's bytes are counted, if anybody wants to know.
    pub(super) fn traffic(&self) -> Option<&Arc<Traffic>> {
        self.traffic.as_ref()
    }

    /// The response head is there: from now on the stream itself tells what was used.
    pub(super) fn watch(&mut self, mut tokens: TokenStream) -> TokenStream {
        if let (Some(limiter), Some(headers)) = (&mut self.limiter, tokens.headers()) {
            limiter.answered(headers);
        }
        if let (Some(ledger), Some(call)) = (&self.books.ledger, self.unbooked.take()) {
            tokens = ledger.track(*call, tokens);
        }
        tokens.observed(Tally(self.usage.insert(Arc::default()).clone()))
    }

    /// The answer has begun.
    pub(super) fn first_token(&mut self) {
        self.first_token = Some(self.sent.elapsed());
        if let Some(limiter) = &mut self.limiter {
            limiter.succeeded();
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.first_token();
        }
        self.lane.health().first_token(self.sent.elapsed());
    }

    /// An answer that came in one piece is there.
    pub(super) fn whole(mut self, text: &str) {
        self.book(Outcome::Complete, text.len());
        self.success();
    }

    pub(super) fn success(mut self) {
        if let Some(breaker) = self.breaker.take() {
            breaker.success();
        }
        self.lane.health().success();
        self.report(AttemptOutcome::Answer, None);
    }

    pub(super) fn failure(mut self, error: &Error) {
        if let Some(limiter) = &mut self.limiter {
            limiter.failed(error);
        }
        if let Some(breaker) = self.breaker.take() {
            breaker.failure(error);
        }
        self.lane.health().failure(error);
        self.book(Outcome::Failed(error.kind()), 0);
        let outcome =
            if self.first_token.is_some() { AttemptOutcome::Incomplete } else { AttemptOutcome::Error };
        self.report(outcome, Some(error));
    }

    fn book(&mut self, outcome: Outcome, answer_bytes: usize) {
        if let (Some(ledger), Some(call)) = (&self.books.ledger, self.unbooked.take()) {
            ledger.add(&call.record(None, answer_bytes, outcome, None));
        }
    }

    fn report(&mut self, outcome: AttemptOutcome, error: Option<&Error>) {
        let counted = self.usage.take().map(|usage| usage.locked().clone());
        let usage = counted.unwrap_or_default();
        let tokens = usage.input_tokens + usage.output_tokens;
        if let Some(limiter) = self.limiter.as_mut().filter(|_| tokens > 0) {
            limiter.settle_tokens(tokens);
        }
        if let Some(observer) = self.books.observer.take() {
            let call = self.call.as_deref();
            let bytes = self.traffic.as_ref().and_then(|traffic| traffic.bytes());
            observer(&AttemptReport {
                provider: &self.lane.provider,
                model: &self.lane.model,
                outcome,
                on_behalf_of: call.and_then(MeteredCall::on_behalf_of),
                task_id: call.and_then(MeteredCall::task_id),
                request_bytes: bytes.map(|(sent, _)| sent),
                response_bytes: bytes.map(|(_, received)| received),
                usage: &usage,
                cost: call.and_then(|call| call.cost(&usage)),
                waited: self.limiter.as_ref().map_or(Duration::ZERO, LimiterPermit::waited),
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
            self.book(Outcome::Dropped, 0);
            self.report(AttemptOutcome::Dropped, None);
        }
    }
}

/// Keeps what a service counts, whether or not anybody reads it.
struct Tally(Arc<Mutex<Usage>>);

impl Observe for Tally {
    fn item(&mut self, item: &Result<StreamToken, Error>) {
        if let Ok(StreamToken::Usage(usage)) = item {
            largest(&mut self.0.locked(), usage);
        }
    }
}
