//! Gemini: Google's service for developers, and with cloud credentials the same models on Vertex AI.
//!
//! <https://ai.google.dev/api>
//!
//! Beyond the reference, the login of Google's command-line tool for Gemini can take the place of a key:
//! `geminiUseOAuth` reads `~/.gemini/oauth_creds.json`, `geminiOAuthPath` another file of that form. Its
//! access token is sent as a bearer token and renewed when it has expired, for which the client that the
//! login was made for is needed: `geminiOAuthClientId` and `geminiOAuthClientSecret`, or the environment's
//! GEMINI_OAUTH_CLIENT_ID and GEMINI_OAUTH_CLIENT_SECRET. The file is never written.

use std::sync::Arc;

use super::compatible::table_model;
use super::kind::{Kind, Provider};
use super::vertex;
use crate::Text;
use crate::auth::{GoogleAuth, Release, Source};
use crate::catalog::parameters::{Format, Parameters};
use crate::context::Context;
use crate::model::Model;
use crate::protocols::gemini::{Authorization, Dialect, Endpoint, GeminiSpec};
use crate::registry::{AuthStyle, Protocol, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("gemini", "Google Gemini", "Gemini models from their maker")
        .at("https://generativelanguage.googleapis.com")
        .key("geminiApiKey", "GEMINI_API_KEY")
        .auth(AuthStyle::Header)
        .speaks(Protocol::Gemini)
        .base_setting("googleGeminiBaseUrl")
        .also_called(&["google"])
        .documented("https://ai.google.dev/api"),
    kind: Kind::Gemini(&SPEC),
};

static SPEC: GeminiSpec = GeminiSpec { id: "gemini", model, endpoint };

fn model(settings: &ProviderSettings) -> Model {
    model_of("gemini", settings, 1.0)
}

/// The model of the settings with its parameters.
pub(super) fn model_of(provider: &str, settings: &ProviderSettings, default_temperature: f64) -> Model {
    let model = table_model(provider, settings);
    let derived = Parameters::derive(Format::Gemini, &model.id, model.info(), settings, default_temperature);
    // The suffix is a row of its own in the table; the service does not know it.
    let id = model.id.strip_suffix(":thinking").map_or_else(|| model.id.clone(), Text::from);
    Model { id, parameters: derived.to_object(), ..model }
}

fn endpoint(settings: &ProviderSettings, context: &Context) -> Endpoint {
    let has_credentials = settings.non_empty("vertexJsonCredentials").is_some()
        || settings.non_empty("vertexKeyFile").is_some();
    if has_credentials {
        return vertex::endpoint(settings, context);
    }
    let uses_login = settings.is_truthy("geminiUseOAuth") || settings.non_empty("geminiOAuthPath").is_some();
    let authorization = if uses_login {
        let source = command_line_tool(settings, context);
        Authorization::Token(Arc::new(GoogleAuth::new(Release::Ten, source)))
    } else {
        let key = settings.text("geminiApiKey").unwrap_or("not-provided");
        let is_set = context.env("GOOGLE_GENAI_USE_VERTEXAI").map(str::trim).unwrap_or_default();
        if is_set.eq_ignore_ascii_case("true") {
            return vertex::endpoint_with_key(key, settings, context);
        }
        Authorization::Key(key.to_owned())
    };
    let base = base(settings, context, "GOOGLE_GEMINI_BASE_URL")
        .unwrap_or_else(|| "https://generativelanguage.googleapis.com".to_owned());
    Endpoint { base: format!("{base}/v1beta"), dialect: Dialect::Developer, authorization }
}

fn command_line_tool(settings: &ProviderSettings, context: &Context) -> Source {
    let setting = |key: &str, variable: &str| {
        let set = settings.non_empty(key).or_else(|| context.env(variable));
        set.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    Source::CommandLineTool {
        path: settings.non_empty("geminiOAuthPath").map(str::to_owned),
        client_id: setting("geminiOAuthClientId", "GEMINI_OAUTH_CLIENT_ID"),
        client_secret: setting("geminiOAuthClientSecret", "GEMINI_OAUTH_CLIENT_SECRET"),
    }
}

/// The base URL of the settings or the environment, less one slash at its end.
pub(super) fn base(settings: &ProviderSettings, context: &Context, variable: &str) -> Option<String> {
    let of_environment = || context.env(variable).map(str::trim).filter(|base| !base.is_empty());
    let base = settings.non_empty("googleGeminiBaseUrl").or_else(of_environment)?;
    Some(base.strip_suffix('/').unwrap_or(base).to_owned())
}
