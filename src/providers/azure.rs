//! Azure OpenAI, with a resource and a deployment in place of a base URL and a model.
//!
//! `azureResource` and `azureDeployment` make the address (or `baseUrl`, up to and with the deployment);
//! `azureApiVersion` is the API's version. A key is sent as `api-key`, a token of Microsoft Entra
//! (`azureAdToken`) as a bearer token. The provider `openai` speaks to Azure too, as the reference does.

use super::kind::Provider;
use super::plain::{self, PLAIN, plain_with};
use crate::error::Error;
use crate::model::Model;
use crate::protocols::openai_chat::body;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::{ChatSpec, ListKey, Listing, Needed};
use crate::registry::{AuthStyle, ProviderInfo};
use crate::settings::ProviderSettings;
use crate::transport::javascript;

pub(super) static PROVIDER: Provider = plain_with(
    ProviderInfo::new("azure", "Azure OpenAI", "OpenAI's models in Microsoft's cloud")
        .at("https://{azureResource}.openai.azure.com/openai/deployments/{azureDeployment}")
        .key("azureApiKey", "AZURE_OPENAI_API_KEY")
        .optional()
        .auth(AuthStyle::Header)
        .model("azureDeployment")
        .documented("https://learn.microsoft.com/azure/ai-foundry/openai/reference"),
    ChatSpec {
        endpoint: |settings, context| {
            let mut proof = HeaderBlock::default();
            prove(&mut proof, settings)?;
            let path = format!("/chat/completions?{}", version(settings));
            let mut endpoint = plain::endpoint(settings, context, &path, |_| {});
            endpoint.headers.append(proof);
            Ok(endpoint)
        },
        model: |settings, _| {
            let own = settings.non_empty("azureDeployment");
            Model::without_info(own.or_else(|| settings.text("apiModelId")).unwrap_or_default())
        },
        chat: &[
            ("model", body::model),
            ("messages", plain::system_and_messages),
            ("stream", body::stream),
            ("stream_options", plain::include_usage),
            ("temperature", plain::temperature),
            ("max_completion_tokens", plain::max_tokens),
            ("tools", body::plain_tools),
            ("tool_choice", body::tool_choice),
            ("parallel_tool_calls", plain::parallel_tool_calls),
        ],
        completion: &[
            ("model", body::model),
            ("messages", body::prompt),
            ("temperature", plain::temperature),
            ("max_completion_tokens", plain::max_tokens),
        ],
        list: Some(Listing {
            fetch: |settings, context| {
                Box::pin(async move {
                    let mut proof = HeaderBlock::default();
                    prove(&mut proof, settings)?;
                    let mut headers = plain::headers(settings, context, |_| {});
                    headers.append(proof);
                    let base = plain::base_url(settings);
                    let resource = base.split_once("/deployments/").map_or(base, |(resource, _)| resource);
                    let url = format!("{resource}/models?{}", version(settings));
                    plain::models_at(url, headers, settings, context).await
                })
            },
            needed: Needed::Never,
            key: ListKey::AsSet,
        }),
        ..PLAIN
    },
);

fn version(settings: &ProviderSettings) -> String {
    let version = settings.non_empty("azureApiVersion").unwrap_or("2024-10-21");
    format!("api-version={}", javascript::percent_encode(version, b"-_.~"))
}

fn prove(headers: &mut HeaderBlock, settings: &ProviderSettings) -> Result<(), Error> {
    if let Some(token) = settings.non_empty("azureAdToken") {
        headers.bearer(token);
    } else if let Some(key) = plain::key(settings) {
        headers.set_secret("api-key", key);
    } else {
        return Err(Error::configuration(
            "Azure OpenAI needs a key or a token of Microsoft Entra: set `azureApiKey` or `azureAdToken`",
        ));
    }
    Ok(())
}
