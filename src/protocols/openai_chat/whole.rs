//! The answer of a conversation that was not streamed.
//!
//! <https://platform.openai.com/docs/api-reference/chat/object>

use bytes::{Bytes, BytesMut};

use super::completion::parse;
use super::errors::{self, SdkError};
use super::steps;
use crate::driver::WholeResponse;
use crate::json::Object;
use crate::json::javascript::defined;
use crate::protocols::tokens::push_truthy;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary, TokenQueue};
use crate::transport::{Headers, TransportError};
use crate::{Error, StreamToken, Text};

/// Decodes such an answer: tool calls, then text, then usage.
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

    fn push(&mut self, chunk: Bytes, _: &mut TokenQueue) -> Result<Progress, Error> {
        self.body.extend_from_slice(&chunk);
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
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
            return Err(Error::malformed("the body is null"));
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
                token.insert_some(key, defined(node));
            }
            tokens.push_back(StreamToken::from_object(token));
        }
        let content = message.get("content");
        if content.is_truthy() {
            push_truthy("text", content, tokens);
        } else {
            tokens.push_back(StreamToken::Text(Text::new()));
        }
        tokens.push_back(StreamToken::from_object(steps::plain_usage(&root.get("usage").to_value())));
        self.summary.finish_reason = choice.get("finish_reason").as_text();
        self.summary.response_id = root.get("id").as_text();
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err(SdkError::from(errors::interrupted()).wrapped(self.name))
    }

    fn summary(&self) -> StreamSummary {
        self.summary.clone()
    }
}
