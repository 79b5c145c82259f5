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

/// The older key for the prices of prompts beyond 200,000 tokens.
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

    /// The tiers of long prompts. Each entry holds beyond its size; ours hold up to theirs.
    fn tiers(&mut self, base: &Prices) -> Vec<PriceTier> {
        let mut beyond: Vec<(u64, PriceTier)> = self
            .field(&["cost", "tiers"], "a list of tiers by context", tiers_by_context)
            .unwrap_or_default();
        if beyond.is_empty() {
            let long =
                self.field(&["cost", LONG], "prices of long prompts", |long| long.as_object().map(prices_of));
            beyond.extend(long.map(|long| (200_000, long)));
        }
        beyond.sort_by_key(|(size, _)| *size);
        let sizes: Vec<u64> = beyond.iter().map(|(size, _)| *size).collect();
        let usual = PriceTier {
            input: base.input,
            output: base.output,
            cache_read: base.cache_read,
            cache_write: base.cache_write,
            ..PriceTier::default()
        };
        let tiers = std::iter::once(usual).chain(beyond.into_iter().map(|(_, tier)| tier)).enumerate();
        let tiers: Vec<PriceTier> =
            tiers.map(|(at, tier)| PriceTier { up_to: sizes.get(at).copied(), ..tier }).collect();
        if tiers.len() > 1 { tiers } else { Vec::new() }
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
        prices.tiers = self.tiers(&prices);
        Some(prices)
    }
}

fn tiers_by_context(list: &Value) -> Option<Vec<(u64, PriceTier)>> {
    let tier = |entry: &Value| {
        let condition = entry.get("tier")?;
        let by_context = condition.get("type").and_then(Value::as_str) == Some("context");
        let size = condition.get("size").and_then(Value::as_f64).filter(|_| by_context)?;
        Some((size as u64, prices_of(entry.as_object()?)))
    };
    list.as_array()?.iter().map(tier).collect()
}

fn prices_of(object: &Object) -> PriceTier {
    let price = |key: &str| object.get(key).and_then(Value::as_f64).filter(|price| *price >= 0.0);
    PriceTier {
        input: price("input"),
        output: price("output"),
        cache_read: price("cache_read"),
        cache_write: price("cache_write"),
        ..PriceTier::default()
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
