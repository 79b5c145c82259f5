//! The catalogue: models by provider and id, and the names that people use for them.

use std::collections::BTreeMap;
use std::path::Path;

use super::entry::{CatalogueModel, Origin};
use super::{models_dev, refresh, tables};
use crate::context::Context;
use crate::json::{Object, Value};
use crate::model::{Model, ModelInfo};
use crate::providers::edit_distance;
use crate::settings::line_and_column;
use crate::{Error, Text};

/// Models by provider and id.
///
/// # Example: what you know better
///
/// ```
/// use samewire::catalog::Catalogue;
/// use samewire::json::Value;
///
/// let mine = Value::parse(r#"{
///     "aliases": { "house": "openai/acme-7b" },
///     "openai": { "models": { "acme-7b": { "limit": { "context": 32768 }, "cost": { "input": 0, "output": 0 } } } }
/// }"#)?;
/// let catalogue = Catalogue::built_in().with_overrides(&mine)?;
/// assert_eq!(catalogue.resolve("house")?.context_window, Some(32_768));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    providers: BTreeMap<Text, Vec<CatalogueModel>>,
    aliases: BTreeMap<Text, Text>,
    refreshed_at: Option<f64>,
}

impl Catalogue {
    /// The reference's tables.
    pub fn built_in() -> Self {
        let mut catalogue = Self::default();
        for provider in tables::providers() {
            for (id, info) in tables::table(provider).models() {
                catalogue.add(CatalogueModel::of_info(provider, id, &info));
            }
        }
        catalogue
    }

    /// The reference's tables under what was fetched last, if the cache folder has it. Nothing is asked for
    /// over the network.
    pub async fn load(context: &Context) -> Self {
        let mut catalogue = Self::built_in();
        if let Some((date, list)) = refresh::cached(context).await {
            catalogue.merge(&list, date);
        }
        catalogue
    }

    /// When the list of models.dev was fetched, in milliseconds since the Unix epoch; `None` if it never was.
    pub fn refreshed_at(&self) -> Option<f64> {
        self.refreshed_at
    }

    pub(super) fn merge(&mut self, list: &Object, date: f64) {
        for model in models_dev::models(list, Origin::ModelsDev, &mut |_, _| {}) {
            self.add(model);
        }
        self.refreshed_at = Some(date);
    }

    /// The same catalogue with facts of your own over it: in the form of models.dev, by our ids of providers or
    /// theirs, and `aliases`, an object of names for models as [`resolve`](Self::resolve) takes them. Models that
    /// are not known yet are added; prices are replaced as a whole.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), naming each field of the wrong type.
    pub fn with_overrides(mut self, overrides: &Value) -> Result<Self, Error> {
        let mut wrong: Vec<String> = Vec::new();
        let Some(object) = overrides.as_object() else {
            return Err(Error::configuration("model overrides must be an object of providers"));
        };
        let mut list = object.clone();
        let aliases = list.remove("aliases");
        let mut on_wrong = |path: &str, wanted: &str| wrong.push(format!("`{path}` must be {wanted}"));
        for model in models_dev::models(&list, Origin::Override, &mut on_wrong) {
            self.add(model);
        }
        match aliases {
            None | Some(Value::Null) => {}
            Some(Value::Object(aliases)) => {
                for (name, target) in aliases {
                    match target {
                        Value::String(target) => drop(self.aliases.insert(name, target)),
                        _ => on_wrong(&format!("aliases.{name}"), "a model's name"),
                    }
                }
            }
            Some(_) => on_wrong("aliases", "an object of names"),
        }
        if wrong.is_empty() {
            Ok(self)
        } else {
            Err(Error::configuration(format!("model overrides: {}", wrong.join("; "))))
        }
    }

    /// As [`with_overrides`](Self::with_overrides), from a JSON file.
    ///
    /// # Errors
    ///
    /// The same, with the path in front; also for a file that cannot be read, and with line and column for
    /// malformed JSON.
    pub fn with_overrides_file(self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let named = |message: &str| Error::configuration(format!("{}: {message}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| named(&error.to_string()))?;
        let overrides = Value::parse(&text).map_err(|error| {
            let (line, column) = line_and_column(&text, error.position());
            named(&format!("line {line}, column {column}: {error}"))
        })?;
        self.with_overrides(&overrides).map_err(|error| named(error.message()))
    }

    /// Adds a model, or facts about one that is known.
    pub fn add(&mut self, model: CatalogueModel) {
        let models = self.providers.entry(model.provider.clone()).or_default();
        match models.iter_mut().find(|known| known.id == model.id) {
            Some(known) => known.overlay(model),
            None => models.push(model),
        }
    }

    /// Names a model; see [`resolve`](Self::resolve).
    pub fn alias(&mut self, name: impl Into<Text>, target: impl Into<Text>) {
        self.aliases.insert(name.into(), target.into());
    }

    /// All models, by provider.
    pub fn models(&self) -> impl Iterator<Item = &CatalogueModel> {
        self.providers.values().flatten()
    }

    /// The model of exactly that provider and id.
    pub fn get(&self, provider: &str, id: &str) -> Option<&CatalogueModel> {
        self.providers.get(provider)?.iter().find(|model| model.id == id)
    }

    /// The model that a person means, tried in this order: your aliases; `provider/model`; an id of a model,
    /// the maker's own service first; a family (`sonnet`, `opus`, `haiku`), of which the newest is meant; an id
    /// that differs in its date or `latest` only.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound), with the nearest names.
    pub fn resolve(&self, name: &str) -> Result<&CatalogueModel, Error> {
        let target = self.aliases.get(name).map_or(name, Text::as_str);
        let found = self.qualified(target).or_else(|| self.by_id(|id| id == target));
        let found = found.or_else(|| self.newest_of_family(target)).or_else(|| self.undated(target));
        found.ok_or_else(|| self.unknown(name))
    }

    fn qualified(&self, name: &str) -> Option<&CatalogueModel> {
        let (provider, id) = name.split_once('/')?;
        let model = self.get(provider, id).or_else(|| self.get(models_dev::our_id(provider), id));
        model.or_else(|| {
            let provider =
                if self.providers.contains_key(provider) { provider } else { models_dev::our_id(provider) };
            self.newest_of_family(id).filter(|model| model.provider == provider)
        })
    }

    /// The first model whose id fits, the makers' own services first.
    fn by_id(&self, fits: impl Fn(&str) -> bool) -> Option<&CatalogueModel> {
        let of =
            |provider: &str| self.providers.get(provider).into_iter().flatten().find(|model| fits(&model.id));
        MAKERS.iter().find_map(|maker| of(maker)).or_else(|| self.models().find(|model| fits(&model.id)))
    }

    fn newest_of_family(&self, name: &str) -> Option<&CatalogueModel> {
        let (_, provider, part) = FAMILIES.iter().find(|(family, _, _)| *family == name)?;
        let family = self.providers.get(*provider)?.iter().filter(|model| model.id.contains(part));
        // The tables have the newest first and no dates: the latest date wins, the first of equals.
        family.rev().max_by(|a, b| a.released.cmp(&b.released))
    }

    fn undated(&self, name: &str) -> Option<&CatalogueModel> {
        let (provider, id) = match name.split_once('/') {
            Some((provider, id)) => (Some(models_dev::our_id(provider)), id),
            None => (None, name),
        };
        let wanted = without_date(id);
        match provider {
            Some(provider) => {
                self.providers.get(provider)?.iter().find(|model| without_date(&model.id) == wanted)
            }
            None => self.by_id(|id| without_date(id) == wanted),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        let id = name.rsplit('/').next().unwrap_or(name);
        let limit = id.len().div_ceil(4).min(4);
        let mut near: Vec<(usize, String)> = self
            .models()
            .map(|model| (edit_distance(id, &model.id), format!("`{}/{}`", model.provider, model.id)))
            .filter(|(distance, _)| *distance <= limit)
            .collect();
        near.sort_unstable();
        let names: Vec<String> = near.into_iter().take(3).map(|(_, name)| name).collect();
        let hint = if names.is_empty() {
            "name it as `provider/model`, or refresh the catalogue".to_owned()
        } else {
            format!("did you mean {}?", names.join(" or "))
        };
        Error::new(crate::ErrorKind::NotFound, format!("the catalogue has no model `{name}`: {hint}"))
    }

    /// The same model, with the prices of the catalogue where none are known of it. A price that the catalogue
    /// does not know either stays unknown.
    pub fn priced(&self, provider: &str, mut model: Model) -> Model {
        let has_price =
            ["inputPrice", "outputPrice"].iter().any(|price| model.info().number(price).is_some());
        if !has_price
            && let Some(prices) = self.get(provider, &model.id).and_then(|known| known.prices.as_ref())
        {
            prices.write(&mut model.info.get_or_insert_with(ModelInfo::default).0);
        }
        model
    }
}

/// An id without `-latest` and without a date behind it (`-20250929`, `@20250929`, `-2025-08-07`).
fn without_date(id: &str) -> &str {
    let id = id.strip_suffix("-latest").unwrap_or(id);
    for length in [8, 10] {
        let Some(at) = id.len().checked_sub(length + 1).filter(|at| id.is_char_boundary(*at)) else {
            continue;
        };
        let (head, date) = id.split_at(at);
        let digits = date[1..].bytes().filter(u8::is_ascii_digit).count();
        let dashes = date[1..].bytes().filter(|byte| *byte == b'-').count();
        if date.starts_with(['-', '@']) && digits == 8 && digits + dashes == length {
            return head;
        }
    }
    id
}

/// The services of those who make models.
const MAKERS: &[&str] =
    &["anthropic", "openai-native", "gemini", "xai", "mistral", "deepseek", "moonshot", "zai", "minimax"];

/// Names of families: the provider, and a part of the ids.
const FAMILIES: &[(&str, &str, &str)] = &[
    ("sonnet", "anthropic", "sonnet"),
    ("opus", "anthropic", "opus"),
    ("haiku", "anthropic", "haiku"),
    ("claude", "anthropic", "sonnet"),
    ("gemini-pro", "gemini", "pro"),
    ("gemini-flash", "gemini", "flash"),
    ("grok", "xai", "grok"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::object;

    #[test]
    fn people_and_programs_name_models_alike() {
        let catalogue = Catalogue::built_in();
        for (name, provider, id) in [
            ("sonnet", "anthropic", "claude-sonnet-4-5"),
            ("anthropic/sonnet", "anthropic", "claude-sonnet-4-5"),
            ("gpt-5", "openai-native", "gpt-5"),
            ("gpt-5-2025-08-07", "openai-native", "gpt-5-2025-08-07"),
            ("openai/gpt-5.1", "openai-native", "gpt-5.1"),
            ("claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5"),
            ("groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ] {
            let found = catalogue.resolve(name).map(|model| (model.provider.as_str(), model.id.as_str()));
            assert_eq!(found.ok(), Some((provider, id)), "{name}");
        }
    }

    #[test]
    fn a_newer_release_becomes_the_family() {
        let mut catalogue = Catalogue::built_in();
        let list = object! { "anthropic": object! { "models": object! {
            "claude-sonnet-9": object! { "release_date": "2027-01-01", "cost": object! { "input": 1, "output": 2 } },
            "claude-sonnet-4-5": object! { "release_date": "2025-09-29" },
        } } };
        catalogue.merge(&list, 1.0);
        assert_eq!(catalogue.resolve("sonnet").unwrap().id, "claude-sonnet-9");
        let old = catalogue.get("anthropic", "claude-sonnet-4-5").unwrap();
        assert_eq!(
            (old.context_window, old.origin),
            (Some(200_000), Origin::ModelsDev),
            "what was known stays known"
        );
    }

    #[test]
    fn a_mistake_in_overrides_names_its_field() {
        let wrong = object! {
            "anthropic": object! { "models": object! { "x": object! { "limit": object! { "context": "big" }, "tool_call": 1 } } },
            "aliases": object! { "a": 1 },
        };
        let error = Catalogue::built_in().with_overrides(&wrong.into()).unwrap_err();
        for part in [
            "`anthropic.models.x.limit.context` must be a number of tokens",
            "`anthropic.models.x.tool_call`",
            "`aliases.a`",
        ] {
            assert!(error.message().contains(part), "{error}");
        }
    }

    #[test]
    fn prices_are_filled_in_only_where_they_are_known() {
        let list = object! { "openrouter": object! { "models": object! {
            "a/long": object! { "cost": object! { "input": 1.25, "output": 10, "context_over_200k": object! { "input": 2.5, "output": 15 } } },
            "a/tiered": object! { "cost": object! { "input": 5, "output": 30, "tiers": vec![Value::from(
                object! { "input": 10, "output": 45, "tier": object! { "type": "context", "size": 272_000 } })] } },
            "a/unpriced": object! { "tool_call": true },
        } } };
        let catalogue = Catalogue::default().with_overrides(&list.into()).unwrap();
        let long = catalogue.priced("openrouter", Model::without_info("a/long"));
        assert_eq!(long.info().number("inputPrice"), Some(1.25));
        let tiers = long.info().get("tiers").and_then(Value::as_array).unwrap();
        assert_eq!(tiers[1].get("inputPrice").and_then(Value::as_f64), Some(2.5));
        let tiered = catalogue.get("openrouter", "a/tiered").unwrap().prices.as_ref().unwrap();
        let tiers: Vec<_> = tiered.tiers.iter().map(|tier| (tier.up_to, tier.input)).collect();
        assert_eq!(tiers, [(Some(272_000), Some(5.0)), (None, Some(10.0))]);
        for unknown in [("openrouter", "a/unpriced"), ("requesty", "a/long")] {
            assert_eq!(
                catalogue.priced(unknown.0, Model::without_info(unknown.1)),
                Model::without_info(unknown.1)
            );
        }
        let own = Model::new("a/long", ModelInfo::from_object(object! { "inputPrice": 7 }));
        assert_eq!(catalogue.priced("openrouter", own.clone()), own);
    }
}
