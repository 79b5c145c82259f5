//! Entries of `type = "headless"`: programs that answer on their standard output.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::mistake::suggest;
use super::node::{Data, Node};
use super::section::{Reading, Section};
use super::variables::is_name;
use crate::json::{Object, Value};
use crate::settings::ProviderSettings;

/// The facts about a program that serves as a provider. `Debug` hides the values of variables.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadlessEntry {
    /// The program's kind, one of [`PROGRAMS`].
    pub program: String,
    /// The program's file or name; the kind's usual one if there is none.
    pub command: Option<String>,
    /// Arguments in front of those that the kind adds.
    pub arguments: Vec<String>,
    /// The model to ask it for.
    pub model: Option<String>,
    /// How long one answer may take in all; `None` is no limit.
    pub timeout: Option<Duration>,
    /// How long it may be silent. `None` if nothing is said, zero for no limit.
    pub idle_timeout: Option<Duration>,
    /// The environment variables that are passed on to it besides the usual ones.
    pub environment: Vec<String>,
    /// The environment variables that are set for it.
    pub variables: Vec<(String, String)>,
    /// The folder that it works in; the caller's own if there is none.
    pub folder: Option<PathBuf>,
}

impl HeadlessEntry {
    /// The entry as settings of a provider: `apiProvider` is the program's id (`headless` for `generic`), the rest
    /// `headlessCommand`, `headlessArguments`, `headlessEnvironment`, `headlessVariables`, `headlessFolder`,
    /// `headlessIdleTimeoutMs`, `headlessTotalTimeoutMs` and `apiModelId`.
    pub fn to_settings(&self) -> ProviderSettings {
        let id = if self.program == "generic" { "headless" } else { &self.program };
        let texts = |list: &[String]| Value::Array(list.iter().map(|text| text.as_str().into()).collect());
        let mut settings = ProviderSettings::new(id);
        let folder = self.folder.as_ref().map(|folder| folder.display().to_string());
        settings.set("headlessCommand", self.command.as_deref().map(Value::from));
        settings.set("apiModelId", self.model.as_deref().map(Value::from));
        settings.set("headlessFolder", folder.map(Value::from));
        let milliseconds = |time: Option<Duration>| time.map(|time| (time.as_secs_f64() * 1000.0).into());
        settings.set("headlessIdleTimeoutMs", milliseconds(self.idle_timeout));
        settings.set("headlessTotalTimeoutMs", milliseconds(self.timeout));
        if !self.arguments.is_empty() {
            settings.set("headlessArguments", Some(texts(&self.arguments)));
        }
        if !self.environment.is_empty() {
            settings.set("headlessEnvironment", Some(texts(&self.environment)));
        }
        if !self.variables.is_empty() {
            let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            settings.set("headlessVariables", Some(variables.collect::<Object>().into()));
        }
        settings
    }
}

/// The kinds of programs that are known, and `generic` for any other that speaks JSON lines.
pub const PROGRAMS: &[&str] = &["claude-code", "codex", "gemini-cli", "generic", "opencode"];

/// Reads what a headless entry has beside `name`, `type`, `provider` and `model`.
pub(super) fn read(
    section: &mut Section<'_>,
    program: &str,
    program_line: usize,
    model: Option<String>,
    reading: &mut Reading<'_>,
) -> HeadlessEntry {
    if !PROGRAMS.contains(&program) {
        let hint = suggest(program, PROGRAMS.iter().copied());
        let problem = format!("`{program}` is no program that is known: {hint}");
        reading.mistake(program_line, section.key("provider"), problem);
    }
    let command = section.word("command", reading).map(|found| found.value);
    if program == "generic" && section.node("command").is_none() {
        let problem = "is missing: a `generic` program has to be named";
        reading.mistake(section.line, section.key("command"), problem);
    }
    let arguments = match section.either("args", "arguments", reading) {
        Some((key, node)) => reading.texts(node, &section.key(key)).unwrap_or_default(),
        None => Vec::new(),
    };
    let timeout = section.limit("timeout", reading).and_then(|found| found.value);
    let idle_timeout = section.limit("idle_timeout", reading).map(|found| found.value.unwrap_or_default());
    let (environment, variables) = match section.either("env", "env_allow", reading) {
        Some((key, node)) => read_environment(node, &section.key(key), reading),
        None => Default::default(),
    };
    let folder = section.either("folder", "working_dir", reading);
    let folder = folder.and_then(|(key, node)| reading.text(node, &section.key(key)));
    let folder = folder.map(|found| reading.path(&found.value));
    let program = program.to_owned();
    HeadlessEntry {
        program,
        command,
        arguments,
        model,
        timeout,
        idle_timeout,
        environment,
        variables,
        folder,
    }
}

type Environment = (Vec<String>, Vec<(String, String)>);

/// A list of names to pass on, or a table of variables to set.
fn read_environment(node: &Node, path: &str, reading: &mut Reading<'_>) -> Environment {
    let Data::Table(entries) = &node.data else {
        let names = reading.texts(node, path).unwrap_or_default();
        for name in names.iter().filter(|name| !is_name(name)) {
            let problem = format!("`{name}` is no name of an environment variable; a table sets values");
            reading.mistake(node.line, path, problem);
        }
        return (names, Vec::new());
    };
    let mut variables = Vec::new();
    for entry in entries {
        let path = format!("{path}.{}", entry.key);
        if !is_name(&entry.key) {
            reading.mistake(entry.line, path.as_str(), "is no name of an environment variable");
        }
        let value = reading.text(&entry.value, &path);
        variables.extend(value.map(|value| (entry.key.clone(), value.value)));
    }
    (Vec::new(), variables)
}

impl fmt::Debug for HeadlessEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadlessEntry")
            .field("program", &self.program)
            .field("command", &self.command)
            .field("arguments", &self.arguments)
            .field("model", &self.model)
            .field("timeout", &self.timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("environment", &self.environment)
            .field("variables", &self.variables.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("folder", &self.folder)
            .finish()
    }
}
