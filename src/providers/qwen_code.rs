//! Qwen Code, with the OAuth credentials of the Qwen Code program.
//!
//! <https://github.com/QwenLM/qwen-code>, <https://help.aliyun.com/zh/model-studio/qwen-coder>
//!
//! Longer than most: credentials are read from a file, refreshed and written back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use tokio::sync::Mutex;
use url::Url;

use super::compatible::{ROUTER, table_or_kept_model};
use super::kind::{Kind, Provider};
use crate::answer_format::FormatSupport;
use crate::context::Context;
use crate::driver::{Call, Driver, Failure, WholeResponse, Wire, fetch};
use crate::error::{Error, ErrorKind};
use crate::files::{self, Readers};
use crate::json::{Object, Value};
use crate::model::Model;
use crate::protocols::openai_chat::body;
use crate::protocols::openai_chat::decode::{ChatState, Event};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::{ChatSpec, Endpoint, OpenAiChat, Prefix, Wrap, join, steps};
use crate::provider::AiProvider;
use crate::registry::{AuthStyle, ProviderInfo};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::{Decode, TokenQueue};
use crate::text::Text;
use crate::token::StreamToken;
use crate::transport::{ClientKind, Headers, HttpRequest, RequestOptions, javascript};

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new(
        "qwen-code",
        "Qwen Code",
        "Qwen models with the login of Qwen's command-line tool",
    )
    .at("https://dashscope.aliyuncs.com/compatible-mode/v1")
    .auth(AuthStyle::Login)
    .documented("https://github.com/QwenLM/qwen-code"),
    kind: Kind::Own(build),
};

static SPEC: ChatSpec = ChatSpec {
    id: "qwen-code",
    name: "Qwen Code",
    endpoint: |_, context| Ok(endpoint(DEFAULT_BASE_URL, "", context)),
    model: |settings, _| table_or_kept_model("qwen-code", settings),
    chat: &[
        ("model", body::model),
        ("temperature", |_| Some(0.into())),
        ("messages", body::system_and_messages),
        ("stream", body::stream),
        ("stream_options", body::include_usage),
        ("max_completion_tokens", body::table_max_tokens),
        ("tools", body::strict_tools),
        ("tool_choice", body::tool_choice),
        ("parallel_tool_calls", body::parallel_tool_calls),
    ],
    completion: &[
        ("model", body::model),
        ("messages", body::prompt),
        ("max_completion_tokens", body::table_max_tokens),
    ],
    steps: &[
        steps::require_choices,
        new_text,
        steps::reasoning_content_in,
        steps::tool_calls,
        steps::end_tracked_calls,
        steps::usage_at_once,
    ],
    wrap: Wrap { chat: false, completion: Prefix::Never },
    ..ROUTER
};

const DEFAULT_BASE_URL: &str = "https://dashscope.aliyuncs.com/compatible-mode/v1";
const TOKEN_URL: &str = "https://chat.qwen.ai/api/v1/oauth2/token";
/// The public client id of the Qwen Code program.
const CLIENT_ID: &str = "f0304373b74a44d2b584a3fb70ca9e56";
/// Tokens are refreshed this long before they expire, in milliseconds.
const REFRESH_BEFORE_MS: f64 = 30_000.0;

fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let wire = QwenCode {
        chat: OpenAiChat::new(&SPEC, settings, context)?,
        file: settings.non_empty("qwenCodeOauthPath").unwrap_or("~/.qwen/oauth_creds.json").to_owned(),
        credentials: Mutex::new(None),
    };
    Ok(Arc::new(Driver::new(wire, context)))
}

struct QwenCode {
    chat: OpenAiChat,
    file: String,
    /// The file's content once it was read. The lock is held while tokens are refreshed, so that callers
    /// side by side refresh once.
    credentials: Mutex<Option<Object>>,
}

impl QwenCode {
    async fn authorise(&self, context: &Context) -> Result<(), Error> {
        let mut known = self.credentials.lock().await;
        let path = self.path(context);
        let mut credentials = match known.take() {
            Some(credentials) => credentials,
            None => load(&path).await?,
        };
        let expiry = credentials.get("expiry_date").and_then(Value::as_f64).filter(|date| *date != 0.0);
        if expiry.is_none_or(|date| context.clock.now() >= date - REFRESH_BEFORE_MS) {
            refresh(&mut credentials, &path, context).await?;
        }
        self.use_credentials(&credentials, context);
        *known = Some(credentials);
        Ok(())
    }

    fn use_credentials(&self, credentials: &Object, context: &Context) {
        let token = text(credentials, "access_token").unwrap_or_default();
        self.chat.use_endpoint(endpoint(&base_url(credentials), token, context));
    }

    fn path(&self, context: &Context) -> PathBuf {
        match (self.file.strip_prefix("~/"), &context.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(&self.file),
        }
    }
}

impl Wire for QwenCode {
    fn id(&self) -> &'static str {
        self.chat.id()
    }

    fn model(&self) -> Model {
        self.chat.model()
    }

    fn prepare<'a>(&'a self, context: &'a Context, _: Call) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.authorise(context))
    }

    fn format_support(&self) -> FormatSupport {
        self.chat.format_support()
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.chat.encode_chat(request)
    }

    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode> {
        self.chat.chat_decoder(request)
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.chat.encode_completion(request)
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        self.chat.decode_completion(response)
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        self.chat.failure(call, failure)
    }

    /// A refused token is refreshed, and the call made once more.
    fn recover<'a>(&'a self, context: &'a Context, error: &'a Error) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            if error.status() != Some(401) {
                return Ok(false);
            }
            let mut known = self.credentials.lock().await;
            let Some(credentials) = known.as_mut() else { return Ok(false) };
            refresh(credentials, &self.path(context), context).await?;
            self.use_credentials(credentials, context);
            Ok(true)
        })
    }
}

fn endpoint(base: &str, token: &str, context: &Context) -> Endpoint {
    let mut headers = HeaderBlock::sdk(context);
    headers.bearer(token);
    headers.content_type();
    Endpoint { url: join(base, "/chat/completions"), headers }
}

/// The server that the credentials name, with a scheme and a version.
fn base_url(credentials: &Object) -> String {
    let mut base = text(credentials, "resource_url").unwrap_or(DEFAULT_BASE_URL).to_owned();
    if !base.starts_with("http://") && !base.starts_with("https://") {
        base = format!("https://{base}");
    }
    if base.ends_with("/v1") { base } else { base + "/v1" }
}

fn text<'a>(credentials: &'a Object, key: &str) -> Option<&'a str> {
    credentials.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

async fn load(path: &Path) -> Result<Object, Error> {
    let failed =
        |cause: String| Error::configuration(format!("Failed to load Qwen OAuth credentials: {cause}"));
    let content = tokio::fs::read_to_string(path).await.map_err(|error| {
        failed(match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!("Error: ENOENT: no such file or directory, open '{}'", path.display())
            }
            _ => format!("{}: {error}", path.display()),
        })
    })?;
    match Value::parse(&content).map_err(|error| failed(format!("SyntaxError: {error}")))? {
        Value::Object(credentials) => Ok(credentials),
        _ => Err(failed("the file holds no JSON object".into())),
    }
}

/// Exchanges the refresh token and writes the file back; a file that cannot be written is no error.
async fn refresh(credentials: &mut Object, path: &Path, context: &Context) -> Result<(), Error> {
    let Some(refresh_token) = text(credentials, "refresh_token") else {
        return Err(Error::new(ErrorKind::Authentication, "No refresh token available in credentials."));
    };
    let form = format!(
        "grant_type=refresh_token&refresh_token={}&client_id={CLIENT_ID}",
        javascript::encode_uri_component(refresh_token)
    );
    let answer = exchange(form, context).await?;
    let renewed = |key: &str| answer.get(key).filter(|value| value.is_truthy()).cloned();
    if let Some(error) = renewed("error") {
        let error = error.as_str().map_or_else(|| error.to_json(), str::to_owned);
        let description = answer.get("error_description").and_then(Value::as_str).unwrap_or("undefined");
        let message = format!("Token refresh failed: {error} - {description}");
        return Err(Error::new(ErrorKind::Authentication, message));
    }
    let lifetime = answer.get("expires_in").and_then(Value::as_f64).unwrap_or(f64::NAN);
    for key in ["access_token", "token_type"] {
        credentials.insert_some(key, answer.get(key).cloned());
    }
    credentials.insert_some("refresh_token", renewed("refresh_token"));
    credentials.insert("expiry_date", context.clock.now() + lifetime * 1000.0);
    let text = Value::from(credentials.clone()).to_json_pretty();
    let _ = files::replace(path, &text, Readers::Owner).await;
    Ok(())
}

async fn exchange(form: String, context: &Context) -> Result<Value, Error> {
    let url = Url::parse(TOKEN_URL).map_err(|error| Error::configuration(error.to_string()))?;
    let own: Headers =
        [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
            .into_iter()
            .collect();
    let body = Bytes::from(form);
    let request = HttpRequest {
        method: "POST",
        headers: javascript::fetch_headers(&url, &own, Some(&body)),
        url: url.into(),
        body,
        options: RequestOptions { client: ClientKind::Fetch, ..RequestOptions::default() },
    };
    let response = fetch(context, request).await.map_err(|failure| match failure {
        Failure::Status(response) => {
            let (status, reason, text) = (response.status, &response.reason, response.text());
            Error::new(
                ErrorKind::Authentication,
                format!("Token refresh failed: {status} {reason}. Response: {text}"),
            )
        }
        _ => Error::new(ErrorKind::Connection, "fetch failed"),
    })?;
    Ok(Value::parse(&response.text())?)
}

/// Some servers repeat what they sent: only what is new counts. Think tags split a fragment, without any
/// memory of earlier ones.
fn new_text(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let content = event.delta.get("content");
    let Some(whole) = content.as_text().filter(|text| !text.is_empty()) else { return Ok(()) };
    let previous = std::mem::replace(&mut state.content, whole.to_string());
    let fresh = whole.strip_prefix(previous.as_str()).unwrap_or(&whole);
    if fresh.is_empty() {
        return Ok(());
    }
    if !fresh.contains("<think>") && !fresh.contains("</think>") {
        tokens.push_back(StreamToken::Text(whole.slice(fresh)));
        return Ok(());
    }
    let marked = fresh.replace("</think>", "<think>");
    for (index, part) in marked.split("<think>").enumerate().filter(|(_, part)| !part.is_empty()) {
        let part = Text::from(part);
        tokens.push_back(if index % 2 == 0 { StreamToken::Text(part) } else { StreamToken::Reasoning(part) });
    }
    Ok(())
}
