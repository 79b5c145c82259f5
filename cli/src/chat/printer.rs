//! Prints tokens as they come, and collects what the next turn needs of them.

use std::io::{self, Write};

use futures_util::StreamExt;
use samewire::json::{Object, Value};
use samewire::{Error, StreamSummary, StreamToken, TokenStream, Usage};

use crate::failure::Failure;
use crate::paint::Paint;

/// How answers are printed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// For people: texts, reasoning less bright, counts on standard error.
    Text,
    /// For programs: each token as a line of JSON, an error as the last.
    Json,
}

/// An answer that was printed.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) usage: Option<Usage>,
    pub(super) summary: StreamSummary,
}

/// A tool call, its arguments as the model wrote them.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// Prints an answer to its end.
pub(super) async fn print_answer(tokens: TokenStream, style: Style) -> Result<Answer, Failure> {
    match style {
        Style::Text => Printer::new().print_all(tokens).await,
        Style::Json => print_lines(tokens).await,
    }
}

/// An error as a line of JSON.
pub(super) fn print_error_line(error: &Error) -> Result<(), Failure> {
    let mut details = Object::new();
    details.insert("kind", format!("{:?}", error.kind()));
    details.insert("message", error.message());
    details.insert("provider", error.provider().map_or(Value::Null, Value::from));
    details.insert("status", error.status().map_or(Value::Null, |status| Value::Number(f64::from(status))));
    let mut line = Object::new();
    line.insert("type", "error");
    line.insert("error", details);
    crate::output::print_json(line)
}

async fn print_lines(mut tokens: TokenStream) -> Result<Answer, Failure> {
    while let Some(token) = tokens.next().await {
        crate::output::print(&format!("{}\n", token?.to_json()))?;
    }
    Ok(Answer::default())
}

struct Printer {
    paint: Paint,
    answer: Answer,
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
        Self { paint: Paint::for_stdout(), answer: Answer::default(), last: Kind::Nothing }
    }

    async fn print_all(mut self, tokens: TokenStream) -> Result<Answer, Failure> {
        let mut tokens = tokens.assemble_tool_calls();
        let mut outcome = Ok(());
        while let Some(token) = tokens.next().await {
            outcome = match token {
                Ok(token) => self.print(&token).map_err(Failure::from),
                Err(error) => Err(error.into()),
            };
            if outcome.is_err() {
                break;
            }
        }
        if self.last != Kind::Nothing {
            writeln!(io::stdout())?;
        }
        self.answer.summary = tokens.summary();
        outcome.map(|()| self.answer)
    }

    fn print(&mut self, token: &StreamToken) -> io::Result<()> {
        let paint = self.paint;
        match token {
            StreamToken::Text(text) => {
                self.answer.text.push_str(text);
                self.write(Kind::Text, text)
            }
            StreamToken::Reasoning(text) => self.write(Kind::Reasoning, &paint.dim(text).to_string()),
            StreamToken::ToolCallStart { id, name } => {
                let call = Call { id: id.to_string(), name: name.to_string(), arguments: String::new() };
                self.answer.calls.push(call);
                self.last = if self.last == Kind::Tool { Kind::Text } else { self.last };
                self.write(Kind::Tool, &paint.tool(&format!("{name} ")).to_string())
            }
            StreamToken::ToolCallDelta { id, delta } => {
                if let Some(call) = self.answer.calls.iter_mut().find(|call| *call.id == **id) {
                    call.arguments.push_str(delta);
                }
                self.write(Kind::Tool, delta)
            }
            StreamToken::ToolCall(call) => self.whole_call(call),
            StreamToken::Grounding(sources) => sources.iter().try_for_each(|source| {
                let line = format!("\n[{}] {}", source.title, source.url);
                self.write(Kind::Reasoning, &paint.dim(&line).to_string())
            }),
            StreamToken::Usage(usage) => {
                self.answer.usage.get_or_insert_default().add(usage);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn whole_call(&mut self, call: &samewire::ToolCall) -> io::Result<()> {
        let text = |field: &samewire::Field<samewire::Text>| {
            field.value().map(ToString::to_string).unwrap_or_default()
        };
        let (id, name, arguments) = (text(&call.id), text(&call.name), text(&call.arguments));
        let known = self.answer.calls.iter().any(|known| known.id == id && !id.is_empty());
        if known {
            return Ok(());
        }
        let line = format!("{} {arguments}", self.paint.tool(&name));
        self.answer.calls.push(Call { id, name, arguments });
        self.last = if self.last == Kind::Tool { Kind::Text } else { self.last };
        self.write(Kind::Tool, &line)
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
}

/// Who answered and what it took, for people.
pub(super) fn print_counts(model: &str, answer: &Answer) {
    let Some(usage) = &answer.usage else { return };
    let cached = usage.cache_read_tokens.value().filter(|cached| **cached > 0);
    let cached = cached.map(|cached| format!(" ({cached} cached)")).unwrap_or_default();
    let cost = usage.total_cost.value().map(|cost| format!(", ${cost:.6}")).unwrap_or_default();
    let paint = Paint::for_stderr();
    let line =
        format!("{model}: {} tokens in{cached}, {} out{cost}", usage.input_tokens, usage.output_tokens);
    // Whoever closed standard error does not want to know.
    let _ = writeln!(io::stderr(), "{}", paint.dim(&line));
}
