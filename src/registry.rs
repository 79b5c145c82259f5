//! Every provider that the crate knows, as facts for people and programs.

use crate::context::Context;
use crate::provider::ProviderCapabilities;
use crate::providers::{self, Provider, build_provider_in};
use crate::settings::ProviderSettings;

/// The list of providers: one source for programs that offer a choice, and for the manager.
///
/// # Example: list what needs a key
///
/// ```
/// use samewire::ProviderRegistry;
///
/// let groq = ProviderRegistry::get("groq").expect("known");
/// assert_eq!((groq.name, groq.key_variable), ("Groq", Some("GROQ_API_KEY")));
/// for provider in ProviderRegistry::all().filter(|provider| provider.key_required) {
///     println!("{:20} {}", provider.id, provider.key_variable.unwrap_or_default());
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProviderRegistry;

/// The facts about one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderInfo {
    /// The id that settings name it by.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Where requests go unless settings say otherwise; `None` where it depends on them, as for clouds with
    /// regions. `{...}` stands for a setting.
    pub base_url: Option<&'static str>,
    /// Other ids by which settings may name it.
    pub aliases: &'static [&'static str],
    /// Where its API is documented.
    pub documentation: &'static str,
    /// The setting that replaces the base URL; `None` where none does.
    pub base_url_setting: Option<&'static str>,
    /// The setting that holds the key; `None` where there is none.
    pub key_setting: Option<&'static str>,
    /// The environment variable that usually holds the key.
    pub key_variable: Option<&'static str>,
    /// Whether calls without a key cannot succeed.
    pub key_required: bool,
    /// How requests prove who sends them.
    pub auth: AuthStyle,
    /// What it speaks.
    pub protocol: Protocol,
    /// The setting that names the model.
    pub model_setting: &'static str,
    /// For servers on one's own machine: how they are started.
    pub start: Option<&'static str>,
}

/// How requests prove who sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthStyle {
    /// No proof.
    None,
    /// `authorization: Bearer <key>`.
    Bearer,
    /// A header of the service's own, such as `x-api-key`.
    Header,
    /// AWS Signature Version 4, or a bearer key.
    Aws,
    /// Access tokens of Google Cloud.
    GoogleCloud,
    /// A login kept by another program.
    Login,
}

/// What a provider speaks: it decides which opaque parts of a history it can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// OpenAI's Chat Completions.
    ChatCompletions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Google's Gemini.
    Gemini,
    /// Converse of AWS.
    Converse,
    /// Ollama's own.
    Ollama,
    /// Cohere's Chat, version 2.
    Cohere,
    /// Not known: a provider from outside this crate.
    Unknown,
}

impl ProviderRegistry {
    /// The facts about a provider by its id or another of its names; `None` for an unknown one.
    pub fn get(id: &str) -> Option<&'static ProviderInfo> {
        providers::named(id).map(Self::info)
    }

    /// All providers in alphabetical order of their ids.
    pub fn all() -> impl ExactSizeIterator<Item = &'static ProviderInfo> {
        providers::all().map(Self::info)
    }

    fn info(provider: &'static Provider) -> &'static ProviderInfo {
        &provider.info
    }
}

impl ProviderInfo {
    /// What the provider's default model can do; `None` where it has none or cannot be built without
    /// further settings.
    pub fn capabilities(&self, context: &Context) -> Option<ProviderCapabilities> {
        let mut settings = ProviderSettings::new(self.id);
        if let Some(key) = self.key_setting {
            settings.set(key, Some("-".into()));
        }
        Some(build_provider_in(&settings, context).ok()?.capabilities())
    }
}

impl ProviderInfo {
    /// What to say when nobody listens at that address: how the server is started, where it is one's own.
    pub(crate) fn nothing_answers(&self, base: &str) -> String {
        let name = self.name;
        match (self.start, self.base_url_setting) {
            (Some(start), Some(setting)) => {
                format!("{name}: nothing answers at {base}. Start it with {start}, or set `{setting}`.")
            }
            _ => format!("{name}: nothing answers at {base}."),
        }
    }
}

/// The facts in the words of a provider's file.
impl ProviderInfo {
    pub(crate) const fn new(id: &'static str, name: &'static str, description: &'static str) -> Self {
        Self {
            id,
            name,
            description,
            base_url: None,
            aliases: &[],
            documentation: "",
            base_url_setting: None,
            key_setting: None,
            key_variable: None,
            key_required: false,
            auth: AuthStyle::Bearer,
            protocol: Protocol::ChatCompletions,
            model_setting: MODEL,
            start: None,
        }
    }

    pub(crate) const fn at(mut self, base_url: &'static str) -> Self {
        self.base_url = Some(base_url);
        self
    }

    pub(crate) const fn key(mut self, setting: &'static str, variable: &'static str) -> Self {
        self.key_setting = Some(setting);
        self.key_variable = Some(variable);
        self.key_required = true;
        self
    }

    pub(crate) const fn optional(mut self) -> Self {
        self.key_required = false;
        self
    }

    pub(crate) const fn auth(mut self, auth: AuthStyle) -> Self {
        self.auth = auth;
        self
    }

    pub(crate) const fn speaks(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    pub(crate) const fn model(mut self, setting: &'static str) -> Self {
        self.model_setting = setting;
        self
    }

    pub(crate) const fn base_setting(mut self, setting: &'static str) -> Self {
        self.base_url_setting = Some(setting);
        self
    }

    pub(crate) const fn also_called(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn documented(mut self, url: &'static str) -> Self {
        self.documentation = url;
        self
    }

    pub(crate) const fn started_by(mut self, start: &'static str) -> Self {
        self.start = Some(start);
        self
    }
}

const MODEL: &str = "apiModelId";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::transport::ReplayTransport;
    use std::sync::Arc;

    #[test]
    fn every_name_means_one_provider() {
        assert!(ProviderRegistry::all().is_sorted_by_key(|facts| facts.id));
        let names = || ProviderRegistry::all().flat_map(|facts| facts.aliases.iter().chain([&facts.id]));
        for name in names() {
            assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
        }
        assert_eq!(ProviderRegistry::get("google").unwrap().id, "gemini");
        assert_eq!(ProviderRegistry::get("aws").unwrap().id, "bedrock");
    }

    #[test]
    fn every_fact_that_people_need_is_there() {
        for facts in ProviderRegistry::all() {
            let id = facts.id;
            assert!(facts.documentation.starts_with("https://"), "{id} cites no documentation");
            assert!(
                !facts.documentation.contains('<'),
                "{id}: the documentation's address is still to be filled in"
            );
            assert!(!facts.name.is_empty() && !facts.description.is_empty(), "{id}");
            assert!(!facts.description.ends_with('.'), "{id}: the description is a line, no sentence");
            assert_eq!(facts.key_setting.is_some(), facts.key_variable.is_some(), "{id}");
            assert!(!facts.key_required || facts.key_setting.is_some(), "{id} needs a key without a place");
        }
    }

    #[test]
    fn the_settings_named_are_the_ones_that_are_read() {
        let context = Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(TestClock::default()));
        for facts in ProviderRegistry::all().filter(|facts| facts.key_required) {
            let key = facts.key_setting.unwrap();
            let settings = ProviderSettings::new(facts.id).with(key, "k-secret");
            let mut settings = settings.with(facts.model_setting, "a-model");
            let mut base = facts.base_url.unwrap().to_owned();
            while let Some((before, name, after)) = base
                .split_once('{')
                .and_then(|(b, rest)| Some((b, rest.split_once('}')?.0, rest.split_once('}')?.1)))
            {
                settings = settings.with(name, "mine");
                base = format!("{before}mine{after}");
            }
            let Ok(provider) = build_provider_in(&settings, &context) else {
                panic!("{} cannot be built from its key alone", facts.id)
            };
            let request = crate::ChatRequest::new("", [crate::Message::user("Hi")]);
            let Ok(http) = provider.encode(&request) else { continue };
            assert!(http.url.starts_with(&base), "{}: {} is not below {base}", facts.id, http.url);
            let sent = |name: &str| http.headers.joined(name).is_some_and(|value| value.contains("k-secret"));
            assert_eq!(sent("authorization"), facts.auth == AuthStyle::Bearer, "{}", facts.id);
        }
    }

    #[test]
    fn an_address_of_ones_own_is_where_requests_go() {
        let context = Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(TestClock::default()));
        for facts in ProviderRegistry::all() {
            let Some(setting) = facts.base_url_setting else { continue };
            let mut settings = ProviderSettings::new(facts.id).with(setting, "http://own.example/base");
            settings.set(facts.model_setting, Some("m".into()));
            settings.set(facts.key_setting.unwrap_or("none"), Some("k".into()));
            settings.set("awsBedrockEndpointEnabled", Some(true.into()));
            settings.set("awsUseApiKey", Some(true.into()));
            settings.set("awsRegion", Some("eu-west-1".into()));
            let provider = build_provider_in(&settings, &context).unwrap();
            let Ok(http) = provider.encode(&crate::ChatRequest::new("", [crate::Message::user("Hi")])) else {
                panic!("{} cannot encode", facts.id)
            };
            assert!(http.url.starts_with("http://own.example/"), "{}: {}", facts.id, http.url);
        }
    }
}
