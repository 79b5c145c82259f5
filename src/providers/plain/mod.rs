//! Providers that are facts and nothing else: Chat Completions as most services and servers take it today.
//!
//! All of them read the same settings: the key from `<id>ApiKey` or `apiKey`, another base URL from
//! `<id>BaseUrl` or `baseUrl` (`<id>` in camel case: `githubModelsApiKey`), the model from `apiModelId`. A
//! `{name}` in the base URL is a setting too. There is no model table and no default model: any id is sent
//! as it is. `includeUsage: false` leaves `stream_options` out, for servers that refuse it.

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::compatible::BASE;
use super::kind::{Kind, Provider};
use crate::catalog::fetch::{self, ListFailure};
use crate::catalog::lists::ModelList;
use crate::context::Context;
use crate::error::Error;
use crate::json::Value;
use crate::json::javascript::or_zero;
use crate::model::{Model, ModelInfo};
use crate::protocols::openai_chat::body::{self, BodyField, BodyInput};
use crate::protocols::openai_chat::decode::ChatState;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::messages::{self, Conversion};
use crate::protocols::openai_chat::{
    ChatSpec, Endpoint, ListKey, Listing, Needed, Prefix, Wrap, completion, join, steps,
};
use crate::protocols::tokens::usage_object;
use crate::registry::{ProviderInfo, ProviderRegistry};
use crate::settings::ProviderSettings;
use crate::stream::TokenQueue;
use crate::token::StreamToken;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, javascript};
use crate::{ErrorKind, Text};

/// A provider that is nothing but its facts.
pub(super) const fn plain(info: ProviderInfo) -> Provider {
    plain_with(info, PLAIN)
}

/// A provider whose spec differs from [`PLAIN`] in something.
#[expect(clippy::needless_pass_by_value, reason = "it is moved field by field")]
pub(super) const fn plain_with(info: ProviderInfo, spec: ChatSpec) -> Provider {
    let info = info.base_setting(BASE_URL);
    Provider { kind: Kind::Plain(ChatSpec { id: info.id, name: info.name, ..spec }), info }
}

/// A server on one's own machine: no key needed, no limit to the wait for the answer's head, as a model may
/// have to be loaded first, and advice where nobody listens.
pub(super) const fn local(info: ProviderInfo) -> Provider {
    plain_with(info.optional(), ChatSpec { head_timeout: None, unreachable: Some(not_started), ..PLAIN })
}

/// What all of them share.
pub(super) const PLAIN: ChatSpec = ChatSpec {
    endpoint: |settings, context| {
        Ok(endpoint(settings, context, "/chat/completions", |headers| bearer(headers, settings)))
    },
    model: |settings, list| {
        let id = settings.text(MODEL).unwrap_or_default();
        let info = list.and_then(|list| list.get(id));
        info.map_or_else(|| Model::without_info(id), |info| Model::new(id, info))
    },
    chat: BODY,
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("temperature", temperature),
        ("max_tokens", max_tokens),
    ],
    steps: &[
        steps::first_reasoning_key,
        steps::text_with_think_tags,
        steps::tool_calls_remembered,
        steps::end_own_calls,
        steps::keep_usage,
    ],
    end: &[steps::flush_think_tags, usage],
    completion_text: completion::text,
    wrap: Wrap { chat: true, completion: Prefix::Once },
    list: Some(Listing { fetch: list_models, needed: Needed::Never, key: ListKey::AsSet }),
    check: names_a_model,
    ..BASE
};

const BODY: &[BodyField] = &[
    ("model", body::model),
    ("messages", system_and_messages),
    ("stream", body::stream),
    ("stream_options", include_usage),
    ("temperature", temperature),
    ("max_tokens", max_tokens),
    ("tools", body::plain_tools),
    ("tool_choice", body::tool_choice),
    ("parallel_tool_calls", parallel_tool_calls),
];

const KEY: &str = "apiKey";
const BASE_URL: &str = "baseUrl";
const MODEL: &str = "apiModelId";

// ---- settings ----

/// The settings with key and base URL under the names that all share.
///
/// # Errors
///
/// When a part of the base URL or a key that is needed is missing; both name the setting.
pub(super) fn resolved(info: &ProviderInfo, settings: &ProviderSettings) -> Result<ProviderSettings, Error> {
    let resolved = resolved_without_key(info, settings)?;
    if info.key_required && resolved.non_empty(KEY).is_none() {
        let setting = info.key_setting.unwrap_or(KEY);
        let variable = info.key_variable.map(|name| format!(", usually kept in {name}")).unwrap_or_default();
        return Err(Error::configuration(format!(
            "{} needs a key: set `{setting}` or `{KEY}`{variable}",
            info.name
        )));
    }
    Ok(resolved)
}

/// As [`resolved`], for calls that may do without a key.
pub(super) fn resolved_without_key(
    info: &ProviderInfo,
    settings: &ProviderSettings,
) -> Result<ProviderSettings, Error> {
    let own = |name: &str| settings.non_empty(&format!("{}{name}", camel_case(info.id)));
    let key = info.key_setting.and_then(|setting| settings.non_empty(setting));
    let key = key.or_else(|| settings.non_empty(KEY)).map(str::to_owned);
    let base = match own("BaseUrl").or_else(|| settings.non_empty(BASE_URL)) {
        Some(base) => base.trim_end_matches('/').to_owned(),
        None => filled(info, settings)?,
    };
    let mut resolved = settings.clone().with(BASE_URL, base);
    resolved.set(KEY, key.map(Value::from));
    Ok(resolved)
}

/// The base URL with settings in place of their `{name}`.
fn filled(info: &ProviderInfo, settings: &ProviderSettings) -> Result<String, Error> {
    let Some(template) = info.base_url else {
        return Err(Error::configuration(format!(
            "{} runs wherever you run it: set `{BASE_URL}` to its address",
            info.name
        )));
    };
    let mut url = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, name, after)) = next_placeholder(rest) {
        let value = settings.non_empty(name).map(str::trim).ok_or_else(|| {
            Error::configuration(format!("{} needs `{name}`: its address is {template}", info.name))
        })?;
        // People paste hosts with their scheme.
        let value = value.strip_prefix("https://").unwrap_or(value).trim_end_matches('/');
        url.push_str(before);
        url.push_str(&javascript::percent_encode(value, b"-_.~"));
        rest = after;
    }
    url.push_str(rest);
    Ok(url)
}

fn next_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// `github-models` as `githubModels`.
fn camel_case(id: &str) -> String {
    let mut words = id.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(word.len().min(1));
        name + &head.to_ascii_uppercase() + tail
    })
}

fn names_a_model(input: &BodyInput<'_>) -> Result<(), Error> {
    if input.model.id.is_empty() {
        let name = input.spec.name;
        return Err(Error::configuration(format!("{name} has no default model: set `{MODEL}`")));
    }
    Ok(())
}

// ---- where requests go ----

/// `<base><path>` with what the SDK and the application send, and the proof of who asks.
pub(super) fn endpoint(
    settings: &ProviderSettings,
    context: &Context,
    path: &str,
    prove: impl FnOnce(&mut HeaderBlock),
) -> Endpoint {
    let mut headers = headers(settings, context, prove);
    headers.content_type();
    Endpoint { url: join(base_url(settings), path), headers }
}

/// What the SDK and the application send without a body.
pub(super) fn headers(
    settings: &ProviderSettings,
    context: &Context,
    prove: impl FnOnce(&mut HeaderBlock),
) -> HeaderBlock {
    let mut headers = HeaderBlock::sdk(context);
    prove(&mut headers);
    headers.application_and_custom(&context.identity, settings);
    headers
}

/// The base URL, once it is [`resolved`].
pub(super) fn base_url(settings: &ProviderSettings) -> &str {
    settings.text(BASE_URL).unwrap_or_default()
}

/// The key, once it is [`resolved`].
pub(super) fn key(settings: &ProviderSettings) -> Option<&str> {
    settings.non_empty(KEY)
}

/// `authorization: Bearer <key>`, if there is a key.
pub(super) fn bearer(headers: &mut HeaderBlock, settings: &ProviderSettings) {
    if let Some(key) = key(settings) {
        headers.bearer(key);
    }
}

/// What to say where nobody listens.
fn not_started(settings: &ProviderSettings) -> String {
    let base = shown(base_url(settings));
    info_of(settings).map_or_else(|| format!("nothing answers at {base}"), |info| info.nothing_answers(&base))
}

fn info_of(settings: &ProviderSettings) -> Option<&'static ProviderInfo> {
    ProviderRegistry::get(settings.provider()?)
}

// ---- the body's rules ----

/// An empty system prompt is left out: some servers refuse a message without content.
pub(super) fn system_and_messages(input: &BodyInput<'_>) -> Option<Value> {
    let mut list = messages::convert(&input.request.messages, Conversion::default());
    if !input.request.system_prompt.is_empty() {
        list.insert(0, messages::system(&input.request.system_prompt));
    }
    Some(list.into())
}

pub(super) fn include_usage(input: &BodyInput<'_>) -> Option<Value> {
    (!input.settings.is_false("includeUsage")).then(|| body::include_usage(input))?
}

pub(super) fn temperature(input: &BodyInput<'_>) -> Option<Value> {
    input.settings.number("modelTemperature").map(Value::from)
}

pub(super) fn max_tokens(input: &BodyInput<'_>) -> Option<Value> {
    input.settings.number("modelMaxTokens").filter(|limit| *limit > 0.0).map(Value::from)
}

pub(super) fn parallel_tool_calls(input: &BodyInput<'_>) -> Option<Value> {
    input.request.parallel_tool_calls.map(Value::from)
}

// ---- what comes back ----

/// Token counts as the service reports them, with cached and reasoning tokens where it tells them.
pub(super) fn usage(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let detail = |group: &str, key: &str| {
        usage.get(group).and_then(|group| group.get(key)).filter(|count| count.is_truthy()).cloned()
    };
    let mut token =
        usage_object(or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
    token.insert_some("cacheReadTokens", detail("prompt_tokens_details", "cached_tokens"));
    token.insert_some("reasoningTokens", detail("completion_tokens_details", "reasoning_tokens"));
    tokens.push_back(StreamToken::from_object(token));
}

/// The ids of `<base>/models`.
fn list_models<'a>(
    settings: &'a ProviderSettings,
    context: &'a Context,
) -> BoxFuture<'a, Result<ModelList, Error>> {
    let headers = headers(settings, context, |headers| bearer(headers, settings));
    Box::pin(models_at(join(base_url(settings), "/models"), headers, settings, context))
}

/// The ids of a list in OpenAI's form at that address.
pub(super) async fn models_at(
    url: String,
    headers: HeaderBlock,
    settings: &ProviderSettings,
    context: &Context,
) -> Result<ModelList, Error> {
    let name = info_of(settings).map_or("the service", |info| info.name);
    let explain = |failure: ListFailure| match failure {
        ListFailure::NoResponse => Error::new(ErrorKind::Connection, not_started(settings)),
        failure => failure.explained(name, ". Check key and base URL.", ""),
    };
    let parsed = Url::parse(&url).map_err(|_| explain(ListFailure::InvalidUrl))?;
    let request = HttpRequest {
        method: "GET",
        headers: javascript::fetch_headers(&parsed, &headers.build()?, None),
        url: parsed.into(),
        body: Bytes::new(),
        options: RequestOptions {
            client: ClientKind::Fetch,
            retry: PLAIN.retry,
            ..RequestOptions::default()
        },
    };
    let answer = fetch::send(context, request).await.map_err(explain)?;
    // GitHub's catalogue is the list itself.
    let entries = answer.as_array().or_else(|| answer.get("data")?.as_array());
    let Some(entries) = entries else {
        return Err(Error::invalid_response(format!("{name}: {} gave no list of models", shown(&url))));
    };
    let id = |entry: &Value| -> Option<(Text, ModelInfo)> {
        Some((entry.get("id")?.as_text()?.clone(), ModelInfo::default()))
    };
    Ok(entries.iter().filter_map(id).collect())
}

/// A URL without what may be secret in it.
pub(super) fn shown(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "(not a URL)".to_owned() };
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests;
