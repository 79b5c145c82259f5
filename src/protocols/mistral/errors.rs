//! What the SDK throws.

use crate::driver::{Failure, WholeResponse};
use crate::json::{Object, Value};
use crate::transport::TransportErrorKind;
use crate::{Error, ErrorKind};

/// The error of a failed exchange.
pub(crate) fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Transport(cause) => match cause.kind {
            TransportErrorKind::Request => Error::configuration(cause.detail),
            TransportErrorKind::HeadTimeout => Error::new(
                ErrorKind::Timeout,
                "Request timed out: TimeoutError: The operation was aborted due to timeout",
            ),
            _ => Error::new(ErrorKind::Connection, "Unable to make request: TypeError: fetch failed"),
        },
        Failure::Status(response) => status(&response),
        Failure::StatusWithoutBody { .. } | Failure::Body { .. } => interrupted(),
    }
}

/// The body broke off.
pub(crate) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "terminated")
}

/// A good status with something else than what was asked for.
pub(crate) fn unexpected(status: u16, content_type: &str, body: &str) -> Error {
    let what = described("Unexpected API response status or content-type", status, content_type, body);
    Error::invalid_response(what)
}

fn status(response: &WholeResponse) -> Error {
    let text = response.text();
    let content_type = response.headers.joined("content-type").unwrap_or_default();
    let kind = ErrorKind::of_status(response.status);
    let message = match response.status {
        422 if response.media_type() == "application/json" => match Value::parse(&text) {
            Ok(body) => format!("API error occurred: {}", Value::from(invalid_fields(&body)).to_json()),
            Err(error) => error.to_string(),
        },
        400..=599 => described("API error occurred", response.status, &content_type, &text),
        status => return unexpected(status, &content_type, &text),
    };
    // The reference's error carries no status.
    Error::new(kind, message).with_response(response.headers.clone(), text)
}

fn described(what: &str, status: u16, content_type: &str, body: &str) -> String {
    let body = if body.is_empty() { String::new() } else { format!("\n{body}") };
    format!("{what}: Status {status} Content-Type {content_type} Body {body}")
}

/// Which fields of a request were invalid, as far as the body has the form of such a list.
fn invalid_fields(body: &Value) -> Object {
    let mut kept = Object::with_capacity(1);
    let detail = |detail: &Value| {
        let mut object = Object::with_capacity(3);
        for key in ["loc", "msg", "type"] {
            object.insert_some(key, detail.get(key).cloned());
        }
        Value::from(object)
    };
    if let Some(details) = body.get("detail").and_then(Value::as_array) {
        kept.insert("detail", details.iter().map(detail).collect::<Value>());
    }
    kept
}
