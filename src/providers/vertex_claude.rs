//! Claude's models on Google Cloud's Vertex AI.
//!
//! <https://docs.anthropic.com/en/api/claude-on-vertex-ai>

use std::sync::Arc;

use super::anthropic::use_long_context;
use super::compatible::table_model;
use super::vertex;
use crate::Error;
use crate::auth::{GoogleAuth, Release, TokenSource};
use crate::catalog::parameters::{Format, Parameters};
use crate::context::Context;
use crate::json::{Object, Value, object};
use crate::model::Model;
use crate::protocols::anthropic::body::{self, BodyField, BodyInput};
use crate::protocols::anthropic::{Answer, Counting, Endpoint, Hosting, MessagesSpec, messages};
use crate::settings::ProviderSettings;

pub(super) static SPEC: MessagesSpec = MessagesSpec {
    id: "vertex",
    endpoint,
    model,
    betas,
    chat: &[
        ("max_tokens", body::max_tokens),
        ("temperature", body::temperature),
        ("thinking", body::thinking),
        ("system", body::system),
        ("messages", body::messages_marked_on_text),
        ("stream", body::stream),
        ("tools", body::tools),
        ("tool_choice", body::tool_choice_and_parallel),
        VERSION,
    ],
    completion: &[
        ("max_tokens", body::max_tokens),
        ("temperature", body::temperature),
        ("thinking", body::thinking),
        ("messages", marked_prompt),
        ("stream", body::no_stream),
        VERSION,
    ],
    counting: Counting::WithoutCost,
    hosting: &Hosting {
        user_agent: "AnthropicVertex/JS 0.37.0",
        version: None,
        counts_retries: false,
        url: model_url,
        tokens,
        place,
        completion_error: Some("Vertex completion error: "),
        completion_stream: &[
            ("max_tokens", body::max_tokens),
            ("temperature", body::temperature),
            ("thinking", body::thinking),
            ("messages", marked_prompt),
            ("stream", body::stream),
            VERSION,
        ],
        answer: Answer::FirstBlock,
    },
};

/// The API's version, a field here and not a header.
const VERSION: BodyField = ("anthropic_version", |_| Ok(Some("vertex-2023-10-16".into())));

const LONG_CONTEXT: &str = "context-1m-2025-08-07";

/// Models that have a window of a million tokens on request.
const LONG_CONTEXT_MODELS: &[&str] = &["claude-sonnet-4@20250514", "claude-sonnet-4-5@20250929"];

/// The URL up to the publisher. A missing project is the credentials' own, once they are known.
fn endpoint(settings: &ProviderSettings, context: &Context) -> Result<Endpoint, Error> {
    let project = settings.text("vertexProjectId").unwrap_or("not-provided");
    let region = settings.text("vertexRegion").unwrap_or("us-east5");
    if region.is_empty() {
        return Err(Error::configuration(NO_REGION));
    }
    let base = context.env("ANTHROPIC_VERTEX_BASE_URL").map(str::trim).filter(|base| !base.is_empty());
    let base = base.map_or_else(|| format!("https://{region}-aiplatform.googleapis.com/v1"), str::to_owned);
    let base = base.strip_suffix('/').unwrap_or(&base);
    let url = format!("{base}/projects/{project}/locations/{region}/publishers/anthropic/models");
    Ok(Endpoint { url, authorization: None })
}

fn model_url(base: &str, model: &str, streams: bool) -> String {
    let method = if streams { "streamRawPredict" } else { "rawPredict" };
    format!("{base}/{model}:{method}")
}

/// Fills in a project that the settings leave empty.
fn place(url: &mut String, project: Option<&str>) -> Result<(), Error> {
    let Some(at) = url.find(NO_PROJECT) else { return Ok(()) };
    let project = project.ok_or_else(|| Error::configuration(PROJECT_UNKNOWN))?;
    url.replace_range(at..at + NO_PROJECT.len(), &format!("/projects/{project}/"));
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "a fact of the hosting")]
fn tokens(settings: &ProviderSettings) -> Option<Arc<dyn TokenSource>> {
    Some(Arc::new(GoogleAuth::new(Release::Nine, vertex::source(settings))))
}

fn model(settings: &ProviderSettings) -> Model {
    let Model { id, info, .. } = table_model("vertex", settings);
    let mut info = info.unwrap_or_default();
    let has_long_context =
        settings.is_truthy("vertex1MContext") && LONG_CONTEXT_MODELS.contains(&id.as_str());
    let mut parameters = Object::new();
    if has_long_context {
        use_long_context(&mut info);
        parameters.insert("betas", vec![Value::from(LONG_CONTEXT)]);
    }
    parameters.extend(Parameters::derive(Format::Anthropic, &id, &info, settings, 0.0).to_object());
    let id = id.strip_suffix(":thinking").unwrap_or(&id);
    Model { parameters, ..Model::new(id, info) }
}

fn betas(_: &ProviderSettings, model: &Model) -> String {
    let beta = model.parameters.get("betas").and_then(|betas| betas.at(0)).and_then(Value::as_str);
    beta.unwrap_or_default().to_owned()
}

/// A completion's one user message, marked where prompts are cached.
#[expect(clippy::unnecessary_wraps, reason = "a body rule")]
fn marked_prompt(input: &BodyInput<'_>) -> Result<Option<Value>, Error> {
    let content: Value =
        if input.caches() { vec![messages::marked_text(input.prompt)].into() } else { input.prompt.into() };
    Ok(Some(vec![Value::from(object! { "role": "user", "content": content })].into()))
}

const NO_PROJECT: &str = "/projects//";
const NO_REGION: &str = "No region was given. The client should be instantiated with the `region` option or the `CLOUD_ML_REGION` environment variable should be set.";
const PROJECT_UNKNOWN: &str = "No projectId was given and it could not be resolved from credentials. The client should be instantiated with the `projectId` option or the `ANTHROPIC_VERTEX_PROJECT_ID` environment variable should be set.";
