//! The direction of imports, and other promises of ARCHITECTURE.md about where things stand.

use std::fs;
use std::path::{Path, PathBuf};

use samewire::ProviderRegistry;

/// The Rust files below a folder or file of the sources, without their tests.
fn sources(place: &str) -> Vec<(PathBuf, String)> {
    fn walk(path: &Path, found: &mut Vec<(PathBuf, String)>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                walk(&entry.unwrap().path(), found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test(path) {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            found.push((path.to_owned(), code));
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(place), &mut found);
    assert!(!found.is_empty(), "src/{place} has no sources");
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str().to_string_lossy().contains("tests"))
}

/// Lines of code, without comments, that hold one of the words.
fn lines_with(places: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in places.iter().flat_map(|place| sources(place)) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

fn assert_none(found: &[String], promise: &str) {
    assert!(found.is_empty(), "{promise}:\n{}", found.join("\n"));
}

/// What turns chunks into tokens and requests into bytes.
const CODECS: &[&str] = &["frames", "json", "protocols", "text.rs", "think.rs", "token.rs", "tool_calls.rs"];

#[test]
fn codecs_have_no_io_no_clock_no_environment_and_no_chance() {
    let words = [
        "std::env",
        "std::fs",
        "std::net",
        "std::process",
        "std::time::SystemTime",
        "Instant::now",
        "tokio::",
        "reqwest",
        "fastrand",
        "thread::sleep",
    ];
    assert_none(&lines_with(CODECS, &words), "codecs are pure");
}

#[test]
fn codecs_do_not_know_who_uses_them() {
    let words = ["crate::providers", "crate::manager", "crate::headless", "crate::config"];
    assert_none(&lines_with(CODECS, &words), "providers import protocols, not the other way round");
    let lower =
        ["crate::protocols", "crate::providers", "crate::manager", "crate::headless", "crate::config"];
    assert_none(
        &lines_with(&["transport", "layers", "frames", "json"], &lower),
        "transport, layers, framings and JSON stand below protocols",
    );
    assert_none(&lines_with(&["transport"], &["crate::layers"]), "layers are put around transports");
    assert_none(&lines_with(&["providers"], &["crate::manager"]), "the manager is above providers");
}

#[test]
fn no_service_is_named_below_providers() {
    // Names of protocols are the field's own, and some names are words.
    let protocols = [
        "anthropic",
        "cohere",
        "gemini",
        "mistral",
        "ollama",
        "openai",
        "bedrock",
        "spark",
        "poe",
        "yi",
        "jan",
    ];
    let ids = ProviderRegistry::all().map(|facts| facts.id).filter(|id| !protocols.contains(id));
    let quoted: Vec<String> = ids.map(|id| format!("\"{id}\"")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    assert_none(
        &lines_with(&["protocols", "frames", "layers", "transport", "driver.rs"], &quoted),
        "a provider's name never occurs in protocols, frames, layers or transport",
    );
}

/// The folders of the protocols.
fn protocols() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocols")).unwrap();
    let folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(folders.len() > 5, "src/protocols holds few protocols");
    folders
}

#[test]
fn protocols_have_the_same_rooms() {
    for protocol in protocols() {
        for room in ["body.rs", "completion.rs", "decode.rs", "errors.rs", "mod.rs"] {
            assert!(protocol.join(room).exists(), "{} has no {room}", protocol.display());
        }
    }
}

#[test]
fn protocols_stand_alone_but_for_forms_that_they_share() {
    // The same SDK; messages of the same form; Claude behind AWS.
    let shared = [
        ("openai_responses", "openai_chat"),
        ("ollama", "openai_chat"),
        ("cohere", "openai_chat"),
        ("converse", "anthropic"),
    ];
    let protocols = protocols();
    let names = protocols.iter().map(|path| path.file_name().unwrap().to_string_lossy().into());
    let names: Vec<String> = names.collect();
    for name in &names {
        let others = names.iter().filter(|other| *other != name);
        let foreign = others.filter(|other| !shared.contains(&(name, other.as_str())));
        let words: Vec<String> = foreign.map(|other| format!("protocols::{other}")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_none(&lines_with(&[&format!("protocols/{name}")], &words), "a protocol stands alone");
    }
}

/// The crates that a manifest names as dependencies of what it builds.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).unwrap();
    let mut within = false;
    let mut names = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            within = line == "[dependencies]" || line.ends_with(".dependencies]");
        } else if let (true, Some((name, _))) = (within, line.split_once('=')) {
            names.push(name.trim().trim_end_matches(".workspace").to_owned());
        }
    }
    assert!(names.len() > 5, "{manifest} names few dependencies");
    names.retain(|name| !name.starts_with("samewire"));
    names
}

#[test]
fn every_dependency_says_what_it_saves() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let table = text.split("## Dependencies").nth(1).unwrap();
    for manifest in ["Cargo.toml", "cli/Cargo.toml", "conformance/Cargo.toml"] {
        for name in dependencies(manifest) {
            let row = |line: &str| line.split(['|', ',', '(', ' ']).any(|word| word == name);
            assert!(table.lines().any(row), "{manifest}: ARCHITECTURE.md does not say what `{name}` saves");
        }
    }
}

/// Whatever the documents put in backquotes and looks like a place in the project is there: folders, files, tests.
#[test]
fn documents_name_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let more =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "conformance/README.md", "benches/README.md"];
    let mut named = 0;
    for document in documents.chain(more.map(|name| root.join(name))) {
        let words = fs::read_to_string(&document).unwrap();
        for span in words.split('`').skip(1).step_by(2) {
            let (place, test) =
                span.split_once("::").map_or((span, None), |(place, test)| (place, Some(test)));
            let is_place =
                ["src/", "cli/", "conformance/", "tests/", "scripts/", "benches/", "docs/", "fuzz/"]
                    .iter()
                    .any(|folder| place.starts_with(folder));
            if !is_place || place.contains([' ', '*', '<', '$']) || place.contains("acme") {
                continue;
            }
            let path = root.join(place);
            assert!(path.exists(), "{}: there is no `{place}`", document.display());
            if let Some(test) = test {
                let source = fs::read_to_string(&path).unwrap();
                assert!(source.contains(&format!("fn {test}(")), "{}: no test `{span}`", document.display());
            }
            named += 1;
        }
    }
    assert!(named > 100, "{named}");
}

#[test]
fn nothing_imports_the_program_or_the_harness() {
    assert_none(&lines_with(&[""], &["samewire_conformance", "samewire_cli"]), "the library stands alone");
}

#[test]
fn no_source_file_is_a_heap() {
    for (path, text) in sources("") {
        let lines = text.lines().count();
        assert!(lines <= 620, "{} has {lines} lines without its tests", path.display());
    }
}
