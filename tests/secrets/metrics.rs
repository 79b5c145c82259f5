//! Labels of figures.

use samewire::manager::{ManagerConfig, MeasuredProvider, ProviderConfig, ProviderManager};
use samewire::{AiProvider, ChatRequest, CompletionRequest, Message, ProviderRegistry};

use crate::planted::{Echo, KEY, assert_silent, build, context, settings};

#[path = "../../examples/metrics/recorder.rs"]
mod recorder;

#[test]
fn no_label_of_any_provider_tells_a_key_a_prompt_or_a_task() {
    let recorder = recorder::TextRecorder::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let private = || {
        let message = Message::user("a private pl4nted matter");
        ChatRequest::new("", [message]).with_task_id(format!("task {KEY}")).with_on_behalf_of(KEY)
    };
    let mut measured = 0;
    metrics::with_local_recorder(&recorder, || {
        for info in ProviderRegistry::all() {
            for status in [200, 401, 500] {
                let Some(provider) = build(info, Echo::new(status)) else { continue };
                measured += 1;
                let clock = context(Echo::new(status)).clock;
                let provider = MeasuredProvider::new(provider, clock);
                let _ = runtime.block_on(provider.chat(private()));
                let _ = runtime.block_on(provider.complete(CompletionRequest::new(KEY)));
                let config = ManagerConfig::new().provider(ProviderConfig::new("one", settings(info)));
                let manager = ProviderManager::new(config, context(Echo::new(status))).unwrap();
                let _ = runtime.block_on(manager.chat(private()));
            }
        }
    });
    let figures = recorder.text();
    assert!(measured > 150, "{measured}");
    for info in ["groq", "anthropic", "openai-native"] {
        assert!(figures.contains(&format!("gen_ai_provider_name=\"{info}\"")), "{figures}");
    }
    assert_silent("a label", &figures);
}
