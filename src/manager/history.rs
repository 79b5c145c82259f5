//! Makes a history readable for a provider that did not write it.

use std::borrow::Cow;

use crate::Message;
use crate::json::Value;
use crate::request::ChatRequest;
use crate::text::Text;

use crate::registry::Protocol;

/// The request as a provider of that protocol can read it. Nothing changes, not a byte, where nothing is
/// foreign.
///
/// Reasoning is opaque: encrypted or signed by the service that made it. What another service cannot read is
/// dropped, as it would refuse the whole request:
///
/// | part of a message | kept for |
/// | --- | --- |
/// | `thinking`, `redacted_thinking` blocks (signed by Anthropic) | Messages, Converse, unknown |
/// | `thoughtSignature` blocks (Gemini) | Gemini, unknown |
/// | `reasoning` blocks in plain text | all but Messages and Converse |
/// | encrypted reasoning of Responses | Responses, unless `moved` |
/// | `reasoning_details` (OpenRouter and its like) | Chat Completions, unless `moved` |
///
/// `moved` says that the request goes on to another provider than the one asked for: encrypted reasoning is
/// bound to the deployment that made it.
///
/// So much for messages that do not say who wrote them. Where [`Message::origin`] does, the writer gets back all
/// that is its own, and nobody else gets anything signed or encrypted, but for Claude's platforms, which share
/// their signatures: <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>
///
/// Ids of tool calls become ones that every service takes (at most 64 letters, digits, `_` and `-`) for
/// Messages and Converse, which insist, and for everybody once moved; calls and results stay paired, as the
/// new id follows from the old one alone.
pub(super) fn adapt(
    request: &ChatRequest,
    to: Protocol,
    moved: bool,
    author: impl Fn(&Message) -> Author,
) -> Cow<'_, ChatRequest> {
    let rules = |message| Rules { to, moved, author: author(message) };
    if !request.messages.iter().any(|message| rules(message).is_foreign(message.as_json())) {
        return Cow::Borrowed(request);
    }
    let messages =
        request.messages.iter().filter_map(|message| rules(message).message(message.as_json())).collect();
    Cow::Owned(ChatRequest { messages, ..request.clone() })
}

/// Who wrote a message, from where its next reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// The message does not say.
    Unknown,
    /// The next reader itself.
    Reader,
    /// Another platform for Claude.
    Kin,
    /// Another service.
    Stranger,
}

impl Author {
    /// `services` are the registry's ids of writer and reader, where they are known.
    pub(super) fn of(origin: Option<&str>, reader: &str, services: [Option<&str>; 2]) -> Self {
        let shares_signatures =
            |service: Option<&str>| service.is_some_and(|service| CLAUDE_PLATFORMS.contains(&service));
        match origin {
            None => Self::Unknown,
            Some(origin) if origin == reader => Self::Reader,
            Some(_) if services.into_iter().all(shares_signatures) => Self::Kin,
            Some(_) => Self::Stranger,
        }
    }
}

const CLAUDE_PLATFORMS: &[&str] = &["anthropic", "bedrock", "vertex"];

/// How one message is adapted.
#[derive(Clone, Copy)]
struct Rules {
    to: Protocol,
    moved: bool,
    author: Author,
}

impl Rules {
    fn is_foreign(self, message: &Value) -> bool {
        self.drops(message)
            || (message.get("reasoning_details").is_some() && !self.keeps_details())
            || blocks(message).is_some_and(|blocks| {
                blocks.iter().any(|block| self.drops(block) || self.renamed(block).is_some())
            })
    }

    /// `None` when nothing is left of it.
    fn message(self, message: &Value) -> Option<Message> {
        if self.drops(message) {
            return None;
        }
        let mut adapted = message.clone();
        let object = adapted.as_object_mut()?;
        if !self.keeps_details() {
            object.remove("reasoning_details");
        }
        if let Some(blocks) = blocks(message) {
            let kept: Vec<Value> =
                blocks.iter().filter(|block| !self.drops(block)).map(|block| self.block(block)).collect();
            if kept.is_empty() && !blocks.is_empty() {
                return None;
            }
            object.insert("content", Value::Array(kept));
        }
        Some(Message::from(adapted))
    }

    fn block(self, block: &Value) -> Value {
        let mut block = block.clone();
        if let Some((key, id)) = self.renamed(&block)
            && let Some(object) = block.as_object_mut()
        {
            object.insert(key, id);
        }
        block
    }

    /// Whether a block, or a message that is nothing but reasoning, cannot be read there.
    fn drops(self, part: &Value) -> bool {
        let signed = matches!(self.to, Protocol::Messages | Protocol::Converse);
        let kind = part.get("type").and_then(Value::as_str);
        let sealed = match kind {
            Some("thinking" | "redacted_thinking" | "thoughtSignature") => true,
            Some("reasoning") => part.get("encrypted_content").is_some(),
            _ => false,
        };
        match (sealed, self.author) {
            (true, Author::Reader) => return false,
            (true, Author::Stranger) => return true,
            _ => {}
        }
        match kind {
            Some("thinking" | "redacted_thinking") => !signed && self.to != Protocol::Unknown,
            Some("thoughtSignature") => !matches!(self.to, Protocol::Gemini | Protocol::Unknown),
            Some("reasoning") if sealed => {
                self.moved || !matches!(self.to, Protocol::Responses | Protocol::Unknown)
            }
            Some("reasoning") => signed,
            _ => false,
        }
    }

    fn keeps_details(self) -> bool {
        match self.author {
            Author::Reader => true,
            Author::Stranger => false,
            _ => !self.moved && matches!(self.to, Protocol::ChatCompletions | Protocol::Unknown),
        }
    }

    /// The key and the new value of a tool call's id that is not taken everywhere.
    fn renamed(self, block: &Value) -> Option<(&'static str, Text)> {
        if !self.moved && !matches!(self.to, Protocol::Messages | Protocol::Converse) {
            return None;
        }
        let key = match block.get("type")?.as_str()? {
            "tool_use" => "id",
            "tool_result" => "tool_use_id",
            _ => return None,
        };
        Some((key, plain_id(block.get(key)?.as_str()?)?.into()))
    }
}

fn blocks(message: &Value) -> Option<&[Value]> {
    match message.get("content") {
        Some(Value::Array(blocks)) => Some(blocks),
        _ => None,
    }
}

/// The id in letters that every service takes; `None` if it is so already. A checksum keeps ids apart that
/// differ only in what was lost.
fn plain_id(id: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(is_plain) {
        return None;
    }
    let start: String = id.chars().map(|c| if is_plain(c) { c } else { '_' }).take(KEPT_OF_ID).collect();
    Some(format!("{start}_{:08x}", crc32fast::hash(id.as_bytes())))
}

const LONGEST_ID: usize = 64;
const KEPT_OF_ID: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> ChatRequest {
        let messages = [
            r#"{"role":"user","content":"go"}"#,
            r#"{"type":"reasoning","encrypted_content":"gAAA","id":"rs_1","summary":[]}"#,
            r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"I read."},{"type":"tool_use","id":"functions.read:0","name":"read","input":{}},{"type":"thoughtSignature","thoughtSignature":"t"}],"reasoning_details":[{"type":"reasoning.encrypted"}]}"#,
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"functions.read:0","content":"text"}]}"#,
            r#"{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]}"#,
        ];
        ChatRequest::new("", messages.map(|json| Message::from(Value::parse(json).unwrap())))
    }

    fn nobody_knows(_: &Message) -> Author {
        Author::Unknown
    }

    #[test]
    fn a_writer_gets_its_own_back_and_strangers_nothing_sealed() {
        let history = history();
        let adapted = |to, author| types(&adapt(&history, to, true, |_| author));
        assert_eq!(adapted(Protocol::Messages, Author::Reader), types(&history), "even when the call moved");
        assert_eq!(adapted(Protocol::Messages, Author::Stranger), "text text+tool_use tool_result");
        assert_eq!(
            adapted(Protocol::Converse, Author::Kin),
            "text thinking+text+tool_use tool_result redacted_thinking"
        );
        let services = |writer, reader| Author::of(Some("one"), "two", [Some(writer), Some(reader)]);
        assert_eq!(services("anthropic", "bedrock"), Author::Kin);
        assert_eq!(services("minimax", "anthropic"), Author::Stranger, "it signs in Anthropic's form");
        assert_eq!(Author::of(Some("one"), "one", [None, None]), Author::Reader);
        assert_eq!(Author::of(None, "one", [None, None]), Author::Unknown);
    }

    fn types(request: &ChatRequest) -> String {
        let types = request.messages.iter().map(|message| match message.content() {
            Some(Value::Array(blocks)) => {
                let types = blocks.iter().map(|block| block.get("type").unwrap().as_str().unwrap());
                types.collect::<Vec<_>>().join("+")
            }
            Some(_) => "text".into(),
            None => "item".into(),
        });
        types.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_protocol_gets_what_it_reads() {
        let history = history();
        let adapted = |to| types(&adapt(&history, to, true, nobody_knows));
        assert_eq!(adapted(Protocol::Messages), "text thinking+text+tool_use tool_result redacted_thinking");
        assert_eq!(adapted(Protocol::ChatCompletions), "text text+tool_use tool_result");
        assert_eq!(adapted(Protocol::Gemini), "text text+tool_use+thoughtSignature tool_result");
        let at_home = adapt(&history, Protocol::Responses, false, nobody_knows);
        assert_eq!(types(&at_home), "text item text+tool_use tool_result");
    }

    #[test]
    fn tool_ids_stay_paired() {
        let history = history();
        let adapted = adapt(&history, Protocol::Messages, true, nobody_knows);
        let call = adapted.messages[1].content().unwrap().at(2).unwrap().get("id").unwrap().clone();
        let result = adapted.messages[2].content().unwrap().at(0).unwrap().get("tool_use_id").unwrap();
        assert_eq!(&call, result);

        assert!(call.as_str().unwrap().starts_with("functions_read_0_"));
        assert_ne!(plain_id("a.b"), plain_id("a:b"));
        assert!(plain_id(&"x".repeat(65)).unwrap().len() <= 64);
        assert_eq!(plain_id("call_1"), None);
    }

    #[test]
    fn a_familiar_history_is_not_touched() {
        let request = ChatRequest::new("", [Message::user("hi"), Message::assistant("hello")]);
        assert!(matches!(adapt(&request, Protocol::Messages, true, nobody_knows), Cow::Borrowed(_)));
    }
}
