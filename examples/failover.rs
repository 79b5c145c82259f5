//! What a manager does when providers fail. Needs no key: the services are replayed.
//!
//! ```sh
//! cargo run --example failover
//! ```

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager, Route};
use samewire::transport::{Disconnect, Exchange, ReplayTransport};
use samewire::{AiProvider, ChatRequest, Context, Error, Message, ProviderSettings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    println!("1. The first provider is down; the second answers.");
    let manager = manager([groq(503, "over capacity"), xai("Hello from the second provider.")])?;
    println!("{}", manager.explain_route(&question())?);
    println!("   {}\n", manager.chat(question()).await?.text);

    println!("2. There is only one, and it asks for a pause of a second.");
    let busy = groq(429, "slow down").header("retry-after", "1");
    let manager = manager_of([busy, groq(200, &says("Hello after the pause."))], "groq")?;
    let start = Instant::now();
    let answer = manager.chat(question()).await?;
    println!("   {} ({:.1} s)\n", answer.text, start.elapsed().as_secs_f64());

    println!("3. The connection breaks after the first words. Nothing is asked twice, nothing is lost.");
    let broken = groq(200, &says("To be continued")).disconnect(Disconnect::Mid);
    let manager = self::manager([broken, xai("never asked")])?;
    let mut tokens = manager.chat_stream(question()).await?;
    while let Some(token) = tokens.next().await {
        match token {
            Ok(token) => println!("   token: {}", token.to_json()),
            Err(error) => {
                let arrived = error.partial().map_or("", |partial| partial.text.as_str());
                println!("   {:?}: {error}\n   what arrived: {arrived:?}\n", error.kind());
            }
        }
    }

    println!("4. What the manager knows now:");
    for view in manager.health() {
        println!("   {}/{}: {:?}, {} failures", view.provider, view.model, view.state, view.failures);
    }
    Ok(())
}

/// A manager of two providers, the second for when the first fails, over this traffic.
fn manager(traffic: [Exchange; 2]) -> Result<ProviderManager, Error> {
    manager_of(traffic, "chat")
}

fn manager_of(traffic: [Exchange; 2], target: &str) -> Result<ProviderManager, Error> {
    let groq = ProviderSettings::new("groq").with("groqApiKey", "gsk_replayed");
    let xai = ProviderSettings::new("xai").with("xaiApiKey", "xai-replayed");
    let config = ManagerConfig::new()
        .provider(ProviderConfig::new("groq", groq))
        .provider(ProviderConfig::new("xai", xai))
        .route(Route::ordered("chat", ["groq", "xai"]))
        .default_target(target);
    ProviderManager::new(config, Context::with_transport(Arc::new(ReplayTransport::new(traffic))))
}

fn question() -> ChatRequest {
    ChatRequest::new("Be brief.", [Message::user("Hello?")])
}

fn groq(status: u16, body: &str) -> Exchange {
    Exchange::new(status).on("POST", "/openai/v1/chat/completions").body(body.to_owned())
}

fn xai(text: &str) -> Exchange {
    Exchange::new(200).on("POST", "/v1/chat/completions").body(says(text))
}

/// An answer as Chat Completions streams it.
fn says(text: &str) -> String {
    let words = text
        .split_inclusive(' ')
        .map(|word| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"));
    words.collect()
}
