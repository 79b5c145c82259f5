//! What ollama-js throws.

use crate::driver::{Failure, WholeResponse};
use crate::json::javascript::display;
use crate::json::{Document, Node};
use crate::transport::TransportErrorKind;
use crate::{Error, ErrorKind};

/// The error of a failed exchange.
pub(crate) fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Transport(cause) => match cause.kind {
            TransportErrorKind::Request => Error::configuration(cause.detail),
            TransportErrorKind::HeadTimeout => Error::new(ErrorKind::Timeout, "fetch failed"),
            _ => Error::new(ErrorKind::Connection, "fetch failed"),
        },
        Failure::Status(response) => status(&response),
        // The text of an error that cannot be read is that of its status.
        Failure::StatusWithoutBody { status, .. } => {
            Error::new(ErrorKind::of_status(status), format!("Error {status}: "))
        }
        Failure::Body { .. } => interrupted(),
    }
}

/// The body broke off.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "terminated")
}

/// The stream ended before the answer did.
pub(crate) fn incomplete() -> Error {
    Error::new(ErrorKind::Interrupted, "Did not receive done or success response in stream.")
}

/// The error that a line of the stream reports.
pub(crate) fn in_stream(error: Node<'_>) -> Error {
    Error::new(ErrorKind::InStream, display(&error.to_value()))
}

/// The error's text in a JSON body, else the body, else the status line. Its status is not part of the
/// reference's error.
fn status(response: &WholeResponse) -> Error {
    let text = response.text();
    let line = format!("Error {}: {}", response.status, response.reason);
    let message = if response.headers.joined("content-type").unwrap_or_default().contains("application/json")
    {
        let mut document = Document::new();
        let error = document.parse(text.as_str().into()).unwrap_or_default().get("error");
        if error.is_truthy() { display(&error.to_value()) } else { line }
    } else if text.is_empty() {
        line
    } else {
        text.clone()
    };
    Error::new(ErrorKind::of_status(response.status), message).with_response(response.headers.clone(), text)
}
