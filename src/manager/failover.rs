//! One owner for a call from its first connection to its first token, by the table of `failover.md`.

use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::answer::Answer;
use super::breaker::BreakerState;
use super::config::Budget;
use super::history::{Author, adapt};
use super::lane::Entry;
use super::plan::{Candidate, Plan};
use super::provider_manager::Shared;
use super::report::Sample;
use super::routing::Needs;
use super::telemetry::instruments;
use super::telemetry::traffic::Traffic;
use super::usage::MeteredCall;
use crate::message::Message;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::stream::TokenStream;
use crate::{Error, ErrorKind, RetryAdvice};

/// What is asked of whichever provider.
#[derive(Clone, Copy)]
pub(super) enum Asked<'a> {
    Chat(&'a ChatRequest),
    Completion(&'a CompletionRequest),
    CompletionStream(&'a CompletionRequest),
}

/// What came of it.
pub(super) enum Answered {
    Stream(Box<TokenStream>),
    Whole(CompletionResponse),
}

impl Asked<'_> {
    fn needs(self) -> Needs {
        match self {
            Self::Chat(request) => Needs::of_chat(request),
            Self::Completion(request) | Self::CompletionStream(request) => Needs::of_prompt(&request.prompt),
        }
    }
}

impl Shared {
    /// Has a call answered by one of the target's providers.
    pub(super) async fn call(&self, target: &str, asked: Asked<'_>) -> Result<Answered, Error> {
        let needs = asked.needs();
        let plan = self.plan(target, needs)?;
        let mut course = Course::new(target, plan, self.budget, || self.context.clock.random());
        loop {
            let (place, candidate) = course.next().await?;
            let attempt = self.attempt(&candidate, asked, needs, place > 0, course.deadline);
            match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(failed) => course.failed(place, failed)?,
            }
        }
    }

    async fn attempt(
        &self,
        candidate: &Candidate,
        asked: Asked<'_>,
        needs: Needs,
        moved: bool,
        deadline: Option<Instant>,
    ) -> Result<Answered, Failed> {
        let lane = &candidate.lane;
        if lane.breaker.state() == BreakerState::Open
            && let Err(refusal) = lane.breaker.try_enter()
        {
            return Err(Failed::unsent(lane.refused(refusal)));
        }
        let permit = until(deadline, pin!(lane.limits.acquire(needs.tokens()))).await;
        let permit = permit.ok_or_else(|| Failed::unsent(out_of_time("the rate limiter's permission")))?;
        let permit = permit.map_err(|error| Failed::unsent(error.with_provider(lane.provider.clone())))?;
        let breaker = lane.breaker.try_enter_shared().await;
        let breaker = breaker.map_err(|refusal| Failed::unsent(lane.refused(refusal)))?;
        let mut sample = Sample::new(lane.clone(), permit, breaker, self.books.clone());

        let patience = candidate.entry.config.first_token_timeout.map(|time| Instant::now() + time);
        let limit = [patience, deadline].into_iter().flatten().min();
        let outcome = {
            let traffic = sample.traffic().cloned();
            let asking = pin!(candidate.ask(self, asked, moved, &mut sample));
            until(limit, pin!(Traffic::around(traffic, asking))).await
        };
        match outcome.unwrap_or_else(|| Err(out_of_time("the first token"))) {
            Ok(answered) => {
                sample.first_token();
                Ok(candidate.mind(answered, sample))
            }
            Err(error) => {
                sample.failure(&error);
                Err(Failed { error: named(error, candidate), sent: true })
            }
        }
    }
}

impl Shared {
    /// Who wrote a message that goes to this provider.
    fn author(&self, message: &Message, reader: &Entry) -> Author {
        let Some(origin) = message.origin() else { return Author::Unknown };
        let writer = self.entry(origin);
        let written_for = writer.as_ref().map_or(Some(origin), |writer| writer.service());
        Author::of(Some(origin), &reader.config.id, [written_for, reader.service()])
    }
}

impl Candidate {
    /// Asks, and waits for the first token that says something.
    async fn ask(
        &self,
        manager: &Shared,
        asked: Asked<'_>,
        moved: bool,
        sample: &mut Sample,
    ) -> Result<Answered, Error> {
        let stream = match asked {
            Asked::Completion(request) => {
                sample.sends(|| MeteredCall::of_completion(&*self.provider, request));
                return self.provider.complete(request.clone()).await.map(Answered::Whole);
            }
            Asked::CompletionStream(request) => {
                sample.sends(|| MeteredCall::of_completion(&*self.provider, request));
                self.provider.complete_stream(request.clone()).await?
            }
            Asked::Chat(request) => {
                sample.sends(|| MeteredCall::new(&*self.provider, request));
                let author = |message: &Message| manager.author(message, &self.entry);
                let request = adapt(request, self.entry.protocol(), moved, author).into_owned();
                self.provider.chat_stream(request).await?
            }
        };
        let mut stream = sample.watch(stream);
        stream.start_unless(|_| true).await?;
        if stream.is_blank() {
            return Err(Error::invalid_response("the service ended its answer before it had begun"));
        }
        Ok(Answered::Stream(Box::new(stream)))
    }

    fn mind(&self, answered: Answered, sample: Sample) -> Answered {
        match answered {
            Answered::Stream(tokens) => {
                let config = &self.entry.config;
                Answered::Stream(Box::new(tokens.minded_by(|tokens| Answer::new(tokens, config, sample))))
            }
            Answered::Whole(whole) => {
                sample.whole(&whole.text);
                Answered::Whole(whole)
            }
        }
    }
}

/// Takes work where it stands: each `async fn` that takes a future by value holds it twice.
async fn until<T>(limit: Option<Instant>, work: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match limit {
        Some(limit) => timeout_at(limit, work).await.ok(),
        None => Some(work.await),
    }
}

fn out_of_time(what: &str) -> Error {
    Error::new(ErrorKind::Timeout, format!("waiting for {what} took too long"))
}

fn named(error: Error, candidate: &Candidate) -> Error {
    if error.provider().is_some() { error } else { error.with_provider(candidate.lane.provider.clone()) }
}

/// An attempt that gave no answer.
struct Failed {
    error: Error,
    /// Whether a request went out.
    sent: bool,
}

impl Failed {
    fn unsent(error: Error) -> Self {
        Self { error, sent: false }
    }
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Try the same provider again, then the others.
    Again,
    /// Try the others, then the same again.
    Later,
    /// Try the others.
    Leave,
    /// Give up.
    Final,
}

fn verdict(error: &Error) -> Verdict {
    let kind = match (error.kind(), error.status()) {
        (ErrorKind::InStream, Some(status)) if status >= 400 => ErrorKind::of_status(status),
        (kind, _) => kind,
    };
    let explicitly_final = error.retry() == RetryAdvice::Never && error.kind() == kind;
    match kind {
        ErrorKind::Interrupted | ErrorKind::InStream => Verdict::Again,
        ErrorKind::Server | ErrorKind::Connection if !explicitly_final => Verdict::Again,
        ErrorKind::Timeout | ErrorKind::Overloaded | ErrorKind::RateLimited if !explicitly_final => {
            Verdict::Later
        }
        ErrorKind::InvalidRequest if !is_too_long(error) => Verdict::Final,
        _ => Verdict::Leave,
    }
}

/// Whether the prompt does not fit, which it may elsewhere.
fn is_too_long(error: &Error) -> bool {
    let says = |text: &str| TOO_LONG.iter().any(|words| text.contains(words));
    error.status() == Some(413)
        || error.code().and_then(|code| code.as_str()).is_some_and(says)
        || says(&error.message().to_ascii_lowercase())
}

/// Who is tried next, and when.
struct Course<'a, R> {
    target: &'a str,
    candidates: Vec<(Candidate, Turn)>,
    budget: Budget,
    deadline: Option<Instant>,
    attempts: u32,
    /// Who is to be tried again before the others.
    stay: Option<usize>,
    last: Option<Error>,
    random: R,
}

#[derive(Default)]
struct Turn {
    tries: u32,
    ready: Option<Instant>,
    out: bool,
}

impl<'a, R: Fn() -> f64> Course<'a, R> {
    fn new(target: &'a str, plan: Plan, budget: Budget, random: R) -> Self {
        let candidates = plan.candidates.into_iter().map(|candidate| (candidate, Turn::default())).collect();
        Self {
            target,
            candidates,
            budget,
            deadline: budget.time.map(|time| Instant::now() + time),
            attempts: 0,
            stay: None,
            last: plan.error,
            random,
        }
    }

    /// The next candidate, once its time has come.
    async fn next(&mut self) -> Result<(usize, Candidate), Error> {
        let now = Instant::now();
        let ready = |turn: &Turn| turn.ready.unwrap_or(now).max(now);
        let left = || self.candidates.iter().enumerate().filter(|(_, (_, turn))| !turn.out);
        let place = self.stay.take().or_else(|| {
            // The first of the earliest: `min_by_key` keeps the order of the plan.
            left().min_by_key(|(_, (_, turn))| ready(turn)).map(|(place, _)| place)
        });
        let Some(place) = place else { return Err(self.give_up(None)) };
        let (candidate, turn) = &self.candidates[place];
        let (candidate, at) = (candidate.clone(), ready(turn));
        if self.attempts >= self.budget.attempts.max(1) {
            return Err(self.give_up(None));
        }
        let too_late = self.deadline.is_some_and(|deadline| at >= deadline);
        if too_late || at - now > self.budget.max_wait {
            return Err(self.give_up(Some(at - now)));
        }
        if at > now {
            sleep_until(at).await;
        }
        if let Some(because) =
            self.last.as_ref().filter(|_| self.candidates.iter().any(|(_, turn)| turn.tries > 0))
        {
            instruments::retried(&candidate.lane.provider, &candidate.lane.model, because.kind());
        }
        Ok((place, candidate))
    }

    /// Draws the conclusion of a failure; the error if it ends the call.
    fn failed(&mut self, place: usize, failed: Failed) -> Result<(), Error> {
        let Failed { error, sent } = failed;
        let verdict = if sent { verdict(&error) } else { Verdict::Leave };
        if verdict == Verdict::Final {
            return Err(error);
        }
        let turn = &mut self.candidates[place].1;
        turn.tries += 1;
        self.attempts += u32::from(sent);
        let asked = if let RetryAdvice::After(wait) = error.retry() { wait } else { Duration::ZERO };
        let wait = asked.max(delay(self.budget.delay, turn.tries, (self.random)()));
        turn.ready = Some(Instant::now() + wait);
        turn.out = verdict == Verdict::Leave || turn.tries > self.budget.retries;
        // A limiter without room has room later, an open breaker closes: worth waiting for, sent or not.
        if !sent && error.kind() == ErrorKind::RateLimited && turn.tries <= self.budget.retries {
            turn.out = false;
        }
        self.stay = (verdict == Verdict::Again && !turn.out && wait <= LONGEST_STAY).then_some(place);
        self.last = Some(error);
        Ok(())
    }

    /// The error of the whole call. With one provider it is that provider's.
    fn give_up(&mut self, wait: Option<Duration>) -> Error {
        let Some(last) = self.last.take() else {
            let message = format!("no provider of `{}` can serve this request", self.target);
            return Error::new(ErrorKind::Unsupported, message);
        };
        let error = if self.candidates.len() > 1 {
            let message = format!(
                "every provider of `{}` failed; the last, {}: {}",
                self.target,
                last.provider().unwrap_or("unnamed"),
                last.message()
            );
            last.with_message(message)
        } else {
            last
        };
        match wait {
            Some(wait) if !wait.is_zero() && error.retry() != RetryAdvice::Never => {
                error.with_retry(RetryAdvice::After(wait))
            }
            _ => error,
        }
    }
}

fn delay(first: Duration, tries: u32, random: f64) -> Duration {
    let doubled = first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1)));
    doubled.min(LONGEST_DELAY).mul_f64(1.0 - 0.25 * random)
}

const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// Beyond this wait another provider, or another key, is worth its cold cache.
pub(super) const LONGEST_STAY: Duration = Duration::from_secs(3);

const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "context length",
    "context window",
    "maximum context",
    "prompt is too long",
    "input is too long",
    "too many tokens",
];
