//! Inputs that the recorder had and the recordings do not hold, told from what they do hold.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use samewire::json::{Value, object};
use sha1::{Digest, Sha1};

use crate::fixture::Case;

/// The files that a case needs beside its own, below the folder that `$FILES` stands for.
pub(crate) fn files(case: &Case, files: &Path) -> Vec<(PathBuf, String)> {
    sign_on_token(case, files).unwrap_or_default()
}

/// What `aws sso login` left: the list of files names no folders, so this one is missing from it. The token
/// stands in the request that it was sent with; the file is named by a hash of what the profile says.
fn sign_on_token(case: &Case, files: &Path) -> Option<Vec<(PathBuf, String)>> {
    let headers = case.exchanges.iter().flat_map(|exchange| &exchange.request.headers);
    let (_, token) = headers.into_iter().find(|(name, _)| name == "x-amz-sso_bearer_token")?;
    let cached = object! {
        "accessToken": String::from_utf8_lossy(token).as_ref(),
        "expiresAt": "2026-01-15T20:00:00Z",
    };
    let cached = Value::from(cached).to_json();
    let config = case.input.get("files")?.get("config")?.as_str()?;
    let names = config.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        ["sso_start_url", "sso_session"].contains(&key.trim()).then(|| value.trim())
    });
    let path = |name: &str| {
        let mut file = String::new();
        for byte in Sha1::digest(name) {
            let _ = write!(file, "{byte:02x}");
        }
        files.join("home/.aws/sso/cache").join(file + ".json")
    };
    Some(names.map(|name| (path(name), cached.clone())).collect())
}
