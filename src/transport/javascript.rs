//! The header lines that JavaScript's HTTP clients put around the caller's.

use std::fmt;

use url::Url;

use super::Headers;
use crate::Text;

/// Completes headers as `fetch` of Node 20 (undici) does: `host` and `connection` in front, what fetch adds
/// behind, `content-length` last. A caller's `connection` is obeyed, a caller's `host` is not.
pub(crate) fn fetch_headers(url: &Url, own: &Headers, body: Option<&[u8]>) -> Headers {
    let mut headers = Headers::with_capacity(own.len() + 8);
    headers.append(Text::from_static("host"), host(url));
    let connection = own.get("connection").cloned().unwrap_or_else(|| "keep-alive".into());
    headers.append(Text::from_static("connection"), connection);
    let skipped = ["host", "connection", "content-length"];
    for (name, value) in own.lines().filter(|(name, _)| !skipped.iter().any(|s| name.eq_ignore_ascii_case(s)))
    {
        headers.append(name.clone(), value.clone());
    }
    let mut add_missing = |name: &'static str, value: &'static str| {
        if headers.get(name).is_none() {
            headers.append(Text::from_static(name), value);
        }
    };
    add_missing("accept", "*/*");
    add_missing("accept-language", "*");
    add_missing("sec-fetch-mode", "cors");
    add_missing("user-agent", "node");
    add_missing(
        "accept-encoding",
        if url.scheme() == "https" { "br, gzip, deflate" } else { "gzip, deflate" },
    );
    if let Some(body) = body {
        headers.append(Text::from_static("content-length"), body.len().to_string());
    }
    headers
}

/// Completes headers as axios 1.12 on Node does: its `Accept` in front, `User-Agent` unless the caller has one,
/// the rest behind.
pub(crate) fn axios_headers(url: &Url, own: &Headers, body: Option<&[u8]>) -> Headers {
    let mut headers = Headers::new();
    headers.append("Accept", "application/json, text/plain, */*");
    for (name, value) in own.iter() {
        headers.set(name, value.clone());
    }
    if headers.get("user-agent").is_none() {
        headers.append("User-Agent", "axios/1.12.0");
    }
    if let Some(body) = body {
        headers.append("Content-Length", body.len().to_string());
    }
    headers.append("Accept-Encoding", "gzip, compress, deflate, br");
    headers.append("Host", host(url));
    headers.append("Connection", "keep-alive");
    headers
}

/// JavaScript's `encodeURIComponent`.
///
/// <https://tc39.es/ecma262/#sec-encodeuricomponent-uricomponent>
pub(crate) fn encode_uri_component(text: &str) -> String {
    percent_encode(text, b"-_.!~*'()")
}

/// Percent-encodes every byte but ASCII letters, digits and those to keep.
pub(crate) fn percent_encode(text: &str, keep: &[u8]) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || keep.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let hex = |digit: u8| char::from(b"0123456789ABCDEF"[usize::from(digit)]);
            encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
        encoded
    })
}

/// The value of the `host` header: host and, unless it is the scheme's own, port.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A header value as the Fetch standard takes it: white space around it trimmed, each character one byte.
///
/// <https://fetch.spec.whatwg.org/#concept-header-value-normalize>
pub(crate) fn fetch_value(text: &str) -> Result<Vec<u8>, InvalidHeader> {
    let mut bytes = Vec::with_capacity(text.len());
    for (index, unit) in text.encode_utf16().enumerate() {
        bytes.push(u8::try_from(unit).map_err(|_| InvalidHeader::NotLatin1 { index, unit })?);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let value = bytes[start..end].to_vec();
    if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Err(InvalidHeader::Value);
    }
    Ok(value)
}

/// Whether a header name is an HTTP token (RFC 9110, section 5.6.2).
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Why a text cannot be a header value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidHeader {
    /// A UTF-16 unit above 255, with its place.
    NotLatin1 { index: usize, unit: u16 },
    /// A line break or NUL inside.
    Value,
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLatin1 { index, unit } => write!(
                f,
                "Cannot convert argument to a ByteString because the character at index {index} has a value of {unit} which is greater than 255."
            ),
            Self::Value => f.write_str("a header value holds a line break or a NUL character"),
        }
    }
}
