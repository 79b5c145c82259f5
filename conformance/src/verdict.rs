//! What a comparison says, and the comparison of outcomes.

use samewire::json::{Object, Value, object};
use samewire::{Error, StreamSummary, Text};

use crate::calls::Outcome;
use crate::deviations::{Class, Deviations};
use crate::difference;
use crate::fixture::{Case, Expected};
use crate::world::World;

/// What a comparison says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same.
    Same,
    /// Not the same, but as a rule allows.
    Deviates(Class),
    /// The first difference.
    Differs(String),
}

impl Verdict {
    /// This verdict; if it is no difference, the other one counts too.
    pub(crate) fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Differs(_) => self,
            Self::Same => other(),
            Self::Deviates(_) => match other() {
                Self::Same => self,
                worse => worse,
            },
        }
    }

    fn of(difference: Option<String>) -> Self {
        difference.map_or(Self::Same, Self::Differs)
    }

    /// The same with a note in front of a difference.
    pub(crate) fn noted(self, note: &str) -> Self {
        match self {
            Self::Differs(difference) => Self::Differs(format!("{note}: {difference}")),
            other => other,
        }
    }
}

/// Compares what came out of a call with the recording: tokens, error, value, then the state afterwards.
pub(crate) fn compare_outcome(case: &Case, outcome: &Outcome, world: &World, rules: &Deviations) -> Verdict {
    let expected = &case.expected;
    let verdict = Verdict::of(tokens(&stream(expected, outcome, rules), outcome))
        .and(|| compare_error(expected.error.as_ref(), outcome.error.as_ref(), rules))
        .and(|| Verdict::of(value(case, outcome)))
        .and(|| Verdict::of(after(expected.after.as_ref(), outcome.summary.as_ref(), world)));
    match verdict {
        Verdict::Same if expected.lone_surrogate => Verdict::Deviates(Class::LoneSurrogate),
        other => other,
    }
}

/// The recorded stream. Where the text tells of the error too, and the error's words are an accident of the
/// runtime, ours stand in it.
fn stream(expected: &Expected, outcome: &Outcome, rules: &Deviations) -> Vec<String> {
    let recorded = expected.stream.clone().unwrap_or_default();
    let message = expected.error.as_ref().and_then(|error| error.get("message")).and_then(Value::as_str);
    let (Some(message), Some(actual)) =
        (message.filter(|message| rules.is_accident(message)), &outcome.error)
    else {
        return recorded;
    };
    let written = |text: &str| Value::from(text).to_json().trim_matches('"').to_owned();
    let (theirs, ours) =
        (written(&format!("Error: {message}")), written(&format!("Error: {}", actual.message())));
    recorded.into_iter().map(|line| line.replace(&theirs, &ours)).collect()
}

fn tokens(expected: &[String], outcome: &Outcome) -> Option<String> {
    let actual = &outcome.tokens;
    for index in 0..expected.len().max(actual.len()) {
        let difference = match (expected.get(index), actual.get(index)) {
            (Some(expected), Some(actual)) => difference::of_json(expected.as_bytes(), actual.as_bytes()),
            (Some(expected), None) => Some(match &outcome.error {
                Some(error) => format!("expected {expected}, got the error {:?}", error.message()),
                None => format!("expected {expected}, got the end of the stream"),
            }),
            (None, Some(actual)) => Some(format!("expected the end of the stream, got {actual}")),
            (None, None) => None,
        };
        if let Some(difference) = difference {
            return Some(format!("stream[{index}]: {difference}"));
        }
    }
    None
}

fn compare_error(expected: Option<&Value>, actual: Option<&Error>, rules: &Deviations) -> Verdict {
    let message = |error: &Value| error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (expected, actual) = match (expected, actual) {
        (None, None) => return Verdict::Same,
        (Some(expected), None) => {
            return Verdict::Differs(format!("expected the error {:?}, got none", message(expected)));
        }
        (None, Some(actual)) => {
            return Verdict::Differs(format!("expected no error, got {:?}", actual.message()));
        }
        (Some(expected), Some(actual)) => (expected, actual),
    };
    let wanted = message(expected);
    let ours = error_fields(actual);
    let messages = difference::of_texts(&wanted, actual.message());
    if messages.is_some() && rules.is_accident(&wanted) {
        return Verdict::Deviates(Class::RuntimeAccident);
    }
    let messages = messages.map(|difference| format!("error message: {difference}"));
    let fields = || {
        ["status", "code", "errorDetails"].into_iter().find_map(|key| {
            let print = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_json);
            let (expected, actual) = (print(expected.get(key)), print(ours.get(key)));
            (expected != actual).then(|| format!("error {key}: expected {expected}, got {actual}"))
        })
    };
    Verdict::of(messages.or_else(fields))
}

/// An error with its message, as cases hold it but for the JavaScript class.
pub(crate) fn error_object(error: &Error) -> Object {
    let mut object = object! { "message": error.message() };
    object.extend(error_fields(error));
    object
}

fn error_fields(error: &Error) -> Object {
    let mut fields = Object::new();
    fields.insert_some("status", error.status().map(u32::from));
    fields.insert_some("code", error.code().cloned());
    fields.insert_some("errorDetails", error.details().cloned());
    fields
}

fn value(case: &Case, outcome: &Outcome) -> Option<String> {
    let expected = case.expected.value.as_ref();
    let mut actual = outcome.value.clone();
    if let Some(expected) = expected
        && matches!(case.call.as_str(), "getModel" | "fetchModel" | "listModels")
    {
        actual = actual.map(|actual| without_descriptions(expected, actual));
    }
    let nothing = || Value::from("");
    match (expected, actual) {
        (None, None) => None,
        // The reference returned `undefined`.
        (None, Some(actual)) if actual == nothing() => None,
        (None, Some(actual)) => Some(format!("value: expected none, got {}", actual.to_json())),
        (Some(expected), None) => Some(match &outcome.error {
            Some(error) => format!("value: expected one, got the error {:?}", error.message()),
            None => format!("value: expected {}, got none", expected.to_json()),
        }),
        (Some(expected), Some(actual)) => {
            let found = difference::of_json(expected.to_json().as_bytes(), actual.to_json().as_bytes());
            found.map(|difference| format!("value: {difference}"))
        }
    }
}

/// Takes `description` out of each object whose recorded counterpart has none: the recordings leave out
/// those of the built-in models.
fn without_descriptions(expected: &Value, actual: Value) -> Value {
    let Value::Object(object) = actual else { return actual };
    let wanted = |key: &str| expected.get(key);
    let kept = object.into_iter().filter(|(key, _)| *key != *"description" || wanted(key).is_some());
    let inner = |(key, value): (Text, Value)| match wanted(&key) {
        Some(expected) => {
            let value = without_descriptions(expected, value);
            (key, value)
        }
        None => (key, value),
    };
    kept.map(inner).collect::<Object>().into()
}

/// Compares what can be told from outside: what a stream's summary holds, and files.
fn after(expected: Option<&Value>, summary: Option<&StreamSummary>, world: &World) -> Option<String> {
    for (key, expected) in expected?.as_object()? {
        let difference = if *key == *"files" {
            expected.as_object()?.iter().find_map(|(name, content)| {
                let wanted = content.as_str().unwrap_or_default();
                let found = difference::of_texts(wanted, &world.read(name).unwrap_or_default())?;
                Some(format!("{name}: {found}"))
            })
        } else {
            summary.and_then(|summary| told(key, summary)).and_then(|actual| {
                difference::of_json(expected.to_json().as_bytes(), actual.to_json().as_bytes())
            })
        };
        if let Some(difference) = difference {
            return Some(format!("after.{key}: {difference}"));
        }
    }
    None
}

/// What the summary says about a fact of the reference's handler, `null` for nothing; `None` if it cannot
/// tell.
fn told(fact: &str, summary: &StreamSummary) -> Option<Value> {
    let text = |text: &Option<Text>| text.clone().map(Value::from);
    let known = match fact {
        "getResponseId" => text(&summary.response_id),
        "getThoughtSignature" => text(&summary.thought_signature),
        "getReasoningDetails" | "reasoningDetails" => summary.reasoning_details.clone(),
        "getEncryptedContent" => summary.encrypted_reasoning.clone(),
        _ => return None,
    };
    Some(known.unwrap_or_default())
}
