//! An exchange as a file, as `fixtures/README.md` defines it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use samewire::json::{Object, Value, object};

use crate::calls::TRAFFIC;
use crate::fixture::{Disconnect, Exchange, Request};

/// Writes an exchange to `<out>/<host>/<number>-<what>.json`, and gives its id.
pub(super) fn save(
    out: &Path,
    authority: &str,
    numbers: &Mutex<BTreeMap<PathBuf, usize>>,
    exchange: &Exchange,
) -> Result<String, String> {
    let host = folder_name(authority);
    let folder = out.join(&host);
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(fail)?;
    let number = next_number(&folder, numbers).map_err(fail)?;
    let path = exchange.request.target.split('?').next().unwrap_or_default();
    let what = plain(&format!("{}{path}", exchange.request.method), "-");
    let what: String = what.chars().take(LONGEST_NAME).collect();
    let name = format!("{number:04}-{}", what.trim_matches('-'));
    let id = format!("{host}/{name}");
    let text = case(&id, authority, exchange).to_json_pretty();
    // A file is there whole or not at all.
    let unfinished = folder.join(format!("{name}.part"));
    fs::write(&unfinished, format!("{text}\n")).map_err(fail)?;
    fs::rename(&unfinished, folder.join(format!("{name}.json"))).map_err(fail)?;
    Ok(id)
}

/// The number behind the highest in the folder.
fn next_number(folder: &Path, numbers: &Mutex<BTreeMap<PathBuf, usize>>) -> std::io::Result<usize> {
    let mut numbers = numbers.lock().unwrap_or_else(PoisonError::into_inner);
    if !numbers.contains_key(folder) {
        let names = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.file_name()));
        let number = |name: std::ffi::OsString| name.to_str()?.split('-').next()?.parse().ok();
        numbers.insert(folder.to_owned(), names.filter_map(number).max().unwrap_or(0));
    }
    let number = numbers.entry(folder.to_owned()).or_default();
    *number += 1;
    Ok(*number)
}

/// The host without its port, as the name of a folder: never empty, never a path.
fn folder_name(authority: &str) -> String {
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = plain(host.unwrap_or_default(), ".-");
    if host.is_empty() { "upstream".to_owned() } else { host }
}

/// Letters and digits in lower case, and what else is allowed; anything else becomes a hyphen.
fn plain(text: &str, allowed: &str) -> String {
    let keep = |c: char| c.is_ascii_alphanumeric() || allowed.contains(c);
    let text: String = text.chars().map(|c| if keep(c) { c.to_ascii_lowercase() } else { '-' }).collect();
    text.trim_matches(['.', '-']).to_owned()
}

fn case(id: &str, authority: &str, exchange: &Exchange) -> Value {
    object! {
        "id": id,
        "about": format!("traffic of a client with {authority}, recorded by samewire record"),
        "call": TRAFFIC,
        "input": Object::new(),
        "exchanges": std::iter::once(exchange_value(exchange)).collect::<Value>(),
    }
    .into()
}

fn exchange_value(exchange: &Exchange) -> Value {
    let Exchange { request, response } = exchange;
    let mut answer = object! {
        "status": u32::from(response.status),
        "reason": response.reason.as_str(),
        "headers": headers(&response.headers),
    };
    put_body(&mut answer, &response.body);
    if response.chunked {
        answer.insert("chunked", true);
    }
    if !response.split_at.is_empty() {
        let cuts = response.split_at.iter().map(|at| Value::from(*at));
        answer.insert("splitAt", cuts.collect::<Value>());
    }
    if response.disconnect == Some(Disconnect::Mid) {
        answer.insert("disconnect", "mid");
    }
    object! { "request": request.to_object(), "response": answer }.into()
}

impl Request {
    pub(crate) fn to_object(&self) -> Object {
        let mut request = object! {
            "scheme": self.scheme.as_str(),
            "http": if self.http2 { "2" } else { "1.1" },
            "method": self.method.as_str(),
            "target": self.target.as_str(),
            "headers": headers(&self.headers),
        };
        put_body(&mut request, &self.body);
        request
    }
}

fn headers(headers: &[(String, Vec<u8>)]) -> Value {
    let line = |(name, value): &(String, Vec<u8>)| {
        // One character a byte, as fixtures are read.
        let value: String = value.iter().map(|byte| char::from(*byte)).collect();
        Value::Array(vec![name.as_str().into(), value.into()])
    };
    headers.iter().map(line).collect()
}

fn put_body(message: &mut Object, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(text) => drop(message.insert("body", text)),
        Err(_) => drop(message.insert("bodyBase64", BASE64.encode(body))),
    }
}

const LONGEST_NAME: usize = 60;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::fixture::{Request, Response};

    fn exchange(target: &str) -> Exchange {
        let request = Request {
            scheme: "https".into(),
            http2: false,
            method: "POST".into(),
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        };
        Exchange { request, response: Response::made(200, Object::new()) }
    }

    #[test]
    fn a_case_is_kept_below_its_folder_whatever_host_and_target_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/out");
        let numbers = Mutex::default();
        let hosts =
            ["..", "../../evil", "[::1]:8080", "", ".", "C:", "a\\b", "%2e%2e", "\0", "example.com:443"];
        let long = "/x".repeat(5_000);
        let targets =
            ["/../../../evil", "//etc/passwd", "/%2e%2e/%2fevil", "/..\\..\\evil", "/", "/\0", "/con", &long];
        for host in hosts {
            for target in targets {
                let id = save(&out, host, &numbers, &exchange(target)).unwrap();
                let (folder, case) = id.split_once('/').unwrap();
                let plain = |part: &str| {
                    !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\\', ':', '\0'])
                };
                assert!(plain(folder) && plain(case) && case.len() < 80, "{id}");
                assert!(out.join(folder).join(format!("{case}.json")).is_file(), "{id}");
            }
        }
        let beside: Vec<_> = std::fs::read_dir(folder.path().join("deep")).unwrap().collect();
        assert_eq!(beside.len(), 1, "{beside:?}");
        let kept = crate::suite::find_cases(&out).unwrap().len();
        assert_eq!(kept, hosts.len() * targets.len());
    }
}
