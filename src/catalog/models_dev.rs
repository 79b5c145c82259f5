//! Lists in the form of models.dev.
//!
//! Form: <https://github.com/anomalyco/models.dev#readme>; the list: <https://models.dev/api.json>.

use super::entry::{CatalogueModel, Modality, Origin, PriceTier, Prices};
use crate::Text;
use crate::json::{Object, Value};

/// Hears of a field that has the wrong type: where it stands, and what it should be.
pub(super) type OnWrong<'a> = dyn FnMut(&str, &str) + 'a;

/// The models of a list; a field of the wrong type counts as missing.
pub(super) fn models(list: &Object, origin: Origin, on_wrong: &mut OnWrong<'_>) -> Vec<CatalogueModel> {
    let mut found = Vec::new();
    for (provider, entry) in list {
        let Some(models) = entry.get("models").and_then(Value::as_object) else {
            on_wrong(&format!("{provider}.models"), "an object");
            continue;
        };
        let id = our_id(provider);
        for (model, facts) in models {
            let path = format!("{provider}.models.{model}");
            match facts.as_object() {
                Some(facts) => found.push(Facts { of_model: facts, path, on_wrong }.model(id, model, origin)),
                None => on_wrong(&path, "an object"),
            }
        }
    }
    found
}

/// Our id of a provider of models.dev.
pub(super) fn our_id(provider: &str) -> &str {
    PROVIDERS.iter().find(|(theirs, _)| *theirs == provider).map_or(provider, |(_, ours)| ours)
}

/// The prices of prompts beyond 200,000 tokens.
const LONG: &str = "context_over_200k";

struct Facts<'a, 'b> {
    of_model: &'a Object,
    path: String,
    on_wrong: &'a mut OnWrong<'b>,
}

impl Facts<'_, '_> {
    fn model(mut self, provider: &str, id: &str, origin: Origin) -> CatalogueModel {
        CatalogueModel {
            name: self.text("name"),
            context_window: self.count("limit", "context"),
            output_limit: self.count("limit", "output"),
            input: self.modalities("input"),
            output: self.modalities("output"),
            tools: self.flag("tool_call"),
            reasoning: self.flag("reasoning"),
            json_schema: self.flag("structured_output"),
            temperature: self.flag("temperature"),
            prompt_cache: None,
            prices: self.prices(),
            deprecated: self.text("status").map(|status| status == "deprecated"),
            released: self.text("release_date"),
            ..CatalogueModel::new(provider, id, origin)
        }
    }

    fn field<T>(&mut self, path: &[&str], wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let (first, rest) = path.split_first()?;
        let mut value = self.of_model.get(first)?;
        for key in rest {
            value = value.get(key)?;
        }
        let read = read(value);
        if read.is_none() && !value.is_null() {
            (self.on_wrong)(&format!("{}.{}", self.path, path.join(".")), wanted);
        }
        read
    }

    fn text(&mut self, key: &str) -> Option<Text> {
        self.field(&[key], "a text", |value| value.as_text().cloned())
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.field(&[key], "true or false", Value::as_bool)
    }

    /// A number of tokens; 0 stands for not known.
    fn count(&mut self, group: &str, key: &str) -> Option<u64> {
        let count =
            self.field(&[group, key], "a number of tokens", |value| value.as_f64().filter(|n| *n >= 0.0));
        count.filter(|n| *n > 0.0).map(|n| n as u64)
    }

    fn modalities(&mut self, side: &str) -> Option<Vec<Modality>> {
        self.field(&["modalities", side], "a list of texts", |value| {
            value.as_array()?.iter().map(|name| name.as_text().map(Modality::of_name)).collect()
        })
    }

    fn price(&mut self, path: &[&str]) -> Option<f64> {
        self.field(path, "dollars per million tokens", |value| value.as_f64().filter(|price| *price >= 0.0))
    }

    fn prices(&mut self) -> Option<Prices> {
        let mut prices = Prices {
            input: self.price(&["cost", "input"]),
            output: self.price(&["cost", "output"]),
            cache_read: self.price(&["cost", "cache_read"]),
            cache_write: self.price(&["cost", "cache_write"]),
            tiers: Vec::new(),
        };
        if prices == Prices::default() {
            return None;
        }
        let long = PriceTier {
            input: self.price(&["cost", LONG, "input"]),
            output: self.price(&["cost", LONG, "output"]),
            cache_read: self.price(&["cost", LONG, "cache_read"]),
            cache_write: self.price(&["cost", LONG, "cache_write"]),
            ..PriceTier::default()
        };
        if long != PriceTier::default() {
            let short = PriceTier {
                up_to: Some(200_000),
                input: prices.input,
                output: prices.output,
                cache_read: prices.cache_read,
                cache_write: prices.cache_write,
                ..PriceTier::default()
            };
            prices.tiers = vec![short, long];
        }
        Some(prices)
    }
}

/// Providers that have another id there.
const PROVIDERS: &[(&str, &str)] = &[
    ("amazon-bedrock", "bedrock"),
    ("fireworks-ai", "fireworks"),
    ("google", "gemini"),
    ("google-vertex", "vertex"),
    ("google-vertex-anthropic", "vertex"),
    ("moonshotai", "moonshot"),
    ("openai", "openai-native"),
    ("togetherai", "together"),
    ("vercel", "vercel-ai-gateway"),
    ("zhipuai", "zhipu"),
];
