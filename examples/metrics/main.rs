//! Measures a call and prints the figures as Prometheus reads them. No key, no network.
//!
//! `cargo run --example metrics --features metrics`

use std::sync::Arc;

use samewire::clock::SystemClock;
use samewire::manager::{MeasuredProvider, describe_metrics};
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{AiProvider, ChatRequest, Context, Message, ProviderSettings, build_provider_in};

mod recorder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recorder = Arc::new(recorder::TextRecorder::default());
    metrics::set_global_recorder(recorder.clone())?;
    describe_metrics();

    // A service that answers from memory; `Context::system()` would ask the real one.
    let answer = Exchange::new(200).header("content-type", "text/event-stream").body(ANSWER);
    let context = Context::with_transport(Arc::new(ReplayTransport::new([answer])));
    let settings = ProviderSettings::new("groq").with("groqApiKey", "gsk_...");
    let provider = MeasuredProvider::new(build_provider_in(&settings, &context)?, Arc::new(SystemClock));

    let response = provider.chat(ChatRequest::new("", [Message::user("Hello!")])).await?;
    println!("# the model says: {}", response.text);
    print!("{}", recorder.text());
    Ok(())
}

const ANSWER: &str = concat!(
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hello to you\"}}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":4}}\n\n",
    "data: [DONE]\n\n"
);
