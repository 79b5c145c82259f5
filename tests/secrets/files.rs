//! What is committed: recordings and documents hold throwaway keys only.

use std::path::{Path, PathBuf};

/// Keys of well-known services begin like this.
const STARTS: [&str; 20] = [
    "sk-",
    "sk_",
    "gsk_",
    "xai-",
    "AKIA",
    "ASIA",
    "AIza",
    "csk-",
    "fw_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "hf_",
    "nvapi-",
    "pplx-",
    "ya29.",
    "r8_",
    "ABSK",
    "eyJ",
];

/// What the recorder's keys are made of; a key that has none of it, nor is one of [`RECORDED`], may be somebody's.
const PLACEHOLDERS: [&str; 9] = [
    "test",
    "0123456789",
    "0aBcDeFgHiJkLmNoPq",
    "recorded",
    "EXAMPLE",
    "0a1b2c3d4e5f",
    "key-1",
    "token-1",
    "proj-from-",
];

/// Signed by the recorder with keys that were made for it: `iss` is nobody's account.
const RECORDED: [&str; 2] = ["recorder@demo-project-123.iam.gserv", "recorder@proj-from-key.iam.gservicea"];

/// Shorter ones are nobody's.
const SHORTEST: usize = 20;

#[test]
fn nothing_that_is_committed_looks_like_a_key_that_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in
        ["fixtures", "tests/headless/recorded", "docs", "examples", "scripts", "conformance", "fuzz"]
    {
        collect(&root.join(folder), &mut files);
    }
    assert!(files.len() > 2_000, "{} files", files.len());
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        found.extend(keys(&text).into_iter().map(|key| format!("{}: {key}", file.display())));
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_key_that_works_would_be_found() {
    let random = "q7Zr2mX9vT4bL1wK8nJ5cH3d";
    for start in ["sk-", "xai-", "AIza", "gsk_"] {
        assert_eq!(keys(&format!("a {start}{random} b")), [format!("{start}{random}")]);
    }
    assert_eq!(keys(&format!("[\"authorization\", \"Bearer {random}abcdefgh\"]")).len(), 1);
    assert_eq!(keys(&format!("[\"x-api-key\",\"{random}abcdefgh\"]")).len(), 1);
    assert_eq!(keys("[\"authorization\", \"Bearer sk-test\"]").len(), 0);
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) {
            collect(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

/// The words of a text that may be keys.
fn keys(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.+/=".contains(c);
    let mut found: Vec<String> =
        text.split(|c| !is_part(c)).filter(|word| begins_as_a_key(word)).map(str::to_owned).collect();
    for name in SECRET_HEADERS {
        for (at, _) in text.match_indices(&format!("\"{name}\"")) {
            let rest = text[at + name.len() + 2..].trim_start_matches([',', ':', ' ', '\n']);
            let value = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let key = value.rsplit(' ').next().unwrap_or_default();
            if key.len() >= LONG
                && key.chars().all(is_part)
                && is_live(key)
                && !value.starts_with("AWS4-HMAC-SHA256 ")
            {
                found.push(key.to_owned());
            }
        }
    }
    found
}

const SECRET_HEADERS: [&str; 8] = [
    "authorization",
    "Authorization",
    "x-api-key",
    "X-Api-Key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "x-amz-security-token",
];

/// From here on a value without a known beginning is taken for a key.
const LONG: usize = 28;

fn begins_as_a_key(word: &str) -> bool {
    word.len() >= SHORTEST && STARTS.iter().any(|start| word.starts_with(start)) && is_live(word)
}

/// Whether a key is none of the recorder's, and looks like chance: letters and digits, many different ones.
fn is_live(key: &str) -> bool {
    let known = PLACEHOLDERS.iter().any(|part| key.contains(part)) || is_recorded(key);
    let kinds: std::collections::BTreeSet<char> = key.chars().collect();
    let digits = key.chars().filter(char::is_ascii_digit).count();
    !known && kinds.len() >= 12 && digits >= 3
}

/// Whether it is a token of the recorder's.
fn is_recorded(key: &str) -> bool {
    use base64::Engine;
    let Some(claims) = key.split('.').nth(1).filter(|_| key.starts_with("eyJ")) else { return false };
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    // Cut ones are shown in documents.
    let whole = &claims[..claims.len() / 4 * 4];
    engine.decode(whole).is_ok_and(|claims| {
        let claims = String::from_utf8_lossy(&claims).into_owned();
        RECORDED.iter().any(|issuer| claims.contains(issuer))
    })
}
