//! Entries of `type = "headless"`: programs that answer on their standard output.

use std::path::PathBuf;
use std::time::Duration;

use super::mistake::suggest;
use super::section::{Reading, Section};
use super::variables::is_name;

/// The facts about a program that serves as a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The environment variables that it is given besides the usual ones.
    pub environment: Vec<String>,
    /// The folder that it works in; the caller's own if there is none.
    pub folder: Option<PathBuf>,
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
) -> Option<HeadlessEntry> {
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
    let environment = match section.either("env", "env_allow", reading) {
        Some((key, node)) => {
            let path = section.key(key);
            let names = reading.texts(node, &path).unwrap_or_default();
            for name in names.iter().filter(|name| !is_name(name)) {
                let problem =
                    format!("`{name}` is no name of an environment variable; values are not given here");
                reading.mistake(node.line, path.clone(), problem);
            }
            names
        }
        None => Vec::new(),
    };
    let folder = section.either("folder", "working_dir", reading);
    let folder = folder.and_then(|(key, node)| reading.text(node, &section.key(key)));
    let folder = folder.map(|found| reading.path(&found.value));
    let program = program.to_owned();
    Some(HeadlessEntry { program, command, arguments, model, timeout, environment, folder })
}
