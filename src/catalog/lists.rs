//! Model lists that services publish, kept in memory for five minutes and on disk until replaced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::context::Context;
use crate::files::{self, Readers};
use crate::json::{Object, Value};
use crate::lock::Locked;
use crate::model::{Model, ModelInfo};
use crate::{Error, Text};

/// How long a list in memory is fresh, in milliseconds.
const FRESH_MS: f64 = 300_000.0;

/// A service's models by id, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ModelList(Object);

impl ModelList {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn insert(&mut self, id: impl Into<Text>, info: ModelInfo) {
        self.0.insert(id, info.0);
    }

    pub(crate) fn get(&self, id: &str) -> Option<ModelInfo> {
        self.0.get(id).and_then(Value::as_object).cloned().map(ModelInfo)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list as models, in order.
    pub(crate) fn models(&self) -> Vec<Model> {
        self.0
            .iter()
            .map(|(id, info)| {
                Model::new(id.clone(), ModelInfo(info.as_object().cloned().unwrap_or_default()))
            })
            .collect()
    }
}

impl FromIterator<(Text, ModelInfo)> for ModelList {
    fn from_iter<I: IntoIterator<Item = (Text, ModelInfo)>>(models: I) -> Self {
        Self(models.into_iter().map(|(id, info)| (id, info.0)).collect())
    }
}

/// The model lists of all providers that share a [`Context`]: each is fetched once and then served from
/// memory for five minutes, after that from the file `<provider>_models.json` in the cache folder, if there
/// is one.
///
/// An empty list is never kept. The reference keys its cache by provider alone, not by URL or key, and so
/// does this one.
#[derive(Debug, Default)]
pub struct ModelLists {
    memory: Mutex<BTreeMap<&'static str, (f64, Arc<ModelList>)>>,
}

impl ModelLists {
    /// What is known without asking the service.
    pub(crate) fn known(&self, provider: &'static str, context: &Context) -> Option<Arc<ModelList>> {
        if let Some(list) = self.fresh(provider, context) {
            return Some(list);
        }
        let list = Arc::new(read(&file(provider, context)?)?);
        self.remember(provider, list.clone(), context);
        Some(list)
    }

    fn fresh(&self, provider: &str, context: &Context) -> Option<Arc<ModelList>> {
        let memory = self.memory.locked();
        let (since, list) = memory.get(provider)?;
        (context.clock.now() - since < FRESH_MS).then(|| list.clone())
    }

    fn remember(&self, provider: &'static str, list: Arc<ModelList>, context: &Context) {
        let mut memory = self.memory.locked();
        memory.insert(provider, (context.clock.now(), list));
    }

    /// The list from memory or disk, else from the service.
    ///
    /// # Errors
    ///
    /// As `fetch`.
    pub(crate) async fn get(
        &self,
        provider: &'static str,
        context: &Context,
        fetch: impl Future<Output = Result<ModelList, Error>>,
    ) -> Result<Arc<ModelList>, Error> {
        if let Some(list) = self.known(provider, context) {
            return Ok(list);
        }
        let list = Arc::new(fetch.await?);
        if !list.is_empty() {
            self.remember(provider, list.clone(), context);
            if let Some(file) = file(provider, context) {
                write(&file, &list).await;
            }
        }
        Ok(list)
    }
}

/// Provider names are constants of this crate, so they cannot lead out of the folder.
fn file(provider: &str, context: &Context) -> Option<PathBuf> {
    Some(context.cache_dir.as_ref()?.join(format!("{provider}_models.json")))
}

/// Reads a list; one that does not have the form of model facts counts as absent.
fn read(path: &Path) -> Option<ModelList> {
    let text = std::fs::read_to_string(path).ok()?;
    let Value::Object(models) = Value::parse(&text).ok()? else { return None };
    let list: Option<Object> =
        models.iter().map(|(id, info)| Some((id.clone(), known_facts(info)?))).collect();
    list.map(ModelList).filter(|list| !list.is_empty())
}

/// Replaces the file; a cache that cannot be written is no error.
async fn write(path: &Path, list: &ModelList) {
    if let Some(folder) = path.parent() {
        let _ = tokio::fs::create_dir_all(folder).await;
    }
    let _ = files::replace(path, &Value::from(list.0.clone()).to_json(), Readers::Anyone).await;
}

/// The facts that the reference's schema knows, in its order; `None` if one has the wrong type.
fn known_facts(info: &Value) -> Option<Object> {
    let info = info.as_object()?;
    let mut known = Object::with_capacity(info.len());
    for (fact, kind) in FACTS {
        match (info.get(fact), kind) {
            (None, Kind::RequiredNumber | Kind::RequiredFlag) => return None,
            (None, _) => {}
            (Some(value), kind) if kind.fits(value) => drop(known.insert(*fact, value.clone())),
            (Some(_), _) => return None,
        }
    }
    Some(known)
}

#[derive(Clone, Copy)]
enum Kind {
    RequiredNumber,
    RequiredFlag,
    Number,
    NullableNumber,
    Flag,
    Text,
    List,
    FlagOrList,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::RequiredNumber | Self::Number => matches!(value, Value::Number(_)),
            Self::NullableNumber => matches!(value, Value::Number(_) | Value::Null),
            Self::RequiredFlag | Self::Flag => matches!(value, Value::Bool(_)),
            Self::Text => value.is_string(),
            Self::List => value.is_array(),
            Self::FlagOrList => matches!(value, Value::Bool(_) | Value::Array(_)),
        }
    }
}

const FACTS: &[(&str, Kind)] = &[
    ("maxTokens", Kind::NullableNumber),
    ("maxThinkingTokens", Kind::NullableNumber),
    ("contextWindow", Kind::RequiredNumber),
    ("supportsImages", Kind::Flag),
    ("supportsPromptCache", Kind::RequiredFlag),
    ("promptCacheRetention", Kind::Text),
    ("supportsVerbosity", Kind::Flag),
    ("supportsReasoningBudget", Kind::Flag),
    ("supportsReasoningBinary", Kind::Flag),
    ("supportsTemperature", Kind::Flag),
    ("defaultTemperature", Kind::Number),
    ("requiredReasoningBudget", Kind::Flag),
    ("supportsReasoningEffort", Kind::FlagOrList),
    ("requiredReasoningEffort", Kind::Flag),
    ("preserveReasoning", Kind::Flag),
    ("supportedParameters", Kind::List),
    ("inputPrice", Kind::Number),
    ("outputPrice", Kind::Number),
    ("cacheWritesPrice", Kind::Number),
    ("cacheReadsPrice", Kind::Number),
    ("description", Kind::Text),
    ("reasoningEffort", Kind::Text),
    ("minTokensPerCachePoint", Kind::Number),
    ("maxCachePoints", Kind::Number),
    ("cachableFields", Kind::List),
    ("deprecated", Kind::Flag),
    ("isStealthModel", Kind::Flag),
    ("isFree", Kind::Flag),
    ("excludedTools", Kind::List),
    ("includedTools", Kind::List),
    ("tiers", Kind::List),
];
