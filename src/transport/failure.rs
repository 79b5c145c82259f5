//! What the errors of HTTP clients mean, in words without a URL.

use std::error::Error as StdError;

use super::{TransportError, TransportErrorKind};

/// The error and its causes, from the outside in. A stream that the peer reset is that, wherever it stands among them.
pub(super) fn failure(failed: &(dyn StdError + 'static), kind: TransportErrorKind) -> TransportError {
    let mut detail = String::new();
    let mut next = Some(failed);
    while let Some(cause) = next {
        if let Some(reason) =
            cause.downcast_ref().filter(|error: &&h2::Error| error.is_reset()).and_then(h2::Error::reason)
        {
            return error(TransportErrorKind::StreamReset, format!("stream reset by the peer: {reason:?}"));
        }
        let text = cause.to_string();
        if !detail.ends_with(&text) {
            if !detail.is_empty() {
                detail.push_str(": ");
            }
            detail.push_str(&text);
        }
        next = cause.source();
    }
    error(kind, detail)
}

pub(super) fn error(kind: TransportErrorKind, detail: impl Into<String>) -> TransportError {
    TransportError { kind, detail: detail.into() }
}
