//! The words of V8 for text that is not JSON.

use std::fmt;

use super::scan::Fault;

/// Why a text is not JSON, in the words of `JSON.parse` of Node 20.
///
/// # Example: the message that a user of the TypeScript sees
///
/// ```
/// use samewire::json::Value;
///
/// let error = Value::parse("<html>").unwrap_err();
/// assert_eq!(error.to_string(), r#"Unexpected token '<', "<html>" is not valid JSON"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    message: String,
    position: usize,
}

impl SyntaxError {
    /// V8's message. Half a surrogate pair, which V8 may quote, is U+FFFD.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where reading stopped, counted in UTF-16 code units as JavaScript counts.
    pub const fn position(&self) -> usize {
        self.position
    }

    pub(super) fn new(source: &str, fault: Fault) -> Self {
        let (before, behind) = source.split_at(fault.at);
        let position = before.encode_utf16().count();
        let message = match (fault.message, behind.bytes().next()) {
            (Some(message), _) => format!("{message} at position {position}"),
            (None, None) => "Unexpected end of JSON input".to_owned(),
            (None, Some(b'"')) => format!("Unexpected string in JSON at position {position}"),
            (None, Some(b'-' | b'0'..=b'9')) => format!("Unexpected number in JSON at position {position}"),
            (None, Some(_)) if ECHOED_WHOLE.contains(&source) => format!("\"{source}\" is not valid JSON"),
            (None, Some(_)) => unexpected_token(source, position),
        };
        Self { message, position }
    }

    pub(super) fn too_long() -> Self {
        Self { message: "Cannot read JSON of 4 GiB or more".to_owned(), position: 0 }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// Quotes ten code units on either side of the one at `position`; short texts whole.
fn unexpected_token(source: &str, position: usize) -> String {
    let units: Vec<u16> = source.encode_utf16().collect();
    let text = String::from_utf16_lossy;
    let token = text(&units[position..=position]);
    let (cut_before, cut_behind) = if units.len() <= 2 * CONTEXT {
        (false, false)
    } else {
        (position >= CONTEXT, position < CONTEXT || position < units.len() - CONTEXT)
    };
    let start = if cut_before { position - CONTEXT } else { 0 };
    let end = if cut_behind { position + CONTEXT } else { units.len() };
    format!(
        "Unexpected token '{token}', {}\"{}\"{} is not valid JSON",
        if cut_before { "..." } else { "" },
        text(&units[start..end]),
        if cut_behind { "..." } else { "" },
    )
}

/// What JavaScript values that are no string turn into when they are passed to `JSON.parse`.
const ECHOED_WHOLE: [&str; 4] = ["[object Object]", "NaN", "Infinity", "undefined"];

const CONTEXT: usize = 10;
