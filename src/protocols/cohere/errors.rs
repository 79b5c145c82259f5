//! What a failed exchange means.
//!
//! <https://docs.cohere.com/reference/errors>

use crate::driver::{Failure, WholeResponse};
use crate::json::{Node, Value};
use crate::transport::TransportErrorKind;
use crate::{Error, ErrorKind};

/// The error of a failed exchange.
pub(crate) fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Transport(cause) => match cause.kind {
            TransportErrorKind::Request => Error::configuration(cause.detail),
            TransportErrorKind::HeadTimeout => Error::new(ErrorKind::Timeout, "Request timed out."),
            _ => Error::new(ErrorKind::Connection, "Connection error."),
        },
        Failure::Status(response) => status(&response),
        Failure::StatusWithoutBody { status, .. } => {
            Error::status_error(status, format!("{status} terminated"))
        }
        Failure::Body { .. } => interrupted(),
    }
}

/// The body broke off.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "terminated")
}

/// The error that ends a stream.
pub(crate) fn in_stream(error: Node<'_>) -> Error {
    let message = error.as_text().map_or_else(|| error.to_json(), String::from);
    Error::new(ErrorKind::InStream, message)
}

/// The service's own words are in `message`.
fn status(response: &WholeResponse) -> Error {
    let text = response.text();
    let body = Value::parse(&text).unwrap_or_default();
    let message = body.get("message").and_then(Value::as_str).unwrap_or(&text);
    let message = if message.is_empty() { "status code (no body)" } else { message };
    Error::status_error(response.status, format!("{} {message}", response.status))
        .with_response(response.headers.clone(), text.as_str())
}
