//! Sends samewire at the chaos server, and judges what came out.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use samewire::layers::{HeadLimit, TimeoutLayer, standard_within};
use samewire::transport::HyperTransport;
use samewire::{Error, ErrorKind};

use super::{ChaosServer, Fault};
use crate::calls::{Entry, entry};
use crate::fixture::Case;
use crate::levels::call;
use crate::rewrite::RewriteTransport;
use crate::world::World;

/// How long things may take and how large they may be, as the settings `connectTimeoutMs`, `headTimeoutMs`,
/// `idleTimeoutMs`, `totalTimeoutMs` and `bodyLimitBytes` say it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest wait for a response head.
    pub head: Duration,
    /// The longest silence inside a body.
    pub idle: Duration,
    /// The longest a call may take.
    pub total: Duration,
    /// The largest body, decoded.
    pub body_bytes: u64,
}

impl Default for Limits {
    /// Seconds, and 4 MiB.
    fn default() -> Self {
        Self {
            // Well before the head's, or chance would say which of them ends a silent connection.
            connect: Duration::from_secs(2),
            head: Duration::from_secs(3),
            idle: Duration::from_secs(2),
            total: Duration::from_secs(20),
            body_bytes: 4 << 20,
        }
    }
}

/// What came out of one call under faults.
#[derive(Debug)]
pub struct Trial {
    /// Each token as the reference's chunk prints.
    pub tokens: Vec<String>,
    /// The error at the end, if there was one.
    pub error: Option<Error>,
    /// Why the model stopped, if it was heard.
    pub finish_reason: Option<String>,
    /// How many requests a fault struck.
    pub struck: usize,
    /// How many bytes of bodies the server got rid of.
    pub sent_bytes: u64,
    /// How long it took.
    pub time: Duration,
    /// The tokens of the recording.
    expected: Vec<String>,
}

/// What a trial shows, if it is all right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All tokens, no error.
    Right,
    /// An error behind right tokens.
    Error(ErrorKind),
    /// Right tokens, fewer than there were, no error; no finish reason either, which tells it.
    Short,
    /// Other tokens than recorded, as the bytes were others.
    Altered,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right => f.write_str("right"),
            Self::Error(kind) => write!(f, "error: {kind:?}"),
            Self::Short => f.write_str("short, no finish reason"),
            Self::Altered => f.write_str("altered"),
        }
    }
}

/// Why there was no trial.
pub type TrialError = String;

impl Trial {
    /// Runs a case once against a server of its own.
    ///
    /// # Errors
    ///
    /// If the case calls something that has no requests, or the server cannot be started.
    pub async fn run(case: &Case, faults: &[Fault], limits: Limits) -> Result<Self, TrialError> {
        let Some(Entry::Run(run)) = entry(&case.call) else {
            return Err(format!("{}: nothing to run for {:?}", case.id, case.call));
        };
        if case.exchanges.is_empty() {
            return Err(format!("{}: there is no exchange in which something could go wrong", case.id));
        }
        let failed = |error: &dyn fmt::Display| format!("{}: {error}", case.id);
        let server =
            ChaosServer::start(case.clone(), faults, "127.0.0.1:0").await.map_err(|error| failed(&error))?;
        let mut http = HyperTransport::builder()
            .system_proxy(false)
            .connect_timeout(Some(limits.connect))
            .body_idle_timeout(Some(limits.idle));
        if let Some(pem) = server.certificate() {
            http = http.ca_certificates(pem);
        }
        let http = http.build().map_err(|error| failed(&error))?;
        let network = Arc::new(RewriteTransport::new(http, &server.url()));
        let mut world = World::new(case, network.clone()).map_err(|error| failed(&error))?;
        let standard = standard_within(network, world.context.clock.clone(), Some(limits.body_bytes));
        let timed = TimeoutLayer::new(standard).head(HeadLimit::At(limits.head)).total(Some(limits.total));
        world.context.transport = Arc::new(timed);
        let begun = Instant::now();
        let outcome = call(&world, run).await;
        Ok(Self {
            tokens: outcome.tokens,
            error: outcome.error,
            finish_reason: outcome.summary.and_then(|summary| summary.finish_reason).map(String::from),
            struck: server.struck(),
            sent_bytes: server.sent_bytes(),
            time: begun.elapsed(),
            expected: case.expected.stream.clone().unwrap_or_default(),
        })
    }

    /// Judges the outcome against the recording.
    ///
    /// # Errors
    ///
    /// What no fault excuses: an invented token, a part taken for the whole, an error without words.
    pub fn judge(&self, fault: Fault) -> Result<Verdict, String> {
        if let Some(error) = self.error.as_ref().filter(|error| error.message().trim().is_empty()) {
            return Err(format!("an error without a message: {error:?}"));
        }
        if !fault.alters_bytes()
            && let Some(invented) = self.invented()
        {
            return Err(format!("an invented token: {invented}"));
        }
        if let Some(error) = &self.error {
            return Ok(Verdict::Error(error.kind()));
        }
        if self.tokens == self.expected {
            return Ok(Verdict::Right);
        }
        if fault.alters_bytes() {
            return Ok(Verdict::Altered);
        }
        match &self.finish_reason {
            None => Ok(Verdict::Short),
            Some(reason) => Err(format!(
                "{} of {} tokens, no error, and yet the finish reason {reason:?}",
                self.tokens.len(),
                self.expected.len()
            )),
        }
    }

    /// The first token that the recording does not have at its place. Where the reference tells an error in the
    /// text too, that text does not count, nor does its sum of what was used at the end of whatever came; where
    /// it begins again after a failure, the count begins again.
    fn invented(&self) -> Option<&str> {
        let mut told = &self.tokens[..];
        if let (Some(error), [before @ .., text, _]) = (&self.error, told)
            && text.starts_with(ANNOUNCEMENT)
            && text.contains(error.message().split('\n').next().unwrap_or_default())
        {
            told = before;
        }
        if let [before @ .., sum] = told
            && sum.starts_with(USAGE)
        {
            told = before;
        }
        let mut at = 0;
        for token in told {
            if self.expected.get(at) == Some(token) {
                at += 1;
            } else if self.struck > 1 && self.expected.first() == Some(token) {
                at = 1;
            } else {
                return Some(token);
            }
        }
        None
    }
}

/// How a text begins that tells an error.
const ANNOUNCEMENT: &str = r#"{"type":"text","text":"Error: "#;

/// How a token begins that counts what was used.
const USAGE: &str = r#"{"type":"usage""#;
