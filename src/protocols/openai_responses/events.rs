//! The events that both readers understand, and what is remembered between them.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use super::usage;
use crate::json::javascript::defined;
use crate::json::{Node, Object, Value};
use crate::model::Model;
use crate::protocols::tokens::push_truthy;
use crate::stream::{StreamSummary, TokenQueue};
use crate::token::{Field, ToolCall, ToolCallPartial};
use crate::{StreamToken, Text};

/// What a conversation's readers know: it outlives the first of them if the second is needed.
pub(super) struct Memory {
    model: Model,
    requested_tier: Option<Text>,
    served_tier: Option<Text>,
    /// The call that was announced last: its id, and its name if there was one.
    pending: Option<(Text, Option<Text>)>,
    pub(super) summary: StreamSummary,
}

/// Whether an event was understood.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Handled {
    Yes,
    No,
}

impl Memory {
    pub(super) fn new(model: Model, requested_tier: Option<Text>) -> Self {
        Self { model, requested_tier, served_tier: None, pending: None, summary: StreamSummary::default() }
    }

    /// Remembers what the event says about the response as a whole.
    pub(super) fn note(&mut self, event: Node<'_>) {
        let response = event.get("response");
        if response.is_nullish() {
            return;
        }
        if let Some(tier) = response.get("service_tier").as_text().filter(|tier| !tier.is_empty()) {
            self.served_tier = Some(tier);
        }
        if response.get("output").is_array() {
            self.summary.encrypted_reasoning = encrypted_reasoning(response.get("output"));
        }
        if let Some(id) = response.get("id").to_text().filter(|id| !id.is_empty()) {
            self.summary.response_id = Some(id);
        }
        let reason = response.get("incomplete_details").get("reason").to_text();
        let status = response.get("status").to_text().filter(|status| *status != "in_progress");
        if let Some(reason) = reason.or(status) {
            self.summary.finish_reason = Some(reason);
        }
    }

    /// Gives the tokens of an event that every reader understands.
    pub(super) fn event(&mut self, event: Node<'_>, tokens: &mut TokenQueue) -> Handled {
        let kind = event.get("type").as_cow().unwrap_or_default();
        let delta = event.get("delta");
        match &*kind {
            "response.output_text.delta" | "response.text.delta" => push_truthy("text", delta, tokens),
            "response.reasoning.delta"
            | "response.reasoning_text.delta"
            | "response.reasoning_summary.delta"
            | "response.reasoning_summary_text.delta" => push_truthy("reasoning", delta, tokens),
            "response.refusal.delta" => {
                if delta.is_truthy() {
                    let words = delta.as_text().map_or_else(|| delta.to_json(), |text| text.to_string());
                    tokens.push_back(StreamToken::Text(format!("[Refusal] {words}").into()));
                }
            }
            "response.function_call_arguments.delta" | "response.tool_call_arguments.delta" => {
                self.arguments(event, tokens);
            }
            "response.function_call_arguments.done" | "response.tool_call_arguments.done" => {}
            "response.output_item.added" => self.item_added(event.get("item"), tokens),
            "response.output_item.done" => self.item_done(event.get("item"), tokens),
            "response.completed" | "response.done" => {
                let usage = or(event.get("response").get("usage"), || event.get("usage"));
                self.usage(usage, tokens);
            }
            _ => return Handled::No,
        }
        Handled::Yes
    }

    pub(super) fn usage(&self, usage: Node<'_>, tokens: &mut TokenQueue) {
        let tier = self.served_tier.as_deref().or(self.requested_tier.as_deref());
        tokens.extend(usage::token(usage, self.model.info(), tier));
    }

    /// A piece of a call's arguments; without an identity of its own it belongs to the call announced last.
    fn arguments(&self, event: Node<'_>, tokens: &mut TokenQueue) {
        let pending_id = || self.pending.as_ref().map(|(id, _)| id.clone());
        let pending_name = || self.pending.as_ref().and_then(|(_, name)| name.clone());
        let id = truthy(event, &["call_id", "tool_call_id", "id"]).map_or_else(pending_id, Node::as_text);
        let name = truthy(event, &["name", "function_name"]).map_or_else(pending_name, Node::as_text);
        let (Some(id), Some(name)) = (id, name.filter(|name| !name.is_empty())) else { return };
        let index = event.get("index");
        let arguments = or(event.get("delta"), || event.get("arguments"));
        let whole = if index.is_nullish() { Some(0.0) } else { index.as_f64() };
        let whole = whole.filter(|index| index.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(index));
        let text = arguments.as_text();
        if let (Some(index), true) = (whole, text.is_some() || arguments.is_undefined()) {
            tokens.push_back(StreamToken::ToolCallPartial(ToolCallPartial {
                index: Field::Value(index as u64),
                id: Field::Value(id),
                name: Field::Value(name),
                arguments: Field::of(text),
            }));
            return;
        }
        let mut token = Object::with_capacity(5);
        token.insert("type", "tool_call_partial");
        token.insert("index", whole.map_or_else(|| index.to_value(), Value::from));
        token.insert("id", id);
        token.insert("name", name);
        token.insert_some("arguments", defined(arguments));
        tokens.push_back(StreamToken::from_object(token));
    }

    fn item_added(&mut self, item: Node<'_>, tokens: &mut TokenQueue) {
        self.announce(item);
        let kind = item.get("type");
        if kind.str_eq("text") {
            push_truthy("text", item.get("text"), tokens);
        } else if kind.str_eq("reasoning") {
            push_truthy("reasoning", item.get("text"), tokens);
        } else if kind.str_eq("message") {
            for part in item.get("content").items() {
                if part.get("type").str_eq("text") || part.get("type").str_eq("output_text") {
                    push_truthy("text", part.get("text"), tokens);
                }
            }
        }
    }

    fn item_done(&mut self, item: Node<'_>, tokens: &mut TokenQueue) {
        self.announce(item);
        let Some(id) = call_id(item) else { return };
        let name = call_name(item).map_or_else(|| Value::from(""), Node::to_value);
        let function = item.get("function");
        let arguments = truthy(item, &["arguments"])
            .or_else(|| truthy(function, &["arguments"]))
            .or_else(|| truthy(item, &["function_arguments"]))
            .and_then(Node::as_text)
            .unwrap_or(Text::from_static("{}"));
        if let (Some(id), Value::String(name)) = (id.as_text(), &name) {
            tokens.push_back(StreamToken::ToolCall(ToolCall {
                id: Field::Value(id),
                name: Field::Value(name.clone()),
                arguments: Field::Value(arguments),
            }));
            return;
        }
        let mut token = Object::with_capacity(4);
        token.insert("type", "tool_call");
        token.insert("id", id.to_value());
        token.insert("name", name);
        token.insert("arguments", arguments);
        tokens.push_back(StreamToken::from_object(token));
    }

    /// Remembers the identity of a call for pieces that come without one.
    fn announce(&mut self, item: Node<'_>) {
        if let Some(id) = call_id(item).and_then(Node::as_text) {
            self.pending = Some((id, call_name(item).and_then(Node::as_text)));
        }
    }
}

/// The id of an item that is a call.
fn call_id(item: Node<'_>) -> Option<Node<'_>> {
    let is_call = item.get("type").str_eq("function_call") || item.get("type").str_eq("tool_call");
    truthy(item, &["call_id", "tool_call_id", "id"]).filter(|_| is_call)
}

fn call_name(item: Node<'_>) -> Option<Node<'_>> {
    truthy(item, &["name"])
        .or_else(|| truthy(item.get("function"), &["name"]))
        .or_else(|| truthy(item, &["function_name"]))
}

/// The first of these keys whose value JavaScript takes for true.
fn truthy<'a>(node: Node<'a>, keys: &[&str]) -> Option<Node<'a>> {
    keys.iter().map(|key| node.get(key)).find(|value| value.is_truthy())
}

/// JavaScript's `first || second`.
fn or<'a>(first: Node<'a>, second: impl FnOnce() -> Node<'a>) -> Node<'a> {
    if first.is_truthy() { first } else { second() }
}

/// What must travel back with the next turn so that the model can go on with its thoughts.
fn encrypted_reasoning(output: Node<'_>) -> Option<Value> {
    let is_encrypted =
        |item: &Node<'_>| item.get("type").str_eq("reasoning") && item.get("encrypted_content").is_truthy();
    let item = output.items().find(is_encrypted)?;
    let mut encrypted = Object::with_capacity(2);
    encrypted.insert("encrypted_content", item.get("encrypted_content").to_value());
    encrypted.insert_some("id", Some(item.get("id")).filter(|id| id.is_truthy()).map(Node::to_value));
    Some(encrypted.into())
}
