//! Where mutation begins: what the recordings hold.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use samewire::json::Value;

/// What one recording gives.
pub struct Seed {
    /// The bodies of answers.
    pub bodies: Vec<Vec<u8>>,
    /// Settings, as JSON.
    pub settings: Option<Vec<u8>>,
    /// Header values of answers.
    pub headers: Vec<Vec<u8>>,
}

/// Reads every recording below a folder, in the order of their names.
pub fn read(folder: &Path) -> std::io::Result<Vec<Seed>> {
    let mut paths = Vec::new();
    for provider in std::fs::read_dir(folder)? {
        let provider = provider?.path();
        if provider.is_dir() {
            for case in std::fs::read_dir(provider)? {
                paths.push(case?.path());
            }
        }
    }
    paths.sort();
    let text = |path: &Path| Value::parse(&std::fs::read_to_string(path).ok()?).ok();
    Ok(paths.iter().filter_map(|path| text(path)).map(|case| seed(&case)).collect())
}

fn seed(case: &Value) -> Seed {
    let exchanges = case.get("exchanges").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let answers = || exchanges.iter().filter_map(|exchange| exchange.get("response"));
    let lines = answers().filter_map(|answer| answer.get("headers").and_then(Value::as_array)).flatten();
    let text = |value: &Value| value.as_str().map(|text| text.as_bytes().to_vec());
    Seed {
        bodies: answers()
            .filter_map(|answer| answer.get("body").and_then(text).or_else(|| binary(answer)))
            .collect(),
        settings: case.get("input").and_then(|input| input.get("settings")).map(|s| s.to_json().into_bytes()),
        headers: lines.filter_map(|line| line.at(1).and_then(text)).collect(),
    }
}

/// A body that is no text.
fn binary(answer: &Value) -> Option<Vec<u8>> {
    BASE64.decode(answer.get("bodyBase64")?.as_str()?).ok()
}
