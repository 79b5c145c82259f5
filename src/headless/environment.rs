//! What a program sees of the environment: what is listed, nothing else.

use std::collections::BTreeMap;

/// The variables that a program gets: those of the lists that are set, then those given by value.
pub(super) fn allowed(
    environment: &BTreeMap<String, String>,
    lists: &[&[&str]],
    more: &[String],
    given: &[(String, String)],
) -> BTreeMap<String, String> {
    let names = EVERYWHERE.iter().chain(lists.iter().copied().flatten()).copied();
    let names: Vec<&str> = names.chain(more.iter().map(String::as_str)).collect();
    let mut allowed: BTreeMap<String, String> = environment
        .iter()
        .filter(|(name, _)| names.iter().any(|known| is_same(known, name)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // Programs that would colour their output anyhow are asked not to.
    allowed.insert("NO_COLOR".into(), "1".into());
    allowed.extend(given.iter().cloned());
    allowed
}

/// The values among them that must never be shown, longest first.
pub(super) fn secrets(allowed: &BTreeMap<String, String>, given: &[(String, String)]) -> Vec<String> {
    let is_secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        SECRET_PARTS.iter().any(|part| name.contains(part))
    };
    let of_names = allowed.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value);
    let values = of_names.chain(given.iter().map(|(_, value)| value));
    let mut secrets: Vec<String> = values.filter(|value| value.len() >= SHORTEST_SECRET).cloned().collect();
    // A secret may hold another one.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// Windows does not tell `Path` from `PATH`; a `*` at the end stands for anything.
fn is_same(known: &str, name: &str) -> bool {
    let same = |a: &str, b: &str| if cfg!(windows) { a.eq_ignore_ascii_case(b) } else { a == b };
    match known.strip_suffix('*') {
        Some(start) => name.get(..start.len()).is_some_and(|name| same(start, name)),
        None => same(known, name),
    }
}

/// Shorter values are words that occur anywhere.
const SHORTEST_SECRET: usize = 6;

const SECRET_PARTS: &[&str] =
    &["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "AUTH", "PROXY", "HEADERS"];

/// What every program needs: its search path, folders, language, and the way to the network.
const EVERYWHERE: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "XDG_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    // Windows
    "SystemRoot",
    "SystemDrive",
    "windir",
    "COMSPEC",
    "PATHEXT",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "ProgramW6432",
    "USERNAME",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_passes() {
        let environment: BTreeMap<String, String> = [
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("ANTHROPIC_API_KEY", "sk-ant-1"),
            ("AWS_SECRET_ACCESS_KEY", "aws-secret"),
            ("MINE", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let given = [("SET".to_owned(), "by value".to_owned())];
        let allowed = allowed(&environment, &[&["ANTHROPIC_API_KEY"]], &["MINE".into()], &given);
        let names: Vec<&str> = allowed.keys().map(String::as_str).collect();
        assert_eq!(names, ["ANTHROPIC_API_KEY", "LC_ALL", "MINE", "NO_COLOR", "PATH", "SET"]);
        assert_eq!(secrets(&allowed, &given), ["sk-ant-1", "by value"]);
    }
}
