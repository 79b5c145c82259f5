//! Model lists on disk, so that looking twice asks once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use samewire::json::Value;
use samewire::{Context, ProviderSettings};

/// The file for the list of one provider with these settings.
pub(crate) struct ModelCache(Option<PathBuf>);

impl ModelCache {
    pub(crate) fn of(provider: &str, settings: &ProviderSettings, context: &Context) -> Self {
        // Another address has another list; so may another key, but its name must not lead back to it.
        let mut hasher = DefaultHasher::new();
        provider.hash(&mut hasher);
        for (key, value) in settings.iter() {
            (key, value.to_json()).hash(&mut hasher);
        }
        let folder = context.cache_dir.as_ref().map(|folder| folder.join("lists"));
        Self(folder.map(|folder| folder.join(format!("{:016x}.json", hasher.finish()))))
    }

    /// The list, if it is not older than a day, and its age.
    pub(crate) fn read(&self) -> Option<(Value, Duration)> {
        let path = self.0.as_ref()?;
        let written = std::fs::metadata(path).ok()?.modified().ok()?;
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        if age > A_DAY {
            return None;
        }
        Some((Value::parse(&std::fs::read_to_string(path).ok()?).ok()?, age))
    }

    /// Keeps a list. That it cannot be kept is no failure: the next look asks again.
    pub(crate) fn write(&self, list: &Value) {
        let Some(path) = &self.0 else { return };
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&unfinished, list.to_json()))
            .and_then(|()| std::fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = std::fs::remove_file(&unfinished);
        }
    }
}

const A_DAY: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_in_its_folder_whatever_the_provider_and_its_settings_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let context = Context { cache_dir: Some(folder.path().join("cache")), ..Context::system() };
        for name in ["../../evil", "/tmp/evil", "..", "a\\..\\b", "a\0b", ""] {
            let settings = ProviderSettings::new(name).with("apiModelId", name).with("apiKey", "sk-pl4nted");
            let cache = ModelCache::of(name, &settings, &context);
            cache.write(&Value::from("kept"));
            assert_eq!(cache.read().unwrap().0.as_str(), Some("kept"), "{name:?}");
            let path = cache.0.unwrap();
            assert_eq!(path.parent().unwrap(), folder.path().join("cache/lists"), "{name:?}");
            let file = path.file_stem().unwrap().to_str().unwrap();
            assert!(file.len() == 16 && file.bytes().all(|byte| byte.is_ascii_hexdigit()), "{file}");
        }
        let kept = std::fs::read_dir(folder.path().join("cache/lists")).unwrap().count();
        assert_eq!((kept, std::fs::read_dir(folder.path()).unwrap().count()), (6, 1));
    }
}
