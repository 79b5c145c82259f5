//! One file, TOML or YAML, that says which providers there are and how to reach them.
//!
//! ```toml
//! default = "smart"                       # a provider, provider/model, an alias or a route
//!
//! [providers.claude]
//! provider = "anthropic"                  # the service; the entry's own name if it is left out
//! model = "claude-sonnet-4-5"
//! api_key = "${ANTHROPIC_API_KEY}"        # the usual variable is looked at anyway
//!
//! [providers.local]
//! type = "local"                          # no key, and no hurry; "api" and "headless" are the other types
//! provider = "ollama"
//! model = "qwen3:8b"
//!
//! [routes]
//! smart = ["claude", "local"]
//! ```
//!
//! [`Config::load`] reads it, [`Config::manager_config`] makes a manager of it. The whole of what can be said
//! stands in `docs/configuration.md`. Every mistake names file, line, key and the nearest right key.
//!
//! A configuration can name programs to run and servers to send keys to. Take one from others only as you
//! would take their build script.
//!
//! # Example: from a file to an answer
//!
//! ```no_run
//! use samewire::config::{Config, KeyReader, find, user_folder};
//! use samewire::manager::ProviderManager;
//! use samewire::{AiProvider, ChatRequest, Context, Message};
//!
//! # async fn run() -> Result<(), samewire::Error> {
//! let context = Context::system();
//! let file = find(".".as_ref(), user_folder().as_deref())?.expect("there is a samewire.toml");
//! let config = Config::load(&file, None, &context)?;
//! let keys = KeyReader::new(context.clone());
//! let manager = ProviderManager::new(config.manager_config(&keys).await?, context)?;
//! let answer = manager.chat(ChatRequest::new("", [Message::user("Hello!")])).await?;
//! println!("{}", answer.text);
//! # Ok(())
//! # }
//! ```

mod explain;
mod headless;
mod import;
mod key;
mod key_forms;
mod limits;
mod manager;
mod mistake;
mod node;
mod place;
mod profiles;
mod provider;
mod routes;
mod section;
mod settings_names;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use explain::Fact;
pub use headless::{HeadlessEntry, PROGRAMS};
pub use import::{Imported, ImportedKeys, import};
pub use key::{KeyReader, KeySource, SecretStore};
pub use mistake::{Mistake, Mistakes};
pub use node::Language;
pub use place::{find, user_folder};
pub use provider::ProviderEntry;
pub use section::Origin;

use mistake::suggest;
use node::{Data, Node};
use routes::Names;
use section::{Found, Reading, Section};

use crate::manager::{BreakerConfig, Budget};
use crate::{Context, Error};

/// A configuration that was read and found free of mistakes.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file, as mistakes name it.
    name: String,
    path: Option<PathBuf>,
    profile: Option<String>,
    providers: Vec<ProviderEntry>,
    names: Names,
    budget: Budget,
    breaker: BreakerConfig,
    warnings: Vec<Mistake>,
}

impl Config {
    /// Reads a file. `profile` chooses one of its profiles; else the variable `SAMEWIRE_PROFILE` of the
    /// context does, else the file's own `profile`. Keys are not fetched. It blocks as long as the disk does.
    ///
    /// # Errors
    ///
    /// Every mistake in the file, or that it cannot be read.
    pub fn load(path: &Path, profile: Option<&str>, context: &Context) -> Result<Self, Mistakes> {
        let name = path.display().to_string();
        let language = place::language_of(path)?;
        let text = std::fs::read_to_string(path)
            .map_err(|error| Mistakes::of_file(&name, format!("cannot be read: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut config = Self::read(&text, language, &name, folder, profile, context)?;
        config.path = Some(path.to_owned());
        Ok(config)
    }

    /// Reads a text as [`load`](Self::load) reads a file; `name` stands for the file in mistakes, and relative
    /// paths are relative to the working directory.
    ///
    /// # Errors
    ///
    /// Every mistake in the text.
    ///
    /// # Example: a mistake says what would be right
    ///
    /// ```
    /// use samewire::config::{Config, Language};
    ///
    /// let text = "[providers.groq]\nmodle = \"llama\"\n";
    /// let mistakes = Config::parse(text, Language::Toml, "my.toml", None, &samewire::Context::system()).unwrap_err();
    /// assert_eq!(
    ///     mistakes.to_string(),
    ///     "my.toml:2: `providers.groq.modle`: there is no such key: did you mean `model`?",
    /// );
    /// ```
    pub fn parse(
        text: &str,
        language: Language,
        name: &str,
        profile: Option<&str>,
        context: &Context,
    ) -> Result<Self, Mistakes> {
        Self::read(text, language, name, Path::new(""), profile, context)
    }

    fn read(
        text: &str,
        language: Language,
        name: &str,
        folder: &Path,
        profile: Option<&str>,
        context: &Context,
    ) -> Result<Self, Mistakes> {
        let mut root = Node::parse(text, language).map_err(|malformed| {
            let (file, key, message) = (name.to_owned(), String::new(), malformed.message);
            Mistakes(vec![Mistake { file, line: malformed.line, key, message }])
        })?;
        let mut reading = Reading {
            file: name,
            folder,
            home: context.home.as_deref(),
            environment: &context.environment,
            mistakes: Vec::new(),
            warnings: Vec::new(),
        };
        let chosen = profiles::choose(&mut root, wanted_profile(profile, context), &mut reading);
        profiles::share(&mut root);
        let config = Self::of_tree(&root, chosen, &mut reading);
        let mut mistakes = reading.mistakes;
        mistakes.sort_by_key(|mistake| mistake.line);
        // What is said for all providers is read once for each.
        let mut seen = BTreeSet::new();
        mistakes.retain(|mistake| seen.insert((mistake.line, mistake.message.clone())));
        match config {
            Some(config) if mistakes.is_empty() => Ok(Self { warnings: reading.warnings, ..config }),
            _ => Err(Mistakes(mistakes)),
        }
    }

    fn of_tree(root: &Node, profile: Option<String>, reading: &mut Reading<'_>) -> Option<Self> {
        let mut section = Section::open(root, "", reading)?;
        let mut providers = Vec::new();
        let mut names_of_providers = Vec::new();
        if let Some(node) = section.node("providers") {
            match &node.data {
                Data::Table(entries) => {
                    for entry in entries {
                        names_of_providers.push(entry.key.clone());
                        providers.extend(ProviderEntry::read(&entry.key, &entry.value, reading));
                    }
                }
                _ => reading.mistake(node.line, "providers", format!("must be a table, not {}", node.kind())),
            }
        }
        let names = routes::read(&mut section, &providers, &names_of_providers, reading);
        let budget = limits::read_budget(&mut section, reading);
        let breaker = limits::read_breaker(&mut section, reading);
        // Read already: for each provider, and before everything else.
        for key in profiles::SHARED.iter().chain(&["profile", "profiles"]) {
            let _ = section.node(key);
        }
        section.close(reading);
        Some(Self {
            name: reading.file.to_owned(),
            path: None,
            profile,
            providers,
            names,
            budget,
            breaker,
            warnings: Vec::new(),
        })
    }

    /// The file that it was read from.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The profile that is in force.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The providers in the order of the file.
    pub fn providers(&self) -> impl ExactSizeIterator<Item = &ProviderEntry> {
        self.providers.iter()
    }

    /// A provider by its name in the file.
    pub fn provider(&self, id: &str) -> Option<&ProviderEntry> {
        self.providers.iter().find(|entry| entry.id == id)
    }

    /// Where requests go that name no target: the file's `default`, else its first provider.
    pub fn default_target(&self) -> Option<&str> {
        self.names.default.as_deref().or_else(|| self.providers.first().map(ProviderEntry::id))
    }

    /// The routes' names in the order of the file.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.routes.iter().map(|route| route.route.name())
    }

    /// The aliases and what they stand for, in the order of the file.
    pub fn aliases(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.names.aliases.iter().map(|(alias, target)| (alias.as_str(), target.as_str()))
    }

    /// What is no mistake but probably not meant.
    pub fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// The same configuration with what a target needs and nothing else, and with that as its default: so no
    /// key is fetched that is not used.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) for a target that does not exist, with the nearest names.
    pub fn narrowed_to(&self, target: &str) -> Result<Self, Error> {
        let name = self.names.unalias(target);
        let route = self.names.routes.iter().find(|route| route.route.name() == name);
        let targets = route.map_or_else(|| vec![name.to_owned()], |route| route.targets.clone());
        let mut needed = BTreeSet::new();
        for target in &targets {
            let target = self.names.unalias(target);
            let id = target.split('/').next().unwrap_or_default();
            needed.insert(self.entry(id)?.id.clone());
        }
        let mut narrowed = self.clone();
        narrowed.providers.retain(|entry| needed.contains(&entry.id));
        narrowed.names.routes.retain(|route| route.route.name() == name);
        narrowed
            .names
            .aliases
            .retain(|(_, target)| needed.contains(target.split('/').next().unwrap_or_default()));
        narrowed.names.default = Some(name.to_owned());
        Ok(narrowed)
    }

    fn entry(&self, id: &str) -> Result<&ProviderEntry, Error> {
        self.provider(id).ok_or_else(|| {
            let providers = self.providers.iter().map(ProviderEntry::id);
            let known: Vec<&str> =
                providers.chain(self.routes()).chain(self.aliases().map(|(alias, _)| alias)).collect();
            Error::configuration(format!("{} has no `{id}`: {}", self.name, suggest(id, known)))
        })
    }
}

fn wanted_profile(asked: Option<&str>, context: &Context) -> Option<Found<String>> {
    if let Some(asked) = asked {
        return Some(Found { value: asked.to_owned(), origin: Origin::Default });
    }
    let value = context.env(PROFILE_VARIABLE).filter(|value| !value.is_empty())?;
    Some(Found { value: value.to_owned(), origin: Origin::Environment(PROFILE_VARIABLE.to_owned()) })
}

/// Chooses a profile of the file.
const PROFILE_VARIABLE: &str = "SAMEWIRE_PROFILE";
