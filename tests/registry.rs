//! Every provider of the registry sends one request to a loopback server. What must arrive there stands in
//! `tests/registry/requests.tsv`.
#![cfg(feature = "http")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use futures_core::future::BoxFuture;
use samewire::json::Value;
use samewire::transport::{
    HttpRequest, HttpResponse, HttpVersion, HyperTransport, Transport, TransportError,
};
use samewire::{ChatRequest, Context, Message, ProviderRegistry, ProviderSettings, build_provider_in};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[path = "registry/support.rs"]
mod support;

/// One line of the table.
struct Row {
    id: &'static str,
    settings: &'static str,
    url: &'static str,
    proof: &'static str,
    form: &'static str,
}

fn rows() -> impl Iterator<Item = Row> {
    include_str!("registry/requests.tsv").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_else(|| panic!("a cell is missing: {line}"));
        Row { id: cell(), settings: cell(), url: cell(), proof: cell(), form: cell() }
    })
}

#[test]
fn the_table_knows_every_provider() {
    for info in ProviderRegistry::all() {
        assert!(
            rows().any(|row| row.id == info.id),
            "`{}` is missing in tests/registry/requests.tsv",
            info.id
        );
    }
    assert!(ProviderRegistry::all().len() >= 70);
}

#[tokio::test]
async fn each_provider_sends_what_its_documentation_asks_for() {
    let mut asserted = 0;
    for row in rows() {
        let (text, request) = Box::pin(call(&row)).await;
        assert_eq!(text, "Hello", "{}", row.id);
        assert_eq!(request.url, row.url, "{}", row.id);
        match row.proof.split_once(": ") {
            Some((name, value)) => assert_eq!(request.header(name), Some(value), "{}", row.id),
            None => assert_eq!(request.header("authorization"), None, "{}", row.id),
        }
        assert_body(&row, &request.body);
        asserted += 1;
    }
    assert!(asserted >= 70, "{asserted}");
}

#[test]
fn the_table_for_people_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("PROVIDERS.md");
    let wanted = providers_md();
    if std::env::var_os("SAMEWIRE_REWRITE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "PROVIDERS.md is not what the registry says: run `SAMEWIRE_REWRITE=1 cargo test --test registry`"
    );
}

fn providers_md() -> String {
    let mut text = format!(
        "# Providers\n\n\
         {} providers, by the id that settings name them by in `apiProvider`. Written by `SAMEWIRE_REWRITE=1 cargo \
         test --test registry` from the registry; where several settings are named, `{{...}}` in a base URL is one of \
         them. Whatever else speaks OpenAI's Chat Completions works through `openai` with `openAiBaseUrl`.\n\n\
         Providers whose base URL is replaced by `baseUrl` all read their key from the setting shown or from \
         `apiKey`, and another base URL from `<id>BaseUrl` (`<id>` in camel case) or `baseUrl`.\n\n\
         | id | provider | base URL | replaced by | key | from | model |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
        ProviderRegistry::all().len()
    );
    let code = |value: Option<&str>| value.map_or_else(|| "-".to_owned(), |value| format!("`{value}`"));
    for info in ProviderRegistry::all() {
        let names: Vec<String> = info.aliases.iter().map(|alias| format!(", `{alias}`")).collect();
        let optional = if info.key_setting.is_some() && !info.key_required { " (optional)" } else { "" };
        writeln!(
            text,
            "| `{}`{} | [{}]({}): {} | {} | {} | {}{optional} | {} | `{}` |",
            info.id,
            names.concat(),
            info.name,
            info.documentation,
            info.description,
            code(info.base_url),
            code(info.base_url_setting),
            code(info.key_setting),
            code(info.key_variable),
            info.model_setting,
        )
        .unwrap();
    }
    text + &support::table()
}

fn assert_body(row: &Row, body: &str) {
    let value = Value::parse(body).unwrap_or_else(|error| panic!("{}: {error}: {body}", row.id));
    let (place, streamed) = match row.form {
        "gemini" => ("contents", true),
        "converse" => ("messages", true),
        "responses" => ("input", value.get("stream") == Some(&Value::Bool(true))),
        _ => ("messages", value.get("stream") == Some(&Value::Bool(true))),
    };
    assert!(streamed, "{}: {body}", row.id);
    let turns = value.get(place).and_then(Value::as_array).unwrap_or_else(|| panic!("{}: {body}", row.id));
    let last = turns.last().unwrap();
    assert_eq!(last.get("role").and_then(Value::as_str), Some("user"), "{}: {body}", row.id);
    assert!(last.to_json().contains("Hi"), "{}: {body}", row.id);
    assert!(body.contains("Be brief."), "{}: {body}", row.id);
    let settings = Value::parse(row.settings).unwrap();
    let model = ["apiModelId", "azureDeployment", "openAiModelId", "ollamaModelId"];
    if let Some(model) = model.iter().find_map(|key| settings.get(key))
        && !matches!(row.form, "gemini" | "converse")
    {
        assert_eq!(value.get("model"), Some(model), "{}: {body}", row.id);
    }
}

/// A request as it arrived.
struct Arrived {
    url: String,
    head: String,
    body: String,
}

impl Arrived {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// The answer's text and the request that it answered.
async fn call(row: &Row) -> (String, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let scheme = Arc::new(Mutex::new(String::new()));
    let transport = Redirected { inner: HyperTransport::new(), origin, scheme: scheme.clone() };
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".qwen")).unwrap();
    std::fs::write(home.path().join(".qwen/oauth_creds.json"), QWEN_LOGIN).unwrap();
    let context = Context {
        environment: Arc::default(),
        home: Some(home.path().to_owned()),
        cache_dir: None,
        ..Context::with_transport(Arc::new(transport))
    };
    let mut settings = ProviderSettings::from_json(row.settings).unwrap();
    settings.set("apiProvider", Some(row.id.into()));
    let provider = build_provider_in(&settings, &context).unwrap();
    assert_eq!(provider.name(), ProviderRegistry::get(row.id).unwrap().id);
    let form = row.form;
    let server = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_request(&mut socket, &scheme).await;
            let is_call = request.head.starts_with("POST ") && !request.url.ends_with("/token");
            let answer = if is_call { answer(form) } else { json(ANYTHING_ELSE) };
            socket.write_all(&answer).await.unwrap();
            if is_call {
                return request;
            }
        }
    };
    let request = ChatRequest::new("Be brief.", [Message::user("Hi")]);
    let answered =
        async { provider.chat(request).await.unwrap_or_else(|error| panic!("{}: {error}", row.id)) };
    let both = async { tokio::join!(server, answered) };
    let both = Box::pin(tokio::time::timeout(Duration::from_secs(30), both)).await;
    let (request, answer) = both.unwrap_or_else(|_| panic!("{}: no call arrived", row.id));
    (answer.text.clone(), request)
}

async fn read_request(socket: &mut TcpStream, scheme: &Mutex<String>) -> Arrived {
    let mut raw = Vec::new();
    let end = loop {
        let mut chunk = [0; 8192];
        let read = socket.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "the connection was closed inside a request");
        raw.extend_from_slice(&chunk[..read]);
        let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
        let length = head
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse::<usize>().unwrap());
        if raw.len() >= end + 4 + length {
            break end;
        }
    };
    let head = String::from_utf8(raw[..end].to_vec()).unwrap();
    let body = String::from_utf8(raw[end + 4..].to_vec()).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let mut arrived = Arrived { url: String::new(), head, body };
    arrived.url = format!("{}://{}{target}", scheme.lock().unwrap(), arrived.header("host").unwrap());
    arrived
}

/// Sends every request to the loopback server; the `host` line stays.
struct Redirected {
    inner: HyperTransport,
    origin: String,
    scheme: Arc<Mutex<String>>,
}

impl Transport for Redirected {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let (scheme, rest) = request.url.split_once("://").unwrap();
        scheme.clone_into(&mut self.scheme.lock().unwrap());
        let target = rest.find('/').map_or("/", |at| &rest[at..]);
        let host = &rest[..rest.len() - target.len()];
        if request.options.version == HttpVersion::Http2 {
            // The server is of the older kind.
            request.options.version = HttpVersion::Http11;
            let lines = request.headers.iter().filter(|(name, _)| !name.starts_with(':'));
            request.headers = lines.map(|(name, value)| (name.to_owned(), value.clone())).collect();
            request.headers.set("host", host.to_owned());
        }
        request.url = format!("{}{target}", self.origin);
        self.inner.send(request)
    }
}

fn answer(form: &str) -> Vec<u8> {
    match form {
        "chat" => events(CHAT),
        "cohere" => events(COHERE),
        "messages" => events(MESSAGES),
        "responses" => events(RESPONSES),
        "gemini" => events(GEMINI),
        "ollama" => with_type("application/x-ndjson", OLLAMA.as_bytes()),
        "converse" => {
            let body = base64::engine::general_purpose::STANDARD.decode(CONVERSE).unwrap();
            with_type("application/vnd.amazon.eventstream", &body)
        }
        other => panic!("no such form: {other}"),
    }
}

fn events(data: &[&str]) -> Vec<u8> {
    let event = |data: &&str| match data.split_once(r#"{"type":""#) {
        Some(("", rest)) => format!("event: {}\ndata: {data}\n\n", rest.split('"').next().unwrap()),
        _ => format!("data: {data}\n\n"),
    };
    let body: String = data.iter().map(event).collect();
    with_type("text/event-stream", body.as_bytes())
}

fn json(body: &str) -> Vec<u8> {
    with_type("application/json", body.as_bytes())
}

fn with_type(media_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

const QWEN_LOGIN: &str = r#"{"access_token":"k","refresh_token":"r","token_type":"Bearer",
    "expiry_date":9000000000000,"resource_url":"portal.qwen.ai"}"#;

/// The answer to requests for model lists and access tokens.
const ANYTHING_ELSE: &str =
    r#"{"data":[],"models":[],"access_token":"k","expires_in":3600,"token_type":"Bearer"}"#;

const CHAT: &[&str] = &[
    r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hello"},"finish_reason":null}]}"#,
    r#"{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#,
    "[DONE]",
];

const COHERE: &[&str] = &[
    r#"{"type":"message-start","id":"1","delta":{"message":{"role":"assistant","content":[]}}}"#,
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hello"}}}}"#,
    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":3,"output_tokens":1}}}}"#,
];

const MESSAGES: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"1","type":"message","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":0}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
    r#"{"type":"message_stop"}"#,
];

const RESPONSES: &[&str] = &[
    r#"{"type":"response.output_text.delta","delta":"Hello"}"#,
    r#"{"type":"response.completed","response":{"id":"1","usage":{"input_tokens":3,"output_tokens":1}}}"#,
];

const GEMINI: &[&str] =
    &[r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"finishReason":"STOP"}]}"#];

const OLLAMA: &str = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"done\":false}\n\
    {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"prompt_eval_count\":3,\"eval_count\":1}\n";

/// The one event `contentBlockDelta` with `Hello`, framed as Smithy's event streams are.
const CONVERSE: &str = "AAAAlwAAAFfzC+A+CzpldmVudC10eXBlBwARY29udGVudEJsb2NrRGVsdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcABWV2ZW50eyJjb250ZW50QmxvY2tJbmRleCI6MCwiZGVsdGEiOnsidGV4dCI6IkhlbGxvIn19Z2I4MQ==";
