//! Times, proxies and limits: of one provider, and of calls as a whole.

use super::provider::ProviderEntry;
use super::section::{Reading, Section};
use crate::manager::{BreakerConfig, Budget};

/// Reads `timeout`, `timeouts` and `network`. A local model may take its time until it begins.
pub(super) fn read_network(
    entry: &mut ProviderEntry,
    is_local: bool,
    section: &mut Section<'_>,
    reading: &mut Reading<'_>,
) {
    if is_local {
        entry.set("headTimeoutMs", 0);
        entry.first_token = Some(None);
    }
    if let Some(found) = section.limit("timeout", reading) {
        entry.set("totalTimeoutMs", milliseconds(found.value));
        entry.note("timeout", time_text(found.value), found.origin);
    }
    if let Some(mut times) = section.section("timeouts", reading) {
        let limits = [
            ("connect", "timeouts.connect", "connectTimeoutMs"),
            ("head", "timeouts.head", "headTimeoutMs"),
            ("idle", "timeouts.idle", "idleTimeoutMs"),
            ("total", "timeouts.total", "totalTimeoutMs"),
        ];
        for (key, name, setting) in limits {
            if let Some(found) = times.limit(key, reading) {
                entry.set(setting, milliseconds(found.value));
                entry.note(name, time_text(found.value), found.origin);
            }
        }
        if let Some(found) = times.limit("first_token", reading) {
            entry.first_token = Some(found.value);
            entry.note("timeouts.first_token", time_text(found.value), found.origin);
        }
        if let Some(found) = times.limit("between_tokens", reading) {
            entry.between_tokens = Some(found.value);
            entry.note("timeouts.between_tokens", time_text(found.value), found.origin);
        }
        times.close(reading);
    }
    let Some(mut network) = section.section("network", reading) else { return };
    if let Some(found) = network.word("proxy", reading) {
        let line = network.node("proxy").map_or(0, |node| node.line);
        if url::Url::parse(&found.value).is_ok_and(|url| url.has_host()) {
            let shown = without_secrets(&found.value);
            entry.set("httpProxy", found.value);
            entry.note("network.proxy", shown, found.origin);
        } else {
            reading.mistake(line, network.key("proxy"), "must be a URL as http://proxy.example:3128");
        }
    }
    if let Some(node) = network.node("no_proxy") {
        let path = network.key("no_proxy");
        let hosts = match &node.data {
            super::node::Data::List(_) => reading.texts(node, &path).map(|hosts| hosts.join(",")),
            _ => reading.text(node, &path).map(|found| found.value),
        };
        if let Some(hosts) = hosts {
            entry.note("network.no_proxy", &hosts, reading.origin(node.line));
            entry.set("httpNoProxy", hosts);
        }
    }
    if let Some(found) = network.word("ca_file", reading) {
        let path = reading.path(&found.value);
        let line = network.node("ca_file").map_or(0, |node| node.line);
        if !path.is_file() {
            let problem = format!("there is no file {}", path.display());
            reading.mistake(line, network.key("ca_file"), problem);
        }
        let path = path.display().to_string();
        entry.note("network.ca_file", &path, found.origin);
        entry.set("caCertificateFile", path);
    }
    network.close(reading);
}

/// Reads `limits`.
pub(super) fn read_limits(entry: &mut ProviderEntry, section: &mut Section<'_>, reading: &mut Reading<'_>) {
    let Some(mut limits) = section.section("limits", reading) else { return };
    if let Some(found) = limits.count("requests_per_minute", 1, reading) {
        entry.limits.requests_per_minute = Some(found.value);
        entry.note("limits.requests_per_minute", found.value, found.origin);
    }
    if let Some(found) = limits.count("tokens_per_minute", 1, reading) {
        entry.limits.tokens_per_minute = Some(found.value);
        entry.note("limits.tokens_per_minute", found.value, found.origin);
    }
    if let Some(found) = limits.count("concurrent_requests", 1, reading) {
        entry.limits.concurrent_requests = Some(found.value);
        entry.note("limits.concurrent_requests", found.value, found.origin);
    }
    if let Some(found) = limits.time("max_wait", reading) {
        entry.limits.max_wait = found.value;
        entry.note("limits.max_wait", time_text(Some(found.value)), found.origin);
    }
    if let Some(found) = limits.count("max_queue", 1, reading) {
        entry.limits.max_queue = found.value as usize;
        entry.note("limits.max_queue", found.value, found.origin);
    }
    limits.close(reading);
}

/// Reads the table `budget`: what a call may spend before its first token.
pub(super) fn read_budget(section: &mut Section<'_>, reading: &mut Reading<'_>) -> Budget {
    let mut budget = Budget::default();
    let Some(mut section) = section.section("budget", reading) else { return budget };
    if let Some(found) = section.count("attempts", 1, reading) {
        budget.attempts = found.value;
    }
    if let Some(found) = section.count("retries", 0, reading) {
        budget.retries = found.value;
    }
    if let Some(found) = section.limit("time", reading) {
        budget.time = found.value;
    }
    if let Some(found) = section.time("max_wait", reading) {
        budget.max_wait = found.value;
    }
    if let Some(found) = section.time("delay", reading) {
        budget.delay = found.value;
    }
    section.close(reading);
    budget
}

/// Reads the table `breaker`: when a provider is left alone for a while.
pub(super) fn read_breaker(section: &mut Section<'_>, reading: &mut Reading<'_>) -> BreakerConfig {
    let mut breaker = BreakerConfig::default();
    let Some(mut section) = section.section("breaker", reading) else { return breaker };
    if let Some(found) = section.time("window", reading) {
        breaker.window = found.value;
    }
    if let Some(found) = section.count("minimum_calls", 1, reading) {
        breaker.minimum_calls = found.value;
    }
    if let Some(found) = section.share("failure_rate", reading) {
        breaker.failure_rate = found.value;
    }
    if let Some(found) = section.limit("slow_call", reading) {
        breaker.slow_call = found.value;
    }
    if let Some(found) = section.share("slow_rate", reading) {
        breaker.slow_rate = found.value;
    }
    if let Some(found) = section.time("open_for", reading) {
        breaker.open_for = found.value;
    }
    if let Some(found) = section.time("open_for_at_most", reading) {
        breaker.open_for_at_most = found.value;
    }
    section.close(reading);
    breaker
}

/// As the settings have it: 0 is no limit.
fn milliseconds(time: Option<std::time::Duration>) -> f64 {
    time.map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

fn time_text(time: Option<std::time::Duration>) -> String {
    time.map_or_else(|| "off".to_owned(), |time| format!("{time:?}"))
}

/// A URL without the login and the query, which may be secrets.
pub(super) fn without_secrets(url: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else { return String::new() };
    let hides = !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some();
    if !hides {
        return url.to_owned();
    }
    parsed.set_query(None);
    let cleared = parsed.set_username("").and_then(|()| parsed.set_password(None));
    if cleared.is_ok() { format!("{parsed} [secret]") } else { "[secret]".to_owned() }
}
