//! What a server says about its models.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md#list-local-models>,
//! <https://github.com/ollama/ollama/blob/main/docs/api.md#show-model-information>

use crate::Text;
use crate::json::{Object, Value};
use crate::model::ModelInfo;

/// A model that is installed.
pub(crate) struct Installed {
    /// What people call it.
    pub(crate) name: Text,
    /// What requests call it.
    pub(crate) model: Text,
}

/// The installed models; `None` if the answer does not have the form that the reference demands of every entry.
pub(crate) fn installed(answer: &Value) -> Option<Vec<Installed>> {
    let entry = |entry: &Value| {
        has_details(entry)?;
        let text = |key: &str| entry.get(key).and_then(Value::as_text).cloned();
        Some(Installed { name: text("name")?, model: text("model")? })
    };
    answer.get("models")?.as_array()?.iter().map(entry).collect()
}

/// The facts of a model that can call tools, in addition to those of every model of the server; `None` for
/// one that cannot, or an answer of another form.
pub(crate) fn facts(answer: &Value, defaults: &ModelInfo) -> Option<ModelInfo> {
    let (family, size) = has_details(answer)?;
    let known = answer.get("model_info")?.as_object()?;
    let capabilities = answer.get("capabilities")?.as_array()?;
    let can = |what: &str| capabilities.iter().any(|capability| capability.as_str() == Some(what));
    if !can("tools") {
        return None;
    }
    let context = known.iter().find(|(key, _)| key.contains("context_length"));
    let context = context.and_then(|(_, length)| length.as_f64());
    let window = context.filter(|length| *length != 0.0).or_else(|| defaults.context_window());
    let mut facts = defaults.clone();
    let object: &mut Object = facts.as_object_mut();
    object.insert_some("maxTokens", window);
    object.insert_some("contextWindow", window);
    object.insert("supportsImages", can("vision"));
    object.insert("supportsPromptCache", true);
    let context = context.map_or_else(|| "undefined".into(), |length| Value::from(length).to_json());
    object.insert("description", format!("Family: {family}, Context: {context}, Size: {size}"));
    Some(facts)
}

/// Family and size, which every entry must have.
fn has_details(entry: &Value) -> Option<(&str, &str)> {
    let details = entry.get("details")?;
    let text = |key: &str| details.get(key).and_then(Value::as_str);
    Some((text("family")?, text("parameter_size")?))
}
