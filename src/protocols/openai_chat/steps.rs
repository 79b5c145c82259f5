//! What providers do with the events of a stream, as steps that they list in their order.

use super::decode::{ChatState, Event};
use crate::catalog::cost::{self, Tokens as Counts};
use crate::json::javascript::{defined, display, is_space, joined, or_zero, to_number};
use crate::json::{Node, Object, Value};
use crate::protocols::tokens::{partial_of, push_truthy, usage_object};
use crate::stream::TokenQueue;
use crate::think::{Piece, PieceKind};
use crate::{Error, StreamToken};

// ---- text and reasoning ----

/// `choices` must be there, as where the reference reads it without a question mark.
pub(crate) fn require_choices(_: &mut ChatState, event: Event<'_>, _: &mut TokenQueue) -> Result<(), Error> {
    if event.root.get("choices").is_nullish() {
        return Err(Error::malformed("an event has no `choices`"));
    }
    Ok(())
}

/// Content as text, whatever is in it.
pub(crate) fn plain_text(_: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    push_truthy("text", event.delta.get("content"), tokens);
    Ok(())
}

/// Content through the matcher of `<think>` tags.
pub(crate) fn text_with_think_tags(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    let content = event.delta.get("content");
    if !content.is_truthy() {
        return Ok(());
    }
    let text = match content.as_text() {
        Some(text) => text,
        None if content.is_array() => joined(content),
        None => return Err(Error::malformed("`content` is neither text nor a list")),
    };
    let pieces = state.tags.push(&text);
    tokens.extend(pieces.into_iter().map(token_of));
    Ok(())
}

/// What the tag matcher still holds.
pub(crate) fn flush_think_tags(state: &mut ChatState, tokens: &mut TokenQueue) {
    let pieces = state.tags.finish();
    tokens.extend(pieces.into_iter().map(token_of));
}

fn token_of(piece: Piece) -> StreamToken {
    match piece.kind {
        PieceKind::Text => StreamToken::Text(piece.text),
        PieceKind::Reasoning => StreamToken::Reasoning(piece.text),
    }
}

/// `reasoning_content`, if there is something in it.
pub(crate) fn reasoning_content(
    _: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    require_keyed_delta(event)?;
    push_truthy("reasoning", event.delta.get("reasoning_content"), tokens);
    Ok(())
}

/// As [`reasoning_content`], where the reference looks for the key in whatever the delta is.
pub(crate) fn reasoning_content_in(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    let delta = event.delta;
    if delta.is_nullish() || delta.is_object() || delta.is_array() {
        return reasoning_content(state, event, tokens);
    }
    Err(Error::malformed("`delta` is no object"))
}

/// Fails for a delta in which keys cannot be looked for, such as text.
fn require_keyed_delta(event: Event<'_>) -> Result<(), Error> {
    let delta = event.delta;
    if delta.is_truthy() && !delta.is_object() && !delta.is_array() {
        return Err(Error::malformed("`delta` is no object"));
    }
    Ok(())
}

/// The first of `reasoning_content` and `reasoning` that is there, unless it is blank.
pub(crate) fn first_reasoning_key(
    _: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    require_keyed_delta(event)?;
    let present = ["reasoning_content", "reasoning"].into_iter().map(|key| event.delta.get(key));
    let Some(reasoning) = present.into_iter().find(|node| !node.is_undefined()) else { return Ok(()) };
    match reasoning.as_text() {
        Some(text) if !text.trim_matches(is_space).is_empty() => {
            tokens.push_back(StreamToken::Reasoning(text));
        }
        None if reasoning.is_truthy() => return Err(Error::malformed("reasoning is not text")),
        _ => {}
    }
    Ok(())
}

// ---- tool calls ----

/// Fragments of tool calls.
pub(crate) fn tool_calls(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    require_call_list(event)?;
    push_tool_calls(state, event, tokens)
}

/// As [`tool_calls`], where the reference looks for the key first and passes over anything but a list.
pub(crate) fn listed_tool_calls(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    require_keyed_delta(event)?;
    push_tool_calls(state, event, tokens)
}

fn push_tool_calls(state: &mut ChatState, event: Event<'_>, tokens: &mut TokenQueue) -> Result<(), Error> {
    for entry in event.delta.get("tool_calls").items() {
        if entry.is_nullish() {
            return Err(Error::malformed("an entry of `tool_calls` is null"));
        }
        let token = partial(entry);
        if let (Some(tracker), StreamToken::ToolCallPartial(part)) = (&mut state.tracker, &token) {
            tracker.push(part);
        }
        tokens.push_back(token);
    }
    Ok(())
}

/// Fails for `tool_calls` that hold something but are no list.
fn require_call_list(event: Event<'_>) -> Result<(), Error> {
    let calls = event.delta.get("tool_calls");
    if calls.is_truthy() && !calls.is_array() {
        return Err(Error::malformed("`tool_calls` is no list"));
    }
    Ok(())
}

/// Fragments of tool calls, whose ids are remembered for [`end_own_calls`].
pub(crate) fn tool_calls_remembered(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    require_call_list(event)?;
    for entry in event.delta.get("tool_calls").items() {
        if entry.is_nullish() {
            return Err(Error::malformed("an entry of `tool_calls` is null"));
        }
        if entry.get("id").is_truthy() {
            let id = entry.get("id").to_value();
            if !state.tool_ids.contains(&id) {
                state.tool_ids.push(id);
            }
        }
        tokens.push_back(partial(entry));
    }
    Ok(())
}

/// The finish reason `tool_calls` ends the calls remembered.
pub(crate) fn end_own_calls(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    if event.choice.get("finish_reason").str_eq("tool_calls") {
        let end = |id| StreamToken::from_object(crate::json::object! { "type": "tool_call_end", "id": id });
        tokens.extend(state.tool_ids.drain(..).map(end));
    }
    Ok(())
}

/// The finish reason `tool_calls` ends the calls that the reader's tracker knows.
pub(crate) fn end_tracked_calls(
    state: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    if let Some(tracker) = &mut state.tracker {
        let reason = event.choice.get("finish_reason").as_cow();
        tokens.extend(tracker.finish_reason(reason.as_deref()));
    }
    Ok(())
}

/// An entry of `tool_calls` as a token; fields of odd types are kept as they came.
pub(crate) fn partial(entry: Node<'_>) -> StreamToken {
    let function = entry.get("function");
    partial_of(entry.get("index"), entry.get("id"), function.get("name"), function.get("arguments"))
}

// ---- usage ----

/// Keeps the usage object; the last one wins.
pub(crate) fn keep_usage(state: &mut ChatState, event: Event<'_>, _: &mut TokenQueue) -> Result<(), Error> {
    let usage = event.root.get("usage");
    if usage.is_truthy() {
        state.usage = Some(usage.to_value());
    }
    Ok(())
}

/// A usage token for each event that has usage, without cache counts.
pub(crate) fn usage_at_once(
    _: &mut ChatState,
    event: Event<'_>,
    tokens: &mut TokenQueue,
) -> Result<(), Error> {
    let usage = event.root.get("usage");
    if usage.is_truthy() {
        let count = |key: &str| or_zero(defined(usage.get(key)).as_ref());
        let token = usage_object(count("prompt_tokens"), count("completion_tokens"));
        tokens.push_back(StreamToken::from_object(token));
    }
    Ok(())
}

/// Usage with the cache counts of `prompt_tokens_details` as they came, zero and null included.
pub(crate) fn usage_with_detail_counts(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let details = usage.get("prompt_tokens_details");
    let detail = |key: &str| details.and_then(|details| details.get(key)).cloned();
    let mut token =
        usage_object(or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
    token.insert_some("cacheWriteTokens", detail("cache_miss_tokens"));
    token.insert_some("cacheReadTokens", detail("cached_tokens"));
    tokens.push_back(StreamToken::from_object(token));
}

/// Usage of the base class: cached tokens from `prompt_tokens_details`, cost from the model's prices.
pub(crate) fn usage_with_cost(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    let details = usage.get("prompt_tokens_details");
    let detail = |key: &str| or_zero(details.and_then(|details| details.get(key)));
    let token =
        priced_usage(state, &usage, [detail("cache_write_tokens"), detail("cached_tokens")], Zeros::LeftOut);
    tokens.push_back(token);
}

/// What becomes of cache counts that are zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zeros {
    Kept,
    LeftOut,
}

/// A usage token with cache writes and reads, and the cost by the model's prices.
pub(crate) fn priced_usage(
    state: &ChatState,
    usage: &Value,
    [writes, reads]: [Value; 2],
    zeros: Zeros,
) -> StreamToken {
    let (input, output) = (or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
    let counts = Counts {
        input: to_number(&input),
        output: to_number(&output),
        cache_writes: to_number(&writes),
        cache_reads: to_number(&reads),
    };
    let shown = |count: Value| Some(count).filter(|count| zeros == Zeros::Kept || count.is_truthy());
    let mut token = usage_object(input, output);
    token.insert_some("cacheWriteTokens", shown(writes));
    token.insert_some("cacheReadTokens", shown(reads));
    token.insert("totalCost", cost::openai_style(state.model.info(), counts));
    StreamToken::from_object(token)
}

/// The usage that a plain server reports, cache counts in Anthropic's names.
pub(crate) fn usage_with_cache_counts(state: &mut ChatState, tokens: &mut TokenQueue) {
    let Some(usage) = state.usage.take() else { return };
    tokens.push_back(StreamToken::from_object(plain_usage(&usage)));
}

/// Prompt and completion tokens, and cache counts where they are not zero.
pub(crate) fn plain_usage(usage: &Value) -> Object {
    let mut token =
        usage_object(or_zero(usage.get("prompt_tokens")), or_zero(usage.get("completion_tokens")));
    for (key, count) in
        [("cacheWriteTokens", "cache_creation_input_tokens"), ("cacheReadTokens", "cache_read_input_tokens")]
    {
        token.insert_some(key, usage.get(count).filter(|count| count.is_truthy()).cloned());
    }
    token
}

// ---- errors in disguise ----

/// Services of MiniMax's kind report errors as `base_resp` in a good answer.
pub(crate) fn check_base_resp(
    state: &mut ChatState,
    event: Event<'_>,
    _: &mut TokenQueue,
) -> Result<(), Error> {
    base_resp(state.name, event.root)
}

/// The error of a `base_resp` with a status code other than 0.
pub(crate) fn base_resp(name: &str, root: Node<'_>) -> Result<(), Error> {
    let code = root.get("base_resp").get("status_code");
    if !code.is_truthy() {
        return Ok(());
    }
    let message = root.get("base_resp").get("status_msg");
    let message = if message.is_truthy() { display(&message.to_value()) } else { "Unknown error".into() };
    let code = display(&code.to_value());
    Err(Error::new(crate::ErrorKind::InStream, format!("{name} API Error ({code}): {message}")))
}
