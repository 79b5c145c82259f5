//! Keeps our keys out of errors, also where a service quotes them.

use bytes::Bytes;
use memchr::memmem;

use crate::Error;
use crate::json::Value;
use crate::settings::is_secret;
use crate::transport::HttpRequest;

/// The secrets of one request: what its secret headers hold, its signer's, and those in its address or in a form that it
/// sends. The longest come first, since one may hold another.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Bytes>);

impl Secrets {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let mut found = Vec::new();
        for (name, value) in request.headers.iter() {
            if value.is_secret() {
                add_words(value.bytes(), &mut found);
            }
            if value.as_bytes().starts_with(FORM) && name.eq_ignore_ascii_case("content-type") {
                add_parameters(&request.body, &mut found);
            }
        }
        // Most addresses have nothing that could hold one, and every request comes by here.
        if memchr::memchr2(b'@', b'?', request.url.as_bytes()).is_some() {
            add_of_address(&request.url, &mut found);
        }
        found.extend(request.options.signer.as_ref().map(|signer| signer.secrets()).unwrap_or_default());
        found.retain(|secret| secret.len() >= SHORTEST);
        let in_json: Vec<Bytes> = found.iter().filter_map(spelt_in_json).collect();
        found.extend(in_json);
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(found)
    }

    /// The same body without the secrets in it.
    pub(crate) fn hidden_in_body(&self, body: Bytes) -> Bytes {
        self.0.iter().fold(body, |body, secret| {
            let mut rest = &body[..];
            let mut hidden = Vec::new();
            while let Some(at) = memmem::find(rest, secret) {
                hidden.extend_from_slice(&rest[..at]);
                hidden.extend_from_slice(HIDDEN.as_bytes());
                rest = &rest[at + secret.len()..];
            }
            if hidden.is_empty() {
                return body;
            }
            hidden.extend_from_slice(rest);
            hidden.into()
        })
    }

    /// The same error without the secrets in it.
    pub(crate) fn hidden_in(&self, error: Error) -> Error {
        self.0.iter().fold(error, |error, secret| error.without(&String::from_utf8_lossy(secret)))
    }
}

/// The words of a header's value, and all that stands behind the first, which may be a scheme.
fn add_words(value: &Bytes, found: &mut Vec<Bytes>) {
    let mut start = 0;
    while let Some(space) = memchr::memchr(b' ', &value[start..]) {
        if start == 0 {
            found.push(value.slice(space + 1..));
        }
        found.push(value.slice(start..start + space));
        start += space + 1;
    }
    found.push(value.slice(start..));
}

/// The password of a URL, and the values of its secret parameters.
fn add_of_address(url: &str, found: &mut Vec<Bytes>) {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let host =
        address.split_once("://").map_or(address, |(_, rest)| rest).split('/').next().unwrap_or_default();
    if let Some((user, _)) = host.rsplit_once('@') {
        let password = user.split_once(':').map_or(user, |(_, password)| password);
        add_spellings(password, found);
    }
    add_parameters(query.as_bytes(), found);
}

fn add_parameters(form: &[u8], found: &mut Vec<Bytes>) {
    let Ok(form) = std::str::from_utf8(form) else { return };
    for (name, value) in form.split('&').filter_map(|pair| pair.split_once('=')) {
        if is_secret(name) || OF_FORMS.contains(&name) {
            add_spellings(value, found);
        }
    }
}

/// A value as it stands in a URL or a form, and as it was before.
fn add_spellings(value: &str, found: &mut Vec<Bytes>) {
    found.push(Bytes::copy_from_slice(value.as_bytes()));
    if value.contains(['%', '+']) {
        let decoded = url::form_urlencoded::parse(value.as_bytes()).next();
        found.extend(decoded.map(|(decoded, _)| Bytes::from(decoded.into_owned())));
    }
}

/// A secret as JSON quotes it, where that is not how it stands.
fn spelt_in_json(secret: &Bytes) -> Option<Bytes> {
    let is_escaped = |byte: &u8| *byte < b' ' || matches!(byte, b'"' | b'\\');
    if !secret.iter().any(is_escaped) {
        return None;
    }
    let json = Value::from(String::from_utf8_lossy(secret).into_owned()).to_json();
    Some(Bytes::copy_from_slice(&json.as_bytes()[1..json.len() - 1]))
}

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "[secret]";

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// Secret parameters whose names do not say so.
const OF_FORMS: [&str; 4] = ["assertion", "code", "sig", "signature"];

/// Shorter ones occur by chance.
const SHORTEST: usize = 8;
