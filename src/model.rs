//! Models: their ids and the facts that the reference's tables hold about them.

use crate::Text;
use crate::json::{Object, Value};

/// A model as a provider will use it: what the reference's `getModel` returns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Model {
    /// The id that requests name.
    pub id: Text,
    /// What is known about it; `None` for names that only JavaScript's object model knows.
    pub info: Option<ModelInfo>,
    /// What follows from the settings: limits, temperature, reasoning.
    pub parameters: Object,
    /// Parameters that the reference's `getModel` does not print for this provider.
    pub(crate) hidden: Object,
}

impl Model {
    /// A model with its facts and no parameters.
    pub fn new(id: impl Into<Text>, info: ModelInfo) -> Self {
        Self { id: id.into(), info: Some(info), parameters: Object::new(), hidden: Object::new() }
    }

    /// A model of which only the name is known.
    pub fn without_info(id: impl Into<Text>) -> Self {
        Self { id: id.into(), info: None, parameters: Object::new(), hidden: Object::new() }
    }

    /// The facts; empty ones where nothing is known.
    pub fn info(&self) -> &ModelInfo {
        const NOTHING: &ModelInfo = &ModelInfo(Object::new());
        self.info.as_ref().unwrap_or(NOTHING)
    }

    /// A parameter, printed or not.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.get(name).or_else(|| self.hidden.get(name))
    }

    /// The model as the reference's `getModel` prints it.
    pub fn to_json(&self) -> Value {
        let mut model = Object::with_capacity(2 + self.parameters.len());
        model.insert("id", self.id.clone());
        model.insert_some("info", self.info.clone().map(|info| info.0));
        model.extend(self.parameters.clone());
        model.into()
    }
}

/// Facts about one model, in the reference's form: `maxTokens`, `contextWindow`, prices in US dollars per
/// million tokens, and flags.
///
/// Unknown facts are absent, never zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelInfo(pub(crate) Object);

impl ModelInfo {
    /// Takes facts in the reference's form.
    pub fn from_object(facts: Object) -> Self {
        Self(facts)
    }

    /// Any fact by its name in the reference.
    pub fn get(&self, fact: &str) -> Option<&Value> {
        self.0.get(fact)
    }

    /// A fact that is a number.
    pub fn number(&self, fact: &str) -> Option<f64> {
        self.0.get(fact)?.as_f64()
    }

    /// Whether a fact is true.
    pub fn flag(&self, fact: &str) -> bool {
        self.0.get(fact).is_some_and(Value::is_truthy)
    }

    /// The most tokens that an answer may have; -1 where the reference leaves it to the service.
    pub fn max_tokens(&self) -> Option<f64> {
        self.number("maxTokens")
    }

    /// The tokens that request and answer share.
    pub fn context_window(&self) -> Option<f64> {
        self.number("contextWindow")
    }

    /// Whether the model takes images.
    pub fn supports_images(&self) -> bool {
        self.flag("supportsImages")
    }

    /// Whether the service caches prompts.
    pub fn supports_prompt_cache(&self) -> bool {
        self.flag("supportsPromptCache")
    }

    /// The facts as JSON.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The facts to be changed.
    pub fn as_object_mut(&mut self) -> &mut Object {
        &mut self.0
    }
}
