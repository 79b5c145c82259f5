//! The fields of a request body, as rules that providers list in their order.

use crate::json::{Object, Value, entry, object};
use crate::model::Model;
use crate::request::ChatRequest;
use crate::tool::{Tool, ToolChoice};
use crate::{Error, Text};

use super::messages::{self, MarkedBlock};

/// A body field: its name, and the rule that gives its value; `None` leaves it out.
pub(crate) type BodyField = (&'static str, fn(&BodyInput<'_>) -> Result<Option<Value>, Error>);

/// What a rule may look at.
pub(crate) struct BodyInput<'a> {
    pub(crate) model: &'a Model,
    pub(crate) request: &'a ChatRequest,
    /// The prompt of a completion; empty in a conversation.
    pub(crate) prompt: &'a str,
}

impl BodyInput<'_> {
    /// Whether prompts are cached.
    pub(crate) fn caches(&self) -> bool {
        self.model.info().supports_prompt_cache()
    }
}

/// The answer's limit where neither settings nor model have one.
pub(crate) const DEFAULT_MAX_TOKENS: f64 = 8192.0;

/// Writes the fields in their order.
pub(crate) fn build(fields: &[BodyField], input: &BodyInput<'_>) -> Result<Value, Error> {
    let mut body = Object::with_capacity(fields.len());
    for (name, rule) in fields {
        body.insert_some(Text::from_static(name), rule(input)?);
    }
    Ok(body.into())
}

type Rule = Result<Option<Value>, Error>;

pub(crate) fn model(input: &BodyInput<'_>) -> Rule {
    Ok(Some(input.model.id.clone().into()))
}

pub(crate) fn stream(_: &BodyInput<'_>) -> Rule {
    Ok(Some(true.into()))
}

pub(crate) fn no_stream(_: &BodyInput<'_>) -> Rule {
    Ok(Some(false.into()))
}

pub(crate) fn max_tokens(input: &BodyInput<'_>) -> Rule {
    Ok(Some(input.model.parameters.get("maxTokens").cloned().unwrap_or(DEFAULT_MAX_TOKENS.into())))
}

/// The same limit for every completion.
pub(crate) fn default_max_tokens(_: &BodyInput<'_>) -> Rule {
    Ok(Some(DEFAULT_MAX_TOKENS.into()))
}

pub(crate) fn temperature(input: &BodyInput<'_>) -> Rule {
    Ok(input.model.parameters.get("temperature").cloned())
}

/// The thinking budget, when reasoning is on.
pub(crate) fn thinking(input: &BodyInput<'_>) -> Rule {
    Ok(input.model.parameters.get("reasoning").cloned())
}

/// The system prompt as one block, marked where prompts are cached; `text` stands before `type`.
pub(crate) fn system(input: &BodyInput<'_>) -> Rule {
    let mut block = object! { "text": input.request.system_prompt.as_str(), "type": "text" };
    if input.caches() {
        block.insert("cache_control", messages::ephemeral());
    }
    Ok(Some(vec![Value::from(block)].into()))
}

/// The conversation without foreign blocks, the last block of the last two user turns marked.
pub(crate) fn messages(input: &BodyInput<'_>) -> Rule {
    let mut list = messages::known_blocks_only(&input.request.messages);
    if input.caches() {
        messages::mark_last_two_users(&mut list, MarkedBlock::Last);
    }
    Ok(Some(list.into()))
}

/// The same, marked on the last block with text.
pub(crate) fn messages_marked_on_text(input: &BodyInput<'_>) -> Rule {
    let mut list = messages::known_blocks_only(&input.request.messages);
    if input.caches() {
        messages::mark_last_two_users(&mut list, MarkedBlock::LastText);
    }
    Ok(Some(list.into()))
}

/// A completion's one user message.
pub(crate) fn prompt(input: &BodyInput<'_>) -> Rule {
    Ok(Some(vec![Value::from(object! { "role": Text::from_static("user"), "content": input.prompt })].into()))
}

/// The tools in Anthropic's form; an empty list without tools.
pub(crate) fn tools(input: &BodyInput<'_>) -> Rule {
    let tools = input.request.tools.as_deref().unwrap_or_default();
    Ok(Some(tools.iter().map(tool).collect::<Result<Vec<_>, _>>()?.into()))
}

fn tool(tool: &Tool) -> Result<Value, Error> {
    let Some(function) = tool.as_function() else {
        let kind = tool.as_json().get("type").and_then(Value::as_str).unwrap_or("undefined");
        let message = format!("Unsupported tool type: {kind}");
        return Err(Error::new(crate::ErrorKind::Unsupported, message));
    };
    let description = function.get("description").filter(|description| description.is_truthy());
    let converted = Object::of([
        entry("name", function.get("name").cloned()),
        entry("description", Some(description.cloned().unwrap_or_else(|| Text::new().into()))),
        entry("input_schema", function.get("parameters").cloned()),
    ]);
    Ok(converted.into())
}

/// The tool choice with `disable_parallel_tool_use`; `none` leaves it out and still sends the tools.
pub(crate) fn tool_choice_and_parallel(input: &BodyInput<'_>) -> Rule {
    let choice = input.request.tool_choice.as_ref().unwrap_or(&ToolChoice::Auto);
    let Some(mut converted) = convert_choice(choice) else { return Ok(None) };
    let parallel = input.request.parallel_tool_calls.unwrap_or(false);
    converted.insert("disable_parallel_tool_use", !parallel);
    Ok(Some(converted.into()))
}

/// The tool choice, if there is one.
pub(crate) fn tool_choice_if_any(input: &BodyInput<'_>) -> Rule {
    let choice = input.request.tool_choice.as_ref();
    let choice = choice.filter(|choice| !matches!(choice, ToolChoice::Other(value) if !value.is_truthy()));
    Ok(choice.and_then(convert_choice).map(Value::from))
}

fn convert_choice(choice: &ToolChoice) -> Option<Object> {
    Some(match choice {
        ToolChoice::None => return None,
        ToolChoice::Required => object! { "type": "any" },
        ToolChoice::Function(name) => object! { "type": "tool", "name": name.clone() },
        ToolChoice::Other(value) => {
            if let Some(function) = value.get("function") {
                let mut named = object! { "type": "tool" };
                named.insert_some("name", function.get("name").cloned());
                named
            } else {
                object! { "type": "auto" }
            }
        }
        ToolChoice::Auto => object! { "type": "auto" },
    })
}
