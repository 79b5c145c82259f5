//! Where prompt-cache points go: behind the system prompt, and behind messages that stay as they are.
//!
//! A point makes the service keep all before it. There are only a few, so over the turns of a conversation
//! they are kept, merged and added; the places of the last turn are remembered for the next.

use std::collections::HashMap;

use crate::json::javascript::is_space;
use crate::json::{Value, object};
use crate::message::Message;
use crate::model::ModelInfo;

/// What a model allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    least_tokens: f64,
    points: usize,
    system: bool,
    messages: bool,
}

/// The points of each conversation that was seen.
pub(super) type Memory = HashMap<String, Vec<usize>>;

/// Where the points of one request go.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) system: bool,
    /// Indexes of messages.
    pub(super) messages: Vec<usize>,
}

/// What is appended to a content.
pub(super) fn point() -> Value {
    object! { "cachePoint": object! { "type": "default" } }.into()
}

impl Limits {
    /// `None` if the model caches nothing.
    pub(super) fn of(info: &ModelInfo) -> Option<Self> {
        let fields = info.get("cachableFields").and_then(Value::as_array)?;
        if !info.supports_prompt_cache() || fields.is_empty() {
            return None;
        }
        let has = |name: &str| fields.iter().any(|field| field.as_str() == Some(name));
        Some(Self {
            least_tokens: info.number("minTokensPerCachePoint").unwrap_or(DEFAULT_LEAST_TOKENS),
            points: info.number("maxCachePoints").unwrap_or(0.0) as usize,
            system: has("system"),
            messages: has("messages"),
        })
    }

    /// Plans one request and remembers its points.
    pub(super) fn plan(self, system_prompt: &str, messages: &[Message], memory: &mut Memory) -> Plan {
        if messages.is_empty() {
            return Plan::default();
        }
        let system = self.system
            && !system_prompt.is_empty()
            && self.points > 0
            && (estimate(system_prompt) + 5.0).ceil() >= self.least_tokens;
        let mut plan = Plan { system, messages: Vec::new() };
        if self.messages && messages.len() > 1 {
            let key = conversation(&messages[0]);
            let turns = Turns {
                tokens: messages.iter().map(message_estimate).collect(),
                is_user: messages.iter().map(|message| message.role() != "assistant").collect(),
                least: self.least_tokens,
            };
            let free = self.points - usize::from(system);
            let before = memory.get(&key).map(Vec::as_slice).unwrap_or_default();
            plan.messages = turns.place(before, free);
            memory.insert(key, plan.messages.clone());
        }
        plan
    }
}

/// A conversation as the algorithm sees it.
struct Turns {
    tokens: Vec<f64>,
    is_user: Vec<bool>,
    least: f64,
}

impl Turns {
    fn place(&self, before: &[usize], free: usize) -> Vec<usize> {
        let count = self.tokens.len();
        let Some(&last) = before.last() else {
            return if free > 0 { self.find(0, count).into_iter().collect() } else { Vec::new() };
        };
        let kept = || before.iter().copied().filter(|index| *index < count);
        let new_tokens: f64 = self.tokens.iter().skip(last + 1).sum();
        if new_tokens < self.least {
            return kept().collect();
        }
        if free > before.len() {
            return kept().chain(self.find(last + 1, count)).collect();
        }
        let Some((merged, tokens)) = self.smallest_neighbours(before) else { return kept().collect() };
        if new_tokens < tokens * GROWTH {
            return kept().collect();
        }
        let mut points: Vec<usize> = before[..merged].to_vec();
        points.extend(self.find(start_of(before, merged), before[merged + 1] + 1));
        points.extend(&before[merged + 2..]);
        points.retain(|index| *index < count);
        if points.len() < free {
            points.extend(self.find(last + 1, count));
        }
        points
    }

    /// The last user message of the range, if what the range holds up to it is worth a point.
    fn find(&self, start: usize, end: usize) -> Option<usize> {
        if start + 1 >= end {
            return None;
        }
        let user = (start..end.min(self.is_user.len())).rev().find(|index| self.is_user[*index])?;
        (self.tokens[start..=user].iter().sum::<f64>() >= self.least).then_some(user)
    }

    /// The first of the two neighbouring points that cover least, and how much they cover.
    fn smallest_neighbours(&self, points: &[usize]) -> Option<(usize, f64)> {
        let span = |at: usize| -> f64 {
            let end = (points[at] + 1).min(self.tokens.len());
            self.tokens.get(start_of(points, at)..end).unwrap_or_default().iter().sum()
        };
        let mut smallest: Option<(usize, f64)> = None;
        for at in 0..points.len().saturating_sub(1) {
            let tokens = span(at) + span(at + 1);
            if smallest.is_none_or(|(_, least)| tokens < least) {
                smallest = Some((at, tokens));
            }
        }
        smallest
    }
}

/// The first message that the point at `at` covers.
fn start_of(points: &[usize], at: usize) -> usize {
    at.checked_sub(1).map_or(0, |previous| points[previous] + 1)
}

/// The key of a conversation: its first message, roughly.
fn conversation(first: &Message) -> String {
    let start = match first.content() {
        Some(Value::String(text)) => {
            let units: Vec<u16> = text.encode_utf16().take(KEY_UNITS).collect();
            String::from_utf16_lossy(&units)
        }
        _ => "complex_content".to_owned(),
    };
    format!("conv_{}_{start}", first.role())
}

fn message_estimate(message: &Message) -> f64 {
    let tokens: f64 = match message.content() {
        Some(Value::String(text)) => estimate(text),
        Some(Value::Array(blocks)) => blocks.iter().map(block_estimate).sum(),
        _ => 0.0,
    };
    (tokens + 10.0).ceil()
}

fn block_estimate(block: &Value) -> f64 {
    match block.get("type").and_then(Value::as_str) {
        Some("text") => block.get("text").and_then(Value::as_str).map_or(0.0, estimate),
        Some("image") => IMAGE_TOKENS,
        _ => 0.0,
    }
}

/// A guess at the tokens of a text, from words, punctuation and lines.
fn estimate(text: &str) -> f64 {
    let words = text.split(is_space).filter(|word| !word.is_empty()).count();
    let marks = text.chars().filter(|c| ".,!?;:()[]{}\"'`".contains(*c)).count();
    let lines = text.matches('\n').count();
    words as f64 * 1.3 + marks as f64 * 0.3 + lines as f64 * 0.5
}

const DEFAULT_LEAST_TOKENS: f64 = 1024.0;
const IMAGE_TOKENS: f64 = 300.0;
/// New messages must be so many times as large as two neighbours for these to be merged.
const GROWTH: f64 = 1.2;
const KEY_UNITS: usize = 20;
