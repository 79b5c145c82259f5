//! The forms in which a configuration says where a key is kept.

use super::key::KeySource;
use super::node::{Data, Node};
use super::section::{Found, Reading, Section};
use super::variables::{is_name, sole_variable};
use crate::manager::ApiKey;

/// Reads `api_key` and its short forms `api_key_env`, `api_key_file`, `api_key_keyring`, `api_key_command`.
pub(super) fn read_key(section: &mut Section<'_>, reading: &mut Reading<'_>) -> Option<Found<KeySource>> {
    let forms = [
        ("api_key", None),
        ("api_key_env", Some("env")),
        ("api_key_file", Some("file")),
        ("api_key_keyring", Some("keyring")),
        ("api_key_command", Some("command")),
    ];
    let mut found: Option<(&str, Found<KeySource>)> = None;
    for (key, form) in forms {
        let Some(node) = section.node(key) else { continue };
        let path = section.key(key);
        if let Some((first, _)) = &found {
            reading.mistake(node.line, path, format!("`{first}` says already where the key is; keep one"));
            continue;
        }
        let source = match form {
            Some(form) => in_form(form, node, &path, reading),
            None => read_source(node, &path, reading),
        };
        found = source.map(|source| (key, source)).or(found);
    }
    found.map(|(_, source)| source)
}

/// Reads several keys: a list, or a table of named auth profiles.
pub(super) fn read_keys(node: &Node, path: &str, reading: &mut Reading<'_>) -> Vec<Found<KeySource>> {
    let mut keys = Vec::new();
    match &node.data {
        Data::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                keys.extend(read_profile(item, &format!("{path}[{index}]"), reading));
            }
        }
        Data::Table(entries) if !entries.is_empty() => {
            for entry in entries {
                keys.extend(read_profile(&entry.value, &format!("{path}.{}", entry.key), reading));
            }
        }
        _ => {
            let problem = format!(
                "must be a list of keys, as [\"${{KEY_ONE}}\", \"${{KEY_TWO}}\"], not {}",
                node.kind()
            );
            reading.mistake(node.line, path, problem);
        }
    }
    keys
}

/// An auth profile: a key in full form, or a table with `api_key` or one of its short forms.
fn read_profile(node: &Node, path: &str, reading: &mut Reading<'_>) -> Option<Found<KeySource>> {
    let is_short = |key: &str| key.starts_with("api_key");
    match &node.data {
        Data::Table(entries) if entries.iter().any(|entry| is_short(&entry.key)) => {
            let mut section = Section::open(node, path, reading)?;
            let key = read_key(&mut section, reading);
            let _ = section.node("name");
            section.close(reading);
            key
        }
        _ => read_source(node, path, reading),
    }
}

/// Reads a key in full form: a text, or a table that says where it is kept.
fn read_source(node: &Node, path: &str, reading: &mut Reading<'_>) -> Option<Found<KeySource>> {
    match &node.data {
        Data::Text(text) => {
            if let Some(variable) = sole_variable(text) {
                return in_variable(variable, node, path, reading);
            }
            let found = reading.text(node, path)?;
            if found.value.trim().is_empty() {
                reading.mistake(node.line, path, "must not be empty");
                return None;
            }
            let key = ApiKey::new(found.value.trim().to_owned());
            Some(Found { value: KeySource::Written(key), origin: found.origin })
        }
        Data::Table(entries) => {
            let mut section = Section::open(node, path, reading)?;
            let forms = ["env", "file", "keyring", "command"];
            let given: Vec<_> = forms.into_iter().filter(|form| section.node(form).is_some()).collect();
            let source = match given.as_slice() {
                [form] => in_form(form, node.get(form)?, &section.key(form), reading),
                [] if !entries.is_empty() => None,
                _ => {
                    let problem = "must have one of `env`, `file`, `keyring`, `command`";
                    reading.mistake(node.line, path, problem);
                    None
                }
            };
            section.node("name");
            section.close(reading);
            source
        }
        _ => {
            let problem = format!(
                "must be a text as \"${{VAR}}\", or a table as {{ env = \"VAR\" }}, not {}",
                node.kind()
            );
            reading.mistake(node.line, path, problem);
            None
        }
    }
}

fn in_form(form: &str, node: &Node, path: &str, reading: &mut Reading<'_>) -> Option<Found<KeySource>> {
    if form == "command" {
        let arguments = reading.texts(node, path)?;
        if arguments.first().is_none_or(String::is_empty) {
            reading.mistake(node.line, path, "must begin with a program, as [\"pass\", \"show\", \"groq\"]");
            return None;
        }
        return Some(Found { value: KeySource::Command(arguments), origin: reading.origin(node.line) });
    }
    let found = reading.text(node, path)?;
    let value = found.value.trim();
    if value.is_empty() {
        reading.mistake(node.line, path, "must not be empty");
        return None;
    }
    let source = match form {
        "env" => return in_variable(value, node, path, reading),
        "file" => KeySource::File(reading.path(value)),
        _ => match value.split_once('/') {
            Some((service, account)) => {
                KeySource::Keyring { service: service.to_owned(), account: account.to_owned() }
            }
            None => KeySource::Keyring { service: KEYRING_SERVICE.to_owned(), account: value.to_owned() },
        },
    };
    Some(Found { value: source, origin: found.origin })
}

fn in_variable(
    variable: &str,
    node: &Node,
    path: &str,
    reading: &mut Reading<'_>,
) -> Option<Found<KeySource>> {
    if !is_name(variable) {
        // It may be the key itself, so it is not repeated.
        reading.mistake(node.line, path, "must be the name of an environment variable, as GROQ_API_KEY");
        return None;
    }
    let origin = reading.origin(node.line);
    Some(Found { value: KeySource::Variable(variable.to_owned()), origin })
}

/// The service of keyring entries that name none.
const KEYRING_SERVICE: &str = "samewire";
