//! OpenAI, and whatever speaks its Chat Completions: plain servers, Azure OpenAI, Azure AI inference.
//!
//! <https://platform.openai.com/docs/api-reference/chat>,
//! <https://learn.microsoft.com/azure/ai-foundry/openai/reference>
//!
//! The file is long because the reference keeps five forms of request in this one provider: streamed,
//! streamed for R1-style models, whole, and both for the o-series.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use url::Url;

use super::compatible::key_or_placeholder;
use crate::catalog::parameters::{Format, Parameters};
use crate::context::Context;
use crate::driver::{Driver, fetch};
use crate::error::Error;
use crate::json::{Value, object};
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyField, BodyInput};
use crate::protocols::openai_chat::decode::{ChatState, Event, Step, Tokens};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::messages::{self, Conversion, text_message};
use crate::protocols::openai_chat::{Answer, ChatSpec, Endpoint, OpenAiChat, Wrap, cache, steps};
use crate::provider::AiProvider;
use crate::settings::ProviderSettings;
use crate::token::StreamToken;
use crate::transport::{ClientKind, Headers, HttpRequest, RequestOptions, javascript};

const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

pub(super) fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let id = settings.text("openAiModelId").unwrap_or_default();
    let streams = !settings.is_false("openAiStreamingEnabled");
    // By substring, as the reference does: `demo3-chat` counts as an o-series model too.
    let is_o_series = ["o1", "o3", "o4"].iter().any(|name| id.contains(name));
    let spec = match (is_o_series, streams) {
        (true, true) => &O_SERIES,
        (true, false) => &O_SERIES_WHOLE,
        (false, false) => &WHOLE,
        (false, true) if is_reasoner(settings) => &REASONER,
        (false, true) => &STREAMED,
    };
    Ok(Arc::new(Driver::new(OpenAiChat::new(spec, settings, context)?, context)))
}

static STREAMED: ChatSpec = ChatSpec {
    id: "openai",
    name: "OpenAI",
    endpoint,
    model,
    default_temperature: 0.0,
    chat: &[
        ("model", body::model),
        ("temperature", body::temperature),
        ("messages", messages_with_marks),
        ("stream", body::stream),
        ("stream_options", include_usage),
        ("reasoning_effort", reasoning_effort),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
        ("max_completion_tokens", max_completion_tokens),
    ],
    completion: COMPLETION,
    answer: Answer::Streamed,
    steps: STEPS,
    end: &[steps::flush_think_tags, steps::usage_with_cache_counts],
    wrap: Wrap { chat: true, completion: true },
    list: Some(list_models),
};

static REASONER: ChatSpec = ChatSpec {
    default_temperature: 0.3,
    chat: &[
        ("model", body::model),
        ("temperature", body::temperature),
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
    steps: &[steps::plain_text, steps::tool_calls_remembered, steps::end_own_calls, usage_at_once],
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

const COMPLETION: &[BodyField] = &[
    ("model", body::model),
    ("messages", body::prompt),
    ("max_completion_tokens", max_completion_tokens),
];

const STEPS: &[Step] = &[
    steps::text_with_think_tags,
    steps::reasoning_content_in,
    steps::tool_calls_remembered,
    steps::end_own_calls,
    steps::keep_usage,
];

/// The model named by the settings; nothing is known about it unless the settings say so.
fn model(settings: &ProviderSettings) -> Model {
    let id = settings.text("openAiModelId").unwrap_or_default();
    let info = settings.get("openAiCustomModelInfo").and_then(Value::as_object).cloned();
    let info = info.map(ModelInfo::from_object).unwrap_or_else(|| {
        crate::catalog::tables::table("openai").default_info()
    });
    let parameters = Parameters::derive(Format::OpenAi, id, &info, settings, 0.0);
    Model { parameters: parameters.to_object(), ..Model::new(id, info) }
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
        } else if host == "azure.com" || host.ends_with(".azure.com") || settings.is_truthy("openAiUseAzure") {
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
    let mut query = String::from("api-version=");
    for byte in version.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
    }
    url.set_query(Some(&query));
    url.into()
}

fn join(base: &str, path: &str) -> String {
    crate::protocols::openai_chat::join(base, path)
}

// ---- the body's own rules ----

fn messages_with_marks(input: &BodyInput<'_>) -> Option<Value> {
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
fn developer_messages(input: &BodyInput<'_>) -> Option<Value> {
    let prompt = format!("Formatting re-enabled\n{}", input.request.system_prompt);
    let mut list = messages::convert(&input.request.messages, Conversion::default());
    list.insert(0, text_message("developer", prompt));
    Some(list.into())
}

/// xAI refuses the field, so it is left out wherever the host holds `x.ai`.
fn include_usage(input: &BodyInput<'_>) -> Option<Value> {
    let base = input.settings.text("openAiBaseUrl").unwrap_or(DEFAULT_BASE_URL);
    (!host_and_port(base).contains("x.ai")).then(|| object! { "include_usage": true }.into())
}

fn reasoning_effort(input: &BodyInput<'_>) -> Option<Value> {
    input.model.parameters.get("reasoning")?.get("reasoning_effort").cloned()
}

/// The o-series takes the effort of the model's facts; the setting is ignored.
fn model_effort(input: &BodyInput<'_>) -> Option<Value> {
    input.model.info().get("reasoningEffort").cloned()
}

fn max_completion_tokens(input: &BodyInput<'_>) -> Option<Value> {
    if input.settings.get("includeMaxTokens").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    let own = input.settings.get("modelMaxTokens").filter(|limit| limit.is_truthy());
    own.or_else(|| input.model.info().get("maxTokens")).cloned()
}

/// The o-series reports usage with every event that has it, without cache counts.
#[expect(clippy::unnecessary_wraps, reason = "a Step")]
fn usage_at_once(_: &mut ChatState, event: Event<'_>, tokens: &mut Tokens) -> Result<(), Error> {
    let usage = event.root.get("usage");
    if usage.is_truthy() {
        let value = |key: &str| steps::or_zero(steps::defined(usage.get(key)).as_ref());
        let token = steps::usage_object(value("prompt_tokens"), value("completion_tokens"));
        tokens.push_back(StreamToken::from_object(token));
    }
    Ok(())
}

// ---- the model list ----

/// The ids of `<base>/models`; every problem gives an empty list, as in the reference.
fn list_models<'a>(settings: &'a ProviderSettings, context: &'a Context) -> BoxFuture<'a, Result<Vec<Model>, Error>> {
    Box::pin(async move { Ok(fetch_list(settings, context).await.unwrap_or_default()) })
}

async fn fetch_list(settings: &ProviderSettings, context: &Context) -> Option<Vec<Model>> {
    let base = settings.non_empty("openAiBaseUrl")?.trim();
    Url::parse(base).ok()?;
    let url = Url::parse(&format!("{base}/models")).ok()?;
    let mut block = HeaderBlock::default();
    block.application_and_custom(&context.identity, settings);
    if let Some(key) = settings.non_empty("openAiApiKey") {
        block.set_secret("Authorization", &format!("Bearer {key}"));
    }
    let own: Headers = block.build().ok()?;
    let request = HttpRequest {
        method: "GET",
        headers: javascript::axios_headers(&url, &own, None),
        url: url.into(),
        body: bytes::Bytes::new(),
        options: RequestOptions { client: ClientKind::Axios, ..RequestOptions::default() },
    };
    let response = fetch(context, request).await.ok()?;
    let list = Value::parse(&response.text()).ok()?;
    let mut models: Vec<Model> = Vec::new();
    for entry in list.get("data")?.as_array()? {
        if entry.is_null() {
            return None;
        }
        // An entry without an id keeps its place, with an empty one.
        let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
        if models.iter().all(|known| known.id != id) {
            models.push(Model::without_info(id));
        }
    }
    Some(models)
}
