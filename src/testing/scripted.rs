//! A provider that plays a script.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::stream;

use crate::json::Value;
use crate::lock::Locked;
use crate::model::Model;
use crate::provider::AiProvider;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::{ChatResponse, CompletionResponse};
use crate::stream::TokenStream;
use crate::token::{Field, StreamToken, ToolCall, Usage};
use crate::{Error, Message, Text};

/// A provider that answers each call with the next [`Turn`] of a script, and remembers what it was asked.
///
/// A call beyond the script fails and says so, unless there is an [`otherwise`](Self::otherwise). Clones
/// share the script: give one to the program and keep the other.
///
/// # Example: a program that tries again
///
/// ```
/// use samewire::testing::{ScriptedProvider, Turn};
/// use samewire::{AiProvider, ChatRequest, Error, ErrorKind, Message};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let provider = ScriptedProvider::new("flaky")
///     .turn(Turn::new().error(Error::status_error(503, "over capacity")))
///     .turn(Turn::new().text("Half an ans").error(Error::new(ErrorKind::Interrupted, "connection reset")))
///     .turn(Turn::new().reasoning("Hm.").text("An answer.").usage(12, 3));
/// let request = || ChatRequest::new("", [Message::user("A question?")]);
/// assert_eq!(provider.chat(request()).await.unwrap_err().status(), Some(503));
/// assert_eq!(provider.chat(request()).await.unwrap_err().kind(), ErrorKind::Interrupted);
/// assert_eq!(provider.chat(request()).await?.usage.output_tokens, 3);
/// assert_eq!((provider.requests().len(), provider.left()), (3, 0));
/// # Ok::<(), Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct ScriptedProvider(Arc<Stage>);

struct Stage {
    name: String,
    model: Mutex<Model>,
    script: Mutex<Script>,
    open: AtomicUsize,
}

#[derive(Default)]
struct Script {
    turns: VecDeque<Turn>,
    otherwise: Option<Box<dyn FnMut() -> Turn + Send>>,
    requests: Vec<ChatRequest>,
}

/// What a [`ScriptedProvider`] does for one call, step by step.
#[derive(Debug, Default)]
#[must_use]
pub struct Turn(VecDeque<Act>);

#[derive(Debug)]
enum Act {
    Give(Box<StreamToken>),
    Wait(Duration),
    Fail(Error),
    Hang,
}

impl ScriptedProvider {
    /// A provider of that name, with an empty script.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self(Arc::new(Stage {
            model: Mutex::new(Model::without_info(format!("{name}-model"))),
            name,
            script: Mutex::default(),
            open: AtomicUsize::new(0),
        }))
    }

    /// Sets what [`AiProvider::model`] gives.
    #[must_use]
    pub fn with_model(self, model: Model) -> Self {
        *self.0.model.locked() = model;
        self
    }

    /// Adds the answer to one more call.
    #[must_use]
    pub fn turn(self, turn: Turn) -> Self {
        self.script().turns.push_back(turn);
        self
    }

    /// Answers every call beyond the script.
    #[must_use]
    pub fn otherwise(self, turn: impl FnMut() -> Turn + Send + 'static) -> Self {
        self.script().otherwise = Some(Box::new(turn));
        self
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.script().requests.clone()
    }

    /// How many turns were not asked for yet.
    pub fn left(&self) -> usize {
        self.script().turns.len()
    }

    /// How many calls and streams are under way: 0 when the program has read or dropped them all.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.locked()
    }

    /// Notes the request and gives its turn.
    fn next(&self, request: ChatRequest) -> Turn {
        let mut script = self.script();
        script.requests.push(request);
        if let Some(turn) = script.turns.pop_front() {
            return turn;
        }
        if let Some(otherwise) = &mut script.otherwise {
            return otherwise();
        }
        let (name, count) = (&self.0.name, script.requests.len());
        let message = format!("the script of `{name}` has no turn for call {count}: add one, or `otherwise`");
        Turn::new().error(Error::configuration(message).with_provider(name.clone()))
    }
}

impl Turn {
    /// An answer without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says this.
    pub fn text(self, text: impl Into<Text>) -> Self {
        self.token(StreamToken::Text(text.into()))
    }

    /// Thinks this, for everybody to see.
    pub fn reasoning(self, text: impl Into<Text>) -> Self {
        self.token(StreamToken::Reasoning(text.into()))
    }

    /// Calls a tool.
    pub fn tool_call(self, id: impl Into<Text>, name: impl Into<Text>, arguments: impl Into<Value>) -> Self {
        let value = |text: Text| Field::Value(text);
        self.token(StreamToken::ToolCall(ToolCall {
            id: value(id.into()),
            name: value(name.into()),
            arguments: value(arguments.into().to_json().into()),
        }))
    }

    /// Counts tokens.
    pub fn usage(self, input_tokens: u64, output_tokens: u64) -> Self {
        self.token(StreamToken::Usage(Usage { input_tokens, output_tokens, ..Usage::default() }))
    }

    /// Gives any token.
    pub fn token(self, token: StreamToken) -> Self {
        self.then(Act::Give(Box::new(token)))
    }

    /// Does nothing for so long, on Tokio's clock: a test that pauses it does not wait.
    pub fn wait(self, time: Duration) -> Self {
        self.then(Act::Wait(time))
    }

    /// Fails and ends: the call itself if no token came before, else the stream.
    pub fn error(self, error: Error) -> Self {
        self.then(Act::Fail(error))
    }

    /// Never does anything again, until it is dropped.
    pub fn hang(self) -> Self {
        self.then(Act::Hang)
    }

    fn then(mut self, act: Act) -> Self {
        self.0.push_back(act);
        self
    }

    /// The next token; `None` at the end.
    async fn next(&mut self) -> Option<Result<StreamToken, Error>> {
        loop {
            match self.0.pop_front()? {
                Act::Give(token) => return Some(Ok(*token)),
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Fail(error) => {
                    self.0.clear();
                    return Some(Err(error));
                }
                Act::Hang => std::future::pending().await,
            }
        }
    }
}

/// Counts what is under way.
struct Open(Arc<Stage>);

impl Open {
    fn new(stage: Arc<Stage>) -> Self {
        stage.open.fetch_add(1, Ordering::SeqCst);
        Self(stage)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AiProvider for ScriptedProvider {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn model(&self) -> Model {
        self.0.model.locked().clone()
    }

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        let mut turn = self.next(request);
        let open = Open::new(self.0.clone());
        Box::pin(async move {
            let first = match turn.next().await {
                Some(Err(error)) => return Err(error),
                first => first,
            };
            let rest = stream::unfold((first, turn, open), |(first, mut turn, open)| async move {
                let item = match first {
                    Some(item) => item,
                    None => turn.next().await?,
                };
                Some((item, (None, turn, open)))
            });
            Ok(TokenStream::from_tokens(rest))
        })
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async move {
            let request = ChatRequest::new("", [Message::user(request.prompt)]);
            let answer = ChatResponse::collect(self.chat_stream(request).await?).await?;
            Ok(Text::from(answer.text).into())
        })
    }
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider").field("name", &self.0.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::ErrorKind;

    fn hi() -> ChatRequest {
        ChatRequest::new("", [Message::user("Hi")])
    }

    #[tokio::test]
    async fn a_call_beyond_the_script_says_so() {
        let provider = ScriptedProvider::new("short").turn(Turn::new().text("one"));
        provider.chat(hi()).await.unwrap();
        let error = provider.chat(hi()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.message(), "the script of `short` has no turn for call 2: add one, or `otherwise`");
        let endless = ScriptedProvider::new("endless").otherwise(|| Turn::new().text("again"));
        for _ in 0..3 {
            assert_eq!(endless.chat(hi()).await.unwrap().text, "again");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_tokio_time_and_hanging_ends_with_the_drop() {
        let day = Duration::from_hours(24);
        let provider = ScriptedProvider::new("slow").turn(Turn::new().wait(day).text("one").hang());
        let start = tokio::time::Instant::now();
        let mut tokens = provider.chat_stream(hi()).await.unwrap();
        assert_eq!(start.elapsed(), day);
        assert_eq!(tokens.next().await.unwrap().unwrap().text(), Some("one"));
        assert!(tokens.next().now_or_never().is_none(), "it hangs");
        assert_eq!(provider.open(), 1);
        drop(tokens);
        assert_eq!(provider.open(), 0);
    }

    #[tokio::test]
    async fn an_empty_turn_is_an_empty_answer() {
        let provider = ScriptedProvider::new("silent").turn(Turn::new());
        assert_eq!(provider.chat(hi()).await.unwrap().text, "");
        assert_eq!(
            provider.complete(CompletionRequest::new("x")).await.unwrap_err().provider(),
            Some("silent")
        );
    }
}
