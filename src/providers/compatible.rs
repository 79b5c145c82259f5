//! What the OpenAI-compatible providers share: the reference's base class and its router base, as specs
//! that a provider fills in with its own facts.

use std::time::Duration;

use crate::Error;
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::{Format, Parameters};
use crate::catalog::tables::table;
use crate::context::ClientIdentity;
use crate::json::{Object, Value};
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyField};
use crate::protocols::openai_chat::decode::{EndStep, Step};
use crate::protocols::openai_chat::headers::{HeaderBlock, RETRY_COUNT};
use crate::protocols::openai_chat::{Answer, ChatSpec, Prefix, Wrap, completion, steps};
use crate::settings::ProviderSettings;
use crate::transport::RetryPolicy;

/// The reference's base class of compatible providers.
pub(super) const BASE: ChatSpec = ChatSpec {
    id: "",
    name: "",
    completion_name: "",
    endpoint: |_, _| Err(Error::configuration("the provider has no endpoint")),
    model: |_, _| Model::without_info(""),
    default_temperature: 0.0,
    chat: &[
        ("model", body::model),
        ("max_tokens", body::clamped_max_tokens),
        ("temperature", body::temperature),
        ("messages", body::system_and_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("thinking", body::binary_thinking),
    ],
    completion: COMPLETION,
    answer: Answer::Streamed,
    steps: &[
        steps::check_base_resp,
        steps::text_with_think_tags,
        steps::first_reasoning_key,
        steps::tool_calls_remembered,
        steps::end_own_calls,
        steps::keep_usage,
    ],
    // The usage comes before what the tag matcher still holds.
    end: &[steps::usage_with_cost, steps::flush_think_tags],
    completion_text: completion::checked_text,
    wrap: Wrap { chat: false, completion: Prefix::Once },
    chat_prefix: None,
    fixed_message: None,
    request_headers: |_, _| Vec::new(),
    begin: |_, _| {},
    stream_error: |error| error,
    images: None,
    list: None,
    health: None,
    check: |_| Ok(()),
    retry: RetryPolicy::Stainless { count_header: Some(RETRY_COUNT) },
    head_timeout: Some(Duration::from_secs(600)),
    unreachable: None,
};

/// The body of a base-class completion.
pub(super) const COMPLETION: &[BodyField] =
    &[("model", body::model), ("messages", body::prompt), ("thinking", body::binary_thinking)];

/// The reference's base of router providers, whose models come from a list.
pub(super) const ROUTER: ChatSpec =
    ChatSpec { completion_text: completion::text_of_required_choices, steps: NO_STEPS, end: NO_END, ..BASE };

const NO_STEPS: &[Step] = &[];
const NO_END: &[EndStep] = &[];

/// The key of that setting, which must not be empty.
pub(super) fn required_key<'a>(settings: &'a ProviderSettings, setting: &str) -> Result<&'a str, Error> {
    settings.non_empty(setting).ok_or_else(|| Error::configuration("API key is required"))
}

/// The key of that setting; `not-provided` stands in for a missing one, an empty one stays empty.
pub(super) fn key_or_placeholder<'a>(settings: &'a ProviderSettings, setting: &str) -> &'a str {
    settings.text(setting).unwrap_or("not-provided")
}

/// The model of `apiModelId` if the provider's table knows it, else the table's default.
pub(super) fn table_model(provider: &str, settings: &ProviderSettings) -> Model {
    let table = table(provider);
    let known = settings.non_empty("apiModelId").and_then(|id| table.model(id));
    known.unwrap_or_else(|| table.default_model())
}

/// The model of `apiModelId` with the table's facts; an unknown id is kept with those of the default.
pub(super) fn table_or_kept_model(provider: &str, settings: &ProviderSettings) -> Model {
    let id = settings.text("apiModelId");
    let known = id.and_then(|id| Some(Model::new(id, table(provider).get(id)?)));
    known.unwrap_or_else(|| kept_model(provider, id, None))
}

/// The same model with the parameters that follow from it and the settings.
pub(super) fn with_parameters(
    model: Model,
    format: Format,
    settings: &ProviderSettings,
    default_temperature: f64,
) -> Model {
    let derived = Parameters::derive(format, &model.id, model.info(), settings, default_temperature);
    Model { parameters: derived.to_object(), ..model }
}

/// The wanted model if the list has it, else id and facts of the default.
pub(super) fn listed_model(provider: &str, wanted: Option<&str>, list: Option<&ModelList>) -> Model {
    let default = table(provider).default_model();
    let id = wanted.unwrap_or(&default.id);
    match list.and_then(|list| list.get(id)) {
        Some(info) => Model::new(id, info),
        None => default,
    }
}

/// The wanted model with the list's facts, else with those of the default.
pub(super) fn kept_model(provider: &str, wanted: Option<&str>, list: Option<&ModelList>) -> Model {
    let default = table(provider).default_model();
    let Some(id) = wanted else { return listed_model(provider, None, list) };
    let info = list.and_then(|list| list.get(id)).or(default.info).unwrap_or_default();
    Model::new(id, info)
}

/// The header block with which lists are asked for: the application's headers if wanted, the key if there is
/// one.
pub(super) fn list_headers(identity: Option<&ClientIdentity>, key: Option<&str>) -> HeaderBlock {
    let mut headers = HeaderBlock::default();
    if let Some(identity) = identity {
        headers.application(identity);
    }
    if let Some(key) = key {
        headers.set_secret("Authorization", &format!("Bearer {key}"));
    }
    headers
}

/// The entries of a list in OpenAI's form, `{data: [...]}`; none for anything else.
pub(super) fn data(answer: &Value) -> &[Value] {
    answer.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The same facts with one more.
pub(super) fn with_fact(mut info: ModelInfo, fact: &'static str, value: impl Into<Value>) -> ModelInfo {
    info.as_object_mut().insert(fact, value);
    info
}

/// Facts from pairs; a missing value leaves its fact out.
pub(super) fn facts<const N: usize>(pairs: [(&'static str, Option<Value>); N]) -> ModelInfo {
    let mut facts = Object::with_capacity(N);
    for (fact, value) in pairs {
        facts.insert_some(fact, value);
    }
    ModelInfo::from_object(facts)
}
