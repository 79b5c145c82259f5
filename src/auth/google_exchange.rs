//! Token exchanges over HTTP.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>,
//! <https://developers.google.com/identity/protocols/oauth2/web-server#offline>

use std::time::Duration;

use bytes::Bytes;
use url::{Url, form_urlencoded};

use super::google::{Release, Token};
use super::google_credentials::{ServiceAccount, User};
use super::google_jwt;
use crate::context::{ClientIdentity, Context};
use crate::driver::{Failure, WholeResponse, fetch};
use crate::json::{Value, object};
use crate::transport::{
    ClientKind, Headers, HttpRequest, RequestOptions, RetryPolicy, TransportErrorKind, javascript,
};
use crate::{Error, ErrorKind};

/// Exchanges a signed claim. `None` if the answer holds no token.
pub(super) async fn service_account(
    release: Release,
    account: &ServiceAccount,
    context: &Context,
) -> Result<Option<Token>, Error> {
    // The key's own `token_uri` is not asked.
    let url = match release {
        Release::Nine => "https://www.googleapis.com/oauth2/v4/token",
        Release::Ten => TOKEN_URL,
    };
    let issued = (context.clock.now() / 1000.0).floor();
    let claims = object! {
        "iss": account.email.as_str(),
        "scope": SCOPE,
        "aud": url,
        "exp": issued + 3600.0,
        "iat": issued,
    };
    let assertion = google_jwt::sign(&Value::from(claims).to_json(), &account.private_key)?;
    let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)];
    let response = send(release, url, "application/json", &form, context).await;
    let response = response.map_err(|failure| explain(failure, url, claim_message))?;
    Ok(token(&Value::parse(&response.text()).unwrap_or_default(), issued * 1000.0))
}

/// Exchanges a refresh token. `None` if the answer holds no token.
pub(super) async fn user(release: Release, user: &User, context: &Context) -> Result<Option<Token>, Error> {
    let (Some(id), Some(secret), false) =
        (&user.client_id, &user.client_secret, user.refresh_token.is_empty())
    else {
        return Err(Error::configuration(NOTHING_TO_REFRESH_WITH));
    };
    let form = [
        ("refresh_token", user.refresh_token.as_str()),
        ("client_id", id),
        ("client_secret", secret),
        ("grant_type", "refresh_token"),
    ];
    let response = send(release, TOKEN_URL, "*/*", &form, context).await;
    let response = response.map_err(|failure| explain(failure, TOKEN_URL, user_message))?;
    let body = json_of(&response)
        .ok_or_else(|| Error::invalid_response("the answer to the token exchange is no JSON"))?;
    Ok(token(&body, context.clock.now()))
}

/// The token in an answer that came at `now`.
pub(super) fn token(body: &Value, now: f64) -> Option<Token> {
    let value = body.get("access_token").and_then(Value::as_str)?;
    let seconds = body.get("expires_in").and_then(Value::as_f64);
    Some(Token { value: value.to_owned(), expires: seconds.map(|seconds| now + seconds * 1000.0) })
}

async fn send(
    release: Release,
    url: &str,
    accept: &'static str,
    form: &[(&str, &str)],
    context: &Context,
) -> Result<WholeResponse, Failure> {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = HttpRequest {
        method: "POST",
        headers: headers(release, url, accept, form.len(), &context.identity),
        url: url.to_owned(),
        body: Bytes::from(form),
        options: RequestOptions {
            retry: RetryPolicy::Steps { answers: RETRIES, drops: &RETRIES[..2] },
            client: ClientKind::NodeFetch,
            ..RequestOptions::default()
        },
    };
    fetch(context, request).await
}

fn headers(
    release: Release,
    url: &str,
    accept: &'static str,
    length: usize,
    identity: &ClientIdentity,
) -> Headers {
    let runtime = identity.runtime_version.trim_start_matches('v');
    let client = format!("gl-{}/{runtime}", identity.runtime);
    let host = Url::parse(url).map(|url| javascript::host(&url)).unwrap_or_default();
    let mut headers = Headers::new();
    match release {
        Release::Nine => {
            headers.append("Content-Type", "application/x-www-form-urlencoded");
            headers.append("User-Agent", "google-api-nodejs-client/9.15.1");
            headers.append("x-goog-api-client", client);
            headers.append("Accept", accept);
            headers.append("Content-Length", length.to_string());
            headers.append("Accept-Encoding", "gzip,deflate");
        }
        Release::Ten => {
            headers.append("accept", accept);
            headers.append("accept-encoding", "gzip, deflate, br");
            headers.append("content-length", length.to_string());
            headers.append("content-type", "application/x-www-form-urlencoded;charset=UTF-8");
            headers.append("user-agent", "google-api-nodejs-client/10.5.0");
            headers.append("x-goog-api-client", client);
        }
    }
    headers.append("Host", host);
    headers.append("Connection", "keep-alive");
    headers
}

/// What the library throws for a failed exchange; `words` finds the message in a body that says one.
pub(super) fn explain(
    failure: Failure,
    url: &str,
    words: impl Fn(&WholeResponse) -> Option<String>,
) -> Error {
    match failure {
        Failure::Transport(cause) if cause.kind == TransportErrorKind::Request => {
            Error::configuration(cause.detail)
        }
        Failure::Transport(cause) => {
            let kind = match cause.kind {
                TransportErrorKind::HeadTimeout => ErrorKind::Timeout,
                _ => ErrorKind::Connection,
            };
            Error::new(kind, format!("request to {url} failed, reason: socket hang up"))
                .with_code("ECONNRESET")
        }
        Failure::Status(response) => {
            let status = response.status;
            let message =
                words(&response).unwrap_or_else(|| format!("Request failed with status code {status}"));
            let message = match status {
                403 | 404 => format!("Could not refresh access token: {message}"),
                _ => message,
            };
            // The body is left out: it may quote what was sent.
            let error = Error::status_error(status, message);
            let body = Value::parse(&response.text()).unwrap_or_default();
            match body.get("error").and_then(|error| error.get("code")) {
                Some(code) => error.with_code(code.clone()),
                None => error,
            }
        }
        Failure::StatusWithoutBody { url, .. } | Failure::Body { url, .. } => {
            let message = format!("Invalid response body while trying to fetch {url}: Premature close");
            Error::new(ErrorKind::Interrupted, message).with_code("ERR_STREAM_PREMATURE_CLOSE")
        }
    }
}

/// `error: error_description`, else the plain text.
fn claim_message(response: &WholeResponse) -> Option<String> {
    let Ok(body) = Value::parse(&response.text()) else { return Some(response.text()) };
    let error = body.get("error").filter(|error| error.is_truthy())?;
    let description = body.get("error_description").filter(|description| description.is_truthy());
    Some(match description {
        Some(description) => format!("{}: {}", shown(error), shown(description)),
        None => shown(error),
    })
}

/// `error` alone, unless it asks for a new login: then the whole body.
fn user_message(response: &WholeResponse) -> Option<String> {
    let Some(body) = json_of(response) else { return Some(response.text()) };
    let error = body.get("error").filter(|error| error.is_truthy())?;
    let description = body.get("error_description").and_then(Value::as_str).unwrap_or_default();
    if error.as_str() == Some("invalid_grant") && description.to_ascii_lowercase().contains("reauth") {
        return Some(body.to_json());
    }
    match error.get("message") {
        Some(message) => Some(shown(message)),
        None => Some(shown(error)),
    }
}

/// The body, if its media type says JSON and it is.
fn json_of(response: &WholeResponse) -> Option<Value> {
    let kind = response.headers.joined("content-type").unwrap_or_default();
    Value::parse(&response.text()).ok().filter(|_| kind.to_ascii_lowercase().contains("application/json"))
}

/// A value as JavaScript's template strings print it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_json(),
    }
}

/// What the tokens are good for.
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// The waits of gaxios: a tenth of a second, then half of 2^n - 1 seconds.
pub(super) const RETRIES: &[Duration] =
    &[Duration::from_millis(100), Duration::from_millis(500), Duration::from_millis(1500)];
const NOTHING_TO_REFRESH_WITH: &str = "the login has expired, and nothing is there to renew it with: log in again, or give the client that the login was made for in `geminiOAuthClientId` and `geminiOAuthClientSecret` (or the environment's GEMINI_OAUTH_CLIENT_ID and GEMINI_OAUTH_CLIENT_SECRET)";
