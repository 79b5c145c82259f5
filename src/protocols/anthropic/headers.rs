//! The header block of @anthropic-ai/sdk 0.37.0 over node-fetch 2.

use url::Url;

use crate::Text;
use crate::context::ClientIdentity;
use crate::transport::{HeaderValue, Headers, javascript};

/// The header that counts the SDK's retries.
pub(crate) const RETRY_COUNT: &str = "x-stainless-retry-count";

/// What differs between the requests of the SDK.
pub(crate) struct SdkHeaders<'a> {
    pub(crate) user_agent: &'a str,
    /// The key or token, and what travels with it, in order.
    pub(crate) authorization: &'a [(&'static str, HeaderValue)],
    /// `anthropic-version`, where it is a header.
    pub(crate) version: Option<&'static str>,
    /// The `anthropic-beta` list; empty for none.
    pub(crate) betas: &'a str,
}

impl SdkHeaders<'_> {
    /// The whole block in wire order.
    pub(crate) fn build(&self, url: &Url, identity: &ClientIdentity, body: &[u8]) -> Headers {
        let mut headers = Headers::new();
        headers.append("content-length", body.len().to_string());
        headers.append("accept", "application/json");
        headers.append("content-type", "application/json");
        headers.append("user-agent", self.user_agent.to_owned());
        headers.append("x-stainless-lang", "js");
        headers.append("x-stainless-package-version", "0.37.0");
        headers.append("x-stainless-os", identity.os.clone());
        headers.append("x-stainless-arch", identity.arch.clone());
        headers.append("x-stainless-runtime", identity.runtime.clone());
        headers.append("x-stainless-runtime-version", identity.runtime_version.clone());
        for (name, value) in self.authorization {
            headers.append(Text::from_static(name), value.clone());
        }
        if let Some(version) = self.version {
            headers.append("anthropic-version", version);
        }
        if !self.betas.is_empty() {
            headers.append("anthropic-beta", self.betas.to_owned());
        }
        headers.append(RETRY_COUNT, "0");
        headers.append("x-stainless-timeout", "600000");
        headers.append("Accept-Encoding", "gzip,deflate");
        headers.append("Host", javascript::host(url));
        headers.append("Connection", "keep-alive");
        headers
    }
}
