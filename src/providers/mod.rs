//! The list of providers: one file of facts each.

use std::sync::Arc;

use crate::context::Context;
use crate::driver::Driver;
use crate::error::Error;
use crate::protocols::anthropic::{Messages, MessagesSpec};
use crate::protocols::openai_chat::{ChatSpec, OpenAiChat};
use crate::provider::AiProvider;
use crate::settings::ProviderSettings;

mod anthropic;
mod baseten;
mod cerebras;
mod chutes;
mod compatible;
mod deepinfra;
mod deepseek;
mod doubao;
mod featherless;
mod fireworks;
mod groq;
mod huggingface;
mod io_intelligence;
mod litellm;
mod lmstudio;
mod minimax;
mod moonshot;
mod openai;
mod openai_native;
mod qwen_code;
mod requesty;
mod roo;
mod sambanova;
mod unbound;
mod vercel_ai_gateway;
mod xai;
mod zai;

/// What makes a provider of settings.
type Build = fn(&ProviderSettings, &Context) -> Result<Arc<dyn AiProvider>, Error>;

/// Every provider by the id that settings name it by.
const PROVIDERS: &[(&str, Build)] = &[
    ("anthropic", |settings, context| messages(&anthropic::SPEC, settings, context)),
    ("baseten", |settings, context| chat(&baseten::SPEC, settings, context)),
    ("cerebras", cerebras::build),
    ("chutes", |settings, context| chat(&chutes::SPEC, settings, context)),
    ("deepinfra", |settings, context| chat(&deepinfra::SPEC, settings, context)),
    ("deepseek", |settings, context| chat_as(deepseek::spec(settings), context)),
    ("doubao", |settings, context| chat_as(doubao::spec(settings), context)),
    ("featherless", |settings, context| chat(featherless::spec(settings), settings, context)),
    ("fireworks", |settings, context| chat(&fireworks::SPEC, settings, context)),
    ("groq", |settings, context| chat(&groq::SPEC, settings, context)),
    ("huggingface", |settings, context| chat(&huggingface::SPEC, settings, context)),
    ("io-intelligence", |settings, context| chat(&io_intelligence::SPEC, settings, context)),
    ("litellm", |settings, context| chat(&litellm::SPEC, settings, context)),
    ("lmstudio", |settings, context| chat(&lmstudio::SPEC, settings, context)),
    ("minimax", |settings, context| messages(&minimax::SPEC, settings, context)),
    ("moonshot", |settings, context| chat_as(moonshot::spec(settings), context)),
    ("openai", openai::build),
    ("openai-native", openai_native::build),
    ("qwen-code", qwen_code::build),
    ("requesty", |settings, context| chat(&requesty::SPEC, settings, context)),
    ("roo", |settings, context| chat(&roo::SPEC, settings, context)),
    ("sambanova", |settings, context| chat(&sambanova::SPEC, settings, context)),
    ("unbound", |settings, context| chat(&unbound::SPEC, settings, context)),
    ("vercel-ai-gateway", |settings, context| chat(&vercel_ai_gateway::SPEC, settings, context)),
    ("xai", |settings, context| chat(&xai::SPEC, settings, context)),
    ("zai", |settings, context| chat(zai::spec(settings), settings, context)),
];

/// A provider whose settings were put into another provider's names.
fn chat_as(
    (spec, settings): (&'static ChatSpec, ProviderSettings),
    context: &Context,
) -> Result<Arc<dyn AiProvider>, Error> {
    chat(spec, &settings, context)
}

fn chat(
    spec: &'static ChatSpec,
    settings: &ProviderSettings,
    context: &Context,
) -> Result<Arc<dyn AiProvider>, Error> {
    Ok(Arc::new(Driver::new(OpenAiChat::new(spec, settings, context)?, context)))
}

fn messages(
    spec: &'static MessagesSpec,
    settings: &ProviderSettings,
    context: &Context,
) -> Result<Arc<dyn AiProvider>, Error> {
    Ok(Arc::new(Driver::new(Messages::new(spec, settings, context)?, context)))
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
/// let error = build_provider(&ProviderSettings::new("anthropc")).unwrap_err();
/// # Ok::<(), samewire::Error>(())
/// ```
#[cfg(feature = "http")]
pub fn build_provider(settings: &ProviderSettings) -> Result<Arc<dyn AiProvider>, Error> {
    build_provider_in(settings, &Context::system())
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
    let Some(id) = settings.provider() else {
        return Err(Error::configuration(format!(
            "settings name no provider: set `apiProvider` to one of {}",
            all_ids()
        )));
    };
    let (_, build) = PROVIDERS.iter().find(|(known, _)| *known == id).ok_or_else(|| unknown(id))?;
    build(settings, context).map_err(|error| error.with_provider(id))
}

fn unknown(id: &str) -> Error {
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
fn edit_distance(a: &str, b: &str) -> usize {
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
