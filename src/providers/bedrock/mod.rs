//! Amazon Bedrock.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/what-is-bedrock.html>
//!
//! Settings: `awsRegion`, one of `awsAccessKey` with `awsSecretKey` (and `awsSessionToken`), `awsUseProfile`
//! with `awsProfile`, `awsUseApiKey` with `awsApiKey`, or none of them for the usual AWS sources; further
//! `awsCustomArn`, `awsUseCrossRegionInference`, `awsUseGlobalInference`, `awsUsePromptCache`,
//! `awsBedrock1MContext`, `awsBedrockEndpoint` with `awsBedrockEndpointEnabled`, `awsBedrockServiceTier` (which
//! changes prices only), `awsModelContextWindow`. An extension of ours: `awsInvokeModel` speaks the older
//! InvokeModel API instead of Converse.

use super::kind::{Kind, Provider};
use crate::Error;
use crate::protocols::converse::{Constructed, ConverseSpec};
use crate::registry::{AuthStyle, Protocol, ProviderInfo};
use crate::settings::ProviderSettings;

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("bedrock", "Amazon Bedrock", "Models of many makers in the AWS cloud")
        .at("https://bedrock-runtime.{awsRegion}.amazonaws.com")
        .key("awsApiKey", "AWS_BEARER_TOKEN_BEDROCK")
        .optional()
        .auth(AuthStyle::Aws)
        .speaks(Protocol::Converse)
        .also_called(&["aws"])
        .documented("https://docs.aws.amazon.com/bedrock/latest/userguide/what-is-bedrock.html"),
    kind: Kind::Converse(&SPEC),
};

mod errors;
mod model;

static SPEC: ConverseSpec = ConverseSpec {
    id: "bedrock",
    service: "bedrock",
    endpoint_prefix: "bedrock-runtime",
    endpoint_key: "bedrock_runtime",
    endpoint_variable: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    bearer_variable: "AWS_BEARER_TOKEN_BEDROCK",
    own_endpoint: |settings| {
        settings.non_empty("awsBedrockEndpoint").filter(|_| settings.is_truthy("awsBedrockEndpointEnabled"))
    },
    construct,
    error_classes: errors::CLASSES,
    completion_prefix: "Bedrock completion error: ",
};

/// The temperature that stands in for none, and for 0.
const DEFAULT_TEMPERATURE: f64 = 0.3;

fn construct(settings: &ProviderSettings) -> Result<Constructed, Error> {
    let mut settings = settings.clone();
    if !settings.is_truthy("modelTemperature") {
        settings.set("modelTemperature", Some(DEFAULT_TEMPERATURE.into()));
    }
    let arn = settings.non_empty("awsCustomArn").map(model::Arn::parse).transpose()?;
    if let Some(arn) = &arn {
        settings.set("awsRegion", Some(arn.region.as_str().into()));
    }
    let model = model::resolve(&settings, arn.as_ref())?;
    let betas = model::betas(&settings, &model);
    Ok(Constructed { settings, model, betas })
}
