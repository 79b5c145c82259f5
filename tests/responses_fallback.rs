//! The second request of the Responses API: what came before it stays, and what is known goes on.

#![cfg(feature = "http")]

use std::sync::Arc;

use futures_util::StreamExt;
use samewire::transport::{Disconnect, Exchange, ReplayTransport};
use samewire::{
    ChatRequest, Context, ErrorKind, Message, ProviderSettings, StreamToken, TokenStream, build_provider_in,
};

const FIRST: &str = concat!(
    "data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"service_tier\":\"flex\",\"output\":[]}}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Half\"}\n\n",
);

async fn ask(exchanges: Vec<Exchange>) -> (TokenStream, Arc<ReplayTransport>) {
    let replay = Arc::new(ReplayTransport::new(exchanges));
    let settings = ProviderSettings::new("openai-native")
        .with("openAiNativeApiKey", "sk-secret")
        .with("apiModelId", "gpt-5.1");
    let provider = build_provider_in(&settings, &Context::with_transport(replay.clone())).unwrap();
    let request = ChatRequest::new("", [Message::user("hi")]);
    (provider.chat_stream(request).await.unwrap(), replay)
}

#[tokio::test]
async fn the_second_answer_follows_what_came_of_the_first() {
    let second = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"whole\"}\n\
                  data: {\"type\":\"response.done\",\"usage\":{\"input_tokens\":1000000,\"output_tokens\":0}}\n";
    let (mut stream, replay) = ask(vec![
        Exchange::new(200).body(FIRST).disconnect(Disconnect::Mid),
        Exchange::new(200).body(second),
    ])
    .await;
    let mut tokens = Vec::new();
    while let Some(token) = stream.next().await {
        tokens.push(token.unwrap());
    }
    let texts: Vec<_> = tokens.iter().filter_map(StreamToken::text).collect();
    assert_eq!(texts, ["Half", "whole"]);
    // The tier that served the first answer prices the second.
    let Some(StreamToken::Usage(usage)) = tokens.last() else { panic!("no usage: {tokens:?}") };
    assert_eq!(usage.total_cost.value(), Some(&0.625));
    assert_eq!(stream.summary().response_id.as_deref(), Some("resp_1"));
    let requests = replay.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body, requests[1].body);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn the_stream_ends_with_the_second_error() {
    let (mut stream, _) = ask(vec![
        Exchange::new(200).body(FIRST).disconnect(Disconnect::Mid),
        Exchange::new(401).body(r#"{"error":{"message":"no"}}"#),
    ])
    .await;
    assert_eq!(stream.next().await.unwrap().unwrap().text(), Some("Half"));
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.provider()), (ErrorKind::Authentication, Some("openai-native")));
    assert!(!format!("{error:?} {error}").contains("sk-secret"));
    assert!(stream.next().await.is_none());
    assert_eq!(stream.summary().response_id.as_deref(), Some("resp_1"));
}
