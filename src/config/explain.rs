//! What is in force for a provider, and where it was said.

use std::fmt;

use super::Config;
use super::provider::{ProviderEntry, Source};
use super::section::Origin;
use crate::{Context, Error};

/// One thing that is in force. `Display` gives `name = value   (origin)`; secrets are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// Its name in the configuration.
    pub name: String,
    /// Its value, as text.
    pub value: String,
    /// Where it was said.
    pub origin: Origin,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:26} = {:40} ({})", self.name, self.value, self.origin)
    }
}

impl Config {
    /// Everything that is in force for a provider, in the order of the file's description. Keys are looked for
    /// as far as that needs neither a program nor a keyring; only their fingerprints are told.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) for a provider that is not configured.
    pub fn explain(&self, provider: &str, context: &Context) -> Result<Vec<Fact>, Error> {
        let entry = self.entry(provider)?;
        let mut facts = entry.facts.clone();
        match &entry.source {
            Source::Service(_) => facts.extend(keys(entry, context)),
            Source::Program(program) => {
                let mut say = |name: &str, value: &str| {
                    let origin = self.origin_of(entry);
                    facts.push(Fact { name: name.to_owned(), value: value.to_owned(), origin });
                };
                say("type", "headless");
                say("provider", &program.program);
                program.command.iter().for_each(|command| say("command", command));
                program.model.iter().for_each(|model| say("model", model));
                if !program.arguments.is_empty() {
                    say("args", &program.arguments.join(" "));
                }
                if !program.environment.is_empty() {
                    say("env", &program.environment.join(" "));
                }
                program
                    .variables
                    .iter()
                    .for_each(|(name, _)| say(&format!("env.{name}"), super::provider::MASK));
                program.idle_timeout.iter().for_each(|time| say("idle_timeout", &format!("{time:?}")));
                program.timeout.iter().for_each(|time| say("timeout", &format!("{time:?}")));
                program.folder.iter().for_each(|folder| say("folder", &folder.display().to_string()));
            }
        }
        Ok(facts)
    }

    fn origin_of(&self, entry: &ProviderEntry) -> Origin {
        Origin::Line { file: self.name.clone(), line: entry.line, variables: Vec::new() }
    }
}

fn keys(entry: &ProviderEntry, context: &Context) -> Vec<Fact> {
    use super::key::KeySource::{Command, File, Keyring, Variable, Written};
    let of_key = |(index, key): (usize, &super::section::Found<_>)| {
        let name = if entry.keys.len() == 1 { "api_key".to_owned() } else { format!("api_keys[{index}]") };
        let state = match &key.value {
            Written(key) => format!("[secret {}]", key.id()),
            Variable(variable) => match context.env(variable).map(str::trim) {
                Some(value) if !value.is_empty() => {
                    format!("[secret {}] from {variable}", crate::manager::ApiKey::new(value.to_owned()).id())
                }
                _ if !entry.needs_key && key.origin == Origin::Default => {
                    format!("none, and none is needed: {variable} is not set")
                }
                _ => format!("missing: {variable} is not set"),
            },
            File(path) if path.is_file() => format!("[secret] in {}", path.display()),
            File(path) => format!("missing: there is no file {}", path.display()),
            source @ (Keyring { .. } | Command(_)) => format!("[secret] from {source}"),
        };
        let origin = match (&key.value, &key.origin) {
            (Variable(variable), Origin::Default) => Origin::Environment(variable.clone()),
            (_, origin) => origin.clone(),
        };
        Fact { name, value: state, origin }
    };
    entry.keys.iter().enumerate().map(of_key).collect()
}
