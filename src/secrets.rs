//! Keeps our keys out of errors, also where a service quotes them.

use bytes::Bytes;
use memchr::memmem;

use crate::Error;
use crate::transport::HttpRequest;

/// The secrets of one request: what its secret headers hold, without the scheme in front, and its signer's.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Bytes>);

impl Secrets {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let secret = |value: &Bytes| {
            let start = value.iter().rposition(|byte| *byte == b' ').map_or(0, |space| space + 1);
            value.slice(start..)
        };
        let values = request.headers.iter().filter(|(_, value)| value.is_secret());
        let values = values.map(|(_, value)| secret(value.bytes()));
        let signing = request.options.signer.as_ref().map(|signer| signer.secrets()).unwrap_or_default();
        Self(values.chain(signing).filter(|value| value.len() >= SHORTEST).collect())
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
        self.0.iter().filter_map(|secret| std::str::from_utf8(secret).ok()).fold(error, Error::without)
    }
}

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "[secret]";

/// Shorter ones occur by chance.
const SHORTEST: usize = 8;
