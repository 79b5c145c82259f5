//! What every provider does alike: encode, send, and decode or explain the failure.

use std::borrow::Cow;
use std::future::poll_fn;
use std::task::Poll;

use futures_core::future::BoxFuture;
use futures_util::StreamExt;

use bytes::{Bytes, BytesMut};

use crate::answer_format::FormatSupport;
use crate::catalog::tables::table;
use crate::context::Context;
use crate::image::{GeneratedImage, ImageRequest};
use crate::layers::retry_after;
use crate::provider::{AiProvider, HealthStatus, ProviderCapabilities, unsupported};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::secrets::Secrets;
use crate::stream::{Decode, ResponseHead, StreamProcessor, TokenStream};
use crate::transport::{Body, Headers, HttpRequest, HttpResponse, TransportError};
use crate::{Error, Model, RetryAdvice, Text};

/// The pure half of a provider, and the few steps around it that need I/O.
pub(crate) trait Wire: Send + Sync + 'static {
    /// The provider's id.
    fn id(&self) -> &'static str;

    /// The reference's `getModel`, as far as it is known without I/O.
    fn model(&self) -> Model;

    /// Fetches what encoding needs: model lists.
    fn prepare<'a>(&'a self, context: &'a Context, call: Call) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (context, call);
        nothing_to_do()
    }

    /// The request of a conversation.
    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error>;

    /// What can be done about the form of answers.
    fn format_support(&self) -> FormatSupport {
        FormatSupport::Words
    }

    /// A decoder for its answer.
    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode>;

    /// The request of a completion.
    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error>;

    /// The request of a completion whose answer streams and is decoded as a conversation's; `None` where
    /// there is no such thing.
    fn encode_completion_stream(&self, request: &CompletionRequest) -> Option<Result<HttpRequest, Error>> {
        let _ = request;
        None
    }

    /// Fetches an access token, unless a good one is at hand. Only called once the request has been
    /// encoded, as the reference asks for tokens last.
    fn authenticate<'a>(&'a self, context: &'a Context, call: Call) -> BoxFuture<'a, Result<(), Error>> {
        let _ = (context, call);
        nothing_to_do()
    }

    /// Puts the access token into a request, as far as it is known.
    fn authorize(&self, request: &mut HttpRequest, call: Call) -> Result<(), Error> {
        let _ = (request, call);
        Ok(())
    }

    /// The text in a completion's answer.
    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error>;

    /// The error that the reference throws for a failed exchange.
    fn failure(&self, call: Call, failure: Failure) -> Error;

    /// Mends what made a call fail, such as an expired token; `true` asks for one more try.
    fn recover<'a>(&'a self, context: &'a Context, error: &'a Error) -> BoxFuture<'a, Result<bool, Error>> {
        let _ = (context, error);
        Box::pin(async { Ok(false) })
    }

    /// The request that a conversation is begun anew with when it fails, before its stream or in it, with
    /// the [decoder](Decode::into_fallback) that the first one's becomes. `first` is the request that failed,
    /// if it could be made. In a box, since hardly any wire has one and every call keeps room for it.
    fn fallback(&self, request: &ChatRequest, first: Option<&HttpRequest>) -> Option<Box<Fallback>> {
        let _ = (request, first);
        None
    }

    /// Makes an image; `None` where images cannot be made.
    fn generate_image<'a>(
        &'a self,
        context: &'a Context,
        request: &'a ImageRequest,
    ) -> Option<BoxFuture<'a, Result<GeneratedImage, Error>>> {
        let _ = (context, request);
        None
    }

    /// Asks the service for a sign of life, as cheaply as it allows.
    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, HealthStatus> {
        Box::pin(async move {
            // A built-in table says nothing about the service.
            match self.list_models(context) {
                Some(asked) => HealthStatus::of_list(asked.await),
                None => HealthStatus::Unknown,
            }
        })
    }

    /// Asks the service for its models; `None` where the reference has no list, so that the built-in table
    /// must do.
    fn list_models<'a>(&'a self, context: &'a Context) -> Option<BoxFuture<'a, Result<Vec<Model>, Error>>> {
        let _ = context;
        None
    }
}

/// What is ready at once. Its future has no state, so its box is none.
pub(crate) fn nothing_to_do<'a>() -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(poll_fn(|_| Poll::Ready(Ok(()))))
}

/// Which of a provider's calls is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// `createMessage`.
    Chat,
    /// `completePrompt`.
    Completion,
}

/// Another way to the same answer.
pub(crate) struct Fallback {
    pub(crate) request: Result<HttpRequest, Error>,
    /// The error of a failed exchange.
    pub(crate) explain: Box<dyn Fn(Failure) -> Error + Send + Sync>,
}

impl Fallback {
    async fn open(self, context: &Context, decoder: Box<dyn Decode>) -> Result<TokenStream, Error> {
        open(context, self.request?, || decoder.into_fallback(), self.explain).await
    }
}

/// Why an exchange gave no decodable response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No response head arrived.
    Transport(TransportError),
    /// A status outside 200 to 299, with its body.
    Status(WholeResponse),
    /// A status outside 200 to 299 whose body broke off.
    StatusWithoutBody { status: u16, url: String, cause: TransportError },
    /// A good status, but the body, wanted whole, broke off.
    Body { url: String, cause: TransportError },
}

/// A response read to its end.
#[derive(Clone, Debug)]
pub(crate) struct WholeResponse {
    pub(crate) status: u16,
    pub(crate) reason: Text,
    pub(crate) headers: Headers,
    /// The URL that answered, redirects followed.
    pub(crate) url: String,
    pub(crate) body: Bytes,
}

impl WholeResponse {
    /// The body as text; bytes that are not UTF-8 become U+FFFD.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the media type is JSON's, or that of something made of it, as the SDKs see it.
    pub(crate) fn is_json(&self) -> bool {
        let media_type = self.media_type();
        media_type.contains("application/json") || media_type.ends_with("+json")
    }

    /// The body as JSON text: the bytes themselves, unless they are not UTF-8.
    pub(crate) fn shared_text(&self) -> Text {
        Text::from_utf8_lossy(self.body.clone())
    }

    /// The media type in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let mut value = self.headers.joined("content-type").unwrap_or_default();
        value.truncate(value.find(';').unwrap_or(value.len()));
        value.make_ascii_lowercase();
        if value.trim().len() == value.len() { value } else { value.trim().to_owned() }
    }
}

/// A provider: its pure half and the world it works in.
pub(crate) struct Driver<W> {
    wire: W,
    context: Context,
}

impl<W: Wire> Driver<W> {
    pub(crate) fn new(wire: W, context: &Context) -> Self {
        Self { wire, context: context.clone() }
    }

    /// Names the provider, and takes the service's own advice when to try again.
    fn complete_error(&self, error: Error) -> Error {
        let advice = retry_after(error.headers(), self.context.clock.now());
        let error = error.with_provider(self.wire.id());
        match advice {
            Some(wait) if error.retry() != RetryAdvice::Never => error.with_retry(RetryAdvice::After(wait)),
            _ => error,
        }
    }

    /// The reference's error, and behind it what the transport says.
    fn explain(&self, call: Call, failure: Failure) -> Error {
        let cause = match &failure {
            Failure::Transport(cause) | Failure::Body { cause, .. } => Some(cause.clone()),
            Failure::Status(_) | Failure::StatusWithoutBody { .. } => None,
        };
        let error = self.wire.failure(call, failure);
        match cause {
            Some(cause) => error.because_of(&cause),
            None => error,
        }
    }

    async fn authorize(&self, request: &mut HttpRequest, call: Call) -> Result<(), Error> {
        self.wire.authenticate(&self.context, call).await?;
        self.wire.authorize(request, call)
    }

    async fn try_chat(&self, request: &ChatRequest) -> Result<TokenStream, Error> {
        let mut http = self.wire.encode_chat(request);
        let fallback = self.wire.fallback(request, http.as_ref().ok());
        if let Ok(encoded) = &mut http
            && let Err(error) = self.authorize(encoded, Call::Chat).await
        {
            http = Err(error);
        }
        let explain = |failure| self.explain(Call::Chat, failure);
        let outcome = match http {
            Ok(http) => open(&self.context, http, || self.wire.chat_decoder(request), explain).await,
            Err(error) => Err(error),
        };
        let Some(fallback) = fallback else { return outcome };
        match outcome {
            Err(error) => {
                drop(error);
                // In a box, since it is rare: each call would have to keep room for it.
                Box::pin(fallback.open(&self.context, self.wire.chat_decoder(request))).await
            }
            Ok(stream) => {
                let (context, id) = (self.context.clone(), self.wire.id());
                Ok(stream.or_reopen(Box::new(move |decoder| {
                    Box::pin(async move {
                        fallback.open(&context, decoder).await.map_err(|error| error.with_provider(id))
                    })
                })))
            }
        }
    }

    /// The same once more, if what made it fail could be mended.
    async fn try_chat_again(&self, request: &ChatRequest, error: Error) -> Result<TokenStream, Error> {
        if self.wire.recover(&self.context, &error).await? {
            self.try_chat(request).await
        } else {
            Err(error)
        }
    }

    async fn try_completion(&self, request: &CompletionRequest) -> Result<CompletionResponse, Error> {
        let mut http = self.wire.encode_completion(request)?;
        self.authorize(&mut http, Call::Completion).await?;
        let secrets = Secrets::of(&http);
        let response = fetch_hiding(&self.context, http, &secrets).await;
        let response = response.map_err(|failure| self.explain(Call::Completion, failure));
        let completion = response.and_then(|response| self.wire.decode_completion(&response));
        completion.map_err(|error| secrets.hidden_in(error))
    }

    /// The same once more, if what made it fail could be mended.
    async fn try_completion_again(
        &self,
        request: &CompletionRequest,
        error: Error,
    ) -> Result<CompletionResponse, Error> {
        if self.wire.recover(&self.context, &error).await? {
            self.try_completion(request).await
        } else {
            Err(error)
        }
    }
}

impl<W: Wire> AiProvider for Driver<W> {
    fn name(&self) -> &str {
        self.wire.id()
    }

    fn model(&self) -> Model {
        self.wire.model()
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::of_model(&self.wire.model())
    }

    fn initialize(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            // Not a conversation, which may ask for more.
            self.wire.prepare(&self.context, Call::Completion).await?;
            self.wire.authenticate(&self.context, Call::Chat).await
        })
    }

    fn chat_stream(&self, mut request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            let named = |error: Error| self.complete_error(error);
            self.wire.prepare(&self.context, Call::Chat).await.map_err(named)?;
            self.wire.format_support().prepare(&mut request).map_err(named)?;
            let outcome = match self.try_chat(&request).await {
                Err(error) => Box::pin(self.try_chat_again(&request, error)).await,
                stream => stream,
            };
            match outcome.map_err(named) {
                Err(error) if error.is_announced() => Ok(TokenStream::of_announced(error)),
                outcome => outcome,
            }
        })
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async move {
            let named = |error: Error| self.complete_error(error);
            self.wire.prepare(&self.context, Call::Completion).await.map_err(named)?;
            let outcome = match self.try_completion(&request).await {
                Err(error) => Box::pin(self.try_completion_again(&request, error)).await,
                completion => completion,
            };
            outcome.map_err(named)
        })
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            let named = |error: Error| self.complete_error(error);
            let Some(http) = self.wire.encode_completion_stream(&request) else {
                return self.complete(request).await.map(|completion| TokenStream::of_text(completion.text));
            };
            self.wire.prepare(&self.context, Call::Completion).await.map_err(named)?;
            let mut http = http.map_err(named)?;
            self.authorize(&mut http, Call::Completion).await.map_err(named)?;
            let decoder = || self.wire.chat_decoder(&ChatRequest::default());
            let explain = |failure| self.explain(Call::Completion, failure);
            open(&self.context, http, decoder, explain).await.map_err(named)
        })
    }

    fn generate_image(&self, request: ImageRequest) -> BoxFuture<'_, Result<GeneratedImage, Error>> {
        Box::pin(async move {
            let made = match self.wire.generate_image(&self.context, &request) {
                Some(made) => made.await,
                None => Err(unsupported(self.wire.id(), "image generation")),
            };
            made.map_err(|error| self.complete_error(error))
        })
    }

    fn list_models(&self) -> BoxFuture<'_, Result<Vec<Model>, Error>> {
        Box::pin(async move {
            if let Some(asked) = self.wire.list_models(&self.context) {
                return asked.await.map_err(|error| self.complete_error(error));
            }
            Ok(table(self.wire.id()).models().map(|(id, info)| Model::new(id, info)).collect())
        })
    }

    fn health_check(&self) -> BoxFuture<'_, HealthStatus> {
        self.wire.health(&self.context)
    }

    fn encode(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let named = |error: Error| self.complete_error(error);
        let mut prepared = Cow::Borrowed(request);
        if request.answer_format.is_some() {
            self.wire.format_support().prepare(prepared.to_mut()).map_err(named)?;
        }
        let mut request = self.wire.encode_chat(&prepared).map_err(named)?;
        self.wire.authorize(&mut request, Call::Chat).map_err(named)?;
        Ok(request)
    }

    fn decoder(&self, request: &ChatRequest) -> Result<StreamProcessor, Error> {
        Ok(StreamProcessor::new(self.wire.chat_decoder(request)))
    }
}

/// Sends a request and hands its answer to a decoder, which is made once there is one.
fn open<'a>(
    context: &'a Context,
    request: HttpRequest,
    decoder: impl FnOnce() -> Box<dyn Decode> + 'a,
    explain: impl Fn(Failure) -> Error + 'a,
) -> impl Future<Output = Result<TokenStream, Error>> + 'a {
    let secrets = Secrets::of(&request);
    // Out here, so that the future need not keep the request.
    let sent = context.transport.send(request);
    async move {
        let explain = |failure| secrets.hidden_in(explain(failure));
        let response = sent.await.map_err(|cause| explain(Failure::Transport(cause)))?;
        if !is_success(response.status) {
            return Err(explain(Box::pin(status_failure(response, &secrets)).await));
        }
        let head = ResponseHead { status: response.status, headers: response.headers };
        let mut decoder = decoder();
        decoder.head(&head).map_err(|error| secrets.hidden_in(error))?;
        Ok(TokenStream::decode(head, response.body, StreamProcessor::new(decoder).hiding(secrets)))
    }
}

/// Sends a request and gives the body of a good answer.
pub(crate) async fn send(context: &Context, request: HttpRequest) -> Result<Body, Failure> {
    let secrets = Secrets::of(&request);
    let response = context.transport.send(request).await.map_err(Failure::Transport)?;
    if is_success(response.status) {
        Ok(response.body)
    } else {
        Err(status_failure(response, &secrets).await)
    }
}

/// Sends a request and reads the whole answer.
pub(crate) async fn fetch(context: &Context, request: HttpRequest) -> Result<WholeResponse, Failure> {
    let secrets = Secrets::of(&request);
    fetch_hiding(context, request, &secrets).await
}

async fn fetch_hiding(
    context: &Context,
    request: HttpRequest,
    secrets: &Secrets,
) -> Result<WholeResponse, Failure> {
    let response = context.transport.send(request).await.map_err(Failure::Transport)?;
    if !is_success(response.status) {
        return Err(status_failure(response, secrets).await);
    }
    read_whole(response).await.map_err(|(url, cause)| Failure::Body { url, cause })
}

async fn status_failure(response: HttpResponse, secrets: &Secrets) -> Failure {
    let status = response.status;
    match read_whole(response).await {
        Ok(whole) => Failure::Status(WholeResponse { body: secrets.hidden_in_body(whole.body), ..whole }),
        Err((url, cause)) => Failure::StatusWithoutBody { status, url, cause },
    }
}

/// The response with its whole body; else its URL, and why the body broke off.
async fn read_whole(response: HttpResponse) -> Result<WholeResponse, (String, TransportError)> {
    let HttpResponse { status, reason, headers, url, body } = response;
    match read_body(body).await {
        Ok(body) => Ok(WholeResponse { status, reason, headers, url, body }),
        Err(cause) => Err((url, cause)),
    }
}

async fn read_body(mut body: Body) -> Result<Bytes, TransportError> {
    let Some(first) = body.next().await.transpose()? else { return Ok(Bytes::new()) };
    let Some(second) = body.next().await.transpose()? else { return Ok(first) };
    let mut whole = BytesMut::with_capacity(2 * (first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(chunk) = body.next().await.transpose()? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}
