//! The lines that report how a model comes to a server.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md#pull-a-model>

use super::errors;
use crate::json::{Document, Node};
use crate::{Error, Text};

/// How far a server is with a model that it fetches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PullProgress {
    /// What the server does, in its own words: `pulling manifest`, `verifying sha256 digest`, `success`, ...
    pub status: Text,
    /// The part of the model that is being fetched.
    pub digest: Option<Text>,
    /// The bytes of that part.
    pub total: Option<u64>,
    /// How many of them are there.
    pub completed: Option<u64>,
}

impl PullProgress {
    /// Whether the model is complete.
    pub fn is_success(&self) -> bool {
        self.status == "success"
    }
}

/// Reads a line; `None` for one that reports nothing.
///
/// # Errors
///
/// The error that the line reports.
pub(crate) fn line(document: &mut Document, line: Text) -> Result<Option<PullProgress>, Error> {
    // A line that is no JSON is passed over, as in conversations.
    let Ok(line) = document.parse(line) else { return Ok(None) };
    if !line.get("error").is_undefined() {
        return Err(errors::in_stream(line.get("error")));
    }
    let bytes = |node: Node<'_>| node.as_f64().filter(|count| *count >= 0.0).map(|count| count as u64);
    Ok(line.get("status").as_text().map(|status| PullProgress {
        status,
        digest: line.get("digest").as_text(),
        total: bytes(line.get("total")),
        completed: bytes(line.get("completed")),
    }))
}
