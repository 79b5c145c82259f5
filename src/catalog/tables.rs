//! The reference's built-in model tables. They stay text, one model a line, and only the lines that are asked for are
//! parsed: all of them as values would hold 0.35 MiB.

use crate::json::{Object, Value};
use crate::model::{Model, ModelInfo};

/// One provider's models.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// The model that stands in for an id that is missing or unknown.
    pub(crate) default_id: &'static str,
    rows: &'static str,
}

impl Table {
    /// The facts of a model.
    pub(crate) fn get(&self, id: &str) -> Option<ModelInfo> {
        self.rows().find(|(known, _)| *known == id).map(|(_, facts)| parse(facts))
    }

    /// The facts of the default model.
    pub(crate) fn default_info(&self) -> ModelInfo {
        self.get(self.default_id).unwrap_or_default()
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
        Model::new(self.default_id, self.default_info())
    }

    /// Ids and facts in the order of the table.
    pub(crate) fn models(&self) -> impl Iterator<Item = (&'static str, ModelInfo)> {
        self.rows().map(|(id, facts)| (id, parse(facts)))
    }

    /// Ids, and facts as JSON.
    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.rows.lines().filter_map(|line| {
            let (id, facts) = line.strip_prefix(" \"")?.split_once("\":")?;
            Some((id, facts.strip_suffix(',').unwrap_or(facts)))
        })
    }
}

/// The providers that have a table.
pub(super) fn providers() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// The table of a provider of the reference; empty for a name without one.
pub(crate) fn table(provider: &str) -> Table {
    let source = SOURCES.iter().find(|(name, _)| *name == provider).map_or("", |(_, source)| source);
    let (head, rows) = source.split_once('\n').unwrap_or_default();
    let default_id = head.strip_prefix("{\"defaultModelId\":\"").and_then(|rest| rest.split('"').next());
    Table { default_id: default_id.unwrap_or_default(), rows }
}

fn parse(facts: &str) -> ModelInfo {
    let Ok(Value::Object(mut facts)) = Value::parse(facts) else { return ModelInfo::default() };
    open_ended_tiers(&mut facts);
    ModelInfo(facts)
}

/// JSON has no infinity: a tier without an upper end is written as text.
fn open_ended_tiers(facts: &mut Object) {
    let Some(Value::Array(tiers)) = facts.get_mut("tiers") else { return };
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
    fn every_table_holds_its_default_and_a_model_on_each_line() {
        for (name, source) in SOURCES {
            let table = table(name);
            let whole = Value::parse(source).expect("JSON");
            assert_eq!(whole.get("defaultModelId").and_then(Value::as_str), Some(table.default_id), "{name}");
            let models = whole.get("models").and_then(Value::as_object).expect("an object");
            let ids: Vec<&str> = table.models().map(|(id, _)| id).collect();
            assert!(ids.iter().copied().eq(models.keys().map(crate::Text::as_str)), "{name}: {ids:?}");
            for (id, facts) in models {
                let mut facts = facts.as_object().expect("an object").clone();
                open_ended_tiers(&mut facts);
                assert_eq!(table.get(id), Some(ModelInfo(facts)), "{name}: {id}");
            }
            let holds_default = table.default_id.is_empty() || table.get(table.default_id).is_some();
            assert!(holds_default || ids.len() < 2, "{name}");
        }
        assert_eq!(table("groq").models().count(), 7);
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
