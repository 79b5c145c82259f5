//! Spans and figures of calls, in the names of OpenTelemetry's conventions for generative AI.

use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use metrics::{Label, Unit};
use tracing::Span;

use super::figures::{COST, CallFigures, DURATION, FIRST_CHUNK, Figure, TOKENS, UNKNOWN_COST};
use crate::clock::Clock;
use crate::lock::Locked;
use crate::manager::usage::ledger::{MeteredCall, largest, text_bytes, token_bytes};
use crate::manager::usage::{CostSource, Outcome, UsageRecord};
use crate::provider::{AiProvider, left_to};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::stream::{Observe, StreamSummary, TokenStream};
use crate::{Error, ErrorKind, StreamToken, Text, Usage};

/// A provider whose calls are measured.
///
/// What is recorded goes to the [`metrics`] facade and to `tracing`; where it ends up is the application's
/// choice. Labels are provider, model, operation and kind of error: no prompts, no answers, no keys, no
/// conversation ids.
///
/// | figure | kind | unit |
/// | --- | --- | --- |
/// | `gen_ai.client.operation.duration` | histogram | s, from the call to the end, error or drop of its stream |
/// | `gen_ai.client.operation.time_to_first_chunk` | histogram | s, to the first token that says something |
/// | `gen_ai.client.token.usage` | histogram | tokens, by `gen_ai.token.type`: `input`, `output`, `cache_read`, `cache_write` |
/// | `samewire.client.cost` | counter | millionths of a US dollar, by `samewire.cost.source`; a call of unknown cost adds nothing |
/// | `samewire.client.cost.unknown` | counter | calls that used tokens at an unknown price |
/// | `samewire.client.retries` | counter | further tries: the manager's and the key ring's, and those that [`count_retry`] is told of |
/// | `samewire.client.limiter.wait` | histogram | s, that a rate limiter held a call back |
/// | `samewire.client.breaker.state` | gauge | 0 closed, 1 half-open, 2 open |
///
/// The providers of a [`ProviderManager`](crate::manager::ProviderManager) are measured without being wrapped: each attempt is
/// one operation.
///
/// Each call is one span `gen_ai.client.operation` with the same attributes, and tokens, outcome and cost once
/// they are known. Failed calls carry `error.type`, dropped ones `cancelled` there.
///
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>
///
/// # Example: measure a provider
///
/// ```
/// use samewire::manager::MeasuredProvider;
/// use samewire::{AiProvider, Context, ProviderSettings, build_provider_in};
///
/// let context = Context::system();
/// let provider = build_provider_in(&ProviderSettings::new("groq").with("groqApiKey", "gsk"), &context)?;
/// let provider = MeasuredProvider::new(provider, context.clock.clone());
/// assert_eq!(provider.name(), "groq");
/// # Ok::<(), samewire::Error>(())
/// ```
pub struct MeasuredProvider {
    inner: Arc<dyn AiProvider>,
    clock: Arc<dyn Clock>,
    /// Of every operation and model that was called.
    figures: Mutex<Vec<Arc<CallFigures>>>,
}

impl MeasuredProvider {
    /// Measures a provider by that clock.
    pub fn new(inner: Arc<dyn AiProvider>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock, figures: Mutex::default() }
    }

    fn figures(&self, operation: &'static str, model: &Text) -> Arc<CallFigures> {
        let mut known = self.figures.locked();
        let is_it = |figures: &&Arc<CallFigures>| figures.operation == operation && figures.model == *model;
        if let Some(figures) = known.iter().find(is_it) {
            return figures.clone();
        }
        let figures = Arc::new(CallFigures::new(operation, self.inner.name().into(), model.clone()));
        known.push(figures.clone());
        figures
    }

    /// Begins a call with a request of so many bytes of text.
    fn begin(&self, operation: &'static str, request_bytes: usize) -> Measurement {
        let model = self.inner.model();
        let figures = self.figures(operation, &model.id);
        let span = tracing::info_span!(
            "gen_ai.client.operation",
            "gen_ai.operation.name" = operation,
            "gen_ai.provider.name" = figures.provider.as_str(),
            "gen_ai.request.model" = figures.model.as_str(),
            "gen_ai.usage.input_tokens" = tracing::field::Empty,
            "gen_ai.usage.output_tokens" = tracing::field::Empty,
            "samewire.cost.dollars" = tracing::field::Empty,
            "error.type" = tracing::field::Empty,
        );
        Measurement {
            call: Some(MeteredCall::of_model(figures.provider.clone(), model, request_bytes)),
            figures,
            clock: self.clock.clone(),
            begun: self.clock.now(),
            span,
            spoke: false,
            usage: None,
            answer_bytes: 0,
            outcome: Outcome::Dropped,
        }
    }

    async fn opened(
        mut measurement: Measurement,
        opening: BoxFuture<'_, Result<TokenStream, Error>>,
    ) -> Result<TokenStream, Error> {
        match tracing::Instrument::instrument(opening, measurement.span.clone()).await {
            Ok(tokens) => Ok(tokens.observed(measurement)),
            Err(error) => {
                measurement.settle(Outcome::Failed(error.kind()));
                Err(error)
            }
        }
    }
}

/// Counts a further try of a call: a retry, another key, another provider.
pub fn count_retry(provider: &str, model: &str, because: ErrorKind) {
    let labels = [
        Label::new("gen_ai.provider.name", provider.to_owned()),
        Label::new("gen_ai.request.model", model.to_owned()),
        Label::from_static_parts("error.type", error_type(because)),
    ];
    metrics::counter!("samewire.client.retries", labels.iter()).increment(1);
}

/// Tells the exporter what the figures mean and in what unit they are. Call it once, after the recorder is
/// installed.
pub fn describe_metrics() {
    metrics::describe_histogram!(DURATION, Unit::Seconds, "Duration of a call up to its last token");
    metrics::describe_histogram!(
        FIRST_CHUNK,
        Unit::Seconds,
        "Time up to the first token that says something"
    );
    metrics::describe_histogram!(TOKENS, Unit::Count, "Tokens that a call used, by type");
    metrics::describe_counter!(COST, Unit::Count, "Known costs in millionths of a US dollar");
    metrics::describe_counter!(UNKNOWN_COST, Unit::Count, "Calls at an unknown price");
    metrics::describe_counter!("samewire.client.retries", Unit::Count, "Further tries of calls");
    metrics::describe_histogram!(LIMITER_WAIT, Unit::Seconds, "Time that a rate limiter held a call back");
    metrics::describe_gauge!(BREAKER_STATE, "State of a breaker: 0 closed, 1 half-open, 2 open");
}

#[deny(clippy::missing_trait_methods)]
impl AiProvider for MeasuredProvider {
    left_to!(inner);

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        let measurement = self.begin("chat", text_bytes(&request));
        Box::pin(Self::opened(measurement, self.inner.chat_stream(request)))
    }

    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<ChatResponse, Error>> {
        Box::pin(crate::response::whole(self, request))
    }

    /// Completions report no counts, so their tokens are a guess.
    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        let mut measurement = self.begin("text_completion", request.prompt.len());
        Box::pin(async move {
            let completion = self.inner.complete(request);
            let outcome = tracing::Instrument::instrument(completion, measurement.span.clone()).await;
            match &outcome {
                Ok(completion) => {
                    measurement.answer_bytes = completion.text.len();
                    measurement.settle(Outcome::Complete);
                }
                Err(error) => measurement.settle(Outcome::Failed(error.kind())),
            }
            outcome
        })
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        let measurement = self.begin("text_completion", request.prompt.len());
        Box::pin(Self::opened(measurement, self.inner.complete_stream(request)))
    }
}

/// One call, from its begin to its end; a call that is dropped on the way is recorded too.
struct Measurement {
    /// Taken when the call is recorded.
    call: Option<MeteredCall>,
    figures: Arc<CallFigures>,
    clock: Arc<dyn Clock>,
    begun: f64,
    span: Span,
    spoke: bool,
    usage: Option<Usage>,
    answer_bytes: usize,
    outcome: Outcome,
}

impl Observe for Measurement {
    fn item(&mut self, item: &Result<StreamToken, Error>) {
        match item {
            Ok(token) => {
                if !self.spoke && token.is_semantic() {
                    self.spoke = true;
                    self.figures.first_chunk.record(self.seconds());
                }
                match token {
                    StreamToken::Usage(usage) => largest(self.usage.get_or_insert_default(), usage),
                    token => self.answer_bytes += token_bytes(token),
                }
            }
            Err(error) => self.settle(Outcome::Failed(error.kind())),
        }
    }

    fn end(&mut self, _: StreamSummary) {
        self.settle(Outcome::Complete);
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        self.settle(self.outcome);
    }
}

impl Measurement {
    /// The time since the call began.
    fn seconds(&self) -> f64 {
        (self.clock.now() - self.begun).max(0.0) / 1000.0
    }

    fn settle(&mut self, outcome: Outcome) {
        if self.call.is_none() {
            return;
        }
        let error = match outcome {
            Outcome::Complete => None,
            Outcome::Failed(kind) => Some(error_type(kind)),
            Outcome::Dropped => Some("cancelled"),
        };
        let (duration, seconds) = (&self.figures.duration, self.seconds());
        match error {
            Some(error) => {
                duration.with(Label::from_static_parts("error.type", error)).record(seconds);
                self.span.record("error.type", error);
            }
            None => duration.record(seconds),
        }
        let Some(call) = self.call.take() else { return };
        let record = call.record(self.usage.take(), self.answer_bytes, outcome, None);
        self.span.record("gen_ai.usage.input_tokens", record.tokens.prompt());
        self.span.record("gen_ai.usage.output_tokens", record.tokens.output);
        if let Some(cost) = record.cost {
            self.span.record("samewire.cost.dollars", cost.dollars);
        }
        record_usage(&record, &self.figures);
    }
}

fn record_usage(record: &UsageRecord, figures: &CallFigures) {
    let tokens = &record.tokens;
    let kinds: [(&Figure, u64); 4] = [
        (&figures.input, tokens.prompt()),
        (&figures.output, tokens.output),
        (&figures.cache_read, tokens.cache_reads),
        (&figures.cache_write, tokens.cache_writes + tokens.hour_cache_writes),
    ];
    for (figure, count) in kinds {
        if count > 0 {
            figure.record(count as f64);
        }
    }
    match record.cost {
        Some(cost) => {
            let figure = match cost.source {
                CostSource::Reported => &figures.reported_cost,
                CostSource::Estimated => &figures.estimated_cost,
            };
            figure.count((cost.dollars * 1e6).round() as u64);
        }
        None if tokens.total() > 0 => figures.unknown_cost.count(1),
        None => {}
    }
}

fn error_type(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Configuration => "configuration",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Authentication => "authentication",
        ErrorKind::PermissionDenied => "permission_denied",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Timeout => "timeout",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::Overloaded => "overloaded",
        ErrorKind::InvalidRequest => "invalid_request",
        ErrorKind::Server => "server",
        ErrorKind::Connection => "connection",
        ErrorKind::Interrupted => "interrupted",
        ErrorKind::InStream => "in_stream",
        ErrorKind::InvalidResponse => "invalid_response",
    }
}

pub(crate) const LIMITER_WAIT: &str = "samewire.client.limiter.wait";
pub(crate) const BREAKER_STATE: &str = "samewire.client.breaker.state";
