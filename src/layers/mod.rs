//! Transports around a transport: what holds for every call, whoever makes it.
//!
//! Each layer is one file and takes an `Arc<dyn Transport>`. The order matters: [`standard`] is the right one.

mod aws_error;
mod body_limit;
#[cfg(feature = "http")]
mod decode;
mod redirect;
mod retry;
mod retry_after;
mod sign;
#[cfg(feature = "http")]
mod timeout;

#[cfg(feature = "http")]
use std::sync::Arc;

#[cfg(feature = "http")]
use crate::{clock::Clock, transport::Transport};

pub use body_limit::{BodyLimitLayer, DEFAULT_BODY_LIMIT};
#[cfg(feature = "http")]
pub use decode::{DecodeLayer, decoded};
pub use redirect::RedirectLayer;
pub use retry::RetryLayer;
pub(crate) use retry_after::parse_date as date_of;
pub use retry_after::retry_after;
pub use sign::SignLayer;
#[cfg(feature = "http")]
pub use timeout::{HeadLimit, TimeoutLayer};

/// Wraps a bare transport in what every call of the reference goes through.
///
/// From the outside in: retries, redirects, a limit on bodies, content decoding, signing, `inner`. Each needs its place:
///
/// ```text
/// retry(redirect(limit(decode(sign(inner)))))   right
/// redirect(retry(...))                          wrong: every hop would get retries of its own, and the failures
///                                               that `fetch` makes of 407 and 421 would never be tried again
/// sign(retry(...))                              wrong: one signature, with one date, for all attempts
/// sign(redirect(...))                           wrong: the second host would get the first one's signature
/// ```
///
/// # Example: a client for real connections
///
/// ```
/// use std::sync::Arc;
/// use samewire::clock::SystemClock;
/// use samewire::layers;
/// use samewire::transport::{HyperTransport, Transport};
///
/// let http: Arc<dyn Transport> = layers::standard(Arc::new(HyperTransport::new()), Arc::new(SystemClock));
/// ```
#[cfg(feature = "http")]
pub fn standard(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Arc<dyn Transport> {
    standard_within(inner, clock, Some(DEFAULT_BODY_LIMIT))
}

/// As [`standard`], with another limit on the bytes of a decoded body than
/// [`DEFAULT_BODY_LIMIT`]; `None` has none.
#[cfg(feature = "http")]
pub fn standard_within(
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    body_limit: Option<u64>,
) -> Arc<dyn Transport> {
    let signed = Arc::new(SignLayer::new(inner, clock.clone()));
    let decoded: Arc<dyn Transport> = Arc::new(DecodeLayer::new(signed));
    let limited = match body_limit {
        Some(bytes) => Arc::new(BodyLimitLayer::new(decoded, bytes)),
        None => decoded,
    };
    let followed = Arc::new(RedirectLayer::new(limited));
    Arc::new(RetryLayer::new(followed, clock))
}
