//! Events of a streamed message to tokens.

use bytes::Bytes;

use super::errors;
use crate::catalog::cost::{self, Tokens as Counts};
use crate::frames::{LentEvent, SseDecoder, SseDialect};
use crate::json::javascript::{defined, or_zero, to_number};
use crate::json::{Document, Node, Object, Repetition, Value};
use crate::model::Model;
use crate::protocols::tokens::{partial_of, usage_object};
use crate::stream::{Decode, Progress, StreamSummary, TokenQueue};
use crate::token::StreamToken;
use crate::transport::TransportError;
use crate::{Error, Text};

/// How a provider reports token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Counts as they come, and a last token with the cost of what the first event counted.
    WithCost,
    /// Counts that are null or missing are 0; no cost.
    WithoutCost,
}

/// The event names that the SDK parses; others are skipped unread.
const PARSED_EVENTS: &[&str] = &[
    "message_start",
    "message_delta",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "completion",
];

pub(crate) struct MessageDecoder {
    events: SseDecoder,
    reader: MessageReader,
}

/// What is done with each event.
struct MessageReader {
    document: Document,
    /// The last deltas of text and of thinking.
    text: Repetition,
    thinking: Repetition,
    counting: Counting,
    model: Model,
    counted: Counts,
    summary: StreamSummary,
}

impl MessageDecoder {
    pub(crate) fn new(model: Model, counting: Counting) -> Self {
        let reader = MessageReader {
            document: Document::new(),
            text: Repetition::default(),
            thinking: Repetition::default(),
            counting,
            model,
            counted: Counts::default(),
            summary: StreamSummary::default(),
        };
        Self { events: SseDecoder::new(SseDialect::BomKept), reader }
    }

    fn drain(&mut self, tokens: &mut TokenQueue) -> Result<(), Error> {
        while let Some(event) = self.events.next_lent() {
            let event = event.map_err(|error| Error::invalid_response(error.to_string()))?;
            self.reader.event(event, tokens)?;
        }
        Ok(())
    }

    /// One event's data, framed in another way.
    pub(crate) fn message(&mut self, data: &Bytes, tokens: &mut TokenQueue) -> Result<(), Error> {
        self.reader.message(data, data, tokens)
    }
}

impl MessageReader {
    fn event(&mut self, event: LentEvent<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
        let name = event.name().unwrap_or_default();
        if name == "error" {
            return Err(errors::in_stream(event.text(event.data())));
        }
        if !PARSED_EVENTS.contains(&name) {
            return Ok(());
        }
        // The event's name decides whether it is read, the type inside what it means.
        self.message(event.data(), event.buffer(), tokens)
    }

    /// One event's data, which is a slice of `buffer`.
    fn message(&mut self, data: &[u8], buffer: &Bytes, tokens: &mut TokenQueue) -> Result<(), Error> {
        if let Some(text) = self.text.content(data, buffer) {
            tokens.push_back(StreamToken::Text(text));
            return Ok(());
        }
        if let Some(text) = self.thinking.content(data, buffer) {
            tokens.push_back(StreamToken::Reasoning(text));
            return Ok(());
        }
        let Self { document, counting, counted, summary, .. } = self;
        let event = document.parse(Text::part_of(buffer, data))?;
        if event.is_null() {
            return Err(Error::malformed("an event is null"));
        }
        let kind = event.get("type");
        if kind.str_eq("content_block_delta") {
            let known = tokens.len();
            delta(event, tokens)?;
            let delta = event.get("delta");
            // A delta that gave nothing is no pattern, whatever came before it.
            match tokens.get(known) {
                Some(StreamToken::Text(_)) => self.text.learn(delta.get("text"), None),
                Some(StreamToken::Reasoning(_)) => self.thinking.learn(delta.get("thinking"), None),
                _ => {}
            }
            Ok(())
        } else if kind.str_eq("content_block_start") {
            block_start(event, tokens)
        } else if kind.str_eq("message_start") {
            message_start(event, *counting, counted, summary, tokens)
        } else if kind.str_eq("message_delta") {
            message_delta(event, summary, tokens)
        } else {
            Ok(())
        }
    }
}

impl Decode for MessageDecoder {
    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.push(chunk);
        self.drain(tokens)?;
        self.reader.document.clear();
        Ok(Progress::More)
    }

    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        self.events.finish();
        self.drain(tokens)?;
        let Counts { input, output, cache_writes, cache_reads } = self.reader.counted;
        let any = [input, output, cache_writes, cache_reads].iter().any(|count| *count > 0.0);
        if self.reader.counting == Counting::WithCost && any {
            let mut token = usage_object(0.0.into(), 0.0.into());
            token.insert("totalCost", cost::anthropic_style(self.reader.model.info(), self.reader.counted));
            tokens.push_back(StreamToken::from_object(token));
        }
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, cause: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err(errors::interrupted(cause))
    }

    fn summary(&self) -> StreamSummary {
        self.reader.summary.clone()
    }
}

fn message_start(
    event: Node<'_>,
    counting: Counting,
    counted: &mut Counts,
    summary: &mut StreamSummary,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    let message = event.get("message");
    let usage = message.get("usage");
    if usage.is_nullish() {
        return Err(Error::malformed("`message_start` has no usage"));
    }
    summary.response_id = message.get("id").to_text();
    let count = |key: &str| match (counting, defined(usage.get(key))) {
        (Counting::WithoutCost, value) => or_zero(value.as_ref()),
        (Counting::WithCost, value) => value.unwrap_or(Value::Number(0.0)),
    };
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    let cached = |key: &str| defined(usage.get(key)).filter(Value::is_truthy);
    let (writes, reads) = (cached("cache_creation_input_tokens"), cached("cache_read_input_tokens"));
    counted.input += to_number(&input);
    counted.output += to_number(&output);
    counted.cache_writes += writes.as_ref().map_or(0.0, to_number);
    counted.cache_reads += reads.as_ref().map_or(0.0, to_number);
    let mut token = usage_object(input, output);
    token.insert_some("cacheWriteTokens", writes);
    token.insert_some("cacheReadTokens", reads);
    let mut token = StreamToken::from_object(token);
    if let StreamToken::Usage(counts) = &mut token {
        let hour = usage.get("cache_creation").get("ephemeral_1h_input_tokens").as_f64();
        counts.hour_cache_write_tokens = hour.filter(|count| *count > 0.0).map(|count| count as u64);
    }
    tokens.push_back(token);
    Ok(())
}

fn message_delta(event: Node<'_>, summary: &mut StreamSummary, tokens: &mut TokenQueue) -> Result<(), Error> {
    let usage = event.get("usage");
    if usage.is_nullish() {
        return Err(Error::malformed("`message_delta` has no usage"));
    }
    if let Some(reason) = event.get("delta").get("stop_reason").to_text() {
        summary.finish_reason = Some(reason);
    }
    let output = or_zero(defined(usage.get("output_tokens")).as_ref());
    tokens.push_back(StreamToken::from_object(usage_object(0.0.into(), output)));
    Ok(())
}

fn block_start(event: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let block = event.get("content_block");
    if block.is_nullish() {
        return Err(Error::malformed("`content_block_start` has no block"));
    }
    let kind = block.get("type");
    // Blocks after the first start on a line of their own.
    let continues = event.get("index").as_f64().is_some_and(|index| index > 0.0);
    if kind.str_eq("text") {
        if continues {
            tokens.push_back(StreamToken::Text(Text::from_static("\n")));
        }
        tokens.push_back(piece("text", block.get("text")));
    } else if kind.str_eq("thinking") {
        if continues {
            tokens.push_back(StreamToken::Reasoning(Text::from_static("\n")));
        }
        tokens.push_back(piece("reasoning", block.get("thinking")));
    } else if kind.str_eq("tool_use") {
        tokens.push_back(partial_of(
            event.get("index"),
            block.get("id"),
            block.get("name"),
            Node::undefined(),
        ));
    }
    Ok(())
}

fn delta(event: Node<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    let delta = event.get("delta");
    if delta.is_nullish() {
        return Err(Error::malformed("`content_block_delta` has no delta"));
    }
    let kind = delta.get("type");
    if kind.str_eq("text_delta") {
        tokens.push_back(piece("text", delta.get("text")));
    } else if kind.str_eq("thinking_delta") {
        tokens.push_back(piece("reasoning", delta.get("thinking")));
    } else if kind.str_eq("input_json_delta") {
        let undefined = Node::undefined();
        tokens.push_back(partial_of(event.get("index"), undefined, undefined, delta.get("partial_json")));
    }
    Ok(())
}

/// A text or reasoning token, also for a value that is no text.
fn piece(kind: &'static str, node: Node<'_>) -> StreamToken {
    match (kind, node.as_text()) {
        ("text", Some(text)) => StreamToken::Text(text),
        (_, Some(text)) => StreamToken::Reasoning(text),
        (_, None) => {
            let mut token = Object::with_capacity(2);
            token.insert("type", kind);
            token.insert_some("text", defined(node));
            StreamToken::Irregular(token)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of these deltas, all in one chunk.
    fn tokens(deltas: &[&str]) -> Vec<StreamToken> {
        let event = |delta: &&str| {
            let data = format!(r#"{{"type":"content_block_delta","index":0,"delta":{delta}}}"#);
            format!("event: content_block_delta\ndata: {data}\n\n")
        };
        let body: String = deltas.iter().map(event).collect::<Vec<_>>().concat();
        let mut decoder = MessageDecoder::new(Model::without_info("m"), Counting::WithoutCost);
        let mut tokens = TokenQueue::new();
        decoder.push(body.into(), &mut tokens).unwrap();
        tokens.into()
    }

    #[test]
    fn deltas_that_repeat_give_what_they_gave_and_silent_ones_stay_silent() {
        let text = |text: &'static str| StreamToken::Text(Text::from_static(text));
        let spoken = tokens(&[
            r#"{"type":"text_delta","text":"a"}"#,
            r#"{"type":"text_delta","text":"b\n"}"#,
            r#"{"type":"signature_delta","signature":"s","text":"not said"}"#,
            r#"{"type":"signature_delta","signature":"s","text":"nor this"}"#,
            r#"{"type":"thinking_delta","thinking":"c"}"#,
            r#"{"type":"thinking_delta","thinking":"d"}"#,
            r#"{"type":"text_delta","text":""}"#,
        ]);
        let thought = |text: &'static str| StreamToken::Reasoning(Text::from_static(text));
        assert_eq!(spoken, [text("a"), text("b\n"), thought("c"), thought("d"), text("")]);
    }
}
