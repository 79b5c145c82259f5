//! What is asked: a conversation with its tools, or a single prompt.

use crate::answer_format::AnswerFormat;
use crate::json::{Object, Value};
use crate::message::Message;
use crate::tool::{Tool, ToolChoice};

/// A conversation to be continued: what the reference's `createMessage` takes.
///
/// # Example: one question with a tool
///
/// ```
/// use samewire::{ChatRequest, Message, Tool};
/// use samewire::json::object;
///
/// let request = ChatRequest::new("You are a careful assistant.", [Message::user("What is in README.md?")])
///     .with_tools([Tool::function(
///         "read_file",
///         "Reads a file",
///         object! { "type": "object", "properties": object! { "path": object! { "type": "string" } } },
///     )]);
/// assert_eq!(request.messages.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The system prompt; may be empty.
    pub system_prompt: String,
    /// The conversation so far, oldest first, in the form of Anthropic's Messages API.
    pub messages: Vec<Message>,
    /// The tools that the model may call, in the form of OpenAI's Chat Completions API. `None` and an
    /// empty list are different on some wires.
    pub tools: Option<Vec<Tool>>,
    /// Whether and which tool the model must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether the model may call several tools at once.
    pub parallel_tool_calls: Option<bool>,
    /// The conversation's id, for services that trace or cache by it.
    pub task_id: Option<String>,
    /// Who asks, as the caller names its users or tenants: for usage records and the audit log, never sent.
    pub on_behalf_of: Option<String>,
    /// Further entries of the reference's `metadata` that single providers read (`mode`,
    /// `allowedFunctionNames`, `thinking`, ...).
    pub metadata: Object,
    /// Whether tool calls are tracked while the stream is read, as the real application does, so that
    /// providers that leave this to the reader report [`ToolCallEnd`](crate::StreamToken::ToolCallEnd) too.
    pub track_tool_calls: bool,
    /// The form that the answer must have; text unless set.
    pub answer_format: Option<AnswerFormat>,
    /// Whether [`AiProvider::chat`](crate::AiProvider::chat) gives the reasoning as the text where a model leaves
    /// the text empty and calls no tool, as some reasoning models do. The setting `reasoningAsText` asks for the
    /// same in every request to that provider's own `chat`; managers read streams, so there the request must ask.
    pub reasoning_as_text: bool,
}

impl ChatRequest {
    /// A conversation without tools.
    pub fn new(system_prompt: impl Into<String>, messages: impl IntoIterator<Item = Message>) -> Self {
        Self {
            system_prompt: system_prompt.into(),
            messages: messages.into_iter().collect(),
            track_tool_calls: true,
            ..Self::default()
        }
    }

    /// The same conversation with these tools.
    #[must_use]
    pub fn with_tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools = Some(tools.into_iter().collect());
        self
    }

    /// The same conversation with a rule which tool to call.
    #[must_use]
    pub fn with_tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// The same conversation under an id.
    #[must_use]
    pub fn with_task_id(mut self, task_id: impl Into<String>) -> Self {
        self.task_id = Some(task_id.into());
        self
    }

    /// The same conversation, asked for that user or tenant. Usage records and the audit log tell the name; no service
    /// and no metric does.
    #[must_use]
    pub fn with_on_behalf_of(mut self, who: impl Into<String>) -> Self {
        self.on_behalf_of = Some(who.into());
        self
    }

    /// The same conversation, to be answered in that form.
    #[must_use]
    pub fn with_answer_format(mut self, format: AnswerFormat) -> Self {
        self.answer_format = Some(format);
        self
    }

    /// Takes the arguments of the reference's `createMessage` as JSON.
    pub fn from_reference(system_prompt: &str, messages: &[Value], metadata: Option<&Value>) -> Self {
        let mut request = Self::new(system_prompt, messages.iter().cloned().map(Message::from));
        let Some(metadata) = metadata.and_then(Value::as_object) else { return request };
        for (key, value) in metadata {
            match (key.as_str(), value) {
                ("tools", Value::Array(tools)) => {
                    request.tools = Some(tools.iter().cloned().map(Tool::from).collect());
                }
                ("tool_choice", choice) => request.tool_choice = Some(ToolChoice::from(choice.clone())),
                ("parallelToolCalls", Value::Bool(parallel)) => request.parallel_tool_calls = Some(*parallel),
                ("taskId", Value::String(id)) => request.task_id = Some(id.to_string()),
                _ => drop(request.metadata.insert(key.clone(), value.clone())),
            }
        }
        request
    }
}

/// A single prompt to be completed: what the reference's `completePrompt` takes.
///
/// # Example: a commit message
///
/// ```no_run
/// use samewire::{AiProvider, CompletionRequest};
///
/// # async fn run(provider: &dyn AiProvider, diff: &str) -> Result<(), samewire::Error> {
/// let prompt = format!("Write a commit message for this change:\n\n{diff}");
/// println!("{}", provider.complete(CompletionRequest::new(prompt)).await?.text);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompletionRequest {
    /// The prompt.
    pub prompt: String,
    /// How the prompt is framed.
    pub format: PromptFormat,
    /// Who asks, as the caller names its users or tenants: for usage records and the audit log, never sent.
    pub on_behalf_of: Option<String>,
}

impl CompletionRequest {
    /// A completion of that prompt, framed as the reference frames it.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), ..Self::default() }
    }

    /// The same prompt, asked for that user or tenant, as
    /// [`ChatRequest::with_on_behalf_of`](ChatRequest::with_on_behalf_of).
    #[must_use]
    pub fn with_on_behalf_of(mut self, who: impl Into<String>) -> Self {
        self.on_behalf_of = Some(who.into());
        self
    }

    /// The same prompt, framed otherwise.
    #[must_use]
    pub fn with_format(mut self, format: PromptFormat) -> Self {
        self.format = format;
        self
    }
}

/// How a prompt is framed for a completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptFormat {
    /// One user message with the prompt as it is.
    #[default]
    Plain,
    /// The framing of Anthropic's former text completions: `Human: {prompt}`, an empty line, `Assistant:`.
    HumanAssistant,
}
