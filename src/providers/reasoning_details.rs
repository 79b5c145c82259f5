//! Reasoning details: opaque reasoning that routers stream in parts and want back with the next turn.
//!
//! <https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks>

use crate::json::{Node, Object, Value};
use crate::stream::TokenQueue;
use crate::token::StreamToken;

/// The keys of a detail in the order in which they are sent back.
const KEYS: &[&str] = &["type", "text", "summary", "data", "id", "format", "signature", "index"];

/// The text of a detail as a token, if it is one to be shown; tells whether it was.
pub(super) fn show(detail: Node<'_>, tokens: &mut TokenQueue) -> bool {
    let kind = detail.get("type");
    let shown = if kind.str_eq("reasoning.text") {
        detail.get("text").as_text()
    } else if kind.str_eq("reasoning.summary") {
        detail.get("summary").as_text()
    } else {
        None
    };
    let shown = shown.filter(|text| !text.is_empty());
    let any = shown.is_some();
    tokens.extend(shown.map(StreamToken::Reasoning));
    any
}

/// `<type>-<index>`: what tells the details of an answer apart.
pub(super) fn key(detail: &Value) -> String {
    let index = detail.get("index").filter(|index| !index.is_null());
    format!("{}-{}", print(detail.get("type")), index.map_or_else(|| "0".into(), |index| print(Some(index))))
}

/// A value as JavaScript's string addition prints it.
pub(super) fn print(value: Option<&Value>) -> String {
    value.map_or_else(|| "undefined".into(), |v| v.as_str().map_or_else(|| v.to_json(), str::to_owned))
}

/// Adds a part to the detail of that key: texts grow, the rest is replaced.
pub(super) fn add(details: &mut Vec<(String, Object)>, key: String, detail: &Value) {
    let Some((_, known)) = details.iter_mut().find(|(known, _)| *known == key) else {
        let mut first = Object::with_capacity(KEYS.len());
        for name in KEYS.iter().filter(|name| **name != "index") {
            first.insert_some(*name, detail.get(name).cloned());
        }
        first.insert("index", detail.get("index").filter(|i| !i.is_null()).cloned().unwrap_or(0.into()));
        details.push((key, first));
        return;
    };
    for name in ["text", "summary", "data"] {
        if let Some(more) = detail.get(name) {
            let so_far =
                known.get(name).filter(|v| v.is_truthy()).map_or_else(String::new, |v| print(Some(v)));
            known.insert(name, so_far + &print(Some(more)));
        }
    }
    for name in ["id", "format", "signature"] {
        known.insert_some(name, detail.get(name).cloned());
    }
}

/// The details put together, their keys in order; `None` if there are none.
pub(super) fn in_order(details: &[(String, Object)]) -> Option<Vec<Value>> {
    let ordered = |detail: &Object| -> Value {
        let known = KEYS.iter().filter_map(|name| Some((*name, detail.get(name)?.clone())));
        known.collect::<Object>().into()
    };
    (!details.is_empty()).then(|| details.iter().map(|(_, detail)| ordered(detail)).collect())
}
