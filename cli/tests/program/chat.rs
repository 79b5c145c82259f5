//! `samewire chat`.

use std::fs;

use crate::project::{Project, json, nowhere};
use crate::setting::run_in;

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

#[test]
fn chat_says_why_there_is_no_connection() {
    let keys = [("GROQ_API_KEY", "gsk_not-told"), ("HTTPS_PROXY", "http://user:not-told@127.0.0.1:1")];
    let ran = run_in(nowhere().path(), &["chat", "--provider", "groq", "--model", "m", "Hi"], &keys, "");
    assert_eq!(ran.status, Some(1), "{ran:?}");
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines[0], "samewire: groq: Connection error.");
    assert!(lines[1].contains("refused") && !ran.err.contains("not-told"), "{ran:?}");
}
