//! The form that the SDK demands of each event, and what it says where one has another.
//!
//! <https://docs.mistral.ai/api/#tag/chat/operation/stream_chat>

use crate::Error;
use crate::json::{Kind, Node};

/// Checks an event of a streamed completion.
///
/// # Errors
///
/// The first place that has another form.
pub(super) fn event(event: Node<'_>) -> Result<(), Error> {
    is(event, Kind::Object, &Path::root())?;
    let root = Path::root();
    required(event, "id", Kind::String, &root)?;
    required(event, "model", Kind::String, &root)?;
    optional(event, "object", Kind::String, &root)?;
    integer(event.get("created"), &root.key("created"))?;
    let usage = event.get("usage");
    if !usage.is_undefined() {
        let path = root.key("usage");
        is(usage, Kind::Object, &path)?;
        for key in ["prompt_tokens", "completion_tokens", "total_tokens"] {
            integer(usage.get(key), &path.key(key))?;
        }
        nullable(usage.get("prompt_audio_seconds"), &path.key("prompt_audio_seconds"), integer)?;
    }
    required(event, "choices", Kind::Array, &root)?;
    each(event.get("choices"), &root.key("choices"), choice)
}

fn choice(choice: Node<'_>, path: &Path<'_>) -> Result<(), Error> {
    is(choice, Kind::Object, path)?;
    required(choice, "index", Kind::Number, path)?;
    integer(choice.get("index"), &path.key("index"))?;
    required(choice, "delta", Kind::Object, path)?;
    delta(choice.get("delta"), &path.key("delta"))?;
    let reason = choice.get("finish_reason");
    if reason.is_null() { Ok(()) } else { is(reason, Kind::String, &path.key("finish_reason")) }
}

fn delta(delta: Node<'_>, path: &Path<'_>) -> Result<(), Error> {
    nullable(delta.get("role"), &path.key("role"), |role, path| is(role, Kind::String, path))?;
    nullable(delta.get("content"), &path.key("content"), |content, path| {
        if content.is_string() {
            return Ok(());
        }
        is(content, Kind::Array, path)?;
        each(content, path, part)
    })?;
    nullable(delta.get("tool_calls"), &path.key("tool_calls"), |calls, path| {
        is(calls, Kind::Array, path)?;
        each(calls, path, call)
    })
}

fn call(call: Node<'_>, path: &Path<'_>) -> Result<(), Error> {
    is(call, Kind::Object, path)?;
    optional(call, "id", Kind::String, path)?;
    optional(call, "type", Kind::String, path)?;
    integer(call.get("index"), &path.key("index"))?;
    required(call, "function", Kind::Object, path)?;
    let function = call.get("function");
    let path = path.key("function");
    required(function, "name", Kind::String, &path)?;
    let arguments = function.get("arguments");
    if arguments.is_object() { Ok(()) } else { is(arguments, Kind::String, &path.key("arguments")) }
}

/// A part of a content that is a list; each kind has one field that it must have.
fn part(part: Node<'_>, path: &Path<'_>) -> Result<(), Error> {
    is(part, Kind::Object, path)?;
    let kind = part.get("type").as_cow().unwrap_or_default();
    match &*kind {
        "text" => required(part, "text", Kind::String, path),
        "image_url" => {
            let url = part.get("image_url");
            let path = path.key("image_url");
            if url.is_object() {
                required(url, "url", Kind::String, &path)
            } else {
                is(url, Kind::String, &path)
            }
        }
        "document_url" => required(part, "document_url", Kind::String, path),
        "reference" => {
            required(part, "reference_ids", Kind::Array, path)?;
            each(part.get("reference_ids"), &path.key("reference_ids"), |id, path| {
                is(id, Kind::Number, path)?;
                integer(id, path)
            })
        }
        "file" => required(part, "file_id", Kind::String, path),
        "input_audio" => required(part, "input_audio", Kind::String, path),
        "thinking" => {
            optional(part, "closed", Kind::Bool, path)?;
            required(part, "thinking", Kind::Array, path)?;
            each(part.get("thinking"), &path.key("thinking"), thought)
        }
        _ => Err(unknown_part(path)),
    }
}

/// A part of a thought: text or a reference, which may leave out its type.
fn thought(thought: Node<'_>, path: &Path<'_>) -> Result<(), Error> {
    is(thought, Kind::Object, path)?;
    let kind = thought.get("type");
    if kind.str_eq("text") || kind.str_eq("reference") {
        return part(thought, path);
    }
    let is_plain = thought.get("text").is_string() || thought.get("reference_ids").is_array();
    if kind.is_undefined() && is_plain { Ok(()) } else { Err(unknown_part(path)) }
}

fn unknown_part(path: &Path<'_>) -> Error {
    malformed(&format!("{path} is a part of unknown type"))
}

/// Where a value stands: its key or index, and the place around it.
struct Path<'a> {
    around: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    const fn root() -> Self {
        Self { around: None, step: Step::Root }
    }

    const fn key(&'a self, key: &'a str) -> Self {
        Self { around: Some(self), step: Step::Key(key) }
    }

    const fn index(&'a self, index: usize) -> Self {
        Self { around: Some(self), step: Step::Index(index) }
    }
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(around) = self.around {
            around.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("event"),
            Step::Key(key) => write!(f, ".{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn each(
    list: Node<'_>,
    path: &Path<'_>,
    check: fn(Node<'_>, &Path<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    list.items().enumerate().try_for_each(|(index, item)| check(item, &path.index(index)))
}

fn required(node: Node<'_>, key: &str, kind: Kind, path: &Path<'_>) -> Result<(), Error> {
    is(node.get(key), kind, &path.key(key))
}

fn optional(node: Node<'_>, key: &str, kind: Kind, path: &Path<'_>) -> Result<(), Error> {
    if node.get(key).is_undefined() { Ok(()) } else { required(node, key, kind, path) }
}

fn nullable(
    node: Node<'_>,
    path: &Path<'_>,
    check: fn(Node<'_>, &Path<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    if node.is_nullish() { Ok(()) } else { check(node, path) }
}

/// A number that is there must be whole.
fn integer(node: Node<'_>, path: &Path<'_>) -> Result<(), Error> {
    match node.as_f64() {
        None if node.is_undefined() => Ok(()),
        Some(number) if number.fract() == 0.0 => Ok(()),
        _ => Err(malformed(&format!("{path} is no whole number"))),
    }
}

fn is(node: Node<'_>, kind: Kind, path: &Path<'_>) -> Result<(), Error> {
    if node.kind() == kind {
        return Ok(());
    }
    if node.is_undefined() {
        return Err(malformed(&format!("{path} is missing")));
    }
    Err(malformed(&format!("{path} is {}, not {}", name(node.kind()), name(kind))))
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Undefined => "missing",
        Kind::Null => "null",
        Kind::Bool => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "a list",
        Kind::Object => "an object",
    }
}

fn malformed(what: &str) -> Error {
    Error::invalid_response(format!("the response is malformed: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn problem(json: &str) -> Option<String> {
        let mut document = Document::new();
        let root = document.parse(json.into()).expect("valid JSON");
        event(root).err().map(|error| error.message().to_owned())
    }

    #[test]
    fn the_first_wrong_place_is_named() {
        let with = |choices: &str| format!(r#"{{"id":"i","model":"m","choices":[{choices}]}}"#);
        assert_eq!(problem(&with(r#"{"index":0,"delta":{"content":"a"},"finish_reason":null}"#)), None);
        assert_eq!(problem(&with("")), None);
        for (json, wanted) in [
            ("null".to_owned(), "event is null, not an object"),
            (r#"{"error":{}}"#.to_owned(), "event.id is missing"),
            (with(r#"{"index":0,"delta":{}}"#), "event.choices[0].finish_reason is missing"),
            (
                with(r#"{"index":0.5,"delta":{},"finish_reason":null}"#),
                "event.choices[0].index is no whole number",
            ),
            (
                with(r#"{"index":0,"delta":{"content":[{"type":"mystery"}]},"finish_reason":null}"#),
                "event.choices[0].delta.content[0] is a part of unknown type",
            ),
        ] {
            assert_eq!(problem(&json), Some(format!("the response is malformed: {wanted}")), "{json}");
        }
    }
}
