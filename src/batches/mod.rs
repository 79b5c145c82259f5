//! Many requests at once: the batch services of OpenAI and Anthropic, and a fan-out for everybody else.
//!
//! A batch costs half and takes up to a day. [`fan_out`] asks any provider at once, so many at a time.
//!
//! # Example: ask any provider, four at a time
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use samewire::batches::fan_out;
//! use samewire::{AiProvider, ChatRequest, Message};
//!
//! # async fn run(provider: &dyn AiProvider) {
//! let requests = ["one", "two", "three"].map(|text| ChatRequest::new("", [Message::user(text)]));
//! let mut answers = fan_out(provider, requests, 4, |done| eprintln!("{} of {}", done.finished, done.total));
//! while let Some((index, answer)) = answers.next().await {
//!     println!("{index}: {:?}", answer.map(|answer| answer.text));
//! }
//! # }
//! ```

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use crate::context::Context;
use crate::driver::{Failure, fetch};
use crate::json::{Object, Value, object};
use crate::transport::{HeaderValue, HttpRequest};
use crate::{AiProvider, ChatRequest, ChatResponse, Error, ErrorKind, Text};

pub use fan_out::{Progress, fan_out};

mod answer;
mod fan_out;

/// Whose batch service it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// <https://platform.openai.com/docs/api-reference/batch>, for providers of Chat Completions.
    OpenAi,
    /// <https://docs.anthropic.com/en/api/creating-message-batches>
    Anthropic,
}

/// The batch service behind a provider.
///
/// Requests are encoded by the provider, so they say what a single call would say; only the streaming is
/// taken out. Keys, base URL and headers are the provider's too.
///
/// # Example: half the price, tomorrow
///
/// ```no_run
/// use futures_util::StreamExt;
/// use samewire::batches::{BatchClient, BatchKind};
/// use samewire::{ChatRequest, Context, Error, Message, ProviderSettings, build_provider_in};
///
/// # async fn run() -> Result<(), Error> {
/// let context = Context::system();
/// let provider = build_provider_in(&ProviderSettings::new("anthropic").with("apiKey", "sk-ant"), &context)?;
/// let client = BatchClient::new(provider, BatchKind::Anthropic, &context);
/// let request = ChatRequest::new("", [Message::user("Hello!")]);
/// let batch = client.create([("first".to_owned(), request)]).await?;
/// let batch = client.wait(&batch.id, |done| eprintln!("{} of {}", done.finished, done.total)).await?;
/// let mut answers = client.results(&batch).await?;
/// while let Some(answer) = answers.next().await {
///     let (id, answer) = answer?;
///     println!("{id}: {:?}", answer.map(|answer| answer.text));
/// }
/// # Ok(())
/// # }
/// ```
pub struct BatchClient {
    provider: Arc<dyn AiProvider>,
    kind: BatchKind,
    context: Context,
}

/// A batch as the service sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// The service's id, to come back to it after a restart.
    pub id: Text,
    /// The service's own word: `in_progress`, `completed`, `ended`, `failed`, ...
    pub status: Text,
    /// Whether nothing more will happen.
    pub ended: bool,
    /// How far it has come.
    pub progress: Progress,
    /// Everything that the service says of it.
    pub details: Value,
}

impl BatchClient {
    /// The batch service of that kind, with the provider's address and key.
    pub fn new(provider: Arc<dyn AiProvider>, kind: BatchKind, context: &Context) -> Self {
        Self { provider, kind, context: context.clone() }
    }

    /// Hands in requests, each under an id of your own that its answer will carry.
    ///
    /// # Errors
    ///
    /// As [`AiProvider::encode`], before anything is sent; [`Unsupported`](ErrorKind::Unsupported) for a
    /// provider that does not speak the protocol of the service; or the service's refusal.
    pub async fn create(
        &self,
        requests: impl IntoIterator<Item = (String, ChatRequest)>,
    ) -> Result<Batch, Error> {
        let mut entries = Vec::new();
        for (id, request) in requests {
            entries.push((id, self.body(&request)?));
        }
        let details = match self.kind {
            BatchKind::Anthropic => {
                let requests: Value = entries
                    .into_iter()
                    .map(|(id, body)| Value::from(object! { "custom_id": id, "params": body }))
                    .collect();
                self.call("POST", "/messages/batches", Some(&object! { "requests": requests }.into())).await?
            }
            BatchKind::OpenAi => {
                let mut lines = String::new();
                for (id, body) in entries {
                    let line = object! {
                        "custom_id": id, "method": "POST", "url": ENDPOINT, "body": body,
                    };
                    lines.push_str(&Value::from(line).to_json());
                    lines.push('\n');
                }
                let file = self.upload(&lines).await?;
                let id = file.get("id").cloned().unwrap_or_default();
                let order = object! {
                    "input_file_id": id, "endpoint": ENDPOINT, "completion_window": "24h",
                };
                self.call("POST", "/batches", Some(&order.into())).await?
            }
        };
        self.batch(details)
    }

    /// Asks how a batch stands.
    ///
    /// # Errors
    ///
    /// The service's refusal, or a connection that failed.
    pub async fn poll(&self, id: &str) -> Result<Batch, Error> {
        self.batch(self.call("GET", &format!("{}/{id}", self.collection()), None).await?)
    }

    /// Asks again and again, after 5 seconds at first and every 5 minutes at last, until the batch has
    /// ended. `progress` is called after each look. Dropping the future leaves the batch running.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll), except that failures that pass by themselves are only waited out.
    pub async fn wait(&self, id: &str, mut progress: impl FnMut(Progress)) -> Result<Batch, Error> {
        let mut pause = FIRST_PAUSE;
        let mut failures = 0;
        loop {
            match self.poll(id).await {
                Ok(batch) => {
                    failures = 0;
                    progress(batch.progress);
                    if batch.ended {
                        return Ok(batch);
                    }
                }
                Err(error) if error.retry() == crate::RetryAdvice::Never || failures == MOST_FAILURES => {
                    return Err(error);
                }
                Err(_) => failures += 1,
            }
            self.context.clock.sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks the service to stop. What is answered already stays, and costs.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub async fn cancel(&self, id: &str) -> Result<Batch, Error> {
        self.batch(self.call("POST", &format!("{}/{id}/cancel", self.collection()), None).await?)
    }

    /// The answers of a batch that has ended, in the service's order, each under the id of its request. The
    /// inner error is that of one request; the outer one, which comes last, that of the download.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) for a batch without results; otherwise as [`poll`](Self::poll).
    pub async fn results(
        &self,
        batch: &Batch,
    ) -> Result<BoxStream<'static, Result<(Text, Result<ChatResponse, Error>), Error>>, Error> {
        let paths: Vec<String> = match self.kind {
            BatchKind::Anthropic => vec![format!("/messages/batches/{}/results", batch.id)],
            BatchKind::OpenAi => ["output_file_id", "error_file_id"]
                .iter()
                .filter_map(|file| batch.details.get(file)?.as_str())
                .map(|file| format!("/files/{file}/content"))
                .collect(),
        };
        if paths.is_empty() || !batch.ended {
            let message = format!("batch {} has no results: it is {}", batch.id, batch.status);
            return Err(Error::new(ErrorKind::Unsupported, message).with_provider(self.provider.name()));
        }
        let mut streams = Vec::new();
        for path in paths {
            let request = self.request("GET", &path, Bytes::new(), None)?;
            let response =
                self.context.transport.send(request).await.map_err(|e| self.broken(e.to_string()))?;
            if response.status != 200 {
                return Err(self.named(Error::status_error(response.status, "the results cannot be read")));
            }
            let kind = self.kind;
            streams.push(lines(response.body).map(move |line| answer::of_line(kind, &line?)).boxed());
        }
        Ok(futures_util::stream::iter(streams).flatten().boxed())
    }

    /// The body of one request, without its streaming.
    fn body(&self, request: &ChatRequest) -> Result<Value, Error> {
        let mut body = Value::parse_bytes(self.provider.encode(request)?.body)
            .map_err(|error| Error::invalid_response(error.to_string()))?;
        if let Value::Object(fields) = &mut body {
            for field in ["stream", "stream_options"] {
                fields.remove(field);
            }
        }
        Ok(body)
    }

    fn collection(&self) -> &'static str {
        match self.kind {
            BatchKind::OpenAi => "/batches",
            BatchKind::Anthropic => "/messages/batches",
        }
    }

    async fn upload(&self, lines: &str) -> Result<Value, Error> {
        let boundary = format!("samewire-{}", self.context.ids.uuid_v4());
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"batch.jsonl\"\r\n\
             Content-Type: application/jsonl\r\n\r\n{lines}\r\n--{boundary}--\r\n"
        );
        let media_type = format!("multipart/form-data; boundary={boundary}");
        self.fetch(self.request("POST", "/files", body.into(), Some(media_type))?).await
    }

    async fn call(&self, method: &'static str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let media_type = body.map(|_| "application/json".to_owned());
        let body = body.map(Value::to_json).unwrap_or_default().into();
        self.fetch(self.request(method, path, body, media_type)?).await
    }

    /// A request to the provider's service: its address and its headers, with another path and body.
    fn request(
        &self,
        method: &'static str,
        path: &str,
        body: Bytes,
        media_type: Option<String>,
    ) -> Result<HttpRequest, Error> {
        let mut request = self.provider.encode(&ChatRequest::new("", [crate::Message::user("x")]))?;
        let address = request.url.split('?').next().unwrap_or_default();
        let ending = match self.kind {
            BatchKind::OpenAi => "/chat/completions",
            BatchKind::Anthropic => "/messages",
        };
        let Some(base) = address.strip_suffix(ending) else {
            let message = "this provider does not speak the protocol of the batch service";
            return Err(self.named(Error::new(ErrorKind::Unsupported, message)));
        };
        request.url = format!("{base}{path}");
        request.method = method;
        for header in ["content-type", "content-length", "transfer-encoding"] {
            request.headers.remove(header);
        }
        request.headers.set("accept", "application/json");
        if let Some(media_type) = media_type {
            request.headers.append("content-type", HeaderValue::from(media_type));
        }
        if method == "POST" {
            request.headers.append("content-length", HeaderValue::from(body.len().to_string()));
        }
        request.body = body;
        Ok(request)
    }

    async fn fetch(&self, request: HttpRequest) -> Result<Value, Error> {
        match fetch(&self.context, request).await {
            Ok(response) => Value::parse_bytes(response.body)
                .map_err(|error| self.named(Error::invalid_response(error.to_string()))),
            Err(Failure::Status(response)) => {
                let text = response.text();
                let said = Value::parse(&text).ok();
                let said = said.as_ref().and_then(|body| body.get("error")?.get("message")?.as_str());
                let message = said.unwrap_or(&text).to_owned();
                let error = Error::status_error(response.status, message);
                Err(self.named(error.with_response(response.headers, text)))
            }
            Err(Failure::Transport(cause) | Failure::Body { cause, .. }) => {
                Err(self.broken(cause.to_string()))
            }
            Err(Failure::StatusWithoutBody { status, cause, .. }) => {
                Err(self.named(Error::status_error(status, cause.to_string())))
            }
        }
    }

    fn batch(&self, details: Value) -> Result<Batch, Error> {
        let text = |key: &str| details.get(key).and_then(Value::as_text).cloned();
        let (status, counts) = match self.kind {
            BatchKind::OpenAi => (text("status"), "request_counts"),
            BatchKind::Anthropic => (text("processing_status"), "request_counts"),
        };
        let (Some(id), Some(status)) = (text("id"), status) else {
            return Err(self.named(Error::invalid_response("the answer describes no batch")));
        };
        let empty = Object::new();
        let counts = details.get(counts).and_then(Value::as_object).unwrap_or(&empty);
        let count = |key: &str| counts.get(key).and_then(Value::as_f64).unwrap_or(0.0) as u64;
        let (ended, progress) = match self.kind {
            BatchKind::OpenAi => {
                let failed = count("failed");
                let finished = count("completed") + failed;
                let ended = matches!(status.as_str(), "completed" | "failed" | "expired" | "cancelled");
                (ended, Progress { total: count("total"), finished, failed })
            }
            BatchKind::Anthropic => {
                let failed = count("errored") + count("canceled") + count("expired");
                let finished = count("succeeded") + failed;
                (status == "ended", Progress { total: finished + count("processing"), finished, failed })
            }
        };
        Ok(Batch { id, status, ended, progress, details })
    }

    fn broken(&self, cause: String) -> Error {
        self.named(Error::new(ErrorKind::Connection, cause))
    }

    fn named(&self, error: Error) -> Error {
        error.with_provider(self.provider.name())
    }
}

/// The lines of a body that are not empty. No byte is searched twice, however long a line is.
fn lines(body: crate::transport::Body) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    let state = Some((body, BytesMut::new(), 0));
    futures_util::stream::unfold(state, |state| async move {
        let (mut body, mut buffer, mut searched) = state?;
        loop {
            if let Some(end) = memchr::memchr(b'\n', &buffer[searched..]) {
                let line = buffer.split_to(searched + end + 1).freeze();
                searched = 0;
                if !line.trim_ascii().is_empty() {
                    return Some((Ok(line), Some((body, buffer, 0))));
                }
                continue;
            }
            searched = buffer.len();
            match body.next().await {
                Some(Ok(chunk)) => buffer.extend_from_slice(&chunk),
                Some(Err(cause)) => {
                    return Some((Err(Error::new(ErrorKind::Interrupted, cause.to_string())), None));
                }
                None if buffer.trim_ascii().is_empty() => return None,
                None => return Some((Ok(buffer.freeze()), None)),
            }
        }
    })
}

const ENDPOINT: &str = "/v1/chat/completions";
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// So many failures in a row are waited out.
const MOST_FAILURES: u32 = 5;

#[cfg(test)]
mod tests;
