//! OpenAI, and whatever speaks its Chat Completions: plain servers, Azure OpenAI, Azure AI inference.
//!
//! <https://platform.openai.com/docs/api-reference/chat>,
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>
//!
//! The file is long because the reference keeps five forms of request in this one provider: streamed,
//! streamed for R1-style models, whole, and both for the o-series.

use futures_core::future::BoxFuture;
use url::Url;

use super::compatible::{BASE, key_or_placeholder, with_parameters};
use super::kind::{Kind, Provider};
use crate::catalog::fetch::axios_get;
use crate::catalog::lists::ModelList;
use crate::catalog::parameters::Format;
use crate::context::Context;
use crate::error::Error;
use crate::json::{Value, object};
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyInput};
use crate::protocols::openai_chat::decode::Step;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::messages::{self, Conversion, text_message};
use crate::protocols::openai_chat::{
    Answer, ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, cache, completion, join, steps,
};
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;
use crate::transport::javascript;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new(
        "openai",
        "OpenAI compatible",
        "Any service that speaks Chat Completions, Azure included",
    )
    .at("https://api.openai.com/v1")
    .key("openAiApiKey", "OPENAI_API_KEY")
    .model("openAiModelId")
    .base_setting("openAiBaseUrl")
    .documented("https://platform.openai.com/docs/api-reference/chat"),
    kind: Kind::ChatBy(spec),
};

const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// The spec for the model and the switches of the settings.
pub(super) fn spec(settings: &ProviderSettings) -> &'static ChatSpec {
    if settings.is_false("openAiStreamingEnabled") {
        choose(settings, &WHOLE, &WHOLE, &O_SERIES_WHOLE)
    } else {
        choose(settings, &PLAIN, &REASONER, &O_SERIES)
    }
}

/// The form that the model's id and the settings ask for.
pub(super) fn choose<'a>(
    settings: &ProviderSettings,
    plain: &'a ChatSpec,
    reasoner: &'a ChatSpec,
    o_series: &'a ChatSpec,
) -> &'a ChatSpec {
    let id = settings.text("openAiModelId").unwrap_or_default();
    // By substring, as the reference does: `demo3-chat` counts as an o-series model too.
    if ["o1", "o3", "o4"].iter().any(|name| id.contains(name)) {
        o_series
    } else if is_reasoner(settings) {
        reasoner
    } else {
        plain
    }
}

/// Settings of a child provider in this provider's names; everything else leaks in, as in the reference.
pub(super) trait ExtendedSettings {
    fn extended(&self, key: &str, base_url: &str, model: &str) -> ProviderSettings;
}

impl ExtendedSettings for ProviderSettings {
    fn extended(&self, key: &str, base_url: &str, model: &str) -> ProviderSettings {
        self.clone()
            .with("openAiApiKey", key)
            .with("openAiBaseUrl", base_url)
            .with("openAiModelId", model)
            .with("openAiStreamingEnabled", true)
            .with("includeMaxTokens", true)
    }
}

static PLAIN: ChatSpec = STREAMED;

pub(super) const STREAMED: ChatSpec = ChatSpec {
    id: "openai",
    name: "OpenAI",
    endpoint,
    completion_name: "OpenAI",
    model: |settings, _| model(settings),
    default_temperature: 0.0,
    chat: &[
        ("model", body::model),
        ("temperature", body::plain_temperature),
        ("messages", messages_with_marks),
        ("stream", body::stream),
        ("stream_options", include_usage),
        ("reasoning_effort", reasoning_effort),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", max_completion_tokens),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("max_completion_tokens", max_completion_tokens),
    ],
    steps: &[
        steps::text_with_think_tags,
        steps::reasoning_content_in,
        steps::tool_calls_remembered,
        steps::end_own_calls,
        steps::keep_usage,
    ],
    end: &[steps::flush_think_tags, steps::usage_with_cache_counts],
    completion_text: completion::text,
    wrap: Wrap { chat: true, completion: Prefix::Twice },
    list: Some(Listing { fetch: list_models, needed: Needed::Never, key: ListKey::AsSet }),
    ..BASE
};

static REASONER: ChatSpec = ChatSpec {
    default_temperature: 0.3,
    chat: &[
        ("model", body::model),
        ("temperature", body::plain_temperature),
        ("messages", body::r1_messages),
        ("stream", body::stream),
        ("stream_options", include_usage),
        ("reasoning_effort", reasoning_effort),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", max_completion_tokens),
    ],
    ..STREAMED
};

static WHOLE: ChatSpec = ChatSpec {
    chat: &[
        ("model", body::model),
        ("messages", plain_or_r1_messages),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", max_completion_tokens),
    ],
    answer: Answer::Whole,
    ..STREAMED
};

static O_SERIES: ChatSpec = ChatSpec {
    chat: &[
        ("model", body::model),
        ("messages", developer_messages),
        ("stream", body::stream),
        ("stream_options", include_usage),
        ("reasoning_effort", model_effort),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", max_completion_tokens),
    ],
    steps: O_SERIES_STEPS,
    end: &[],
    ..STREAMED
};

static O_SERIES_WHOLE: ChatSpec = ChatSpec {
    chat: &[
        ("model", body::model),
        ("messages", developer_messages),
        ("reasoning_effort", model_effort),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", max_completion_tokens),
    ],
    answer: Answer::Whole,
    ..STREAMED
};

pub(super) const O_SERIES_STEPS: &[Step] =
    &[steps::plain_text, steps::tool_calls_remembered, steps::end_own_calls, steps::usage_at_once];

/// The model named by the settings; nothing is known about it unless the settings say so.
fn model(settings: &ProviderSettings) -> Model {
    let id = settings.text("openAiModelId").unwrap_or_default();
    let info = settings.get("openAiCustomModelInfo").and_then(Value::as_object).cloned();
    let info =
        info.map_or_else(|| crate::catalog::tables::table("openai").default_info(), ModelInfo::from_object);
    with_parameters(Model::new(id, info), Format::OpenAi, settings, 0.0)
}

fn is_reasoner(settings: &ProviderSettings) -> bool {
    settings.is_truthy("openAiR1FormatEnabled")
        || settings.text("openAiModelId").unwrap_or_default().contains("deepseek-reasoner")
}

// ---- where requests go ----

fn endpoint(settings: &ProviderSettings, context: &Context) -> Result<Endpoint, Error> {
    let base = settings.text("openAiBaseUrl").unwrap_or(DEFAULT_BASE_URL);
    let key = key_or_placeholder(settings, "openAiApiKey");
    let mut headers = HeaderBlock::sdk(context);
    match Hosting::of(base, settings) {
        Hosting::Plain => {
            headers.bearer(key);
            headers.application_and_custom(&context.identity, settings);
            headers.content_type();
            let base = if base.is_empty() { DEFAULT_BASE_URL } else { base };
            Ok(Endpoint { url: join(base, "/chat/completions"), headers })
        }
        Hosting::AzureInference => {
            headers.bearer(key);
            headers.application_and_custom(&context.identity, settings);
            headers.content_type();
            let version = settings.non_empty("azureApiVersion").unwrap_or("2024-05-01-preview");
            Ok(Endpoint { url: with_api_version(&join(base, "/models/chat/completions"), version), headers })
        }
        Hosting::Azure => {
            let base = azure_base(base, context)?;
            if key.is_empty() {
                return Err(Error::configuration(
                    "Missing credentials. Please pass one of `apiKey` and `azureADTokenProvider`, or set the `AZURE_OPENAI_API_KEY` environment variable.",
                ));
            }
            headers.application_and_custom(&context.identity, settings);
            headers.content_type();
            headers.set_secret("api-key", key);
            let model = settings.text("openAiModelId").unwrap_or_default();
            let path = if base.contains("/deployments") || model.is_empty() {
                "/chat/completions".to_owned()
            } else {
                format!("/deployments/{model}/chat/completions")
            };
            let version = settings.non_empty("azureApiVersion").unwrap_or("2024-08-01-preview");
            Ok(Endpoint { url: with_api_version(&join(&base, &path), version), headers })
        }
    }
}

/// Who runs the server behind a base URL.
enum Hosting {
    Plain,
    Azure,
    AzureInference,
}

impl Hosting {
    fn of(base: &str, settings: &ProviderSettings) -> Self {
        let host = host_and_port(base);
        if host.ends_with(".services.ai.azure.com") {
            Self::AzureInference
        } else if host == "azure.com" || host.ends_with(".azure.com") || settings.is_truthy("openAiUseAzure")
        {
            Self::Azure
        } else {
            Self::Plain
        }
    }
}

/// The host of a URL with its port; empty if it cannot be parsed.
fn host_and_port(url: &str) -> String {
    Url::parse(url).map(|url| javascript::host(&url)).unwrap_or_default()
}

fn azure_base(base: &str, context: &Context) -> Result<String, Error> {
    if !base.is_empty() {
        return Ok(base.to_owned());
    }
    let endpoint = context.env("AZURE_OPENAI_ENDPOINT").ok_or_else(|| {
        Error::configuration(
            "Must provide one of the `baseURL` or `endpoint` arguments, or the `AZURE_OPENAI_ENDPOINT` environment variable",
        )
    })?;
    Ok(format!("{endpoint}/openai"))
}

/// Replaces the whole query; the value is encoded as RFC 3986 has it.
fn with_api_version(url: &str, version: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    let query = format!("api-version={}", javascript::percent_encode(version, b"-_.~"));
    url.set_query(Some(&query));
    url.into()
}

// ---- the body's own rules ----

pub(super) fn messages_with_marks(input: &BodyInput<'_>) -> Option<Value> {
    let mut messages = body::system_and_messages(input)?;
    if input.model.info().supports_prompt_cache() {
        let messages = messages.as_array_mut()?;
        cache::mark_system(messages);
        cache::mark_last_two_users(messages);
    }
    Some(messages)
}

fn plain_or_r1_messages(input: &BodyInput<'_>) -> Option<Value> {
    if is_reasoner(input.settings) { body::r1_messages(input) } else { body::system_and_messages(input) }
}

/// The o-series takes the system prompt from a developer and is told to use Markdown.
pub(super) fn developer_messages(input: &BodyInput<'_>) -> Option<Value> {
    let prompt = format!("Formatting re-enabled\n{}", input.request.system_prompt);
    let mut list = messages::convert(&input.request.messages, Conversion::default());
    list.insert(0, text_message("developer", prompt));
    Some(list.into())
}

/// xAI refuses the field, so it is left out wherever the host holds `x.ai`.
pub(super) fn include_usage(input: &BodyInput<'_>) -> Option<Value> {
    let base = input.settings.text("openAiBaseUrl");
    let is_xai = base.is_some_and(|base| may_hold_xai(base) && host_and_port(base).contains("x.ai"));
    (!is_xai).then(|| object! { "include_usage": true }.into())
}

/// False for nearly every URL, without parsing it. Escapes and characters beyond ASCII may stand for others in a host.
fn may_hold_xai(url: &str) -> bool {
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    !is_plain || url.as_bytes().windows(4).any(|four| four.eq_ignore_ascii_case(b"x.ai"))
}

fn reasoning_effort(input: &BodyInput<'_>) -> Option<Value> {
    input.model.parameters.get("reasoning")?.get("reasoning_effort").cloned()
}

/// The o-series takes the effort of the model's facts; the setting is ignored.
fn model_effort(input: &BodyInput<'_>) -> Option<Value> {
    input.model.info().get("reasoningEffort").cloned()
}

pub(super) fn max_completion_tokens(input: &BodyInput<'_>) -> Option<Value> {
    if input.settings.get("includeMaxTokens").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    let own = input.settings.get("modelMaxTokens").filter(|limit| limit.is_truthy());
    own.or_else(|| input.model.info().get("maxTokens")).cloned()
}

// ---- the model list ----

/// The ids of `<base>/models`; every problem gives an empty list, as in the reference.
fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    Box::pin(async move { Ok(fetch_list(settings, context).await.unwrap_or_default()) })
}

async fn fetch_list(settings: &ProviderSettings, context: &Context) -> Option<ModelList> {
    let base = settings.non_empty("openAiBaseUrl")?.trim();
    Url::parse(base).ok()?;
    let mut block = HeaderBlock::default();
    block.application_and_custom_in_place(&context.identity, settings);
    if let Some(key) = settings.non_empty("openAiApiKey") {
        block.set_secret("Authorization", &format!("Bearer {key}"));
    }
    let list = axios_get(context, &format!("{base}/models"), &block.build().ok()?, None).await.ok()?;
    let mut models = ModelList::new();
    for entry in list.get("data")?.as_array()? {
        if entry.is_null() {
            return None;
        }
        // An entry without an id keeps its place, with an empty one.
        let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
        models.insert(id, ModelInfo::default());
    }
    Some(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_hold_xai_are_found_however_they_are_spelt() {
        for (url, is_xai) in [
            ("https://api.x.ai/v1", true),
            ("https://API.X.AI/v1", true),
            ("https://api.x%2Eai/v1", true),
            ("https://api.\u{ff58}.ai/v1", true),
            ("https://api.x.\tai/v1", true),
            ("https://api.openai.com/x.ai", false),
            ("https://api.openai.com/v1", false),
        ] {
            assert_eq!(host_and_port(url).contains("x.ai"), is_xai, "{url}");
            assert!(!is_xai || may_hold_xai(url), "{url}");
        }
        assert!(!may_hold_xai("https://api.openai.com/v1"), "nearly every URL need not be parsed");
    }
}
