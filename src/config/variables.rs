//! `${VAR}` and `${VAR:-default}` inside of texts.

use std::collections::BTreeMap;

/// A text with its variables put in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// The variables that were set and used.
    pub(super) used: Vec<String>,
}

/// Puts variables into a text. `$${` stands for `${`; any other dollar sign for itself. A default counts for
/// a variable that is not set or empty, as in a shell.
///
/// # Errors
///
/// In words: a variable that is not set and has no default, or a brace that is not closed.
pub(super) fn expand(text: &str, environment: &BTreeMap<String, String>) -> Result<Expanded, String> {
    let mut expanded = Expanded::default();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if let Some(before) = rest[..start].strip_suffix('$') {
            expanded.text.push_str(before);
            expanded.text.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        expanded.text.push_str(&rest[..start]);
        let Some(length) = rest[start..].find('}') else {
            return Err("`${` is not closed with `}`; write `$${` for the characters themselves".to_owned());
        };
        let inside = &rest[start + 2..start + length];
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(format!("`${{{inside}}}` names no environment variable"));
        }
        match (environment.get(name), default) {
            (Some(value), None) => expanded.add(name, value),
            (Some(value), Some(_)) if !value.is_empty() => expanded.add(name, value),
            (_, Some(default)) => expanded.text.push_str(default),
            (None, None) => {
                return Err(format!(
                    "the environment variable {name} is not set; set it, or give a default: ${{{name}:-...}}"
                ));
            }
        }
        rest = &rest[start + length + 1..];
    }
    expanded.text.push_str(rest);
    Ok(expanded)
}

/// The variable of a text that is `${VAR}` and nothing else.
pub(super) fn sole_variable(text: &str) -> Option<&str> {
    text.trim().strip_prefix("${")?.strip_suffix('}').filter(|name| is_name(name))
}

/// Whether a shell would take it for a variable's name.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && characters.all(|character| character == '_' || character.is_ascii_alphanumeric())
}

impl Expanded {
    fn add(&mut self, name: &str, value: &str) {
        self.text.push_str(value);
        self.used.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let environment = [("HOST", "api.example"), ("EMPTY", "")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        expand(text, &environment).map(|expanded| expanded.text)
    }

    #[test]
    fn variables_and_defaults_are_put_in() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(expanded("https://${HOST}/v1"), ok("https://api.example/v1"));
        assert_eq!(expanded("${HOST}${HOST}"), ok("api.exampleapi.example"));
        assert_eq!(expanded("${NO:-plan} ${EMPTY:-b} ${NO:-}"), ok("plan b "));
        assert_eq!(expanded("${EMPTY}"), ok(""));
        assert_eq!(expanded("5$ $HOME $${HOST}"), ok("5$ $HOME ${HOST}"));
    }

    #[test]
    fn mistakes_say_what_to_do() {
        assert!(expanded("${NO}").unwrap_err().contains("NO is not set"));
        assert!(expanded("a ${HOST").unwrap_err().contains("not closed"));
        assert!(expanded("${a b}").unwrap_err().contains("names no environment variable"));
    }

    #[test]
    fn a_sole_variable_is_seen() {
        assert_eq!(sole_variable("${KEY}"), Some("KEY"));
        assert_eq!(sole_variable("Bearer ${KEY}"), None);
        assert_eq!(sole_variable("${KEY:-x}"), None);
    }
}
