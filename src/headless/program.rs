//! The programs that are known: a list of facts.

use std::fmt;

use bytes::Bytes;

use super::config::HeadlessConfig;
use super::decode::Codec;
use super::{claude_code, codex, gemini_cli, generic, opencode};
use crate::Message;
use crate::request::ChatRequest;

/// A program that answers on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Program {
    /// Anthropic's Claude Code, `claude -p`.
    ClaudeCode,
    /// OpenAI's Codex, `codex exec`.
    Codex,
    /// Google's Gemini CLI, `gemini -p`.
    GeminiCli,
    /// Any program that reads one JSON request and prints JSON lines.
    ///
    /// The request is one line: `version` (1), `model`, `sessionId`, `systemPrompt`, `messages` (in Anthropic's
    /// form), `tools` (in OpenAI's form), `toolChoice`, `parallelToolCalls`, `taskId`, `metadata`; what is not
    /// set is left out.
    ///
    /// Each line of the answer is a token as [`StreamToken::to_json`](crate::StreamToken::to_json) prints it,
    /// in any order of keys, or one of `{"type":"session","id":"..."}`, `{"type":"error","message":"..."}`, which
    /// ends the answer with that error, and `{"type":"result","finishReason":"..."}`, which ends it well. The
    /// result is optional for programs that end by themselves.
    Generic,
    /// opencode, `opencode run`.
    OpenCode,
}

impl Program {
    /// All of them, in the order of their ids.
    pub const ALL: &[Self] = &[Self::ClaudeCode, Self::Codex, Self::GeminiCli, Self::Generic, Self::OpenCode];

    /// The provider's id.
    pub fn id(self) -> &'static str {
        self.spec().id
    }

    /// The program of a provider's id.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|program| program.id() == id)
    }

    pub(super) fn spec(self) -> &'static Spec {
        match self {
            Self::ClaudeCode => &claude_code::SPEC,
            Self::Codex => &codex::SPEC,
            Self::GeminiCli => &gemini_cli::SPEC,
            Self::Generic => &generic::SPEC,
            Self::OpenCode => &opencode::SPEC,
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}

/// The facts of one program.
pub(super) struct Spec {
    /// The provider's id.
    pub(super) id: &'static str,
    /// The name in messages.
    pub(super) name: &'static str,
    /// The program's usual file name.
    pub(super) command: &'static str,
    /// How to get it: a sentence.
    pub(super) install: &'static str,
    /// Folders under the user's home where its installer puts it.
    pub(super) folders: &'static [&'static str],
    /// The variables that it reads, beside those of every program.
    pub(super) environment: &'static [&'static str],
    /// How it is asked.
    pub(super) invocation: fn(&Question<'_>) -> Invocation,
    /// Reads its events.
    pub(super) codec: fn() -> Box<dyn Codec>,
    /// Whether images can be shown to it.
    pub(super) takes_images: bool,
    /// Whether tools can be offered to it.
    pub(super) takes_tools: bool,
}

/// What a program is asked.
pub(super) struct Question<'a> {
    pub(super) config: &'a HeadlessConfig,
    pub(super) request: &'a ChatRequest,
    /// The session to go on with.
    pub(super) session: Option<&'a str>,
    /// What it does not know yet.
    pub(super) news: &'a [Message],
    /// Whether parts of messages are wanted.
    pub(super) partial: bool,
}

/// How a program is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invocation {
    pub(super) arguments: Vec<String>,
    pub(super) input: Option<Bytes>,
}

impl Question<'_> {
    /// The user's arguments, to which those that are needed are added.
    pub(super) fn arguments<const N: usize>(&self, before: [&str; N]) -> Vec<String> {
        let before = before.into_iter().map(str::to_owned);
        before.chain(self.config.arguments.iter().cloned()).collect()
    }

    /// A flag and the model behind it, if one is set.
    pub(super) fn model(&self, flag: &str) -> Vec<String> {
        self.config.model.iter().flat_map(|model| [flag.to_owned(), model.clone()]).collect()
    }
}

/// Whether a text can be an argument: short, without a NUL, and not to be taken for a flag. Windows' shims for
/// scripts take no line breaks, so there nothing can.
pub(super) fn fits_argument(text: &str) -> bool {
    !cfg!(windows) && text.len() <= LONGEST_ARGUMENT && !text.starts_with('-') && !text.contains('\0')
}

/// Linux takes 128 KiB for one argument; other platforms share that between all.
const LONGEST_ARGUMENT: usize = 16 << 10;
