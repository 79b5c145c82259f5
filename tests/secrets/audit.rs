//! The audit log: who and how much, and nothing else.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager, audit};
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{AiProvider, ChatRequest, CompletionRequest, Message, ProviderSettings};

use crate::logs::Fields;
use crate::planted::{KEY, assert_silent, context};

/// Keeps the fields of the audit log's events, each in a line.
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
        let mut kept = self.0.lock().unwrap();
        kept.push_str(&fields.0);
        kept.push('\n');
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// What the audit log tells of the calls in `work`, which get a manager with one provider.
async fn audited<F: Future<Output = ()>>(
    exchanges: impl IntoIterator<Item = Exchange>,
    work: impl FnOnce(ProviderManager) -> F,
) -> String {
    let kept = Arc::new(Mutex::new(String::new()));
    let _guard = tracing::subscriber::set_default(Kept(kept.clone()));
    let settings = ProviderSettings::new("groq").with("groqApiKey", KEY);
    let config = ManagerConfig::new().provider(ProviderConfig::new("fast", settings)).on_attempt(audit);
    let world = context(Arc::new(ReplayTransport::new(exchanges)));
    work(ProviderManager::new(config, world).unwrap()).await;
    let told = kept.lock().unwrap().clone();
    assert_silent("the audit log", &told);
    assert!(!told.contains("private"), "{told}");
    told
}

fn private() -> ChatRequest {
    ChatRequest::new("a private prompt", [Message::user("hi")])
        .with_on_behalf_of("tenant-7/anna")
        .with_task_id("task-1")
}

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a private answer\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";

#[tokio::test(start_paused = true)]
async fn the_audit_log_tells_who_and_how_much_and_nothing_else() {
    let mut sent = 0;
    let told = audited([Exchange::new(200).body(ANSWER)], async |manager: ProviderManager| {
        sent = manager.encode(&private()).unwrap().body.len();
        manager.chat(private()).await.unwrap();
    })
    .await;
    for part in [
        "who=\"tenant-7/anna\"",
        "task=\"task-1\"",
        "provider=\"fast\"",
        "model=\"moonshotai/kimi-k2-instruct-0905\"",
        "outcome=\"answer\"",
        &format!("request_bytes={sent} "),
        &format!("response_bytes={} ", ANSWER.len()),
        "input_tokens=7",
        "output_tokens=3",
        "cost_usd=",
        "cost_source=\"estimated\"",
        "duration_ms=",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[tokio::test(start_paused = true)]
async fn the_audit_log_tells_of_failures_and_of_answers_that_nobody_read_to_their_end() {
    let refused = Exchange::new(401).body("{\"error\":{\"message\":\"a private reason\"}}");
    let told = audited([refused, Exchange::new(200).body(ANSWER)], async |manager: ProviderManager| {
        manager
            .complete(CompletionRequest::new("a private prompt").with_on_behalf_of("bert"))
            .await
            .unwrap_err();
        let mut tokens = manager.chat_stream(private()).await.unwrap();
        tokens.next().await.unwrap().unwrap();
    })
    .await;
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    for part in [
        "who=\"bert\"",
        "outcome=\"error\"",
        "error=Authentication",
        "status=401",
        "response_bytes=40 ",
        "input_tokens=0",
    ] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    for part in ["who=\"tenant-7/anna\"", "outcome=\"dropped\"", "request_bytes="] {
        assert!(lines[1].contains(part), "{part} in {}", lines[1]);
    }
}

/// Calls side by side share a transport; each is told its own bytes.
#[tokio::test(start_paused = true)]
async fn the_bytes_of_calls_side_by_side_are_kept_apart() {
    let told = audited((0..2).map(|_| Exchange::new(200).body(ANSWER)), async |manager: ProviderManager| {
        let long = ChatRequest::new("private ".repeat(1000), [Message::user("hi")]).with_on_behalf_of("long");
        let (a, b) = tokio::join!(manager.chat(long), manager.chat(private()));
        a.unwrap();
        b.unwrap();
    })
    .await;
    let bytes = |who: &str| -> usize {
        let line = told.lines().find(|line| line.contains(who)).unwrap();
        line.split("request_bytes=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
    };
    assert!(bytes("long") > 8_000 && bytes("anna") < 1_000, "{told}");
    assert!(told.lines().all(|line| line.contains(&format!("response_bytes={} ", ANSWER.len()))), "{told}");
}
