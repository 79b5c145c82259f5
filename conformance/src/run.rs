//! A run over many cases.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::deviations::Deviations;
use crate::fixture::Case;
use crate::harness::{CaseReport, Harness};
use crate::levels::Level;
use crate::report::Report;
use crate::suite::{load, own_fixtures};

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder of fixtures; the project's own if there is none.
    pub fixtures: Option<PathBuf>,
    /// Beginnings of case ids; all cases if there are none.
    pub filters: Vec<String>,
    /// One level only; all of them if there is none.
    pub level: Option<Level>,
    /// Whether to keep both sides of what differs, for [`Report::to_html`].
    pub evidence: bool,
}

/// Runs the cases on every core.
///
/// Deviations that are no longer needed count only when the project's own fixtures run whole.
///
/// # Errors
///
/// Says what is wrong with the options, the list of deviations or a fixture.
pub fn run(options: &Options) -> Result<Report, String> {
    let own = own_fixtures();
    let folder = options.fixtures.clone().unwrap_or_else(|| own.clone());
    let cases: Vec<Arc<Case>> = load(&folder, &options.filters)?.into_iter().map(Arc::new).collect();
    let harness = Harness::new(Deviations::of_project()?)?;
    let levels = options.level.map_or(Level::ALL.to_vec(), |level| vec![level]);
    let reports = check_all(&harness, &cases, &levels, options.evidence);
    let is_whole = options.filters.is_empty()
        && options.level.is_none()
        && folder.canonicalize().is_ok_and(|folder| folder == own);
    let stale = if is_whole { stale(&harness, &reports) } else { Vec::new() };
    Ok(Report { cases: reports, stale })
}

fn check_all(harness: &Harness, cases: &[Arc<Case>], levels: &[Level], evidence: bool) -> Vec<CaseReport> {
    let check = if evidence { Harness::check_with_evidence } else { Harness::check };
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(cases.len()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = check(harness, case, levels);
            done.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut reports = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    reports.sort_by(|a, b| a.id.cmp(&b.id));
    reports
}

fn stale(harness: &Harness, reports: &[CaseReport]) -> Vec<String> {
    let used: Vec<usize> = reports.iter().flat_map(|report| report.used.iter().copied()).collect();
    harness.deviations().stale(&used, samewire::provider_ids())
}
