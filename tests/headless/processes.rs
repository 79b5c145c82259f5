//! How programs are started, fed and ended.

use futures_util::StreamExt;
use samewire::headless::{HeadlessConfig, HeadlessProvider, Program, task_of_session};
use samewire::{AiProvider, ChatRequest, ContentBlock, Error, ErrorKind, HealthStatus, Message};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::{block_on, context, playing, recorded};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("a_result_ends_the_answer_though_the_program_hangs", hanging),
    ("dropping_the_stream_ends_the_program_and_its_children", dropped),
    ("children_that_are_left_behind_are_ended", orphans),
    ("an_empty_answer_is_an_error_though_the_status_is_0", empty),
    ("a_missing_result_is_an_error", no_result),
    ("a_bad_status_is_explained_by_what_the_program_said", bad_status),
    ("secrets_stay_out_of_errors", secrets),
    ("much_noise_neither_blocks_nor_fills_the_memory", noise),
    ("only_listed_variables_arrive", environment),
    ("no_shell_reads_the_arguments", arguments),
    ("a_long_prompt_goes_through_the_input", long_prompt),
    ("a_prompt_that_looks_like_a_flag_goes_through_the_input", flag_prompt),
    ("images_for_claude_code_are_json_input", images),
    ("a_session_is_gone_on_with", sessions),
    ("a_session_that_looks_like_a_flag_is_refused", flag_session),
    ("a_task_remembers_its_session", task),
    ("the_generic_request_is_one_line_of_json", generic_request),
    ("the_program_works_in_its_folder", folder),
    ("a_health_check_looks_for_the_program", health),
];

fn provider(config: HeadlessConfig) -> HeadlessProvider {
    HeadlessProvider::new(config, &context(&[]))
}

fn ask(config: HeadlessConfig, request: ChatRequest) -> Result<String, Error> {
    block_on(provider(config).chat(request)).map(|answer| answer.text)
}

fn question(text: &str) -> ChatRequest {
    ChatRequest::new("", [Message::user(text)])
}

fn hanging() {
    let script = format!("file {}\nhang", recorded("claude-code-parts.jsonl"));
    let answer = ask(playing(Program::ClaudeCode, &script), question("?")).unwrap();
    assert!(answer.ends_with("**samewire**."));
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Reads until the other end is gone.
async fn gone(listener: &TcpListener) {
    let (mut connection, _) = listener.accept().await.unwrap();
    // A killed process may reset its connections; either way they end.
    let _ = connection.read(&mut [0]).await;
}

fn dropped() {
    block_on(async {
        let (leader, child) = (
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let (leader_address, child_address) = (leader.local_addr().unwrap(), child.local_addr().unwrap());
        let script = format!(
            "hold {leader_address}\nchild hold {child_address}|say {{\"type\":\"text\",\"text\":\"x\"}}|hang\nhang"
        );
        let mut stream =
            provider(playing(Program::Generic, &script)).chat_stream(question("?")).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok(), "the child runs");
        drop(stream);
        gone(&leader).await;
        gone(&child).await;
    });
}

fn orphans() {
    block_on(async {
        let (leader, child) = (listener().await, listener().await);
        // The child holds our pipes open after its parent has left.
        let script = format!(
            "say {{\"type\":\"text\",\"text\":\"x\"}}\nchild hold {}|hang\nwait {}\nexit 0",
            child.local_addr().unwrap(),
            leader.local_addr().unwrap()
        );
        let mut stream =
            provider(playing(Program::Generic, &script)).chat_stream(question("?")).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        let (mut held, _) = child.accept().await.unwrap();
        drop(leader.accept().await.unwrap());
        assert!(stream.next().await.is_none(), "the answer ends with its program");
        let _ = held.read(&mut [0]).await;
    });
}

fn empty() {
    for script in ["exit 0", "say {\"type\":\"result\"}", "say {\"type\":\"text\",\"text\":\" \"}"] {
        let error = ask(playing(Program::Generic, &format!("complain no model\n{script}")), question("?"))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(error.message().contains("gave an empty answer"), "{error}");
    }
}

fn no_result() {
    let error = ask(playing(Program::ClaudeCode, "say Welcome!\nexit 0"), question("?")).unwrap_err();
    assert_eq!(error.message(), "Claude Code: the program ended without its result; it said: Welcome!");
}

fn bad_status() {
    let script = "complain \u{1b}[31mNot logged in\u{1b}[0m\nexit 3";
    let error = ask(playing(Program::Codex, script), question("?")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.message().contains('3') && error.message().ends_with("it said: Not logged in"), "{error}");
}

fn secrets() {
    let config =
        playing(Program::Codex, "complain bad key sk-abcdef123\nexit 1").variable("MY", "sk-abcdef123");
    let error = ask(config, question("?")).unwrap_err();
    assert!(error.message().contains("bad key [secret]"), "{error}");
    let script = "say {\"type\":\"turn.failed\",\"error\":{\"message\":\"key sk-env-98765 refused\"}}";
    let environment = context(&[("OPENAI_API_KEY", "sk-env-98765")]);
    let provider = HeadlessProvider::new(playing(Program::Codex, script), &environment);
    let error = block_on(provider.chat(question("?"))).unwrap_err();
    assert_eq!(error.message(), "Codex failed: key [secret] refused");
}

fn noise() {
    let error = ask(playing(Program::Codex, "complain-much 1000000\nexit 1"), question("?")).unwrap_err();
    assert!(error.message().ends_with("the end") && error.message().len() < 10_000);
}

fn environment() {
    let context = context(&[
        ("HOME", "/nowhere"),
        ("OPENAI_API_KEY", "sk-1"),
        ("AWS_SECRET_ACCESS_KEY", "sk-2"),
        ("MINE", "3"),
        ("ANTHROPIC_API_KEY", "sk-4"),
    ]);
    let config = playing(Program::Generic, "environment").pass_variable("MINE");
    let names = block_on(HeadlessProvider::new(config, &context).chat(question("?"))).unwrap().text;
    let has = |name: &str| names.split(' ').any(|known| known == name);
    assert!(has("HOME") && has("MINE") && has("NO_COLOR"), "{names}");
    assert!(!has("OPENAI_API_KEY") && !has("AWS_SECRET_ACCESS_KEY") && !has("ANTHROPIC_API_KEY"), "{names}");
}

fn arguments() {
    let config =
        playing(Program::Generic, "arguments").argument("$(touch x); `id` \"&\" %PATH% *").argument("");
    let seen = ask(config, question("?")).unwrap();
    assert_eq!(seen, format!("{:?}", ["$(touch x); `id` \"&\" %PATH% *", ""]));
}

/// What the program was called with, told through the events that it prints.
fn told(program: Program, request: ChatRequest, step: &str) -> String {
    let config = playing(program, step).model("m");
    let error = ask(config, request).unwrap_err();
    error.message().to_owned()
}

fn long_prompt() {
    let long = "x".repeat(3 << 20);
    let config = playing(Program::Generic, "input-length");
    let length: usize = ask(config, question(&long)).unwrap().parse().unwrap();
    assert!(length > 3 << 20);
    let seen = told(Program::ClaudeCode, question(&long), "arguments\ninput-length");
    assert!(!seen.contains("xxxx") && seen.contains(&(3 << 20).to_string()), "{seen}");
    let seen = told(Program::Codex, question(&long), "arguments\ninput-length");
    assert!(seen.contains("\"-\"]") && seen.contains(&(3 << 20).to_string()), "{seen}");
}

fn flag_prompt() {
    let seen = told(Program::ClaudeCode, question("--dangerously-skip-permissions"), "arguments");
    assert!(!seen.contains("dangerously"), "{seen}");
}

fn images() {
    let image = ContentBlock::image("image/png", "AAAA");
    let request = ChatRequest::new("", [Message::user_blocks([ContentBlock::text("What is it?"), image])]);
    let seen = told(Program::ClaudeCode, request, "arguments\ninput");
    assert!(
        seen.contains("--input-format") && seen.contains("What is it?") && seen.contains("AAAA"),
        "{seen}"
    );
}

fn sessions() {
    let history =
        || ChatRequest::new("Sys.", [Message::user("a"), Message::assistant("b"), Message::user("c")]);
    let resumed = || history().with_task_id(task_of_session("S-1"));
    for (program, flag) in [
        (Program::ClaudeCode, "\"--resume\", \"S-1\""),
        (Program::Codex, "\"resume\", \"S-1\""),
        (Program::GeminiCli, "\"--resume\", \"S-1\""),
        (Program::OpenCode, "\"--session\", \"S-1\""),
    ] {
        let seen = told(program, resumed(), "arguments\ninput");
        assert!(seen.contains(flag) && !seen.contains("User:"), "{seen}");
        let seen = told(program, history(), "arguments\ninput");
        assert!(!seen.contains("S-1") && seen.contains("Assistant: b"), "{seen}");
        assert!(seen.contains("Sys."), "{seen}");
    }
    let config = playing(Program::Generic, "input").session("S-2");
    assert!(ask(config, history()).unwrap().contains("\"sessionId\":\"S-2\""));
}

fn flag_session() {
    for id in ["--dangerously-bypass-approvals-and-sandbox", "a b", "a\nb"] {
        let request = question("?").with_task_id(task_of_session(id));
        let error = ask(playing(Program::Codex, "arguments"), request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    }
}

fn task() {
    let script = "say {\"type\":\"session\",\"id\":\"S-9\"}\ninput";
    let provider = provider(playing(Program::Generic, script));
    block_on(async {
        let first = ChatRequest::new("", [Message::user("a")]).with_task_id("t");
        let answer = provider.chat(first).await.unwrap();
        assert!(!answer.text.contains("sessionId"));
        let turns = [Message::user("a"), Message::assistant(answer.text), Message::user("c")];
        let answer = provider.chat(ChatRequest::new("", turns).with_task_id("t")).await.unwrap();
        assert!(
            answer.text.contains("\"sessionId\":\"S-9\"") && !answer.text.contains("\"a\""),
            "{}",
            answer.text
        );
    });
}

fn generic_request() {
    let tool = samewire::Tool::function("f", "does", samewire::json::object! {});
    let request = question("hi\nthere").with_tools([tool]).with_task_id("t");
    let seen = ask(playing(Program::Generic, "input").model("m"), request).unwrap();
    assert_eq!(
        seen,
        r#"{"version":1,"model":"m","messages":[{"role":"user","content":"hi\nthere"}],"tools":[{"type":"function","function":{"name":"f","description":"does","parameters":{}}}],"taskId":"t"}"#
            .to_owned()
            + "\n"
    );
}

fn folder() {
    let folder = tempfile::tempdir().unwrap();
    let seen = ask(playing(Program::Generic, "folder").folder(folder.path()), question("?")).unwrap();
    assert_eq!(std::fs::canonicalize(seen).unwrap(), std::fs::canonicalize(folder.path()).unwrap());
}

fn health() {
    let healthy = block_on(provider(playing(Program::Codex, "exit 1")).health_check());
    assert!(matches!(healthy, HealthStatus::Healthy), "{healthy:?}");
    let missing = HeadlessConfig::new(Program::Codex).command("samewire-no-such-program");
    let HealthStatus::Unhealthy(error) = block_on(provider(missing).health_check()) else {
        panic!("it is missing")
    };
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("npm install -g @openai/codex"), "{error}");
}
