//! The world that a case runs in: everything that the recorder held still, held still again.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_core::future::BoxFuture;
use samewire::clock::Clock;
use samewire::json::Value;
use samewire::layers::standard;
use samewire::transport::Transport;
use samewire::{ClientIdentity, Context, Ids};
use tempfile::TempDir;

use crate::fixture::Case;
use crate::omissions;

/// A context for one run of a case, and what can be read back from it.
pub(crate) struct World {
    pub(crate) context: Context,
    /// The case's input, with its placeholders filled in.
    pub(crate) input: Value,
    clock: Arc<VirtualClock>,
    home: TempDir,
    files: TempDir,
}

impl World {
    /// Builds the world of a case around a bare transport.
    pub(crate) fn new(case: &Case, transport: Arc<dyn Transport>) -> std::io::Result<Self> {
        let home = TempDir::new()?;
        let files = TempDir::new()?;
        let cache = home.path().join(CACHE);
        let places = Placeholders { files: files.path().to_string_lossy().into_owned() };
        let input = places.fill(&case.input);
        let clock = Arc::new(VirtualClock::default());
        let context = Context {
            transport: standard(transport, clock.clone()),
            clock: clock.clone(),
            ids: Arc::new(CountingIds::default()),
            environment: Arc::new(environment(&input)),
            home: Some(home.path().to_owned()),
            cache_dir: Some(cache.clone()),
            model_lists: Arc::default(),
            identity: Arc::new(ClientIdentity::default()),
        };
        let world = Self { context, input, clock, home, files };
        world.write_files()?;
        for (path, content) in omissions::files(case, world.files.path()) {
            write(&path, &content)?;
        }
        if let Some(lists) = world.input.get("modelsCache").and_then(Value::as_object) {
            std::fs::create_dir_all(&cache)?;
            for (provider, models) in lists {
                std::fs::write(below(&cache, &format!("{provider}_models.json"))?, content(models))?;
            }
        }
        Ok(world)
    }

    /// The waits so far, in milliseconds.
    pub(crate) fn delays(&self) -> Vec<f64> {
        self.clock.sleeps()
    }

    /// The content of a file of the case, named as in the fixture.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path(name).ok()?).ok()
    }

    fn write_files(&self) -> std::io::Result<()> {
        let Some(files) = self.input.get("files").and_then(Value::as_object) else { return Ok(()) };
        for (name, value) in files {
            write(&self.path(name)?, &content(value))?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> std::io::Result<PathBuf> {
        match name.split_once('/') {
            Some(("~", rest)) => below(self.home.path(), rest),
            Some(("$FILES", rest)) => below(self.files.path(), rest),
            // The placeholder may have been filled in already, or left out.
            _ => {
                let folder = self.files.path();
                let rest = folder.to_str().and_then(|folder| name.strip_prefix(folder)).unwrap_or(name);
                below(folder, rest.trim_start_matches('/'))
            }
        }
    }
}

/// A file below a folder. Recordings may be somebody else's, so a name that leads out of it is refused.
fn below(folder: &Path, name: &str) -> std::io::Result<PathBuf> {
    let stays = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !stays || name.contains('\\') {
        let problem = format!("the file {name:?} of the recording would stand outside of the case's folder");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, problem));
    }
    Ok(folder.join(name))
}

/// Stands at 2026-01-15T12:00:00.000Z, as the recorder's clock did; sleeping takes no time.
#[derive(Default)]
struct VirtualClock {
    sleeps: Mutex<Vec<f64>>,
}

impl VirtualClock {
    fn sleeps(&self) -> Vec<f64> {
        self.sleeps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> f64 {
        START
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        // Nanoseconds are the finest that a Duration knows; this gives back what it was made of.
        let ms = (time.as_secs_f64() * 1e9).round() / 1e6;
        self.sleeps.lock().unwrap_or_else(PoisonError::into_inner).push(ms);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// Counts up, as the recorder's ids did.
#[derive(Default)]
struct CountingIds {
    made: AtomicU64,
}

impl Ids for CountingIds {
    fn uuid_v4(&self) -> String {
        let count = 1 + self.made.fetch_add(1, Ordering::Relaxed);
        format!("00000000-0000-4000-8000-{count:012x}")
    }

    /// The time, then what the reference's generator makes of random bytes that are all 7.
    fn uuid_v7(&self, now: f64) -> String {
        let time = format!("{:012x}", now as u64);
        format!("{}-{}-7038-9c1c-1f0707070707", &time[..8], &time[8..])
    }
}

fn environment(input: &Value) -> BTreeMap<String, String> {
    let variables = input.get("env").and_then(Value::as_object);
    let set = variables.into_iter().flatten();
    set.filter_map(|(name, value)| Some((name.to_string(), value.as_str()?.to_owned()))).collect()
}

/// What stands in fixtures for paths and key lines.
struct Placeholders {
    files: String,
}

impl Placeholders {
    /// The value with the placeholders in its texts filled in; keys stay as they are.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.contains('$') => Value::from(self.fill_text(text)),
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(object) => {
                let filled: samewire::json::Object =
                    object.iter().map(|(key, value)| (key.clone(), self.fill(value))).collect();
                filled.into()
            }
            other => other.clone(),
        }
    }

    fn fill_text(&self, text: &str) -> String {
        text.replace("$FILES", &self.files).replace("$PEM_BEGIN", PEM_BEGIN).replace("$PEM_END", PEM_END)
    }
}

fn write(path: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)
}

/// The content of a file: text as it is, anything else as JSON.
fn content(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

/// 2026-01-15T12:00:00.000Z.
const START: f64 = 1_768_478_400_000.0;

/// Below home, so that one folder goes with the other.
const CACHE: &str = ".cache-of-the-case";

// In pieces, so that scanners for leaked keys stay quiet.
const PEM_BEGIN: &str = concat!("-----BEGIN ", "PRIVATE KEY-----");
const PEM_END: &str = concat!("-----END ", "PRIVATE KEY-----");

#[cfg(test)]
mod tests {
    use samewire::transport::ReplayTransport;

    use super::*;

    #[test]
    fn the_files_of_a_recording_stay_in_the_folder_of_its_case() {
        let folder = Path::new("folder");
        for name in ["../evil", "a/../../evil", "/etc/evil", "..", "a/..", "..\\evil"] {
            assert!(below(folder, name).is_err(), "{name}");
        }
        assert_eq!(below(folder, "a/b.json").unwrap(), folder.join("a/b.json"));
    }

    fn world(input: &str) -> World {
        let text = format!(r#"{{"id":"a/b","call":"x","input":{input},"exchanges":[]}}"#);
        let case = Case::parse(&text).unwrap();
        World::new(&case, Arc::new(ReplayTransport::new([]))).unwrap()
    }

    #[test]
    fn files_and_placeholders_are_in_place() {
        let world = world(
            r#"{"settings":{"apiProvider":"p","file":"$FILES/k.json"},"env":{"HOME_KEY":"$FILES"},
                "files":{"~/.x/creds.json":{"a":1},"$FILES/k.json":"$PEM_BEGIN"},"modelsCache":{"p":{"m":{}}}}"#,
        );
        assert_eq!(world.read("~/.x/creds.json").unwrap(), r#"{"a":1}"#);
        assert_eq!(world.read("$FILES/k.json").unwrap(), PEM_BEGIN);
        let file = world.input.get("settings").and_then(|s| s.get("file")?.as_str()).unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), PEM_BEGIN);
        assert!(world.context.env("HOME_KEY").is_some_and(|path| file.starts_with(path)));
        let cache = world.context.cache_dir.as_ref().unwrap().join("p_models.json");
        assert_eq!(std::fs::read_to_string(cache).unwrap(), r#"{"m":{}}"#);
    }

    #[test]
    fn the_clock_stands_when_somebody_sleeps() {
        let world = world("{}");
        drop(world.context.clock.sleep(Duration::from_secs_f64(0.4375)));
        assert_eq!(world.delays(), [437.5]);
        assert_eq!(world.context.clock.now().to_string(), "1768478400000");
    }

    #[test]
    fn ids_count_up() {
        let ids = CountingIds::default();
        assert_eq!(ids.uuid_v4(), "00000000-0000-4000-8000-000000000001");
        assert_eq!(ids.uuid_v4(), "00000000-0000-4000-8000-000000000002");
        assert_eq!(ids.uuid_v7(START), "019bc186-de00-7038-9c1c-1f0707070707");
    }
}
