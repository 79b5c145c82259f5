//! The other commands, and what holds for all of them.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use crate::project::{Project, nowhere};
use crate::setting::{Service, command, run_in};

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
