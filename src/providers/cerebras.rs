//! Cerebras.
//!
//! <https://inference-docs.cerebras.ai/api-reference/chat-completions>
//!
//! Longer than most: the reference speaks to it without an SDK, so headers, framing, errors and token
//! estimates are its own.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memchr;
use url::Url;

use super::compatible::table_model;
use super::kind::{Kind, Provider};
use crate::context::Context;
use crate::driver::{Call, Driver, Failure, WholeResponse, Wire};
use crate::error::{Error, ErrorKind};
use crate::json::javascript::{defined, is_space, joined, or_zero, to_text};
use crate::json::{Document, Node, Object, Value};
use crate::model::Model;
use crate::protocols::openai_chat::decode::first_choice;
use crate::protocols::openai_chat::headers::HeaderBlock;
use crate::protocols::openai_chat::messages::{self, Conversion};
use crate::protocols::openai_chat::{steps, tools};
use crate::protocols::tokens::usage_object;
use crate::provider::AiProvider;
use crate::registry::ProviderInfo;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::{Decode, Progress, ResponseHead, StreamSummary, TokenQueue};
use crate::text::Text;
use crate::think::{PieceKind, TagMatcher};
use crate::token::StreamToken;
use crate::transport::{ClientKind, HttpRequest, RequestOptions, TransportError, javascript};

pub(super) static PROVIDER: Provider = Provider {
    info: ProviderInfo::new("cerebras", "Cerebras", "Open models on wafer-scale processors")
        .at("https://api.cerebras.ai/v1")
        .key("cerebrasApiKey", "CEREBRAS_API_KEY")
        .documented("https://inference-docs.cerebras.ai/api-reference/chat-completions"),
    kind: Kind::Own(build),
};

const URL: &str = "https://api.cerebras.ai/v1/chat/completions";

/// The largest limit that is sent.
const LARGEST_LIMIT: f64 = 32_768.0;

fn build(settings: &ProviderSettings, context: &Context) -> Result<Arc<dyn AiProvider>, Error> {
    let key = settings
        .non_empty("cerebrasApiKey")
        .ok_or_else(|| Error::configuration("Cerebras API key is required"))?;
    let mut headers = HeaderBlock::default();
    headers.application(&context.identity);
    headers.set("Content-Type", "application/json");
    headers.set_secret("Authorization", &format!("Bearer {key}"));
    headers.set("X-Cerebras-3rd-Party-Integration", "roocode");
    let wire = Cerebras { headers, settings: settings.clone(), model: table_model("cerebras", settings) };
    Ok(Arc::new(Driver::new(wire, context)))
}

struct Cerebras {
    headers: HeaderBlock,
    settings: ProviderSettings,
    model: Model,
}

impl Cerebras {
    fn request(&self, body: Object) -> Result<HttpRequest, Error> {
        let url = Url::parse(URL).map_err(|error| Error::configuration(error.to_string()))?;
        let body = Bytes::from(Value::from(body).to_json());
        let own = self.headers.build().map_err(wrapped)?;
        Ok(HttpRequest {
            method: "POST",
            headers: javascript::fetch_headers(&url, &own, Some(&body)),
            url: url.into(),
            body,
            options: RequestOptions { client: ClientKind::Fetch, ..RequestOptions::default() },
        })
    }

    fn limit(&self) -> Option<f64> {
        self.model.info().max_tokens().filter(|limit| *limit > 0.0 && *limit <= LARGEST_LIMIT)
    }
}

impl Wire for Cerebras {
    fn id(&self) -> &'static str {
        "cerebras"
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let mut list = messages::convert(&request.messages, Conversion::default());
        list.insert(0, messages::system(&request.system_prompt));
        let temperature = self.settings.number("modelTemperature").filter(|set| *set != 0.0);
        let mut body = Object::with_capacity(8);
        body.insert("model", self.model.id.clone());
        body.insert("messages", list);
        body.insert("stream", true);
        body.insert_some("max_completion_tokens", self.limit());
        body.insert_some("temperature", temperature.map(|set| set.clamp(0.0, 1.5)));
        body.insert_some(
            "tools",
            request.tools.as_deref().map(|list| list.iter().map(tool).collect::<Value>()),
        );
        body.insert_some("tool_choice", request.tool_choice.as_ref().map(crate::ToolChoice::to_json));
        body.insert("parallel_tool_calls", request.parallel_tool_calls.unwrap_or(false));
        self.request(body)
    }

    fn chat_decoder(&self, request: &ChatRequest) -> Box<dyn Decode> {
        Box::new(LineDecoder {
            pending: BytesMut::new(),
            started: false,
            document: Document::new(),
            tags: TagMatcher::new("think"),
            input: Value::Number(0.0),
            output: Value::Number(0.0),
            estimated_input: estimated_tokens(request),
            estimated_output: (self.model.info().max_tokens().unwrap_or(0.0) / 10.0).ceil(),
            summary: StreamSummary::default(),
        })
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let mut body = Object::with_capacity(3);
        body.insert("model", self.model.id.clone());
        body.insert("messages", vec![messages::text_message("user", request.prompt.as_str())]);
        body.insert("stream", false);
        self.request(body)
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        let mut document = Document::new();
        let root = document.parse(response.text().into()).map_err(|error| wrapped(error.into()))?;
        if root.is_null() {
            return Err(wrapped(Error::invalid_response("the response is null")));
        }
        let content = root.get("choices").at(0).get("message").get("content");
        Ok(content.as_text().unwrap_or_default().into())
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        match failure {
            Failure::Status(response) => status_error(call, &response),
            Failure::StatusWithoutBody { status, .. } => {
                wrapped(Error::status_error(status, "terminated").without_status_and_code())
            }
            Failure::Body { .. } => wrapped(Error::new(ErrorKind::Interrupted, "terminated")),
            Failure::Transport(_) => wrapped(Error::new(ErrorKind::Connection, "fetch failed")),
        }
    }
}

fn wrapped(error: Error) -> Error {
    let message = format!("Cerebras completion error: {}", error.message());
    error.without_status_and_code().with_message(message)
}

fn status_error(call: Call, response: &WholeResponse) -> Error {
    let status = response.status;
    let text = response.text();
    let message = match status {
        401 => "Cerebras API authentication failed. Please check your API key is valid and not expired.".to_owned(),
        403 => "Cerebras API access forbidden. Your API key may not have access to the requested model or feature.".to_owned(),
        429 => "Cerebras API rate limit exceeded. Please wait before making another request.".to_owned(),
        500.. => format!("Cerebras API server error ({status}). Please try again later."),
        _ => {
            let detail = if call == Call::Chat { chat_detail(status, &text) } else { text.clone() };
            format!("Cerebras API Error ({status}): {detail}")
        }
    };
    wrapped(Error::new(ErrorKind::of_status(status), message).with_response(response.headers.clone(), text))
}

/// The body's message, else its JSON indented, else the body.
fn chat_detail(status: u16, text: &str) -> String {
    let Ok(body) = Value::parse(text) else {
        return if text.is_empty() { format!("HTTP {status}") } else { text.to_owned() };
    };
    let message = body.get("error").and_then(|error| error.get("message")).filter(|m| m.is_truthy());
    let message = message.or_else(|| body.get("message").filter(|m| m.is_truthy()));
    match message {
        Some(message) => to_text(message),
        None => body.to_json_pretty(),
    }
}

/// Strict schemas under a loose flag, MCP tools included, and lists without lengths.
fn tool(tool: &crate::Tool) -> Value {
    let mut tool = tool.as_json().clone();
    let is_function = tool.get("type").and_then(Value::as_str) == Some("function");
    if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut).filter(|_| is_function) {
        function.insert("strict", false);
        if let Some(parameters) = function.get_mut("parameters") {
            tools::strict_schema(parameters);
            drop_lengths(parameters);
        }
    }
    tool
}

fn drop_lengths(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let is_list = match object.get("type") {
        Some(Value::String(kind)) => kind == "array",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind.as_str() == Some("array")),
        _ => false,
    };
    if is_list {
        object.remove("minItems");
        object.remove("maxItems");
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.iter_mut().for_each(|(_, property)| drop_lengths(property));
    }
    if let Some(items) = object.get_mut("items") {
        drop_lengths(items);
    }
}

/// A quarter of the characters of the system prompt and of every content.
fn estimated_tokens(request: &ChatRequest) -> f64 {
    let units = |text: &str| text.encode_utf16().count();
    let converted = messages::convert(&request.messages, Conversion::default());
    let contents: usize = converted
        .iter()
        .filter_map(|message| message.get("content"))
        .map(|content| content.as_str().map_or_else(|| units(&content.to_json()), units))
        .sum();
    ((units(&request.system_prompt) + contents) as f64 / 4.0).ceil()
}

/// Reads `data: ` lines; whatever cannot be read is passed over.
struct LineDecoder {
    pending: BytesMut,
    /// Whether a line was read.
    started: bool,
    document: Document,
    tags: TagMatcher,
    input: Value,
    output: Value,
    estimated_input: f64,
    estimated_output: f64,
    summary: StreamSummary,
}

impl LineDecoder {
    fn line(&mut self, line: Bytes, tokens: &mut TokenQueue) {
        let line = Text::from_utf8_lossy(line);
        // A byte order mark before the first line is no part of it.
        let is_first = !std::mem::replace(&mut self.started, true);
        let line = match line.strip_prefix('\u{feff}') {
            Some(rest) if is_first => line.slice(rest),
            _ => line,
        };
        let Some(data) = line.strip_prefix("data: ").map(|data| data.trim_matches(is_space)) else {
            return;
        };
        if data == "[DONE]" {
            return;
        }
        let Ok(event) = self.document.parse(line.slice(data)) else { return };
        let choice = first_choice(event);
        let delta = choice.get("delta");
        let content = delta.get("content");
        if content.is_truthy() {
            let text = if content.is_array() { Some(joined(content)) } else { content.as_text() };
            // What cannot be read ends its event, here and below.
            let Some(text) = text else { return };
            tokens.extend(self.tags.push(&text).map(token_of));
        }
        let calls = delta.get("tool_calls");
        if calls.is_truthy() && !calls.is_array() {
            return;
        }
        for call in calls.items() {
            if call.is_nullish() {
                return;
            }
            tokens.push_back(steps::partial(call));
        }
        let usage = event.get("usage");
        if usage.is_truthy() {
            let count = |node: Node<'_>| or_zero(defined(node).as_ref());
            self.input = count(usage.get("prompt_tokens"));
            self.output = count(usage.get("completion_tokens"));
        }
        if let Some(reason) = choice.get("finish_reason").to_text() {
            self.summary.finish_reason = Some(reason);
        }
    }
}

fn token_of(piece: crate::think::Piece) -> StreamToken {
    match piece.kind {
        PieceKind::Text => StreamToken::Text(piece.text),
        PieceKind::Reasoning => StreamToken::Reasoning(piece.text),
    }
}

impl Decode for LineDecoder {
    fn head(&mut self, head: &ResponseHead) -> Result<(), Error> {
        if head.status == 204 {
            return Err(wrapped(Error::invalid_response("Cerebras API Error: No response body")));
        }
        Ok(())
    }

    fn push(&mut self, chunk: Bytes, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        let mut rest = chunk;
        while let Some(end) = memchr(b'\n', &rest) {
            let mut line = rest.split_to(end + 1);
            line.truncate(end);
            if !self.pending.is_empty() {
                self.pending.extend_from_slice(&line);
                line = self.pending.split().freeze();
            }
            self.line(line, tokens);
        }
        self.pending.extend_from_slice(&rest);
        Ok(Progress::More)
    }

    /// A last line without its end is lost, as in the reference.
    fn finish(&mut self, tokens: &mut TokenQueue) -> Result<Progress, Error> {
        tokens.extend(self.tags.finish().map(token_of));
        let or = |count: &Value, estimate: f64| {
            if count.is_truthy() { count.clone() } else { estimate.into() }
        };
        let token =
            usage_object(or(&self.input, self.estimated_input), or(&self.output, self.estimated_output));
        tokens.push_back(StreamToken::from_object(token));
        Ok(Progress::Complete)
    }

    fn interrupted(&mut self, _: &TransportError, _: &mut TokenQueue) -> Result<Progress, Error> {
        Err(wrapped(Error::new(ErrorKind::Interrupted, "terminated")))
    }

    fn summary(&self) -> StreamSummary {
        self.summary.clone()
    }
}
