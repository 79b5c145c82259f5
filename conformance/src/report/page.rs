//! The report as one page that needs nothing else: `page.html` with its style, its script and the data.
//!
//! The data stands in a script element that no browser runs, with every `<` escaped, and `page.js` puts it
//! into the page as text only. Should a recorded body get past both, the page's policy runs no script but
//! the one whose hash it names, and loads nothing.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use samewire::Text;
use samewire::json::{Object, Value, object};
use sha2::{Digest, Sha256};

use super::Report;
use crate::harness::{CaseOutcome, CaseReport};
use crate::levels::Level;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Report {
    /// The report as a page for a browser, complete in itself: providers by level, every case, and both sides
    /// of those that differ, if [`Options::evidence`](crate::Options::evidence) was set.
    pub fn to_html(&self) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_millis() as f64);
        fill(&self.page_data(now).to_json().replace('<', "\\u003c"))
    }

    fn page_data(&self, now: f64) -> Value {
        object! {
            "version": env!("CARGO_PKG_VERSION"),
            "at": now,
            "levels": Level::ALL.into_iter().map(|level| Value::from(level.name())).collect::<Value>(),
            "cases": self.cases.iter().map(case_data).collect::<Value>(),
            "stale": self.stale.iter().map(|entry| Value::from(entry.as_str())).collect::<Value>(),
        }
        .into()
    }
}

fn case_data(case: &CaseReport) -> Value {
    let (outcome, note) = match &case.outcome {
        CaseOutcome::Passed => ("passed", None),
        CaseOutcome::Failed { difference, .. } => ("failed", Some(difference)),
        CaseOutcome::Deviating(reason) => ("deviating", Some(reason)),
        CaseOutcome::NotApplicable(reason) => ("not applicable", Some(reason)),
    };
    let levels = case.levels.iter().map(|(level, passed)| (Text::from(level.name()), Value::from(*passed)));
    let mut data = object! { "id": case.id.as_str(), "outcome": outcome };
    data.insert("levels", levels.collect::<Object>());
    data.insert_some("note", note.map(String::as_str));
    data.insert_some("level", case.differing.map(Level::name));
    data.insert_some("evidence", case.evidence.as_ref().map(super::Evidence::to_value));
    data.into()
}

/// Puts style, script and data into the page, in the order in which it asks for them: nothing that was put
/// in is looked at again.
fn fill(data: &str) -> String {
    let policy = format!("sha256-{}", BASE64.encode(Sha256::digest(SCRIPT)));
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + data.len());
    let mut rest = PAGE;
    for (mark, content) in [
        ("{{script hash}}", policy.as_str()),
        ("{{style}}", STYLE),
        ("{{data}}", data),
        ("{{script}}", SCRIPT),
    ] {
        let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
        page.push_str(before);
        page.push_str(content);
        rest = after;
    }
    page + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_complete_and_loads_nothing() {
        let page = Report::default().to_html();
        for part in [STYLE, SCRIPT, r#"{"version":""#, "</html>"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("{{"), "a mark is left");
        for loading in ["src=", "href=", "url(", "@import", "fetch(", "innerHTML", "eval("] {
            assert!(!page.contains(loading), "{loading}");
        }
    }

    #[test]
    fn recorded_text_cannot_leave_its_element() {
        let hostile = "</script><script>alert(1)</script><!-- {{script}} {{data}}";
        let case = CaseReport::new(hostile.into(), CaseOutcome::Deviating(hostile.into()));
        let page = Report { cases: vec![case], stale: vec![hostile.into()] }.to_html();
        assert_eq!(page.matches("</script").count(), 2, "the page's own two");
        assert!(!page.contains("<script>alert") && !page.contains("<!-- {{"));
        assert!(
            page.contains(r"\u003c/script>\u003cscript>alert(1)\u003c/script>\u003c!-- {{script}} {{data}}")
        );
    }
}
