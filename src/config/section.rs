//! Reads tables key by key, remembers every mistake, and knows which keys nobody asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::mistake::{Mistake, suggest};
use super::node::{Data, Entry, Node};
use super::variables::expand;

/// A file while it is read.
pub(super) struct Reading<'a> {
    pub(super) file: &'a str,
    /// What relative paths are relative to.
    pub(super) folder: &'a Path,
    pub(super) home: Option<&'a Path>,
    pub(super) environment: &'a BTreeMap<String, String>,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A line of the configuration, with the environment variables that were put into it.
    Line {
        /// The file, as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The variables.
        variables: Vec<String>,
    },
    /// An environment variable that is looked at without being asked for.
    Environment(String),
    /// What holds unless something else is said.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line, variables } if variables.is_empty() => write!(f, "{file}:{line}"),
            Self::Line { file, line, variables } => {
                write!(f, "{file}:{line} with {}", variables.join(" and "))
            }
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One table while it is read. [`close`](Self::close) it when everything was asked for.
pub(super) struct Section<'n> {
    path: String,
    pub(super) line: usize,
    entries: &'n [Entry],
    known: Vec<&'static str>,
}

impl Reading<'_> {
    pub(super) fn mistake(&mut self, line: usize, key: impl Into<String>, message: impl Into<String>) {
        let mistake = self.about(line, key.into(), message.into());
        self.mistakes.push(mistake);
    }

    pub(super) fn warning(&mut self, line: usize, key: impl Into<String>, message: impl Into<String>) {
        let warning = self.about(line, key.into(), message.into());
        self.warnings.push(warning);
    }

    fn about(&self, line: usize, key: String, message: String) -> Mistake {
        Mistake { file: self.file.to_owned(), line: Some(line), key, message }
    }

    pub(super) fn origin(&self, line: usize) -> Origin {
        Origin::Line { file: self.file.to_owned(), line, variables: Vec::new() }
    }

    /// A text with its variables put in.
    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<Found<String>> {
        let Data::Text(text) = &node.data else {
            self.mistake(node.line, key, format!("must be a text, not {}", node.kind()));
            return None;
        };
        match expand(text, self.environment) {
            Ok(expanded) => {
                let origin =
                    Origin::Line { file: self.file.to_owned(), line: node.line, variables: expanded.used };
                Some(Found { value: expanded.text, origin })
            }
            Err(problem) => {
                self.mistake(node.line, key, problem);
                None
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, node: &Node, key: &str) -> Option<Vec<String>> {
        let Data::List(items) = &node.data else {
            self.mistake(node.line, key, format!("must be a list of texts, not {}", node.kind()));
            return None;
        };
        let read = |(index, item): (usize, &Node)| {
            self.text(item, &format!("{key}[{index}]")).map(|found| found.value)
        };
        // Every item is read, so that every mistake is found.
        items.iter().enumerate().map(read).collect::<Vec<_>>().into_iter().collect()
    }

    /// A path: `~/` is the home folder, and what is relative is relative to the file's folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        match (text.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.folder.join(text),
        }
    }

    /// The tree with variables put into every text.
    pub(super) fn expanded(&mut self, node: &Node, key: &str) -> Option<Node> {
        let data = match &node.data {
            Data::Text(_) => Data::Text(self.text(node, key)?.value),
            Data::List(items) => {
                let items = items.iter().enumerate();
                Data::List(
                    items.filter_map(|(i, item)| self.expanded(item, &format!("{key}[{i}]"))).collect(),
                )
            }
            Data::Table(entries) => {
                let read = |entry: &Entry| {
                    let value = self.expanded(&entry.value, &format!("{key}.{}", entry.key))?;
                    Some(Entry { value, ..entry.clone() })
                };
                Data::Table(entries.iter().filter_map(read).collect())
            }
            other => other.clone(),
        };
        Some(Node { line: node.line, data })
    }
}

impl<'n> Section<'n> {
    /// Opens a table; a mistake if it is something else.
    pub(super) fn open(node: &'n Node, path: impl Into<String>, reading: &mut Reading<'_>) -> Option<Self> {
        let path = path.into();
        let Data::Table(entries) = &node.data else {
            reading.mistake(node.line, path, format!("must be a table, not {}", node.kind()));
            return None;
        };
        Some(Self { path, line: node.line, entries, known: Vec::new() })
    }

    /// The full name of one of its keys.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The raw value of a key.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of a key that has two names, and the name that was used.
    pub(super) fn either(
        &mut self,
        key: &'static str,
        other: &'static str,
        reading: &mut Reading<'_>,
    ) -> Option<(&'static str, &'n Node)> {
        match (self.node(key), self.node(other)) {
            (Some(_), Some(second)) => {
                reading.mistake(second.line, self.key(other), format!("says the same as `{key}`; keep one"));
                None
            }
            (Some(node), None) => Some((key, node)),
            (None, Some(node)) => Some((other, node)),
            (None, None) => None,
        }
    }

    /// Every entry, whatever its key; for tables whose keys the user chooses.
    pub(super) fn entries(&self) -> &'n [Entry] {
        self.entries
    }

    pub(super) fn text(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Found<String>> {
        let node = self.node(key)?;
        reading.text(node, &self.key(key))
    }

    /// A text that is not empty.
    pub(super) fn word(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Found<String>> {
        let found = self.text(key, reading)?;
        if found.value.trim().is_empty() {
            let line = self.node(key)?.line;
            reading.mistake(line, self.key(key), "must not be empty");
            return None;
        }
        Some(found)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        reading: &mut Reading<'_>,
    ) -> Option<Found<T>> {
        let line = self.node(key)?.line;
        let found = self.text(key, reading)?;
        let Some((_, value)) = choices.iter().find(|(word, _)| *word == found.value) else {
            let hint = suggest(&found.value, choices.iter().map(|(word, _)| *word));
            reading.mistake(line, self.key(key), format!("`{}` is no choice here: {hint}", found.value));
            return None;
        };
        Some(Found { value: *value, origin: found.origin })
    }

    pub(super) fn switch(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Found<bool>> {
        let node = self.node(key)?;
        if let Data::Bool(value) = node.data {
            return Some(Found { value, origin: reading.origin(node.line) });
        }
        reading.mistake(node.line, self.key(key), format!("must be true or false, not {}", node.kind()));
        None
    }

    pub(super) fn number(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Found<f64>> {
        let node = self.node(key)?;
        if let Data::Number(value) = node.data
            && value.is_finite()
        {
            return Some(Found { value, origin: reading.origin(node.line) });
        }
        reading.mistake(node.line, self.key(key), format!("must be a number, not {}", node.kind()));
        None
    }

    /// A whole number, `least` or more.
    pub(super) fn count(
        &mut self,
        key: &'static str,
        least: u32,
        reading: &mut Reading<'_>,
    ) -> Option<Found<u32>> {
        let line = self.node(key)?.line;
        let found = self.number(key, reading)?;
        if found.value.fract() != 0.0 || !(f64::from(least)..=f64::from(u32::MAX)).contains(&found.value) {
            let problem = format!("must be a whole number from {least} on, not {}", found.value);
            reading.mistake(line, self.key(key), problem);
            return None;
        }
        Some(Found { value: found.value as u32, origin: found.origin })
    }

    /// A number between two others.
    pub(super) fn share(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Found<f64>> {
        let line = self.node(key)?.line;
        let found = self.number(key, reading)?;
        if !(0.0..=1.0).contains(&found.value) {
            reading.mistake(line, self.key(key), format!("must be from 0 to 1, not {}", found.value));
            return None;
        }
        Some(found)
    }

    /// A time: a number of seconds, or a text as `500ms`, `30s`, `2m`, `1h`. `Some(None)` for `0` and `off`,
    /// which mean no limit.
    pub(super) fn limit(
        &mut self,
        key: &'static str,
        reading: &mut Reading<'_>,
    ) -> Option<Found<Option<Duration>>> {
        let node = self.node(key)?;
        let (time, origin) = match &node.data {
            Data::Number(seconds) => (Duration::try_from_secs_f64(*seconds).ok(), reading.origin(node.line)),
            Data::Text(_) => {
                let found = reading.text(node, &self.key(key))?;
                (parse_time(found.value.trim()), found.origin)
            }
            _ => (None, Origin::Default),
        };
        let Some(time) = time else {
            let problem = "must be a time: seconds as a number, or a text as \"500ms\", \"30s\", \"2m\", \"1h\"; \
                 \"off\" is no limit";
            reading.mistake(node.line, self.key(key), problem);
            return None;
        };
        Some(Found { value: (!time.is_zero()).then_some(time), origin })
    }

    /// A time that cannot be off.
    pub(super) fn time(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Found<Duration>> {
        let line = self.node(key)?.line;
        let found = self.limit(key, reading)?;
        let Some(value) = found.value else {
            reading.mistake(line, self.key(key), "must be longer than nothing");
            return None;
        };
        Some(Found { value, origin: found.origin })
    }

    /// A table within, if it is there.
    pub(super) fn section(&mut self, key: &'static str, reading: &mut Reading<'_>) -> Option<Section<'n>> {
        let node = self.node(key)?;
        Section::open(node, self.key(key), reading)
    }

    /// Says of every key that nobody asked for that it does not exist.
    pub(super) fn close(self, reading: &mut Reading<'_>) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let hint = suggest(&entry.key, self.known.iter().copied());
            reading.mistake(entry.line, self.key(&entry.key), format!("there is no such key: {hint}"));
        }
    }
}

/// A time with its unit; zero for `off`.
fn parse_time(text: &str) -> Option<Duration> {
    if text == "off" || text == "none" {
        return Some(Duration::ZERO);
    }
    let unit = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_units() {
        let seconds = |text: &str| parse_time(text).map(|time| time.as_secs_f64());
        assert_eq!(seconds("500ms"), Some(0.5));
        assert_eq!(seconds("30"), Some(30.0));
        assert_eq!(seconds("1.5 m"), Some(90.0));
        assert_eq!(seconds("1h"), Some(3600.0));
        assert_eq!(seconds("off"), Some(0.0));
        assert_eq!(seconds("-1s"), None);
        assert_eq!(seconds("soon"), None);
    }
}
