//! Heads of requests and answers between our form and that of the crate `http`.

use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName};
use http::{Extensions, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use super::{HeaderValue, Headers, HttpVersion, TransportError, TransportErrorKind};
use crate::Text;

/// The lines of a request. Of those of HTTP/1.1, HTTP/2 has no use for a few.
pub(super) fn sent(headers: &Headers, version: HttpVersion) -> Result<HeaderMap, TransportError> {
    if version == HttpVersion::Http2 {
        return made(headers.iter().filter(|(name, _)| travels_over_http2(name)));
    }
    let Some(kept) = headers.made() else { return made(headers.iter()) };
    let mut map = if let Some(map) = kept.get() {
        map.clone()
    } else {
        let map = made(headers.unchanged())?;
        kept.get_or_init(|| map).clone()
    };
    if let Some((name, value)) = headers.changed()
        && let Some(first) = map.get_mut(name)
    {
        *first = made_value(name, value)?;
    }
    Ok(map)
}

fn made<'a>(lines: impl Iterator<Item = (&'a str, &'a HeaderValue)>) -> Result<HeaderMap, TransportError> {
    // A proxy's line and what reqwest wants may come behind.
    let mut map = HeaderMap::with_capacity(lines.size_hint().1.unwrap_or_default() + 2);
    for (name, value) in lines {
        let made = header_name(name).ok_or_else(|| invalid("name", name))?;
        map.append(made, made_value(name, value)?);
    }
    Ok(map)
}

fn made_value(name: &str, value: &HeaderValue) -> Result<http::HeaderValue, TransportError> {
    let made = http::HeaderValue::from_maybe_shared(value.bytes().clone());
    let mut made = made.map_err(|_| invalid("value", name))?;
    made.set_sensitive(value.is_secret());
    Ok(made)
}

fn invalid(what: &str, name: &str) -> TransportError {
    let detail = format!("invalid {what} of header {name:?}");
    TransportError { kind: TransportErrorKind::Request, detail }
}

/// The lines of an answer, all in one buffer of their own: slices of hyper's would keep that from being used again.
pub(super) fn received(lines: &HeaderMap) -> Headers {
    let length = lines.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let mut text = BytesMut::with_capacity(length);
    for (name, value) in lines {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(value.as_bytes());
    }
    let mut text = text.freeze();
    let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
        let name = Text::from_utf8_lossy(text.split_to(name.as_str().len()));
        (name, HeaderValue::new(text.split_to(value.len())))
    };
    lines.iter().map(line).collect()
}

/// The words behind the status: the service's own, or the usual ones, since hyper keeps only those that are unusual.
pub(super) fn reason(status: StatusCode, version: Version, extensions: &Extensions) -> Text {
    match extensions.get::<ReasonPhrase>() {
        Some(reason) => Text::from(&*String::from_utf8_lossy(reason.as_bytes())),
        None if version == Version::HTTP_2 => Text::new(),
        None => Text::from_static(status.canonical_reason().unwrap_or_default()),
    }
}

pub(super) fn version(version: HttpVersion) -> Version {
    match version {
        HttpVersion::Http11 => Version::HTTP_11,
        HttpVersion::Http2 => Version::HTTP_2,
    }
}

fn travels_over_http2(name: &str) -> bool {
    let hop = ["connection", "host", "keep-alive", "transfer-encoding"];
    !name.starts_with(':') && !hop.iter().any(|hop| name.eq_ignore_ascii_case(hop))
}

/// The name in http's form, which copies all but the names that are there already.
fn header_name(name: &str) -> Option<HeaderName> {
    let known = SDK_NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, made)| made.clone()).or_else(|| HeaderName::from_bytes(name.as_bytes()).ok())
}

/// What the SDKs send with every request and the crate `http` has no constants for.
static SDK_NAMES: [(&str, HeaderName); 15] = [
    sdk_name("x-stainless-lang"),
    sdk_name("x-stainless-package-version"),
    sdk_name("x-stainless-os"),
    sdk_name("x-stainless-arch"),
    sdk_name("x-stainless-runtime"),
    sdk_name("x-stainless-runtime-version"),
    sdk_name("x-stainless-retry-count"),
    sdk_name("x-stainless-timeout"),
    sdk_name("http-referer"),
    sdk_name("x-title"),
    sdk_name("sec-fetch-mode"),
    sdk_name("x-api-key"),
    sdk_name("anthropic-version"),
    sdk_name("anthropic-beta"),
    sdk_name("x-goog-api-key"),
];

const fn sdk_name(name: &'static str) -> (&'static str, HeaderName) {
    (name, HeaderName::from_static(name))
}
