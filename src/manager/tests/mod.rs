//! The manager under fire. Time is Tokio's paused clock throughout.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, sleep};

use futures_core::future::BoxFuture;

use super::*;
use crate::clock::PausedClock;
use crate::context::Context;
use crate::json::Value;
use crate::model::ModelInfo;
use crate::provider::AiProvider;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::stream::TokenStream;
use crate::transport::ReplayTransport;
use crate::{ChatResponse, Message, RetryAdvice, StreamToken, Usage};
use crate::{Error, ErrorKind, Model};

mod books;
mod faults;
mod routes;
mod schedules;
mod shared;
mod wire;

/// What a scripted service does, step by step.
#[derive(Clone, Debug)]
enum Act {
    /// Nothing, for so long.
    Wait(Duration),
    /// Says this.
    Say(&'static str),
    /// Counts tokens.
    Count(u64, u64),
    /// Fails: instead of a response head if nothing came before, else inside the stream.
    Fail(ErrorKind, Option<u16>, RetryAdvice),
    /// Never anything again.
    Hang,
}

use Act::{Count, Fail, Hang, Say, Wait};

const fn fail(kind: ErrorKind) -> Act {
    Fail(kind, None, RetryAdvice::Backoff)
}

const fn status(status: u16) -> Act {
    Fail(ErrorKind::Server, Some(status), RetryAdvice::Backoff)
}

/// A service that plays a script for each call, and greets when it has none left.
#[derive(Clone)]
struct Scripted(Arc<Stage>);

struct Stage {
    name: &'static str,
    model: Model,
    scripts: Mutex<VecDeque<Vec<Act>>>,
    always: Mutex<Option<Vec<Act>>>,
    requests: Mutex<Vec<ChatRequest>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Scripted {
    fn new(name: &'static str, scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self::with_model(name, Model::without_info(format!("{name}-1")), scripts)
    }

    fn with_model(name: &'static str, model: Model, scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self(Arc::new(Stage {
            name,
            model,
            scripts: Mutex::new(scripts.into_iter().collect()),
            always: Mutex::default(),
            requests: Mutex::default(),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
        }))
    }

    /// What it does once the scripts are played.
    fn always(self, script: Vec<Act>) -> Self {
        *self.0.always.lock().unwrap() = Some(script);
        self
    }

    fn calls(&self) -> usize {
        self.0.requests.lock().unwrap().len()
    }

    fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    fn config(&self) -> ProviderConfig {
        ProviderConfig::ready(self.0.name, Arc::new(self.clone()))
    }
}

/// Counts connections that are open.
struct Connection(Arc<Stage>);

impl Connection {
    fn new(stage: Arc<Stage>) -> Self {
        let open = stage.open.fetch_add(1, Ordering::SeqCst) + 1;
        stage.most_open.fetch_max(open, Ordering::SeqCst);
        Self(stage)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AiProvider for Scripted {
    fn name(&self) -> &str {
        self.0.name
    }

    fn model(&self) -> Model {
        self.0.model.clone()
    }

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        self.0.requests.lock().unwrap().push(request);
        let script = self.0.scripts.lock().unwrap().pop_front();
        let script = script.or_else(|| self.0.always.lock().unwrap().clone());
        let mut acts: VecDeque<Act> = script.unwrap_or_else(|| vec![Say("hello"), Count(10, 2)]).into();
        let connection = Connection::new(self.0.clone());
        Box::pin(async move {
            let connection = connection;
            loop {
                match acts.front() {
                    Some(Wait(time)) => sleep(*time).await,
                    Some(Hang) => std::future::pending().await,
                    Some(Fail(kind, status, retry)) => return Err(error(*kind, *status, *retry)),
                    _ => break,
                }
                acts.pop_front();
            }
            let tokens = futures_util::stream::unfold((acts, connection), |(mut acts, connection)| async {
                loop {
                    let item = match acts.pop_front()? {
                        Wait(time) => {
                            sleep(time).await;
                            continue;
                        }
                        Hang => std::future::pending().await,
                        Say(text) => Ok(StreamToken::Text(text.into())),
                        Count(input_tokens, output_tokens) => {
                            Ok(StreamToken::Usage(Usage { input_tokens, output_tokens, ..Usage::default() }))
                        }
                        Fail(kind, status, retry) => {
                            acts.clear();
                            Err(error(kind, status, retry))
                        }
                    };
                    return Some((item, (acts, connection)));
                }
            });
            Ok(TokenStream::from_tokens(tokens))
        })
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async move {
            let request = ChatRequest::new("", [Message::user(request.prompt)]);
            let answer = ChatResponse::collect(self.chat_stream(request).await?).await?;
            Ok(crate::Text::from(answer.text).into())
        })
    }
}

fn error(kind: ErrorKind, status: Option<u16>, retry: RetryAdvice) -> Error {
    let error = match status {
        Some(status) => Error::status_error(status, format!("status {status}")),
        None => Error::new(kind, format!("{kind:?}")),
    };
    if retry == RetryAdvice::Backoff { error } else { error.with_retry(retry) }
}

/// A manager of these services, and a route `all` through them in order.
fn manager(services: &[&Scripted]) -> ProviderManager {
    build(services, |config| config)
}

fn build(services: &[&Scripted], more: impl FnOnce(ManagerConfig) -> ManagerConfig) -> ProviderManager {
    let mut config = ManagerConfig::new()
        .route(Route::ordered("all", services.iter().map(|service| service.0.name)))
        .default_target("all");
    for service in services {
        config = config.provider(service.config());
    }
    ProviderManager::new(more(config), context()).unwrap()
}

fn context() -> Context {
    Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(PausedClock::start()))
}

fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("Hi")])
}

/// Nothing is held, by the manager or by a service.
fn assert_at_rest(manager: &ProviderManager, services: &[&Scripted]) {
    for view in manager.health() {
        assert_eq!((view.limits.in_flight, view.limits.waiting), (0, 0), "{view:?}");
    }
    for service in services {
        assert_eq!(service.open(), 0, "{} has an open connection", service.0.name);
    }
}

const SECOND: Duration = Duration::from_secs(1);
