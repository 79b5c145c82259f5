//! The audit log: who and how much, and nothing else.

use std::sync::{Arc, Mutex};

use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager, audit};
use samewire::transport::replay::{Exchange, ReplayTransport};
use samewire::{AiProvider, ChatRequest, Message, ProviderSettings};

use crate::logs::Fields;
use crate::planted::{KEY, assert_silent, context};

#[tokio::test(start_paused = true)]
async fn the_audit_log_tells_who_and_how_much_and_nothing_else() {
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
