//! Portkey, a gateway to models of many makers.
//!
//! Portkey's own key says who asks. Which provider answers is told by a virtual key
//! (`portkeyVirtualKey`), a provider of the model catalogue (`portkeyProvider`, such as `@openai-prod`) or a
//! config (`portkeyConfig`); models named `@provider/model` need none of them.

use super::kind::Provider;
use super::plain::{self, PLAIN, plain_with};
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::{ChatSpec, ListKey, Listing, Needed, join};
use crate::registry::{AuthStyle, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = plain_with(
    ProviderInfo::new("portkey", "Portkey", "A gateway for teams, to models of many makers")
        .at("https://api.portkey.ai/v1")
        .key("portkeyApiKey", "PORTKEY_API_KEY")
        .auth(AuthStyle::Header)
        .documented("https://portkey.ai/docs/api-reference/inference-api/headers"),
    ChatSpec {
        endpoint: |settings, context| {
            Ok(plain::endpoint(settings, context, "/chat/completions", |headers| prove(headers, settings)))
        },
        list: Some(Listing {
            fetch: |settings, context| {
                let headers = plain::headers(settings, context, |headers| prove(headers, settings));
                let url = join(plain::base_url(settings), "/models");
                Box::pin(plain::models_at(url, headers, settings, context))
            },
            needed: Needed::Never,
            key: ListKey::AsSet,
        }),
        ..PLAIN
    },
);

fn prove(headers: &mut HeaderBlock, settings: &ProviderSettings) {
    headers.set_secret("x-portkey-api-key", plain::key(settings).unwrap_or_default());
    for (name, setting) in [
        ("x-portkey-virtual-key", "portkeyVirtualKey"),
        ("x-portkey-provider", "portkeyProvider"),
        ("x-portkey-config", "portkeyConfig"),
    ] {
        if let Some(value) = settings.non_empty(setting) {
            headers.set_secret(name, value);
        }
    }
}
