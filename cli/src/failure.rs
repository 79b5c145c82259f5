//! How a command can fail, and what the shell is told.

use std::io;
use std::process::ExitCode;

use samewire::config::Mistakes;
use samewire::{Error, ErrorKind, RetryAdvice};

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It cannot be done as asked; nothing was sent.
    Usage(String),
    /// A service refused or failed.
    Answer(Box<Error>),
    /// A check found something wrong, and has said so.
    Found,
    /// Ctrl-C.
    Interrupted,
    /// Whoever read the output has seen enough.
    Closed,
}

impl Failure {
    /// Says what is wrong, and gives the exit status.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(problem) => {
                eprintln!("samewire: {problem}");
                ExitCode::from(2)
            }
            Self::Answer(error) => {
                let provider = error.provider().map(|provider| format!("{provider}: ")).unwrap_or_default();
                eprintln!("samewire: {provider}{}{}{}", error.message(), cause(&error), advice(&error));
                ExitCode::FAILURE
            }
            Self::Found => ExitCode::FAILURE,
            Self::Interrupted => ExitCode::from(130),
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let nothing_sent = matches!(error.kind(), ErrorKind::Configuration | ErrorKind::Unsupported);
        if nothing_sent && error.status().is_none() {
            Self::Usage(error.message().to_owned())
        } else {
            Self::Answer(Box::new(error))
        }
    }
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self::Usage(problem)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::Usage(format!("the configuration is wrong\n{mistakes}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Usage(error.to_string()) }
    }
}

/// What stands behind the reference's words, which are often as few as `Connection error.`
fn cause(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause
        .filter(|cause| !error.message().contains(cause))
        .map(|cause| format!("\n{cause}"))
        .unwrap_or_default()
}

/// What a person can do about an error.
pub(crate) fn advice(error: &Error) -> String {
    match (error.kind(), error.retry()) {
        (ErrorKind::Authentication, _) => "\nCheck the API key.".to_owned(),
        (_, RetryAdvice::After(wait)) => format!("\nTry again in {} s.", wait.as_secs_f64().ceil()),
        (_, RetryAdvice::Backoff) => "\nTry again in a while.".to_owned(),
        (_, RetryAdvice::Never) => String::new(),
    }
}
