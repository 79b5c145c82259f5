//! `samewire doctor`.

use crate::project::{Project, json, nowhere, texts};
use crate::setting::run_in;

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
