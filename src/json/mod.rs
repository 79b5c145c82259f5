//! JSON as JavaScript reads and writes it.
//!
//! There are two sides, one for each direction:
//!
//! - [`Document`] reads what a service sent. It keeps the text and a flat list of where each value
//!   stands in it, so that parsing allocates nothing once the list has grown, strings are slices of the
//!   received bytes, and the depth of nesting is limited by memory only. A [`Node`] is a place in a
//!   document and reads like JavaScript's optional chaining: what is missing is `undefined`, never an
//!   error.
//! - [`Value`] and [`Object`] are what we build and send. Keys keep the order in which they were
//!   inserted, but for keys that look like array indexes, which come first, as in JavaScript.
//!
//! Both are written as `JSON.stringify` writes them, byte for byte, and [`SyntaxError`] says what
//! `JSON.parse` of Node 20 (V8 11.3) says.
//!
//! Grammar: <https://www.rfc-editor.org/rfc/rfc8259>; reading, writing and key order:
//! <https://tc39.es/ecma262/#sec-json-object>.
//!
//! # Deviation from JavaScript
//!
//! A Rust string cannot hold half a surrogate pair. An escape such as `\ud83d` without its partner is
//! read as U+FFFD, and written as that.
//!
//! # Example: read an event
//!
//! ```
//! use samewire::json::Document;
//!
//! let mut document = Document::new();
//! let event = document.parse(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#.into())?;
//! let delta = event.get("choices").at(0).get("delta");
//! assert_eq!(delta.get("content").as_text().unwrap(), "Hi");
//! assert!(delta.get("tool_calls").at(0).get("function").is_undefined());
//! # Ok::<(), samewire::json::SyntaxError>(())
//! ```
//!
//! # Example: build a body
//!
//! ```
//! use samewire::json::{Value, object};
//!
//! let body = object! { "model": "gpt-4o", "temperature": 0.0, "stop": Value::Null };
//! assert_eq!(Value::from(body).to_json(), r#"{"model":"gpt-4o","temperature":0,"stop":null}"#);
//! ```

mod document;
mod entries;
mod escape;
pub(crate) mod javascript;
mod node;
mod object;
mod repetition;
mod scan;
mod serde;
mod syntax_error;
mod value;
mod write;

pub use document::Document;
pub use entries::{Entries, Items};
pub use node::{Kind, Node};
pub(crate) use object::entry;
pub use object::{IntoIter, Iter, IterMut, Object};
pub(crate) use repetition::Repetition;
pub use syntax_error::SyntaxError;
pub use value::Value;
pub use write::{write_number, write_string};

pub use crate::object;

#[cfg(test)]
mod tests;
