//! The list of providers: one file of facts each.

use std::sync::Arc;

use crate::context::Context;
use crate::driver::Driver;
use crate::error::Error;
use crate::protocols::openai_chat::OpenAiChat;
use crate::provider::AiProvider;
use crate::settings::ProviderSettings;

mod anthropic;
mod baseten;
mod fireworks;
mod groq;
mod openai;
mod xai;

/// What makes a provider of settings.
type Build = fn(&ProviderSettings, &Context) -> Result<Arc<dyn AiProvider>, Error>;

/// Every provider by the id that settings name it by.
const PROVIDERS: &[(&str, Build)] = &[
    ("anthropic", anthropic::build),
    ("baseten", |settings, context| chat(&baseten::SPEC, settings, context)),
    ("fireworks", |settings, context| chat(&fireworks::SPEC, settings, context)),
    ("groq", |settings, context| chat(&groq::SPEC, settings, context)),
    ("openai", openai::build),
    ("xai", |settings, context| chat(&xai::SPEC, settings, context)),
];
