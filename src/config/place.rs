//! Where configurations are looked for.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};

use super::mistake::Mistakes;
use super::node::Language;

/// Finds the configuration: `samewire.toml` or `samewire.yaml` in the folder or one above it, else
/// `config.toml` or `config.yaml` in `user_folder`. `.yml` counts as `.yaml`.
///
/// # Errors
///
/// When a folder has more than one of them, since it would not be plain which one holds.
pub fn find(folder: &Path, user_folder: Option<&Path>) -> Result<Option<PathBuf>, Mistakes> {
    for folder in folder.ancestors() {
        if let Some(file) = only_one(folder, "samewire")? {
            return Ok(Some(file));
        }
    }
    user_folder.map_or(Ok(None), |folder| only_one(folder, "config"))
}

/// The user's folder for configurations of samewire, `~/.config/samewire` on Linux and macOS.
pub fn user_folder() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.config_dir().join("samewire"))
}

/// The language that a file's name tells.
///
/// # Errors
///
/// For a name that ends otherwise than `.toml`, `.yaml` or `.yml`.
pub(super) fn language_of(path: &Path) -> Result<Language, Mistakes> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => Ok(Language::Toml),
        Some("yaml" | "yml") => Ok(Language::Yaml),
        _ => Err(Mistakes::of_file(path.display().to_string(), "must end with .toml, .yaml or .yml")),
    }
}

fn only_one(folder: &Path, stem: &str) -> Result<Option<PathBuf>, Mistakes> {
    let names = ["toml", "yaml", "yml"].map(|ending| folder.join(format!("{stem}.{ending}")));
    let mut found = names.into_iter().filter(|path| path.is_file());
    let first = found.next();
    match (&first, found.next()) {
        (Some(first), Some(second)) => Err(Mistakes::of_file(
            second.display().to_string(),
            format!("stands beside {}; keep one of them", first.display()),
        )),
        _ => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_file_comes_before_the_users() {
        let folder = tempfile::tempdir().unwrap();
        let (project, user) = (folder.path().join("project/deep/deeper"), folder.path().join("user"));
        std::fs::create_dir_all(&project).unwrap();
        std::fs::create_dir_all(&user).unwrap();
        let place = || find(&project, Some(&user)).unwrap();
        assert_eq!(place(), None);
        std::fs::write(user.join("config.yaml"), "").unwrap();
        assert_eq!(place(), Some(user.join("config.yaml")));
        let own = folder.path().join("project/samewire.toml");
        std::fs::write(&own, "").unwrap();
        assert_eq!(place(), Some(own));
    }

    #[test]
    fn two_files_side_by_side_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("samewire.toml"), "").unwrap();
        std::fs::write(folder.path().join("samewire.yml"), "").unwrap();
        let mistakes = find(folder.path(), None).unwrap_err().to_string();
        assert!(mistakes.contains("samewire.yml: stands beside"), "{mistakes}");
    }
}
