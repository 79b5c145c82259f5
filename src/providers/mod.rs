//! The list of providers: one file of facts each.

use std::sync::Arc;

pub(crate) use kind::Provider;

use crate::context::Context;
use crate::error::Error;
use crate::model::Model;
use crate::provider::AiProvider;
use crate::reasoning_as_text::ReasoningAsText;
use crate::settings::ProviderSettings;

mod abacus;
mod ai21;
mod ai302;
mod aihubmix;
mod anthropic;
mod azure;
mod baichuan;
mod baseten;
mod bedrock;
mod cerebras;
mod chutes;
mod clarifai;
mod cloudflare;
mod cohere;
mod compatible;
mod dashscope;
mod databricks;
mod deepinfra;
mod deepseek;
mod digitalocean;
mod doubao;
mod featherless;
mod fireworks;
mod friendli;
mod gemini;
mod github_models;
mod gmi_cloud;
mod groq;
mod helicone;
mod huggingface;
mod hunyuan;
mod hyperbolic;
mod inception;
mod inference_net;
mod infini;
mod io_intelligence;
mod jan;
mod kind;
mod koboldcpp;
mod litellm;
mod llama_api;
mod llama_cpp;
mod lmstudio;
mod localai;
mod minimax;
mod mistral;
mod modelscope;
mod moonshot;
mod morph;
mod nano_gpt;
mod nebius;
mod nous;
mod novita;
mod nscale;
mod nvidia;
pub(crate) mod ollama;
mod openai;
mod openai_native;
mod openrouter;
mod ovhcloud;
mod parasail;
mod perplexity;
mod plain;
mod poe;
mod portkey;
mod ppio;
mod qianfan;
mod qwen_code;
mod reasoning_details;
mod requesty;
mod roo;
mod roo_images;
mod sambanova;
mod scaleway;
mod sglang;
mod siliconflow;
mod snowflake;
mod spark;
mod stepfun;
mod synthetic;
mod tgi;
mod together;
mod unbound;
mod upstage;
mod v0;
mod venice;
mod vercel_ai_gateway;
mod vertex;
mod vertex_claude;
mod vllm;
mod vultr;
mod wandb;
mod xai;
mod xiaomi;
mod yi;
mod zai;
mod zhipu;

/// Every provider, by its id.
static PROVIDERS: &[&Provider] = &[
    &ai302::PROVIDER,
    &abacus::PROVIDER,
    &ai21::PROVIDER,
    &aihubmix::PROVIDER,
    &anthropic::PROVIDER,
    &azure::PROVIDER,
    &baichuan::PROVIDER,
    &baseten::PROVIDER,
    &bedrock::PROVIDER,
    &cerebras::PROVIDER,
    &chutes::PROVIDER,
    &clarifai::PROVIDER,
    &cloudflare::PROVIDER,
    &cohere::PROVIDER,
    &dashscope::PROVIDER,
    &databricks::PROVIDER,
    &deepinfra::PROVIDER,
    &deepseek::PROVIDER,
    &digitalocean::PROVIDER,
    &doubao::PROVIDER,
    &featherless::PROVIDER,
    &fireworks::PROVIDER,
    &friendli::PROVIDER,
    &gemini::PROVIDER,
    &github_models::PROVIDER,
    &gmi_cloud::PROVIDER,
    &groq::PROVIDER,
    &helicone::PROVIDER,
    &huggingface::PROVIDER,
    &hunyuan::PROVIDER,
    &hyperbolic::PROVIDER,
    &inception::PROVIDER,
    &inference_net::PROVIDER,
    &infini::PROVIDER,
    &io_intelligence::PROVIDER,
    &jan::PROVIDER,
    &koboldcpp::PROVIDER,
    &litellm::PROVIDER,
    &llama_api::PROVIDER,
    &llama_cpp::PROVIDER,
    &lmstudio::PROVIDER,
    &localai::PROVIDER,
    &minimax::PROVIDER,
    &mistral::PROVIDER,
    &modelscope::PROVIDER,
    &moonshot::PROVIDER,
    &morph::PROVIDER,
    &nano_gpt::PROVIDER,
    &nebius::PROVIDER,
    &nous::PROVIDER,
    &novita::PROVIDER,
    &nscale::PROVIDER,
    &nvidia::PROVIDER,
    &ollama::PROVIDER,
    &openai::PROVIDER,
    &openai_native::PROVIDER,
    &openrouter::PROVIDER,
    &ovhcloud::PROVIDER,
    &parasail::PROVIDER,
    &perplexity::PROVIDER,
    &poe::PROVIDER,
    &portkey::PROVIDER,
    &ppio::PROVIDER,
    &qianfan::PROVIDER,
    &qwen_code::PROVIDER,
    &requesty::PROVIDER,
    &roo::PROVIDER,
    &sambanova::PROVIDER,
    &scaleway::PROVIDER,
    &sglang::PROVIDER,
    &siliconflow::PROVIDER,
    &snowflake::PROVIDER,
    &spark::PROVIDER,
    &stepfun::PROVIDER,
    &synthetic::PROVIDER,
    &tgi::PROVIDER,
    &together::PROVIDER,
    &unbound::PROVIDER,
    &upstage::PROVIDER,
    &v0::PROVIDER,
    &venice::PROVIDER,
    &vercel_ai_gateway::PROVIDER,
    &vertex::PROVIDER,
    &vllm::PROVIDER,
    &vultr::PROVIDER,
    &wandb::PROVIDER,
    &xai::PROVIDER,
    &xiaomi::PROVIDER,
    &yi::PROVIDER,
    &zai::PROVIDER,
    &zhipu::PROVIDER,
];

/// All providers, in alphabetical order of their ids.
pub(crate) fn all() -> impl ExactSizeIterator<Item = &'static Provider> {
    PROVIDERS.iter().copied()
}

/// The provider that settings may name so.
pub(crate) fn named(name: &str) -> Option<&'static Provider> {
    all().find(|provider| provider.is_called(name))
}

/// The ids of all providers, in alphabetical order.
///
/// # Example: is one built in?
///
/// ```
/// assert!(samewire::provider_ids().any(|id| id == "groq"));
/// ```
pub fn provider_ids() -> impl ExactSizeIterator<Item = &'static str> {
    all().map(|provider| provider.info.id)
}

/// Makes the provider that settings name, on the machine that the program runs on.
///
/// # Errors
///
/// [`Configuration`](crate::ErrorKind::Configuration) where the reference throws on construction (a key is
/// missing, an ARN is malformed, ...), and for an unknown provider, with the nearest names. Mistakes that
/// the reference finds only when it calls (an unparsable URL, a key that no header can carry) come with
/// the call.
///
/// # Example: a provider from a stored profile
///
/// ```
/// use samewire::{ProviderSettings, build_provider};
///
/// let profile = r#"{"apiProvider":"groq","groqApiKey":"gsk_...","apiModelId":"openai/gpt-oss-120b"}"#;
/// let provider = build_provider(&ProviderSettings::from_json(profile)?)?;
/// assert_eq!(provider.model().id, "openai/gpt-oss-120b");
///
/// let error = build_provider(&ProviderSettings::new("anthropc")).err().expect("no such provider");
/// assert!(error.message().contains("did you mean `anthropic`?"));
/// # Ok::<(), samewire::Error>(())
/// ```
#[cfg(feature = "http")]
pub fn build_provider(settings: &ProviderSettings) -> Result<Arc<dyn AiProvider>, Error> {
    build_provider_in(settings, &Context::system_for(settings)?)
}

/// As [`build_provider`], in a world of your own: another transport, clock, environment or identity.
///
/// # Errors
///
/// As [`build_provider`].
///
/// # Example: an answer from memory
///
/// ```
/// use std::sync::Arc;
/// use samewire::transport::{Exchange, ReplayTransport};
/// use samewire::{ChatRequest, Context, Message, ProviderSettings, build_provider_in};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let answer = Exchange::new(200)
///     .header("content-type", "text/event-stream")
///     .body("data: {\"choices\":[{\"delta\":{\"content\":\"Hello!\"}}]}\n\ndata: [DONE]\n\n");
/// let context = Context::with_transport(Arc::new(ReplayTransport::new([answer])));
/// let settings = ProviderSettings::new("groq").with("groqApiKey", "gsk-test");
/// let provider = build_provider_in(&settings, &context)?;
/// assert_eq!(provider.chat(ChatRequest::new("", [Message::user("Hi")])).await?.text, "Hello!");
/// # Ok::<(), samewire::Error>(()) }).unwrap();
/// ```
pub fn build_provider_in(
    settings: &ProviderSettings,
    context: &Context,
) -> Result<Arc<dyn AiProvider>, Error> {
    #[cfg(feature = "headless")]
    if let Some(program) = crate::headless::build(settings, context) {
        return program;
    }
    let found = find(settings)?;
    let provider = found.build(settings, context).map_err(|error| error.with_provider(found.info.id))?;
    if settings.is_truthy("reasoningAsText") {
        return Ok(Arc::new(ReasoningAsText(provider)));
    }
    Ok(provider)
}

/// The models of the service that settings name, without making a provider: for people who choose before
/// they have a key. Services whose list needs one say so.
///
/// # Errors
///
/// As [`AiProvider::list_models`]; [`Configuration`](crate::ErrorKind::Configuration) for an unknown provider.
///
/// # Example: print the ids
///
/// ```no_run
/// use samewire::{Context, ProviderSettings, list_models_in};
///
/// # async fn run() -> Result<(), samewire::Error> {
/// for model in list_models_in(&ProviderSettings::new("openrouter"), &Context::system()).await? {
///     println!("{}", model.id);
/// }
/// # Ok(())
/// # }
/// ```
pub async fn list_models_in(settings: &ProviderSettings, context: &Context) -> Result<Vec<Model>, Error> {
    #[cfg(feature = "headless")]
    if let Some(program) = crate::headless::build(settings, context) {
        return program?.list_models().await;
    }
    let provider = find(settings)?;
    let models = match provider.listing(settings) {
        Some((listing, settings)) => (listing.fetch)(&settings, context).await.map(|list| list.models()),
        None => provider.build(settings, context)?.list_models().await,
    };
    models.map_err(|error| error.with_provider(provider.info.id))
}

fn find(settings: &ProviderSettings) -> Result<&'static Provider, Error> {
    let Some(id) = settings.provider() else {
        return Err(Error::configuration(format!(
            "settings name no provider: set `apiProvider` to one of {}",
            all_ids()
        )));
    };
    named(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    #[cfg(not(feature = "headless"))]
    if ["claude-code", "codex", "gemini-cli", "headless", "opencode"].contains(&id) {
        let message = format!("the provider `{id}` is a program: build samewire with the feature `headless`");
        return Error::configuration(message);
    }
    let names = all()
        .flat_map(|provider| std::iter::once(provider.info.id).chain(provider.info.aliases.iter().copied()));
    // A short name is near to everything.
    let limit = (id.len() / 2).min(3);
    let mut near: Vec<(usize, &str)> =
        names.map(|known| (edit_distance(id, known), known)).filter(|(d, _)| *d <= limit).collect();
    near.sort_unstable();
    let hint = match near.as_slice() {
        [] => format!("known are {}", all_ids()),
        near => {
            let names: Vec<String> = near.iter().take(3).map(|(_, name)| format!("`{name}`")).collect();
            format!("did you mean {}?", names.join(" or "))
        }
    };
    Error::configuration(format!("unknown provider `{id}`: {hint}"))
}

fn all_ids() -> String {
    provider_ids().collect::<Vec<_>>().join(", ")
}

/// Insertions, deletions and replacements between two names.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
