//! The pieces of an answer, in the order in which they stream in.

use crate::Text;
use crate::json::{Object, Value};

/// One piece of a streamed answer.
///
/// [`StreamToken::to_json`] prints exactly the chunk that the TypeScript yields.
///
/// # Example: print an answer as it comes
///
/// ```
/// use samewire::StreamToken;
///
/// let tokens = [StreamToken::Text("Hel".into()), StreamToken::Text("lo".into())];
/// let answer: String = tokens.iter().filter_map(StreamToken::text).collect();
/// assert_eq!(answer, "Hello");
/// assert_eq!(tokens[0].to_json(), r#"{"type":"text","text":"Hel"}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StreamToken {
    /// More of the answer's text.
    Text(Text),
    /// More of the model's reasoning.
    Reasoning(Text),
    /// A fragment of a tool call as the service streams it; see [`ToolCallAssembler`](crate::ToolCallAssembler).
    ToolCallPartial(ToolCallPartial),
    /// A tool call that came whole.
    ToolCall(ToolCall),
    /// A tool call has begun; from [`ToolCallAssembler`](crate::ToolCallAssembler).
    ToolCallStart {
        /// The call's id.
        id: Text,
        /// The tool's name.
        name: Text,
    },
    /// More of a tool call's arguments; from [`ToolCallAssembler`](crate::ToolCallAssembler).
    ToolCallDelta {
        /// The call's id.
        id: Text,
        /// The next part of the arguments' JSON text.
        delta: Text,
    },
    /// The tool call with this id is complete.
    ToolCallEnd {
        /// The id that its first fragment had.
        id: Text,
    },
    /// Token counts and cost, so far or in total as the provider reports them.
    Usage(Usage),
    /// Web sources that the answer rests on, in the service's order.
    Grounding(Vec<Source>),
    /// A chunk in which the service sent a field of a type that its documentation does not allow, kept
    /// as it came and in the reference's form.
    Irregular(Object),
}

/// A fragment of a tool call. The first of a call has the id and usually the name, later ones more of
/// the arguments' JSON text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCallPartial {
    /// Which of several parallel calls.
    pub index: Field<u64>,
    /// The call's id.
    pub id: Field<Text>,
    /// The tool's name.
    pub name: Field<Text>,
    /// The next part of the arguments' JSON text.
    pub arguments: Field<Text>,
}

/// A whole tool call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCall {
    /// The call's id.
    pub id: Field<Text>,
    /// The tool's name.
    pub name: Field<Text>,
    /// The arguments as JSON text.
    pub arguments: Field<Text>,
}

/// Token counts of a request and what it cost.
///
/// Fields that are absent decide only how the chunk prints.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Tokens of the request. Whether cached ones are included differs by provider, as in the reference.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Tokens written to the prompt cache.
    pub cache_write_tokens: Field<u64>,
    /// Tokens read from the prompt cache.
    pub cache_read_tokens: Field<u64>,
    /// Tokens of reasoning.
    pub reasoning_tokens: Field<u64>,
    /// The cost in US dollars, where the provider or its price table gives one.
    pub total_cost: Field<f64>,
    /// How many of the tokens written to the prompt cache were written for an hour, where the service
    /// says so. The reference's chunk does not show it.
    pub hour_cache_write_tokens: Option<u64>,
    pub(crate) reads_first: bool,
}

/// A web page that an answer cites.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its title.
    pub title: Text,
    /// Its address.
    pub url: Text,
}

/// A field that a service may leave out or send as `null`; the reference keeps the difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The key is missing.
    #[default]
    Absent,
    /// The key is there, its value is `null`.
    Null,
    /// The value.
    Value(T),
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// `Value` of `Some`, `Absent` of `None`.
    pub fn of(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }

    fn print(self, key: &'static str, object: &mut Object)
    where
        T: Into<Value>,
    {
        let value = match self {
            Self::Absent => return,
            Self::Null => Value::Null,
            Self::Value(value) => value.into(),
        };
        object.insert(Text::from_static(key), value);
    }
}

impl From<&str> for Field<Text> {
    fn from(text: &str) -> Self {
        Self::Value(text.into())
    }
}

impl<T> From<T> for Field<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl StreamToken {
    /// The answer's text in this token, if it is a text token.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The reasoning in this token, if it is a reasoning token.
    pub fn reasoning(&self) -> Option<&str> {
        match self {
            Self::Reasoning(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the token is part of the answer: counts, and texts without a character, are not. Once a
    /// reader has seen such a token, asking again would say things twice.
    #[cfg(feature = "manager")]
    pub(crate) fn is_semantic(&self) -> bool {
        match self {
            Self::Text(text) | Self::Reasoning(text) => !text.is_empty(),
            Self::Usage(_) => false,
            _ => true,
        }
    }

    /// The token as the reference's chunk.
    pub fn to_object(&self) -> Object {
        let tagged = |tag: &'static str| {
            let mut object = Object::with_capacity(6);
            object.insert(Text::from_static("type"), Text::from_static(tag));
            object
        };
        match self {
            Self::Text(text) => with(tagged("text"), [("text", text)]),
            Self::Reasoning(text) => with(tagged("reasoning"), [("text", text)]),
            Self::ToolCallPartial(call) => {
                let mut object = tagged("tool_call_partial");
                call.index.print("index", &mut object);
                call.id.clone().print("id", &mut object);
                call.name.clone().print("name", &mut object);
                call.arguments.clone().print("arguments", &mut object);
                object
            }
            Self::ToolCall(call) => {
                let mut object = tagged("tool_call");
                call.id.clone().print("id", &mut object);
                call.name.clone().print("name", &mut object);
                call.arguments.clone().print("arguments", &mut object);
                object
            }
            Self::ToolCallStart { id, name } => with(tagged("tool_call_start"), [("id", id), ("name", name)]),
            Self::ToolCallDelta { id, delta } => {
                with(tagged("tool_call_delta"), [("id", id), ("delta", delta)])
            }
            Self::ToolCallEnd { id } => with(tagged("tool_call_end"), [("id", id)]),
            Self::Usage(usage) => {
                let mut object = tagged("usage");
                usage.print(&mut object);
                object
            }
            Self::Grounding(sources) => {
                let mut object = tagged("grounding");
                let sources: Value = sources
                    .iter()
                    .map(|source| {
                        with(Object::with_capacity(2), [("title", &source.title), ("url", &source.url)])
                            .into()
                    })
                    .collect();
                object.insert("sources", sources);
                object
            }
            Self::Irregular(object) => object.clone(),
        }
    }

    /// The token as one line of JSON, byte for byte what `JSON.stringify` prints for the reference's chunk.
    pub fn to_json(&self) -> String {
        Value::Object(self.to_object()).to_json()
    }

    /// The token that the reference's chunk `object` stands for: a typed one where every field has the
    /// type that its documentation promises and the key order is the usual one, else
    /// [`Irregular`](Self::Irregular).
    pub fn from_object(object: Object) -> Self {
        match Self::regular(&object) {
            Some(token) if token.to_object() == object => token,
            _ => Self::Irregular(object),
        }
    }

    /// The typed token that an object stands for, whatever the order of its keys.
    #[cfg(feature = "headless")]
    pub(crate) fn of_any_order(object: &Object) -> Option<Self> {
        Self::regular(object)
    }

    fn regular(object: &Object) -> Option<Self> {
        let text = |key: &str| object.get(key).and_then(Value::as_text).cloned();
        Some(match object.get("type")?.as_str()? {
            "text" => Self::Text(text("text")?),
            "reasoning" => Self::Reasoning(text("text")?),
            "tool_call_partial" => Self::ToolCallPartial(ToolCallPartial {
                index: count(object.get("index"))?,
                id: string(object.get("id"))?,
                name: string(object.get("name"))?,
                arguments: string(object.get("arguments"))?,
            }),
            "tool_call" => Self::ToolCall(ToolCall {
                id: string(object.get("id"))?,
                name: string(object.get("name"))?,
                arguments: string(object.get("arguments"))?,
            }),
            "tool_call_start" => Self::ToolCallStart { id: text("id")?, name: text("name")? },
            "tool_call_delta" => Self::ToolCallDelta { id: text("id")?, delta: text("delta")? },
            "tool_call_end" => Self::ToolCallEnd { id: text("id")? },
            "usage" => Self::Usage(Usage {
                input_tokens: *count(object.get("inputTokens"))?.value()?,
                output_tokens: *count(object.get("outputTokens"))?.value()?,
                cache_write_tokens: count(object.get("cacheWriteTokens"))?,
                cache_read_tokens: count(object.get("cacheReadTokens"))?,
                reasoning_tokens: count(object.get("reasoningTokens"))?,
                total_cost: match object.get("totalCost") {
                    None => Field::Absent,
                    Some(Value::Number(cost)) => Field::Value(*cost),
                    Some(_) => return None,
                },
                hour_cache_write_tokens: None,
                reads_first: object
                    .keys()
                    .find(|key| key.starts_with("cache"))
                    .is_some_and(|key| *key == "cacheReadTokens"),
            }),
            _ => return None,
        })
    }
}

impl Usage {
    fn print(&self, object: &mut Object) {
        object.insert(Text::from_static("inputTokens"), self.input_tokens);
        object.insert(Text::from_static("outputTokens"), self.output_tokens);
        if self.reads_first {
            self.cache_read_tokens.print("cacheReadTokens", object);
            self.cache_write_tokens.print("cacheWriteTokens", object);
        } else {
            self.cache_write_tokens.print("cacheWriteTokens", object);
            self.cache_read_tokens.print("cacheReadTokens", object);
        }
        self.reasoning_tokens.print("reasoningTokens", object);
        self.total_cost.print("totalCost", object);
    }

    /// Adds the counts of another usage token of the same answer.
    pub fn add(&mut self, more: &Self) {
        fn sum<T: Copy + std::ops::Add<Output = T>>(a: Field<T>, b: Field<T>) -> Field<T> {
            match (a, b) {
                (Field::Value(a), Field::Value(b)) => Field::Value(a + b),
                (Field::Value(a), _) => Field::Value(a),
                (_, b) => b,
            }
        }
        self.input_tokens += more.input_tokens;
        self.output_tokens += more.output_tokens;
        self.cache_write_tokens = sum(self.cache_write_tokens, more.cache_write_tokens);
        self.cache_read_tokens = sum(self.cache_read_tokens, more.cache_read_tokens);
        self.reasoning_tokens = sum(self.reasoning_tokens, more.reasoning_tokens);
        self.total_cost = sum(self.total_cost, more.total_cost);
        self.hour_cache_write_tokens = match (self.hour_cache_write_tokens, more.hour_cache_write_tokens) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}

fn with<const N: usize>(mut object: Object, fields: [(&'static str, &Text); N]) -> Object {
    for (key, text) in fields {
        object.insert(Text::from_static(key), text.clone());
    }
    object
}

fn string(value: Option<&Value>) -> Option<Field<Text>> {
    match value {
        None => Some(Field::Absent),
        Some(Value::Null) => Some(Field::Null),
        Some(Value::String(text)) => Some(Field::Value(text.clone())),
        Some(_) => None,
    }
}

/// A whole number that f64 holds exactly.
fn count(value: Option<&Value>) -> Option<Field<u64>> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    match value {
        None => Some(Field::Absent),
        Some(Value::Null) => Some(Field::Null),
        Some(&Value::Number(n)) if n.fract() == 0.0 && (0.0..=LARGEST).contains(&n) => {
            Some(Field::Value(n as u64))
        }
        Some(_) => None,
    }
}
