//! Ollama, a local server or its cloud.
//!
//! <https://github.com/ollama/ollama/blob/main/docs/api.md>

use std::sync::{Arc, RwLock};

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_util::future::join_all;
use url::Url;

use super::kind::{Kind, Provider};
use super::plain;
use crate::answer_format::FormatSupport;
use crate::catalog::fetch::{self, ListFailure, axios_get, axios_post};
use crate::catalog::lists::ModelList;
use crate::catalog::tables::table;
use crate::context::{ClientIdentity, Context};
use crate::driver::{Call, Driver, Failure, WholeResponse, Wire};
use crate::error::{Error, ErrorKind};
use crate::json::{Value, object};
use crate::lock::Shared;
use crate::model::Model;
use crate::protocols::ollama::body::{self, Options};
use crate::protocols::ollama::decode::ChatDecoder;
use crate::protocols::ollama::{catalog, completion, errors, host};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::provider::{AiProvider, HealthStatus};
use crate::registry::{Protocol, ProviderInfo};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, HeaderValue, Headers, HttpRequest, RequestOptions, javascript};

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("ollama", "Ollama", "Local models in Ollama")
        .at("http://localhost:11434")
        .key("ollamaApiKey", "OLLAMA_API_KEY")
        .optional()
        .speaks(Protocol::Ollama)
        .model("ollamaModelId")
        .base_setting("ollamaBaseUrl")
        .started_by("`ollama serve`")
        .documented("https://github.com/ollama/ollama/blob/main/docs/api.md"),
    kind: Kind::Own(build),
};

#[expect(clippy::unnecessary_wraps, reason = "a Build")]
fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let wire = Ollama {
        server: Server::new(settings, &context.identity),
        settings: settings.clone(),
        model: RwLock::new(model(settings, None)),
    };
    Ok(Arc::new(Driver::new(wire, context)))
}

/// A server and how to be let in.
pub(crate) struct Server {
    /// Its address as the settings have it.
    base: String,
    key: Option<String>,
    headers: HeaderBlock,
}

impl Server {
    pub(crate) fn new(settings: &ProviderSettings, identity: &ClientIdentity) -> Self {
        let key = settings.non_empty("ollamaApiKey").map(str::to_owned);
        let system = format!("{} {}", identity.arch, identity.platform());
        let runtime = format!("Node.js/{}", identity.runtime_version);
        let mut headers = HeaderBlock::default();
        headers.set("Content-Type", "application/json");
        headers.set("Accept", "application/json");
        headers.set("User-Agent", &format!("ollama-js/0.5.17 ({system} {runtime})"));
        if let Some(key) = &key {
            headers.set_secret("Authorization", &format!("Bearer {key}"));
        }
        let base = settings.non_empty("ollamaBaseUrl").unwrap_or("http://localhost:11434").to_owned();
        Self { base, key, headers }
    }

    /// A request as the server's own client sends it.
    pub(crate) fn request(&self, path: &str, body: &Value) -> Result<HttpRequest, Error> {
        let mut url = Url::parse(&format!("{}{path}", self.host()?)).map_err(|_| invalid_url())?;
        url.set_fragment(None);
        if !url.username().is_empty() {
            // The reference quotes the URL with its password.
            return Err(Error::configuration(
                "Request cannot be constructed from a URL that includes credentials",
            ));
        }
        let body = Bytes::from(body.to_json());
        let own = self.headers.build()?;
        Ok(HttpRequest {
            method: "POST",
            headers: javascript::fetch_headers(&url, &own, Some(&body)),
            url: url.into(),
            body,
            options: RequestOptions {
                client: ClientKind::Fetch,
                // A model may have to be loaded first.
                head_timeout: None,
                ..RequestOptions::default()
            },
        })
    }

    fn host(&self) -> Result<String, Error> {
        host::format(&self.base).ok_or_else(invalid_url)
    }

    /// The models that can call tools, each asked for its facts, all at once. What a server does not tell
    /// about one model leaves that one out.
    async fn models(&self, context: &Context) -> Result<ModelList, ListFailure> {
        let url = Url::parse(&self.base).map_err(|_| ListFailure::InvalidUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ListFailure::InvalidUrl);
        }
        let mut own = Headers::new();
        if let Some(key) = &self.key {
            own.append("Authorization", HeaderValue::secret(format!("Bearer {key}")));
        }
        let answer = axios_get(context, &format!("{}/api/tags", self.base), &own, None).await?;
        let installed = catalog::installed(&answer).unwrap_or_default();
        let show = format!("{}/api/show", self.base);
        let bodies: Vec<Value> =
            installed.iter().map(|i| object! { "model": i.model.clone() }.into()).collect();
        let answers = join_all(bodies.iter().map(|body| axios_post(context, &show, &own, body))).await;
        let defaults = table("ollama").default_info();
        let facts = |answer: Result<Value, ListFailure>| catalog::facts(&answer.ok()?, &defaults);
        Ok(installed
            .into_iter()
            .zip(answers)
            .filter_map(|(installed, answer)| Some((installed.name, facts(answer)?)))
            .collect())
    }
}

struct Ollama {
    server: Server,
    settings: ProviderSettings,
    /// Changes when the server has told about it.
    model: RwLock<Model>,
}

impl Ollama {
    fn id(&self) -> &str {
        model_id(&self.settings)
    }

    fn options(&self) -> Options {
        let default = if self.id().to_lowercase().contains("deepseek-r1") { 0.3 } else { 0.0 };
        Options {
            temperature: self.settings.number("modelTemperature").unwrap_or(default),
            context: self.settings.get("ollamaNumCtx").cloned(),
        }
    }
}

impl Wire for Ollama {
    fn id(&self) -> &'static str {
        "ollama"
    }

    fn model(&self) -> Model {
        self.model.reading().clone()
    }

    /// The reference asks for the models before every call and does without them if it must.
    fn prepare<'a>(&'a self, context: &'a Context, call: Call) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.server.host().map_err(|error| creating_client(call, error))?;
            let list = self.server.models(context).await.unwrap_or_default();
            let model = model(&self.settings, Some(&list));
            *self.model.writing() = model;
            Ok(())
        })
    }

    fn format_support(&self) -> FormatSupport {
        FormatSupport::Schema
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.server.host().map_err(|error| creating_client(Call::Chat, error))?;
        self.server.request("/api/chat", &body::chat(self.id(), request, &self.options()))
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        Box::new(ChatDecoder::new(|error| {
            let message = format!("Ollama stream processing error: {}", error.message());
            error.with_message(message)
        }))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.server.host().map_err(|error| creating_client(Call::Completion, error))?;
        let body = body::completion(self.id(), &request.prompt, &self.options());
        self.server.request("/api/chat", &body).map_err(completing)
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        completion::text(response).map_err(completing)
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        let error = errors::explain(failure);
        if call == Call::Completion { completing(error) } else { error }
    }

    fn health<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, HealthStatus> {
        Box::pin(async move {
            match self.server.models(context).await {
                // Without models it lives all the same.
                Ok(_) => HealthStatus::Healthy,
                Err(ListFailure::NoResponse) => HealthStatus::Unhealthy(Error::new(
                    ErrorKind::Connection,
                    PROVIDER.info.nothing_answers(&plain::shown(&self.server.base)),
                )),
                Err(failure) => HealthStatus::Unhealthy(failure.into_axios_error()),
            }
        })
    }

    fn list_models<'a>(&'a self, context: &'a Context) -> Option<BoxFuture<'a, Result<Vec<Model>, Error>>> {
        Some(Box::pin(async move {
            let list = self.server.models(context).await;
            Ok(list.map_err(fetch::ListFailure::into_axios_error)?.models())
        }))
    }
}

fn model_id(settings: &ProviderSettings) -> &str {
    settings.text("ollamaModelId").unwrap_or_default()
}

fn model(settings: &ProviderSettings, list: Option<&ModelList>) -> Model {
    let id = model_id(settings);
    let info = list.and_then(|list| list.get(id));
    Model::new(id, info.unwrap_or_else(|| table("openai").default_info()))
}

fn invalid_url() -> Error {
    Error::configuration("Invalid URL")
}

fn creating_client(call: Call, error: Error) -> Error {
    let message = format!("Error creating Ollama client: {}", error.message());
    let error = error.with_message(message);
    if call == Call::Completion { completing(error) } else { error }
}

fn completing(error: Error) -> Error {
    let message = format!("Ollama completion error: {}", error.message());
    error.with_message(message)
}
