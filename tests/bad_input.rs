//! What users get wrong gives a clear error, never a panic, and never shows a secret.
#![cfg(feature = "http")]

use std::sync::Arc;

use samewire::json::object;
use samewire::transport::ReplayTransport;
use samewire::{
    AiProvider, ChatRequest, ContentBlock, Context, Error, ErrorKind, Message, ProviderSettings,
    build_provider_in, provider_ids,
};

const SECRET: &str = "sk-planted-0123456789";

/// A world without a network: whoever asks finds nobody.
fn context() -> Context {
    Context::with_transport(Arc::new(ReplayTransport::new([])))
}

fn build(settings: &ProviderSettings) -> Result<Arc<dyn AiProvider>, Error> {
    build_provider_in(settings, &context())
}

fn openai() -> ProviderSettings {
    ProviderSettings::new("openai").with("openAiApiKey", SECRET).with("openAiModelId", "gpt-4o")
}

fn hello() -> ChatRequest {
    ChatRequest::new("Be brief.", [Message::user("Hello")])
}

/// The error of building a provider or of encoding for it.
fn failure(settings: &ProviderSettings, request: &ChatRequest) -> Error {
    match build(settings) {
        Ok(provider) => provider.encode(request).expect_err("the request must not be encoded"),
        Err(error) => error,
    }
}

#[test]
fn an_unknown_provider_is_named_with_its_nearest_names() {
    let error = failure(&ProviderSettings::new("open-router"), &hello());
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.message(), "unknown provider `open-router`: did you mean `openrouter`?");
    let far = failure(&ProviderSettings::new("something-else"), &hello());
    assert!(far.message().contains("known are 302ai, "), "{far}");
}

#[test]
fn settings_without_a_provider_list_the_choices() {
    let settings = ProviderSettings::from_json("{}").unwrap();
    let error = failure(&settings, &hello());
    assert!(error.message().contains("set `apiProvider` to one of 302ai, "), "{error}");
}

#[test]
fn a_missing_key_is_an_error_where_the_reference_throws_one() {
    for (provider, message) in [
        ("groq", "API key is required"),
        ("cerebras", "Cerebras API key is required"),
        ("huggingface", "Hugging Face API key is required"),
    ] {
        assert_eq!(failure(&ProviderSettings::new(provider), &hello()).message(), message);
    }
}

#[test]
fn malformed_settings_name_line_and_column() {
    let error =
        ProviderSettings::from_json("{\"apiProvider\": \"openai\",\n  \"openAiApiKey\" \"x\"}").unwrap_err();
    assert!(error.message().contains("line 2, column 18: Unexpected string"), "{error}");
}

#[test]
fn settings_of_the_wrong_type_name_the_key() {
    let error = ProviderSettings::from_json(r#"{"apiProvider":"openai","openAiBaseUrl":7}"#).unwrap_err();
    assert_eq!(error.message(), "settings: `openAiBaseUrl` must be a string");
    let list = ProviderSettings::from_json("[]").unwrap_err();
    assert!(list.message().starts_with("settings must be a JSON object"), "{list}");
}

#[test]
fn an_unreadable_settings_file_is_named() {
    let path = std::env::temp_dir().join("samewire-no-such-settings.json");
    let error = ProviderSettings::load(&path).unwrap_err();
    assert!(error.message().starts_with(&path.display().to_string()), "{error}");
}

#[test]
fn an_invalid_base_url_fails_the_call_and_nothing_is_sent() {
    for url in ["no scheme at all", "llm.example.com/v1", "http://[::1"] {
        let error = failure(&openai().with("openAiBaseUrl", url), &hello());
        assert_eq!(error.message(), "OpenAI completion error: Invalid URL", "{url}");
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }
}

#[test]
fn a_header_with_a_line_break_is_refused_without_showing_it() {
    let injected = openai().with("openAiHeaders", object! { "X-Team": "red\r\nX-Admin: 1" });
    let error = failure(&injected, &hello());
    assert!(error.message().contains("line break"), "{error}");
    let key = openai().with("openAiApiKey", format!("{SECRET}\nX-Admin: 1"));
    let error = failure(&key, &hello());
    assert!(!format!("{error} {error:?}").contains("planted"), "{error:?}");
}

#[test]
fn no_provider_panics_on_an_empty_conversation_or_an_odd_image() {
    let odd = Message::user_blocks([ContentBlock::image("application/x-nonsense\r\n", "not base64 at all")]);
    for id in provider_ids() {
        for request in [ChatRequest::new("", []), ChatRequest::new("", [odd.clone()])] {
            // Most services are asked as they are, some refuse before that; either way it is a value.
            if let Err(error) = build(&keys(id)).and_then(|provider| provider.encode(&request)) {
                assert!(!error.message().is_empty(), "{id}");
                assert!(!error.message().contains("planted"), "{id}: {error}");
            }
        }
    }
}

#[test]
fn keys_are_hidden_from_debug_output_of_settings_and_requests() {
    for id in provider_ids() {
        let settings = keys(id);
        assert!(!format!("{settings:?}").contains("planted"), "{id}: {settings:?}");
        if let Ok(request) = build(&settings).and_then(|provider| provider.encode(&hello())) {
            assert!(!format!("{request:?}").contains("planted"), "{id}: {request:?}");
        }
    }
}

/// Settings with a key wherever any provider looks for one.
fn keys(id: &str) -> ProviderSettings {
    let names = [
        "apiKey",
        "openAiApiKey",
        "openAiNativeApiKey",
        "xaiApiKey",
        "groqApiKey",
        "basetenApiKey",
        "fireworksApiKey",
        "cerebrasApiKey",
        "chutesApiKey",
        "deepInfraApiKey",
        "deepSeekApiKey",
        "doubaoApiKey",
        "featherlessApiKey",
        "geminiApiKey",
        "huggingFaceApiKey",
        "ioIntelligenceApiKey",
        "litellmApiKey",
        "minimaxApiKey",
        "mistralApiKey",
        "moonshotApiKey",
        "ollamaApiKey",
        "openRouterApiKey",
        "requestyApiKey",
        "rooApiKey",
        "sambaNovaApiKey",
        "unboundApiKey",
        "vercelAiGatewayApiKey",
        "zaiApiKey",
        "awsAccessKey",
        "awsSecretKey",
    ];
    let settings = ProviderSettings::new(id).with("awsRegion", "us-east-1").with("apiModelId", "m");
    names.into_iter().fold(settings, |settings, name| settings.with(name, SECRET))
}
