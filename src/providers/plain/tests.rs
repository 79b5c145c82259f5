use std::sync::Arc;

use futures_util::StreamExt;

use crate::clock::TestClock;
use crate::context::Context;
use crate::json::Value;
use crate::provider::{AiProvider, HealthStatus};
use crate::transport::{Exchange, ReplayTransport};
use crate::{ChatRequest, ErrorKind, Message, ProviderSettings, StreamToken, Tool, build_provider_in};

fn settings(provider: &str) -> ProviderSettings {
    ProviderSettings::new(provider.to_owned()).with("apiModelId", "m")
}

fn in_world(settings: &ProviderSettings, exchanges: Vec<Exchange>) -> Arc<dyn AiProvider> {
    let transport = Arc::new(ReplayTransport::new(exchanges));
    build_provider_in(settings, &Context::for_tests(transport, Arc::new(TestClock::default()))).unwrap()
}

fn problem(settings: &ProviderSettings) -> String {
    let transport = Arc::new(ReplayTransport::new([]));
    let context = Context::for_tests(transport, Arc::new(TestClock::default()));
    build_provider_in(settings, &context).err().expect("a mistake").message().to_owned()
}

fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("Hi")])
}

fn body(settings: &ProviderSettings, request: &ChatRequest) -> String {
    let http = in_world(settings, Vec::new()).encode(request).unwrap();
    String::from_utf8(http.body.to_vec()).unwrap()
}

#[test]
fn a_missing_setting_is_named() {
    assert_eq!(
        problem(&settings("together")),
        "Together AI needs a key: set `togetherApiKey` or `apiKey`, usually kept in TOGETHER_API_KEY"
    );
    assert_eq!(
        problem(&settings("cloudflare").with("apiKey", "k")),
        "Cloudflare Workers AI needs `cloudflareAccountId`: its address is \
         https://api.cloudflare.com/client/v4/accounts/{cloudflareAccountId}/ai/v1"
    );
    let provider = in_world(&ProviderSettings::new("vllm"), Vec::new());
    let error = provider.encode(&hi()).unwrap_err();
    assert_eq!(error.message(), "vLLM completion error: vLLM has no default model: set `apiModelId`");
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[test]
fn a_host_may_be_pasted_as_a_url_but_no_path_can_be_smuggled_in() {
    let base = settings("databricks").with("apiKey", "k");
    let url = |host: &str| {
        let settings = base.clone().with("databricksHost", host.to_owned());
        in_world(&settings, Vec::new()).encode(&hi()).map(|http| http.url)
    };
    let wanted = "https://dbc.cloud.databricks.com/serving-endpoints/chat/completions";
    assert_eq!(url("https://dbc.cloud.databricks.com/").unwrap(), wanted);
    assert!(url("evil.example/x?").is_err());
}

#[test]
fn what_is_not_set_is_not_sent() {
    let plain = settings("vllm");
    assert_eq!(
        body(&plain, &hi()),
        r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#
    );
    assert!(!body(&plain.clone().with("includeUsage", false), &hi()).contains("stream_options"));
    let tuned = plain.with("modelTemperature", 0.2).with("modelMaxTokens", 64.0);
    let mut request = hi().with_tools([Tool::function("now", "Tells the time", crate::json::object! {})]);
    request.parallel_tool_calls = Some(false);
    let sent = Value::parse(&body(&tuned, &request)).unwrap();
    assert_eq!(sent.get("temperature"), Some(&Value::from(0.2)));
    assert_eq!(sent.get("max_tokens"), Some(&Value::from(64.0)));
    assert_eq!(sent.get("parallel_tool_calls"), Some(&Value::from(false)));
    assert!(sent.get("tools").is_some());
}

#[test]
fn a_local_server_gets_all_the_time_it_needs_and_no_key() {
    let http = in_world(&settings("llama-cpp"), Vec::new()).encode(&hi()).unwrap();
    assert_eq!(http.options.head_timeout, None);
    assert!(http.headers.get("authorization").is_none());
    let keyed = settings("llama-cpp").with("llamaCppApiKey", "k");
    let http = in_world(&keyed, Vec::new()).encode(&hi()).unwrap();
    assert_eq!(http.headers.joined("authorization").as_deref(), Some("Bearer k"));
    let hosted = in_world(&settings("together").with("apiKey", "k"), Vec::new());
    assert!(hosted.encode(&hi()).unwrap().options.head_timeout.is_some());
}

#[tokio::test]
async fn where_nobody_listens_it_says_what_to_start() {
    let wanted = "llama.cpp server: nothing answers at http://localhost:8080/v1. \
                  Start it with `llama-server -m model.gguf`, or set `baseUrl`.";
    let provider = in_world(&settings("llama-cpp"), Vec::new());
    let HealthStatus::Unhealthy(error) = provider.health_check().await else { panic!("nobody listens") };
    assert_eq!((error.message(), error.kind()), (wanted, ErrorKind::Connection));
    let error = provider.chat(hi()).await.unwrap_err();
    assert_eq!((error.message(), error.kind()), (wanted, ErrorKind::Connection));
}

#[tokio::test]
async fn the_local_servers_of_the_reference_say_it_too() {
    for (provider, wanted) in [
        (
            "ollama",
            "Ollama: nothing answers at http://localhost:11434. Start it with `ollama serve`, or set `ollamaBaseUrl`.",
        ),
        (
            "lmstudio",
            "LM Studio: nothing answers at http://localhost:1234. Start it with `lms server start`, or set `lmStudioBaseUrl`.",
        ),
    ] {
        let provider = in_world(&ProviderSettings::new(provider), Vec::new());
        let HealthStatus::Unhealthy(error) = provider.health_check().await else { panic!("nobody listens") };
        assert_eq!(error.message(), wanted);
        assert_eq!(provider.encode(&hi()).unwrap().options.head_timeout, None);
    }
}

#[tokio::test]
async fn models_are_asked_of_the_server() {
    let list = r#"{"object":"list","data":[{"id":"qwen3"},{"id":"llama"}]}"#;
    let answer = || {
        let answer = Exchange::new(200).header("content-type", "application/json").body(list);
        vec![answer.on("GET", "/v1/models")]
    };
    // Which model is not decided yet.
    let provider = in_world(&ProviderSettings::new("vllm"), answer());
    let ids: Vec<_> = provider.list_models().await.unwrap().into_iter().map(|model| model.id).collect();
    assert_eq!(ids, ["qwen3", "llama"]);
    let provider = in_world(&settings("vllm"), answer());
    assert!(matches!(provider.health_check().await, HealthStatus::Healthy));
}

#[tokio::test]
async fn sources_come_once_and_in_the_order_of_the_service() {
    let events = concat!(
        r#"data: {"citations":["https://b.example","https://a.example"],"search_results":[{"title":"A","url":"https://a.example"}],"choices":[{"delta":{"content":"It is"}}]}"#,
        "\n\n",
        r#"data: {"citations":["https://b.example","https://a.example"],"search_results":[{"title":"A","url":"https://a.example"},{"title":"C","url":"https://c.example"}],"choices":[{"delta":{"content":" so [1]."}}],"usage":{"prompt_tokens":5,"completion_tokens":4,"reasoning_tokens":3,"cost":{"total_cost":0.006}}}"#,
        "\n\n",
    );
    let answer = Exchange::new(200).header("content-type", "text/event-stream").body(events);
    let provider = in_world(&settings("perplexity").with("apiKey", "k"), vec![answer]);
    let stream = provider.chat_stream(hi()).await.unwrap();
    let tokens: Vec<String> = stream.map(|token| token.unwrap().to_json()).collect().await;
    assert_eq!(
        tokens,
        [
            r#"{"type":"grounding","sources":[{"title":"https://b.example","url":"https://b.example"},{"title":"A","url":"https://a.example"}]}"#,
            r#"{"type":"text","text":"It is"}"#,
            r#"{"type":"grounding","sources":[{"title":"C","url":"https://c.example"}]}"#,
            r#"{"type":"text","text":" so [1]."}"#,
            r#"{"type":"usage","inputTokens":5,"outputTokens":4,"reasoningTokens":3,"totalCost":0.006}"#,
        ]
    );
}

#[test]
fn search_options_go_out_under_their_documented_names() {
    let settings = settings("perplexity")
        .with("apiKey", "k")
        .with("perplexitySearchMode", "academic")
        .with("perplexitySearchDomainFilter", vec![Value::from("arxiv.org")])
        .with("perplexityWebSearchOptions", crate::json::object! { "search_context_size": "high" });
    assert_eq!(
        body(&settings, &hi()),
        r#"{"model":"m","search_mode":"academic","search_domain_filter":["arxiv.org"],"web_search_options":{"search_context_size":"high"},"messages":[{"role":"user","content":"Hi"}],"stream":true}"#
    );
}

#[test]
fn azure_needs_a_key_or_a_token() {
    let settings = settings("azure").with("azureResource", "r").with("azureDeployment", "d");
    let wanted =
        "Azure OpenAI needs a key or a token of Microsoft Entra: set `azureApiKey` or `azureAdToken`";
    assert_eq!(problem(&settings), wanted);
}

#[tokio::test]
async fn usage_tells_cached_and_reasoning_tokens_where_the_service_does() {
    let event = r#"{"choices":[{"delta":{"reasoning_content":"Hm","content":"<think>so</think>Yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":8,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}}"#;
    let answer = Exchange::new(200)
        .header("content-type", "text/event-stream")
        .body(format!("data: {event}\n\ndata: [DONE]\n\n"));
    let provider = in_world(&settings("sglang"), vec![answer]);
    let stream = provider.chat_stream(hi()).await.unwrap();
    let tokens: Vec<StreamToken> = stream.map(Result::unwrap).collect().await;
    let lines: Vec<String> = tokens.iter().map(StreamToken::to_json).collect();
    assert_eq!(
        lines,
        [
            r#"{"type":"reasoning","text":"Hm"}"#,
            r#"{"type":"reasoning","text":"so"}"#,
            r#"{"type":"text","text":"Yes"}"#,
            r#"{"type":"usage","inputTokens":9,"outputTokens":8,"cacheReadTokens":4,"reasoningTokens":5}"#,
        ]
    );
}
