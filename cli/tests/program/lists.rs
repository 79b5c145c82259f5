//! `samewire list-providers`, `models` and `list-models`.

use crate::project::{Project, json, nowhere, texts};
use crate::setting::run_in;

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
