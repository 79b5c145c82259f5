//! Whole answers: what a stream adds up to.

use futures_util::StreamExt;

use crate::answer_format::AnswerFormat;
use crate::json::{Node, Object, Value, object};
use crate::message::{ContentBlock, Message};
use crate::provider::AiProvider;
use crate::request::ChatRequest;
use crate::stream::{StreamSummary, TokenStream};
use crate::token::{Source, ToolCallPartial, Usage};
use crate::{Error, StreamToken, Text};

/// A completed prompt.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CompletionResponse {
    /// The text; empty where the reference returns nothing.
    pub text: Text,
    /// What the reference returns where a service sent something else than text, as JSON.
    pub irregular: Option<Value>,
}

impl CompletionResponse {
    /// What stands where the text should be: whatever JavaScript takes for something, else nothing.
    pub(crate) fn of(content: Node<'_>) -> Self {
        match content.as_text() {
            Some(text) => text.into(),
            None if content.is_truthy() => Self { text: Text::new(), irregular: Some(content.to_value()) },
            None => Self::default(),
        }
    }
}

impl From<Text> for CompletionResponse {
    fn from(text: Text) -> Self {
        Self { text, irregular: None }
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ChatResponse {
    /// The answer's text.
    pub text: String,
    /// The reasoning, where the service shows it.
    pub reasoning: String,
    /// The tool calls in the order in which they began.
    pub tool_calls: Vec<AssembledToolCall>,
    /// Token counts: every usage token of the stream added up, as the reference's application does.
    pub usage: Usage,
    /// The web sources that the answer cites.
    pub sources: Vec<Source>,
    /// How the answer ended and what to carry into the next turn.
    pub summary: StreamSummary,
}

/// A tool call whose arguments are complete.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AssembledToolCall {
    /// The call's id, to be named by its result.
    pub id: Text,
    /// The tool's name.
    pub name: Text,
    /// The arguments as the model wrote them.
    pub raw_arguments: String,
    /// The arguments parsed; `Err` with the parser's message when they are not JSON, as when the answer
    /// was cut off. No arguments at all count as `{}`.
    pub arguments: Result<Value, String>,
}

impl ChatResponse {
    /// Reads a stream to its end.
    ///
    /// # Errors
    ///
    /// The stream's error, if it ends with one.
    pub async fn collect(mut tokens: TokenStream) -> Result<Self, Error> {
        let mut collected = Collector::default();
        while let Some(token) = tokens.next().await {
            collected.add(&token?);
        }
        Ok(collected.finish(tokens.summary()))
    }

    /// The answer as messages to continue the conversation with: text, tool calls, and whatever sealed reasoning
    /// the service wants back. Reasoning in plain text is left out, as most services refuse it. A tool call
    /// whose arguments are no JSON goes back without any.
    ///
    /// # Example: one round of a tool loop
    ///
    /// ```
    /// use samewire::{AiProvider, ChatRequest, ContentBlock, Error, Message};
    ///
    /// # async fn run(provider: &dyn AiProvider, mut request: ChatRequest) -> Result<(), Error> {
    /// let answer = provider.chat(request.clone()).await?;
    /// request.messages.extend(answer.to_messages());
    /// let results = answer.tool_calls.iter().map(|call| ContentBlock::tool_result(call.id.clone(), "42"));
    /// request.messages.push(Message::user_blocks(results));
    /// let next = provider.chat(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_messages(&self) -> Vec<Message> {
        let summary = &self.summary;
        let mut messages = Vec::new();
        if let Some(Value::Object(sealed)) = &summary.encrypted_reasoning {
            let mut item = Object::with_capacity(sealed.len() + 2);
            item.insert("type", "reasoning");
            sealed.iter().for_each(|(key, value)| drop(item.insert(key.clone(), value.clone())));
            item.insert("summary", Value::Array(Vec::new()));
            messages.push(Message::from(Value::from(item)));
        }
        let text = (!self.text.is_empty()).then(|| ContentBlock::text(self.text.as_str()));
        let calls = self.tool_calls.iter().map(|call| {
            let arguments = call.arguments.clone().unwrap_or_else(|_| Object::new().into());
            ContentBlock::tool_use(call.id.clone(), call.name.clone(), arguments)
        });
        let signature = summary.thought_signature.clone().map(|signature| {
            ContentBlock::from(Value::from(
                object! { "type": "thoughtSignature", "thoughtSignature": signature },
            ))
        });
        let blocks: Vec<ContentBlock> = text.into_iter().chain(calls).chain(signature).collect();
        if !blocks.is_empty() {
            let message = Message::assistant_blocks(blocks);
            messages.push(match &summary.reasoning_details {
                Some(details) => message.with("reasoning_details", details.clone()),
                None => message,
            });
        }
        match &summary.provider {
            Some(provider) => {
                messages.into_iter().map(|message| message.written_by(provider.clone())).collect()
            }
            None => messages,
        }
    }
}

/// What a request wants of its whole answer.
struct Wish {
    /// The tool whose call may be the answer.
    answer_tool: Option<Text>,
    reasoning_as_text: bool,
}

/// Asks and reads the answer to its end, in the form that the request wants.
pub(crate) async fn whole<P: AiProvider + ?Sized>(
    provider: &P,
    request: ChatRequest,
) -> Result<ChatResponse, Error> {
    let answer_tool = match &request.answer_format {
        Some(AnswerFormat::Schema(schema)) => Some(schema.name.clone()),
        Some(AnswerFormat::Json) | None => None,
    };
    let wish = Wish { answer_tool, reasoning_as_text: request.reasoning_as_text };
    let mut response = ChatResponse::collect(provider.chat_stream(request).await?).await?;
    wish.fulfil(&mut response);
    Ok(response)
}

impl Wish {
    fn fulfil(&self, response: &mut ChatResponse) {
        let is_answer = |call: &AssembledToolCall| Some(&call.name) == self.answer_tool.as_ref();
        if let Some(at) = response.tool_calls.iter().position(is_answer) {
            response.text = response.tool_calls.remove(at).raw_arguments;
        }
        if self.reasoning_as_text && response.text.trim().is_empty() && response.tool_calls.is_empty() {
            response.text.clone_from(&response.reasoning);
        }
    }
}

/// An answer while it is being collected.
#[derive(Default)]
pub(crate) struct Collector {
    response: ChatResponse,
    calls: Vec<PendingToolCall>,
}

impl Collector {
    pub(crate) fn finish(self, summary: StreamSummary) -> ChatResponse {
        let tool_calls = self.calls.into_iter().map(PendingToolCall::finish).collect();
        ChatResponse { tool_calls, summary, ..self.response }
    }

    pub(crate) fn add(&mut self, token: &StreamToken) {
        let Self { response, calls } = self;
        match token {
            StreamToken::Text(text) => response.text.push_str(text),
            StreamToken::Reasoning(text) => response.reasoning.push_str(text),
            StreamToken::ToolCallPartial(part) => PendingToolCall::add(calls, part),
            StreamToken::ToolCall(call) => {
                let id = call.id.value().cloned().unwrap_or_default();
                // Some providers stream a call's parts and then send it whole.
                calls.retain(|known| known.id != id || id.is_empty());
                calls.push(PendingToolCall {
                    index: None,
                    id,
                    name: call.name.value().cloned().unwrap_or_default(),
                    arguments: call.arguments.value().map(Text::to_string).unwrap_or_default(),
                });
            }
            StreamToken::Usage(usage) => response.usage.add(usage),
            StreamToken::Grounding(sources) => response.sources.extend(sources.iter().cloned()),
            StreamToken::ToolCallStart { .. }
            | StreamToken::ToolCallDelta { .. }
            | StreamToken::ToolCallEnd { .. }
            | StreamToken::Irregular(_) => {}
        }
    }
}

struct PendingToolCall {
    index: Option<u64>,
    id: Text,
    name: Text,
    arguments: String,
}

impl PendingToolCall {
    /// A fragment belongs to the call of its index, unless it brings another id: then a new call begins.
    fn add(calls: &mut Vec<Self>, part: &ToolCallPartial) {
        let id = part.id.value().filter(|id| !id.is_empty());
        let index = part.index.value().copied();
        let known = calls
            .iter_mut()
            .rev()
            .find(|call| call.index == index && id.is_none_or(|id| call.id.is_empty() || call.id == *id));
        let call = if let Some(call) = known {
            call
        } else {
            calls.push(Self { index, id: Text::new(), name: Text::new(), arguments: String::new() });
            let last = calls.len() - 1;
            &mut calls[last]
        };
        if let Some(id) = id {
            call.id = id.clone();
        }
        if let Some(name) = part.name.value().filter(|name| !name.is_empty()) {
            call.name = name.clone();
        }
        if let Some(arguments) = part.arguments.value() {
            call.arguments.push_str(arguments);
        }
    }

    fn finish(self) -> AssembledToolCall {
        let arguments = match self.arguments.trim() {
            "" => Ok(Value::Object(crate::json::Object::new())),
            text => Value::parse(text).map_err(|error| error.to_string()),
        };
        AssembledToolCall { id: self.id, name: self.name, raw_arguments: self.arguments, arguments }
    }
}
