//! Log lines of `log` and events of `tracing`, at every level.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use samewire::transport::HyperTransport;
use samewire::{ProviderRegistry, build_provider_in};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::planted::{assert_silent, context, hi, settings, told};

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

pub(crate) struct Fields(pub(crate) String);

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
        let world = context(Arc::new(HyperTransport::builder().system_proxy(false).build().unwrap()));
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
