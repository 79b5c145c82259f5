//! Gemini with the login of Google's command-line tool in place of a key.
#![cfg(feature = "http")]

use std::sync::Arc;

use futures_util::StreamExt;
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{ChatRequest, Context, Message, ProviderSettings, StreamToken, build_provider_in};

/// Ends in 2100.
const GOOD: &str = r#"{"access_token":"ya29.good","refresh_token":"1//r","expiry_date":4102444800000}"#;
const ENDED: &str = r#"{"access_token":"ya29.ended","refresh_token":"1//r","expiry_date":1}"#;

fn answer() -> Exchange {
    Exchange::new(200)
        .on("POST", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse")
        .header("content-type", "text/event-stream")
        .body("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]}}]}\r\n\r\n")
}

/// Asks with a login of that content; gives the replay to look at what was sent.
async fn ask(name: &str, login: &str, exchanges: Vec<Exchange>) -> Arc<ReplayTransport> {
    let path = std::env::temp_dir().join(format!("samewire-login-{}-{name}.json", std::process::id()));
    std::fs::write(&path, login).unwrap();
    let settings = ProviderSettings::new("gemini")
        .with("apiModelId", "gemini-2.5-flash")
        .with("geminiApiKey", "unused-key")
        .with("geminiOAuthPath", path.to_str().unwrap())
        .with("geminiOAuthClientId", "client")
        .with("geminiOAuthClientSecret", "its-secret");
    assert!(!format!("{settings:?}").contains("its-secret"));

    let replay = Arc::new(ReplayTransport::new(exchanges));
    let provider = build_provider_in(&settings, &Context::with_transport(replay.clone())).unwrap();
    let request = ChatRequest::new("", [Message::user("hi")]);
    let tokens: Vec<_> = provider.chat_stream(request).await.unwrap().collect().await;
    std::fs::remove_file(&path).unwrap();
    let tokens: Vec<StreamToken> = tokens.into_iter().map(Result::unwrap).collect();
    assert_eq!(tokens, [StreamToken::Text("Hello".into())]);
    for request in replay.requests() {
        let shown = format!("{request:?}");
        assert!(!shown.contains("ya29.") && !shown.contains("its-secret"), "{shown}");
    }
    replay
}

#[tokio::test]
async fn a_login_takes_the_place_of_the_key() {
    let replay = ask("good", GOOD, vec![answer()]).await;
    let request = &replay.requests()[0];
    assert_eq!(request.headers.joined("authorization").as_deref(), Some("Bearer ya29.good"));
    assert!(request.headers.get("x-goog-api-key").is_none());
}

#[tokio::test]
async fn an_ended_login_is_renewed_first() {
    let renewed = Exchange::new(200)
        .on("POST", "/token")
        .header("content-type", "application/json")
        .body(r#"{"access_token":"ya29.new","expires_in":3599}"#);
    let replay = ask("ended", ENDED, vec![renewed, answer()]).await;
    let requests = replay.requests();
    assert_eq!(
        requests[0].body,
        "refresh_token=1%2F%2Fr&client_id=client&client_secret=its-secret&grant_type=refresh_token"
    );
    assert_eq!(requests[1].headers.joined("authorization").as_deref(), Some("Bearer ya29.new"));
}
