//! The Converse API of AWS, as @aws-sdk/client-bedrock-runtime 3.922.0 speaks it, and the older InvokeModel.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>
//!
//! A provider of this protocol is a [`ConverseSpec`]: facts, and how models and errors are named.

mod body;
mod cache;
mod completion;
mod decode;
mod errors;
mod invoke;
mod messages;
mod schema;
mod session;
mod wire;

pub(crate) use errors::ErrorClass;
pub(crate) use wire::{Constructed, Converse, ConverseSpec};
