//! Puts a file's tree in order before it is read: providers by name, the chosen profile on top, what holds for
//! all providers into each.

use super::mistake::suggest;
use super::node::{Data, Entry, Node};
use super::section::{Found, Origin, Reading};

/// Lays the chosen profile over the file, and takes all profiles out.
pub(super) fn choose(
    root: &mut Node,
    wanted: Option<Found<String>>,
    reading: &mut Reading<'_>,
) -> Option<String> {
    providers_by_name(root, "providers", reading);
    let own = root.get("profile").and_then(|node| reading.text(node, "profile"));
    let wanted = wanted.or(own);
    let Data::Table(entries) = &mut root.data else { return None };
    entries.retain(|entry| entry.key != "profile");
    let place = entries.iter().position(|entry| entry.key == "profiles");
    let profiles = place.map(|place| entries.remove(place));
    let Some(wanted) = wanted else {
        check_shape(profiles.as_ref(), reading);
        return None;
    };
    check_shape(profiles.as_ref(), reading);
    let entries = match profiles {
        Some(Entry { value: Node { data: Data::Table(entries), .. }, .. }) => entries,
        _ => Vec::new(),
    };
    let names: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    if let Some(mut profile) = entries.into_iter().find(|entry| entry.key == wanted.value) {
        providers_by_name(&mut profile.value, &format!("profiles.{}.providers", wanted.value), reading);
        root.overlay(profile.value);
        return Some(wanted.value);
    }
    let hint = suggest(&wanted.value, names.iter().map(String::as_str));
    let (line, from) = match &wanted.origin {
        Origin::Line { line, .. } => (*line, String::new()),
        Origin::Environment(variable) => (1, format!(", which {variable} asks for")),
        Origin::Default => (1, String::new()),
    };
    reading.mistake(line, "profile", format!("there is no profile `{}`{from}: {hint}", wanted.value));
    None
}

/// Gives every provider what the file says for all: `network`, `timeouts`, `limits`.
pub(super) fn share(root: &mut Node) {
    let common: Vec<Entry> = SHARED
        .iter()
        .filter_map(|key| Some(Entry { key: (*key).to_owned(), line: 0, value: root.get(key)?.clone() }))
        .collect();
    let Data::Table(entries) = &mut root.data else { return };
    let providers = entries.iter_mut().find(|entry| entry.key == "providers");
    let Some(Entry { value: Node { data: Data::Table(providers), .. }, .. }) = providers else { return };
    for provider in providers {
        let is_program =
            provider.value.get("type").is_some_and(|node| node.data == Data::Text("headless".into()));
        let Data::Table(_) = provider.value.data else { continue };
        if is_program {
            continue;
        }
        let own = std::mem::replace(&mut provider.value.data, Data::Table(common.clone()));
        let line = provider.value.line;
        provider.value.overlay(Node { line, data: own });
    }
}

/// Turns a list of providers into a table by their names.
fn providers_by_name(root: &mut Node, path: &str, reading: &mut Reading<'_>) {
    let Data::Table(entries) = &mut root.data else { return };
    let Some(providers) = entries.iter_mut().find(|entry| entry.key == "providers") else { return };
    if let Data::Table(named) = &providers.value.data {
        for entry in named {
            check_name(entry.line, &format!("{path}.{}", entry.key), &entry.key, reading);
        }
        return;
    }
    let Data::List(items) = &mut providers.value.data else { return };
    let mut named: Vec<Entry> = Vec::new();
    for (index, item) in std::mem::take(items).into_iter().enumerate() {
        let key = format!("{path}[{index}]");
        let name = item.get("name").or_else(|| item.get("provider"));
        let Some(name) = name.and_then(|node| reading.text(node, &format!("{key}.name"))) else {
            reading.mistake(item.line, key, "needs a `name`, or at least a `provider`");
            continue;
        };
        check_name(item.line, &format!("{key}.name"), &name.value, reading);
        if named.iter().any(|entry| entry.key == name.value) {
            let problem =
                format!("there is a provider `{}` already; give each a `name` of its own", name.value);
            reading.mistake(item.line, key, problem);
            continue;
        }
        named.push(Entry { key: name.value, line: item.line, value: item });
    }
    providers.value.data = Data::Table(named);
}

fn check_name(line: usize, key: &str, name: &str, reading: &mut Reading<'_>) {
    if name.is_empty() || name.contains('/') {
        reading.mistake(line, key, "a provider's name must not be empty nor contain `/`");
    }
}

fn check_shape(profiles: Option<&Entry>, reading: &mut Reading<'_>) {
    let Some(profiles) = profiles else { return };
    let Data::Table(entries) = &profiles.value.data else {
        let problem = format!("must be a table of tables, not {}", profiles.value.kind());
        reading.mistake(profiles.line, "profiles", problem);
        return;
    };
    for entry in entries.iter().filter(|entry| !matches!(entry.value.data, Data::Table(_))) {
        let problem = format!("must be a table, not {}", entry.value.kind());
        reading.mistake(entry.line, format!("profiles.{}", entry.key), problem);
    }
}

/// What stands at the top for every provider.
pub(super) const SHARED: &[&str] = &["limits", "network", "timeouts"];
