//! Where keys are kept, and how they are fetched: a variable, a file, the keyring, a program.

use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use crate::manager::ApiKey;
use crate::{Context, Error};

/// Where a key is kept. `Debug` and `Display` never show a key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    /// In an environment variable.
    Variable(String),
    /// In a file, alone; white space around it does not count.
    File(PathBuf),
    /// In the keyring of the operating system.
    Keyring {
        /// The service or the program that the entry belongs to.
        service: String,
        /// The entry's account.
        account: String,
    },
    /// A program prints it: its path or name, then its arguments. No shell is involved.
    Command(Vec<String>),
    /// In the configuration itself.
    Written(ApiKey),
}

/// A store of secrets, such as the keyring of the operating system.
///
/// The library brings none, to stay light; the program `samewire` brings the system's.
pub trait SecretStore: Send + Sync + 'static {
    /// The secret of an account; `None` if there is none. It may block: it is called off the runtime.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) when the store cannot be asked.
    fn read(&self, service: &str, account: &str) -> Result<Option<String>, Error>;
}

/// What keys are fetched with.
#[derive(Clone)]
pub struct KeyReader {
    context: Context,
    keyring: Option<Arc<dyn SecretStore>>,
    command_timeout: Duration,
}

impl KeyReader {
    /// Reads variables from the context, files, and the output of programs; knows no keyring.
    pub fn new(context: Context) -> Self {
        Self { context, keyring: None, command_timeout: Duration::from_secs(60) }
    }

    /// The same reader with a keyring.
    #[must_use]
    pub fn with_keyring(mut self, keyring: Arc<dyn SecretStore>) -> Self {
        self.keyring = Some(keyring);
        self
    }

    /// How long a program may take to print a key; 60 s, so that a person can type a password.
    #[must_use]
    pub fn with_command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// The context that variables are read from.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Fetches a key.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration), saying where it was looked for and why it is not
    /// there. What a program writes to its error output goes to ours, as it may ask for something.
    pub async fn read(&self, source: &KeySource) -> Result<ApiKey, Error> {
        let text = match source {
            KeySource::Written(key) => return Ok(key.clone()),
            KeySource::Variable(name) => match self.context.env(name) {
                Some(value) => value.to_owned(),
                None => {
                    return Err(Error::configuration(format!("the environment variable {name} is not set")));
                }
            },
            KeySource::File(path) => tokio::fs::read_to_string(path).await.map_err(|error| {
                Error::configuration(format!("the key file {} cannot be read: {error}", path.display()))
            })?,
            KeySource::Keyring { service, account } => self.ask_keyring(service, account).await?,
            KeySource::Command(arguments) => self.run_command(arguments).await?,
        };
        let key = text.trim();
        if key.is_empty() {
            return Err(Error::configuration(format!("{source} holds no key: it is empty")));
        }
        if key.contains(char::is_control) {
            return Err(Error::configuration(format!(
                "{source} holds more than one line; a key is one word"
            )));
        }
        Ok(ApiKey::new(key.to_owned()))
    }

    async fn ask_keyring(&self, service: &str, account: &str) -> Result<String, Error> {
        let Some(keyring) = self.keyring.clone() else {
            return Err(Error::configuration(format!(
                "the keyring has to be asked for {service}/{account}, but this program was built without one"
            )));
        };
        let (asked_service, asked_account) = (service.to_owned(), account.to_owned());
        let outcome = tokio::task::spawn_blocking(move || keyring.read(&asked_service, &asked_account)).await;
        match outcome {
            Ok(Ok(Some(key))) => Ok(key),
            Ok(Ok(None)) => Err(Error::configuration(format!(
                "the keyring has no entry for service {service}, account {account}"
            ))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::configuration("the keyring broke down while it was asked")),
        }
    }

    async fn run_command(&self, arguments: &[String]) -> Result<String, Error> {
        let (program, arguments) =
            arguments.split_first().map_or(("", [].as_slice()), |(p, a)| (p.as_str(), a));
        let fail = |what: String| Error::configuration(format!("the key's command `{program}` {what}"));
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).envs(self.context.environment.iter());
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let seconds = self.command_timeout.as_secs();
        let output = tokio::time::timeout(self.command_timeout, command.output())
            .await
            .map_err(|_| fail(format!("printed no key within {seconds} s")))?
            .map_err(|error| fail(format!("cannot be started: {error}")))?;
        if !output.status.success() {
            return Err(fail(format!("failed: {}", output.status)));
        }
        String::from_utf8(output.stdout).map_err(|_| fail("printed something else than text".to_owned()))
    }
}

impl fmt::Debug for KeyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyReader").field("keyring", &self.keyring.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Keyring { service, account } => write!(f, "keyring entry {service}/{account}"),
            Self::Command(arguments) => {
                write!(f, "command {}", arguments.first().map(String::as_str).unwrap_or_default())
            }
            Self::Written(_) => f.write_str("configuration, written out"),
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::transport::ReplayTransport;

    struct OneEntry;

    impl SecretStore for OneEntry {
        fn read(&self, service: &str, account: &str) -> Result<Option<String>, Error> {
            Ok((service == "samewire" && account == "groq").then(|| "gsk-ring".to_owned()))
        }
    }

    fn reader() -> KeyReader {
        let mut context =
            Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(TestClock::default()));
        let variables = [("SET", " gsk-var\n"), ("EMPTY", ""), ("PATH", &std::env::var("PATH").unwrap())];
        context.environment =
            Arc::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        KeyReader::new(context).with_keyring(Arc::new(OneEntry))
    }

    async fn read(source: KeySource) -> Result<String, String> {
        let outcome = reader().read(&source).await;
        outcome.map(|key| key.expose().to_owned()).map_err(|error| error.message().to_owned())
    }

    fn entry(account: &str) -> KeySource {
        KeySource::Keyring { service: "samewire".into(), account: account.into() }
    }

    #[tokio::test]
    async fn keys_come_from_where_they_are_kept() {
        assert_eq!(read(KeySource::Variable("SET".into())).await, Ok("gsk-var".into()));
        assert_eq!(read(entry("groq")).await, Ok("gsk-ring".into()));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "gsk-file\n").unwrap();
        assert_eq!(read(KeySource::File(file)).await, Ok("gsk-file".into()));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn commands_get_their_arguments_as_they_are() {
        let command = |words: &[&str]| KeySource::Command(words.iter().map(ToString::to_string).collect());
        assert_eq!(read(command(&["printf", "%s", "a $HOME;b"])).await, Ok("a $HOME;b".into()));
        assert!(read(command(&["false"])).await.unwrap_err().contains("`false` failed"));
        assert!(read(command(&["/no/such/program"])).await.unwrap_err().contains("cannot be started"));
        assert!(read(command(&["printf", "a\\nb"])).await.unwrap_err().contains("more than one line"));
        let slow = reader().with_command_timeout(Duration::ZERO);
        let error = slow.read(&command(&["sleep", "60"])).await.unwrap_err();
        assert!(error.message().contains("printed no key"), "{error}");
    }

    #[tokio::test]
    async fn a_key_that_is_not_there_is_looked_for_by_name() {
        assert!(read(KeySource::Variable("UNSET".into())).await.unwrap_err().contains("UNSET is not set"));
        assert!(read(KeySource::Variable("EMPTY".into())).await.unwrap_err().contains("EMPTY holds no key"));
        assert!(read(KeySource::File("/no/key".into())).await.unwrap_err().contains("/no/key"));
        assert!(read(entry("xai")).await.unwrap_err().contains("account xai"));
    }

    #[test]
    fn no_key_is_shown() {
        let source = KeySource::Written(ApiKey::new("gsk-secret"));
        assert!(!format!("{source:?} {source}").contains("secret"));
    }
}
