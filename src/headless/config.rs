//! How a program is to be run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::program::Program;
use crate::Error;
use crate::json::Value;
use crate::settings::ProviderSettings;

/// How a program is to be run.
///
/// # Example: a program of your own
///
/// It reads one line of JSON from stdin and prints one token a line, in the form of
/// [`StreamToken::to_json`](crate::StreamToken::to_json); see [`Program::Generic`].
///
/// ```
/// use std::time::Duration;
/// use samewire::headless::{HeadlessConfig, Program};
///
/// let config = HeadlessConfig::new(Program::Generic)
///     .command("/opt/models/answer")
///     .argument("--fast")
///     .pass_variable("MODEL_HOME")
///     .variable("MODEL_KEY", "secret")
///     .idle_timeout(Some(Duration::from_secs(30)));
/// assert!(!format!("{config:?}").contains("secret\""));
/// ```
#[derive(Clone)]
pub struct HeadlessConfig {
    pub(super) program: Program,
    pub(super) command: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) model: Option<String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) passed: Vec<String>,
    pub(super) given: Vec<(String, String)>,
    pub(super) session: Option<String>,
    pub(super) idle: Option<Duration>,
    pub(super) total: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) partial: bool,
}

impl HeadlessConfig {
    /// A program as it is installed, with its own default model.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            command: None,
            arguments: Vec::new(),
            model: None,
            folder: None,
            passed: Vec::new(),
            given: Vec::new(),
            session: None,
            idle: Some(IDLE),
            total: None,
            grace: GRACE,
            partial: true,
        }
    }

    /// Reads the settings `headlessCommand` (for Claude Code also `claudeCodePath`), `headlessArguments` and
    /// `headlessEnvironment` (lists of texts; the latter are names of variables to be passed on),
    /// `headlessVariables` (an object of variables to be set), `headlessFolder`, `headlessSession`,
    /// `headlessIdleTimeoutMs` and `headlessTotalTimeoutMs` (0 for no limit), `headlessExitGraceMs`, `headlessPartialMessages` and
    /// `apiModelId`.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), naming the setting.
    pub fn from_settings(program: Program, settings: &ProviderSettings) -> Result<Self, Error> {
        let mut config = Self::new(program);
        let command = settings.non_empty("headlessCommand");
        let legacy = || settings.non_empty("claudeCodePath").filter(|_| program == Program::ClaudeCode);
        config.command = command.or_else(legacy).map(str::to_owned);
        if program == Program::Generic && config.command.is_none() {
            return Err(Error::configuration(
                "settings: `headlessCommand` must name the program of `headless`",
            ));
        }
        config.arguments = texts(settings, "headlessArguments")?;
        config.passed = texts(settings, "headlessEnvironment")?;
        config.given = variables(settings)?;
        config.model = settings.non_empty("apiModelId").map(str::to_owned);
        config.folder = settings.non_empty("headlessFolder").map(PathBuf::from);
        config.session = settings.non_empty("headlessSession").map(str::to_owned);
        if let Some(idle) = milliseconds(settings, "headlessIdleTimeoutMs")? {
            config.idle = Some(idle).filter(|idle| !idle.is_zero());
        }
        config.total = milliseconds(settings, "headlessTotalTimeoutMs")?.filter(|total| !total.is_zero());
        config.grace = milliseconds(settings, "headlessExitGraceMs")?.unwrap_or(GRACE);
        config.partial = !settings.is_false("headlessPartialMessages");
        Ok(config)
    }

    /// The program's name or path, where it is not the usual one.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// One more argument, in front of those that are needed.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The model, as the program names it.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// The folder that the program works in; else it is the current one.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Lets the program see one more variable of our environment. The name may end with `*`.
    #[must_use]
    pub fn pass_variable(mut self, name: impl Into<String>) -> Self {
        self.passed.push(name.into());
        self
    }

    /// Sets a variable for the program. Its value is kept out of messages.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.push((name.into(), value.into()));
        self
    }

    /// The session to go on with.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// How long the program may print nothing before it is ended; `None` waits for ever. Ten minutes unless
    /// set, as the tools of an agent may run for long.
    #[must_use]
    pub fn idle_timeout(mut self, idle: Option<Duration>) -> Self {
        self.idle = idle;
        self
    }

    /// How long one answer may take in all; `None`, the default, is no limit.
    #[must_use]
    pub fn total_timeout(mut self, total: Option<Duration>) -> Self {
        self.total = total;
        self
    }

    /// How long the program may take to leave once it has given its result; the tokens are not kept waiting.
    /// Two seconds unless set.
    #[must_use]
    pub fn exit_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Whether Claude Code is asked for parts of messages as they arrive. A version that cannot do that is
    /// asked once more without.
    #[must_use]
    pub fn partial_messages(mut self, partial: bool) -> Self {
        self.partial = partial;
        self
    }
}

impl fmt::Debug for HeadlessConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<&str> = self.given.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HeadlessConfig")
            .field("program", &self.program)
            .field("command", &self.command)
            .field("arguments", &self.arguments.len())
            .field("model", &self.model)
            .field("passed", &self.passed)
            .field("given", &given)
            .finish_non_exhaustive()
    }
}

fn wrong(key: &str, wanted: &str) -> Error {
    Error::configuration(format!("settings: `{key}` must be {wanted}"))
}

fn texts(settings: &ProviderSettings, key: &str) -> Result<Vec<String>, Error> {
    let list = match settings.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    list.ok_or_else(|| wrong(key, "a list of texts"))
}

fn variables(settings: &ProviderSettings) -> Result<Vec<(String, String)>, Error> {
    const KEY: &str = "headlessVariables";
    let variables = match settings.get(KEY) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(object)) => {
            object.iter().map(|(name, value)| Some((name.to_string(), value.as_str()?.to_owned()))).collect()
        }
        Some(_) => None,
    };
    variables.ok_or_else(|| wrong(KEY, "an object of texts"))
}

fn milliseconds(settings: &ProviderSettings, key: &str) -> Result<Option<Duration>, Error> {
    match settings.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(&Value::Number(ms)) if ms >= 0.0 && ms.is_finite() => Ok(Some(Duration::from_millis(ms as u64))),
        Some(_) => Err(wrong(key, "a number of milliseconds")),
    }
}

const IDLE: Duration = Duration::from_secs(600);
const GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::object;

    #[test]
    fn mistakes_name_the_setting() {
        for (key, value) in [
            ("headlessArguments", Value::from("--fast")),
            ("headlessEnvironment", vec![Value::from(1)].into()),
            ("headlessVariables", object! { "A": 1 }.into()),
            ("headlessIdleTimeoutMs", "1s".into()),
        ] {
            let settings = ProviderSettings::new("codex").with(key, value);
            let error = HeadlessConfig::from_settings(Program::Codex, &settings).unwrap_err();
            assert!(error.message().contains(&format!("`{key}`")), "{error}");
        }
        let settings = ProviderSettings::new("headless");
        let error = HeadlessConfig::from_settings(Program::Generic, &settings).unwrap_err();
        assert!(error.message().contains("`headlessCommand`"));
    }

    #[test]
    fn no_limit_is_spelt_zero() {
        let settings = ProviderSettings::new("codex").with("headlessIdleTimeoutMs", 0);
        assert_eq!(HeadlessConfig::from_settings(Program::Codex, &settings).unwrap().idle, None);
    }
}
