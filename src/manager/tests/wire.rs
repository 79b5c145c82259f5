//! Real providers over a replayed wire.

use super::*;
use crate::ProviderSettings;
use crate::transport::{Disconnect, Exchange};

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n";

fn over(exchanges: Vec<Exchange>) -> (ProviderManager, Arc<ReplayTransport>) {
    let replay = Arc::new(ReplayTransport::new(exchanges));
    let clock = Arc::new(PausedClock::start());
    let retries = crate::layers::RetryLayer::new(replay.clone(), clock.clone());
    let context = Context::for_tests(Arc::new(retries), clock);
    let config = ManagerConfig::new()
        .provider(ProviderConfig::new("groq", ProviderSettings::new("groq").with("groqApiKey", "gsk")))
        .provider(ProviderConfig::new("xai", ProviderSettings::new("xai").with("xaiApiKey", "xai")))
        .route(Route::ordered("chat", ["groq/openai/gpt-oss-120b", "xai"]))
        .default_target("chat");
    (ProviderManager::new(config, context).unwrap(), replay)
}

fn groq(status: u16) -> Exchange {
    Exchange::new(status).on("POST", "/openai/v1/chat/completions")
}

#[tokio::test(start_paused = true)]
async fn a_model_can_be_named_and_the_sdk_does_not_retry_behind_our_back() {
    let (manager, replay) = over(vec![
        groq(503),
        groq(503),
        groq(503),
        Exchange::new(200).on("POST", "/v1/chat/completions").body(HELLO),
    ]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "Hello");
    let requests = replay.requests();
    let urls: Vec<&str> = requests.iter().map(|request| request.url.as_str()).collect();
    let (groq, xai) =
        ("https://api.groq.com/openai/v1/chat/completions", "https://api.x.ai/v1/chat/completions");
    assert_eq!(urls, [groq, xai], "503 goes on at once");
    let body = String::from_utf8(requests[0].body.to_vec()).unwrap();
    assert!(body.contains(r#""model":"openai/gpt-oss-120b""#), "{body}");
}

#[tokio::test(start_paused = true)]
async fn headers_of_good_and_bad_answers_teach_the_limiter() {
    let (manager, _) = over(vec![
        groq(429).header("retry-after", "7").header("x-ratelimit-limit-tokens-minute", "6000"),
        groq(200).header("x-ratelimit-limit-requests-minute", "30").body(HELLO),
    ]);
    let manager = manager.target("groq");
    let start = Instant::now();
    assert_eq!(manager.chat(hi()).await.unwrap().text, "Hello");
    assert!(start.elapsed() >= 7 * SECOND && start.elapsed() < 9 * SECOND, "{:?}", start.elapsed());
    let limits = manager.health()[0].limits;
    assert_eq!(
        (limits.requests_per_minute, limits.tokens_per_minute),
        (Some(30), Some(3120)),
        "halved, grown"
    );
}

#[tokio::test(start_paused = true)]
async fn broken_connections_before_and_after_the_first_token() {
    let (manager, replay) = over(vec![
        groq(200).disconnect(Disconnect::Mid),
        groq(200).body(HELLO.split_at(60).0).disconnect(Disconnect::Mid),
    ]);
    let mut stream = manager.chat_stream(hi()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().text(), Some("Hello"));
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.partial().unwrap().text.as_str()), (ErrorKind::Interrupted, "Hello"));
    assert_eq!(replay.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_object_in_a_200_stream_goes_on() {
    let (manager, _) = over(vec![
        groq(200).body("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"),
        groq(200).body("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"),
        groq(200).body("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n"),
        Exchange::new(200).on("POST", "/v1/chat/completions").body(HELLO),
    ]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "Hello");
}

#[tokio::test(start_paused = true)]
async fn one_key_of_three_is_revoked() {
    let exchanges = [groq(401).body("{}"), groq(200).body(HELLO), groq(200).body(HELLO)];
    let replay = Arc::new(ReplayTransport::new(exchanges));
    let context = Context::for_tests(replay.clone(), Arc::new(PausedClock::start()));
    let keys = ["one", "two", "three"].map(ApiKey::new);
    let ring = Arc::new(KeyRing::new("groq", keys, context.clock.clone()).unwrap());
    let config =
        ManagerConfig::new().provider(ProviderConfig::new("groq", ProviderSettings::new("groq")).keys(ring));
    let manager = ProviderManager::new(config, context).unwrap();
    for _ in 0..2 {
        let mut stream = manager.chat_stream(hi()).await.unwrap();
        assert!(stream.key_id().is_some(), "whose key it was still shows");
        assert_eq!(stream.next().await.unwrap().unwrap().text(), Some("Hello"));
    }
    let header = |request: &crate::transport::HttpRequest| request.headers.joined("authorization").unwrap();
    let sent: Vec<String> = replay.requests().iter().map(header).collect();
    assert_eq!(sent[0], "Bearer one");
    assert!(sent[1..].iter().all(|key| *key != "Bearer one"), "{sent:?}");
    assert_eq!(manager.health()[0].failures, 0, "a revoked key is not the service's failure");
}

#[tokio::test(start_paused = true)]
async fn sealed_reasoning_goes_back_to_its_writer_only() {
    const THOUGHTFUL: &str = concat!(
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\",\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"sealed\",\"index\":0}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
    );
    let router = |id: &str| {
        let settings = ProviderSettings::new("openrouter")
            .with("openRouterApiKey", "sk")
            .with("openRouterModelId", "google/gemini-3-pro-preview");
        ProviderConfig::new(id, settings)
    };
    let chat = |body| Exchange::new(200).on("POST", "/api/v1/chat/completions").body(body);
    let list = || Exchange::new(200).on("GET", "/api/v1/models").body("{\"data\":[]}");
    let endpoints = || {
        Exchange::new(200)
            .on("GET", "/api/v1/models/google/gemini-3-pro-preview/endpoints")
            .body("{\"data\":{}}")
    };
    let exchanges =
        vec![list(), endpoints(), chat(THOUGHTFUL), chat(HELLO), list(), endpoints(), chat(HELLO)];
    let replay = Arc::new(ReplayTransport::new(exchanges));
    let context = Context::for_tests(replay.clone(), Arc::new(PausedClock::start()));
    let config = ManagerConfig::new().provider(router("ours")).provider(router("theirs"));
    let manager = ProviderManager::new(config, context).unwrap();

    let answer = manager.target("ours").chat(hi()).await.unwrap();
    assert_eq!(answer.summary.provider.as_deref(), Some("ours"));
    let mut request = hi();
    request.messages.extend(answer.to_messages());
    request.messages.push(Message::user("go on"));
    manager.target("ours").chat(request.clone()).await.unwrap();
    manager.target("theirs").chat(request).await.unwrap();

    let sealed: Vec<bool> = replay
        .requests()
        .iter()
        .filter(|request| request.url.ends_with("/chat/completions"))
        .map(|request| String::from_utf8_lossy(&request.body).contains("sealed"))
        .collect();
    assert_eq!(sealed, [false, true, false]);
}
