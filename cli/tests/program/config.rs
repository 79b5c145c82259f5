//! `samewire config`, and what a configuration does.

use std::fs;

use crate::project::{Project, json, nowhere, texts};
use crate::setting::run_in;

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
