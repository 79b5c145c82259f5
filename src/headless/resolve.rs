//! Finding a program: its absolute path, or an error that says where it was looked for.

use std::path::{Path, PathBuf};

use super::program::Spec;
use crate::Error;

/// Where programs are looked for.
pub(super) struct Places<'a> {
    /// The search path of the environment.
    pub(super) path: Option<&'a str>,
    /// The endings that Windows tries.
    pub(super) endings: Option<&'a str>,
    pub(super) home: Option<&'a Path>,
}

/// The absolute path of a program.
///
/// A name is looked for in the absolute folders of the search path and then in those where installers put it;
/// a path, relative ones from the current folder, is taken as it is.
///
/// # Errors
///
/// [`Configuration`](crate::ErrorKind::Configuration), with every folder that was searched.
pub(super) async fn resolve(command: &str, spec: &Spec, places: &Places<'_>) -> Result<PathBuf, Error> {
    let endings = endings(places.endings);
    if command.contains(std::path::is_separator) {
        let path =
            std::path::absolute(command).map_err(|error| missing(command, spec, &error.to_string()))?;
        return match first_program(&path, &endings).await {
            Some(found) => Ok(found),
            None => Err(missing(command, spec, &format!("{} is no program that can be run", path.display()))),
        };
    }
    let folders = folders(spec, places);
    for folder in &folders {
        if let Some(found) = first_program(&folder.join(command), &endings).await {
            return Ok(found);
        }
    }
    let list: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Err(missing(command, spec, &format!("it is in none of these folders: {}", list.join(", "))))
}

fn missing(command: &str, spec: &Spec, reason: &str) -> Error {
    Error::configuration(format!(
        "the program `{command}` of the provider `{}` was not found: {reason}. {} Or set `headlessCommand` to its path.",
        spec.id, spec.install
    ))
}

/// Relative folders of the search path are left out: what stands there depends on where we are.
fn folders(spec: &Spec, places: &Places<'_>) -> Vec<PathBuf> {
    let of_path =
        places.path.map(std::env::split_paths).into_iter().flatten().filter(|folder| folder.is_absolute());
    let of_npm: &[&str] = if cfg!(windows) { &["AppData/Roaming/npm"] } else { &[] };
    let in_home: Vec<&str> = [HOME_FOLDERS, of_npm, spec.folders].concat();
    let of_home = places.home.into_iter().flat_map(|home| in_home.iter().map(|folder| home.join(folder)));
    let of_system = SYSTEM_FOLDERS.iter().map(PathBuf::from).filter(|folder| folder.is_absolute());
    let mut folders: Vec<PathBuf> = Vec::new();
    for folder in of_path.chain(of_home).chain(of_system) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders
}

fn endings(set: Option<&str>) -> Vec<String> {
    if !cfg!(windows) {
        return vec![String::new()];
    }
    let list = set.unwrap_or(".EXE;.CMD;.BAT").split(';').filter(|ending| !ending.is_empty());
    std::iter::once(String::new()).chain(list.map(str::to_ascii_lowercase)).collect()
}

async fn first_program(path: &Path, endings: &[String]) -> Option<PathBuf> {
    for ending in endings {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let path = PathBuf::from(name);
        if is_program(&path, ending).await {
            return Some(path);
        }
    }
    None
}

async fn is_program(path: &Path, ending: &str) -> bool {
    let Ok(facts) = tokio::fs::metadata(path).await else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = ending;
        facts.is_file() && facts.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    {
        facts.is_file() && (!ending.is_empty() || path.extension().is_some())
    }
}

/// Where installers put programs of one user.
const HOME_FOLDERS: &[&str] = &[".local/bin", ".npm-global/bin", ".bun/bin", ".volta/bin", ".cargo/bin"];
const SYSTEM_FOLDERS: &[&str] = &["/usr/local/bin", "/opt/homebrew/bin", "/usr/bin", "/bin"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headless::Program;

    #[tokio::test]
    async fn a_missing_program_is_explained() {
        let spec = Program::ClaudeCode.spec();
        let home = tempfile::tempdir().unwrap();
        let relative = std::env::join_paths(["relative", home.path().to_str().unwrap()]).unwrap();
        let places = Places { path: relative.to_str(), endings: None, home: Some(home.path()) };
        let error = resolve("no-such-claude", spec, &places).await.unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Configuration);
        let message = error.message();
        assert!(message.contains(home.path().join(".local/bin").to_str().unwrap()), "{message}");
        assert!(message.contains("npm install -g @anthropic-ai/claude-code"), "{message}");
        assert!(message.contains("headlessCommand") && !message.contains("relative"), "{message}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_that_cannot_be_run_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (folder, mode) in [(&first, 0o644), (&second, 0o755)] {
            let file = folder.path().join("samewire-test-program");
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        let places = Places { path: path.to_str(), endings: None, home: None };
        let spec = Program::Codex.spec();
        let found = resolve("samewire-test-program", spec, &places).await.unwrap();
        assert_eq!(found, second.path().join("samewire-test-program"));
        let direct = first.path().join("samewire-test-program");
        assert!(resolve(direct.to_str().unwrap(), spec, &places).await.is_err());
    }
}
