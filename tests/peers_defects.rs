//! Defects that users of other libraries reported, each as a promise. `docs/peers.md` says where each line of the
//! list is kept: here, in another test, or in a recording.
#![cfg(all(feature = "http", feature = "manager"))]

use std::fmt::Write;
use std::sync::Arc;

use futures_util::StreamExt;
use samewire::json::object;
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{
    AiProvider, ChatRequest, ChatResponse, Context, Error, ErrorKind, Message, ProviderSettings, StreamToken,
    Tool, build_provider_in,
};

fn openai() -> ProviderSettings {
    ProviderSettings::new("openai").with("openAiApiKey", "sk-1").with("openAiModelId", "m")
}

fn anthropic() -> ProviderSettings {
    ProviderSettings::new("anthropic").with("apiKey", "sk-1").with("apiModelId", "claude-sonnet-4-5")
}

fn gemini() -> ProviderSettings {
    ProviderSettings::new("gemini").with("geminiApiKey", "k").with("apiModelId", "gemini-2.5-flash")
}

fn provider(settings: &ProviderSettings, answers: impl IntoIterator<Item = Exchange>) -> Arc<dyn AiProvider> {
    let context = Context { transport: Arc::new(ReplayTransport::new(answers)), ..Context::system() };
    build_provider_in(settings, &context).unwrap()
}

fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("hi")])
}

/// Every token, then the error if there is one.
async fn read(
    settings: &ProviderSettings,
    body: &str,
    cuts: Vec<usize>,
) -> (Vec<StreamToken>, Option<Error>) {
    let provider = provider(settings, [Exchange::new(200).body(body.to_owned()).cut_at(cuts)]);
    let mut stream = provider.chat_stream(hi()).await.unwrap();
    let (mut tokens, mut error) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        match item {
            Ok(token) => tokens.push(token),
            Err(problem) => error = Some(problem),
        }
    }
    (tokens, error)
}

async fn answer(settings: &ProviderSettings, body: &str) -> Result<ChatResponse, Error> {
    provider(settings, [Exchange::new(200).body(body.to_owned())]).chat(hi()).await
}

fn text(tokens: &[StreamToken]) -> String {
    tokens.iter().filter_map(|token| token.text()).collect()
}

/// An event of Chat Completions.
fn event(choice: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n")
}

#[tokio::test]
async fn a_character_cut_between_reads_stays_whole() {
    let chat = event(r#""delta":{"content":"é🙂日本"}"#);
    let claude = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"é🙂日本\"}}\n\n";
    let google = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"é🙂日本\"}]}}]}\n\n";
    for (settings, body) in [(openai(), chat.as_str()), (anthropic(), claude), (gemini(), google)] {
        let (tokens, error) = read(&settings, body, (1..body.len()).collect()).await;
        assert_eq!((text(&tokens).as_str(), error.is_none()), ("é🙂日本", true), "{settings:?}");
    }
}

#[tokio::test]
async fn a_read_that_ends_between_cr_and_lf_makes_no_event_of_its_own() {
    let body = event(r#""delta":{"content":"one"}"#).replace('\n', "\r\n").repeat(2);
    for cut in 1..body.len() {
        let (tokens, _) = read(&openai(), &body, vec![cut]).await;
        assert_eq!(text(&tokens), "oneone", "cut at {cut}");
    }
}

#[tokio::test]
async fn a_byte_order_mark_harms_nothing() {
    let body = format!("\u{feff}{}", event(r#""delta":{"content":"one"}"#));
    for cut in 1..4 {
        let (tokens, error) = read(&openai(), &body, vec![cut]).await;
        assert_eq!((text(&tokens).as_str(), error.is_none()), ("one", true));
    }
}

#[tokio::test]
async fn a_body_that_ends_without_its_last_event_is_told_by_its_missing_finish_reason() {
    let whole = event(r#""delta":{"content":"one"},"finish_reason":"stop""#);
    for (body, reason) in [(event(r#""delta":{"content":"one"}"#), None), (whole, Some("stop"))] {
        let provider = provider(&openai(), [Exchange::new(200).body(body)]);
        let mut stream = provider.chat_stream(hi()).await.unwrap();
        while stream.next().await.is_some() {}
        assert_eq!(stream.summary().finish_reason.as_deref(), reason);
    }
}

#[tokio::test]
async fn an_error_inside_a_good_status_is_an_error() {
    let body = format!(
        "{}data: {{\"error\":{{\"message\":\"overloaded\",\"code\":503}}}}\n\n",
        event(r#""delta":{"content":"one"}"#)
    );
    let (tokens, error) = read(&openai(), &body, Vec::new()).await;
    let error = error.unwrap();
    assert_eq!((text(&tokens).as_str(), error.kind()), ("one", ErrorKind::InStream));
    assert!(error.message().contains("overloaded"));
}

#[tokio::test]
async fn an_error_without_words_is_told_in_words() {
    let (_, error) = read(&anthropic(), "event: error\nd: upstream gone\n\n", Vec::new()).await;
    assert_eq!(error.unwrap().message(), "Connection error.");
}

#[tokio::test]
async fn parallel_calls_are_told_apart_by_their_index() {
    let call = |index: u8, id: &str, name: &str, arguments: &str| {
        event(&format!(
            r#""delta":{{"tool_calls":[{{"index":{index},"id":"{id}","function":{{"name":"{name}","arguments":{arguments:?}}}}}]}}"#
        ))
    };
    let more = |index: u8, arguments: &str| {
        event(&format!(
            r#""delta":{{"tool_calls":[{{"index":{index},"function":{{"arguments":{arguments:?}}}}}]}}"#
        ))
    };
    let body = [
        call(0, "a", "read", "{\"x\""),
        call(1, "b", "list", "{\"y\""),
        more(0, ":1}"),
        more(1, ":2}"),
        event(r#""delta":{},"finish_reason":"tool_calls""#),
    ];
    let answer = answer(&openai(), &body.concat()).await.unwrap();
    let calls: Vec<_> = answer
        .tool_calls
        .iter()
        .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_ref().unwrap().to_json()))
        .collect();
    assert_eq!(calls, [("a", "read", r#"{"x":1}"#.to_owned()), ("b", "list", r#"{"y":2}"#.to_owned())]);
}

#[tokio::test]
async fn a_call_in_the_chunk_of_the_finish_reason_is_kept_and_the_reason_may_come_more_than_once() {
    let first = event(
        r#""delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read","arguments":"{\"x\":"}}]},"finish_reason":"tool_calls""#,
    );
    let last = event(
        r#""delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":"tool_calls""#,
    );
    let answer = answer(&openai(), &(first + &last)).await.unwrap();
    assert_eq!(answer.tool_calls.len(), 1);
    assert_eq!(answer.tool_calls[0].arguments.as_ref().unwrap().to_json(), r#"{"x":1}"#);
}

#[tokio::test]
async fn cut_arguments_are_no_arguments() {
    let body = event(
        r#""delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"delete","arguments":"{\"path\":\"/tm"}}]}"#,
    );
    let answer = answer(&openai(), &body).await.unwrap();
    assert!(answer.tool_calls.iter().all(|call| call.arguments.is_err()), "{:?}", answer.tool_calls);
}

#[tokio::test]
async fn usage_behind_the_finish_reason_counts() {
    let body = event(r#""delta":{"content":"x"},"finish_reason":"stop""#)
        + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
    let usage = answer(&openai(), &body).await.unwrap().usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (7, 3));
}

#[tokio::test]
async fn odd_fields_of_compatible_servers_are_taken_as_they_are() {
    let body = [
        "data: {\"choices\":[],\"usage\":{},\"service_tier\":\"on_demand\"}\n\n".to_owned(),
        event(r#""delta":{"role":"","content":"one"},"finish_reason":"""#),
        "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n\n".to_owned(),
        "data: [DONE]\n\n".to_owned(),
    ];
    let (tokens, error) = read(&openai(), &body.concat(), Vec::new()).await;
    assert_eq!((text(&tokens).as_str(), error.is_none()), ("one", true));
}

#[tokio::test]
async fn a_failed_request_keeps_its_body_and_its_headers() {
    let refused = Exchange::new(400)
        .header("x-request-id", "req-9")
        .body(r#"{"error":{"message":"no such tool","param":"tools[3]"}}"#);
    let error = provider(&openai(), [refused]).chat(hi()).await.unwrap_err();
    assert!(error.body().unwrap().contains("tools[3]"));
    assert_eq!(error.headers().joined("x-request-id").as_deref(), Some("req-9"));
    assert!(!error.message().is_empty());
}

#[test]
fn tools_and_schemas_keep_their_order_so_that_prompt_caches_hit() {
    let request = hi().with_tools(["b", "a", "c"].map(|name| {
        Tool::function(
            name,
            "",
            object! { "type": "object", "properties": object! { "z": object! {}, "a": object! {} } },
        )
    }));
    let encoded = || provider(&openai(), []).encode(&request).unwrap().body;
    let body = String::from_utf8(encoded().to_vec()).unwrap();
    assert_eq!(encoded(), body);
    let place = |what: &str| body.find(what).unwrap();
    assert!(
        place(r#""name":"b""#) < place(r#""name":"a""#) && place(r#""name":"a""#) < place(r#""name":"c""#)
    );
    assert!(place(r#""z":{"#) < place(r#""a":{"#));
}

#[tokio::test]
async fn an_echoed_key_in_a_url_stays_out_of_the_error() {
    let settings =
        gemini().with("geminiApiKey", "planted-key").with("googleGeminiBaseUrl", "http://127.0.0.1:1");
    let provider = build_provider_in(&settings, &Context::system()).unwrap();
    let error = tokio::time::timeout(std::time::Duration::from_secs(60), provider.chat(hi()))
        .await
        .unwrap()
        .unwrap_err();
    let mut told = format!("{error} {error:?}");
    let mut cause = error.cause();
    while let Some(error) = cause {
        let _ = write!(told, "{error} {error:?}");
        cause = error.cause();
    }
    assert!(!told.contains("planted"), "{told}");
}

/// Every test, file and recording that the list names is there.
#[test]
fn the_list_of_defects_names_what_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = std::fs::read_to_string(root.join("docs/peers.md")).unwrap();
    let mut named = 0;
    for span in list.split('`').skip(1).step_by(2) {
        if let Some((file, test)) = span.split_once("::") {
            let source =
                std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(source.contains(&format!("fn {test}(")), "{file} has no test {test}");
            named += 1;
        } else if std::path::Path::new(span).extension().is_some_and(|extension| extension == "json") {
            assert!(root.join("fixtures").join(span).exists(), "no recording {span}");
            named += 1;
        }
    }
    assert!(named > 30, "{named}");
}
