//! What calls leave behind in the `metrics` facade.

use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use samewire::clock::Clock;
use samewire::manager::{
    BreakerConfig, ManagerConfig, MeasuredProvider, ProviderConfig, ProviderManager, count_retry,
};
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{AiProvider, ChatRequest, Context, ErrorKind, Message, ProviderSettings, build_provider_in};

#[path = "../examples/metrics/recorder.rs"]
mod recorder;

/// A second passes at every look.
struct Ticking(std::sync::atomic::AtomicU32);

impl Clock for Ticking {
    fn now(&self) -> f64 {
        f64::from(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) * 1000.0
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

/// The figures of one call whose reader takes `limit` tokens.
fn figures(exchange: Exchange, limit: usize) -> String {
    let recorder = recorder::TextRecorder::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let exchange = exchange.header("content-type", "text/event-stream");
            let context = Context::with_transport(Arc::new(ReplayTransport::new([exchange])));
            let settings = ProviderSettings::new("groq").with("groqApiKey", "gsk_secret");
            let provider = build_provider_in(&settings, &context).unwrap();
            let provider = MeasuredProvider::new(provider, Arc::new(Ticking(0.into())));
            let request = ChatRequest::new("", [Message::user("a private matter")]).with_task_id("task-1");
            if let Ok(mut tokens) = provider.chat_stream(request).await {
                for _ in 0..limit {
                    tokens.next().await;
                }
            }
        });
    });
    let text = recorder.text();
    for hidden in ["secret", "private", "Hello", "task-1"] {
        assert!(!text.contains(hidden), "{text}");
    }
    text
}

const ANSWER: &str = concat!(
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hello to you\"}}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":4}}\n\n",
    "data: [DONE]\n\n"
);

const CALL: &str = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"groq\",\
                    gen_ai_request_model=\"moonshotai/kimi-k2-instruct-0905\"";

#[test]
fn a_whole_answer() {
    let text = figures(Exchange::new(200).body(ANSWER), 100);
    for (name, value) in [
        ("gen_ai_client_operation_time_to_first_chunk_sum{CALL}", "1"),
        ("gen_ai_client_operation_duration_sum{CALL}", "2"),
        ("gen_ai_client_operation_duration_count{CALL}", "1"),
        ("gen_ai_client_token_usage_sum{CALL,gen_ai_token_type=\"input\"}", "12"),
        ("gen_ai_client_token_usage_sum{CALL,gen_ai_token_type=\"output\"}", "4"),
    ] {
        let line = format!("{} {value}\n", name.replace("CALL", CALL));
        assert!(text.contains(&line), "{line} is missing in\n{text}");
    }
    assert!(text.contains("samewire_client_cost{") && text.contains("samewire_cost_source=\"estimated\""));
}

#[test]
fn a_dropped_answer() {
    let text = figures(Exchange::new(200).body(ANSWER), 1);
    assert!(text.contains("error_type=\"cancelled\""), "{text}");
    assert!(text.contains("gen_ai_token_type=\"output\"} 3"), "{text}");
}

#[test]
fn a_failed_call() {
    let text = figures(Exchange::new(401).body("{}"), 1);
    assert!(text.contains("error_type=\"authentication\""), "{text}");
    assert!(!text.contains("token_usage"), "{text}");
}

#[test]
fn a_manager_is_measured_without_being_wrapped() {
    let recorder = recorder::TextRecorder::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let answer = Exchange::new(200).header("content-type", "text/event-stream").body(ANSWER);
            let context =
                Context::with_transport(Arc::new(ReplayTransport::new([Exchange::new(500), answer])));
            let settings = ProviderSettings::new("groq").with("groqApiKey", "gsk_secret");
            let config =
                ManagerConfig::new().provider(ProviderConfig::new("groq", settings)).breaker(BreakerConfig {
                    minimum_calls: 1,
                    open_for: Duration::from_millis(1),
                    ..BreakerConfig::default()
                });
            let manager = ProviderManager::new(config, context).unwrap();
            let answer = manager.chat(ChatRequest::new("", [Message::user("Hi")])).await.unwrap();
            assert_eq!(answer.text, "Hello to you");
        });
    });
    let text = recorder.text();
    for line in [
        "gen_ai_client_operation_duration_count{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"groq\",gen_ai_request_model=\"moonshotai/kimi-k2-instruct-0905\",error_type=\"server\"} 1",
        "samewire_client_retries{gen_ai_provider_name=\"groq\",gen_ai_request_model=\"moonshotai/kimi-k2-instruct-0905\",error_type=\"server\"} 1",
        "samewire_client_limiter_wait_count{samewire_limiter_name=\"groq/moonshotai/kimi-k2-instruct-0905\"} 2",
        "samewire_client_breaker_state{samewire_breaker_name=\"groq/moonshotai/kimi-k2-instruct-0905\"} 0",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[test]
fn retries() {
    let recorder = recorder::TextRecorder::default();
    metrics::with_local_recorder(&recorder, || count_retry("groq", "m", ErrorKind::RateLimited));
    assert!(recorder.text().starts_with("samewire_client_retries{"));
}
