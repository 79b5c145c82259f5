//! What each provider supports, found out by asking it: requests are encoded and looked at, answers decoded, and a transport
//! that refuses everything tells whether something would have been sent.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_core::future::BoxFuture;
use samewire::catalog::AcceptedParameters;
use samewire::json::{Value, object};
use samewire::transport::{HttpRequest, HttpResponse, Transport, TransportError, TransportErrorKind};
use samewire::{
    AiProvider, AnswerFormat, AuthStyle, ChatRequest, ContentBlock, Context, ErrorKind, ImageRequest,
    Message, Protocol, ProviderInfo, ProviderRegistry, ProviderSettings, StreamToken, Tool,
    build_provider_in,
};

use super::{Row, rows};

/// The table, with the words above it.
pub(super) fn table() -> String {
    let mut text = "\n## What each supports\n\n\
        Found out by asking: samewire encodes a request with the thing in it, for the model of \
        `tests/registry/requests.tsv`, and looks whether it is there; decodes an answer with reasoning in it; and tries \
        whether a list of models or an image would be asked for. What a service does with it, and which of its models can, \
        is the service's to say. Every conversation streams.\n\n\
        - *proves itself by*: how requests tell who sends them.\n\
        - *reasoning*: where it is read from in an answer; `yes` where the protocol has one place for it.\n\
        - *JSON schema*: `field` of the request's own, a `tool` that must be called, or `words` in the system prompt, \
        with the service's `JSON mode` where it has one.\n\
        - *models*: asked of the `service`, or `built in`.\n\n\
        | id | speaks | proves itself by | tools | images | reasoning | JSON schema | temperature | models | makes images |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    for info in ProviderRegistry::all() {
        let row = rows().find(|row| row.id == info.id).unwrap();
        let cells = runtime.block_on(cells(info, &row));
        writeln!(text, "| `{}` | {} |", info.id, cells.join(" | ")).unwrap();
    }
    text
}

async fn cells(info: &ProviderInfo, row: &Row) -> Vec<String> {
    let refusing = Arc::new(Refusing::default());
    let provider = provider(row, &refusing, &[]);
    let yes = |yes: bool| if yes { "yes" } else { "-" }.to_owned();
    let warm = provider_with_temperature(row, &refusing);
    vec![
        protocol(info.protocol).to_owned(),
        auth(info.auth).to_owned(),
        yes(body(&*provider, &with_tool()).contains("look_it_up")),
        yes(body(&*provider, &with_image()).contains(PICTURE)),
        reasoning(&*provider, info.protocol),
        json_schema(&*provider),
        yes(AcceptedParameters::of(&*warm).unwrap().temperature),
        models(&*provider, &refusing).await.to_owned(),
        yes(makes_images(&*provider).await),
    ]
}

fn provider(row: &Row, transport: &Arc<Refusing>, more: &[(&str, Value)]) -> Arc<dyn AiProvider> {
    let mut settings = ProviderSettings::from_json(row.settings).unwrap();
    settings.set("apiProvider", Some(row.id.into()));
    for (name, value) in more {
        settings.set(name, Some(value.clone()));
    }
    let context = Context {
        environment: Arc::default(),
        home: None,
        cache_dir: None,
        ..Context::with_transport(transport.clone())
    };
    build_provider_in(&settings, &context).unwrap()
}

fn provider_with_temperature(row: &Row, transport: &Arc<Refusing>) -> Arc<dyn AiProvider> {
    provider(row, transport, &[("modelTemperature", 0.5.into())])
}

fn body(provider: &dyn AiProvider, request: &ChatRequest) -> String {
    let request = provider.encode(request).unwrap_or_else(|error| panic!("{}: {error}", provider.name()));
    String::from_utf8(request.body.to_vec()).unwrap()
}

fn with_tool() -> ChatRequest {
    let parameters = object! { "type": "object", "properties": object! {} };
    let tool = Tool::function("look_it_up", "Looks it up", parameters);
    ChatRequest::new("Be brief.", [Message::user("Hi")]).with_tools([tool])
}

fn with_image() -> ChatRequest {
    let content = [ContentBlock::text("What is it?"), ContentBlock::image("image/png", PICTURE)];
    ChatRequest::new("Be brief.", [Message::user_blocks(content)])
}

const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk";

fn json_schema(provider: &dyn AiProvider) -> String {
    let schema =
        object! { "type": "object", "properties": object! { "age_of_ann": object! { "type": "integer" } } };
    let request = ChatRequest::new("Be brief.", [Message::user("Hi")])
        .with_answer_format(AnswerFormat::schema("person", schema));
    let sent = Value::parse(&body(provider, &request)).unwrap();
    let members = sent.as_object().unwrap();
    let holding: Vec<&str> = members
        .iter()
        .filter(|(_, value)| value.to_json().contains("age_of_ann"))
        .map(|(name, _)| name.as_str())
        .collect();
    let is_tool = |name: &&str| ["tools", "toolConfig"].contains(name);
    let is_said =
        |name: &&str| ["messages", "system", "systemInstruction", "input", "instructions"].contains(name);
    match &holding[..] {
        [] => "-",
        holding if holding.iter().any(is_tool) => "tool",
        holding if holding.iter().all(is_said) && sent.get("response_format").is_some() => "words, JSON mode",
        holding if holding.iter().all(is_said) => "words",
        _ => "field",
    }
    .to_owned()
}

fn reasoning(provider: &dyn AiProvider, protocol: Protocol) -> String {
    let decoded = |bytes: &[u8]| {
        let mut decoder = provider.decoder(&ChatRequest::new("", [Message::user("Hi")])).unwrap();
        let mut tokens: Vec<StreamToken> = decoder.process_chunk(bytes).filter_map(Result::ok).collect();
        tokens.extend(decoder.finish().filter_map(Result::ok));
        tokens.iter().any(|token| matches!(token, StreamToken::Reasoning(text) if !text.is_empty()))
    };
    let recording = match protocol {
        Protocol::ChatCompletions => {
            let places = [
                ("`reasoning_content`", r#"{"reasoning_content":"Hm."}"#),
                ("`reasoning`", r#"{"reasoning":"Hm."}"#),
                ("`<think>`", r#"{"content":"<think>Hm.</think>Yes."}"#),
            ];
            let event = |delta: &str| {
                format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\ndata: [DONE]\n\n")
            };
            let found: Vec<&str> = places
                .into_iter()
                .filter(|(_, delta)| decoded(event(delta).as_bytes()))
                .map(|(place, _)| place)
                .collect();
            return if found.is_empty() { "-".to_owned() } else { found.join(", ") };
        }
        Protocol::Messages => "anthropic/model-thinking-suffix-budget",
        Protocol::Converse => "bedrock/stream-start-variants",
        Protocol::Gemini => "gemini/out-thoughts",
        Protocol::Responses => "openai-native/out-reasoning-summary",
        Protocol::Ollama => "ollama/out-think-tags",
        Protocol::Cohere => "sdk-cohere-ai/thinking",
        other => panic!("{other:?}: a recording with reasoning is wanted here"),
    };
    if decoded(&recorded(recording)) { "yes" } else { "-" }.to_owned()
}

/// The body of a recording's last answer.
fn recorded(id: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{id}.json"));
    let case = Value::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    let exchange = case.get("exchanges").and_then(Value::as_array).unwrap().last().unwrap();
    let response = exchange.get("response").unwrap();
    match response.get("body").and_then(Value::as_str) {
        Some(text) => text.as_bytes().to_vec(),
        None => STANDARD.decode(response.get("bodyBase64").and_then(Value::as_str).unwrap()).unwrap(),
    }
}

async fn models(provider: &dyn AiProvider, transport: &Refusing) -> &'static str {
    let before = transport.0.load(Ordering::Relaxed);
    let listed = provider.list_models().await;
    let asked = transport.0.load(Ordering::Relaxed) > before;
    match listed {
        _ if asked => "service",
        Ok(models) if !models.is_empty() => "built in",
        _ => "-",
    }
}

async fn makes_images(provider: &dyn AiProvider) -> bool {
    let made = provider.generate_image(ImageRequest::new("m", "a cat")).await;
    made.is_ok() || made.is_err_and(|error| error.kind() != ErrorKind::Unsupported)
}

/// Counts what would be sent, and sends nothing.
#[derive(Default)]
struct Refusing(AtomicUsize);

impl Transport for Refusing {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let error =
            TransportError { kind: TransportErrorKind::Request, detail: "nothing is sent".to_owned() };
        Box::pin(async { Err(error) })
    }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::ChatCompletions => "Chat Completions",
        Protocol::Responses => "Responses",
        Protocol::Messages => "Messages",
        Protocol::Gemini => "Gemini",
        Protocol::Converse => "Converse",
        Protocol::Ollama => "Ollama",
        Protocol::Cohere => "Cohere Chat v2",
        other => panic!("{other:?} has no name here"),
    }
}

fn auth(style: AuthStyle) -> &'static str {
    match style {
        AuthStyle::None => "nothing",
        AuthStyle::Bearer => "bearer key",
        AuthStyle::Header => "key in a header",
        AuthStyle::Aws => "AWS signature or bearer key",
        AuthStyle::GoogleCloud => "Google Cloud token",
        AuthStyle::Login => "another program's login",
        other => panic!("{other:?} has no name here"),
    }
}
