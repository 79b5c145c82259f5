//! Where a server is, as people write it.

use url::Url;

/// The port of a server whose address names neither scheme nor port.
const DEFAULT_PORT: &str = "11434";

/// The address of a server with scheme and port, its path kept without a slash at the end; `None` if it
/// cannot be one.
pub(crate) fn format(written: &str) -> Option<String> {
    let (address, is_explicit) = match written {
        _ if written.starts_with(':') => (format!("http://127.0.0.1{written}"), true),
        _ if written.contains("://") => (written.to_owned(), true),
        _ => (format!("http://{written}"), false),
    };
    let url = Url::parse(&address).ok()?;
    let scheme = url.scheme();
    let port = match url.port() {
        Some(port) => port.to_string(),
        None if !is_explicit => DEFAULT_PORT.to_owned(),
        None if scheme == "https" => "443".to_owned(),
        None => "80".to_owned(),
    };
    let user = match (url.username(), url.password()) {
        ("", _) => String::new(),
        (user, None) => format!("{user}@"),
        (user, Some(password)) => format!("{user}:{password}@"),
    };
    let host = url.host_str().unwrap_or_default();
    let formatted = format!("{scheme}://{user}{host}:{port}{}", url.path());
    Some(formatted.strip_suffix('/').map_or(formatted.clone(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_filled_in() {
        for (written, formatted) in [
            ("http://localhost:11434", "http://localhost:11434"),
            ("gpuhost", "http://gpuhost:11434"),
            ("gpu.local:8080", "http://gpu.local:8080"),
            (":8080", "http://127.0.0.1:8080"),
            ("https://ollama.com", "https://ollama.com:443"),
            ("http://ollama.com/", "http://ollama.com:80"),
            ("http://gpu:1/a/b/", "http://gpu:1/a/b"),
            ("http://[::1]", "http://[::1]:80"),
        ] {
            assert_eq!(format(written).as_deref(), Some(formatted));
        }
        assert_eq!(format("http://"), None);
        assert_eq!(format("not a url"), None);
    }
}
