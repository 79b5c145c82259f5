//! Cohere.
//!
//! Beside the settings that all plain providers have: `cohereDocuments` (a list that answers rest on),
//! `cohereCitationMode`, `cohereSafetyMode`, `modelMaxThinkingTokens`, and `enableReasoningEffort` (`false`
//! switches thinking off). Requests look like those of the package cohere-ai, with `cohereClient: "ai-sdk"`
//! like those of @ai-sdk/cohere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use url::Url;

use super::kind::{Built, Kind, Provider};
use super::plain;
use crate::catalog::fetch::axios_get;
use crate::context::Context;
use crate::driver::{Call, Driver, Failure, WholeResponse, Wire};
use crate::error::Error;
use crate::json::Value;
use crate::model::{Model, ModelInfo};
use crate::protocols::cohere::decode::EventDecoder;
use crate::protocols::cohere::{body, completion, errors};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::join;
use crate::registry::{Protocol, ProviderInfo};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, RetryPolicy, javascript};

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("cohere", "Cohere", "Command models from their maker, with citations")
        .at("https://api.cohere.com")
        .key("cohereApiKey", "COHERE_API_KEY")
        .base_setting("baseUrl")
        .speaks(Protocol::Cohere)
        .documented("https://docs.cohere.com/reference/chat-stream"),
    kind: Kind::Own(build),
};

fn build(settings: &ProviderSettings, context: &Context) -> Built {
    let settings = plain::resolved(&PROVIDER.info, settings)?;
    let model = Model::without_info(settings.text("apiModelId").unwrap_or_default());
    let client = match settings.text("cohereClient") {
        None | Some("" | "cohere-ai") => Client::CohereAi,
        Some("ai-sdk") => Client::AiSdk,
        Some(other) => {
            let message = format!("`cohereClient` must be `cohere-ai` or `ai-sdk`, not `{other}`");
            return Err(Error::configuration(message));
        }
    };
    let wire = Cohere { model, client, context: context.clone(), settings };
    Ok(Arc::new(Driver::new(wire, context)))
}

struct Cohere {
    settings: ProviderSettings,
    model: Model,
    client: Client,
    context: Context,
}

/// Which TypeScript client requests look like.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    CohereAi,
    AiSdk,
}

impl Cohere {
    fn request(&self, accept: &str, body: impl FnOnce(&str) -> Value) -> Result<HttpRequest, Error> {
        if self.model.id.is_empty() {
            return Err(Error::configuration("Cohere has no default model: set `apiModelId`"));
        }
        let url = Url::parse(&join(plain::base_url(&self.settings), "/v2/chat"))
            .map_err(|_| Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"))?;
        let body = Bytes::from(body(&self.model.id).to_json());
        let own = match self.client {
            Client::CohereAi => self.cohere_ai_headers(accept),
            Client::AiSdk => self.ai_sdk_headers(),
        };
        let mut headers = javascript::fetch_headers(&url, &own.build()?, Some(&body));
        if self.client == Client::CohereAi && accept == EVENTS {
            // Streams are asked for past every cache.
            headers.insert_behind("sec-fetch-mode", [("pragma", "no-cache"), ("cache-control", "no-cache")]);
        }
        Ok(HttpRequest {
            method: "POST",
            headers,
            url: url.into(),
            body,
            options: RequestOptions { client: ClientKind::Fetch, retry: RETRY, ..RequestOptions::default() },
        })
    }

    fn cohere_ai_headers(&self, accept: &str) -> HeaderBlock {
        let identity = &self.context.identity;
        let mut headers = HeaderBlock::default();
        headers.set("Accept", accept);
        headers.set("Content-Type", "application/json");
        plain::bearer(&mut headers, &self.settings);
        headers.set("x-fern-language", "JavaScript");
        headers.set("x-fern-sdk-name", "cohere-ai");
        headers.set("x-fern-sdk-version", "7.21.0");
        headers.set("user-agent", "cohere-ai/7.21.0");
        headers.set("x-fern-runtime", &identity.runtime);
        headers.set("x-fern-runtime-version", identity.runtime_version.trim_start_matches('v'));
        headers
    }

    fn ai_sdk_headers(&self) -> HeaderBlock {
        let mut headers = HeaderBlock::default();
        plain::bearer(&mut headers, &self.settings);
        headers.content_type();
        headers.ai_sdk("ai-sdk/cohere/2.0.44 ai-sdk/provider-utils/3.0.40", &self.context);
        headers
    }
}

const EVENTS: &str = "text/event-stream";

/// As the package cohere-ai tries again.
const RETRY: RetryPolicy =
    RetryPolicy::Steps { answers: &[Duration::from_secs(1), Duration::from_secs(2)], drops: &[] };

impl Wire for Cohere {
    fn id(&self) -> &'static str {
        PROVIDER.info.id
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        self.request(EVENTS, |model| body::chat(model, &self.settings, request)).map_err(completing)
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        Box::new(EventDecoder::new())
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        self.request("*/*", |model| body::completion(model, &self.settings, &request.prompt))
            .map_err(completing)
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        completion::text(response).map_err(completing)
    }

    fn failure(&self, _: Call, failure: Failure) -> Error {
        completing(errors::explain(failure))
    }

    fn list_models<'a>(&'a self, context: &'a Context) -> Option<BoxFuture<'a, Result<Vec<Model>, Error>>> {
        Some(Box::pin(async move {
            let mut headers = HeaderBlock::default();
            plain::bearer(&mut headers, &self.settings);
            let url = join(plain::base_url(&self.settings), "/v1/models?page_size=1000&endpoint=chat");
            let answer = axios_get(context, &url, &headers.build()?, None)
                .await
                .map_err(|failure| failure.explained("Cohere", ". Check key and base URL.", ""))?;
            let Some(models) = answer.get("models").and_then(Value::as_array) else {
                return Err(Error::invalid_response("Cohere: the answer holds no list of models"));
            };
            Ok(models.iter().filter_map(listed).collect())
        }))
    }
}

fn completing(error: Error) -> Error {
    let message = format!("Cohere completion error: {}", error.message());
    error.with_message(message)
}

/// <https://docs.cohere.com/reference/list-models>
fn listed(entry: &Value) -> Option<Model> {
    let id = entry.get("name")?.as_text()?.clone();
    let features = entry.get("features").and_then(Value::as_array);
    let sees =
        features.is_some_and(|features| features.iter().any(|feature| feature.as_str() == Some("vision")));
    let mut facts = crate::json::Object::with_capacity(2);
    facts.insert_some(
        "contextWindow",
        entry.get("context_length").filter(|length| length.is_truthy()).cloned(),
    );
    facts.insert("supportsImages", sees);
    Some(Model::new(id, ModelInfo::from_object(facts)))
}

#[cfg(test)]
mod tests;
