//! Command-line programs as providers: Claude Code, Codex, Gemini CLI, opencode, and any program that speaks
//! JSON lines.
//!
//! Each answer is one run of the program. It is started without a shell, from an absolute path, with an
//! environment that names what it may see, in a process group of its own that is ended when the stream is
//! dropped. What it prints becomes the tokens of every other provider; usage and cost are those that it
//! reports.
//!
//! The programs are agents: they run their own tools, so tools cannot be offered to them (only the
//! [generic](Program::Generic) adapter takes tools), and what their tools do is not shown as tokens.
//!
//! # Lines that are no events
//!
//! One rule for all programs: a line that is no JSON object with a text `type` is not meant for us (a banner, a
//! warning). It is ignored, and its end is quoted when the run fails. Events of a type that we do not know are
//! ignored.
//!
//! # Sessions
//!
//! A program keeps the conversation itself. The id of its session is in
//! [`StreamSummary::session_id`](crate::StreamSummary::session_id), and a session is gone on with, in this order:
//!
//! 1. as the request's metadata say: `sessionId`;
//! 2. as the request's task id says: [`task_of_session`] makes one of a session's id;
//! 3. from an earlier answer of this provider to a request of the same task id, if the conversation up to that
//!    answer is still the same;
//! 4. as the configuration says.
//!
//! Then only what the user said since the last answer is sent; else the whole conversation, as one prompt.
//!
//! # Example: ask Claude Code
//!
//! ```no_run
//! use samewire::headless::{HeadlessConfig, HeadlessProvider, Program};
//! use samewire::{AiProvider, ChatRequest, Context, Message};
//!
//! # async fn run() -> Result<(), samewire::Error> {
//! let config = HeadlessConfig::new(Program::ClaudeCode).model("sonnet").argument("--max-turns").argument("3");
//! let claude = HeadlessProvider::new(config, &Context::system());
//! let answer = claude.chat(ChatRequest::new("", [Message::user("What does this folder hold?")])).await?;
//! println!("{} (${:?})", answer.text, answer.usage.total_cost.value());
//! println!("claude --resume {}", answer.summary.session_id.unwrap_or_default());
//! # Ok(())
//! # }
//! ```
//!
//! # Example: from settings
//!
//! `build_provider` knows the programs by id: `claude-code`, `codex`, `gemini-cli`, `opencode`, `headless`.
//!
//! ```
//! use samewire::{ProviderSettings, build_provider};
//!
//! let settings = ProviderSettings::new("codex").with("apiModelId", "gpt-5").with("headlessIdleTimeoutMs", 60_000);
//! assert_eq!(build_provider(&settings)?.model().id, "gpt-5");
//! # Ok::<(), samewire::Error>(())
//! ```

mod ansi;
mod body;
mod claude_code;
mod codex;
mod config;
mod decode;
mod diagnostics;
mod environment;
mod gemini_cli;
mod generic;
mod opencode;
mod process;
mod program;
mod prompt;
mod provider;
mod resolve;
mod session;

pub use config::HeadlessConfig;
pub use program::Program;
pub use provider::HeadlessProvider;
pub use session::task_of_session;

use std::sync::Arc;

use crate::Error;
use crate::context::Context;
use crate::provider::AiProvider;
use crate::settings::ProviderSettings;

/// The ids of the programs, in alphabetical order.
pub fn program_ids() -> impl ExactSizeIterator<Item = &'static str> {
    Program::ALL.iter().map(|program| program.id())
}

/// The provider that settings name, if it is a program.
pub(crate) fn build(
    settings: &ProviderSettings,
    context: &Context,
) -> Option<Result<Arc<dyn AiProvider>, Error>> {
    let program = Program::of_id(settings.provider()?)?;
    let config = HeadlessConfig::from_settings(program, settings);
    Some(config.map(|config| Arc::new(HeadlessProvider::new(config, context)) as Arc<dyn AiProvider>))
}
