//! Vercel v0.

use super::kind::Provider;
use super::plain::plain;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain(
    ProviderInfo::new("v0", "Vercel v0", "Vercel's models for web development")
        .at("https://api.v0.dev/v1")
        .key("v0ApiKey", "V0_API_KEY")
        .documented("https://vercel.com/docs/v0/model-api"),
);
