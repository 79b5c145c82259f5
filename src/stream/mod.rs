//! From body chunks to tokens: the pure half and the stream around it.

use std::collections::{VecDeque, vec_deque};
use std::fmt;

use bytes::Bytes;
#[cfg(feature = "manager")]
use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::json::Value;
use crate::secrets::Secrets;
use crate::transport::{Headers, TransportError};
use crate::{Error, StreamToken, Text, Usage};

pub use token_stream::TokenStream;

mod token_stream;

/// Turns the chunks of one response body into tokens, without I/O. Every cut of the body gives the same
/// tokens.
///
/// # Example: decode a recorded body
///
/// ```
/// use samewire::{AiProvider, ChatRequest, Message, ProviderSettings, StreamToken, build_provider};
///
/// let settings = ProviderSettings::new("xai").with("xaiApiKey", "key");
/// let provider = build_provider(&settings)?;
/// let mut processor = provider.decoder(&ChatRequest::new("", [Message::user("hi")]))?;
/// let body = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";
/// let tokens = processor.process_chunk(body).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(tokens, [StreamToken::Text("Hello".into())]);
/// # Ok::<(), samewire::Error>(())
/// ```
pub struct StreamProcessor {
    decoder: Box<dyn Decode>,
    tokens: TokenQueue,
    error: Option<Error>,
    ended: bool,
    secrets: Secrets,
}

impl StreamProcessor {
    pub(crate) fn new(decoder: Box<dyn Decode>) -> Self {
        Self { decoder, tokens: VecDeque::new(), error: None, ended: false, secrets: Secrets::default() }
    }

    /// The same processor; these stay out of its errors, also where the service quotes them.
    pub(crate) fn hiding(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// Takes the next chunk of the body and gives the tokens that it completes, an error last if the body
    /// holds one. After an error every further chunk is ignored.
    pub fn process_chunk(&mut self, chunk: &[u8]) -> Tokens<'_> {
        self.process_bytes(Bytes::copy_from_slice(chunk))
    }

    /// As [`process_chunk`](Self::process_chunk), for a chunk that can be shared: texts are slices of it.
    pub fn process_bytes(&mut self, chunk: Bytes) -> Tokens<'_> {
        self.push(chunk);
        Tokens { tokens: self.tokens.drain(..), error: &mut self.error }
    }

    /// Says that the body ended properly, and gives the last tokens.
    pub fn finish(&mut self) -> Tokens<'_> {
        self.end();
        Tokens { tokens: self.tokens.drain(..), error: &mut self.error }
    }

    /// What is known beside the tokens: complete once the body has ended.
    pub fn summary(&self) -> StreamSummary {
        self.decoder.summary()
    }

    fn push(&mut self, chunk: Bytes) {
        if !self.ended {
            let outcome = self.decoder.push(chunk, &mut self.tokens);
            self.settle(outcome);
        }
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            let outcome = self.decoder.finish(&mut self.tokens);
            self.settle(outcome);
        }
    }

    fn interrupt(&mut self, failure: &TransportError) {
        if !self.ended {
            self.ended = true;
            let outcome = self.decoder.interrupted(failure, &mut self.tokens);
            self.settle(outcome.map_err(|error| error.because_of(failure)));
        }
    }

    fn settle(&mut self, outcome: Result<Progress, Error>) {
        match outcome {
            Ok(Progress::More) => {}
            Ok(Progress::Complete) => self.end(),
            Err(error) => {
                self.ended = true;
                self.error = Some(self.secrets.hidden_in(error));
            }
        }
    }
}

impl fmt::Debug for StreamProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamProcessor").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// The tokens of one chunk, then its error if there is one.
#[derive(Debug)]
pub struct Tokens<'a> {
    tokens: vec_deque::Drain<'a, StreamToken>,
    error: &'a mut Option<Error>,
}

impl Iterator for Tokens<'_> {
    type Item = Result<StreamToken, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.tokens.next().map(Ok).or_else(|| self.error.take().map(Err))
    }
}

/// A stream of tokens that decides itself what its reader gets, and knows what a [`TokenStream`] tells beside.
#[cfg(feature = "manager")]
pub(crate) trait Minded: Stream<Item = Result<StreamToken, Error>> + Send {
    /// See [`TokenStream::summary`].
    fn summary(&self) -> StreamSummary;

    /// See [`TokenStream::headers`].
    fn headers(&self) -> Option<&Headers>;
}

/// Watches a stream while it is read: accounting, permits, measurements. It is dropped with the stream, or
/// right after its end; whatever must settle in every case settles in its `Drop`.
pub(crate) trait Observe: Send {
    /// The reader is given this item.
    fn item(&mut self, item: &Result<StreamToken, Error>);

    /// The stream ended without an error, with this summary.
    fn end(&mut self, summary: StreamSummary) {
        let _ = summary;
    }
}

/// What stands in the answer before an error that is told there too.
pub(crate) fn announcement(message: &str) -> [StreamToken; 2] {
    [StreamToken::Text(format!("Error: {message}").into()), StreamToken::Usage(Usage::default())]
}

/// What a stream tells beside its tokens: how it ended, and what must travel back with the next turn.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StreamSummary {
    /// Who answered, where a manager chose: its id of the provider.
    pub provider: Option<Text>,
    /// Why the model stopped, in the service's own word (`stop`, `end_turn`, `length`, `tool_calls`, ...).
    pub finish_reason: Option<Text>,
    /// The service's id of the response.
    pub response_id: Option<Text>,
    /// Opaque reasoning of OpenRouter's form, to be sent back as the message's `reasoning_details`.
    pub reasoning_details: Option<Value>,
    /// Encrypted reasoning of the Responses API: `encrypted_content` and its item's `id`.
    pub encrypted_reasoning: Option<Value>,
    /// Gemini's signature of its thoughts, to be sent back as a `thoughtSignature` block.
    pub thought_signature: Option<Text>,
    /// The session that a command-line program keeps, to be gone on with; see `samewire::headless`.
    pub session_id: Option<Text>,
}

/// The tokens of a stream that were decoded and wait to be read.
pub(crate) type TokenQueue = VecDeque<StreamToken>;

/// Status and headers of a response whose body is still to come.
#[derive(Clone, Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
}

/// Asks for an answer once more; takes the decoder of the one that failed.
pub(crate) type Reopen =
    Box<dyn FnOnce(Box<dyn Decode>) -> BoxFuture<'static, Result<TokenStream, Error>> + Send>;

/// One response body to tokens: a small state machine per protocol, without I/O.
pub(crate) trait Decode: Send {
    /// Looks at the response head before any chunk.
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        let _ = head;
        Ok(())
    }

    /// Takes the next chunk. Tokens found before an error stand in `tokens` when it returns.
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error>;

    /// The body ended properly.
    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error>;

    /// The body broke off.
    fn interrupted(&mut self, failure: &TransportError, tokens: &mut TokenQueue) -> Result<Progress, Error>;

    /// What is known beside the tokens.
    fn summary(&self) -> StreamSummary {
        StreamSummary::default()
    }

    /// The decoder for the answer to the [fallback](crate::driver::Wire::fallback) request, which goes on
    /// with what this one knows.
    fn into_fallback(self: Box<Self>) -> Box<dyn Decode> {
        Box::new(Exhausted)
    }
}

/// Stands where a decoder was taken away.
struct Exhausted;

impl Decode for Exhausted {
    fn push(&mut self, _: Bytes, _: &mut TokenQueue) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }

    fn finish(&mut self, _: &mut TokenQueue) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Ok(Progress::Complete)
    }
}

/// Whether a decoder wants more of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More may come.
    More,
    /// The answer is complete; the rest of the body is not read.
    Complete,
}
