//! What came of a run, as a table, as JSON or as a page.

mod page;

use std::collections::BTreeMap;
use std::fmt::Write;

use samewire::json::{Object, Value, object};

use crate::evidence::Evidence;
use crate::harness::{CaseOutcome, CaseReport};
use crate::levels::Level;

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every case, in the order of its id.
    pub cases: Vec<CaseReport>,
    /// Deviations that are listed although nothing differs there.
    pub stale: Vec<String>,
}

/// How many cases came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub cases: usize,
    /// The same at every level.
    pub passed: usize,
    /// Not the same.
    pub failed: usize,
    /// Not the same, for a listed reason.
    pub deviating: usize,
    /// Not checked, for a reason.
    pub not_applicable: usize,
    /// For each level, how many passed and how many were checked.
    levels: [(usize, usize); 3],
}

impl Counts {
    fn add(&mut self, case: &CaseReport) {
        self.cases += 1;
        match case.outcome {
            CaseOutcome::Passed => self.passed += 1,
            CaseOutcome::Failed { .. } => self.failed += 1,
            CaseOutcome::Deviating(_) => self.deviating += 1,
            CaseOutcome::NotApplicable(_) => self.not_applicable += 1,
        }
        for (level, passed) in &case.levels {
            let count = &mut self.levels[*level as usize];
            count.0 += usize::from(*passed);
            count.1 += 1;
        }
    }

    fn put_into(self, object: &mut Object) {
        object.insert("cases", self.cases);
        object.insert("passed", self.passed);
        object.insert("failed", self.failed);
        object.insert("deviating", self.deviating);
        object.insert("not_applicable", self.not_applicable);
    }

    fn row(self, name: &str) -> String {
        let mut row = format!(
            "{name:24}{:>7}{:>8}{:>8}{:>11}{:>16}",
            self.cases, self.passed, self.failed, self.deviating, self.not_applicable
        );
        for (passed, checked) in self.levels {
            let cell = if checked == 0 { "-".to_owned() } else { format!("{passed}/{checked}") };
            let _ = write!(row, "{cell:>12}");
        }
        row
    }
}

impl Report {
    /// Whether every case passed or differs for a reason, and every listed deviation is still needed.
    pub fn is_success(&self) -> bool {
        self.total().failed == 0 && self.stale.is_empty()
    }

    /// The counts of all cases.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.cases.iter().for_each(|case| total.add(case));
        total
    }

    /// A row for each provider, each failing case with its first difference, and how many cases deviate or
    /// do not apply for which reason.
    pub fn to_table(&self) -> String {
        let mut out = format!(
            "{:24}{:>7}{:>8}{:>8}{:>11}{:>16}{:>12}{:>12}{:>12}\n",
            "provider",
            "cases",
            "passed",
            "failed",
            "deviating",
            "not applicable",
            "encode",
            "decode",
            "socket"
        );
        for (provider, counts) in self.providers() {
            let _ = writeln!(out, "{}", counts.row(provider));
        }
        let _ = writeln!(out, "{}", self.total().row("total"));
        for (case, level, difference) in self.failures() {
            let failed = case.levels.iter().filter(|(other, passed)| !passed && *other != level);
            let others: Vec<&str> = failed.map(|(level, _)| level.name()).collect();
            let also =
                if others.is_empty() { String::new() } else { format!(" (also {})", others.join(", ")) };
            let _ = write!(out, "\n{} {level}{also}\n    {difference}\n", case.id);
        }
        for (heading, reasons) in
            [("deviating", self.reasons(deviating)), ("not applicable", self.reasons(ignored))]
        {
            if !reasons.is_empty() {
                let _ = write!(out, "\n{heading}\n");
            }
            for (reason, count) in reasons {
                let _ = writeln!(out, "{count:>7}  {reason}");
            }
        }
        for entry in &self.stale {
            let _ = write!(out, "\nconformance/deviations.toml: {entry}; take it out\n");
        }
        out
    }

    /// The counts and failures as one line of JSON.
    pub fn to_json(&self) -> String {
        let providers: Value = self
            .providers()
            .into_iter()
            .map(|(provider, counts)| {
                let mut row = object! { "provider": provider };
                counts.put_into(&mut row);
                row.into()
            })
            .collect();
        let mut total = Object::new();
        self.total().put_into(&mut total);
        let failures: Value = self
            .failures()
            .map(|(case, level, difference)| {
                object! { "case": case.id.as_str(), "level": level.name(), "difference": difference }.into()
            })
            .collect();
        Value::from(object! { "providers": providers, "total": total, "failures": failures }).to_json()
    }

    fn providers(&self) -> BTreeMap<&str, Counts> {
        let mut providers: BTreeMap<&str, Counts> = BTreeMap::new();
        for case in &self.cases {
            providers.entry(case.provider()).or_default().add(case);
        }
        providers
    }

    /// How many cases there are for each reason that the function finds in an outcome.
    fn reasons(&self, of: fn(&CaseOutcome) -> Option<&str>) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for reason in self.cases.iter().filter_map(|case| of(&case.outcome)) {
            *reasons.entry(reason).or_default() += 1;
        }
        reasons
    }

    fn failures(&self) -> impl Iterator<Item = (&CaseReport, Level, &str)> {
        self.cases.iter().filter_map(|case| match &case.outcome {
            CaseOutcome::Failed { level, difference } => Some((case, *level, difference.as_str())),
            _ => None,
        })
    }
}

fn deviating(outcome: &CaseOutcome) -> Option<&str> {
    if let CaseOutcome::Deviating(reason) = outcome { Some(reason) } else { None }
}

fn ignored(outcome: &CaseOutcome) -> Option<&str> {
    if let CaseOutcome::NotApplicable(reason) = outcome { Some(reason) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let case = |id: &str, outcome, levels: &[(Level, bool)]| CaseReport {
            id: id.into(),
            outcome,
            levels: levels.to_vec(),
            ..CaseReport::new(String::new(), CaseOutcome::Passed)
        };
        let failed = CaseOutcome::Failed { level: Level::Decode, difference: "stream[0]: x".into() };
        Report {
            cases: vec![
                case("a/one", CaseOutcome::Passed, &[(Level::Encode, true), (Level::Decode, true)]),
                case(
                    "a/two",
                    failed,
                    &[(Level::Encode, true), (Level::Decode, false), (Level::Socket, false)],
                ),
                case("b/one", CaseOutcome::NotApplicable("no".into()), &[]),
                case("b/two", CaseOutcome::Deviating("so".into()), &[(Level::Encode, true)]),
            ],
            stale: Vec::new(),
        }
    }

    #[test]
    fn json_has_the_documented_form() {
        let expected = concat!(
            r#"{"providers":[{"provider":"a","cases":2,"passed":1,"failed":1,"deviating":0,"not_applicable":0},"#,
            r#"{"provider":"b","cases":2,"passed":0,"failed":0,"deviating":1,"not_applicable":1}],"#,
            r#""total":{"cases":4,"passed":1,"failed":1,"deviating":1,"not_applicable":1},"#,
            r#""failures":[{"case":"a/two","level":"decode","difference":"stream[0]: x"}]}"#
        );
        assert_eq!(report().to_json(), expected);
    }

    #[test]
    fn the_table_tells_the_first_difference_and_the_other_levels() {
        let table = report().to_table();
        assert!(table.contains("\na/two decode (also socket)\n    stream[0]: x\n"), "{table}");
        assert!(table.contains("2/2") && table.contains("1/2"), "{table}");
    }

    #[test]
    fn stale_deviations_fail_the_run() {
        let mut report = report();
        report.cases.remove(1);
        assert!(report.is_success());
        report.stale.push("nothing differs any more at \"x/*\" (old)".into());
        assert!(!report.is_success());
        assert!(report.to_table().contains("nothing differs any more at \"x/*\" (old)"));
    }
}
