//! Transports around a transport: what holds for every call, whoever makes it.
//!
//! Each layer is one file and takes an `Arc<dyn Transport>`. The order matters:
//! [`transport::standard`](crate::transport::standard) builds the right one.

mod aws_error;
pub mod body_limit;
pub mod retry;
mod retry_after;
pub mod sign;
#[cfg(feature = "http")]
pub mod timeout;

pub(crate) use retry_after::parse_date as date_of;
pub use retry_after::retry_after;
