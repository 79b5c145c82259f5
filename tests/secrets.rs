//! Keys are planted wherever they may stand, and looked for in everything that prints: logs at trace level, errors
//! with their causes, `Debug`, and what is sent elsewhere.
#![cfg(all(feature = "http", feature = "manager"))]

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_core::future::BoxFuture;
use samewire::transport::{
    Exchange, HeaderValue, Headers, HttpRequest, HttpResponse, ReplayTransport, RequestOptions,
    ReqwestTransport, Transport, TransportError, TransportErrorKind,
};
use samewire::{
    AiProvider, ChatRequest, CompletionRequest, Context, Error, Message, ProviderInfo, ProviderRegistry,
    ProviderSettings, build_provider_in,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What is looked for; every planted secret holds it.
const MARK: &str = "pl4nted";
const KEY: &str = "sk-pl4nted-0123456789abcdef";

fn settings(info: &ProviderInfo) -> ProviderSettings {
    // The id of an AWS key is no secret: the service quotes it.
    let keys = ["awsSecretKey", "awsSessionToken", "openAiApiKey", "apiKey"];
    let settings =
        keys.into_iter().fold(ProviderSettings::new(info.id), |settings, name| settings.with(name, KEY));
    let settings = settings
        .with("awsAccessKey", "AKIDEXAMPLE")
        .with("awsRegion", "us-east-1")
        .with(info.model_setting, "some-model");
    match info.key_setting {
        Some(name) => settings.with(name, KEY),
        None => settings,
    }
}

fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("hi")])
}

fn context(transport: Arc<dyn Transport>) -> Context {
    Context { home: None, cache_dir: None, environment: Arc::default(), ..Context::with_transport(transport) }
}

fn build(info: &ProviderInfo, transport: Arc<dyn Transport>) -> Option<Arc<dyn AiProvider>> {
    // Some want settings of their own (an endpoint, a folder of credentials) and send nothing without.
    build_provider_in(&settings(info), &context(transport)).ok()
}

/// Everything that an error can be made to tell.
fn told(error: &Error) -> String {
    let mut told = format!("{error} {error:?} {error:#?} {:?} {:?}", error.headers(), error.details());
    let _ =
        write!(told, "{:?} {:?} {:?} {:?}", error.body(), error.code(), error.vendor_type(), error.partial());
    if let Some(cause) = error.cause() {
        told += &self::told(cause);
    }
    told
}

fn assert_silent(who: &str, told: &str) {
    let at = told.find(MARK).map(|at| &told[at.saturating_sub(120)..told.len().min(at + 60)]);
    assert!(at.is_none(), "{who} tells a key: {at:?}");
}

/// Answers with that status and a body that quotes every header of the request.
struct Echo {
    status: u16,
    requests: Mutex<Vec<HttpRequest>>,
}

impl Echo {
    fn new(status: u16) -> Arc<Self> {
        Arc::new(Self { status, requests: Mutex::default() })
    }
}

impl Transport for Echo {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let quoted: Vec<String> = request
            .headers
            .iter()
            .map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        let quoted = samewire::json::Value::from(quoted.join(" ")).to_json();
        let event = if self.status == 200 { "data: " } else { "" };
        let error = format!(
            "{event}{{\"type\":\"error\",\"message\":{quoted},\"error\":{{\"message\":{quoted},\"code\":{quoted}}}}}\n\n"
        );
        let exchange = Exchange::new(self.status)
            .header("content-type", if self.status == 200 { "text/event-stream" } else { "application/json" })
            .header("x-echo", quoted)
            .header("location", "https://elsewhere.example/v1")
            .body(error);
        self.requests.lock().unwrap().push(request.clone());
        Box::pin(async move { ReplayTransport::new([exchange]).send(request).await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_quotes_the_key_does_not_make_the_error_tell_it() {
    let mut asked = 0;
    for info in ProviderRegistry::all() {
        for status in [200, 400, 401, 500] {
            let echo = Echo::new(status);
            let Some(provider) = build(info, echo.clone()) else { continue };
            let who = format!("{}, status {status}", info.id);
            if let Err(error) = provider.chat(hi()).await {
                assert_silent(&who, &told(&error));
            }
            if let Err(error) = provider.complete(CompletionRequest::new("hi")).await {
                assert_silent(&who, &told(&error));
            }
            asked += echo.requests.lock().unwrap().len();
        }
    }
    assert!(asked > 200, "{asked} requests");
}

#[tokio::test(start_paused = true)]
async fn keys_do_not_follow_a_redirect_to_another_host() {
    let mut followed = 0;
    for info in ProviderRegistry::all() {
        let echo = Echo::new(307);
        let Some(provider) = build(info, echo.clone()) else { continue };
        let _ = provider.chat(hi()).await;
        for request in echo.requests.lock().unwrap().iter() {
            if !request.url.starts_with("https://elsewhere.example") {
                continue;
            }
            followed += 1;
            let values = request
                .headers
                .iter()
                .map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned());
            let sent = format!(
                "{} {:?} {}",
                request.url,
                values.collect::<Vec<_>>(),
                String::from_utf8_lossy(&request.body)
            );
            assert_silent(info.id, &sent);
        }
    }
    assert!(followed > 40, "{followed} requests followed");
}

#[tokio::test]
async fn no_planted_key_is_told_by_anything_that_prints() {
    for info in ProviderRegistry::all() {
        let settings = settings(info);
        let mut told = format!("{settings:?} {settings:#?}");
        if let Some(provider) = build(info, Echo::new(401)) {
            let _ = write!(told, "{:?} {:?}", provider.model(), provider.capabilities());
            match provider.encode(&hi()) {
                Ok(request) => print_all(&mut told, &[&request, &request.headers, &request.options]),
                Err(error) => told += &self::told(&error),
            }
        }
        assert_silent(info.id, &told);
    }
}

fn print_all(told: &mut String, values: &[&dyn Debug]) {
    for value in values {
        let _ = write!(told, "{value:?} {value:#?}");
    }
}

/// Logs of `log` and events of `tracing`, at every level.
struct Logs(Mutex<String>);

fn logs() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| Logs(Mutex::default()))
}

impl log::Log for Logs {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(self.0.lock().unwrap(), "{} {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

/// Writes fields of `tracing` into the logs.
struct Tracing;

struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl tracing::Subscriber for Tracing {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        let mut fields = Fields(String::new());
        span.record(&mut fields);
        let _ = writeln!(logs().0.lock().unwrap(), "{}{}", span.metadata().name(), fields.0);
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        let mut fields = Fields(String::new());
        values.record(&mut fields);
        let _ = writeln!(logs().0.lock().unwrap(), "{}", fields.0);
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let _ = writeln!(logs().0.lock().unwrap(), "{}{}", event.metadata().target(), fields.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn no_log_line_of_any_level_tells_a_key() {
    log::set_logger(logs()).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(Tracing).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut received = vec![0; 1 << 16];
            let read = socket.read(&mut received).await.unwrap();
            received.truncate(read);
            let head = format!("HTTP/1.1 401 No\r\nconnection: close\r\ncontent-length: {read}\r\n\r\n");
            let _ = socket.write_all(head.as_bytes()).await;
            let _ = socket.write_all(&received).await;
        }
    });
    let mut asked = 0;
    for info in ProviderRegistry::all() {
        let Some(base) = info.base_url_setting.or((info.id == "bedrock").then_some("awsBedrockEndpoint"))
        else {
            continue;
        };
        let settings = settings(info).with(base, url.as_str()).with("awsBedrockEndpointEnabled", true);
        let world = context(Arc::new(ReqwestTransport::builder().system_proxy(false).build().unwrap()));
        let Ok(provider) = build_provider_in(&settings, &world) else { continue };
        let chat = tokio::time::timeout(Duration::from_secs(30), provider.chat(hi()));
        if let Ok(Err(error)) = chat.await {
            assert_silent(info.id, &told(&error));
            asked += 1;
        }
    }
    server.abort();
    let told = logs().0.lock().unwrap().clone();
    assert!(asked > 10 && told.lines().count() > 100, "{asked} asked, {} lines", told.lines().count());
    assert_silent("a log line", &told);
}

#[tokio::test]
async fn a_line_break_cannot_smuggle_a_header_in() {
    let transport = ReqwestTransport::new();
    let request = |name: &'static str, value: &'static str, url: &str| HttpRequest {
        method: "POST",
        url: url.into(),
        headers: Headers::from_iter([(name, HeaderValue::secret(value))]),
        body: "{}".into(),
        options: RequestOptions::default(),
    };
    for (name, value) in [
        ("x-a", "1\r\nx-admin: 1"),
        ("x-a", "1\nx-admin: 1"),
        ("x-a\r\nx-admin", "1"),
        ("x-a", "1\0"),
        ("x a", "1"),
    ] {
        let error = transport.send(request(name, value, "http://127.0.0.1:1/")).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Request, "{name:?}: {value:?}");
    }
}

#[test]
fn a_model_id_stays_on_its_host_and_in_its_place() {
    let mut encoded = 0;
    for info in ProviderRegistry::all() {
        let url = |model: &str| {
            let settings = settings(info).with(info.model_setting, model);
            let provider = build_provider_in(&settings, &context(Echo::new(500))).ok()?;
            url::Url::parse(&provider.encode(&hi()).ok()?.url).ok()
        };
        let Some(plain) = url("some-model") else { continue };
        encoded += 1;
        for model in [
            "//evil.example/",
            "@evil.example",
            "x?key=1#",
            "x\r\nHost: evil.example",
            "..\\..\\evil",
            "/../../x",
        ] {
            // Refused is as good as kept in its place.
            let Some(odd) = url(model) else { continue };
            assert_eq!(odd.origin(), plain.origin(), "{}: {odd}", info.id);
            assert_eq!((odd.username(), odd.password()), ("", None), "{}: {odd}", info.id);
        }
    }
    assert!(encoded > 40, "{encoded}");
}

/// There is no way to switch the verification of certificates off: no setting, no builder, no call.
#[test]
fn certificates_are_always_verified() {
    fn search(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                let calls =
                    ["danger_accept", "dangerous()", "tls_danger", "with_custom_certificate_verifier"];
                found.extend(
                    calls
                        .iter()
                        .filter(|call| source.contains(**call))
                        .map(|call| format!("{path:?}: {call}")),
                );
            }
        }
    }
    let mut found = Vec::new();
    search(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    search(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/src"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[cfg(feature = "metrics")]
#[tokio::test(start_paused = true)]
async fn the_audit_log_tells_who_and_how_much_and_nothing_else() {
    use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager, audit};
    struct Kept(Arc<Mutex<String>>);
    impl tracing::Subscriber for Kept {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target() == "samewire::audit"
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields(String::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push_str(&fields.0);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }
    let kept = Arc::new(Mutex::new(String::new()));
    let _guard = tracing::subscriber::set_default(Kept(kept.clone()));
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"a private answer\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    let settings = ProviderSettings::new("groq").with("groqApiKey", KEY);
    let config = ManagerConfig::new().provider(ProviderConfig::new("fast", settings)).on_attempt(audit);
    let world = context(Arc::new(ReplayTransport::new([Exchange::new(200).body(body)])));
    let manager = ProviderManager::new(config, world).unwrap();
    manager.chat(ChatRequest::new("a private prompt", [Message::user("hi")])).await.unwrap();
    let told = kept.lock().unwrap().clone();
    for part in
        ["provider=\"fast\"", "outcome=\"answer\"", "input_tokens=7", "output_tokens=3", "duration_ms="]
    {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains("private"), "{told}");
    assert_silent("the audit log", &told);
}
