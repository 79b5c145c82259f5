//! A conversation as one prompt, for programs that take nothing else.

use crate::Message;
use crate::json::Value;

/// What is said in these messages: one message as it is, several as a transcript.
pub(super) fn of_messages(messages: &[Message]) -> String {
    if let [message] = messages {
        return text_of(message.content());
    }
    let turn = |message: &Message| {
        let who = if message.role() == "assistant" { "Assistant" } else { "User" };
        format!("{who}: {}", text_of(message.content()))
    };
    messages.iter().map(turn).collect::<Vec<_>>().join("\n\n")
}

/// The same with the system prompt in front, where the program has no other place for it.
pub(super) fn with_system(system: &str, messages: &[Message]) -> String {
    let said = of_messages(messages);
    if system.trim().is_empty() { said } else { format!("{system}\n\n{said}") }
}

/// The images in these messages, as blocks.
pub(super) fn images(messages: &[Message]) -> impl Iterator<Item = &Value> {
    let blocks = messages.iter().filter_map(|message| message.content()?.as_array()).flatten();
    blocks.filter(|block| kind(block) == "image")
}

fn text_of(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.to_string(),
        Some(Value::Array(blocks)) => blocks.iter().filter_map(block).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

/// A block in words; thoughts and images have none.
fn block(block: &Value) -> Option<String> {
    let field = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match kind(block) {
        "text" => Some(field("text").to_owned()),
        "tool_use" => {
            let input = block.get("input").map(Value::to_json).unwrap_or_default();
            Some(format!("[called the tool {} with {input}]", field("name")))
        }
        "tool_result" => Some(format!("[the tool's result: {}]", text_of(block.get("content")))),
        _ => None,
    }
}

fn kind(block: &Value) -> &str {
    block.get("type").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContentBlock;
    use crate::json::object;

    #[test]
    fn one_question_stays_as_it_is() {
        assert_eq!(of_messages(&[Message::user("What is 2+2?")]), "What is 2+2?");
        assert_eq!(with_system("Be brief.", &[Message::user("Hi")]), "Be brief.\n\nHi");
    }

    #[test]
    fn a_conversation_becomes_a_transcript() {
        let messages = [
            Message::user("Read it"),
            Message::assistant_blocks([
                ContentBlock::text("Yes."),
                ContentBlock::tool_use("1", "read", object! { "path": "a" }),
            ]),
            Message::user_blocks([
                ContentBlock::tool_result("1", "the text"),
                ContentBlock::image("image/png", "AA=="),
            ]),
        ];
        assert_eq!(
            of_messages(&messages),
            "User: Read it\n\nAssistant: Yes.\n[called the tool read with {\"path\":\"a\"}]\n\n\
             User: [the tool's result: the text]"
        );
        assert_eq!(images(&messages).count(), 1);
    }
}
