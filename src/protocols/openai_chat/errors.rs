//! What the openai SDK 5.12.2 throws, and how the handlers wrap it.

use crate::driver::{Failure, WholeResponse};
use crate::json::{Document, Node};
use crate::transport::TransportErrorKind;
use crate::{Error, ErrorKind, Text};

/// An error of the SDK, with the upstream's raw text where a router passed it on.
pub(crate) struct SdkError {
    pub(crate) error: Error,
    raw: Option<String>,
}

impl From<Error> for SdkError {
    fn from(error: Error) -> Self {
        Self { error, raw: None }
    }
}

impl SdkError {
    /// What the SDK makes of a failed exchange.
    pub(crate) fn of(failure: Failure) -> Self {
        match failure {
            Failure::Transport(cause) => match cause.kind {
                TransportErrorKind::HeadTimeout => {
                    Error::new(ErrorKind::Timeout, "Request timed out.").into()
                }
                TransportErrorKind::Request => Error::configuration(cause.detail).into(),
                _ => Error::new(ErrorKind::Connection, "Connection error.").into(),
            },
            Failure::Status(response) => Self::of_status(&response),
            Failure::StatusWithoutBody { status, .. } => {
                Error::status_error(status, format!("{status} terminated")).into()
            }
            Failure::Body { .. } => interrupted().into(),
        }
    }

    fn of_status(response: &WholeResponse) -> Self {
        let status = response.status;
        let raw_text = response.text();
        let text = raw_text.strip_prefix('\u{feff}').unwrap_or(&raw_text);
        let mut document = Document::new();
        let body = document.parse(Text::from(text)).unwrap_or_default();
        let (message, described) = if body.is_truthy() {
            let described = body.get("error");
            (describe(described), described)
        } else {
            (Some(text.to_owned()).filter(|text| !text.is_empty()), Node::undefined())
        };
        let message = match message {
            Some(message) => format!("{status} {message}"),
            None => format!("{status} status code (no body)"),
        };
        let mut error = Error::status_error(status, message).with_response(response.headers.clone(), text);
        if !described.get("code").is_undefined() {
            error = error.with_code(described.get("code").to_value());
        }
        let raw = described.get("metadata").get("raw");
        Self { error, raw: raw.is_truthy().then(|| as_string(raw)) }
    }

    /// The SDK's message behind a prefix; status and code are lost.
    pub(crate) fn prefixed(self, prefix: &str) -> Error {
        let message = format!("{prefix}{}", self.error.message());
        self.error.without_status_and_code().with_message(message)
    }

    /// The handlers' wrapper: `<name> completion error: <message>`, the raw upstream text preferred.
    pub(crate) fn wrapped(self, name: &str) -> Error {
        let message = self.raw.unwrap_or_else(|| self.error.message().to_owned());
        if message.contains("Cannot convert argument to a ByteString") {
            return self.error.with_message("API key contains invalid characters.");
        }
        self.error.with_message(format!("{name} completion error: {message}"))
    }
}

/// The error of an event with a truthy `error` key, inside a response of status 200.
pub(crate) fn in_stream(error: Node<'_>) -> Error {
    let thrown = Error::new(ErrorKind::InStream, describe(error).unwrap_or_default());
    match error.get("code") {
        code if code.is_undefined() => thrown,
        code => thrown.with_code(code.to_value()),
    }
}

/// The body broke off.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "terminated")
}

/// The URL cannot be parsed.
pub(crate) fn invalid_url() -> Error {
    Error::configuration("Invalid URL").with_code("ERR_INVALID_URL")
}

/// The SDK's text for an error value: its message, else its JSON.
fn describe(error: Node<'_>) -> Option<String> {
    let message = error.get("message");
    match (message.is_truthy(), error.is_truthy()) {
        (true, _) => Some(as_string(message)),
        (false, true) => Some(error.to_json()),
        (false, false) => None,
    }
}

fn as_string(node: Node<'_>) -> String {
    node.as_text().map_or_else(|| node.to_json(), String::from)
}
