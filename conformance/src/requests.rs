//! Comparing the requests that were sent with those that were recorded.

use bytes::Bytes;
use samewire::transport::{HttpRequest, HttpVersion};

use crate::deviations::Class;
use crate::difference;
use crate::fixture::{Case, Request};
use crate::surrogates::{Depth, replace_lone};
use crate::verdict::Verdict;

/// How strictly HTTP/2's pseudo headers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PseudoHeaders {
    /// In the recorded order.
    Ordered,
    /// As a set: the client's library orders them.
    AnyOrder,
}

impl Request {
    /// The request as samewire makes it for its transport.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let (scheme, rest) = request.url.split_once("://").unwrap_or(("", &request.url));
        let target = match rest.find(['/', '?']) {
            Some(at) if rest[at..].starts_with('?') => format!("/{}", &rest[at..]),
            Some(at) => rest[at..].to_owned(),
            None => "/".to_owned(),
        };
        Self {
            scheme: scheme.to_owned(),
            http2: request.options.version == HttpVersion::Http2,
            method: request.method.to_owned(),
            target,
            headers: request
                .headers
                .iter()
                .map(|(name, v)| (name.to_owned(), v.as_bytes().to_vec()))
                .collect(),
            body: request.body.clone(),
        }
    }

    /// Whether the request can reach a network; the recorder saw no others.
    pub(crate) fn can_leave(&self) -> bool {
        ["http", "https"].contains(&self.scheme.as_str())
    }

    fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

/// Compares all requests of a case. Requests to different targets may come in either order.
pub(crate) fn compare_requests(case: &Case, mut seen: Vec<Request>, pseudo: PseudoHeaders) -> Verdict {
    let mut verdict = Verdict::Same;
    for (index, exchange) in case.exchanges.iter().enumerate() {
        let expected = &exchange.request;
        if seen.is_empty() {
            let missing = format!("request {}: {} was not sent", index + 1, expected.line());
            return verdict.and(|| Verdict::Differs(missing));
        }
        let same = |r: &Request| r.method == expected.method && r.target == expected.target;
        let whole = |r: &Request| same(r) && r.body == expected.body;
        let place = seen.iter().position(whole).or_else(|| seen.iter().position(same));
        let actual = seen.remove(place.unwrap_or(0));
        verdict = verdict.and(|| {
            compare(expected, &actual, case.lone_surrogate, pseudo).noted(&format!("request {}", index + 1))
        });
    }
    verdict.and(|| match seen.first() {
        Some(extra) => {
            Verdict::Differs(format!("request {} is too many: {}", case.exchanges.len() + 1, extra.line()))
        }
        None => Verdict::Same,
    })
}

fn compare(expected: &Request, actual: &Request, lone_surrogate: bool, pseudo: PseudoHeaders) -> Verdict {
    let version = |http2| if http2 { "2" } else { "1.1" };
    let facts = [
        ("method", &*expected.method, &*actual.method),
        ("target", &*expected.target, &*actual.target),
        ("scheme", &*expected.scheme, &*actual.scheme),
        ("HTTP version", version(expected.http2), version(actual.http2)),
    ];
    for (name, wanted, found) in facts {
        if let Some(difference) = difference::of_texts(wanted, found) {
            return Verdict::Differs(format!("{name}: {difference}"));
        }
    }
    let replaced = lone_surrogate && is_replaced(&expected.body, &actual.body);
    if let Some(difference) = headers(expected, actual, replaced, pseudo) {
        return Verdict::Differs(difference);
    }
    if replaced {
        return Verdict::Deviates(Class::LoneSurrogate);
    }
    match difference::of_json(&expected.body, &actual.body) {
        Some(difference) => Verdict::Differs(format!("body: {difference}")),
        None => Verdict::Same,
    }
}

/// Whether the bodies differ only in that each half of a surrogate pair is U+FFFD.
fn is_replaced(expected: &Bytes, actual: &Bytes) -> bool {
    let Ok(text) = std::str::from_utf8(expected) else { return false };
    expected != actual
        && [Depth::Own, Depth::Any]
            .into_iter()
            .any(|depth| replace_lone(text, depth, "\u{fffd}").as_bytes() == actual.as_ref())
}

fn headers(expected: &Request, actual: &Request, replaced: bool, pseudo: PseudoHeaders) -> Option<String> {
    let lines = |request: &Request, length: usize| {
        let mut lines: Vec<(String, Vec<u8>)> = Vec::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            let name = name.to_ascii_lowercase();
            let value = match name.as_str() {
                "content-length" if replaced => length.to_string().into_bytes(),
                "x-amz-content-sha256" if replaced => Vec::new(),
                "authorization" if replaced && value.starts_with(b"AWS4-") => Vec::new(),
                _ => value.clone(),
            };
            lines.push((name, value));
        }
        if pseudo == PseudoHeaders::AnyOrder {
            let count = lines.iter().take_while(|(name, _)| name.starts_with(':')).count();
            lines[..count].sort();
        }
        lines
    };
    let (wanted, found) = (lines(expected, actual.body.len()), lines(actual, actual.body.len()));
    let print = |line: Option<&(String, Vec<u8>)>| match line {
        Some((name, value)) => format!("`{name}: {}`", String::from_utf8_lossy(value)),
        None => "no more lines".to_owned(),
    };
    let at = (0..wanted.len().max(found.len())).find(|at| wanted.get(*at) != found.get(*at))?;
    let line = at + 1;
    if let (Some((name, wanted)), Some((other, found))) = (wanted.get(at), found.get(at))
        && name == other
        && wanted.len() > SHORT
    {
        return Some(format!("header line {line}, {name}: {}", difference::of_bytes(wanted, found)?));
    }
    Some(format!("header line {line}: expected {}, got {}", print(wanted.get(at)), print(found.get(at))))
}

/// Values up to this length are shown whole.
const SHORT: usize = 60;
