//! Every command of the program, run as a person runs it, against a service on this machine.

mod setting;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use samewire::json::Value;
use setting::{Ran, Service, command, run_in};
use tempfile::TempDir;

/// A folder with a configuration for a service.
struct Project {
    folder: TempDir,
    service: Service,
}

impl Project {
    fn new() -> Self {
        Self::with(
            r#"
default = "smart"

[providers.mine]
provider = "openai"
base_url = "${SERVICE}/v1"
model = "small"
api_key_env = "MY_KEY"

[providers.refused]
provider = "openai"
base_url = "${SERVICE}/v1"
model = "small"
api_key = "sk-bad"

[aliases]
fast = "mine/large"

[routes]
smart = ["refused", "mine"]
"#,
        )
    }

    fn with(config: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), service: Service::start() };
        project.write("samewire.toml", config);
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let url = self.service.url();
        run_in(self.path(), arguments, &[("MY_KEY", "sk-good-secret"), ("SERVICE", &url)], input)
    }
}

fn nowhere() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn json(text: &str) -> Value {
    Value::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item.get(key).unwrap().as_str().unwrap()).collect()
}

// ---- chat ----

#[test]
fn chat_follows_the_default_route_past_a_refusal() {
    let project = Project::new();
    let ran = project.run(&["chat", "Hi"]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "Hello from here\n"), "{ran:?}");
    assert!(ran.err.contains("7 tokens in, 3 out"), "{ran:?}");
    let chats = project.service.chats();
    assert!(chats[0].head.contains("sk-bad") && chats[1].head.contains("sk-good-secret"));
}

#[test]
fn chat_takes_a_provider_a_model_an_alias_and_standard_input() {
    let project = Project::new();
    let models = [
        (vec!["chat", "--provider", "mine"], "small"),
        (vec!["chat", "--provider", "mine", "--model", "odd"], "odd"),
        (vec!["chat", "--route", "fast"], "large"),
        (vec!["chat", "--route", "mine/other"], "other"),
    ];
    for (arguments, model) in models {
        let ran = project.run_with_input(&arguments, "What is this?\n");
        assert_eq!(ran.status, Some(0), "{ran:?}");
        let sent = json(&project.service.chats().last().unwrap().body);
        assert_eq!(sent.get("model").unwrap().as_str(), Some(model));
        assert!(sent.to_json().contains("What is this?"));
    }
}

#[test]
fn chat_prints_tokens_as_lines_of_json_with_an_error_last() {
    let project = Project::new();
    let ran = project.run(&["chat", "--provider", "mine", "--json", "Hi"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let kinds: Vec<String> =
        ran.out.lines().map(|line| json(line).get("type").unwrap().as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["text", "usage"]);
    assert_eq!(ran.out.lines().next(), Some(r#"{"type":"text","text":"Hello from here"}"#));

    let ran = project.run(&["chat", "--provider", "refused", "--json", "Hi"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let last = json(ran.out.lines().last().unwrap());
    assert_eq!(last.get("type").unwrap().as_str(), Some("error"));
    assert_eq!(last.get("error").unwrap().get("status").unwrap().as_f64(), Some(401.0));
    assert_eq!(last.get("error").unwrap().get("kind").unwrap().as_str(), Some("Authentication"));
}

#[test]
fn chat_sends_pictures_and_tools_and_prints_calls() {
    let project = Project::new();
    let picture = project.path().join("dot.png");
    fs::write(&picture, b"\x89PNG\r\n\x1a\n").unwrap();
    let tools = project.write("tools.json", r#"[{"name":"read_file","parameters":{"type":"object"}}]"#);
    let picture = picture.display().to_string();
    let arguments = ["chat", "--provider", "mine", "--image", &picture, "--tools", &tools, "Look"];
    let ran = project.run(&arguments);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "read_file {\"path\":\"a\"}\n"), "{ran:?}");
    let body = &project.service.chats()[0].body;
    assert!(body.contains("data:image/png;base64,iVBORw0KGgo="), "{body}");
    assert!(body.contains("\"name\":\"read_file\""), "{body}");
}

#[test]
fn chat_says_what_is_wrong_with_its_input() {
    let project = Project::new();
    let text = project.write("text.png", "no picture");
    let broken = project.write("broken.json", "[{\"name\":");
    let wrong = project.write("wrong.json", r#"[{"description":"nameless"}]"#);
    let table: &[(&[&str], &str)] = &[
        (&["chat", "--image", &text, "x"], "is no PNG, JPEG, GIF or WebP picture"),
        (&["chat", "--tools", &broken, "x"], "is no JSON"),
        (&["chat", "--tools", &wrong, "x"], "[0] is no tool"),
        (&["chat", "--tools", "none.json", "x"], "none.json"),
        (&["chat", "--provider", "mine"], "nothing to ask"),
        (&["chat", "--provider", "anthropc", "x"], "did you mean `anthropic`?"),
        (&["chat", "--provider", "groq", "x"], "set GROQ_API_KEY"),
        (&["chat", "--route", "smrt", "x"], "did you mean `smart`?"),
        (&["chat", "--provider", "smart", "x"], "use --route smart"),
        (&["chat", "--model", "m", "x"], "needs a `--provider`"),
        (&["chat", "--settings", "none.json", "x"], "none.json"),
        (&["chat", "--replay", "groq/nothing"], "there is no case"),
        (&["chat", "--nonsense"], "--nonsense"),
        (&["chat", "--config", "none.toml", "x"], "none.toml: cannot be read"),
        (&["chat", "--profile", "none", "x"], "there is no profile `none`"),
    ];
    for (arguments, part) in table {
        let ran = project.run(arguments);
        assert_eq!(ran.status, Some(2), "{arguments:?} {ran:?}");
        assert!(ran.err.contains(part) && ran.out.is_empty(), "{arguments:?} {ran:?}");
    }
    assert!(project.service.requests().is_empty());
}

#[test]
fn chat_without_any_configuration_says_what_to_do() {
    let folder = nowhere();
    let ran = run_in(folder.path(), &["chat", "Hi"], &[], "");
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("name one with --provider, or write a samewire.toml"), "{ran:?}");
}

#[test]
fn chat_reports_a_refusal_without_the_key() {
    let project = Project::new();
    let ran = project.run(&["chat", "--provider", "refused", "Hi"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.err.contains("that key is revoked") && ran.err.contains("Check the API key"), "{ran:?}");
    assert!(!ran.err.contains("sk-bad"), "{ran:?}");
}

#[test]
fn chat_answers_from_a_recording_without_a_key() {
    let folder = nowhere();
    let ran = run_in(folder.path(), &["chat", "--replay", "anthropic/text-basic"], &[], "");
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "Hello, wörld! 🌍\n"), "{ran:?}");
}

#[test]
fn chat_answers_from_a_fixtures_file() {
    let folder = nowhere();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/groq/stream-think-tag.json");
    let ran = run_in(folder.path(), &["chat", "--replay", file, "--json"], &[], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(ran.out.lines().next(), Some(r#"{"type":"reasoning","text":"\nplan\n"}"#));
}

#[test]
fn chat_takes_a_profile_of_the_extension() {
    let project = Project::new();
    let url = project.service.url();
    let profile = format!(
        r#"{{"apiProvider":"openai","openAiBaseUrl":"{url}/v1","openAiApiKey":"k","openAiModelId":"m"}}"#
    );
    let profile = project.write("profile.json", &profile);
    let ran = project.run(&["chat", "--settings", &profile, "Hi"]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "Hello from here\n"), "{ran:?}");
}

// ---- lists ----

#[test]
fn list_providers_prints_every_provider_in_three_forms() {
    let folder = nowhere();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments, &[], "");
    let plain = run(&["list-providers"]);
    assert!(
        plain.out.lines().any(|line| line.starts_with("groq ") && line.contains("GROQ_API_KEY")),
        "{plain:?}"
    );
    let all = json(&run(&["list-providers", "--json"]).out);
    assert_eq!(all.as_array().unwrap().len(), plain.out.lines().count());
    let groq =
        all.as_array().unwrap().iter().find(|one| one.get("id").unwrap().as_str() == Some("groq")).unwrap();
    assert_eq!(groq.get("keyVariable").unwrap().as_str(), Some("GROQ_API_KEY"));
    assert_eq!(groq.get("baseUrl").unwrap().as_str(), Some("https://api.groq.com/openai/v1"));
    let verbose = run(&["list-providers", "--verbose"]);
    assert!(verbose.out.contains("https://api.groq.com/openai/v1"), "{verbose:?}");
}

#[test]
fn list_providers_has_seventy_services_and_the_programs() {
    let all = json(&run_in(nowhere().path(), &["list-providers", "--json"], &[], "").out);
    let of_kind = |kind: &str| {
        let all = all.as_array().unwrap().iter();
        all.filter(|one| one.get("kind").unwrap().as_str() == Some(kind)).count()
    };
    assert!(of_kind("service") >= 70, "{}", of_kind("service"));
    assert_eq!(of_kind("program"), 5);
}

#[test]
fn models_are_known_by_their_short_names_and_a_list_elsewhere_can_be_fetched() {
    let folder = nowhere();
    let shown = run_in(folder.path(), &["models", "show", "anthropic/claude-sonnet-4-5", "--json"], &[], "");
    let shown = json(&shown.out);
    assert_eq!(shown.get("id").unwrap().as_str(), Some("claude-sonnet-4-5"));
    assert_eq!(shown.get("inputPrice").unwrap().as_f64(), Some(3.0));
    let plain = run_in(folder.path(), &["models", "show", "sonnet"], &[], "");
    assert!(plain.out.contains("per million tokens"), "{plain:?}");
    let nothing = run_in(folder.path(), &["models", "show", "no-such-model"], &[], "");
    assert_eq!(nothing.status, Some(2), "{nothing:?}");
    let away =
        run_in(folder.path(), &["models", "refresh", "--from", "http://127.0.0.1:9/api.json"], &[], "");
    assert_eq!(away.status, Some(1), "{away:?}");
    assert!(away.err.contains("stay in use"), "{away:?}");
}

#[test]
fn list_models_asks_once_a_day_unless_told_to() {
    let project = Project::new();
    let asked = || project.service.requests().len();
    let list =
        |more: &[&str]| project.run(&[&["list-models", "--provider", "mine", "--json"], more].concat());
    let first = list(&[]);
    assert_eq!(first.status, Some(0), "{first:?}");
    assert_eq!(texts(&json(&first.out), "id"), ["small", "large"]);
    assert_eq!(asked(), 1);
    assert_eq!((list(&[]).out, asked()), (first.out.clone(), 1));
    assert_eq!((list(&["--refresh"]).out, asked()), (first.out, 2));
    let plain = project.run(&["list-models", "--provider", "mine"]);
    assert_eq!(plain.out, "mine  small\nmine  large\n");
}

#[test]
fn list_models_of_nobody_says_what_to_do() {
    let folder = nowhere();
    let ran = run_in(folder.path(), &["list-models"], &[], "");
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("--provider"), "{ran:?}");
    let ran = run_in(folder.path(), &["list-models", "--provider", "grok"], &[], "");
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("did you mean `groq`"), "{ran:?}");
}

// ---- count-tokens ----

#[test]
fn count_tokens_counts_texts_files_and_pictures() {
    let project = Project::new();
    let file = project.write("text.txt", "hello world");
    let count = |arguments: &[&str], input: &str| {
        let ran = project.run_with_input(&[&["count-tokens"], arguments].concat(), input);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        ran.out.trim().to_owned()
    };
    assert_eq!(count(&["hello world"], ""), "3");
    assert_eq!(count(&[], "hello world"), "3");
    assert_eq!(count(&["--file", &file], ""), "3");
    assert_eq!(count(&["--json", "hello world"], ""), r#"{"tokens":3}"#);
    let ran = project.run(&["count-tokens", "--file", "none.txt"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("none.txt"), "{ran:?}");
}

// ---- doctor ----

#[test]
fn doctor_examines_key_host_clock_and_models() {
    let project = Project::new();
    let ran = project.run(&["doctor", "mine", "--json"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let checks = json(&ran.out);
    assert_eq!(texts(&checks, "check"), ["key", "host", "clock", "models"]);
    assert_eq!(texts(&checks, "state"), ["ok", "ok", "ok", "ok"]);
    assert!(project.service.chats().is_empty(), "a call costs tokens");
    let ran = project.run(&["doctor", "mine", "--call"]);
    assert!(ran.out.contains("7 tokens in, 3 out"), "{ran:?}");
    assert!(!ran.out.contains("sk-good-secret"));
}

#[test]
fn doctor_wants_no_key_of_a_server_of_ones_own() {
    let project = Project::with(
        "[providers.home]\ntype = \"local\"\nprovider = \"openai\"\nbase_url = \"${SERVICE}/v1\"\nmodel = \"m\"\n",
    );
    let ran = project.run(&["doctor"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.out.contains("none, and none is needed"), "{ran:?}");
    let ran = project.run(&["chat", "Hi"]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "Hello from here\n"), "{ran:?}");
}

#[test]
fn doctor_finds_what_is_missing() {
    let project = Project::with(
        "[providers.groq]\n[providers.gone]\nprovider = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\napi_key = \"k\"\n",
    );
    let ran = project.run(&["doctor"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.out.contains("GROQ_API_KEY is not set"), "{ran:?}");
    assert!(ran.out.contains("http://127.0.0.1:9 cannot be reached"), "{ran:?}");
    let folder = nowhere();
    assert_eq!(run_in(folder.path(), &["doctor"], &[], "").status, Some(2));
    let ran = run_in(folder.path(), &["doctor", "grok"], &[], "");
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("did you mean `groq`"), "{ran:?}");
}

// ---- config ----

#[test]
fn config_check_names_every_mistake() {
    let project = Project::with("[providers.groq]\nmodle = \"x\"\n[routes]\nr = [\"grok\"]\n");
    let ran = project.run(&["config", "check"]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(
        ran.out
            .contains("samewire.toml:2: `providers.groq.modle`: there is no such key: did you mean `model`?")
    );
    assert!(ran.out.contains("samewire.toml:4: `routes.r[0]`"), "{ran:?}");
    let report = json(&project.run(&["config", "check", "--json"]).out);
    assert_eq!(report.get("valid").unwrap().as_bool(), Some(false));
    assert_eq!(report.get("mistakes").unwrap().as_array().unwrap().len(), 2);
    // Every other command refuses to guess.
    let ran = project.run(&["chat", "Hi"]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("`providers.groq.modle`"), "{ran:?}");
}

#[test]
fn config_check_is_content_with_what_is_right() {
    let project = Project::new();
    let ran = project.run(&["config", "check"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.out.contains("is fine") && ran.out.contains("providers: mine, refused"), "{ran:?}");
    let yaml = project.write("other.yaml", "providers:\n  groq:\n    modle: x\n");
    let ran = project.run(&["config", "check", &yaml]);
    assert!(ran.out.contains("other.yaml:3: `providers.groq.modle`"), "{ran:?}");
    let folder = nowhere();
    assert_eq!(run_in(folder.path(), &["config", "check"], &[], "").status, Some(2));
}

#[test]
fn config_is_found_above_and_by_variable() {
    let project = Project::new();
    let deep = project.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    let ran = run_in(&deep, &["config", "path"], &[], "");
    assert!(ran.out.trim().ends_with("samewire.toml"), "{ran:?}");
    let other = project.write("other.toml", "");
    let ran = run_in(&deep, &["config", "path"], &[("SAMEWIRE_CONFIG", &other)], "");
    assert_eq!(ran.out.trim(), other);
}

#[test]
fn config_explain_tells_origins_and_no_secret() {
    let project = Project::new();
    let ran = project.run(&["config", "explain", "mine"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.out.contains("samewire.toml:6 with SERVICE"), "{ran:?}");
    assert!(ran.out.contains("from MY_KEY") && !ran.out.contains("sk-good-secret"), "{ran:?}");
    let all = json(&project.run(&["config", "explain", "--json"]).out);
    assert!(texts(&all, "provider").contains(&"refused"));
    assert!(texts(&all, "from").contains(&"file"));
    assert!(!all.to_json().contains("sk-bad"));
    let route = project.run(&["config", "explain", "smart"]);
    assert!(route.out.contains("1. refused/small"), "{route:?}");
    let wrong = project.run(&["config", "explain", "mien"]);
    assert_eq!(wrong.status, Some(2));
    assert!(wrong.err.contains("did you mean `mine`"), "{wrong:?}");
}

#[test]
fn config_explain_knows_what_is_built_in() {
    let folder = nowhere();
    let ran = run_in(folder.path(), &["config", "explain", "groq"], &[("GROQ_API_KEY", "gsk-hush")], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(
        ran.out.contains("https://api.groq.com/openai/v1") && ran.out.contains("environment GROQ_API_KEY"),
        "{ran:?}"
    );
    assert!(!ran.out.contains("hush"), "{ran:?}");
    assert_eq!(run_in(folder.path(), &["config", "explain", "grok"], &[], "").status, Some(2));
}

#[test]
fn config_import_turns_an_export_into_a_configuration_that_works() {
    let project = Project::new();
    let url = project.service.url();
    let export = project.write(
        "roo.json",
        &format!(
            r#"{{"providerProfiles":{{"currentApiConfigName":"work","apiConfigs":{{"work":{{"apiProvider":"openai","openAiBaseUrl":"{url}/v1","openAiApiKey":"sk-imported","openAiModelId":"m"}},"odd":{{"apiProvider":"human-relay"}}}}}}}}"#
        ),
    );
    let printed = project.run(&["config", "import", &export]);
    assert_eq!(printed.status, Some(0), "{printed:?}");
    assert!(printed.out.contains("${OPENAI_API_KEY}") && !printed.out.contains("sk-imported"), "{printed:?}");
    assert!(printed.err.contains("OPENAI_API_KEY") && printed.err.contains("human-relay"), "{printed:?}");

    let written = project.path().join("imported.toml").display().to_string();
    let arguments = ["config", "import", &export, "--keep-keys", "--output", &written];
    assert_eq!(project.run(&arguments).status, Some(0));
    let again = project.run(&arguments);
    assert_eq!(again.status, Some(2));
    assert!(again.err.contains("--force"), "{again:?}");
    let ran = project.run(&["chat", "--config", &written, "Hi"]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "Hello from here\n"), "{ran:?}");
    assert!(project.service.chats()[0].head.contains("sk-imported"));

    let wrong = project.write("wrong.json", "{\"a\":1}");
    let ran = project.run(&["config", "import", &wrong]);
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.contains("wrong.json: these are no settings"), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn imported_keys_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    let profile = project.write("p.json", r#"{"apiProvider":"groq","groqApiKey":"k"}"#);
    let written = project.path().join("imported.toml");
    let output = written.display().to_string();
    assert_eq!(project.run(&["config", "import", &profile, "--keep-keys", "-o", &output]).status, Some(0));
    assert_eq!(fs::metadata(written).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn keys_come_from_programs_and_files() {
    let project = Project::with(
        r#"
[providers.command]
provider = "openai"
base_url = "${SERVICE}/v1"
model = "m"
api_key = { command = ["printf", "%s", "sk-from-command"] }
[providers.file]
provider = "openai"
base_url = "${SERVICE}/v1"
model = "m"
api_key_file = "key.txt"
"#,
    );
    project.write("key.txt", "sk-from-file\n");
    for (provider, key) in [("command", "sk-from-command"), ("file", "sk-from-file")] {
        let ran = project.run(&["chat", "--provider", provider, "Hi"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(project.service.chats().last().unwrap().head.contains(key));
    }
}

#[test]
fn a_provider_goes_through_its_own_proxy() {
    let project = Project::with(
        r#"
[providers.far]
provider = "openai"
base_url = "http://llm.invalid/v1"
model = "m"
api_key = "k"
network = { proxy = "${SERVICE}" }
"#,
    );
    let ran = project.run(&["chat", "Hi"]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(0), "Hello from here\n"), "{ran:?}");
    assert!(project.service.chats()[0].line.contains("http://llm.invalid/v1/chat/completions"));
}

#[test]
fn a_limit_of_time_ends_a_call() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let project = Project::with(
        "[providers.slow]\nprovider = \"openai\"\nbase_url = \"${SILENT}/v1\"\nmodel = \"m\"\napi_key = \"k\"\ntimeout = \"200ms\"\n[budget]\nretries = 0\n",
    );
    let url = format!("http://{}", silent.local_addr().unwrap());
    let ran = run_in(project.path(), &["chat", "Hi"], &[("SILENT", &url)], "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
}

#[test]
fn a_program_that_is_not_installed_says_where_it_was_looked_for() {
    let project = Project::with(
        "[providers.code]\ntype = \"headless\"\nprovider = \"claude-code\"\ncommand = \"no-such-claude\"\nmodel = \"opus\"\n",
    );
    let explained = project.run(&["config", "explain", "code"]);
    assert!(explained.out.contains("headless") && explained.out.contains("opus"), "{explained:?}");
    let ran = project.run(&["chat", "Hi"]);
    assert_eq!(ran.status, Some(2), "{ran:?}");
    assert!(ran.err.contains("no-such-claude"), "{ran:?}");
    assert_eq!(project.run(&["doctor"]).status, Some(0));
}

// ---- the rest ----

#[test]
fn conform_checks_recordings_and_says_when_there_are_none() {
    let folder = nowhere();
    let ran = run_in(folder.path(), &["conform", "groq/", "--level", "decode"], &[], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.out.contains("groq"), "{ran:?}");
    let ran = run_in(folder.path(), &["conform", "--fixtures", "none"], &[], "");
    assert_eq!(ran.status, Some(2), "{ran:?}");
}

#[test]
fn ollama_pull_reports_progress() {
    let service = Service::start();
    let folder = nowhere();
    let ran = run_in(folder.path(), &["ollama", "pull", "m", "--base-url", &service.url()], &[], "");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(ran.err.contains("pulling manifest\nsuccess"), "{ran:?}");
    let ran = run_in(folder.path(), &["ollama", "pull", "m", "--base-url", "http://127.0.0.1:9"], &[], "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
}

#[test]
fn completions_and_the_manual_name_every_command() {
    let folder = nowhere();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run_in(folder.path(), &["completions", shell], &[], "");
        assert!(ran.status == Some(0) && ran.out.contains("list-models"), "{shell}");
    }
    assert_eq!(run_in(folder.path(), &["completions", "csh"], &[], "").status, Some(2));
    let page = run_in(folder.path(), &["man"], &[], "").out;
    for part in ["SAMEWIRE DOCTOR", "SAMEWIRE CHAT", "Exit status"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_help_tells_every_exit_status() {
    let folder = nowhere();
    let help = run_in(folder.path(), &["--help"], &[], "");
    assert_eq!(help.status, Some(0));
    for status in ["  0 ", "  1 ", "  2 ", "  130 "] {
        assert!(help.out.contains(status), "{status}");
    }
    assert_eq!(run_in(folder.path(), &[], &[], "").status, Some(2));
    assert_eq!(run_in(folder.path(), &["nonsense"], &[], "").status, Some(2));
}

#[test]
fn whoever_has_seen_enough_may_go() {
    let folder = nowhere();
    let mut child = command(folder.path(), &["man"], &[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_call_with_130() {
    // A service that takes the call and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let project = Project::with(
        "[providers.mine]\nprovider = \"openai\"\nbase_url = \"${SILENT}/v1\"\nmodel = \"m\"\napi_key = \"k\"\n",
    );
    let mut child = command(project.path(), &["chat", "Hi"], &[("SILENT", &url)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (_connection, _) = silent.accept().unwrap();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

/// Providers, models, profiles, routes and sessions may be called whatever: what is kept on disk (model lists, the history
/// of lines) stays where it belongs.
#[test]
fn names_that_are_paths_make_no_files_elsewhere() {
    let project = Project::new();
    let home = project.path().join("deep/home");
    fs::create_dir_all(&home).unwrap();
    fs::copy(project.path().join("samewire.toml"), home.join("samewire.toml")).unwrap();
    let url = project.service.url();
    for name in ["../../evil", "/tmp/samewire-evil", "..\\..\\evil", "mine/../../evil"] {
        for arguments in [
            ["chat", "--provider", name, "--model", name, "hi"].as_slice(),
            &["chat", "--provider", "mine", "--model", name, "hi"],
            &["chat", "--route", name, "hi"],
            &["chat", "--profile", name, "hi"],
            &["list-models", "--provider", name],
            &["list-models", "--provider", "mine"],
            &["chaos", name],
            &["conform", "--show", name],
        ] {
            run_in(&home, arguments, &[("MY_KEY", "sk-good-secret"), ("SERVICE", &url)], "");
        }
    }
    let mut found = Vec::new();
    let mut folders = vec![project.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    let allowed = |path: &Path| path.ends_with("samewire.toml") || path.starts_with(&home);
    assert!(
        found.iter().any(|path| path.starts_with(&home) && path.to_string_lossy().contains("lists")),
        "{found:?}"
    );
    let evil = found.iter().find(|path| !allowed(path) || path.to_string_lossy().contains("evil"));
    assert_eq!(evil, None, "{found:?}");
    assert!(!Path::new("/tmp/samewire-evil").exists());
}

#[test]
fn chaos_plays_a_recording_to_any_client_and_tells_what_is_asked_and_what_goes_wrong() {
    use std::io::{BufRead, BufReader, Write};

    let folder = nowhere();
    let arguments =
        ["chaos", "groq/msg-system-only", "--fault", "cut:100", "--fault", "none", "--listen", "127.0.0.1:0"];
    let mut child = command(folder.path(), &arguments, &[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().strip_prefix("http://").unwrap();
    let ask = |target: &str| {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        write!(
            socket,
            "POST {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
        )
        .unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    };
    let broken = ask("/openai/v1/chat/completions");
    let whole = ask("/elsewhere");
    child.kill().unwrap();
    let told = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(broken.starts_with("HTTP/1.1 200") && !broken.contains("[DONE]"), "{broken}");
    assert!(whole.contains("data: [DONE]"), "{whole}");
    for line in [
        "the recorded client asked POST /openai/v1/chat/completions\n",
        "POST /openai/v1/chat/completions: cut:100\n",
        "POST /elsewhere, which the recorded client did not ask: none\n",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
}

#[test]
fn chaos_says_what_is_wrong_with_its_arguments() {
    let folder = nowhere();
    let says = |arguments: &[&str], part: &str| {
        let ran = run_in(folder.path(), arguments, &[], "");
        assert_eq!(ran.status, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(part), "{part} in {}", ran.err);
    };
    says(&["chaos", "groq/msg-system"], "groq/msg-system-only");
    says(&["chaos", "groq/no-such"], "begin alike");
    says(&["chaos", "groq/msg-system-only", "--fault", "explode"], "choose one of none, delay");
    says(&["chaos", "groq/msg-system-only", "--fault", "goaway"], "strikes HTTP/2 only");
    says(&["chaos", "groq/msg-system-only", "--listen", "8485"], "such as 127.0.0.1:8485");
}
