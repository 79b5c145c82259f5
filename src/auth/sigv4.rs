//! AWS Signature Version 4, as the AWS SDK for JavaScript signs.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>

use bytes::Bytes;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::aws_credentials::Credentials;
use crate::layers::date_of;
use crate::lock::Shared;
use crate::transport::{HeaderValue, HttpRequest, HttpResponse, Sign};

/// Signs requests for one service in one region with one set of credentials.
///
/// Adds `x-amz-date`, `x-amz-security-token` for temporary credentials, `x-amz-content-sha256` and
/// `authorization`. Every header that stands in the request already is covered, but for those that
/// intermediaries change; on HTTP/2 the pseudo header `:authority` takes the place of `host`.
pub(crate) struct Signer {
    pub(crate) service: &'static str,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    pub(crate) skew: Arc<Skew>,
}

/// How far our clock is from the service's: learnt from the answers, shared by all requests to it.
#[derive(Debug, Default)]
pub(crate) struct Skew {
    milliseconds: AtomicI64,
    /// The key of the last day, region and service, which every signature of that day needs.
    key: RwLock<Option<(String, [u8; 32])>>,
}

impl Skew {
    fn corrected(&self, now: f64) -> f64 {
        now + self.milliseconds.load(Ordering::Relaxed) as f64
    }

    /// Takes the service's time for the right one if it is far from ours; true if that changes ours.
    fn learn(&self, service_time: f64, now: f64) -> bool {
        if (self.corrected(now) - service_time).abs() < TOLERANCE_MS {
            return false;
        }
        let offset = (service_time - now) as i64;
        self.milliseconds.swap(offset, Ordering::Relaxed) != offset
    }
}

impl Signer {
    fn key(&self, day: &str) -> [u8; 32] {
        let scope = format!("{}/{day}/{}/{}", self.credentials.access_key, self.region, self.service);
        if let Some((known, key)) = &*self.skew.key.reading()
            && *known == scope
        {
            return *key;
        }
        let secret = format!("AWS4{}", self.credentials.secret_key);
        let mut key = mac(secret.as_bytes(), day);
        for part in [&self.region, self.service, "aws4_request"] {
            key = mac(&key, part);
        }
        *self.skew.key.writing() = Some((scope, key));
        key
    }
}

impl Sign for Signer {
    fn secrets(&self) -> Vec<Bytes> {
        let secrets = [Some(&self.credentials.secret_key), self.credentials.session_token.as_ref()];
        secrets.into_iter().flatten().map(|secret| Bytes::copy_from_slice(secret.as_bytes())).collect()
    }

    fn sign(&self, request: &mut HttpRequest, now: f64) {
        // HTTP/1.1 clients put this one last.
        let connection = request.headers.get("connection").cloned();
        request.headers.remove("connection");
        let date = timestamp(self.skew.corrected(now));
        let day = &date[..8];
        request.headers.append("x-amz-date", date.clone());
        if let Some(token) = &self.credentials.session_token {
            request.headers.append("x-amz-security-token", HeaderValue::secret(token.clone()));
        }
        let body_hash = hex(&Sha256::digest(&request.body));
        request.headers.append("x-amz-content-sha256", body_hash.clone());

        let (signed, canonical) = canonical_request(request, &body_hash);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = hex(&Sha256::digest(canonical.as_bytes()));
        let signature = mac(&self.key(day), &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}"));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={}",
            self.credentials.access_key,
            hex(&signature)
        );
        request.headers.append("authorization", HeaderValue::secret(authorization));
        if let Some(connection) = connection {
            request.headers.append("Connection", connection);
        }
    }

    fn answered(&self, response: &HttpResponse, now: f64) -> bool {
        let date = response.headers.joined("date").and_then(|date| date_of(&date));
        date.is_some_and(|date| self.skew.learn(date, now))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("service", &self.service)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// The names of the signed headers, and the text that is signed.
fn canonical_request(request: &HttpRequest, body_hash: &str) -> (String, String) {
    let mut lines: Vec<(String, String)> = Vec::with_capacity(request.headers.len());
    for (name, value) in request.headers.iter() {
        let name = name.to_ascii_lowercase();
        if is_signed(&name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            let words: Vec<&str> = value.split_whitespace().collect();
            lines.push((name, words.join(" ")));
        }
    }
    lines.sort();
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let target = target(&request.url);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut text = format!("{}\n{}\n{}\n", request.method, canonical_path(path), canonical_query(query));
    for (name, value) in &lines {
        let _ = writeln!(text, "{name}:{value}");
    }
    let _ = write!(text, "\n{names}\n{body_hash}");
    (names, text)
}

fn is_signed(name: &str) -> bool {
    let pseudo = name.starts_with(':') && name != ":authority";
    !pseudo && !name.starts_with("proxy-") && !name.starts_with("sec-") && !UNSIGNED.contains(&name)
}

/// Path and query of an absolute URL.
fn target(url: &str) -> &str {
    let behind_scheme = url.find("://").map_or(0, |at| at + 3);
    url[behind_scheme..].find(['/', '?']).map_or("/", |at| &url[behind_scheme + at..])
}

/// The path, resolved and percent-encoded once more than it is already.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut encoded = String::from("/");
    encoded.push_str(&segments.iter().map(|segment| uri_encode(segment)).collect::<Vec<_>>().join("/"));
    if path.ends_with('/') && !segments.is_empty() {
        encoded.push('/');
    }
    encoded
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(crate) fn uri_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// `20260115T120000Z`
fn timestamp(milliseconds: f64) -> String {
    let seconds = (milliseconds / 1000.0).floor() as i64;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The date of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

fn mac(key: &[u8], text: &str) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of every length")
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A clock within this distance is right.
const TOLERANCE_MS: f64 = 300_000.0;

/// What intermediaries may change.
const UNSIGNED: &[&str] = &[
    "authorization",
    "cache-control",
    "connection",
    "expect",
    "from",
    "keep-alive",
    "max-forwards",
    "pragma",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::transport::{Headers, RequestOptions};

    #[test]
    fn times() {
        assert_eq!(timestamp(TestClock::START), "20260115T120000Z");
        assert_eq!(timestamp(951_782_399_999.0), "20000228T235959Z");
        assert_eq!(timestamp(1_709_164_800_000.0), "20240229T000000Z");
        assert_eq!(timestamp(0.0), "19700101T000000Z");
    }

    #[test]
    fn paths_are_encoded_once_more() {
        assert_eq!(canonical_path("/model/a%3A0/converse"), "/model/a%253A0/converse");
        assert_eq!(canonical_path("//a/./b/../c d/"), "/a/c%20d/");
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(target("https://h?x=1"), "?x=1");
    }

    #[test]
    fn a_signature_hides_its_secrets_and_covers_the_body() {
        let signer = Signer {
            service: "service",
            region: "us-east-1".into(),
            credentials: Credentials {
                access_key: "AKIDEXAMPLE".into(),
                secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
                session_token: Some("token-of-the-session".into()),
                ..Credentials::default()
            },
            skew: Arc::default(),
        };
        let sign = |body: &'static str| {
            let mut request = HttpRequest {
                method: "POST",
                url: "https://example.amazonaws.com/".into(),
                headers: Headers::from_iter([("host", "example.amazonaws.com"), ("user-agent", "x")]),
                body: body.into(),
                options: RequestOptions::default(),
            };
            signer.sign(&mut request, TestClock::START);
            let names: Vec<&str> = request.headers.iter().map(|(name, _)| name).collect();
            assert_eq!(
                names[2..],
                ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "authorization"]
            );
            assert!(!format!("{request:?}{signer:?}").contains("token-of"));
            request.headers.joined("authorization").unwrap()
        };
        assert!(
            sign("a").contains(
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="
            )
        );
        assert_ne!(sign("a"), sign("b"));
        assert_eq!(sign("a"), sign("a"), "the kept key is the same key");
    }

    /// Case `get-vanilla` of AWS's own test suite for Signature Version 4.
    #[test]
    fn the_key_of_the_aws_test_suite() {
        let mut key = mac(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830");
        for part in ["us-east-1", "iam", "aws4_request"] {
            key = mac(&key, part);
        }
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn a_skewed_clock_is_corrected_once() {
        let skew = Skew::default();
        assert!(!skew.learn(TestClock::START + 299_999.0, TestClock::START));
        assert!(skew.learn(TestClock::START + 3_600_000.0, TestClock::START));
        assert!(!skew.learn(TestClock::START + 3_601_000.0, TestClock::START));
        assert_eq!(timestamp(skew.corrected(TestClock::START)), "20260115T130000Z");
    }
}
