//! What is read from users, files and headers: an error or a value that holds.

use samewire::config::{Config, Language};
use samewire::json::Value;
use samewire::layers::retry_after as advice;
use samewire::manager::{RateLimitHeaders, parse_reset};
use samewire::transport::{HeaderValue, Headers};
use samewire::{ChatRequest, Message, ProviderSettings, Tool, build_provider_in};

use crate::world::context;

const NOW: f64 = 1_768_478_400_000.0;

/// What was read and is written reads as the same, compact and pretty; writing is stable.
pub fn json(bytes: &[u8]) {
    let Ok(value) = Value::parse_bytes(bytes.to_vec().into()) else { return };
    let written = value.to_json();
    let again = Value::parse(&written).expect("what was written must be JSON");
    assert_eq!(again.to_json(), written);
    let pretty = Value::parse(&value.to_json_pretty()).expect("what was written prettily must be JSON");
    assert_eq!(pretty.to_json(), written);
}

/// Settings make a provider that encodes, or an error; the URL is one line.
pub fn settings(bytes: &[u8]) {
    let Ok(settings) = ProviderSettings::from_json(&String::from_utf8_lossy(bytes)) else { return };
    let Ok(provider) = build_provider_in(&settings, &context()) else { return };
    let request = ChatRequest::new("Be brief.", [Message::user("hi")]).with_tools([Tool::function(
        "read",
        "Reads",
        samewire::json::object! { "type": "object", "properties": samewire::json::object! {} },
    )]);
    let Ok(http) = provider.encode(&request) else { return };
    // What cannot be sent is refused by transports; what can must not be cut in two by a URL.
    if http.url.starts_with("http:") || http.url.starts_with("https:") {
        assert!(http.url.is_ascii() && !http.url.contains([' ', '\r', '\n', '\0']), "URL {:?}", http.url);
    }
}

/// A configuration is read, or every mistake has its line.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for language in [Language::Toml, Language::Yaml] {
        if let Err(mistakes) = Config::parse(&text, language, "samewire", None, &context()) {
            assert!(mistakes.iter().len() > 0 && !mistakes.to_string().is_empty());
        }
    }
}

/// Advice to wait is a time that can be waited for.
pub fn retry_after(bytes: &[u8]) {
    for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset"] {
        let mut headers = Headers::new();
        headers.append(name, HeaderValue::new(bytes.to_vec()));
        if let Some(wait) = advice(&headers, NOW) {
            assert!(std::time::Instant::now().checked_add(wait).is_some(), "{wait:?}");
        }
    }
}

/// Limits are read, or left out.
pub fn rate_limits(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.splitn(4, |byte| *byte == b'\n').collect();
    let mut headers = Headers::new();
    for (name, value) in LIMITS.iter().zip(lines.iter().cycle()) {
        headers.append(*name, HeaderValue::new(value.to_vec()));
    }
    let _ = RateLimitHeaders::read(&headers, NOW);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_reset(text, NOW);
    }
}

const LIMITS: &[&str] = &[
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
];
