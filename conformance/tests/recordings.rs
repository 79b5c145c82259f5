//! Every recording as a named test, at all three levels: `cargo test anthropic/tool-use` runs some of them.
//!
//! The project's own fixtures are named `<provider>/<case>`. Where the folders `../shared/fixtures` and
//! `../shared/upstream` stand beside the project, their other cases run too, as `shared:<provider>/<case>`
//! and `upstream:<provider>/<case>`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use samewire_conformance::{Case, CaseOutcome, Deviations, Harness, Level, find_cases, own_fixtures};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials() {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Result<Vec<Trial>, String> {
    let harness = Arc::new(Harness::new(Deviations::of_project()?)?);
    let mut known = HashSet::new();
    let mut trials = Vec::new();
    for (prefix, folder) in folders() {
        for (id, path) in find_cases(&folder)? {
            if known.insert(id.clone()) {
                trials.push(trial(&harness, format!("{prefix}{id}"), &path)?);
            }
        }
    }
    Ok(trials)
}

fn folders() -> Vec<(&'static str, PathBuf)> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let others = [("shared:", shared.join("fixtures")), ("upstream:", shared.join("upstream"))];
    let others = others.into_iter().filter(|(_, folder)| folder.is_dir());
    std::iter::once(("", own_fixtures())).chain(others).collect()
}

/// A case that does not apply shows as ignored.
fn trial(harness: &Arc<Harness>, name: String, path: &Path) -> Result<Trial, String> {
    let case = Arc::new(Case::load(path).map_err(|error| error.to_string())?);
    let ignored = harness.is_applicable(&case).is_err();
    let harness = harness.clone();
    let check = move || match harness.check(&case, &Level::ALL).outcome {
        CaseOutcome::Failed { level, difference } => Err(Failed::from(format!("{level}: {difference}"))),
        CaseOutcome::Passed | CaseOutcome::Deviating(_) | CaseOutcome::NotApplicable(_) => Ok(()),
    };
    Ok(Trial::test(name, check).with_ignored_flag(ignored))
}
