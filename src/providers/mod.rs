//! The list of providers: one file of facts each.

use std::sync::Arc;

use crate::context::Context;
use crate::driver::Driver;
use crate::error::Error;
use crate::model::Model;
use crate::protocols::anthropic::{Messages, MessagesSpec};
use crate::protocols::converse::{Converse, ConverseSpec};
use crate::protocols::gemini::{Gemini, GeminiSpec};
use crate::protocols::openai_chat::{ChatSpec, OpenAiChat};
use crate::provider::AiProvider;
use crate::reasoning_as_text::ReasoningAsText;
use crate::settings::ProviderSettings;

mod anthropic;
mod baseten;
mod bedrock;
mod cerebras;
mod chutes;
mod compatible;
mod deepinfra;
mod deepseek;
mod doubao;
mod featherless;
mod fireworks;
mod gemini;
mod groq;
mod huggingface;
mod io_intelligence;
mod litellm;
mod lmstudio;
mod minimax;
mod mistral;
mod moonshot;
pub(crate) mod ollama;
mod openai;
mod openai_native;
mod openrouter;
mod qwen_code;
mod reasoning_details;
mod requesty;
mod roo;
mod roo_images;
mod sambanova;
mod unbound;
mod vercel_ai_gateway;
mod vertex;
mod vertex_claude;
mod xai;
mod zai;

/// How a provider is made.
enum Kind {
    /// From one spec of Chat Completions.
    Chat(&'static ChatSpec),
    /// From the spec that the settings ask for.
    ChatBy(fn(&ProviderSettings) -> &'static ChatSpec),
    /// As a child of the generic provider, whose settings it fills in.
    Extended(fn(&ProviderSettings) -> (&'static ChatSpec, ProviderSettings)),
    /// From a spec of the Messages API.
    Messages(&'static MessagesSpec),
    /// From a spec of the Gemini API.
    Gemini(&'static GeminiSpec),
    /// From a spec of the Converse API.
    Converse(&'static ConverseSpec),
    /// In its own way.
    Own(fn(&ProviderSettings, &Context) -> Built),
}

type Built = Result<Arc<dyn AiProvider>, Error>;

/// Every provider by the id that settings name it by.
const PROVIDERS: &[(&str, Kind)] = &[
    ("anthropic", Kind::Messages(&anthropic::SPEC)),
    ("baseten", Kind::Chat(&baseten::SPEC)),
    ("bedrock", Kind::Converse(&bedrock::SPEC)),
    ("cerebras", Kind::Own(cerebras::build)),
    ("chutes", Kind::Chat(&chutes::SPEC)),
    ("deepinfra", Kind::Chat(&deepinfra::SPEC)),
    ("deepseek", Kind::Extended(deepseek::spec)),
    ("doubao", Kind::Extended(doubao::spec)),
    ("featherless", Kind::ChatBy(featherless::spec)),
    ("fireworks", Kind::Chat(&fireworks::SPEC)),
    ("gemini", Kind::Gemini(&gemini::SPEC)),
    ("groq", Kind::Chat(&groq::SPEC)),
    ("huggingface", Kind::Chat(&huggingface::SPEC)),
    ("io-intelligence", Kind::Chat(&io_intelligence::SPEC)),
    ("litellm", Kind::Chat(&litellm::SPEC)),
    ("lmstudio", Kind::Chat(&lmstudio::SPEC)),
    ("minimax", Kind::Messages(&minimax::SPEC)),
    ("mistral", Kind::Own(mistral::build)),
    ("moonshot", Kind::Extended(moonshot::spec)),
    ("ollama", Kind::Own(ollama::build)),
    ("openai", Kind::ChatBy(openai::spec)),
    ("openai-native", Kind::Own(openai_native::build)),
    ("openrouter", Kind::Own(openrouter::build)),
    ("qwen-code", Kind::Own(qwen_code::build)),
    ("requesty", Kind::Chat(&requesty::SPEC)),
    ("roo", Kind::Chat(&roo::SPEC)),
    ("sambanova", Kind::Chat(&sambanova::SPEC)),
    ("unbound", Kind::Chat(&unbound::SPEC)),
    ("vercel-ai-gateway", Kind::Chat(&vercel_ai_gateway::SPEC)),
    ("vertex", Kind::Own(vertex::build)),
    ("xai", Kind::Chat(&xai::SPEC)),
    ("zai", Kind::ChatBy(zai::spec)),
];

impl Kind {
    fn build(&self, settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
        match self {
            Self::Own(build) => build(settings, context),
            Self::Messages(spec) => {
                Ok(Arc::new(Driver::new(Messages::new(spec, settings, context)?, context)))
            }
            Self::Gemini(spec) => Ok(Arc::new(Driver::new(Gemini::new(spec, settings, context), context))),
            Self::Converse(spec) => {
                Ok(Arc::new(Driver::new(Converse::new(spec, settings, context)?, context)))
            }
            Self::Chat(spec) => chat(spec, settings, context),
            Self::ChatBy(choose) => chat(choose(settings), settings, context),
            Self::Extended(extend) => {
                let (spec, settings) = extend(settings);
                chat(spec, &settings, context)
            }
        }
    }
}

fn chat(
    spec: &'static ChatSpec,
    settings: &ProviderSettings,
    context: &Context,
) -> Result<Arc<dyn AiProvider>, Error> {
    Ok(Arc::new(Driver::new(OpenAiChat::new(spec, settings, context)?, context)))
}

/// The ids of all providers, in alphabetical order.
pub fn provider_ids() -> impl ExactSizeIterator<Item = &'static str> {
    PROVIDERS.iter().map(|(id, _)| *id)
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
pub fn build_provider_in(
    settings: &ProviderSettings,
    context: &Context,
) -> Result<Arc<dyn AiProvider>, Error> {
    #[cfg(feature = "headless")]
    if let Some(program) = crate::headless::build(settings, context) {
        return program;
    }
    let (id, kind) = find(settings)?;
    let provider = kind.build(settings, context).map_err(|error| error.with_provider(*id))?;
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
pub async fn list_models_in(settings: &ProviderSettings, context: &Context) -> Result<Vec<Model>, Error> {
    #[cfg(feature = "headless")]
    if let Some(program) = crate::headless::build(settings, context) {
        return program?.list_models().await;
    }
    let (id, kind) = find(settings)?;
    let listing = if let Kind::Chat(spec) = kind { spec.list } else { None };
    let models = match listing {
        Some(listing) => (listing.fetch)(settings, context).await.map(|list| list.models()),
        None => kind.build(settings, context)?.list_models().await,
    };
    models.map_err(|error| error.with_provider(*id))
}

fn find(settings: &ProviderSettings) -> Result<&'static (&'static str, Kind), Error> {
    let Some(id) = settings.provider() else {
        return Err(Error::configuration(format!(
            "settings name no provider: set `apiProvider` to one of {}",
            all_ids()
        )));
    };
    PROVIDERS.iter().find(|(known, _)| *known == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    #[cfg(not(feature = "headless"))]
    if ["claude-code", "codex", "gemini-cli", "headless", "opencode"].contains(&id) {
        let message = format!("the provider `{id}` is a program: build samewire with the feature `headless`");
        return Error::configuration(message);
    }
    let mut near: Vec<(usize, &str)> =
        provider_ids().map(|known| (edit_distance(id, known), known)).filter(|(d, _)| *d <= 3).collect();
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
