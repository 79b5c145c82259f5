//! Streams an answer from any provider whose key is in the environment.
//!
//! ```sh
//! GROQ_API_KEY=... cargo run --example stream -- groq "Why is the sky blue?"
//! ```

use std::io::Write;

use futures_util::StreamExt;
use samewire::{
    ChatRequest, Error, Message, ProviderRegistry, ProviderSettings, StreamToken, build_provider,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let provider = arguments.next().unwrap_or_else(|| "groq".to_owned());
    let question = arguments.next().unwrap_or_else(|| "Why is the sky blue?".to_owned());

    let facts = ProviderRegistry::get(&provider)
        .ok_or_else(|| Error::configuration(format!("there is no provider {provider:?}")))?;
    let mut settings = ProviderSettings::new(provider);
    if let (Some(setting), Some(variable)) = (facts.key_setting, facts.key_variable) {
        let key = std::env::var(variable)
            .map_err(|_| Error::configuration(format!("set {variable} to your API key")))?;
        settings = settings.with(setting, key);
    }

    let provider = build_provider(&settings)?;
    let mut tokens = provider.chat_stream(ChatRequest::new("Be brief.", [Message::user(question)])).await?;
    while let Some(token) = tokens.next().await {
        match token? {
            StreamToken::Text(text) => print!("{text}"),
            StreamToken::Reasoning(text) => eprint!("{text}"),
            StreamToken::Usage(usage) => {
                eprintln!("\n{} tokens in, {} out", usage.input_tokens, usage.output_tokens);
            }
            _ => {}
        }
        // A person watches: nothing waits for the end of a line.
        let _ = std::io::stdout().flush();
    }
    println!();
    Ok(())
}
