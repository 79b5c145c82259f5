//! An answer that came whole, not as a stream.
//!
//! <https://platform.openai.com/docs/api-reference/chat/object>

use bytes::{Bytes, BytesMut};

use super::ChatSpec;
use super::decode::Tokens;
use super::errors::{self, SdkError, malformed};
use super::steps;
use crate::driver::WholeResponse;
use crate::json::{Document, Node, Object, Value};
use crate::response::CompletionResponse;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary};
use crate::transport::{Headers, TransportError};
use crate::{Error, StreamToken, Text};

/// Decodes the answer of a conversation that was not streamed: tool calls, then text, then usage.
pub(crate) struct WholeDecoder {
    name: &'static str,
    status: u16,
    headers: Headers,
    body: BytesMut,
    summary: StreamSummary,
}

impl WholeDecoder {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            status: 200,
            headers: Headers::new(),
            body: BytesMut::new(),
            summary: StreamSummary::default(),
        }
    }
}

impl Decode for WholeDecoder {
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        self.status = head.status;
        self.headers = head.headers.clone();
        Ok(())
    }

    fn push(&mut self, chunk: Bytes, _: &mut Tokens) -> Result<Progress, Error> {
        self.body.extend_from_slice(&chunk);
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut Tokens) -> Result<Progress, Error> {
        let response = WholeResponse {
            status: self.status,
            reason: Text::new(),
            headers: std::mem::take(&mut self.headers),
            url: String::new(),
            body: std::mem::take(&mut self.body).freeze(),
        };
        // The wrapper of the handlers covers the request and the JSON, but not what is in it.
        let document = parse(&response).map_err(|error| SdkError::from(error).wrapped(self.name))?;
        let root = document.root();
        if root.is_null() {
            return Err(malformed("the body is null"));
        }
        let choice = root.get("choices").at(0);
        let message = choice.get("message");
        for call in message.get("tool_calls").items().filter(|call| call.get("type").str_eq("function")) {
            let function = call.get("function");
            let mut token = Object::with_capacity(4);
            token.insert("type", "tool_call");
            for (key, node) in [
                ("id", call.get("id")),
                ("name", function.get("name")),
                ("arguments", function.get("arguments")),
            ] {
                token.insert_some(key, steps::defined(node));
            }
            tokens.push_back(StreamToken::from_object(token));
        }
        let content = message.get("content");
        if content.is_truthy() {
            steps::push_truthy("text", content, tokens);
        } else {
            tokens.push_back(StreamToken::Text(Text::new()));
        }
        tokens.push_back(StreamToken::from_object(steps::plain_usage(&root.get("usage").to_value())));
        self.summary.finish_reason = choice.get("finish_reason").as_text();
        self.summary.response_id = root.get("id").as_text();
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut Tokens) -> Result<Progress, Error> {
        Err(SdkError::from(errors::interrupted()).wrapped(self.name))
    }

    fn summary(&self) -> StreamSummary {
        self.summary.clone()
    }
}

/// The answer's JSON, as the SDK reads it: by content type, `null` for an empty 204, and plain text as a
/// JSON string in which handlers find nothing.
pub(crate) fn parse(response: &WholeResponse) -> Result<Document, Error> {
    let mut document = Document::new();
    let text = response.shared_text();
    let source = if response.status == 204 {
        Text::from_static("null")
    } else if response.is_json() {
        text.slice(text.strip_prefix('\u{feff}').unwrap_or(&text))
    } else {
        Value::from(text).to_json().into()
    };
    document.parse(source)?;
    Ok(document)
}

/// The text of a completion as the base class finds it, after a look for errors in disguise.
pub(crate) fn checked_text(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    steps::base_resp(spec.name, root)?;
    text(spec, root)
}

/// The text of a completion where the reference reads `choices` without a question mark.
pub(crate) fn text_of_required_choices(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    if root.get("choices").is_nullish() {
        return Err(malformed("there are no `choices`"));
    }
    text(spec, root)
}

/// The same where the message may be missing.
pub(crate) fn text_of_optional_message(spec: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    let choices = root.get("choices");
    if !choices.is_nullish() && choices.at(0).get("message").is_nullish() {
        return Ok(CompletionResponse::default());
    }
    text_of_required_choices(spec, root)
}

/// The text of a completion: `choices[0].message.content`, empty where there is none.
pub(crate) fn text(_: &ChatSpec, root: Node<'_>) -> Result<CompletionResponse, Error> {
    if root.is_null() {
        return Err(malformed("the body is null"));
    }
    let choice = root.get("choices").at(0);
    let message = choice.get("message");
    if !choice.is_nullish() && message.is_nullish() {
        return Err(malformed("`choices[0]` has no message"));
    }
    let content = message.get("content");
    Ok(match content.as_text() {
        Some(text) => text.into(),
        None if content.is_truthy() => {
            CompletionResponse { text: Text::new(), irregular: Some(content.to_value()) }
        }
        None => Text::new().into(),
    })
}
