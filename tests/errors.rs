//! What an error tells a program beside its message.
#![cfg(feature = "http")]

use std::sync::Arc;
use std::time::Duration;

use samewire::transport::{Exchange, ReplayTransport};
use samewire::{
    ChatRequest, Context, Error, ErrorKind, Message, ProviderSettings, RetryAdvice, build_provider_in,
};

/// The error of one chat that is answered so. Nothing is tried again: no layer is around the replay.
async fn error_of(settings: ProviderSettings, answer: Exchange) -> Error {
    let context = Context { transport: Arc::new(ReplayTransport::new([answer])), ..Context::system() };
    let provider = build_provider_in(&settings, &context).unwrap();
    provider.chat(ChatRequest::new("", [Message::user("hi")])).await.unwrap_err()
}

fn groq() -> ProviderSettings {
    ProviderSettings::new("groq").with("groqApiKey", "gsk-test")
}

#[tokio::test]
async fn a_rate_limit_names_the_wait_that_the_service_asked_for() {
    let answer = Exchange::new(429)
        .header("retry-after", "17")
        .header("x-request-id", "req-1")
        .body(r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#);
    let error = error_of(groq(), answer).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry(), RetryAdvice::After(Duration::from_secs(17)));
    assert_eq!(error.message(), "429 slow down");
    assert_eq!((error.status(), error.provider()), (Some(429), Some("groq")));
    assert_eq!(error.code().and_then(|code| code.as_str()), Some("rate_limit_exceeded"));
    assert_eq!(error.headers().joined("X-Request-ID").as_deref(), Some("req-1"));
    assert!(error.body().unwrap().contains("slow down"));
}

#[tokio::test]
async fn a_refused_key_is_not_worth_another_try_whatever_the_headers_say() {
    let answer = Exchange::new(401).header("retry-after", "1").body(r#"{"error":{"message":"no"}}"#);
    let error = error_of(groq(), answer).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Authentication, RetryAdvice::Never));
}

#[tokio::test]
async fn an_overloaded_service_without_advice_wants_a_growing_delay() {
    let settings = ProviderSettings::new("anthropic").with("apiKey", "sk-ant-test");
    let error = error_of(settings, Exchange::new(529).body(r#"{"type":"error"}"#)).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Overloaded, RetryAdvice::Backoff));
}

#[tokio::test]
async fn an_error_inside_a_good_answer_is_told_apart() {
    let body = "data: {\"error\":{\"message\":\"Overloaded\",\"code\":\"overloaded\"}}\n\n";
    let error = error_of(groq(), Exchange::new(200).body(body)).await;
    assert_eq!((error.kind(), error.message()), (ErrorKind::InStream, "Overloaded"));
}
