//! One model of the catalogue.

use crate::Text;
use crate::json::{Object, Value, object};
use crate::model::ModelInfo;

/// What is known about a model of a provider. What is `None` is not known, which is never the same as no or 0.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CatalogueModel {
    /// The provider's id in settings.
    pub provider: Text,
    /// The id that requests name.
    pub id: Text,
    /// The name for people.
    pub name: Option<Text>,
    /// The tokens that request and answer share.
    pub context_window: Option<u64>,
    /// The most tokens of an answer.
    pub output_limit: Option<u64>,
    /// What requests may hold.
    pub input: Option<Vec<Modality>>,
    /// What answers may hold.
    pub output: Option<Vec<Modality>>,
    /// Whether tools can be offered.
    pub tools: Option<bool>,
    /// Whether the model reasons before it answers.
    pub reasoning: Option<bool>,
    /// Whether the service holds answers to a JSON schema.
    pub json_schema: Option<bool>,
    /// Whether a temperature may be set.
    pub temperature: Option<bool>,
    /// Whether the service caches prompts.
    pub prompt_cache: Option<bool>,
    /// What tokens cost.
    pub prices: Option<Prices>,
    /// Whether the service will switch it off.
    pub deprecated: Option<bool>,
    /// When it came out: `2025-09-29`, or less of it.
    pub released: Option<Text>,
    /// Who told most recently.
    pub origin: Origin,
}

/// A kind of content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Modality {
    /// Text.
    Text,
    /// Images.
    Image,
    /// Sound.
    Audio,
    /// Films.
    Video,
    /// PDF documents.
    Pdf,
    /// Another, by its name.
    Other(Text),
}

/// Where a fact comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The reference's tables.
    #[default]
    BuiltIn,
    /// A list in the form of models.dev.
    ModelsDev,
    /// You.
    Override,
}

/// US dollars per million tokens.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Prices {
    /// Of the request.
    pub input: Option<f64>,
    /// Of the answer.
    pub output: Option<f64>,
    /// Read from the prompt cache.
    pub cache_read: Option<f64>,
    /// Written to the prompt cache.
    pub cache_write: Option<f64>,
    /// Other prices for long prompts or service tiers.
    pub tiers: Vec<PriceTier>,
}

/// Prices that hold under a condition; those that are `None` are the usual ones.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PriceTier {
    /// The service tier, where the prices are those of one.
    pub name: Option<Text>,
    /// The longest prompt that they hold for, in tokens; `None` for any.
    pub up_to: Option<u64>,
    /// Of the request.
    pub input: Option<f64>,
    /// Of the answer.
    pub output: Option<f64>,
    /// Read from the prompt cache.
    pub cache_read: Option<f64>,
    /// Written to the prompt cache.
    pub cache_write: Option<f64>,
}

impl CatalogueModel {
    pub(super) fn new(provider: &str, id: &str, origin: Origin) -> Self {
        Self { provider: provider.into(), id: id.into(), origin, ..Self::default() }
    }

    /// The facts of a table or list of the reference.
    pub fn of_info(provider: &str, id: &str, info: &ModelInfo) -> Self {
        let positive = |fact: &str| info.number(fact).filter(|n| *n > 0.0).map(|n| n as u64);
        let flag = |fact: &str| info.get(fact).and_then(Value::as_bool);
        let reasons = [
            "supportsReasoningBudget",
            "supportsReasoningEffort",
            "supportsReasoningBinary",
            "preserveReasoning",
        ];
        let images = flag("supportsImages");
        let modalities =
            |images| if images { vec![Modality::Text, Modality::Image] } else { vec![Modality::Text] };
        Self {
            name: info.get("name").and_then(Value::as_text).cloned(),
            context_window: positive("contextWindow"),
            output_limit: positive("maxTokens"),
            input: images.map(modalities),
            tools: flag("supportsToolCalling"),
            reasoning: reasons.iter().any(|fact| info.flag(fact)).then_some(true),
            temperature: flag("supportsTemperature"),
            prompt_cache: flag("supportsPromptCache"),
            prices: Prices::of_info(info),
            deprecated: flag("deprecated"),
            ..Self::new(provider, id, Origin::BuiltIn)
        }
    }

    /// The facts as the reference has them, for everything that reads a [`Model`](crate::Model).
    pub fn to_info(&self) -> ModelInfo {
        let mut facts = Object::with_capacity(8);
        facts.insert_some("maxTokens", self.output_limit);
        facts.insert_some("contextWindow", self.context_window);
        facts.insert_some("supportsImages", self.takes(&Modality::Image));
        facts.insert_some("supportsPromptCache", self.prompt_cache);
        facts.insert_some("supportsTemperature", self.temperature);
        facts.insert_some("deprecated", self.deprecated);
        if let Some(prices) = &self.prices {
            prices.write(&mut facts);
        }
        ModelInfo::from_object(facts)
    }

    /// Whether requests may hold that; `None` if it is not known.
    pub fn takes(&self, modality: &Modality) -> Option<bool> {
        self.input.as_ref().map(|list| list.contains(modality))
    }

    /// Whether the service gives JSON when asked for it, as those that hold to a schema do; `None` if it is not
    /// known.
    pub fn json_mode(&self) -> Option<bool> {
        self.json_schema.filter(|holds| *holds)
    }

    /// Takes over every fact that `newer` knows.
    pub(super) fn overlay(&mut self, newer: Self) {
        fn take<T>(old: &mut Option<T>, new: Option<T>) {
            if new.is_some() {
                *old = new;
            }
        }
        take(&mut self.name, newer.name);
        take(&mut self.context_window, newer.context_window);
        take(&mut self.output_limit, newer.output_limit);
        take(&mut self.input, newer.input);
        take(&mut self.output, newer.output);
        take(&mut self.tools, newer.tools);
        take(&mut self.reasoning, newer.reasoning);
        take(&mut self.json_schema, newer.json_schema);
        take(&mut self.temperature, newer.temperature);
        take(&mut self.prompt_cache, newer.prompt_cache);
        // Prices belong together: a new one beside an old one would be nobody's.
        take(&mut self.prices, newer.prices);
        take(&mut self.deprecated, newer.deprecated);
        take(&mut self.released, newer.released);
        self.origin = newer.origin;
    }
}

impl Modality {
    pub(super) fn of_name(name: &Text) -> Self {
        match name.as_str() {
            "text" => Self::Text,
            "image" => Self::Image,
            "audio" => Self::Audio,
            "video" => Self::Video,
            "pdf" => Self::Pdf,
            _ => Self::Other(name.clone()),
        }
    }
}

impl Prices {
    fn of_info(info: &ModelInfo) -> Option<Self> {
        let price = |fact: &str| info.number(fact);
        let tier = |tier: &Value| {
            let price = |name: &str| tier.get(name).and_then(Value::as_f64);
            PriceTier {
                name: tier.get("name").and_then(Value::as_text).cloned(),
                up_to: price("contextWindow").filter(|window| window.is_finite()).map(|window| window as u64),
                input: price("inputPrice"),
                output: price("outputPrice"),
                cache_read: price("cacheReadsPrice"),
                cache_write: price("cacheWritesPrice"),
            }
        };
        let tiers = info.get("tiers").and_then(Value::as_array).into_iter().flatten().map(tier).collect();
        let prices = Self {
            input: price("inputPrice"),
            output: price("outputPrice"),
            cache_read: price("cacheReadsPrice"),
            cache_write: price("cacheWritesPrice"),
            tiers,
        };
        (prices != Self::default()).then_some(prices)
    }

    /// Writes the prices into facts, under the reference's names.
    pub(crate) fn write(&self, facts: &mut Object) {
        facts.insert_some("inputPrice", self.input);
        facts.insert_some("outputPrice", self.output);
        facts.insert_some("cacheWritesPrice", self.cache_write);
        facts.insert_some("cacheReadsPrice", self.cache_read);
        if self.tiers.is_empty() {
            return;
        }
        let tier = |tier: &PriceTier| {
            let window = tier.up_to.map_or(f64::INFINITY, |tokens| tokens as f64);
            let mut facts = object! { "contextWindow": window };
            facts.insert_some("name", tier.name.clone());
            facts.insert_some("inputPrice", tier.input);
            facts.insert_some("outputPrice", tier.output);
            facts.insert_some("cacheWritesPrice", tier.cache_write);
            facts.insert_some("cacheReadsPrice", tier.cache_read);
            Value::from(facts)
        };
        facts.insert("tiers", self.tiers.iter().map(tier).collect::<Value>());
    }
}
