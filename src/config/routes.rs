//! Names that lead to providers: aliases, routes, the default.

use super::mistake::suggest;
use super::node::{Data, Node};
use super::provider::ProviderEntry;
use super::section::{Reading, Section};
use crate::manager::{Route, RouteTarget, Strategy};

/// The names of a configuration and where each leads.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) default: Option<String>,
    pub(super) aliases: Vec<(String, String)>,
    pub(super) routes: Vec<NamedRoute>,
}

/// A route, and its targets' names.
#[derive(Clone, Debug)]
pub(super) struct NamedRoute {
    pub(super) route: Route,
    pub(super) targets: Vec<String>,
}

impl Names {
    /// The target behind an alias.
    pub(super) fn unalias<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, target)| target)
    }
}

/// Reads `default`, `aliases` and `routes`, and follows every name.
pub(super) fn read(
    section: &mut Section<'_>,
    providers: &[ProviderEntry],
    names_of_providers: &[String],
    reading: &mut Reading<'_>,
) -> Names {
    let mut names = Names::default();
    let mut to_check: Vec<(usize, String, String, bool)> = Vec::new();
    if let Some(found) = section.word("default", reading) {
        let line = section.node("default").map_or(0, |node| node.line);
        to_check.push((line, "default".to_owned(), found.value.clone(), true));
        names.default = Some(found.value);
    }
    if let Some(aliases) = section.section("aliases", reading) {
        for entry in aliases.entries() {
            let key = aliases.key(&entry.key);
            let Some(target) = reading.text(&entry.value, &key) else { continue };
            to_check.push((entry.line, key, target.value.clone(), true));
            names.aliases.push((entry.key.clone(), target.value));
        }
    }
    if let Some(routes) = section.section("routes", reading) {
        for entry in routes.entries() {
            let key = routes.key(&entry.key);
            if names_of_providers.contains(&entry.key) {
                reading.mistake(entry.line, key.clone(), "has the name of a provider; choose another");
            }
            let Some(route) = read_route(&entry.key, &entry.value, &key, &mut to_check, reading) else {
                continue;
            };
            names.routes.push(route);
        }
    }
    let routes: Vec<String> = names.routes.iter().map(|route| route.route.name().to_owned()).collect();
    let aliases: Vec<String> = names.aliases.iter().map(|(alias, _)| alias.clone()).collect();
    for (line, key, target, may_be_route) in to_check {
        let is_alias = aliases.contains(&target) && !key.starts_with("aliases.");
        let is_route = may_be_route && routes.contains(&target);
        let first = target.split('/').next().unwrap_or_default().to_owned();
        if is_alias || is_route || names_of_providers.contains(&first) {
            continue;
        }
        let mut known: Vec<&str> = names_of_providers.iter().chain(&aliases).map(String::as_str).collect();
        known.extend(routes.iter().map(String::as_str).filter(|_| may_be_route));
        let kinds = if may_be_route { "provider, alias or route" } else { "provider or alias" };
        reading.mistake(line, key, format!("there is no {kinds} `{first}`: {}", suggest(&first, known)));
    }
    if names.default.is_none() && providers.is_empty() && names_of_providers.is_empty() {
        reading.warning(1, "providers", "names no provider yet");
    }
    names
}

fn read_route(
    name: &str,
    node: &Node,
    key: &str,
    to_check: &mut Vec<(usize, String, String, bool)>,
    reading: &mut Reading<'_>,
) -> Option<NamedRoute> {
    let mut strategy = Strategy::Ordered;
    let targets_key = format!("{key}.targets");
    // A bare list is a route in order of preference.
    let (list, list_key) = if let Data::List(_) = node.data {
        (node, key)
    } else {
        let mut section = Section::open(node, key, reading)?;
        let strategies = [
            ("ordered", Strategy::Ordered),
            ("weighted", Strategy::Weighted),
            ("least_latency", Strategy::LeastLatency),
            ("lowest_cost", Strategy::LowestCost),
        ];
        if let Some(found) = section.choice("strategy", &strategies, reading) {
            strategy = found.value;
        }
        let list = section.node("targets");
        section.close(reading);
        let Some(list) = list else {
            reading.mistake(node.line, targets_key, "is missing");
            return None;
        };
        (list, targets_key.as_str())
    };
    let Data::List(items) = &list.data else {
        reading.mistake(list.line, list_key, format!("must be a list of targets, not {}", list.kind()));
        return None;
    };
    if items.is_empty() {
        reading.mistake(list.line, list_key, "must have a target");
    }
    let mut names = Vec::new();
    let mut targets = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let key = format!("{list_key}[{index}]");
        let Some((name, target)) = read_target(item, &key, reading) else { continue };
        to_check.push((item.line, key, name.clone(), false));
        names.push(name);
        targets.push(target);
    }
    Some(NamedRoute { route: Route::new(name, strategy, targets), targets: names })
}

fn read_target(node: &Node, key: &str, reading: &mut Reading<'_>) -> Option<(String, RouteTarget)> {
    if let Data::Text(_) = node.data {
        let name = reading.text(node, key)?.value;
        return Some((name.clone(), RouteTarget::new(name)));
    }
    let mut section = Section::open(node, key, reading)?;
    let name = section.word("target", reading);
    let weight = section.number("weight", reading);
    let least = section.count("min_prompt_tokens", 0, reading);
    let most = section.count("max_prompt_tokens", 1, reading);
    let named = section.node("target").is_some();
    section.close(reading);
    if !named {
        reading.mistake(node.line, format!("{key}.target"), "is missing");
    }
    let name = name?.value;
    let mut target = RouteTarget::new(name.clone());
    if let Some(weight) = weight {
        if weight.value < 0.0 {
            reading.mistake(node.line, format!("{key}.weight"), "must not be below 0");
        }
        target = target.weight(weight.value);
    }
    let bounds = (least.map(|found| u64::from(found.value)), most.map(|found| u64::from(found.value)));
    target = match bounds {
        (None, None) => target,
        (least, None) => target.prompt_tokens(least.unwrap_or(0)..),
        (least, Some(most)) => target.prompt_tokens(least.unwrap_or(0)..=most),
    };
    Some((name, target))
}
