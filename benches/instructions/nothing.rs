//! The crate is its bench.
