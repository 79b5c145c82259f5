//! What the reference says when the fallback fails too.

use crate::driver::{Failure, WholeResponse};
use crate::json::Document;
use crate::json::javascript::display;
use crate::transport::TransportErrorKind;
use crate::{Error, ErrorKind};

/// The error of a failed fallback exchange; `describe` gives a status in words.
pub(super) fn explain(failure: Failure, describe: fn(u16) -> Option<&'static str>) -> Error {
    match failure {
        Failure::Transport(cause) => match cause.kind {
            TransportErrorKind::Request => connecting(Error::configuration(cause.detail)),
            TransportErrorKind::HeadTimeout => connecting(Error::new(ErrorKind::Timeout, "fetch failed")),
            _ => connecting(Error::new(ErrorKind::Connection, "fetch failed")),
        },
        Failure::Status(response) => connecting(status(&response, describe)),
        Failure::StatusWithoutBody { .. } | Failure::Body { .. } => {
            connecting(Error::new(ErrorKind::Interrupted, "terminated"))
        }
    }
}

/// An error inside the stream.
pub(super) fn in_stream(error: Error) -> Error {
    let message = format!("Error processing response stream: {}", error.message());
    connecting(error.with_message(message))
}

/// Names the API in front of a message that does not do so itself.
pub(super) fn connecting(error: Error) -> Error {
    if error.message().contains("Responses API") {
        return error;
    }
    let message = format!("Failed to connect to Responses API: {}", error.message());
    error.with_message(message)
}

fn status(response: &WholeResponse, describe: fn(u16) -> Option<&'static str>) -> Error {
    let text = response.text();
    let what = describe(response.status)
        .map_or_else(|| format!("Responses API error ({})", response.status), str::to_owned);
    let detail = detail(&text);
    let message = if detail.is_empty() { what } else { format!("{what} - {detail}") };
    // The reference's error carries no status.
    Error::new(ErrorKind::of_status(response.status), message).with_response(response.headers.clone(), text)
}

/// The error's message in a body, else the body.
fn detail(text: &str) -> String {
    let mut document = Document::new();
    let body = document.parse(text.into()).unwrap_or_default();
    let message = [body.get("error").get("message"), body.get("message")];
    let message = message.into_iter().find(|message| message.is_truthy());
    message.map_or_else(|| text.to_owned(), |message| display(&message.to_value()))
}
