//! The reference's built-in model tables, parsed when a provider first asks for its own.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::json::{Object, Value};
use crate::lock::Locked;
use crate::model::{Model, ModelInfo};

/// One provider's models.
#[derive(Debug)]
pub(crate) struct Table {
    /// The model that stands in for an id that is missing or unknown.
    pub(crate) default_id: String,
    models: Object,
}

impl Table {
    /// The facts of a model.
    pub(crate) fn get(&self, id: &str) -> Option<ModelInfo> {
        self.models.get(id).and_then(Value::as_object).cloned().map(ModelInfo)
    }

    /// The facts of the default model.
    pub(crate) fn default_info(&self) -> ModelInfo {
        self.get(&self.default_id).unwrap_or_default()
    }

    /// A model by JavaScript's `in`: names that every object inherits are found too, without facts.
    pub(crate) fn model(&self, id: &str) -> Option<Model> {
        match self.get(id) {
            Some(info) => Some(Model::new(id, info)),
            None => INHERITED.contains(&id).then(|| Model::without_info(id)),
        }
    }

    /// The model that stands in for a missing or unknown one.
    pub(crate) fn default_model(&self) -> Model {
        Model::new(self.default_id.as_str(), self.default_info())
    }

    /// The ids in the order of the table.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(super::super::text::Text::as_str)
    }
}

/// The providers that have a table.
pub(super) fn providers() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// The table of a provider of the reference; empty for a name without one.
pub(crate) fn table(provider: &str) -> &'static Table {
    static PARSED: Mutex<BTreeMap<&'static str, &'static Table>> = Mutex::new(BTreeMap::new());
    let (name, source) =
        SOURCES.iter().find(|(name, _)| *name == provider).copied().unwrap_or(("", r#"{"models":{}}"#));
    let mut parsed = PARSED.locked();
    // Tables live as long as the program: each is parsed once and leaked once.
    parsed.entry(name).or_insert_with(|| Box::leak(Box::new(parse(source))))
}

fn parse(source: &str) -> Table {
    let mut table = Value::parse(source).unwrap_or_default();
    let default_id = table.get("defaultModelId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut models = Object::new();
    if let Some(Value::Object(object)) = table.get_mut("models").map(std::mem::take) {
        models = object;
    }
    for (_, info) in &mut models {
        open_ended_tiers(info);
    }
    Table { default_id, models }
}

/// JSON has no infinity: a tier without an upper end is written as text.
fn open_ended_tiers(info: &mut Value) {
    let Some(Value::Array(tiers)) = info.get_mut("tiers") else { return };
    for window in tiers.iter_mut().filter_map(|tier| tier.get_mut("contextWindow")) {
        if window.as_str() == Some("Infinity") {
            *window = f64::INFINITY.into();
        }
    }
}

/// What every JavaScript object inherits.
const INHERITED: &[&str] = &[
    "constructor",
    "__defineGetter__",
    "__defineSetter__",
    "hasOwnProperty",
    "__lookupGetter__",
    "__lookupSetter__",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toString",
    "valueOf",
    "__proto__",
    "toLocaleString",
];

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("models/", $name, ".json")))),*]
    };
}

const SOURCES: &[(&str, &str)] = sources![
    "anthropic",
    "baseten",
    "bedrock",
    "cerebras",
    "chutes",
    "deepinfra",
    "deepseek",
    "doubao",
    "featherless",
    "fireworks",
    "gemini",
    "groq",
    "huggingface",
    "io-intelligence",
    "litellm",
    "lmstudio",
    "minimax",
    "mistral",
    "moonshot",
    "ollama",
    "openai",
    "openai-codex",
    "openai-native",
    "openrouter",
    "qwen-code",
    "requesty",
    "roo",
    "sambanova",
    "unbound",
    "vercel-ai-gateway",
    "vertex",
    "vscode-lm",
    "xai",
    "zai",
    "zai-china",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_parses_and_holds_its_default() {
        for (name, _) in SOURCES {
            let table = table(name);
            let listed = table.ids().count();
            assert!(
                listed == 0
                    || table.default_id.is_empty()
                    || table.get(&table.default_id).is_some()
                    || listed == 1,
                "{name}"
            );
        }
        assert_eq!(table("groq").ids().count(), 7);
    }

    #[test]
    fn an_open_tier_ends_at_infinity() {
        let info = table("gemini").get("gemini-3-pro-preview").expect("in the table");
        let tiers = info.get("tiers").and_then(Value::as_array).expect("has tiers");
        assert_eq!(
            tiers.last().and_then(|tier| tier.get("contextWindow")).and_then(Value::as_f64),
            Some(f64::INFINITY)
        );
    }

    #[test]
    fn inherited_names_are_known_without_facts() {
        assert_eq!(table("xai").model("toString"), Some(Model::without_info("toString")));
        assert_eq!(table("xai").model("grok-0"), None);
    }
}
