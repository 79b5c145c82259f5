//! GitHub Models.

use super::kind::Provider;
use super::plain::{self, PLAIN, plain_with};
use crate::protocols::openai_chat::{ChatSpec, ListKey, Listing, Needed};
use crate::registry::ProviderInfo;

pub(super) static PROVIDER: Provider = plain_with(
    ProviderInfo::new("github-models", "GitHub Models", "Models of many makers with a GitHub token")
        .at("https://models.github.ai/inference")
        .key("githubModelsApiKey", "GITHUB_TOKEN")
        .documented("https://docs.github.com/en/rest/models/inference"),
    ChatSpec {
        // The catalogue stands beside the inference API.
        list: Some(Listing {
            fetch: |settings, context| {
                let base = plain::base_url(settings);
                let url = format!("{}/catalog/models", base.strip_suffix("/inference").unwrap_or(base));
                let headers = plain::headers(settings, context, |headers| plain::bearer(headers, settings));
                Box::pin(plain::models_at(url, headers, settings, context))
            },
            needed: Needed::Never,
            key: ListKey::AsSet,
        }),
        ..PLAIN
    },
);
