//! Taking secrets out of what is kept: known ones wherever they are quoted, and what looks like one.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use crate::fixture::{Exchange, Request};

/// The secrets that were seen. It prints nothing of them.
#[derive(Default)]
pub(super) struct Secrets(BTreeSet<String>);

/// What stands in a secret's place.
pub(super) const REDACTED: &str = "REDACTED";

impl Secrets {
    /// Takes note of the secrets that a request holds.
    pub(super) fn learn(&mut self, request: &Request) {
        self.learn_headers(&request.headers);
        for (start, end) in query_values(&request.target) {
            self.add(&request.target[start..end]);
        }
        self.learn_fields(&request.body);
    }

    /// Takes every secret out of an exchange, those besides that only its answer shows.
    pub(super) fn remove_from(&mut self, exchange: &mut Exchange) {
        let Exchange { request, response } = exchange;
        self.learn(request);
        self.learn_headers(&response.headers);
        self.learn_fields(&response.body);
        self.clean_request(request);
        self.clean_headers(&mut response.headers);
        self.remove_from_text(&mut response.reason);
        if self.clean_body(&mut response.body) {
            // The places of the cuts are no longer what they were.
            response.split_at.clear();
        }
    }

    /// Takes the secrets out of a request.
    pub(super) fn remove_from_request(&mut self, request: &mut Request) {
        self.learn(request);
        self.clean_request(request);
    }

    /// Takes the secrets out of a text.
    pub(super) fn remove_from_text(&self, text: &mut String) {
        // The longest first, since one may begin another.
        let mut known: Vec<&String> = self.0.iter().collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in known {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), REDACTED);
            }
        }
        replace(text, &query_values(text));
        replace(text, &json_values(text));
        replace(text, &self.suspicious_words(text));
    }

    fn clean_request(&self, request: &mut Request) {
        self.clean_headers(&mut request.headers);
        self.remove_from_text(&mut request.target);
        self.clean_body(&mut request.body);
    }

    fn clean_headers(&self, headers: &mut [(String, Vec<u8>)]) {
        for (name, value) in headers {
            let mut text: String = value.iter().map(|byte| char::from(*byte)).collect();
            if is_secret_header(name) {
                // `Bearer` and the like say how, not who.
                let scheme = text.split_once(' ').map(|(scheme, _)| scheme);
                let scheme =
                    scheme.filter(|s| name.to_ascii_lowercase().ends_with("authorization") && is_word(s));
                text = scheme.map_or_else(|| REDACTED.to_owned(), |scheme| format!("{scheme} {REDACTED}"));
            } else {
                self.remove_from_text(&mut text);
            }
            // One byte a character, as it came.
            *value = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        }
    }

    /// Says whether something was taken out.
    fn clean_body(&self, body: &mut Bytes) -> bool {
        let cleaned = match std::str::from_utf8(body) {
            Ok(text) => {
                let mut text = text.to_owned();
                self.remove_from_text(&mut text);
                text.into_bytes()
            }
            Err(_) => self.0.iter().fold(body.to_vec(), |body, secret| without(&body, secret.as_bytes())),
        };
        let changed = cleaned != *body;
        *body = cleaned.into();
        changed
    }

    fn learn_headers(&mut self, headers: &[(String, Vec<u8>)]) {
        for (name, value) in headers.iter().filter(|(name, _)| is_secret_header(name)) {
            let value = String::from_utf8_lossy(value).into_owned();
            self.add(&value);
            if name.to_ascii_lowercase().ends_with("cookie") {
                let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
                // Of `set-cookie`, only the first pair is the cookie.
                let count = if name.eq_ignore_ascii_case("cookie") { usize::MAX } else { 1 };
                pairs.take(count).for_each(|(_, secret)| self.add(secret.trim()));
            } else if let Some((scheme, credentials)) = value.split_once(' ') {
                self.add(credentials);
                if scheme.eq_ignore_ascii_case("basic")
                    && let Ok(decoded) = BASE64.decode(credentials)
                    && let Some((_, password)) = String::from_utf8_lossy(&decoded).split_once(':')
                {
                    self.add(password);
                }
            }
        }
    }

    fn learn_fields(&mut self, body: &[u8]) {
        let Ok(text) = std::str::from_utf8(body) else { return };
        for (start, end) in json_values(text).into_iter().chain(query_values(text)) {
            self.add(&text[start..end]);
        }
    }

    /// Notes a secret, also in the spellings of URLs and JSON.
    fn add(&mut self, secret: &str) {
        if secret.len() < SHORTEST || secret == REDACTED {
            return;
        }
        let in_url: String = secret.bytes().map(in_url).collect();
        let from_url = from_url(secret);
        let in_json = samewire::json::Value::from(secret).to_json();
        for spelling in [secret, &in_url, &from_url, &in_json[1..in_json.len() - 1]] {
            if spelling.len() >= SHORTEST {
                self.0.insert(spelling.to_owned());
            }
        }
    }

    /// Where words stand that begin as keys do, or that are known keys with their middle masked
    /// (`sk-ab****wxyz`).
    fn suspicious_words(&self, text: &str) -> Vec<(usize, usize)> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.*…".contains(c);
        let mut found = Vec::new();
        let mut rest = 0;
        while let Some(start) = text[rest..].find(is_part).map(|at| rest + at) {
            let end = text[start..].find(|c| !is_part(c)).map_or(text.len(), |at| start + at);
            let word = text[start..end].trim_end_matches('.');
            if looks_like_key(word) || self.is_masked(word) {
                found.push((start, start + word.len()));
            }
            rest = end;
        }
        found
    }

    fn is_masked(&self, word: &str) -> bool {
        let masks = |c: char| c == '*' || c == '…';
        let (first, last) = match (word.find(masks), word.rfind(masks)) {
            (Some(first), Some(last)) => (first, last),
            _ => match (word.find("..."), word.rfind("...")) {
                (Some(first), Some(last)) => (first, last + 2),
                _ => return false,
            },
        };
        let (head, tail) = (&word[..first], word[last..].trim_start_matches(|c| masks(c) || c == '.'));
        let known = |secret: &String| {
            (head.len() >= 3 && secret.starts_with(head)) || (tail.len() >= 3 && secret.ends_with(tail))
        };
        self.0.iter().any(known)
    }
}

/// Header names whose value is a secret or tells whose account it is.
fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_ENDS.iter().any(|end| name.ends_with(end)) || SECRET_HEADERS.contains(&name.as_str())
}

const SECRET_ENDS: [&str; 8] =
    ["authorization", "api-key", "apikey", "access-key", "-token", "secret", "cookie", "password"];
const SECRET_HEADERS: [&str; 6] = [
    "anthropic-organization-id",
    "chatgpt-account-id",
    "openai-organization",
    "openai-project",
    "x-goog-user-project",
    "x-amz-credential",
];

/// Names of query parameters and form fields, in lower case without `-` and `_`.
const SECRET_PARAMETERS: [&str; 14] = [
    "accesstoken",
    "apikey",
    "assertion",
    "clientsecret",
    "code",
    "key",
    "password",
    "refreshtoken",
    "sig",
    "signature",
    "token",
    "xamzcredential",
    "xamzsecuritytoken",
    "xamzsignature",
];

/// Names of JSON members, in the same way. `token` is none: log probabilities are told of tokens.
const SECRET_MEMBERS: [&str; 12] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "authorization",
    "clientsecret",
    "idtoken",
    "password",
    "privatekey",
    "refreshtoken",
    "secret",
    "secretaccesskey",
    "sessiontoken",
];

/// How keys of well-known services begin.
const KEY_STARTS: [&str; 16] = [
    "AIza",
    "AKIA",
    "ASIA",
    "csk-",
    "fw_",
    "ghp_",
    "gho_",
    "github_pat_",
    "gsk_",
    "hf_",
    "nvapi-",
    "pplx-",
    "sk-",
    "sk_",
    "xai-",
    "ya29.",
];

/// Shorter ones cannot be told from ordinary text.
const SHORTEST: usize = 6;
const SHORTEST_KEY: usize = 20;

fn looks_like_key(word: &str) -> bool {
    let is_token = word.starts_with("eyJ") && word.matches('.').count() == 2;
    word.len() >= SHORTEST_KEY && (is_token || KEY_STARTS.iter().any(|start| word.starts_with(start)))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_named(name: &str, names: &[&str]) -> bool {
    let name: String = name.chars().filter(|c| !"-_".contains(*c)).flat_map(char::to_lowercase).collect();
    names.contains(&name.as_str())
}

/// Where the values of secret parameters stand, in a URL or a form.
fn query_values(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (equals, _) in text.match_indices('=') {
        let start = text[..equals].rfind(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        let begins = start.is_none_or(|start| text[start..].starts_with(['?', '&']));
        let name = &text[start.map_or(0, |start| start + 1).min(equals)..equals];
        if begins && is_named(name, &SECRET_PARAMETERS) {
            let value = equals + 1;
            let end = text[value..].find(|c: char| c.is_whitespace() || "&\"'#<>\\".contains(c));
            found.push((value, end.map_or(text.len(), |end| value + end)));
        }
    }
    found
}

/// Where the string values of secret members stand, between their quotes.
fn json_values(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('"').map(|offset| at + offset) {
        let Some(close) = string_end(text, open) else { break };
        at = close + 1;
        let behind = text[at..].trim_start();
        let Some(value) = behind.strip_prefix(':').map(str::trim_start) else { continue };
        if value.starts_with('"') && is_named(&text[open + 1..close], &SECRET_MEMBERS) {
            let open = text.len() - value.len();
            let Some(close) = string_end(text, open) else { break };
            found.push((open + 1, close));
            at = close + 1;
        }
    }
    found
}

/// The closing quote of the string that opens there.
fn string_end(text: &str, open: usize) -> Option<usize> {
    let mut escaped = false;
    text.bytes().enumerate().skip(open + 1).find_map(|(at, byte)| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes.then_some(at)
    })
}

fn replace(text: &mut String, places: &[(usize, usize)]) {
    for (start, end) in places.iter().rev().filter(|(start, end)| start < end) {
        text.replace_range(start..end, REDACTED);
    }
}

fn without(bytes: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(secret.len()).position(|window| window == secret) {
        kept.extend_from_slice(&rest[..at]);
        kept.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    kept.extend_from_slice(rest);
    kept
}

fn in_url(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn from_url(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded =
            digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(secrets: &[&str], text: &str) -> String {
        let mut known = Secrets::default();
        for secret in secrets {
            known.add(secret);
        }
        let mut text = text.to_owned();
        known.remove_from_text(&mut text);
        text
    }

    #[test]
    fn known_secrets_go_in_every_spelling() {
        let secret = "p@ss/w\"rd+1";
        for text in ["p@ss/w\"rd+1", "p%40ss%2Fw%22rd%2B1", "p@ss/w\\\"rd+1"] {
            assert_eq!(cleaned(&[secret], &format!("<{text}>")), "<REDACTED>");
        }
        assert_eq!(cleaned(&["p%40ssword"], "it is p@ssword"), "it is REDACTED");
    }

    #[test]
    fn keys_that_a_service_masked_go_too() {
        let secret = ["proxykey-abcdefgh-wxyz"];
        assert_eq!(cleaned(&secret, "Incorrect: proxyk**********wxyz. See"), "Incorrect: REDACTED. See");
        assert_eq!(cleaned(&secret, "key proxy...xyz is wrong"), "key REDACTED is wrong");
        assert_eq!(cleaned(&secret, "**bold** and so on... and 3 * 4"), "**bold** and so on... and 3 * 4");
    }

    #[test]
    fn what_looks_like_a_key_goes_unseen_before() {
        let key = concat!("sk-", "proj-0123456789abcdefghij");
        assert_eq!(cleaned(&[], &format!("\"{key}\"")), "\"REDACTED\"");
        assert_eq!(
            cleaned(&[], "task-force-of-many-people-everywhere"),
            "task-force-of-many-people-everywhere"
        );
        assert_eq!(cleaned(&[], "sk-short"), "sk-short");
    }

    #[test]
    fn secret_members_and_parameters_go() {
        let text = r#"{"api_key" : "a\"b", "token":" Hello", "x":{"clientSecret":"c"},"key":"enter"}"#;
        let expected =
            r#"{"api_key" : "REDACTED", "token":" Hello", "x":{"clientSecret":"REDACTED"},"key":"enter"}"#;
        assert_eq!(cleaned(&[], text), expected);
        assert_eq!(cleaned(&[], "/v1?alt=sse&key=abc&x=1"), "/v1?alt=sse&key=REDACTED&x=1");
        assert_eq!(cleaned(&[], "client_secret=abc&grant=x"), "client_secret=REDACTED&grant=x");
        assert_eq!(cleaned(&[], "monkey=see"), "monkey=see");
    }

    #[test]
    fn headers_that_count_tokens_stay() {
        for name in ["x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-limit", "content-type"] {
            assert!(!is_secret_header(name), "{name}");
        }
        for name in ["Authorization", "x-api-key", "api-key", "x-goog-api-key", "Cookie", "set-cookie"] {
            assert!(is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_searched_too() {
        assert_eq!(without(b"\xff secret-1 \xff secret-1", b"secret-1"), b"\xff REDACTED \xff REDACTED");
    }
}
