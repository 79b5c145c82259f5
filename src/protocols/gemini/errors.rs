//! What @google/genai 1.29.1 throws, and how the reference's handler wraps it.

use crate::driver::{Call, Failure, WholeResponse};
use crate::json::{Document, Node, Value, object};
use crate::transport::{TransportError, TransportErrorKind};
use crate::{Error, ErrorKind, RetryAdvice, Text};

/// The handler's wrapper, which keeps the message only.
pub(super) fn wrapped(call: Call, error: Error) -> Error {
    let what = match call {
        Call::Chat => "Gemini generate context stream error",
        Call::Completion => "Gemini completion error",
    };
    let message = format!("{what}: {}", error.message());
    error.with_message(message).without_status_and_code()
}

/// What the SDK makes of a failed exchange.
pub(super) fn explain(failure: Failure) -> Error {
    match failure {
        Failure::Transport(TransportError { kind: TransportErrorKind::Request, detail }) => {
            Error::configuration(detail)
        }
        Failure::Transport(cause) => {
            let kind = match cause.kind {
                TransportErrorKind::HeadTimeout => ErrorKind::Timeout,
                _ => ErrorKind::Connection,
            };
            Error::new(kind, "exception TypeError: fetch failed sending request")
        }
        Failure::Status(response) => of_status(&response),
        Failure::StatusWithoutBody { status, .. } => Error::status_error(status, "terminated"),
        Failure::Body { .. } => interrupted(),
    }
}

/// The body broke off.
pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "terminated")
}

fn of_status(response: &WholeResponse) -> Error {
    let body = without_mark(response.text());
    let is_json =
        response.headers.joined("content-type").is_some_and(|kind| kind.contains("application/json"));
    let mut document = Document::new();
    let message = if is_json {
        document.parse(Text::from(&body)).map_or_else(|error| error.to_string(), Node::to_json)
    } else {
        let error = object! {
            "message": body.as_str(),
            "code": u32::from(response.status),
            "status": response.reason.as_str(),
        };
        Value::from(object! { "error": error }).to_json()
    };
    let error = Error::status_error(response.status, message);
    let error = match retry_delay(&document) {
        Some(wait) => error.with_retry(wait),
        None => error,
    };
    error.with_response(response.headers.clone(), body)
}

/// The advice of a `google.rpc.RetryInfo` among the details.
///
/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>
fn retry_delay(document: &Document) -> Option<RetryAdvice> {
    let details = document.root().get("error").get("details");
    let info = details.items().find(|detail| {
        detail.get("@type").as_cow().is_some_and(|kind| kind.ends_with("google.rpc.RetryInfo"))
    })?;
    let delay = info.get("retryDelay").as_cow()?;
    let seconds = delay.strip_suffix('s')?.parse().ok()?;
    std::time::Duration::try_from_secs_f64(seconds).ok().map(RetryAdvice::After)
}

/// The text without the byte order mark that `fetch` takes off.
pub(super) fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}
