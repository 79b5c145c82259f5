//! The header block of the openai SDK 5.12.2.

use url::Url;

use crate::context::{ClientIdentity, Context};
use crate::json::Value;
use crate::settings::ProviderSettings;
use crate::transport::javascript::{self, InvalidHeader};
use crate::transport::{HeaderValue, Headers};
use crate::Error;

/// The header that counts the SDK's retries.
pub(crate) const RETRY_COUNT: &str = "X-Stainless-Retry-Count";

/// The SDK's own headers, before the key.
pub(crate) fn sdk(context: &Context) -> Headers {
    let identity = &context.identity;
    let mut headers = Headers::new();
    headers.append("Accept", "application/json");
    headers.append("User-Agent", "OpenAI/JS 5.12.2");
    headers.append(RETRY_COUNT, "0");
    headers.append("X-Stainless-Lang", "js");
    headers.append("X-Stainless-Package-Version", "5.12.2");
    headers.append("X-Stainless-OS", identity.os.clone());
    headers.append("X-Stainless-Arch", identity.arch.clone());
    headers.append("X-Stainless-Runtime", identity.runtime.clone());
    headers.append("X-Stainless-Runtime-Version", identity.runtime_version.clone());
    for (name, variable) in [("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")] {
        if let Some(value) = context.env(variable).map(str::trim).filter(|value| !value.is_empty()) {
            headers.append(name, value.to_owned());
        }
    }
    headers
}

/// Adds what the application sends everywhere.
pub(crate) fn application(headers: &mut Headers, identity: &ClientIdentity) {
    headers.replace("HTTP-Referer", identity.referer.clone());
    headers.replace("X-Title", identity.title.clone());
    headers.replace("User-Agent", identity.user_agent.clone());
}

/// What the application sends everywhere, overlaid with the user's `openAiHeaders`: a name spelt the same
/// keeps its place, another spelling moves it to the end.
pub(crate) fn application_and_custom(
    headers: &mut Headers,
    identity: &ClientIdentity,
    settings: &ProviderSettings,
) -> Result<(), Error> {
    let Some(custom) = settings.get("openAiHeaders").and_then(Value::as_object) else {
        application(headers, identity);
        return Ok(());
    };
    let defaults =
        [("HTTP-Referer", &identity.referer), ("X-Title", &identity.title), ("User-Agent", &identity.user_agent)];
    for (name, value) in defaults {
        if !custom.contains_key(name) {
            headers.replace(name, value.clone());
        } else if let Some(value) = custom.get(name) {
            replace_custom(headers, name, value)?;
        }
    }
    for (name, value) in custom.iter().filter(|(name, _)| !defaults.iter().any(|(known, _)| name == known)) {
        replace_custom(headers, name, value)?;
    }
    Ok(())
}

fn replace_custom(headers: &mut Headers, name: &str, value: &Value) -> Result<(), Error> {
    if !javascript::is_token(name) {
        return Err(Error::configuration(format!("Headers.delete: \"{name}\" is an invalid header name.")));
    }
    let text = match value {
        Value::String(text) => text.to_string(),
        Value::Null => {
            headers.remove(name);
            return Ok(());
        }
        other => other.to_json(),
    };
    // A custom header may well hold a key.
    headers.replace(name, HeaderValue::secret(value_bytes(&text)?));
    Ok(())
}

/// Adds `authorization: Bearer <key>`.
pub(crate) fn bearer(headers: &mut Headers, key: &str) -> Result<(), Error> {
    headers.replace("authorization", HeaderValue::secret(value_bytes(&format!("Bearer {key}"))?));
    Ok(())
}

/// A header value as `fetch` sends it.
pub(crate) fn value_bytes(text: &str) -> Result<Vec<u8>, Error> {
    Ok(javascript::fetch_value(text)?)
}

/// Everything around the SDK's headers that fetch adds.
pub(crate) fn complete(url: &Url, headers: &Headers, body: Option<&[u8]>) -> Headers {
    javascript::fetch_headers(url, headers, body)
}

impl From<InvalidHeader> for Error {
    fn from(problem: InvalidHeader) -> Self {
        Self::configuration(problem.to_string())
    }
}
