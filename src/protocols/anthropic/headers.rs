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
    /// The whole block in wire order, for a body that is not known yet.
    pub(crate) fn build(&self, url: &Url, identity: &ClientIdentity) -> Headers {
        let mut headers = Headers::with_capacity(20 + self.authorization.len());
        let mut add = |name: &'static str, value: HeaderValue| headers.append(Text::from_static(name), value);
        add("content-length", "0".into());
        add("accept", "application/json".into());
        add("content-type", "application/json".into());
        add("user-agent", self.user_agent.to_owned().into());
        add("x-stainless-lang", "js".into());
        add("x-stainless-package-version", "0.37.0".into());
        add("x-stainless-os", identity.os.clone().into());
        add("x-stainless-arch", identity.arch.clone().into());
        add("x-stainless-runtime", identity.runtime.clone().into());
        add("x-stainless-runtime-version", identity.runtime_version.clone().into());
        for (name, value) in self.authorization {
            add(name, value.clone());
        }
        if let Some(version) = self.version {
            add("anthropic-version", version.into());
        }
        if !self.betas.is_empty() {
            add("anthropic-beta", self.betas.to_owned().into());
        }
        add(RETRY_COUNT, "0".into());
        add("x-stainless-timeout", "600000".into());
        add("Accept-Encoding", "gzip,deflate".into());
        add("Host", javascript::host(url).into());
        add("Connection", "keep-alive".into());
        headers
    }
}
