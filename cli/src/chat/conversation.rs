//! A conversation turn by turn.

use std::sync::Arc;

use samewire::json::{Object, Value, object};
use samewire::{AiProvider, ChatRequest, ContentBlock, Message, Tool};

use super::printer::{Answer, Style, print_answer};
use crate::failure::Failure;

/// What was said so far, and to whom.
pub(super) struct Conversation {
    pub(super) provider: Arc<dyn AiProvider>,
    pub(super) system: String,
    pub(super) tools: Option<Vec<Tool>>,
    pub(super) history: Vec<Message>,
}

impl Conversation {
    /// Says something and prints the answer. A turn that fails is forgotten.
    pub(super) async fn say(&mut self, message: Message, style: Style) -> Result<Answer, Failure> {
        let before = self.history.len();
        self.history.push(message);
        let outcome = self.answer(style).await;
        if outcome.is_err() {
            self.history.truncate(before);
        }
        outcome
    }

    async fn answer(&mut self, style: Style) -> Result<Answer, Failure> {
        let mut request = ChatRequest::new(self.system.clone(), self.history.clone());
        request.tools.clone_from(&self.tools);
        let tokens = self.provider.chat_stream(request).await?;
        let answer = print_answer(tokens, style).await?;
        if let Some(message) = remembered(&answer) {
            self.history.push(message);
        }
        Ok(answer)
    }
}

/// The answer as the conversation's next message; `None` for an empty one, which no service takes back.
fn remembered(answer: &Answer) -> Option<Message> {
    let mut blocks = Vec::new();
    if let Some(signature) = &answer.summary.thought_signature {
        let block = object! { "type": "thoughtSignature", "thoughtSignature": signature.clone() };
        blocks.push(ContentBlock::from(Value::from(block)));
    }
    if !answer.text.is_empty() {
        blocks.push(ContentBlock::text(answer.text.as_str()));
    }
    for call in &answer.calls {
        let input = Value::parse(&call.arguments).unwrap_or_else(|_| Object::new().into());
        blocks.push(ContentBlock::tool_use(call.id.as_str(), call.name.as_str(), input));
    }
    if answer.text.is_empty() && answer.calls.is_empty() {
        return None;
    }
    let message = Message::assistant_blocks(blocks);
    Some(match &answer.summary.reasoning_details {
        Some(details) => message.with("reasoning_details", details.clone()),
        None => message,
    })
}
