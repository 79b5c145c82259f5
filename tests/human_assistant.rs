//! The framing of Anthropic's former text completions, offered beside the recorded one.
#![cfg(feature = "http")]

use std::sync::Arc;

use futures_util::StreamExt;
use samewire::layers::standard;
use samewire::transport::{Exchange, HttpRequest, ReplayTransport};
use samewire::{
    AiProvider, CompletionRequest, Context, PromptFormat, ProviderSettings, build_provider_in, clock,
};

/// Anthropic with that answer, and the transport that keeps its requests.
fn anthropic(answer: Exchange) -> (Arc<dyn AiProvider>, Arc<ReplayTransport>) {
    let replay = Arc::new(ReplayTransport::new([answer.on("POST", "/v1/messages")]));
    let transport = standard(replay.clone(), Arc::new(clock::SystemClock));
    let context = Context { transport, ..Context::system() };
    let settings = ProviderSettings::new("anthropic").with("apiKey", "sk-ant-test");
    (build_provider_in(&settings, &context).unwrap(), replay)
}

fn header(request: &HttpRequest, name: &str) -> Option<String> {
    request.headers.joined(name)
}

#[tokio::test]
async fn the_prompt_is_framed_as_a_dialogue_and_the_headers_are_those_of_the_time() {
    let body = r#"{"content":[{"type":"text","text":" Paris."}]}"#;
    let (provider, replay) =
        anthropic(Exchange::new(200).header("content-type", "application/json").body(body));
    let asked = CompletionRequest::new("The capital of France?").with_format(PromptFormat::HumanAssistant);
    assert_eq!(provider.complete(asked).await.unwrap().text, " Paris.");

    let request = &replay.requests()[0];
    assert_eq!(header(request, "anthropic-version").as_deref(), Some("2023-06-01"));
    assert_eq!(header(request, "anthropic-beta").as_deref(), Some("prompt-caching-2024-07-31"));
    assert_eq!(header(request, "x-api-key").as_deref(), Some("sk-ant-test"));
    let sent = samewire::json::Value::parse_bytes(request.body.clone()).unwrap();
    let message = sent.get("messages").unwrap().at(0).unwrap();
    assert_eq!(message.get("role").unwrap().as_str(), Some("user"));
    assert_eq!(message.get("content").unwrap().as_str(), Some("Human: The capital of France?\n\nAssistant:"));
}

#[tokio::test]
async fn a_streamed_completion_comes_token_by_token() {
    let body = "event: content_block_delta\n\
        data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Par\"}}\n\n\
        event: content_block_delta\n\
        data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"is\"}}\n\n";
    let (provider, replay) =
        anthropic(Exchange::new(200).header("content-type", "text/event-stream").body(body));
    let asked = CompletionRequest::new("The capital of France?").with_format(PromptFormat::HumanAssistant);
    let tokens = provider.complete_stream(asked).await.unwrap();
    let texts: Vec<String> = tokens.map(|token| token.unwrap().text().unwrap().to_owned()).collect().await;
    assert_eq!(texts, ["Par", "is"]);
    let sent = String::from_utf8(replay.requests()[0].body.to_vec()).unwrap();
    assert!(sent.contains("\"stream\": true"), "{sent}");
}
