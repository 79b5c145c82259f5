//! Where samewire is known to differ from the reference, and why: `conformance/deviations.toml`.

use std::fmt;

use serde::Deserialize;

use crate::levels::Level;

/// The deviations that are allowed, and the providers that are not there yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviations {
    /// Providers whose cases do not apply until they are built.
    #[serde(default)]
    not_ported: Vec<String>,
    /// Errors that the recorder made, not the reference: such recordings say nothing.
    #[serde(default)]
    failed_recordings: Vec<String>,
    #[serde(default)]
    runtime_accident: RuntimeAccident,
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// Errors whose words come from the inside of the JavaScript runtime.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimeAccident {
    messages: Vec<String>,
}

/// Cases that differ for a reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deviation {
    cases: Patterns,
    levels: Option<Vec<Level>>,
    pub(crate) reason: String,
}

/// One pattern of case ids, or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Patterns {
    One(String),
    Several(Vec<String>),
}

impl Patterns {
    fn all(&self) -> &[String] {
        match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Several(patterns) => patterns,
        }
    }
}

/// A kind of deviation that is known by a rule, not by a list of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The recorded error comes from the inside of the JavaScript runtime: ours is an error too, in other
    /// words.
    RuntimeAccident,
    /// The recording holds half a surrogate pair, which is U+FFFD here.
    LoneSurrogate,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RuntimeAccident => "runtime accident",
            Self::LoneSurrogate => "lone surrogate",
        })
    }
}

impl Deviations {
    /// The project's own list.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the file, and where.
    pub fn of_project() -> Result<Self, String> {
        Self::parse(include_str!("../deviations.toml"))
            .map_err(|problem| format!("conformance/deviations.toml: {problem}"))
    }

    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    pub(crate) fn is_not_ported(&self, provider: &str) -> bool {
        self.not_ported.iter().any(|id| id == provider)
    }

    /// Whether an error message shows that the recording itself failed.
    pub(crate) fn is_failed_recording(&self, message: &str) -> bool {
        self.failed_recordings.iter().any(|pattern| matches(pattern, message))
    }

    /// The first entry that allows this case to differ at this level, with its place in the list.
    pub(crate) fn allowing(&self, case: &str, level: Level) -> Option<(usize, &Deviation)> {
        self.deviation.iter().enumerate().find(|(_, deviation)| deviation.covers(case, level))
    }

    /// Whether an error message comes from the inside of the JavaScript runtime, alone or behind prefixes
    /// such as `xAI completion error: `.
    pub(crate) fn is_accident(&self, message: &str) -> bool {
        let mut rest = Some(message);
        while let Some(text) = rest {
            if self.runtime_accident.messages.iter().any(|pattern| matches(pattern, text)) {
                return true;
            }
            rest = text.split_once(": ").map(|(_, behind)| behind);
        }
        false
    }

    /// What the list says although it is no longer so: entries that are not among the used ones, and
    /// providers that are built.
    pub(crate) fn stale(&self, used: &[usize], built: impl Iterator<Item = &'static str>) -> Vec<String> {
        let unused = self.deviation.iter().enumerate().filter(|(index, _)| !used.contains(index));
        let unused = unused.map(|(_, d)| {
            format!("nothing differs any more at {:?} ({})", d.cases.all().join(", "), d.reason)
        });
        let built = built.filter(|id| self.is_not_ported(id));
        unused.chain(built.map(|id| format!("{id} is built, but listed as not ported"))).collect()
    }
}

impl Deviation {
    fn covers(&self, case: &str, level: Level) -> bool {
        self.levels.as_ref().is_none_or(|levels| levels.contains(&level))
            && self.cases.all().iter().any(|pattern| matches(pattern, case))
    }
}

/// Whether a text fits a pattern, in which `*` stands for any text and `?` for one character.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                // Let the last `*` take one more character.
                let Some((behind, taken)) = retry else { return false };
                p = behind;
                t = taken + 1;
                retry = Some((behind, taken + 1));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        not_ported = ["gemini"]

        [runtime_accident]
        messages = ["Cannot read properties of *", "* is not iterable", "[\n  {*", "error:????????:*"]

        [[deviation]]
        cases = "transport/*-gzip-*"
        levels = ["socket"]
        reason = "because"

        [[deviation]]
        cases = "openai/one"
        reason = "never"
    "#;

    #[test]
    fn patterns_match_whole_texts() {
        assert!(matches("a/*-b-*", "a/x-b-y"));
        assert!(matches("*", ""));
        assert!(matches("a*a", "aa"));
        assert!(matches("a?c*", "abcdef"));
        assert!(matches("*b*b", "abxb"));
        assert!(!matches("a*a", "a"));
        assert!(!matches("a", "ab"));
        assert!(!matches("", "a"));
    }

    #[test]
    fn accidents_are_known_behind_prefixes() {
        let list = Deviations::parse(LIST).unwrap();
        for message in [
            "Cannot read properties of undefined (reading '0')",
            "xAI completion error: Cannot read properties of null (reading 'message')",
            "response.data is not iterable",
            "OpenAI completion error: [\n  {\n    \"code\": \"x\"}]",
            "error:1E08010C:DECODER routines::unsupported",
        ] {
            assert!(list.is_accident(message), "{message}");
        }
        for message in ["Connection error.", "401 Cannot read", "error: no such model", "400 [1]"] {
            assert!(!list.is_accident(message), "{message}");
        }
    }

    #[test]
    fn entries_are_found_by_case_and_level() {
        let list = Deviations::parse(LIST).unwrap();
        let found = |case, level| list.allowing(case, level).map(|(index, _)| index);
        assert_eq!(found("transport/a-gzip-b", Level::Socket), Some(0));
        assert_eq!(found("transport/a-gzip-b", Level::Encode), None);
        assert_eq!(found("openai/one", Level::Decode), Some(1));
        assert!(list.is_not_ported("gemini") && !list.is_not_ported("openai"));
    }

    #[test]
    fn unused_entries_are_stale() {
        let list = Deviations::parse(LIST).unwrap();
        let none = || std::iter::empty();
        assert_eq!(list.stale(&[0], none()), ["nothing differs any more at \"openai/one\" (never)"]);
        assert!(list.stale(&[1, 0], ["openai"].into_iter()).is_empty());
        assert_eq!(
            list.stale(&[0, 1], ["gemini"].into_iter()),
            ["gemini is built, but listed as not ported"]
        );
    }

    #[test]
    fn mistakes_in_the_list_are_told() {
        let problem = Deviations::parse("[[deviation]]\ncases = \"x\"").unwrap_err();
        assert!(problem.contains("reason"), "{problem}");
        assert!(Deviations::parse("nonsense = 1").is_err());
    }

    #[test]
    fn the_projects_list_can_be_read() {
        Deviations::of_project().unwrap();
    }
}
