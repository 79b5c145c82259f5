//! What @anthropic-ai/sdk 0.37.0 throws.

use crate::driver::{Failure, WholeResponse};
use crate::json::Document;
use crate::transport::{TransportError, TransportErrorKind};
use crate::{Error, ErrorKind, Text};

/// What the SDK makes of a failed exchange.
pub(crate) fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Transport(cause) => match cause.kind {
            TransportErrorKind::HeadTimeout => Error::new(ErrorKind::Timeout, "Request timed out."),
            TransportErrorKind::Request => Error::configuration(cause.detail),
            _ => Error::new(ErrorKind::Connection, "Connection error."),
        },
        Failure::Status(response) => of_status(&response),
        Failure::StatusWithoutBody { status, url, cause } => {
            let text = body_failure(&url, &cause);
            Error::status_error(status, format!("{status} {}", text.message()))
        }
        Failure::Body { url, cause } => body_failure(&url, &cause),
    }
}

fn of_status(response: &WholeResponse) -> Error {
    let status = response.status;
    let text = response.text();
    let mut document = Document::new();
    let body = document.parse(Text::from(&text)).unwrap_or_default();
    let message = if body.is_truthy() {
        let message = body.get("message");
        let described = if message.is_truthy() { message } else { body };
        Some(
            described
                .as_text()
                .filter(|_| message.is_truthy())
                .map_or_else(|| described.to_json(), String::from),
        )
    } else {
        Some(text.clone()).filter(|text| !text.is_empty())
    };
    let message = match message {
        Some(message) => format!("{status} {message}"),
        None => format!("{status} status code (no body)"),
    };
    Error::status_error(status, message).with_response(response.headers.clone(), text)
}

/// The body of a stream broke off.
pub(crate) fn interrupted(cause: &TransportError) -> Error {
    let (message, code) = break_words(cause);
    Error::new(ErrorKind::Interrupted, message).with_code(code)
}

/// A body that was wanted whole broke off.
fn body_failure(url: &str, cause: &TransportError) -> Error {
    let (message, code) = break_words(cause);
    let message = format!("Invalid response body while trying to fetch {url}: {message}");
    Error::new(ErrorKind::Interrupted, message).with_code(code)
}

/// node-fetch's words for a broken body.
fn break_words(cause: &TransportError) -> (&'static str, &'static str) {
    match cause.kind {
        TransportErrorKind::Encoding => ("incorrect header check", "Z_DATA_ERROR"),
        _ => ("Premature close", "ERR_STREAM_PREMATURE_CLOSE"),
    }
}

/// The service reported an error inside its answer; the SDK throws its data, which may be missing.
pub(super) fn in_stream(data: Text) -> Error {
    let message = if data.is_empty() { "Connection error.".into() } else { data };
    Error::new(ErrorKind::InStream, message)
}
