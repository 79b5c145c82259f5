//! Asking a service for its models, with the HTTP clients that the reference uses for that.

use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::Error;
use crate::context::Context;
use crate::driver::{Failure, fetch};
use crate::json::Value;
use crate::transport::{ClientKind, Headers, HttpRequest, RequestOptions, javascript};

/// Why a list could not be had.
#[derive(Debug)]
pub(crate) enum ListFailure {
    InvalidUrl,
    NoResponse,
    /// A status outside 200 to 299 with its reason phrase.
    Status(u16, String),
}

impl ListFailure {
    /// The error that axios throws.
    pub(crate) fn into_axios_error(self) -> Error {
        match self {
            Self::InvalidUrl => Error::configuration("Invalid URL").with_code("ERR_INVALID_URL"),
            Self::NoResponse => {
                Error::new(crate::ErrorKind::Connection, "socket hang up").with_code("ECONNRESET")
            }
            Self::Status(status, _) => {
                let code = if status >= 500 { "ERR_BAD_RESPONSE" } else { "ERR_BAD_REQUEST" };
                Error::status_error(status, format!("Request failed with status code {status}"))
                    .with_code(code)
            }
        }
    }

    /// The error of the reference's list readers: what failed, and for a missing answer what to do.
    pub(crate) fn explained(self, service: &str, status_hint: &str, connection_hint: &str) -> Error {
        let prefix = format!("Failed to fetch {service} models: ");
        match self {
            Self::InvalidUrl => Error::configuration(format!("{prefix}Invalid URL")),
            Self::NoResponse => Error::new(
                crate::ErrorKind::Connection,
                format!("{prefix}No response from server. {connection_hint}"),
            ),
            Self::Status(status, reason) => Error::new(
                crate::ErrorKind::of_status(status),
                format!("{prefix}{status} {reason}{status_hint}"),
            ),
        }
    }
}

/// `GET` as axios sends it. A body that is not JSON comes as text, as in the reference.
pub(crate) async fn axios_get(
    context: &Context,
    url: &str,
    own: &Headers,
    timeout: Option<Duration>,
) -> Result<Value, ListFailure> {
    let mut url = Url::parse(url).map_err(|_| ListFailure::InvalidUrl)?;
    url.set_fragment(None);
    let headers = javascript::axios_headers(&url, own, None);
    send(
        context,
        HttpRequest {
            method: "GET",
            url: url.into(),
            headers,
            body: Bytes::new(),
            options: RequestOptions {
                client: ClientKind::Axios,
                head_timeout: timeout,
                ..RequestOptions::default()
            },
        },
    )
    .await
}

/// `POST` of a JSON body as axios sends it.
pub(crate) async fn axios_post(
    context: &Context,
    url: &str,
    own: &Headers,
    body: &Value,
) -> Result<Value, ListFailure> {
    let mut url = Url::parse(url).map_err(|_| ListFailure::InvalidUrl)?;
    url.set_fragment(None);
    let body = Bytes::from(body.to_json());
    let mut typed = Headers::new();
    typed.append("Content-Type", "application/json");
    for (name, value) in own.iter() {
        typed.append(name, value.clone());
    }
    send(
        context,
        HttpRequest {
            method: "POST",
            headers: javascript::axios_headers(&url, &typed, Some(&body)),
            url: url.into(),
            body,
            options: RequestOptions {
                client: ClientKind::Axios,
                head_timeout: None,
                ..RequestOptions::default()
            },
        },
    )
    .await
}

pub(crate) async fn send(context: &Context, request: HttpRequest) -> Result<Value, ListFailure> {
    match fetch(context, request).await {
        Ok(response) => {
            let text = response.text();
            Ok(Value::parse(text.trim_start_matches('\u{feff}')).unwrap_or_else(|_| text.into()))
        }
        Err(Failure::Status(response)) => Err(ListFailure::Status(response.status, response.reason)),
        Err(Failure::StatusWithoutBody { status, .. }) => Err(ListFailure::Status(status, String::new())),
        Err(Failure::Transport(_) | Failure::Body { .. }) => Err(ListFailure::NoResponse),
    }
}

/// A price text per token as US dollars per million tokens; zero and nonsense are unknown.
pub(crate) fn price_per_million(text: Option<&Value>) -> Option<f64> {
    let price = leading_float(text?)?;
    (price != 0.0 && !price.is_nan()).then_some(price * 1_000_000.0)
}

/// JavaScript's `parseFloat` of a value.
pub(crate) fn leading_float(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::String(text) => {
            let text = text.trim_start();
            (1..=text.len())
                .rev()
                .filter(|end| text.is_char_boundary(*end))
                .find_map(|end| text[..end].parse::<f64>().ok().filter(|n| n.is_finite()))
        }
        _ => None,
    }
}
