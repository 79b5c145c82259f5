//! Checks cases, one at a time, safe from panics and from waiting for ever.

use std::sync::Arc;
use std::time::Duration;

use samewire::transport::HyperTransport;
use tokio::runtime::Runtime;

use crate::calls::{Entry, Run, entry};
use crate::deviations::Deviations;
use crate::evidence::Evidence;
use crate::fixture::Case;
use crate::levels::{self, Level};
use crate::verdict::Verdict;

/// Checks cases against samewire. Share one: it holds the runtime and the HTTP client.
pub struct Harness {
    /// Taken only when dropped.
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
}

struct Shared {
    deviations: Deviations,
    http: HyperTransport,
}

/// What became of a case.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// The case's id.
    pub id: String,
    /// The outcome over all levels.
    pub outcome: CaseOutcome,
    /// The levels that were checked, and whether each passed (or deviated as allowed).
    pub levels: Vec<(Level, bool)>,
    /// The deviations that allowed it to differ, by their place in the list.
    pub(crate) used: Vec<usize>,
    /// The first level at which it differed, allowed or not.
    pub(crate) differing: Option<Level>,
    /// Both sides, where they were asked for and differ.
    pub(crate) evidence: Option<Evidence>,
}

/// What became of a case, over all levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseOutcome {
    /// The same at every level.
    Passed,
    /// Not the same, for the reason given and allowed.
    Deviating(String),
    /// Not the same.
    Failed {
        /// The first level that differs.
        level: Level,
        /// The first difference there.
        difference: String,
    },
    /// There is no way to check it, for the reason given.
    NotApplicable(String),
}

impl Harness {
    /// A harness that allows these deviations.
    ///
    /// # Errors
    ///
    /// When the system gives no threads or no sockets.
    pub fn new(deviations: Deviations) -> Result<Self, String> {
        let http =
            HyperTransport::builder().system_proxy(false).build().map_err(|error| error.to_string())?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // Some to spare, should a case hold one up.
            .worker_threads(threads + 2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { runtime: Some(runtime), shared: Arc::new(Shared { deviations, http }) })
    }

    /// The deviations that this harness allows.
    pub fn deviations(&self) -> &Deviations {
        &self.shared.deviations
    }

    /// Checks a case at these levels. Must not be called from within an asynchronous task.
    pub fn check(&self, case: &Arc<Case>, levels: &[Level]) -> CaseReport {
        let run = match self.applicable(case) {
            Ok(run) => run,
            Err(outcome) => return CaseReport::new(case.id.clone(), outcome),
        };
        let mut report = CaseReport::new(case.id.clone(), CaseOutcome::Passed);
        for level in levels {
            if let Some(verdict) = self.verdict(case, *level, run) {
                report.add(*level, verdict, &self.shared.deviations);
            }
        }
        report
    }

    /// Checks a case, and keeps both sides if they differ.
    pub(crate) fn check_with_evidence(&self, case: &Arc<Case>, levels: &[Level]) -> CaseReport {
        let mut report = self.check(case, levels);
        let (Some(level), Ok(run), Some(runtime)) =
            (report.differing, self.applicable(case), self.runtime.as_ref())
        else {
            return report;
        };
        let (case, shared) = (case.clone(), self.shared.clone());
        let collecting =
            runtime.spawn(async move { Evidence::collect(&case, level, run, &shared.http).await });
        let abort = collecting.abort_handle();
        // A case that panics or hangs has said so already, and shows nothing besides.
        report.evidence = runtime.block_on(async {
            let collected = tokio::time::timeout(TIME_LIMIT, collecting).await;
            abort.abort();
            collected.ok()?.ok()?.ok()
        });
        report
    }

    /// Whether a case can be checked.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn is_applicable(&self, case: &Case) -> Result<(), String> {
        match self.applicable(case) {
            Err(CaseOutcome::NotApplicable(reason)) => Err(reason),
            _ => Ok(()),
        }
    }

    fn applicable(&self, case: &Case) -> Result<Run, CaseOutcome> {
        let run = match entry(&case.call) {
            Some(Entry::Run(run)) => run,
            Some(Entry::Missing(reason)) => return Err(CaseOutcome::NotApplicable(reason.to_owned())),
            None => {
                let difference = format!("the harness does not know the call `{}`", case.call);
                return Err(CaseOutcome::Failed { level: Level::Encode, difference });
            }
        };
        let message = case.expected.error.as_ref().and_then(|error| error.get("message")?.as_str());
        if message.is_some_and(|message| self.shared.deviations.is_failed_recording(message)) {
            return Err(CaseOutcome::NotApplicable("the recording failed".into()));
        }
        match case.api_provider() {
            Some(provider)
                if samewire::provider_ids().all(|id| id != provider)
                    && self.shared.deviations.is_not_ported(provider) =>
            {
                Err(CaseOutcome::NotApplicable(format!("provider not ported: {provider}")))
            }
            _ => Ok(run),
        }
    }

    fn verdict(&self, case: &Arc<Case>, level: Level, run: Run) -> Option<Verdict> {
        let runtime = self.runtime.as_ref()?;
        let (case, shared) = (case.clone(), self.shared.clone());
        let task = runtime
            .spawn(async move { levels::check(&case, level, run, &shared.deviations, &shared.http).await });
        let abort = task.abort_handle();
        runtime.block_on(async {
            match tokio::time::timeout(TIME_LIMIT, task).await {
                Ok(Ok(verdict)) => verdict,
                Ok(Err(failure)) => Some(Verdict::Differs(format!("panicked: {}", panic_message(failure)))),
                Err(_) => {
                    abort.abort();
                    Some(Verdict::Differs(format!("not done within {} s", TIME_LIMIT.as_secs())))
                }
            }
        })
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        // Does not wait for a case that hangs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl CaseReport {
    pub(crate) fn new(id: String, outcome: CaseOutcome) -> Self {
        Self { id, outcome, levels: Vec::new(), used: Vec::new(), differing: None, evidence: None }
    }

    /// The first part of the case's id.
    pub fn provider(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    fn add(&mut self, level: Level, verdict: Verdict, deviations: &Deviations) {
        if verdict != Verdict::Same && self.differing.is_none() {
            self.differing = Some(level);
        }
        let allowed = match verdict {
            Verdict::Same => None,
            Verdict::Deviates(class) => Some(class.to_string()),
            Verdict::Differs(difference) => {
                let Some((index, deviation)) = deviations.allowing(&self.id, level) else {
                    self.levels.push((level, false));
                    if !matches!(self.outcome, CaseOutcome::Failed { .. }) {
                        self.differing = Some(level);
                        self.outcome = CaseOutcome::Failed { level, difference };
                    }
                    return;
                };
                self.used.push(index);
                Some(deviation.reason.clone())
            }
        };
        self.levels.push((level, true));
        if let (CaseOutcome::Passed, Some(reason)) = (&self.outcome, allowed) {
            self.outcome = CaseOutcome::Deviating(reason);
        }
    }
}

fn panic_message(failure: tokio::task::JoinError) -> String {
    let Ok(panic) = failure.try_into_panic() else { return "the task was cancelled".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// The longest that a case may take at one level.
const TIME_LIMIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::own_fixtures;

    /// The outcome of a case of ours with a part of its file replaced.
    fn check_changed(harness: &Harness, id: &str, from: &str, to: &str) -> CaseOutcome {
        let text = std::fs::read_to_string(own_fixtures().join(format!("{id}.json"))).unwrap();
        assert!(text.contains(from), "{id} does not hold {from}");
        let case = Case::parse(&text.replacen(from, to, 1)).unwrap();
        harness.check(&Arc::new(case), &Level::ALL).outcome
    }

    #[test]
    fn every_change_of_a_recording_is_noticed() {
        let harness = Harness::new(Deviations::default()).unwrap();
        for (id, from, to, level, place) in CHANGES {
            let CaseOutcome::Failed { level: found, difference } = check_changed(&harness, id, from, to)
            else {
                panic!("{id}: nobody noticed that {from} became {to}");
            };
            assert!(found == *level && difference.contains(place), "{id}: {found}: {difference}");
        }
        for (id, from, ..) in CHANGES {
            assert_eq!(check_changed(&harness, id, from, from), CaseOutcome::Passed, "{id}");
        }
    }

    const RETRY: &str = "anthropic/retry-after-ms";
    const ERROR: &str = "anthropic/error-401";

    const CHANGES: &[(&str, &str, &str, Level, &str)] = &[
        (RETRY, r#""POST""#, r#""PUT""#, Level::Encode, "request 1: method"),
        (
            RETRY,
            r#""target": "/v1/messages""#,
            r#""target": "/v1/message""#,
            Level::Encode,
            "request 1: target",
        ),
        (RETRY, r#""scheme": "https""#, r#""scheme": "http""#, Level::Encode, "request 1: scheme"),
        (RETRY, r#"["Host", "#, r#"["Hosts", "#, Level::Encode, "expected `hosts: "),
        (
            RETRY,
            r#""2023-06-01""#,
            r#""2023-06-02""#,
            Level::Encode,
            "expected `anthropic-version: 2023-06-02`",
        ),
        (
            RETRY,
            r#"["accept", "application/json"],"#,
            "",
            Level::Encode,
            "header line 2: expected `content-type",
        ),
        (RETRY, "8192", "8193", Level::Encode, "request 1: body: $.max_tokens, at offset "),
        (
            RETRY,
            "[1234.5]",
            "[1234.25]",
            Level::Encode,
            "waits between attempts: expected [1234.25] ms, got [1234.5]",
        ),
        (
            RETRY,
            r#""text":"ok"}"#,
            r#""text":"no"}"#,
            Level::Decode,
            "body whole: stream[2]: $.text, at offset 23",
        ),
        (RETRY, "0.00009", "0.00008", Level::Decode, "stream[4]: $.totalCost"),
        (RETRY, r#"{"type":"text","text":""},"#, "", Level::Decode, "stream[1]: "),
        (ERROR, r#""message": "401 "#, r#""message": "402 "#, Level::Decode, "error message: at offset 2"),
        (
            ERROR,
            r#""status": 401
  }"#,
            r#""status": 402
  }"#,
            Level::Decode,
            "error status: expected 402, got 401",
        ),
    ];
}
