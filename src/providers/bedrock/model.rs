//! Which model is meant: ids with and without a region's prefix, ARNs, and guesses.

use crate::Error;
use crate::catalog::parameters::{Format, Parameters};
use crate::catalog::tables::table;
use crate::json::Value;
use crate::model::{Model, ModelInfo};
use crate::settings::ProviderSettings;

/// The parts of an Amazon Resource Name.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arn {
    whole: String,
    pub(super) region: String,
    kind: String,
    id: String,
}

impl Arn {
    /// # Errors
    ///
    /// For anything but `arn:partition:bedrock:region:account:type/id`.
    pub(super) fn parse(arn: &str) -> Result<Self, Error> {
        Self::read(arn).ok_or_else(|| {
            Error::configuration(
                "INVALID_ARN_FORMAT:Invalid ARN format. ARN should follow the Amazon Bedrock ARN pattern.",
            )
        })
    }

    fn read(arn: &str) -> Option<Self> {
        let mut parts = arn.strip_prefix("arn:")?.splitn(5, ':');
        let mut part = || parts.next();
        let (partition, service, region, _account, resource) = (part()?, part()?, part()?, part()?, part()?);
        let (kind, id) = resource.split_once('/')?;
        let is_id = |c: char| c.is_ascii_alphanumeric() || "_.-:".contains(c);
        let good = !partition.is_empty()
            && ["bedrock", "sagemaker"].contains(&service)
            && !region.is_empty()
            && !kind.is_empty()
            && !id.is_empty()
            && id.chars().all(is_id);
        good.then(|| Self {
            whole: arn.to_owned(),
            region: region.to_owned(),
            kind: kind.to_owned(),
            id: without_prefix(id).to_owned(),
        })
    }
}

/// The model with the id of the wire.
pub(super) fn resolve(settings: &ProviderSettings, arn: Option<&Arn>) -> Result<Model, Error> {
    let wanted = match arn {
        Some(arn) => &arn.id,
        None => settings.non_empty("apiModelId").ok_or_else(|| {
            Error::configuration("the settings name no model: set `apiModelId` or `awsCustomArn`")
        })?,
    };
    let (base, mut info) = look_up(wanted, arn.map(|arn| arn.kind.as_str()));
    for (setting, fact) in [("modelMaxTokens", "maxTokens"), ("awsModelContextWindow", "contextWindow")] {
        if let Some(number) = settings.number(setting).filter(|number| *number > 0.0) {
            info.as_object_mut().insert(fact, number);
        }
    }
    let id = match arn {
        Some(arn) if arn.kind != "foundation-model" => arn.whole.clone(),
        Some(_) => base,
        None => format!("{}{base}", prefix(settings, &base)),
    };
    if uses_long_context(settings, &id) {
        info.as_object_mut().insert("contextWindow", 1_000_000.0);
    }
    let derived = Parameters::derive(Format::Anthropic, &id, &info, settings, super::DEFAULT_TEMPERATURE);
    price_by_tier(settings, &id, &mut info);
    Ok(Model { parameters: derived.to_object(), ..Model::new(id, info) })
}

/// The beta features of a conversation.
pub(super) fn betas(settings: &ProviderSettings, model: &Model) -> Vec<&'static str> {
    let mut betas = Vec::new();
    if uses_long_context(settings, &model.id) {
        betas.push("context-1m-2025-08-07");
    }
    if model.id.contains("claude") {
        betas.push("fine-grained-tool-streaming-2025-05-14");
    }
    betas
}

/// The id and the facts of the row that stands for a model.
fn look_up(wanted: &str, arn_kind: Option<&str>) -> (String, ModelInfo) {
    let table = table("bedrock");
    let base = without_prefix(wanted);
    if let Some(info) = table.get(base) {
        return (base.to_owned(), info);
    }
    if arn_kind.is_some_and(|kind| kind.to_lowercase().contains("router")) {
        return (ROUTER_MODEL.to_owned(), table.get(ROUTER_MODEL).unwrap_or_default());
    }
    let mut info = table.default_info();
    let lower = wanted.to_lowercase();
    let guess = GUESSES.iter().find(|(name, _)| lower.contains(name));
    let (max_tokens, is_claude) = guess.map_or((4096.0, false), |(_, max_tokens)| (*max_tokens, true));
    let facts = info.as_object_mut();
    facts.insert("maxTokens", max_tokens);
    facts.insert("contextWindow", if is_claude { 200_000.0 } else { 128_000.0 });
    facts.insert("supportsImages", is_claude);
    facts.insert("supportsPromptCache", is_claude);
    (table.default_id.to_owned(), info)
}

fn without_prefix(id: &str) -> &str {
    let own = REGIONS.iter().map(|(_, prefix)| *prefix).chain(["global."]);
    own.into_iter().find_map(|prefix| id.strip_prefix(prefix)).unwrap_or(id)
}

/// What the settings put in front of the id, for requests that may leave their region.
fn prefix(settings: &ProviderSettings, base: &str) -> &'static str {
    if settings.is_truthy("awsUseGlobalInference") && GLOBAL_MODELS.contains(&base) {
        return "global.";
    }
    if !settings.is_truthy("awsUseCrossRegionInference") {
        return "";
    }
    let region = settings.text("awsRegion").unwrap_or_default();
    REGIONS.iter().find(|(start, _)| region.starts_with(start)).map_or("", |(_, prefix)| prefix)
}

fn uses_long_context(settings: &ProviderSettings, id: &str) -> bool {
    settings.is_truthy("awsBedrock1MContext") && LONG_CONTEXT_MODELS.contains(&without_prefix(id))
}

fn price_by_tier(settings: &ProviderSettings, id: &str, info: &mut ModelInfo) {
    let factor = match settings.text("awsBedrockServiceTier") {
        Some("FLEX") => 0.5,
        Some("PRIORITY") => 1.75,
        _ => return,
    };
    if !TIERED_MODELS.contains(&without_prefix(id)) {
        return;
    }
    for price in ["inputPrice", "outputPrice", "cacheWritesPrice", "cacheReadsPrice"] {
        match info.number(price) {
            Some(0.0) => drop(info.as_object_mut().remove(price)),
            Some(number) => drop(info.as_object_mut().insert(price, Value::from(number * factor))),
            None => {}
        }
    }
}

/// What regions start with, and the prefix of the models that serve them together. The first hit counts.
const REGIONS: &[(&str, &str)] = &[
    ("ap-southeast-2", "au."),
    ("ap-southeast-4", "au."),
    ("ap-northeast-", "jp."),
    ("us-gov-", "ug."),
    ("us-", "us."),
    ("eu-", "eu."),
    ("ap-", "apac."),
    ("ca-", "ca."),
    ("sa-", "sa."),
];

const LONG_CONTEXT_MODELS: &[&str] =
    &["anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"];

const GLOBAL_MODELS: &[&str] = &[
    "anthropic.claude-sonnet-4-20250514-v1:0",
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-opus-4-5-20251101-v1:0",
];

const TIERED_MODELS: &[&str] = &[
    "amazon.nova-lite-v1:0",
    "amazon.nova-2-lite-v1:0",
    "amazon.nova-pro-v1:0",
    "amazon.nova-pro-latency-optimized-v1:0",
    "deepseek.r1-v1:0",
    "qwen.qwen3-next-80b-a3b",
    "qwen.qwen3-coder-480b-a35b-v1:0",
    "openai.gpt-oss-20b-1:0",
    "openai.gpt-oss-120b-1:0",
];

/// Stands for prompt routers.
const ROUTER_MODEL: &str = "anthropic.claude-3-sonnet-20240229-v1:0";

/// Parts of unknown ids, and the most tokens of an answer that they promise.
const GUESSES: &[(&str, f64)] = &[
    ("claude-4", 8192.0),
    ("claude-3-7", 8192.0),
    ("claude-3-5", 8192.0),
    ("claude-3-opus", 4096.0),
    ("claude-3-haiku", 4096.0),
];
