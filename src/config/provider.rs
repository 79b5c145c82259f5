//! One provider of a configuration.

use std::path::PathBuf;
use std::time::Duration;

use super::explain::Fact;
use super::headless::{self, HeadlessEntry};
use super::key::KeySource;
use super::key_forms::{read_key, read_keys};
use super::limits;
use super::mistake::suggest;
use super::node::{Data, Node};
use super::section::{Found, Origin, Reading, Section};
use super::settings_names;
use crate::json::{Value, object};
use crate::manager::LimiterConfig;
use crate::registry::{ProviderInfo, ProviderRegistry};
use crate::settings::ProviderSettings;

/// One provider of a [`Config`](super::Config).
#[derive(Clone, Debug)]
pub struct ProviderEntry {
    pub(super) id: String,
    pub(super) line: usize,
    pub(super) source: Source,
    /// Everything but the keys.
    pub(super) settings: ProviderSettings,
    pub(super) keys: Vec<Found<KeySource>>,
    pub(super) needs_key: bool,
    pub(super) key_state: Option<PathBuf>,
    pub(super) limits: LimiterConfig,
    /// `None` if nothing is said, `Some(None)` for no limit.
    #[expect(clippy::option_option, reason = "nothing said, off and a time are three answers")]
    pub(super) first_token: Option<Option<Duration>>,
    #[expect(clippy::option_option, reason = "as above")]
    pub(super) between_tokens: Option<Option<Duration>>,
    pub(super) require_finish_reason: bool,
    pub(super) facts: Vec<Fact>,
}

/// What answers.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Service(&'static ProviderInfo),
    Program(HeadlessEntry),
}

/// The three ways to reach a model that the client's documents tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Api,
    Local,
    Headless,
}

impl ProviderEntry {
    /// The configuration's name for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The facts about the service; `None` for a headless program.
    pub fn service(&self) -> Option<&'static ProviderInfo> {
        match &self.source {
            Source::Service(facts) => Some(facts),
            Source::Program(_) => None,
        }
    }

    /// The headless program; `None` for a service.
    pub fn program(&self) -> Option<&HeadlessEntry> {
        match &self.source {
            Source::Service(_) => None,
            Source::Program(program) => Some(program),
        }
    }

    /// The settings without any key: what the configuration says in the TypeScript's names.
    pub fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Where its keys are kept, each tried when the one before is refused. Empty where none is needed, or
    /// where none is named and the service has no usual variable.
    pub fn key_sources(&self) -> impl ExactSizeIterator<Item = &KeySource> {
        self.keys.iter().map(|key| &key.value)
    }

    /// Whether calls cannot succeed without a key. Servers of one's own need none.
    pub fn needs_key(&self) -> bool {
        self.needs_key
    }

    /// Reads an entry; `None` if it cannot even be begun.
    pub(super) fn read(id: &str, node: &Node, reading: &mut Reading<'_>) -> Option<Self> {
        let mut section = Section::open(node, format!("providers.{id}"), reading)?;
        // It served as the id already, in a list.
        let _ = section.node("name");
        let types = [("api", Mode::Api), ("local", Mode::Local), ("headless", Mode::Headless)];
        let kind = section.choice("type", &types, reading);
        let mode = kind.as_ref().map_or(Mode::Api, |found| found.value);
        let named = section.word("provider", reading);
        let named_line = section.node("provider").map_or(section.line, |node| node.line);
        let model = section.word("model", reading);
        if mode == Mode::Headless {
            let program = named.map_or_else(|| id.to_owned(), |found| found.value);
            let model = model.map(|found| found.value);
            let program = headless::read(&mut section, &program, named_line, model, reading);
            let mut entry = Self::new(id, node.line, Source::Program(program));
            limits::read_limits(&mut entry, &mut section, reading);
            section.close(reading);
            return Some(entry);
        }
        // Without a service nobody knows what the other keys mean.
        let facts = service(id, named.as_ref(), named_line, mode, &mut section, reading)?;
        let origin = named.map_or_else(|| reading.origin(node.line), |found| found.origin);
        let mut entry = Self::new(id, node.line, Source::Service(facts));
        if let Some(kind) = kind {
            entry.note("type", if mode == Mode::Local { "local" } else { "api" }, kind.origin);
        }
        entry.note("provider", facts.id, origin);
        entry.model(model, facts);
        entry.address(facts, &mut section, reading);
        entry.azure(facts, &mut section, reading);
        entry.read_keys(facts, mode, &mut section, reading);
        entry.parameters(&mut section, reading);
        entry.options(&mut section, reading);
        limits::read_network(&mut entry, mode == Mode::Local, &mut section, reading);
        limits::read_limits(&mut entry, &mut section, reading);
        section.close(reading);
        Some(entry)
    }

    fn new(id: &str, line: usize, source: Source) -> Self {
        let settings = match &source {
            Source::Service(facts) => ProviderSettings::new(facts.id),
            Source::Program(_) => ProviderSettings::default(),
        };
        Self {
            id: id.to_owned(),
            line,
            source,
            settings,
            keys: Vec::new(),
            needs_key: false,
            key_state: None,
            limits: LimiterConfig::default(),
            first_token: None,
            between_tokens: None,
            require_finish_reason: false,
            facts: Vec::new(),
        }
    }

    /// Remembers what is in force and where it was said.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, without marks at each call")]
    pub(super) fn note(&mut self, name: impl Into<String>, value: impl ToString, origin: Origin) {
        self.facts.push(Fact { name: name.into(), value: value.to_string(), origin });
    }

    pub(super) fn set(&mut self, setting: &str, value: impl Into<Value>) {
        self.settings.set(setting, Some(value.into()));
    }

    fn model(&mut self, model: Option<Found<String>>, facts: &ProviderInfo) {
        if let Some(model) = model {
            self.set(facts.model_setting, model.value.as_str());
            self.note("model", model.value, model.origin);
        }
    }

    fn address(&mut self, facts: &ProviderInfo, section: &mut Section<'_>, reading: &mut Reading<'_>) {
        let Some(found) = section.word("base_url", reading) else {
            if let Some(url) = facts.base_url {
                self.note("base_url", url, Origin::Default);
            }
            return;
        };
        let line = section.node("base_url").map_or(0, |node| node.line);
        let key = section.key("base_url");
        let address = url::Url::parse(found.value.trim()).ok();
        if !address.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            // What stands before an `@` may be a password.
            let shown = if found.value.contains('@') { "it" } else { found.value.as_str() };
            reading.mistake(line, key, format!("must be a URL as https://host/v1; {shown} is none"));
            return;
        }
        let Some(setting) = facts.base_url_setting else {
            let problem = format!(
                "{} has one fixed address; for another server that speaks like OpenAI take `provider = \"openai\"`",
                facts.id
            );
            reading.mistake(line, key, problem);
            return;
        };
        if setting == "awsBedrockEndpoint" {
            self.set("awsBedrockEndpointEnabled", true);
        }
        self.set(setting, found.value.trim());
        self.note("base_url", limits::without_secrets(found.value.trim()), found.origin);
    }

    /// Azure's own words. Under `openai` they become the address and the model; an id of its own takes them
    /// as they are.
    fn azure(&mut self, facts: &ProviderInfo, section: &mut Section<'_>, reading: &mut Reading<'_>) {
        let resource = section.word("azure_resource", reading);
        let deployment = section.word("azure_deployment", reading);
        let version = section.word("azure_api_version", reading);
        if let Some(version) = &version {
            self.set("azureApiVersion", version.value.as_str());
            self.note("azure_api_version", &version.value, version.origin.clone());
        }
        if let Some(resource) = resource {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if !resource.value.chars().all(is_name) {
                let line = section.node("azure_resource").map_or(0, |node| node.line);
                let problem =
                    "must be the name in front of `.openai.azure.com`; a whole address goes to `base_url`";
                reading.mistake(line, section.key("azure_resource"), problem);
            } else if facts.id == "openai" {
                let url = format!("https://{}.openai.azure.com/openai", resource.value);
                self.set("openAiBaseUrl", url.as_str());
                self.set("openAiUseAzure", true);
                self.facts.retain(|fact| fact.name != "base_url");
                self.note("base_url", url, resource.origin.clone());
            } else {
                self.set("azureResource", resource.value.as_str());
            }
            self.note("azure_resource", resource.value, resource.origin);
        }
        if let Some(deployment) = deployment {
            let setting = if facts.id == "openai" { "openAiModelId" } else { "azureDeployment" };
            self.set(setting, deployment.value.as_str());
            self.note("azure_deployment", deployment.value, deployment.origin);
        }
    }

    fn read_keys(
        &mut self,
        facts: &'static ProviderInfo,
        mode: Mode,
        section: &mut Section<'_>,
        reading: &mut Reading<'_>,
    ) {
        self.needs_key = facts.key_required && mode != Mode::Local;
        let single = read_key(section, reading);
        let several = section.either("api_keys", "auth_profiles", reading);
        self.keys = match (single, several) {
            (Some(_), Some((key, node))) => {
                reading.mistake(node.line, section.key(key), "stands beside `api_key`; keep one of them");
                Vec::new()
            }
            (Some(single), None) => vec![single],
            (None, Some((key, node))) => read_keys(node, &section.key(key), reading),
            (None, None) => {
                // A server of one's own must not be sent the key of the service that it resembles.
                let is_other = mode == Mode::Local && facts.id == "openai";
                let usual = facts.key_variable.filter(|_| !is_other).map(|variable| Found {
                    value: KeySource::Variable(variable.to_owned()),
                    origin: Origin::Default,
                });
                self.keys.extend(usual);
                let state = section.node("key_state");
                if let Some(node) = state {
                    reading.mistake(node.line, section.key("key_state"), "is for several `api_keys`");
                }
                return;
            }
        };
        if facts.key_setting.is_none() && !self.keys.is_empty() {
            let problem = format!("{} takes no key", facts.id);
            reading.mistake(section.line, section.key("api_key"), problem);
            self.keys.clear();
        }
        if let Some(state) = section.word("key_state", reading) {
            let path = reading.path(&state.value);
            self.note("key_state", path.display(), state.origin);
            self.key_state = Some(path);
        }
    }

    /// What most services understand, in short names.
    fn parameters(&mut self, section: &mut Section<'_>, reading: &mut Reading<'_>) {
        if let Some(found) = section.number("temperature", reading) {
            self.set("modelTemperature", found.value);
            self.note("temperature", found.value, found.origin);
        }
        if let Some(found) = section.count("max_tokens", 1, reading) {
            self.set("modelMaxTokens", found.value);
            self.set("includeMaxTokens", true);
            self.note("max_tokens", found.value, found.origin);
        }
        if let Some(found) = section.word("reasoning_effort", reading) {
            self.set("enableReasoningEffort", true);
            self.set("reasoningEffort", found.value.as_str());
            self.note("reasoning_effort", found.value, found.origin);
        }
        if let Some(found) = section.switch("require_finish_reason", reading) {
            self.require_finish_reason = found.value;
            self.note("require_finish_reason", found.value, found.origin);
        }
        self.headers(section, reading);
    }

    fn headers(&mut self, section: &mut Section<'_>, reading: &mut Reading<'_>) {
        let Some(node) = section.node("headers") else { return };
        let path = section.key("headers");
        let Some(node) = reading.expanded(node, &path) else { return };
        let Data::Table(entries) = &node.data else {
            reading.mistake(node.line, path, format!("must be a table of texts, not {}", node.kind()));
            return;
        };
        for entry in entries {
            if !matches!(entry.value.data, Data::Text(_)) {
                let problem = format!("must be a text, not {}", entry.value.kind());
                reading.mistake(entry.line, format!("{path}.{}", entry.key), problem);
            }
            self.note(format!("headers.{}", entry.key), MASK, reading.origin(entry.line));
        }
        if self.settings.provider() != Some("openai") {
            let problem =
                "reach the service with `provider = \"openai\"` for certain; others may leave them out";
            reading.warning(node.line, path, problem);
        }
        self.set("openAiHeaders", Value::from(&node.data));
    }

    /// Everything else that the TypeScript's settings know, by its own names or in snake case.
    fn options(&mut self, section: &mut Section<'_>, reading: &mut Reading<'_>) {
        let Some((key, node)) = section.either("driver_options", "options", reading) else { return };
        let path = section.key(key);
        let Some(options) = Section::open(node, path.clone(), reading) else { return };
        for entry in options.entries() {
            let path = format!("{path}.{}", entry.key);
            let setting = camel_case(&entry.key);
            if setting == "apiProvider" {
                reading.mistake(entry.line, path, "goes to `provider`, one level higher");
                continue;
            }
            if let Some(near) = settings_names::slip(&setting) {
                reading.warning(entry.line, path.clone(), format!("is no setting; did you mean `{near}`?"));
            }
            let Some(value) = reading.expanded(&entry.value, &path) else { continue };
            let value = Value::from(&value.data);
            if let Err(error) =
                ProviderSettings::from_value(object! { (setting.as_str()): value.clone() }.into())
            {
                reading.mistake(entry.line, path, error.message().trim_start_matches("settings: "));
                continue;
            }
            let shown = if settings_names::is_secret(&setting) { MASK.to_owned() } else { shown(&value) };
            self.note(format!("driver_options.{setting}"), shown, reading.origin(entry.line));
            self.set(&setting, value);
        }
    }
}

/// Finds the service that an entry is about.
fn service(
    id: &str,
    named: Option<&Found<String>>,
    named_line: usize,
    mode: Mode,
    section: &mut Section<'_>,
    reading: &mut Reading<'_>,
) -> Option<&'static ProviderInfo> {
    let name = match named {
        Some(named) => named.value.as_str(),
        // A server on one's own machine that is not known by name speaks like OpenAI.
        None if mode == Mode::Local && ProviderRegistry::get(id).is_none() => "openai",
        None => id,
    };
    if let Some(facts) = ProviderRegistry::get(name) {
        return Some(facts);
    }
    if matches!(name, "azure" | "azure-openai") {
        return ProviderRegistry::get("openai");
    }
    let ids = ProviderRegistry::all().map(|facts| facts.id);
    let problem = match named {
        Some(_) if headless::PROGRAMS.contains(&name) => {
            format!("`{name}` is a program: add `type = \"headless\"`")
        }
        Some(_) => format!("`{name}` is no provider that is known: {}", suggest(name, ids)),
        None => {
            format!("does not say which service it is: add `provider = \"...\"` ({})", suggest(name, ids))
        }
    };
    let key = if named.is_some() { section.key("provider") } else { format!("providers.{id}") };
    reading.mistake(named_line, key, problem);
    None
}

/// `open_ai_headers` as `openAiHeaders`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let mut characters = word.chars();
        all.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        all.extend(characters);
        all
    })
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// What stands in place of a secret.
pub(super) const MASK: &str = "[secret]";
