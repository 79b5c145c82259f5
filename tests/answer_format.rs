//! How each kind of service is asked for JSON, and what becomes of its answer.

use std::sync::Arc;

use samewire::json::{Value, object};
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{
    AiProvider, AnswerFormat, ChatRequest, Context, Message, ProviderSettings, build_provider,
    build_provider_in,
};

fn schema() -> Value {
    object! { "type": "object", "properties": object! { "age": object! { "type": "integer" } }, "required": vec![Value::from("age")] }.into()
}

fn request() -> ChatRequest {
    ChatRequest::new("Be exact.", [Message::user("How old is Ann?")])
        .with_answer_format(AnswerFormat::schema("person", schema()))
}

fn body(settings: &ProviderSettings, request: &ChatRequest) -> Value {
    Value::parse_bytes(build_provider(settings).unwrap().encode(request).unwrap().body).unwrap()
}

fn at(value: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(value, |value, key| value.get(key));
    found.unwrap_or_else(|| panic!("no {path} in {}", value.to_json())).to_json()
}

const STRICT: &str = r#"{"type":"object","properties":{"age":{"type":"integer"}},"required":["age"],"additionalProperties":false}"#;

fn openai() -> ProviderSettings {
    ProviderSettings::new("openai").with("openAiApiKey", "k").with("openAiModelId", "gpt-4o")
}

#[test]
fn services_that_hold_to_schemas_are_given_one() {
    let chat = body(&openai(), &request());
    assert_eq!(at(&chat, "response_format.json_schema.schema"), STRICT);
    assert_eq!(at(&chat, "response_format.json_schema.strict"), "true");
    let responses =
        ProviderSettings::new("openai-native").with("openAiNativeApiKey", "k").with("apiModelId", "gpt-5");
    let responses = body(&responses, &request());
    assert_eq!(at(&responses, "text.format.schema"), STRICT);
    assert_eq!(at(&responses, "text.verbosity"), r#""medium""#);
    let gemini = body(&ProviderSettings::new("gemini").with("geminiApiKey", "k"), &request());
    assert_eq!(at(&gemini, "generationConfig.responseMimeType"), r#""application/json""#);
    assert_eq!(at(&gemini, "generationConfig.responseJsonSchema"), schema().to_json());
    assert!(gemini.get("tools").is_none());
    let ollama = body(&ProviderSettings::new("ollama").with("ollamaModelId", "m"), &request());
    assert_eq!(at(&ollama, "format"), schema().to_json());
    let mistral = body(&ProviderSettings::new("mistral").with("mistralApiKey", "k"), &request());
    assert_eq!(at(&mistral, "response_format.json_schema.name"), r#""person""#);
    assert!(mistral.get("tool_choice").is_none());
}

#[test]
fn services_that_know_only_json_are_told_the_schema() {
    let deepseek = body(&ProviderSettings::new("deepseek").with("deepSeekApiKey", "k"), &request());
    assert_eq!(at(&deepseek, "response_format"), r#"{"type":"json_object"}"#);
    assert!(at(&deepseek, "messages").contains("valid against this JSON schema"));
    let told = body(&openai().with("answerFormat", "prompt"), &request());
    assert!(told.get("response_format").is_none() && at(&told, "messages").contains("valid against"));
    let cerebras = body(&ProviderSettings::new("cerebras").with("cerebrasApiKey", "k"), &request());
    assert!(at(&cerebras, "messages").contains("valid against"));
}

#[test]
fn claude_is_made_to_call_a_tool() {
    let claude = body(&ProviderSettings::new("anthropic").with("apiKey", "k"), &request());
    assert_eq!(at(&claude, "tool_choice.name"), r#""person""#);
    assert!(at(&claude, "tools").contains(r#""input_schema":{"type":"object""#));
    let thinking = ProviderSettings::new("anthropic").with("apiKey", "k").with("enableReasoningEffort", true);
    let thinking = body(&thinking, &request());
    assert!(thinking.get("thinking").is_some() && at(&thinking, "system").contains("valid against"));
}

#[test]
fn nothing_changes_for_who_asks_for_text() {
    for settings in [openai(), ProviderSettings::new("anthropic").with("apiKey", "k")] {
        let text = ChatRequest::new("Be exact.", [Message::user("How old is Ann?")]);
        let body = body(&settings, &text).to_json();
        assert!(!body.contains("response_format") && !body.contains("schema"), "{body}");
    }
}

fn answering(settings: &ProviderSettings, body: &'static str) -> Arc<dyn AiProvider> {
    let exchange = Exchange::new(200).header("content-type", "text/event-stream").body(body);
    let context = Context::with_transport(Arc::new(ReplayTransport::new([exchange])));
    build_provider_in(settings, &context).unwrap()
}

#[tokio::test]
async fn the_call_of_the_answer_tool_is_the_text() {
    let provider = answering(
        &ProviderSettings::new("anthropic").with("apiKey", "k"),
        concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"person\",\"input\":{}}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"age\\\":30}\"}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
    );
    let answer = provider.chat(request()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.tool_calls.len()), (r#"{"age":30}"#, 0));
}

const THOUGHT_ONLY: &str =
    "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"It is 42.\"}}]}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn reasoning_stands_in_for_a_missing_text_where_it_is_asked_for() {
    let question = || ChatRequest::new("", [Message::user("?")]);
    let answer = answering(&openai(), THOUGHT_ONLY).chat(question()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.reasoning.as_str()), ("", "It is 42."));
    let settings = openai().with("reasoningAsText", true);
    let answer = answering(&settings, THOUGHT_ONLY).chat(question()).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.reasoning.as_str()), ("It is 42.", "It is 42."));
    let mut asked = question();
    asked.reasoning_as_text = true;
    assert_eq!(answering(&openai(), THOUGHT_ONLY).chat(asked).await.unwrap().text, "It is 42.");
}

#[cfg(feature = "structured")]
mod typed {
    use samewire::ErrorKind;
    use samewire::structured::StructuredChat;
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    struct Person {
        name: String,
        age: Option<u32>,
        #[serde(default)]
        tags: Vec<String>,
    }

    fn says(text: &str) -> Arc<dyn AiProvider> {
        let event =
            object! { "choices": vec![Value::from(object! { "delta": object! { "content": text } })] };
        let body = format!("data: {}\n\ndata: [DONE]\n\n", Value::from(event).to_json());
        answering(&openai(), body.leak())
    }

    #[tokio::test]
    async fn answers_become_values() {
        let question = || ChatRequest::new("", [Message::user("Who?")]);
        for text in [
            r#"{"name":"Ann","age":30,"tags":[]}"#,
            "```json\n{\"name\":\"Ann\",\"age\":30}\n```",
            r#"{"name":"Ann","age":30,"tags":null}"#,
        ] {
            let answer = says(text).chat_as::<Person>(question()).await.unwrap();
            assert_eq!(answer.value, Person { name: "Ann".into(), age: Some(30), tags: Vec::new() });
        }
        let error = says("I am not sure.").chat_as::<Person>(question()).await.unwrap_err();
        assert_eq!((error.kind(), error.body()), (ErrorKind::InvalidResponse, Some("I am not sure.")));
    }

    #[test]
    fn the_schema_of_a_type_is_strict_on_the_wire() {
        let format = samewire::structured::schema_of::<Person>().unwrap();
        let request = ChatRequest::new("", [Message::user("?")]).with_answer_format(format);
        let body = body(&openai(), &request);
        assert_eq!(at(&body, "response_format.json_schema.name"), r#""Person""#);
        let schema = at(&body, "response_format.json_schema.schema");
        assert!(
            schema.contains(r#""additionalProperties":false"#) && !schema.contains("$schema"),
            "{schema}"
        );
        for name in ["name", "age", "tags"] {
            assert!(at(&body, "response_format.json_schema.schema.required").contains(name));
        }
    }
}
