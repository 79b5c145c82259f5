use std::sync::Arc;

use futures_util::StreamExt;

use crate::clock::TestClock;
use crate::context::Context;
use crate::provider::AiProvider;
use crate::transport::{Exchange, ReplayTransport};
use crate::{ChatRequest, ErrorKind, Message, ProviderSettings, Tool, build_provider_in};

fn settings() -> ProviderSettings {
    ProviderSettings::new("cohere").with("cohereApiKey", "k").with("apiModelId", "m")
}

fn in_world(settings: &ProviderSettings, exchanges: Vec<Exchange>) -> Arc<dyn AiProvider> {
    let transport = Arc::new(ReplayTransport::new(exchanges));
    build_provider_in(settings, &Context::for_tests(transport, Arc::new(TestClock::default()))).unwrap()
}

fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("Hi")])
}

#[tokio::test]
async fn cohere_tells_plans_calls_and_citations() {
    let events = [
        r#"{"type":"message-start","id":"r1","delta":{"message":{"role":"assistant"}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will look."}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c1","type":"function","function":{"name":"now","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":4,"text":"noon","sources":[{"type":"document","id":"d1","document":{"title":"Clock","url":"https://c.example"}},{"type":"tool","id":"c1:0","tool_output":{"time":"12"}}]}}}}"#,
        r#"{"type":"citation-end","index":0}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"the model stumbled","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":70,"output_tokens":9},"cached_tokens":6}}}"#,
    ];
    let body = format!("data: {}\n\n", events.join("\n\ndata: "));
    let answer = Exchange::new(200).header("content-type", "text/event-stream").body(body);
    let provider = in_world(&settings(), vec![answer]);
    let mut stream = provider.chat_stream(hi()).await.unwrap();
    let mut tokens = Vec::new();
    let mut error = None;
    while let Some(item) = stream.next().await {
        match item {
            Ok(token) => tokens.push(token.to_json()),
            Err(problem) => error = Some(problem),
        }
    }
    assert_eq!(
        tokens,
        [
            r#"{"type":"reasoning","text":"I will look."}"#,
            r#"{"type":"tool_call_partial","index":0,"id":"c1","name":"now","arguments":""}"#,
            r#"{"type":"tool_call_partial","index":0,"arguments":"{}"}"#,
            r#"{"type":"tool_call_end","id":"c1"}"#,
            r#"{"type":"grounding","sources":[{"title":"Clock","url":"https://c.example"},{"title":"noon","url":"c1:0"}]}"#,
            r#"{"type":"usage","inputTokens":70,"outputTokens":9,"cacheReadTokens":6}"#,
        ]
    );
    let error = error.unwrap();
    assert_eq!((error.message(), error.kind()), ("the model stumbled", ErrorKind::InStream));
}

#[test]
fn cohere_is_told_of_tools_in_its_own_way() {
    use crate::json::object;
    let mut request = ChatRequest::new(
        "Be brief.",
        [
            Message::user("What time is it?"),
            Message::assistant_blocks([
                crate::ContentBlock::text("I will look."),
                crate::ContentBlock::tool_use("c1", "now", object! {}),
            ]),
            Message::user_blocks([crate::ContentBlock::tool_result("c1", "noon")]),
        ],
    )
    .with_tools(["now", "then"].map(|name| Tool::function(name, "", object! { "type": "object" })));
    request.tool_choice = Some(crate::ToolChoice::Function("now".into()));
    let settings = settings().with("modelMaxThinkingTokens", 99.0);
    assert_eq!(
        String::from_utf8(in_world(&settings, Vec::new()).encode(&request).unwrap().body.to_vec()).unwrap(),
        concat!(
            r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What time is it?"},"#,
            r#"{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"now","arguments":"{}"}}],"tool_plan":"I will look."},"#,
            r#"{"role":"tool","content":"noon","tool_call_id":"c1"}],"#,
            r#""tools":[{"type":"function","function":{"name":"now","description":"","parameters":{"type":"object"}}}],"#,
            r#""tool_choice":"REQUIRED","thinking":{"type":"enabled","token_budget":99},"stream":true}"#,
        )
    );
}

#[tokio::test]
async fn a_refusal_of_cohere_is_told_in_its_words() {
    let refusal = Exchange::new(401)
        .header("content-type", "application/json")
        .body(r#"{"id":"x","message":"invalid api token"}"#);
    let provider = in_world(&settings(), vec![refusal]);
    let error = provider.chat(hi()).await.unwrap_err();
    assert_eq!(error.message(), "Cohere completion error: 401 invalid api token");
    assert_eq!(error.status(), Some(401));
}

#[test]
fn only_the_two_clients_are_known() {
    let transport = Arc::new(ReplayTransport::new([]));
    let context = Context::for_tests(transport, Arc::new(TestClock::default()));
    let error = build_provider_in(&settings().with("cohereClient", "fetch"), &context).err().unwrap();
    assert_eq!(error.message(), "`cohereClient` must be `cohere-ai` or `ai-sdk`, not `fetch`");
}

#[tokio::test]
async fn models_are_those_that_chat() {
    let list = r#"{"models":[{"name":"command-a-vision","context_length":128000,"features":["vision"]}]}"#;
    let answer = Exchange::new(200).header("content-type", "application/json").body(list);
    let answer = answer.on("GET", "/v1/models?page_size=1000&endpoint=chat");
    let models = in_world(&settings(), vec![answer]).list_models().await.unwrap();
    assert_eq!(models[0].id, "command-a-vision");
    assert_eq!(models[0].info().context_window(), Some(128_000.0));
    assert!(models[0].info().supports_images());
}
