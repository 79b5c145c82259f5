//! Mistral.
//!
//! <https://docs.mistral.ai/api/>

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use super::kind::{Kind, Provider};
use crate::answer_format::FormatSupport;
use crate::catalog::tables::table;
use crate::context::Context;
use crate::driver::{Call, Driver, Failure, WholeResponse, Wire};
use crate::error::Error;
use crate::json::{Object, Value};
use crate::model::Model;
use crate::protocols::mistral::decode::EventDecoder;
use crate::protocols::mistral::{body, completion, errors};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::provider::AiProvider;
use crate::registry::ProviderInfo;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, javascript};

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("mistral", "Mistral AI", "Mistral and Codestral models from their maker")
        .at("https://api.mistral.ai")
        .key("mistralApiKey", "MISTRAL_API_KEY")
        .documented("https://docs.mistral.ai/api/"),
    kind: Kind::Own(build),
};

fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let key = settings
        .non_empty("mistralApiKey")
        .ok_or_else(|| Error::configuration("Mistral API key is required"))?;
    let model = model(settings);
    let base = if model.id.starts_with("codestral-") {
        settings.non_empty("mistralCodestralUrl").unwrap_or("https://codestral.mistral.ai")
    } else {
        "https://api.mistral.ai"
    };
    let wire = Mistral { url: url(base)?, key: key.to_owned(), temperature: temperature(settings), model };
    Ok(Arc::new(Driver::new(wire, context)))
}

struct Mistral {
    url: Url,
    key: String,
    temperature: f64,
    model: Model,
}

impl Mistral {
    fn request(&self, accept: &str, body: &Value) -> Result<HttpRequest, Error> {
        let body = Bytes::from(body.to_json());
        let mut headers = HeaderBlock::default();
        headers.set("Content-Type", "application/json");
        headers.set("Accept", accept);
        headers.set_secret("authorization", &format!("Bearer {}", self.key));
        headers.set("cookie", "");
        headers.set("user-agent", "mistral-client-typescript/1.9.18");
        let own = headers.build().map_err(completing)?;
        Ok(HttpRequest {
            method: "POST",
            headers: javascript::fetch_headers(&self.url, &own, Some(&body)),
            url: self.url.clone().into(),
            body,
            options: RequestOptions { client: ClientKind::Fetch, ..RequestOptions::default() },
        })
    }
}

impl Wire for Mistral {
    fn id(&self) -> &'static str {
        "mistral"
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    fn format_support(&self) -> FormatSupport {
        FormatSupport::Schema
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let limit = self.model.info().get("maxTokens");
        self.request("text/event-stream", &body::chat(&self.model.id, self.temperature, limit, request))
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        Box::new(EventDecoder::new(completing))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let body = body::completion(&self.model.id, self.temperature, &request.prompt);
        self.request("application/json", &body)
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        completion::text(response).map_err(completing)
    }

    fn failure(&self, _: Call, failure: Failure) -> Error {
        completing(errors::explain(failure))
    }
}

/// The address of chat completions; a base URL may have a path of its own.
fn url(base: &str) -> Result<Url, Error> {
    let mut url =
        Url::parse(base).map_err(|_| Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"))?;
    let path = format!("{}/v1/chat/completions", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_fragment(None);
    Ok(url)
}

/// Any id is used as it is; one that the table does not know has the facts of the default.
fn model(settings: &ProviderSettings) -> Model {
    let table = table("mistral");
    let id = settings.non_empty("apiModelId").unwrap_or(table.default_id);
    let info = table.get(id).unwrap_or_else(|| table.default_info());
    let limit = info.get("maxTokens").filter(|_| settings.is_truthy("includeMaxTokens")).cloned();
    let mut parameters = Object::with_capacity(2);
    parameters.insert_some("maxTokens", limit);
    parameters.insert("temperature", temperature(settings));
    Model { parameters, ..Model::new(id, info) }
}

fn temperature(settings: &ProviderSettings) -> f64 {
    settings.number("modelTemperature").unwrap_or(1.0)
}

fn completing(error: Error) -> Error {
    let message = format!("Mistral completion error: {}", error.message());
    error.with_message(message)
}
