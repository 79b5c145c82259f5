//! What programs print becomes the tokens of every provider.

use futures_util::StreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use samewire::headless::{HeadlessProvider, Program};
use samewire::{
    AiProvider, ChatRequest, ChatResponse, Error, ErrorKind, Message, ProviderSettings, StreamToken,
};

use super::{block_on, context, playing, recorded};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("claude_code::an_answer_in_parts", claude_in_parts),
    ("claude_code::an_answer_in_whole_messages", claude_whole),
    ("claude_code::an_error_is_told_with_its_kind", claude_error),
    ("claude_code::an_old_version_is_asked_without_parts", claude_old),
    ("codex::an_answer", codex),
    ("codex::a_failed_turn", codex_failed),
    ("gemini_cli::an_answer", gemini),
    ("gemini_cli::an_error", gemini_error),
    ("opencode::an_answer_of_several_steps", opencode),
    ("opencode::an_error", opencode_error),
    ("generic::tokens_in_our_own_form", generic),
    ("what_the_real_programs_print_is_read", real),
    ("every_cut_gives_the_same_tokens", every_cut),
    ("settings_name_programs_like_providers", settings),
    ("tools_and_images_are_refused_where_they_cannot_be_told", refused),
];

fn ask(program: Program, file: &str) -> Result<ChatResponse, Error> {
    let script = format!("file {}", recorded(file));
    let provider = HeadlessProvider::new(playing(program, &script), &context(&[]));
    block_on(provider.chat(ChatRequest::new("", [Message::user("What is in README.md?")])))
}

fn claude_in_parts() {
    let answer = ask(Program::ClaudeCode, "claude-code-parts.jsonl").unwrap();
    assert_eq!(answer.text, "I'll look.\n\nIt says: **samewire**.");
    assert_eq!(answer.reasoning, "A file.");
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (12, 87));
    assert_eq!(answer.usage.cache_read_tokens.value(), Some(&14200));
    assert_eq!(answer.usage.cache_write_tokens.value(), Some(&310));
    assert_eq!(answer.usage.total_cost.value(), Some(&0.0123));
    assert_eq!(answer.summary.session_id.as_deref(), Some("6f1c2d3e-0a4b-4c5d-8e9f-102132435465"));
    assert_eq!(answer.summary.finish_reason.as_deref(), Some("end_turn"));
    assert!(answer.tool_calls.is_empty(), "the program's own tools are no calls for us");
}

fn claude_whole() {
    let answer = ask(Program::ClaudeCode, "claude-code-whole.jsonl").unwrap();
    assert_eq!(answer.text, "I'll look.\n\nIt says: **samewire**.");
    assert_eq!(answer.usage.output_tokens, 87);
}

fn claude_error() {
    let error = ask(Program::ClaudeCode, "claude-code-no-login.jsonl").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(error.message(), "Claude Code failed: Invalid API key · Please run /login");
    assert_eq!(error.provider(), Some("claude-code"));
}

fn claude_old() {
    let script = format!("refuse --include-partial-messages\nfile {}", recorded("claude-code-whole.jsonl"));
    let provider = HeadlessProvider::new(playing(Program::ClaudeCode, &script), &context(&[]));
    let answer = block_on(provider.chat(ChatRequest::new("", [Message::user("?")]))).unwrap();
    assert_eq!(answer.text, "I'll look.\n\nIt says: **samewire**.");
    assert!(answer.summary.session_id.is_some());
}

fn codex() {
    let answer = ask(Program::Codex, "codex.jsonl").unwrap();
    assert_eq!(answer.text, "Looking.\n\nIt names the crate: samewire.");
    assert_eq!(answer.reasoning, "**Reading the file**");
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (24763, 122));
    assert_eq!(answer.usage.cache_read_tokens.value(), Some(&24448));
    assert_eq!(answer.summary.session_id.as_deref(), Some("0199a213-81c0-7800-8aa1-bbab2a035a53"));
}

fn codex_failed() {
    let error = ask(Program::Codex, "codex-failed.jsonl").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.message().contains("You've hit your usage limit"), "{error}");
}

fn gemini() {
    let answer = ask(Program::GeminiCli, "gemini-cli.jsonl").unwrap();
    assert_eq!(answer.text, "The file is about samewire.");
    assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (5200, 40));
    assert_eq!(answer.usage.reasoning_tokens.value(), Some(&160));
    assert_eq!(answer.usage.cache_read_tokens.value(), Some(&3000));
    assert_eq!(answer.usage.total_cost.value(), None, "a price that is not told is not known");
    assert_eq!(answer.summary.session_id.as_deref(), Some("d2b7c8a0-4f6e-4a33-9d7e-5a1b2c3d4e5f"));
}

fn gemini_error() {
    let error = ask(Program::GeminiCli, "gemini-cli-error.jsonl").unwrap_err();
    assert!(error.message().contains("Maximum session turns exceeded"), "{error}");
}

fn opencode() {
    let answer = ask(Program::OpenCode, "opencode.jsonl").unwrap();
    assert_eq!(answer.text, "Let me see.\n\nIt is samewire's README.");
    assert_eq!(answer.usage.input_tokens, 1000 + 200);
    assert_eq!(answer.usage.output_tokens, 50 + 20 + 30, "reasoning that stands beside the output is added");
    assert_eq!(answer.usage.total_cost.value(), Some(&0.375));
    assert_eq!(answer.summary.session_id.as_deref(), Some("ses_494719016ffe85dkDMj0FPRbHK"));
}

fn opencode_error() {
    let error = ask(Program::OpenCode, "opencode-error.jsonl").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert!(error.message().contains("401 Unauthorized"), "{error}");
}

fn real() {
    for (program, file, input, output, session) in [
        (Program::ClaudeCode, CLAUDE, 10, 6, "bf236e23-2a8c-47d0-9644-469d3f207513"),
        (Program::Codex, CODEX, 11, 5, "01a1ff10-f5bf-73a1-865e-bb1e9d09f744"),
        (Program::GeminiCli, GEMINI, 11, 5, "91c4fb4c-edf4-4481-ad99-05ce10b3d380"),
        (Program::OpenCode, OPENCODE, 10, 6, "ses_e00eeff9affeKLReHHMxu2yIE2"),
    ] {
        let answer = ask(program, file).unwrap();
        assert_eq!(answer.text, "Hello from loopback.", "{file}");
        assert_eq!((answer.usage.input_tokens, answer.usage.output_tokens), (input, output), "{file}");
        assert_eq!(answer.summary.session_id.as_deref(), Some(session), "{file}");
    }
}

const CLAUDE: &str = "claude-code-2.1.197.jsonl";
const CODEX: &str = "codex-0.169.0.jsonl";
const GEMINI: &str = "gemini-cli-0.61.0.jsonl";
const OPENCODE: &str = "opencode-1.18.33.jsonl";

fn generic() {
    let answer = ask(Program::Generic, "generic.jsonl").unwrap();
    assert_eq!(answer.text, "Héllo");
    assert_eq!(answer.reasoning, "hm");
    assert_eq!(answer.tool_calls[0].name, "read_file");
    assert_eq!(answer.sources[0].url, "https://example.com/");
    assert_eq!((answer.usage.input_tokens, answer.usage.total_cost.value()), (3, Some(&0.5)));
    assert_eq!(answer.summary.session_id.as_deref(), Some("s-1"));
    assert_eq!(answer.summary.finish_reason.as_deref(), Some("stop"));
}

const RECORDED: &[(Program, &str)] = &[
    (Program::ClaudeCode, "claude-code-parts.jsonl"),
    (Program::ClaudeCode, "claude-code-whole.jsonl"),
    (Program::ClaudeCode, "claude-code-no-login.jsonl"),
    (Program::Codex, "codex.jsonl"),
    (Program::Codex, "codex-failed.jsonl"),
    (Program::GeminiCli, "gemini-cli.jsonl"),
    (Program::GeminiCli, "gemini-cli-error.jsonl"),
    (Program::OpenCode, "opencode.jsonl"),
    (Program::OpenCode, "opencode-error.jsonl"),
    (Program::Generic, "generic.jsonl"),
    (Program::ClaudeCode, CLAUDE),
    (Program::Codex, CODEX),
    (Program::GeminiCli, GEMINI),
    (Program::OpenCode, OPENCODE),
];

/// What is decoded from these chunks, and how it ended.
fn decode<'a>(
    program: Program,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<StreamToken>, Option<String>) {
    let config = samewire::headless::HeadlessConfig::new(program);
    let provider = HeadlessProvider::new(config, &context(&[]));
    let mut processor = provider.decoder(&ChatRequest::default()).unwrap();
    let mut items: Vec<Result<StreamToken, Error>> = Vec::new();
    for chunk in chunks {
        items.extend(processor.process_chunk(chunk));
    }
    items.extend(processor.finish());
    let error = items.last().and_then(|item| item.as_ref().err()).map(|error| error.message().to_owned());
    (items.into_iter().flatten().collect(), error)
}

/// Garbage between the events changes nothing either: escape sequences, banners, JSON that is no event.
fn every_cut() {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    for &(program, file) in RECORDED {
        let text = std::fs::read_to_string(recorded(file)).unwrap();
        let whole = decode(program, std::iter::once(text.as_bytes()));
        assert!(!whole.0.is_empty() || whole.1.is_some(), "{file}");
        assert_eq!(decode(program, text.as_bytes().chunks(1)), whole, "{file}");
        let noise = prop::collection::vec(
            prop::sample::select(vec![
                "\u{1b}[2K\u{1b}[1G",
                "npm notice new version\n",
                "{\"type\":7}\n",
                "[1]\n",
                "{oops\n",
                "\r\n",
            ]),
            text.lines().count(),
        );
        let cuts = prop::collection::vec(0..text.len() * 2, 0..12);
        runner
            .run(&(noise, cuts), |(noise, cuts)| {
                let lines = text.lines().zip(noise).map(|(line, noise)| format!("{noise}{line}\n"));
                let all: String = lines.collect();
                let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(all.len())).collect();
                cuts.extend([0, all.len()]);
                cuts.sort_unstable();
                let chunks = cuts.windows(2).map(|cut| &all.as_bytes()[cut[0]..cut[1]]);
                prop_assert_eq!(decode(program, chunks), whole.clone());
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}

fn settings() {
    let own = std::env::current_exe().unwrap();
    let script = format!("file {}", recorded("generic.jsonl"));
    let variables = samewire::json::object! { (super::stand_in::SCRIPT): script };
    let settings = ProviderSettings::new("headless")
        .with("headlessCommand", own.to_str().unwrap())
        .with("headlessVariables", variables);
    assert!(!format!("{settings:?}").contains("generic.jsonl"), "variables may be secrets");
    let provider = samewire::build_provider(&settings).unwrap();
    assert_eq!(provider.name(), "headless");
    let tokens = block_on(async {
        provider
            .chat_stream(ChatRequest::new("", [Message::user("?")]))
            .await
            .unwrap()
            .collect::<Vec<_>>()
            .await
    });
    assert!(tokens.iter().all(Result::is_ok));
    for id in samewire::headless::program_ids() {
        let settings = ProviderSettings::new(id).with("headlessCommand", "/no/such/program");
        let provider = samewire::build_provider(&settings).unwrap();
        let error = block_on(provider.chat(ChatRequest::new("", [Message::user("?")]))).unwrap_err();
        assert!(error.message().contains("`/no/such/program`") && error.message().contains(id), "{error}");
    }
}

fn refused() {
    let provider = HeadlessProvider::new(playing(Program::Codex, "exit 0"), &context(&[]));
    let request = ChatRequest::new("", [Message::user("?")]);
    let tool = samewire::Tool::function("f", "", samewire::json::object! {});
    let error = block_on(provider.chat(request.with_tools([tool]))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let image = samewire::ContentBlock::image("image/png", "AA==");
    let error = block_on(provider.chat(ChatRequest::new("", [Message::user_blocks([image])]))).unwrap_err();
    assert!(error.message().contains("images"), "{error}");
}
