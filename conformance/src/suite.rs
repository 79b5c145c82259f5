//! Finding the cases to run.

use std::path::{Path, PathBuf};

use crate::fixture::{Case, FixtureError};

/// The folder of the project's own fixtures: where this crate was built, else `./fixtures`.
pub fn own_fixtures() -> PathBuf {
    let built = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures"));
    let folder = if built.is_dir() { built } else { Path::new("fixtures") };
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// The files of the cases in a folder of fixtures (`<provider>/<case>.json`) by case id, sorted.
///
/// # Errors
///
/// Names the folder that cannot be read.
pub fn find_cases(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let mut found = Vec::new();
    for provider in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let name = file_name(&provider);
        let files = entries(&provider)?.into_iter();
        found.extend(files.filter_map(|path| {
            let case = file_name(&path).strip_suffix(".json")?.to_owned();
            Some((format!("{name}/{case}"), path))
        }));
    }
    found.sort();
    Ok(found)
}

/// Reads the cases that any of the filters fits, all if there are none. A filter fits the ids that it
/// begins.
///
/// # Errors
///
/// Names the folder without cases, the filter that fits none, or the file that cannot be read.
pub(crate) fn load(folder: &Path, filters: &[String]) -> Result<Vec<Case>, String> {
    let mut found = find_cases(folder)?;
    if found.is_empty() {
        return Err(format!("{}: no fixtures here; expected <provider>/<case>.json", folder.display()));
    }
    for filter in filters {
        if !found.iter().any(|(id, _)| id.starts_with(filter)) {
            return Err(format!("no case begins with {filter:?} in {}", folder.display()));
        }
    }
    found.retain(|(id, _)| filters.is_empty() || filters.iter().any(|filter| id.starts_with(filter)));
    let cases: Result<_, FixtureError> = found.iter().map(|(_, path)| Case::load(path)).collect();
    cases.map_err(|error| error.to_string())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let listed = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(listed.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_fits_nothing_is_an_error() {
        let problem = load(&own_fixtures(), &["no-such/case".into()]).unwrap_err();
        assert!(problem.starts_with("no case begins with \"no-such/case\" in "), "{problem}");
        let some = load(&own_fixtures(), &["xai/".into(), "groq/".into()]).unwrap();
        assert!(!some.is_empty() && some.iter().all(|case| ["xai", "groq"].contains(&case.provider())));
    }

    #[test]
    fn a_case_that_is_a_path_is_no_case() {
        for id in ["../Cargo", "anthropic/../anthropic/error-401", "/etc/passwd", "anthropic/error-401.json"]
        {
            let problem = crate::load_case(None, id).unwrap_err();
            assert!(problem.starts_with("there is no case"), "{id}: {problem}");
        }
    }

    #[test]
    fn ids_are_the_files_names() {
        for (id, path) in find_cases(&own_fixtures()).unwrap() {
            assert_eq!(Case::load(&path).unwrap().id(), id);
        }
    }
}
