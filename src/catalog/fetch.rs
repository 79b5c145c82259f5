//! Asking a service for its models, with the HTTP clients that the reference uses for that.

use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::context::Context;
use crate::driver::{Failure, fetch};
use crate::json::Value;
use crate::json::javascript::to_text;
use crate::transport::{ClientKind, Headers, HttpRequest, RequestOptions, javascript};
use crate::{Error, Text};

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
        Err(Failure::Status(response)) => Err(ListFailure::Status(response.status, response.reason.into())),
        Err(Failure::StatusWithoutBody { status, .. }) => Err(ListFailure::Status(status, String::new())),
        Err(Failure::Transport(_) | Failure::Body { .. }) => Err(ListFailure::NoResponse),
    }
}

/// A price per token as US dollars per million tokens: nothing for nothing, not a number for nonsense.
pub(crate) fn price_per_million(price: Option<&Value>) -> Option<Value> {
    let price = price.filter(|price| price.is_truthy())?;
    Some((leading_float(price).unwrap_or(f64::NAN) * 1_000_000.0).into())
}

/// An id as JavaScript makes a key of it; `undefined` for one that is missing.
pub(crate) fn key_of(id: Option<&Value>) -> Text {
    match id {
        Some(Value::String(id)) => id.clone(),
        Some(other) => to_text(other).into(),
        None => Text::from_static("undefined"),
    }
}

/// JavaScript's `parseInt` of a value, as far as it is decimal.
pub(crate) fn leading_integer(value: &Value) -> Option<f64> {
    let Value::String(text) = value else { return leading_float(value).map(f64::trunc) };
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    text[..text.len() - unsigned.len() + digits].parse().ok()
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
