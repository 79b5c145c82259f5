//! Managing the models of an Ollama server.
//!
//! What is here goes beyond the reference, which only talks to models that are installed. Chats go through
//! [`build_provider`](crate::build_provider) with the provider `ollama`.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use futures_core::Stream;

use crate::context::Context;
use crate::driver;
use crate::error::{Error, ErrorKind};
use crate::frames::NdjsonDecoder;
use crate::json::{Document, object};
use crate::protocols::ollama::{errors, pull as lines};
use crate::providers::ollama::Server;
use crate::settings::ProviderSettings;
use crate::transport::Body;

pub use crate::protocols::ollama::pull::PullProgress;

/// Has a server fetch a model, and reports its progress as it comes.
///
/// The settings name the server (`ollamaBaseUrl`, `ollamaApiKey`) as they do for chats. The model is complete
/// once the stream has ended without an error. Dropping the stream stops the download; what is there already
/// is kept by the server, so that another pull goes on from there.
///
/// # Errors
///
/// When the server cannot be reached or refuses; within the stream, when the download fails (there is no
/// such model, the disk is full) or the connection breaks.
///
/// # Example: fetch a model
///
/// ```no_run
/// use futures_util::StreamExt;
/// use samewire::{Context, ProviderSettings, ollama};
///
/// # async fn run() -> Result<(), samewire::Error> {
/// let settings = ProviderSettings::new("ollama").with("ollamaBaseUrl", "http://gpu.local:11434");
/// let mut progress = ollama::pull(&settings, &Context::system(), "qwen3:8b").await?;
/// while let Some(step) = progress.next().await {
///     let step = step?;
///     println!("{} {:?} of {:?}", step.status, step.completed, step.total);
/// }
/// # Ok(())
/// # }
/// ```
pub async fn pull(settings: &ProviderSettings, context: &Context, model: &str) -> Result<PullStream, Error> {
    let named = |error: Error| error.with_provider("ollama");
    let server = Server::new(settings, &context.identity);
    let body = object! { "model": model, "stream": true };
    let request = server.request("/api/pull", &body.into()).map_err(named)?;
    let origin = request.url.strip_suffix("/api/pull").unwrap_or_default().to_owned();
    let explain = |failure| match failure {
        driver::Failure::Transport(_) => {
            Error::new(ErrorKind::Connection, format!("no Ollama server answers at {origin}"))
        }
        failure => errors::explain(failure),
    };
    let body = driver::send(context, request).await.map_err(|failure| named(explain(failure)))?;
    Ok(PullStream { body: Some(body), lines: NdjsonDecoder::new(), document: Document::new(), done: false })
}

/// The progress of a [`pull`]. After an error, or after its end, it stays at its end.
pub struct PullStream {
    body: Option<Body>,
    lines: NdjsonDecoder,
    document: Document,
    /// Whether the server said that the model is complete.
    done: bool,
}

impl PullStream {
    /// The next report in what was received.
    fn report(&mut self) -> Option<Result<PullProgress, Error>> {
        while let Some(line) = self.lines.next_line() {
            let line = line.map_err(|error| Error::invalid_response(error.to_string()));
            match line.and_then(|line| lines::line(&mut self.document, line)) {
                Ok(None) => {}
                Ok(Some(report)) => {
                    self.done |= report.is_success();
                    return Some(Ok(report));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<PullProgress, Error>>> {
        self.body = None;
        self.lines = NdjsonDecoder::new();
        Poll::Ready(Some(Err(error.with_provider("ollama"))))
    }
}

impl Stream for PullStream {
    type Item = Result<PullProgress, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.report() {
                Some(Ok(report)) => return Poll::Ready(Some(Ok(report))),
                Some(Err(error)) => return self.fail(error),
                None => {}
            }
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => self.lines.push(chunk),
                Some(Err(_)) => {
                    let error =
                        Error::new(ErrorKind::Interrupted, "the connection broke during the download");
                    return self.fail(error);
                }
                None => {
                    self.body = None;
                    self.lines.finish();
                    match self.report() {
                        Some(Ok(report)) => return Poll::Ready(Some(Ok(report))),
                        Some(Err(error)) => return self.fail(error),
                        None if !self.done => return self.fail(errors::incomplete()),
                        None => {}
                    }
                }
            }
        }
    }
}

impl fmt::Debug for PullStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullStream").field("done", &self.done).finish_non_exhaustive()
    }
}
