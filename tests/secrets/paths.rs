//! Names that would lead out of a folder. The other places that make paths have tests of this kind beside them: single
//! sign-on and profiles of AWS, the program's lists and history, the recording proxy, the harness.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use samewire::manager::{ApiKey, FileKeyState, KeyEvent, KeyState};
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{Context, ProviderRegistry, ProviderSettings, build_provider_in};

use crate::planted::{context, hi, settings};

/// Every file below a folder, from there.
fn files(folder: &Path) -> Vec<String> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    collect(folder, &mut found);
    let mut names: Vec<String> = found
        .iter()
        .map(|path| path.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/"))
        .collect();
    names.sort();
    names
}

const HOSTILE: [&str; 6] = ["../evil", "../../evil", "/tmp/evil", "..\\evil", "evil\0", "~/evil"];

#[tokio::test(start_paused = true)]
async fn a_cached_model_list_is_named_by_its_provider_whatever_models_and_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("deep/cache");
    // A list in the forms that services have, with names that lead elsewhere.
    let models: Vec<String> = HOSTILE
        .iter()
        .map(|name| {
            let name = samewire::json::Value::from(*name).to_json();
            format!(
                r#"{{"id":{name},"name":{name},"model_name":{name},"slug":{name},"context_length":8000,
                "context_window":8000,"max_tokens":100,"max_output_tokens":100,"input_price":"1","output_price":"1",
                "architecture":{{"input_modalities":["text"],"output_modalities":["text"]}},"pricing":{{"prompt":"0","completion":"0"}},
                "top_provider":{{"max_completion_tokens":100}},"supported_parameters":["tools"]}}"#
            )
        })
        .collect();
    let list = format!(r#"{{"data":[{0}],"models":[{0}]}}"#, models.join(","));
    for info in ProviderRegistry::all() {
        for name in HOSTILE {
            let settings =
                settings(info).with(info.model_setting, name).with("openRouterSpecificProvider", name);
            let answers = (0..8)
                .map(|_| Exchange::new(200).header("content-type", "application/json").body(list.clone()));
            let world = Context {
                cache_dir: Some(cache.clone()),
                ..context(Arc::new(ReplayTransport::new(answers)))
            };
            let Ok(provider) = build_provider_in(&settings, &world) else { continue };
            let _ = provider.chat(hi()).await;
            let _ = provider.list_models().await;
        }
    }
    let files = files(folder.path());
    assert!(files.len() > 3, "{files:?}");
    let named = |file: &String| {
        let id = file.strip_prefix("deep/cache/").and_then(|file| file.strip_suffix("_models.json"));
        id.is_some_and(|id| ProviderRegistry::get(id).is_some())
    };
    assert!(files.iter().all(named), "{files:?}");
}

#[test]
fn a_provider_that_is_a_path_is_no_provider() {
    for name in HOSTILE {
        let settings = ProviderSettings::new(name).with("apiKey", "k");
        assert!(
            build_provider_in(&settings, &context(Arc::new(ReplayTransport::new([])))).is_err(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_names_of_key_rings_make_no_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    let state = FileKeyState::new(folder.path().join("keys/state.json"));
    let key = ApiKey::new("sk-secret");
    for ring in HOSTILE {
        state.record(ring, &[(key.id().clone(), KeyEvent::Reset)]).await.unwrap();
        assert_eq!(state.load(ring).await.unwrap().len(), 1, "{ring}");
    }
    assert_eq!(files(folder.path()), ["keys/state.json", "keys/state.json.lock"]);
}

#[cfg(feature = "headless")]
#[tokio::test]
async fn a_session_of_a_program_is_an_id_and_no_path() {
    use samewire::AiProvider;
    use samewire::headless::{HeadlessConfig, HeadlessProvider, Program, task_of_session};

    let mut hostile = HOSTILE.to_vec();
    hostile.extend(["..", ".", "a/b", "a b", "-x", "a\n", ".hidden"]);
    for session in hostile {
        for program in [Program::ClaudeCode, Program::Codex, Program::GeminiCli, Program::OpenCode] {
            let config = HeadlessConfig::new(program);
            let provider = HeadlessProvider::new(config, &context(Arc::new(ReplayTransport::new([]))));
            let error = provider.chat(hi().with_task_id(task_of_session(session))).await.unwrap_err();
            assert!(error.message().contains("is no id of a session"), "{session:?}: {error}");
        }
    }
}
