//! What the SDK throws, and what the reference makes of it: a class by its words, and the class's own text.

use crate::driver::{Call, Failure, WholeResponse};
use crate::json::{Document, Kind, Node};
use crate::model::Model;
use crate::transport::{Headers, TransportError, TransportErrorKind};
use crate::{Error, ErrorKind, Text};

/// A class of errors. The first one with a sign in an error's name or message takes it.
pub(crate) struct ErrorClass {
    /// Whether this is the class of errors that pass are too fast: they are thrown as they came.
    pub(crate) is_throttling: bool,
    /// In lower case.
    pub(crate) signs: &'static [Sign],
    /// What users read instead of the service's words.
    pub(crate) text: &'static str,
}

/// Words that give a class away.
pub(crate) type Sign = &'static str;

/// An error as the SDK throws it.
#[derive(Clone, Debug)]
pub(crate) struct Thrown {
    pub(super) kind: ErrorKind,
    pub(super) name: String,
    pub(super) message: String,
    pub(super) status: Option<u16>,
    response: Option<(Headers, String)>,
}

impl Thrown {
    pub(super) fn new(kind: ErrorKind, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, name: name.into(), message: message.into(), status: None, response: None }
    }

    /// A mistake of the caller's that the SDK finds only when it serialises.
    pub(super) fn unsendable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, "TypeError", message)
    }

    pub(super) fn malformed(name: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, name, message)
    }

    /// What the SDK makes of a failed exchange.
    pub(super) fn of_failure(failure: Failure) -> Self {
        match failure {
            Failure::Transport(cause) => Self::of_transport(&cause),
            Failure::Status(response) => Self::of_status(&response),
            Failure::StatusWithoutBody { cause, .. } | Failure::Body { cause, .. } => {
                Self::new(ErrorKind::Interrupted, "Error", cause.detail)
            }
        }
    }

    fn of_transport(cause: &TransportError) -> Self {
        match cause.kind {
            TransportErrorKind::StreamReset => Self { kind: ErrorKind::Connection, ..Self::reset(cause) },
            TransportErrorKind::Connect => {
                let message = "Unexpected error: http2 request did not get a response";
                Self::new(ErrorKind::Connection, "Error", message)
            }
            TransportErrorKind::HeadTimeout => {
                Self::new(ErrorKind::Timeout, "TimeoutError", cause.detail.clone())
            }
            TransportErrorKind::Request => Self::new(ErrorKind::Configuration, "Error", cause.detail.clone()),
            _ => Self::new(ErrorKind::Connection, "Error", cause.detail.clone()),
        }
    }

    /// The peer reset the stream; Node names the code as nghttp2 does.
    pub(super) fn reset(cause: &TransportError) -> Self {
        let code = cause.detail.rsplit(": ").next().unwrap_or_default();
        let known = !code.is_empty()
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit());
        let code = if known { code } else { "INTERNAL_ERROR" };
        Self::new(ErrorKind::Interrupted, "Error", format!("Stream closed with error code NGHTTP2_{code}"))
    }

    fn of_status(response: &WholeResponse) -> Self {
        let mut document = Document::new();
        let text = response.text();
        let (name, message) = match parse(&mut document, &text) {
            Ok(body) => (error_name(response, body), error_message(body)),
            Err(message) => ("SyntaxError".into(), message),
        };
        Self {
            status: Some(response.status),
            response: Some((response.headers.clone(), text)),
            ..Self::new(ErrorKind::of_status(response.status), name, message)
        }
    }
}

/// Reads a whole body as the SDK does: empty is an empty object, and what is no JSON is explained.
pub(super) fn parse<'d>(document: &'d mut Document, text: &str) -> Result<Node<'d>, String> {
    let source = if text.is_empty() { Text::from_static("{}") } else { Text::from(text) };
    document.parse(source).map_err(|error| format!("{error}{HINT}"))
}

/// The same error as the SDK words it when it stumbles over a whole body.
pub(super) fn with_hint(mut thrown: Thrown) -> Thrown {
    thrown.message.push_str(HINT);
    thrown
}

/// The first of: the header, the body's `code`, its `__type`, the status.
fn error_name(response: &WholeResponse, body: Node<'_>) -> String {
    let code = || body.entries().find(|(key, _)| key.eq_ignore_ascii_case("code")).map(|(_, code)| code);
    let text = |node: Node<'_>| match node.kind() {
        Kind::String => node.as_text().map(String::from),
        Kind::Number => Some(node.to_json()),
        _ => None,
    };
    let found = response
        .headers
        .joined("x-amzn-errortype")
        .or_else(|| code().and_then(text))
        .or_else(|| text(body.get("__type")))
        .map(|name| shorten(&name));
    found.filter(|name| !name.is_empty()).unwrap_or_else(|| response.status.to_string())
}

/// `namespace#Name:documentation, more` is `Name`.
fn shorten(name: &str) -> String {
    let name = name.split(',').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    name.split('#').nth(1).unwrap_or(name).to_owned()
}

pub(super) fn error_message(body: Node<'_>) -> String {
    [body.get("message"), body.get("Message")]
        .into_iter()
        .filter(|message| message.is_truthy())
        .map(|message| message.as_text().map_or_else(|| message.to_json(), String::from))
        .next()
        .unwrap_or_else(|| "UnknownError".into())
}

/// What an error is explained with.
#[derive(Clone, Debug)]
pub(super) struct Explainer {
    classes: &'static [ErrorClass],
    completion_prefix: &'static str,
    model_id: String,
    context_window: String,
}

impl std::fmt::Debug for ErrorClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ErrorClass").field("text", &self.text).finish_non_exhaustive()
    }
}

impl Explainer {
    pub(super) fn new(
        classes: &'static [ErrorClass],
        completion_prefix: &'static str,
        model: &Model,
    ) -> Self {
        let window = model.info().context_window().filter(|window| *window != 0.0);
        let mut context_window = String::new();
        match window {
            Some(window) => crate::json::write_number(&mut context_window, window),
            None => context_window.push_str("unknown"),
        }
        Self { classes, completion_prefix, model_id: model.id.to_string(), context_window }
    }

    /// The error that the reference throws in the end.
    pub(super) fn explain(&self, call: Call, thrown: Thrown) -> Error {
        let class = self.class_of(&thrown);
        let is_throttling = class.is_some_and(|class| class.is_throttling);
        let message = match class {
            Some(class) if !is_throttling || call == Call::Completion => class.text.to_owned(),
            Some(_) => thrown.message.clone(),
            None => self.generic(&thrown),
        };
        let message = match call {
            Call::Chat => message,
            Call::Completion => format!("{}{message}", self.completion_prefix),
        };
        let kind = if is_throttling && thrown.kind == ErrorKind::InStream {
            ErrorKind::RateLimited
        } else {
            thrown.kind
        };
        let mut error = Error::new(kind, message).with_vendor_type(thrown.name);
        if let Some((headers, body)) = thrown.response {
            error = error.with_response(headers, body);
        }
        if call == Call::Chat && !is_throttling { error.announced() } else { error }
    }

    fn class_of(&self, thrown: &Thrown) -> Option<&'static ErrorClass> {
        if thrown.status == Some(429) || thrown.name == "ThrottlingException" {
            return self.classes.iter().find(|class| class.is_throttling);
        }
        let (name, message) = (thrown.name.to_lowercase(), thrown.message.to_lowercase());
        self.classes
            .iter()
            .find(|class| class.signs.iter().any(|sign| message.contains(sign) || name.contains(sign)))
    }

    /// The service's words. Placeholders in them are filled in too, as the reference's template is.
    fn generic(&self, thrown: &Thrown) -> String {
        let values = [
            ("{errorMessage}", thrown.message.as_str()),
            ("{errorName}", &thrown.name),
            ("{modelId}", &self.model_id),
            ("{contextWindow}", &self.context_window),
            // The reference prints a promise here.
            ("{regionInfo}", "([object Promise])"),
        ];
        values.iter().fold("Unknown Error: {errorMessage}".to_owned(), |template, (key, value)| {
            replace_all(&template, key, value)
        })
    }
}

/// JavaScript's `replace` with a global pattern: `$$`, `$&`, `` $` `` and `$'` in the replacement have a meaning.
fn replace_all(template: &str, key: &str, value: &str) -> String {
    let mut out = String::with_capacity(template.len() + value.len());
    let mut end = 0;
    for (at, matched) in template.match_indices(key) {
        out.push_str(&template[end..at]);
        end = at + matched.len();
        let mut rest = value;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let (meaning, used) = match rest.as_bytes().get(dollar + 1) {
                Some(b'$') => ("$", 2),
                Some(b'&') => (matched, 2),
                Some(b'`') => (&template[..at], 2),
                Some(b'\'') => (&template[end..], 2),
                _ => ("$", 1),
            };
            out.push_str(meaning);
            rest = &rest[dollar + used..];
        }
        out.push_str(rest);
    }
    out.push_str(&template[end..]);
    out
}

const HINT: &str = "\n  Deserialization error: to see the raw response, inspect the hidden field {error}.$response on this object.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacement_patterns() {
        assert_eq!(replace_all("a{k}b{k}", "{k}", "[$&$$$`$'$1$]"), "a[{k}$ab{k}$1$]b[{k}$a{k}b$1$]");
    }

    #[test]
    fn names_are_shortened() {
        assert_eq!(shorten("a.b#Name:http://x"), "a.b#Name".split('#').nth(1).unwrap());
        assert_eq!(shorten("Name,Other"), "Name");
    }
}
