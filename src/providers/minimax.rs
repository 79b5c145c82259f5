//! MiniMax, through its Anthropic-compatible API.
//!
//! <https://platform.minimax.io/docs/api-reference/text-anthropic-api>

use super::anthropic::authorization;
use super::compatible::table_model;
use super::kind::{Kind, Provider};
use crate::catalog::parameters;
use crate::error::Error;
use crate::json::{Object, Value};
use crate::message::Message;
use crate::model::Model;
use crate::protocols::anthropic::body::{self, BodyInput};
use crate::protocols::anthropic::messages::{self, MarkedBlock};
use crate::protocols::anthropic::{Counting, Endpoint, Hosting, MessagesSpec};
use crate::registry::{AuthStyle, Protocol, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("minimax", "MiniMax", "MiniMax models from their maker")
        .at("https://api.minimax.io/anthropic")
        .key("minimaxApiKey", "MINIMAX_API_KEY")
        .auth(AuthStyle::Header)
        .speaks(Protocol::Messages)
        .base_setting("minimaxBaseUrl")
        .documented("https://platform.minimax.io/docs/api-reference/text-anthropic-api"),
    kind: Kind::Messages(&SPEC),
};

static SPEC: MessagesSpec = MessagesSpec {
    id: "minimax",
    endpoint: |settings, context| {
        Ok(Endpoint {
            url: format!("{}/v1/messages", base_url(settings)),
            authorization: authorization(settings.text("minimaxApiKey"), None, context),
        })
    },
    model,
    betas: |_, _| String::new(),
    chat: &[
        ("model", body::model),
        ("max_tokens", body::max_tokens),
        ("temperature", body::temperature),
        ("system", body::system),
        ("messages", merged_messages),
        ("stream", body::stream),
        ("tools", body::tools),
        ("tool_choice", body::tool_choice_if_any),
    ],
    completion: &[
        ("model", body::model),
        ("max_tokens", |_| Ok(Some(16384.into()))),
        ("temperature", body::temperature),
        ("messages", body::prompt),
        ("stream", body::no_stream),
    ],
    counting: Counting::WithCost,
    hosting: &Hosting::DIRECT,
};

/// The base URL made to end in `/anthropic`, if only by text.
fn base_url(settings: &ProviderSettings) -> String {
    let base = settings.non_empty("minimaxBaseUrl").unwrap_or("https://api.minimax.io/anthropic");
    if let Some(root) = base.strip_suffix("/v1") {
        format!("{root}/anthropic")
    } else if base.ends_with("/anthropic") {
        base.to_owned()
    } else {
        format!("{}/anthropic", base.strip_suffix('/').unwrap_or(base))
    }
}

fn model(settings: &ProviderSettings) -> Model {
    let model = table_model("minimax", settings);
    let format = Some(parameters::Format::Anthropic);
    let limit = parameters::max_output_tokens(&model.id, model.info(), settings, format);
    let mut parameters = Object::with_capacity(3);
    parameters.insert("format", "anthropic");
    parameters.insert_some("maxTokens", limit);
    parameters.insert("temperature", settings.number("modelTemperature").unwrap_or(1.0));
    Model { parameters, ..model }
}

/// Texts beside tool results are moved into the last result, unless an image stands there too.
fn merged_messages(input: &BodyInput<'_>) -> Result<Option<Value>, Error> {
    let mut list: Vec<Value> = input.request.messages.iter().map(merge).collect();
    if input.caches() {
        messages::mark_last_two_users(&mut list, MarkedBlock::Last);
    }
    Ok(Some(list.into()))
}

fn merge(message: &Message) -> Value {
    let mut merged = message.as_json().clone();
    let is = |block: &Value, kind: &str| block.get("type").and_then(Value::as_str) == Some(kind);
    let Some(blocks) = merged.get_mut("content").and_then(Value::as_array_mut) else { return merged };
    let has = |kind: &str| blocks.iter().any(|block| is(block, kind));
    if message.role() != "user" || !has("tool_result") || !has("text") || has("image") {
        return merged;
    }
    let text = |block: &Value| block.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts: Vec<String> = blocks.iter().filter(|block| is(block, "text")).map(text).collect();
    blocks.retain(|block| is(block, "tool_result"));
    if let Some(result) = blocks.last_mut().and_then(Value::as_object_mut) {
        let existing = plain(result.get("content"));
        let joined = texts.join("\n\n");
        let content = if existing.is_empty() { joined } else { format!("{existing}\n\n{joined}") };
        result.insert("content", content);
    }
    merged
}

/// The content of a tool result as text.
fn plain(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(parts)) => {
            let line = |part: &Value| match part.get("type").and_then(Value::as_str) {
                Some("text") => part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
                Some("image") => "(image)".to_owned(),
                _ => String::new(),
            };
            parts.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
