//! What is wrong with a configuration, and where.

use std::fmt;

use crate::Error;
use crate::providers::edit_distance;

/// One thing that is wrong with a configuration, or that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; `None` where the whole file is meant.
    pub line: Option<usize>,
    /// The key with everything above it, as `providers.claude.api_key`; empty for the file itself.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match self.key.as_str() {
            "" => write!(f, ": {}", self.message),
            key => write!(f, ": `{key}`: {}", self.message),
        }
    }
}

/// Everything that is wrong with a configuration, in the order of the file. `Display` prints a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// One mistake of the file as a whole.
    pub(super) fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Mistake { file: file.into(), line: None, key: String::new(), message: message.into() }])
    }

    /// The mistakes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.0.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        Self::configuration(mistakes.to_string())
    }
}

/// What to say about a name that does not exist: the nearest ones that do, or all of them.
pub(super) fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.dedup();
    let quoted = |names: &[&str], between: &str| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
    };
    match nearest(name, known.iter().copied()).as_slice() {
        [] if known.is_empty() => "there is none".to_owned(),
        [] => format!("known are {}", quoted(&known, ", ")),
        near => format!("did you mean {}?", quoted(near, " or ")),
    }
}

/// Up to two names that are a slip of the keyboard away, the nearest first.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Two letters in the wrong order count as two slips.
    let slips = match name.chars().count() {
        0..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| (edit_distance(&wanted, &plain(known)), known))
        .filter(|(distance, _)| *distance <= slips)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(2).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_nearest_name_and_nonsense_finds_all() {
        assert_eq!(suggest("api_kye", ["api_key", "model"]), "did you mean `api_key`?");
        assert_eq!(suggest("baseUrl", ["base_url", "model"]), "did you mean `base_url`?");
        assert_eq!(suggest("colour", ["api_key", "model"]), "known are `api_key`, `model`");
        assert_eq!(suggest("x", []), "there is none");
    }
}
