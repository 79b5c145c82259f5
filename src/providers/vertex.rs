//! Google Cloud's Vertex AI: Gemini and other models here, Claude's in [`vertex_claude`](super::vertex_claude).
//!
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>

use std::sync::Arc;

use super::gemini::{base, model_of};
use super::kind::{Kind, Provider};
use super::vertex_claude;
use crate::auth::{GoogleAuth, Release, Source};
use crate::context::Context;
use crate::driver::Driver;
use crate::error::Error;
use crate::model::Model;
use crate::protocols::anthropic::Messages;
use crate::protocols::gemini::{Authorization, Dialect, Endpoint, Gemini, GeminiSpec};
use crate::provider::AiProvider;
use crate::registry::{AuthStyle, Protocol, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("vertex", "Google Vertex AI", "Gemini and Claude models in Google's cloud")
        .at("https://{vertexRegion}-aiplatform.googleapis.com")
        .auth(AuthStyle::GoogleCloud)
        .speaks(Protocol::Gemini)
        .documented("https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference"),
    kind: Kind::Own(build),
};

static SPEC: GeminiSpec = GeminiSpec { id: "vertex", model, endpoint };

/// Claude's models speak Anthropic's API; without a model id the default is one of Claude's, and is sent
/// to Google's publisher all the same, as the reference does.
fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let is_claude = settings.text("apiModelId").is_some_and(|id| id.starts_with("claude"));
    if is_claude {
        return Ok(Arc::new(Driver::new(Messages::new(&vertex_claude::SPEC, settings, context)?, context)));
    }
    Ok(Arc::new(Driver::new(Gemini::new(&SPEC, settings, context), context)))
}

/// The temperature told here is 0 by default; the one that is sent is 1.
fn model(settings: &ProviderSettings) -> Model {
    model_of("vertex", settings, 0.0)
}

pub(super) fn endpoint(settings: &ProviderSettings, context: &Context) -> Endpoint {
    let project = settings.text("vertexProjectId").unwrap_or("not-provided");
    let location = settings.text("vertexRegion").unwrap_or("not-provided");
    let source = source(settings);
    let key = express_key(&source, project, location, context);
    let location = if location.is_empty() && key.is_none() { "global" } else { location };
    let base =
        base(settings, context, "GOOGLE_VERTEX_BASE_URL").unwrap_or_else(|| own_base(project, location));
    let (path, authorization) = if let Some(key) = key {
        (String::new(), Authorization::Key(key))
    } else {
        let tokens = GoogleAuth::new(Release::Ten, source);
        (project_path(project, location), Authorization::Token(Arc::new(tokens)))
    };
    Endpoint { base: format!("{base}/v1beta1{path}"), dialect: Dialect::Cloud, authorization }
}

/// The service with the developers' key, as the SDK's variable `GOOGLE_GENAI_USE_VERTEXAI` asks: in a project
/// of the environment, or in express mode.
pub(super) fn endpoint_with_key(key: &str, settings: &ProviderSettings, context: &Context) -> Endpoint {
    let variable = |name: &str| context.env(name).map(str::trim).unwrap_or_default();
    let (project, location) = (variable("GOOGLE_CLOUD_PROJECT"), variable("GOOGLE_CLOUD_LOCATION"));
    // The variable of the developers' service counts even here.
    let base =
        base(settings, context, "GOOGLE_GEMINI_BASE_URL").unwrap_or_else(|| own_base(project, location));
    let is_express = !key.is_empty() && (project.is_empty() || location.is_empty());
    let path = if is_express { String::new() } else { project_path(project, location) };
    Endpoint {
        base: format!("{base}/v1beta1{path}"),
        dialect: Dialect::Cloud,
        authorization: Authorization::Key(key.to_owned()),
    }
}

fn own_base(project: &str, location: &str) -> String {
    if project.is_empty() || location.is_empty() || location == "global" {
        return "https://aiplatform.googleapis.com".to_owned();
    }
    format!("https://{location}-aiplatform.googleapis.com")
}

/// Without a project or a location the reference writes JavaScript's word for nothing into the path.
fn project_path(project: &str, location: &str) -> String {
    if project.is_empty() || location.is_empty() {
        return "/projects/undefined/locations/undefined".to_owned();
    }
    format!("/projects/{project}/locations/{location}")
}

/// The credentials that the settings name.
pub(super) fn source(settings: &ProviderSettings) -> Source {
    Source::of_settings(settings.non_empty("vertexJsonCredentials"), settings.non_empty("vertexKeyFile"))
}

/// The SDK's express mode: a key of the environment, where nothing says which project and credentials.
///
/// <https://cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/overview>
fn express_key(source: &Source, project: &str, location: &str, context: &Context) -> Option<String> {
    if matches!(source, Source::Json(_)) || !project.is_empty() || !location.is_empty() {
        return None;
    }
    let set = |name: &str| context.env(name).map(str::trim).filter(|value| !value.is_empty());
    if set("GOOGLE_CLOUD_PROJECT").is_some() || set("GOOGLE_CLOUD_LOCATION").is_some() {
        return None;
    }
    set("GOOGLE_API_KEY").or_else(|| set("GEMINI_API_KEY")).map(str::to_owned)
}
