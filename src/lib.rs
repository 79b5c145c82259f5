//! The provider layer of TypeScript AI coding tools in Rust: the same bytes on the wire, the same
//! tokens out.

mod text;
pub use text::Text;

pub mod clock;
pub mod frames;
pub mod json;
pub mod layers;
pub mod think;
pub mod transport;
