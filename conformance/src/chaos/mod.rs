//! Chaos: recorded answers, with something going wrong on the way.
//!
//! [`ChaosServer`] plays a recording through [`Fault`]s to any client; [`Trial`] sends samewire at it through
//! the real transport, and judges what came out against the recording.

mod fault;
mod http1;
mod http2;
mod script;
mod server;
mod tls;
mod trial;

pub use fault::Fault;
pub use server::ChaosServer;
pub use trial::{Limits, Trial, TrialError, Verdict};
