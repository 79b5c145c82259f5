//! A loop over tools: the model asks, the program runs, the model goes on. Needs no key: the service is
//! replayed, byte for byte as it would stream.
//!
//! ```sh
//! cargo run --example tools --features testing
//! ```

use std::sync::Arc;

use samewire::json::{Value, object};
use samewire::testing::{Exchange, ReplayTransport, context};
use samewire::{
    AiProvider, ChatRequest, ContentBlock, Error, Message, ProviderSettings, Tool, build_provider_in,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let traffic = Arc::new(ReplayTransport::new([asks_for_weather(), says("Rain in Bremen: an umbrella.")]));
    let settings = ProviderSettings::new("groq").with("groqApiKey", "gsk_replayed");
    let provider = build_provider_in(&settings, &context(traffic.clone()))?;

    let answer = ask(&*provider, "What do I need in Bremen today?").await?;
    println!("model: {answer}\n\nwhat the service saw in the second request:");
    let sent = String::from_utf8_lossy(&traffic.requests()[1].body).into_owned();
    println!("{}", Value::parse(&sent).map(|body| body.to_json_pretty()).unwrap_or(sent));
    Ok(())
}

async fn ask(provider: &dyn AiProvider, question: &str) -> Result<String, Error> {
    let schema = object! {
        "type": "object",
        "properties": object! { "city": object! { "type": "string" } },
        "required": ["city"].into_iter().map(Value::from).collect::<Value>(),
    };
    let mut request = ChatRequest::new("Use the tools.", [Message::user(question)])
        .with_tools([Tool::function("weather", "Tells the weather of a city", schema)]);
    for _ in 0..MOST_ROUNDS {
        let answer = provider.chat(request.clone()).await?;
        if answer.tool_calls.is_empty() {
            return Ok(answer.text);
        }
        request.messages.extend(answer.to_messages());
        let results = answer.tool_calls.iter().map(|call| {
            println!("model calls {}({})", call.name, call.raw_arguments);
            ContentBlock::tool_result(call.id.clone(), run(&call.name, &call.arguments))
        });
        request.messages.push(Message::user_blocks(results));
    }
    Ok(format!("The model still calls tools after {MOST_ROUNDS} rounds."))
}

/// What the model is told; also of its mistakes, so that it can mend them.
fn run(tool: &str, arguments: &Result<Value, String>) -> String {
    match (tool, arguments) {
        ("weather", Ok(arguments)) => match arguments.get("city").and_then(Value::as_str) {
            Some(city) => format!("{city}: rain, 9 °C"),
            None => "`city` is missing".to_owned(),
        },
        (_, Ok(_)) => format!("there is no tool {tool}"),
        (_, Err(problem)) => format!("the arguments are no JSON: {problem}"),
    }
}

const MOST_ROUNDS: usize = 8;

fn asks_for_weather() -> Exchange {
    let call = r#"{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bremen\"}"}}"#;
    chunks(&[
        &format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#),
        r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    ])
}

fn says(text: &str) -> Exchange {
    chunks(&[&format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#)])
}

fn chunks(chunks: &[&str]) -> Exchange {
    let body = format!("data: {}\n\ndata: [DONE]\n\n", chunks.join("\n\ndata: "));
    Exchange::new(200).header("content-type", "text/event-stream").body(body)
}
