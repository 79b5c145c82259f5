//! `samewire chat`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures_util::StreamExt;
use samewire::{
    AssembledStream, ChatRequest, Context, Error, ErrorKind, Message, ProviderSettings, RetryAdvice,
    StreamToken, Usage, build_provider_in,
};
use samewire_conformance::load_case;

use crate::INTERRUPTED;
use crate::keys;
use crate::paint::Paint;

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The provider; see `samewire providers`
    #[arg(long, short, required_unless_present_any = ["settings", "replay"])]
    provider: Option<String>,
    /// The model; the provider's default if there is none
    #[arg(long, short)]
    model: Option<String>,
    /// A file with provider settings, as the TypeScript stores a profile
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// What the model is told before the conversation
    #[arg(long, value_name = "TEXT", default_value = "")]
    system: String,
    /// Answers from a recording, such as groq/stream-think-tag, without a key or a network
    #[arg(long, value_name = "CASE", conflicts_with_all = ["provider", "model", "settings"])]
    replay: Option<String>,
    /// What to ask; the recording's own conversation if there is none
    #[arg(required_unless_present = "replay")]
    prompt: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let asked = match &arguments.replay {
        Some(case) => Asked::recorded(arguments, case)?,
        None => Asked::new(arguments)?,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = asked.answer() => outcome,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(INTERRUPTED)),
        }
    });
    // The terminal's next line must not begin in the middle of an answer.
    if matches!(outcome, Ok(code) if code == ExitCode::from(INTERRUPTED)) {
        println!();
    }
    match outcome {
        Ok(code) => Ok(code),
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Stop::Output(error)) => Err(error.to_string()),
        Err(Stop::Answer(error)) => {
            eprintln!("samewire: {}{}", error.message(), advice(&error));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What is asked, of whom, and through which world.
struct Asked {
    settings: ProviderSettings,
    request: ChatRequest,
    context: Context,
}

/// Why an answer ended early.
enum Stop {
    Answer(Error),
    Output(io::Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Answer(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl Asked {
    fn new(arguments: &Arguments) -> Result<Self, String> {
        let mut settings = match &arguments.settings {
            Some(file) => ProviderSettings::load(file).map_err(|error| error.to_string())?,
            None => ProviderSettings::default(),
        };
        if let Some(provider) = &arguments.provider {
            settings.set("apiProvider", Some(provider.as_str().into()));
        }
        keys::complete(&mut settings, arguments.model.as_deref())?;
        let prompt = arguments.prompt.clone().unwrap_or_default();
        let request = ChatRequest::new(arguments.system.clone(), [Message::user(prompt)]);
        Ok(Self { settings, request, context: Context::system() })
    }

    fn recorded(arguments: &Arguments, case: &str) -> Result<Self, String> {
        let case = load_case(None, case)?;
        let settings =
            case.settings().cloned().ok_or_else(|| format!("{} records no conversation", case.id()))?;
        let settings = ProviderSettings::from_value(settings).map_err(|error| error.to_string())?;
        let request = match &arguments.prompt {
            Some(prompt) => ChatRequest::new(arguments.system.clone(), [Message::user(prompt.clone())]),
            None => case.request(),
        };
        Ok(Self { settings, request, context: Context::with_transport(Arc::new(case.replay())) })
    }

    async fn answer(self) -> Result<ExitCode, Stop> {
        let provider = build_provider_in(&self.settings, &self.context)?;
        let mut tokens = provider.chat_stream(self.request).await?.assemble_tool_calls();
        let mut printer = Printer::new();
        let outcome = printer.print_all(&mut tokens).await;
        printer.finish()?;
        outcome.map(|()| ExitCode::SUCCESS)
    }
}

/// Prints tokens as they come.
struct Printer {
    paint: Paint,
    usage: Option<Usage>,
    last: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Text,
    Reasoning,
    Tool,
}

impl Printer {
    fn new() -> Self {
        Self { paint: Paint::for_stdout(), usage: None, last: Kind::Nothing }
    }

    async fn print_all(&mut self, tokens: &mut AssembledStream) -> Result<(), Stop> {
        while let Some(token) = tokens.next().await {
            self.print(&token?)?;
        }
        Ok(())
    }

    fn print(&mut self, token: &StreamToken) -> io::Result<()> {
        let paint = self.paint;
        match token {
            StreamToken::Text(text) => self.write(Kind::Text, text),
            StreamToken::Reasoning(text) => self.write(Kind::Reasoning, &paint.dim(text).to_string()),
            StreamToken::ToolCallStart { name, .. } => {
                self.last = if self.last == Kind::Tool { Kind::Text } else { self.last };
                self.write(Kind::Tool, &paint.tool(&format!("{name} ")).to_string())
            }
            StreamToken::ToolCallDelta { delta, .. } => self.write(Kind::Tool, delta),
            StreamToken::ToolCall(call) => {
                let name = call.name.value().map(ToString::to_string).unwrap_or_default();
                let arguments = call.arguments.value().map(ToString::to_string).unwrap_or_default();
                self.write(Kind::Tool, &format!("{} {arguments}", paint.tool(&name)))
            }
            StreamToken::Grounding(sources) => sources.iter().try_for_each(|source| {
                self.write(
                    Kind::Reasoning,
                    &paint.dim(&format!("\n[{}] {}", source.title, source.url)).to_string(),
                )
            }),
            StreamToken::Usage(usage) => {
                self.usage.get_or_insert_default().add(usage);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes a piece; another kind begins on a line of its own.
    fn write(&mut self, kind: Kind, piece: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.last != kind && self.last != Kind::Nothing {
            writeln!(out)?;
        }
        self.last = kind;
        write!(out, "{piece}")?;
        out.flush()
    }

    fn finish(&self) -> io::Result<()> {
        if self.last != Kind::Nothing {
            writeln!(io::stdout())?;
        }
        let Some(usage) = &self.usage else { return Ok(()) };
        let cached = usage.cache_read_tokens.value().filter(|cached| **cached > 0);
        let cached = cached.map(|cached| format!(" ({cached} cached)")).unwrap_or_default();
        let cost = usage.total_cost.value().map(|cost| format!(", ${cost:.6}")).unwrap_or_default();
        writeln!(io::stderr(), "{} tokens in{cached}, {} out{cost}", usage.input_tokens, usage.output_tokens)
    }
}

fn advice(error: &Error) -> String {
    match (error.kind(), error.retry()) {
        (ErrorKind::Authentication, _) => "\nCheck the API key.".to_owned(),
        (_, RetryAdvice::After(wait)) => format!("\nTry again in {} s.", wait.as_secs_f64().ceil()),
        (_, RetryAdvice::Backoff) => "\nTry again in a while.".to_owned(),
        (_, RetryAdvice::Never) => String::new(),
    }
}
