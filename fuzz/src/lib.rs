//! Hostile input for samewire. A target takes any bytes and panics if a promise is broken; a corpus is where
//! mutation begins: the bodies and inputs of the recordings.

pub mod corpus;
pub mod mutate;
pub mod targets;
mod world;
