//! A provider as the list holds it: what is known about it, and how it is made.

use std::sync::Arc;

use super::plain;
use crate::context::Context;
use crate::driver::Driver;
use crate::error::Error;
use crate::protocols::anthropic::{Messages, MessagesSpec};
use crate::protocols::converse::{Converse, ConverseSpec};
use crate::protocols::gemini::{Gemini, GeminiSpec};
use crate::protocols::openai_chat::{ChatSpec, Listing, OpenAiChat};
use crate::provider::AiProvider;
use crate::registry::ProviderInfo;
use crate::settings::ProviderSettings;

/// One provider: facts for people and programs, and the way to make it.
pub(crate) struct Provider {
    pub(crate) info: ProviderInfo,
    pub(super) kind: Kind,
}

/// How a provider is made.
#[expect(clippy::large_enum_variant, reason = "there is one of each, in static memory")]
pub(super) enum Kind {
    /// From one spec of Chat Completions.
    Chat(&'static ChatSpec),
    /// From the spec that the settings ask for.
    ChatBy(fn(&ProviderSettings) -> &'static ChatSpec),
    /// As a child of the generic provider, whose settings it fills in.
    Extended(fn(&ProviderSettings) -> (&'static ChatSpec, ProviderSettings)),
    /// From facts: see [`plain`].
    Plain(ChatSpec),
    /// From a spec of the Messages API.
    Messages(&'static MessagesSpec),
    /// From a spec of the Gemini API.
    Gemini(&'static GeminiSpec),
    /// From a spec of the Converse API.
    Converse(&'static ConverseSpec),
    /// In its own way.
    Own(fn(&ProviderSettings, &Context) -> Built),
}

pub(super) type Built = Result<Arc<dyn AiProvider>, Error>;

impl Provider {
    /// Whether settings may name it so.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.info.id == name || self.info.aliases.contains(&name)
    }

    pub(super) fn build(&'static self, settings: &ProviderSettings, context: &Context) -> Built {
        match &self.kind {
            Kind::Own(build) => build(settings, context),
            Kind::Messages(spec) => {
                Ok(Arc::new(Driver::new(Messages::new(spec, settings, context)?, context)))
            }
            Kind::Gemini(spec) => Ok(Arc::new(Driver::new(Gemini::new(spec, settings, context), context))),
            Kind::Converse(spec) => {
                Ok(Arc::new(Driver::new(Converse::new(spec, settings, context)?, context)))
            }
            Kind::Chat(spec) => chat(spec, settings, context),
            Kind::ChatBy(choose) => chat(choose(settings), settings, context),
            Kind::Extended(extend) => {
                let (spec, settings) = extend(settings);
                chat(spec, &settings, context)
            }
            Kind::Plain(spec) => chat(spec, &plain::resolved(&self.info, settings)?, context),
        }
    }

    /// How the service's models are listed without making the provider, and the settings for it; `None`
    /// where it must be made.
    pub(super) fn listing(&self, settings: &ProviderSettings) -> Option<(Listing, ProviderSettings)> {
        match &self.kind {
            Kind::Chat(spec) => Some((spec.list?, settings.clone())),
            Kind::Plain(spec) => Some((spec.list?, plain::resolved_without_key(&self.info, settings).ok()?)),
            _ => None,
        }
    }
}

fn chat(spec: &'static ChatSpec, settings: &ProviderSettings, context: &Context) -> Built {
    Ok(Arc::new(Driver::new(OpenAiChat::new(spec, settings, context)?, context)))
}
