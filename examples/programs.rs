//! Asks the command-line programs that are installed here, and says how to get those that are not.
//!
//! ```sh
//! cargo run --example programs --features headless -- "What is this folder about?"
//! ```
//!
//! Each program uses its own login, and what it answers is paid through that.

use samewire::headless::{HeadlessConfig, HeadlessProvider, Program};
use samewire::{AiProvider, ChatRequest, Context, HealthStatus, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let question = std::env::args().nth(1);
    let context = Context::system();
    let known = Program::ALL.iter().copied().filter(|program| *program != Program::Generic);
    for program in known {
        let provider = HeadlessProvider::new(HeadlessConfig::new(program), &context);
        if let HealthStatus::Unhealthy(error) = provider.health_check().await {
            println!("{program}: {error}\n");
            continue;
        }
        let Some(question) = &question else {
            println!("{program}: is here; give a question to ask it\n");
            continue;
        };
        match provider.chat(ChatRequest::new("", [Message::user(question.as_str())])).await {
            Ok(answer) => {
                let cost = answer.usage.total_cost.value();
                let cost = cost
                    .map_or_else(|| "a price that it does not tell".into(), |dollars| format!("${dollars}"));
                println!("{program}, for {cost}:\n{}\n", answer.text);
            }
            Err(error) => println!("{program}: {error}\n"),
        }
    }
}
