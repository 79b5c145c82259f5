//! The one error type: what failed, where, whether to try again, and the reference's words.

use std::fmt;
use std::time::Duration;

use crate::json::{SyntaxError, Value};
use crate::response::ChatResponse;
use crate::secrets::HIDDEN;
use crate::transport::{HeaderValue, Headers, TransportError, TransportErrorKind};

/// Why a call failed.
///
/// [`Error::message`] is what the TypeScript would have thrown, to the letter, wherever a person wrote
/// that text on purpose. The rest is for programs: [`kind`](Error::kind) to branch on,
/// [`retry`](Error::retry) for what to do, [`status`](Error::status), [`headers`](Error::headers) and
/// [`body`](Error::body) for what the service said.
///
/// No field ever holds a key of ours: where a service echoes one back, `[secret]` stands in its place.
///
/// # Example: decide what to do
///
/// ```
/// use samewire::{Error, ErrorKind, RetryAdvice};
///
/// fn explain(error: &Error) -> String {
///     match (error.kind(), error.retry()) {
///         (ErrorKind::Authentication, _) => "check the API key".into(),
///         (_, RetryAdvice::After(wait)) => format!("try again in {} s", wait.as_secs()),
///         (_, RetryAdvice::Backoff) => "try again with a growing delay".into(),
///         (_, RetryAdvice::Never) => error.message().into(),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    provider: Option<String>,
    status: Option<u16>,
    code: Option<Value>,
    details: Option<Value>,
    vendor_type: Option<String>,
    retry: Option<RetryAdvice>,
    headers: Headers,
    body: Option<String>,
    announced: bool,
    partial: Option<ChatResponse>,
    cause: Option<Error>,
}

/// What kind of failure an [`Error`] is.
///
/// | kind | usual cause | what to do |
/// | --- | --- | --- |
/// | `Configuration` | a setting is missing or of the wrong form | set what the message names; trying again cannot help |
/// | `Unsupported` | the provider has no such call, or a feature is compiled out | choose another provider or call; see [`AiProvider::capabilities`](crate::AiProvider::capabilities) |
/// | `Authentication` | no key, a wrong or expired one, or one of another service | renew the key; look whether it fits the base URL (`samewire doctor` does) |
/// | `PermissionDenied` | no credit, no right to the model, a blocked region | add credit or rights with the vendor; another key may do |
/// | `NotFound` | a misspelled or retired model, a base URL with a path too many or too few | compare with [`AiProvider::list_models`](crate::AiProvider::list_models); look at the URL |
/// | `Timeout` | a slow model, a proxy that buffers, a limit that is too short | try again; raise `headTimeoutMs` or `idleTimeoutMs` |
/// | `RateLimited` | more requests or tokens than the plan allows | wait as [`Error::retry`] says; let `manager` limits keep below it, or add keys |
/// | `Overloaded` | the service is over capacity | try again with growing waits, or fail over to another provider |
/// | `InvalidRequest` | the conversation is too long, a parameter or schema is refused, a tool result lacks its call | read [`Error::body`]; shorten or mend the request; the same one fails again |
/// | `Server` | a fault of the service or of a gateway before it | try again; if it stays, report [`Error::body`] to the vendor |
/// | `Connection` | no network, DNS, proxy, certificate, or a port where nothing listens | look at the host in the message; `httpProxy`, `caCertificateFile` |
/// | `Interrupted` | the connection broke inside the answer | keep what came ([`Error::partial`], or the tokens so far) and ask again, or go on from it |
/// | `InStream` | the service failed after it had begun to answer | as the message says; often as `Overloaded` |
/// | `InvalidResponse` | a gateway's HTML page, a service that departs from its protocol | look at [`Error::body`] and the base URL; report it with a recording (`samewire record`) |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Settings are missing or wrong; nothing was sent.
    Configuration,
    /// The request cannot be expressed for this provider; nothing was sent.
    Unsupported,
    /// 401: no key, or a wrong one.
    Authentication,
    /// 402 or 403: the key may not do this, or the account has no credit.
    PermissionDenied,
    /// 404: no such model or endpoint.
    NotFound,
    /// 408, or no answer in time.
    Timeout,
    /// 429: too many requests or tokens.
    RateLimited,
    /// 503 or 529: the service is over capacity.
    Overloaded,
    /// Another 4xx: the service refused the request as it is.
    InvalidRequest,
    /// Another 5xx, or a status that means nothing.
    Server,
    /// No connection, or it broke before the response head.
    Connection,
    /// The stream broke after its head: what came before is valid, the rest is missing.
    Interrupted,
    /// The service reported an error inside a successful response.
    InStream,
    /// The response is not what its protocol promises (broken JSON, missing fields, bad frames).
    InvalidResponse,
}

/// What to do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAdvice {
    /// The same request would fail again.
    Never,
    /// The service named the wait.
    After(Duration),
    /// Try again with a growing, jittered delay.
    Backoff,
}

impl Error {
    /// An error of that kind with that message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            provider: None,
            status: None,
            code: None,
            details: None,
            vendor_type: None,
            retry: None,
            headers: Headers::new(),
            body: None,
            announced: false,
            partial: None,
            cause: None,
        }))
    }

    /// A mistake in settings or configuration.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    /// A response that breaks its protocol.
    pub fn invalid_response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, message)
    }

    /// A response that breaks its protocol where JavaScript would stumble over it.
    pub(crate) fn malformed(what: &str) -> Self {
        Self::invalid_response(format!("the response is malformed: {what}"))
    }

    /// The error of an HTTP status.
    pub fn status_error(status: u16, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::of_status(status), message).with_status(status)
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The text that the reference throws.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider that was asked, once known.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The HTTP status, where the reference reports one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own error code, as it came: usually a string.
    pub fn code(&self) -> Option<&Value> {
        self.0.code.as_ref()
    }

    /// Structured details that the service added.
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_ref()
    }

    /// The service's name for the error, such as `ThrottlingException`.
    pub fn vendor_type(&self) -> Option<&str> {
        self.0.vendor_type.as_deref()
    }

    /// The headers of the failed response; empty when there was none.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// The body of the failed response, when it was read.
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// What had arrived of an answer that broke off, with the usage so far; tool calls in it may be cut. Only
    /// errors of a manager's streams carry it.
    pub fn partial(&self) -> Option<&ChatResponse> {
        self.0.partial.as_ref()
    }

    /// The error behind this one, if it sums one up.
    pub fn cause(&self) -> Option<&Error> {
        self.0.cause.as_ref()
    }

    /// What to do: the service's own advice where it gave one, else what the kind suggests.
    pub fn retry(&self) -> RetryAdvice {
        self.0.retry.unwrap_or(match self.0.kind {
            ErrorKind::Timeout
            | ErrorKind::RateLimited
            | ErrorKind::Overloaded
            | ErrorKind::Server
            | ErrorKind::Connection => RetryAdvice::Backoff,
            _ => RetryAdvice::Never,
        })
    }

    /// The same error with another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The same error with its message changed.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same error with the provider named.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider = Some(provider.into());
        self
    }

    /// The same error with an HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The same error without its status and code, for wrappers of the reference that lose them.
    #[must_use]
    pub fn without_status_and_code(mut self) -> Self {
        self.0.status = None;
        self.0.code = None;
        self
    }

    /// The same error with the service's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Value>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// The same error with structured details.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.0.details = Some(details.into());
        self
    }

    /// The same error with the service's name for it.
    #[must_use]
    pub fn with_vendor_type(mut self, vendor_type: impl Into<String>) -> Self {
        self.0.vendor_type = Some(vendor_type.into());
        self
    }

    /// The same error with the service's retry advice.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryAdvice) -> Self {
        self.0.retry = Some(retry);
        self
    }

    /// The same error with what had arrived before it.
    #[must_use]
    pub fn with_partial(mut self, partial: ChatResponse) -> Self {
        self.0.partial = Some(partial);
        self
    }

    /// The same error with the one behind it.
    #[must_use]
    pub fn with_cause(mut self, cause: Error) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// The same error, with what the transport says behind the reference's words; a body that is too large is
    /// told in front, as the reference knows no such limit.
    pub(crate) fn because_of(self, failure: &TransportError) -> Self {
        let kind = match failure.kind {
            TransportErrorKind::TooLarge => ErrorKind::InvalidResponse,
            _ => self.kind(),
        };
        let cause = Self::new(kind, failure.detail.clone());
        if failure.kind == TransportErrorKind::TooLarge {
            return cause;
        }
        let is_told = self.cause().is_some() || self.message().contains(&failure.detail);
        if is_told { self } else { self.with_cause(cause) }
    }

    /// The same error without that text, wherever it stands.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        let hide = |text: &mut String| {
            if text.contains(secret) {
                *text = text.replace(secret, HIDDEN);
            }
        };
        let inner = &mut *self.0;
        hide(&mut inner.message);
        inner.body.as_mut().map(hide);
        inner.vendor_type.as_mut().map(hide);
        for value in [&mut inner.code, &mut inner.details] {
            let json = value.as_ref().map(Value::to_json).filter(|json| json.contains(secret));
            if let Some(json) = json {
                *value = Value::parse(&json.replace(secret, HIDDEN)).ok();
            }
        }
        let quotes = |value: &HeaderValue| {
            value.as_bytes().windows(secret.len()).any(|part| part == secret.as_bytes())
        };
        if inner.headers.iter().any(|(_, value)| quotes(value)) {
            let hidden = |(name, value): (&str, &HeaderValue)| {
                let value = if quotes(value) { HeaderValue::from(HIDDEN) } else { value.clone() };
                (name.to_owned(), value)
            };
            inner.headers = inner.headers.iter().map(hidden).collect();
        }
        inner.cause = inner.cause.take().map(|cause| cause.without(secret));
        self
    }

    /// The same error, to be told in the answer's text too: the reference yields it there before it throws.
    pub(crate) fn announced(mut self) -> Self {
        self.0.announced = true;
        self
    }

    pub(crate) fn is_announced(&self) -> bool {
        self.0.announced
    }

    /// The same error with the head and body of the response that caused it.
    #[must_use]
    pub fn with_response(mut self, headers: Headers, body: impl Into<String>) -> Self {
        self.0.headers = headers;
        self.0.body = Some(body.into());
        self
    }
}

impl ErrorKind {
    /// The kind that an HTTP status stands for.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 | 403 => Self::PermissionDenied,
            404 => Self::NotFound,
            408 => Self::Timeout,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Server,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("provider", &self.0.provider)
            .field("status", &self.0.status)
            .field("code", &self.0.code)
            .field("retry", &self.retry())
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause().map(|cause| cause as _)
    }
}

impl From<SyntaxError> for Error {
    fn from(error: SyntaxError) -> Self {
        Self::invalid_response(error.to_string())
    }
}
