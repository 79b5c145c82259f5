//! Jan.

use super::kind::Provider;
use super::plain::local;
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = local(
    ProviderInfo::new("jan", "Jan", "Local models in Jan")
        .at("http://localhost:1337/v1")
        .key("janApiKey", "JAN_API_KEY")
        .documented("https://www.jan.ai/docs/desktop/api-server")
        .started_by("Jan's `Settings > Local API Server`"),
);
