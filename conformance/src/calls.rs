//! What each recorded `call` means in terms of samewire's public API.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use samewire::json::{Object, Value, object};
use samewire::think::{Piece, PieceKind, TagMatcher};
use samewire::{
    AiProvider, ChatRequest, CompletionRequest, Context, Error, Field, ImageMethod, ImageRequest, Model,
    ProviderSettings, StreamSummary, StreamToken, ToolCallAssembler, ToolCallPartial, build_provider_in,
    list_models_in,
};

/// What came out of a call.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Each token as the reference's chunk prints.
    pub(crate) tokens: Vec<String>,
    pub(crate) value: Option<Value>,
    pub(crate) error: Option<Error>,
    /// What the stream told beside its tokens, where there was a stream.
    pub(crate) summary: Option<StreamSummary>,
}

/// What to do for a call.
#[derive(Clone, Copy)]
pub(crate) enum Entry {
    /// Runs it.
    Run(Run),
    /// The public API has no way in, for the reason given.
    Missing(&'static str),
}

pub(crate) type Run = for<'a> fn(&'a Ask) -> BoxFuture<'a, Outcome>;

/// What is asked, and in which world.
pub(crate) struct Ask {
    pub(crate) input: Value,
    pub(crate) context: Context,
}

/// What to do for the call of that name; `None` if no such call is known.
pub(crate) fn entry(call: &str) -> Option<Entry> {
    CALLS.iter().find(|(name, _)| *name == call).map(|(_, entry)| *entry)
}

const CALLS: &[(&str, Entry)] = &[
    ("createMessage", Entry::Run(|ask| Box::pin(create_message(ask)))),
    ("createMessages", Entry::Run(|ask| Box::pin(create_messages(ask)))),
    ("completePrompt", Entry::Run(|ask| Box::pin(complete_prompt(ask)))),
    ("getModel", Entry::Run(|ask| Box::pin(get_model(ask)))),
    ("fetchModel", Entry::Run(|ask| Box::pin(fetch_model(ask)))),
    ("countTokens", Entry::Run(|ask| Box::pin(count_tokens(ask)))),
    ("getOpenAiModels", Entry::Run(|ask| Box::pin(openai_models(ask)))),
    ("parser", Entry::Run(|ask| Box::pin(std::future::ready(parser(ask))))),
    ("tagMatcher", Entry::Run(|ask| Box::pin(std::future::ready(tag_matcher(ask))))),
    ("listModels", Entry::Run(|ask| Box::pin(list_models(ask)))),
    ("getLmStudioModels", Entry::Run(|ask| Box::pin(lmstudio_models(ask)))),
    ("generateImage", Entry::Run(|ask| Box::pin(generate_image(ask)))),
    ("unit", Entry::Missing("shared functions are private; their own unit tests read these files")),
    (TRAFFIC, Entry::Missing("traffic of another client, for replay: no call of samewire stands behind it")),
];

/// What the recording proxy keeps.
pub(crate) const TRAFFIC: &str = "traffic";

async fn create_message(ask: &Ask) -> Outcome {
    let mut outcome = Outcome::default();
    match ask.provider().await {
        Ok(provider) => stream(ask, &*provider, &ask.input, &mut outcome).await,
        Err(error) => outcome.error = Some(error),
    }
    outcome
}

/// Several turns on one provider; each begins with the mark that the recorder left.
async fn create_messages(ask: &Ask) -> Outcome {
    let mut outcome = Outcome::default();
    let provider = match ask.provider().await {
        Ok(provider) => provider,
        Err(error) => return Outcome { error: Some(error), ..outcome },
    };
    for (index, turn) in ask.list("turns").iter().enumerate() {
        outcome.tokens.push(format!("{{\"__turn\":{}}}", index + 1));
        stream(ask, &*provider, turn, &mut outcome).await;
        if outcome.error.is_some() {
            break;
        }
    }
    outcome
}

async fn stream(ask: &Ask, provider: &dyn AiProvider, turn: &Value, outcome: &mut Outcome) {
    let request = chat_request(turn, ask.input.get("feedParser").is_some_and(Value::is_truthy));
    let mut tokens = match provider.chat_stream(request).await {
        Ok(tokens) => tokens,
        Err(error) => {
            outcome.error = Some(error);
            return;
        }
    };
    while let Some(token) = tokens.next().await {
        match token {
            Ok(token) => outcome.tokens.push(token.to_json()),
            Err(error) => {
                outcome.error = Some(error);
                break;
            }
        }
    }
    outcome.summary = Some(tokens.summary());
}

/// The arguments of the reference's `createMessage` as a request.
pub(crate) fn chat_request(turn: &Value, track_tool_calls: bool) -> ChatRequest {
    let messages = turn.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let system_prompt = turn.get("systemPrompt").and_then(Value::as_str).unwrap_or_default();
    let mut request = ChatRequest::from_reference(system_prompt, messages, turn.get("metadata"));
    request.track_tool_calls = track_tool_calls;
    request
}

async fn complete_prompt(ask: &Ask) -> Outcome {
    let outcome = async {
        let prompt = ask.input.get("prompt").and_then(Value::as_str).unwrap_or_default();
        let response = ask.provider().await?.complete(CompletionRequest::new(prompt)).await?;
        Ok(response.irregular.unwrap_or(Value::from(response.text)))
    };
    Outcome::of(outcome.await)
}

async fn get_model(ask: &Ask) -> Outcome {
    Outcome::of(ask.provider().await.map(|provider| provider.model().to_json()))
}

async fn fetch_model(ask: &Ask) -> Outcome {
    let outcome = async {
        let provider = ask.provider().await?;
        provider.initialize().await?;
        Ok(provider.model().to_json())
    };
    Outcome::of(outcome.await)
}

async fn count_tokens(ask: &Ask) -> Outcome {
    let outcome = async { ask.provider().await?.count_tokens(ask.list("content")).await };
    Outcome::of(outcome.await.map(Value::from))
}

/// The reference takes every failure for an empty list, and prints `null` for a model without an id.
async fn openai_models(ask: &Ask) -> Outcome {
    let args = ask.list("args");
    let mut settings = ProviderSettings::new("openai");
    for (key, value) in ["openAiBaseUrl", "openAiApiKey", "openAiHeaders"].into_iter().zip(args) {
        settings.set(key, Some(value.clone()));
    }
    let listed = async { build_provider_in(&settings, &ask.context)?.list_models().await };
    let id = |model: Model| if model.id.is_empty() { Value::Null } else { model.id.into() };
    let models: Value = listed.await.unwrap_or_default().into_iter().map(id).collect();
    Outcome { value: Some(models), ..Outcome::default() }
}

/// The models of the service that the options name, facts by id.
async fn list_models(ask: &Ask) -> Outcome {
    let option = |name: &str| ask.input.get("options").and_then(|options| options.get(name));
    let provider = option("provider").and_then(Value::as_str).unwrap_or_default();
    // Recordings of packages name all settings, those of the reference its function's arguments.
    let mut settings = match ask.input.get("settings") {
        Some(settings) => match ProviderSettings::from_value(settings.clone()) {
            Ok(settings) => settings,
            Err(error) => return Outcome { error: Some(error), ..Outcome::default() },
        },
        None => ProviderSettings::new(provider),
    };
    if let Some((_, key, base_url)) = LIST_SETTINGS.iter().find(|(name, ..)| *name == provider) {
        settings.set(key, option("apiKey").cloned());
        settings.set(base_url, option("baseUrl").cloned());
    }
    let by_id = |models: Vec<Model>| -> Object {
        models.into_iter().map(|model| (model.id.clone(), model.info().as_object().clone())).collect()
    };
    Outcome::of(list_models_in(&settings, &ask.context).await.map(by_id).map(Value::from))
}

/// The reference gives failures back as values.
async fn generate_image(ask: &Ask) -> Outcome {
    let text = |index: usize| ask.list("args").get(index).and_then(Value::as_str);
    let mut request = ImageRequest::new(text(1).unwrap_or_default(), text(0).unwrap_or_default());
    request.input_image = text(2).map(str::to_owned);
    if text(3) == Some("images_api") {
        request.method = ImageMethod::ImagesApi;
    }
    let made = async { ask.provider().await?.generate_image(request).await };
    let value = match made.await {
        Ok(image) => object! { "success": true, "imageData": image.data, "imageFormat": image.format },
        Err(error) => object! { "success": false, "error": error.message() },
    };
    Outcome { value: Some(value.into()), ..Outcome::default() }
}

/// The ids that the local server lists.
async fn lmstudio_models(ask: &Ask) -> Outcome {
    let mut settings = ProviderSettings::new("lmstudio");
    settings.set("lmStudioBaseUrl", ask.list("args").first().cloned());
    let ids =
        |models: Vec<Model>| -> Value { models.into_iter().map(|model| Value::from(model.id)).collect() };
    Outcome::of(list_models_in(&settings, &ask.context).await.map(ids))
}

fn parser(ask: &Ask) -> Outcome {
    let mut assembler = ToolCallAssembler::new();
    let step = |step: &Value| {
        let tokens = match (step.get("finish"), step.get("finalize")) {
            (Some(reason), _) => assembler.finish_reason(reason.as_str()),
            (_, Some(_)) => assembler.finish(),
            _ => assembler.push(&fragment(step)),
        };
        tokens.iter().map(|token: &StreamToken| Value::from(token.to_object())).collect::<Value>()
    };
    Outcome { value: Some(ask.list("steps").iter().map(step).collect()), ..Outcome::default() }
}

/// The lists of chunks for each fragment, then for the end.
fn tag_matcher(ask: &Ask) -> Outcome {
    let mut matcher = TagMatcher::new("think");
    let chunk = |piece: Piece| match piece.kind {
        PieceKind::Text => Value::from(StreamToken::Text(piece.text).to_object()),
        PieceKind::Reasoning => StreamToken::Reasoning(piece.text).to_object().into(),
    };
    let fragments = ask.list("steps").iter().filter_map(Value::as_text);
    let mut lists: Vec<Value> = fragments.map(|text| matcher.push(text).map(chunk).collect()).collect();
    lists.push(matcher.finish().into_iter().map(chunk).collect());
    Outcome { value: Some(lists.into()), ..Outcome::default() }
}

fn fragment(step: &Value) -> ToolCallPartial {
    let text = |key: &str| Field::of(step.get(key).and_then(Value::as_text).cloned());
    ToolCallPartial {
        index: Field::of(step.get("index").and_then(Value::as_f64).map(|index| index as u64)),
        id: text("id"),
        name: text("name"),
        arguments: text("arguments"),
    }
}

impl Ask {
    async fn provider(&self) -> Result<Arc<dyn AiProvider>, Error> {
        let settings = self.input.get("settings").cloned().unwrap_or_else(|| Object::new().into());
        let provider = build_provider_in(&ProviderSettings::from_value(settings)?, &self.context)?;
        if self.input.get("settle").is_some_and(Value::is_truthy) || self.input.get("settleMs").is_some() {
            // Failures of the reference's background requests show only in what follows.
            let _ = provider.initialize().await;
        }
        Ok(provider)
    }

    fn list(&self, key: &str) -> &[Value] {
        self.input.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Outcome {
    fn of(result: Result<Value, Error>) -> Self {
        match result {
            Ok(value) => Self { value: Some(value), ..Self::default() },
            Err(error) => Self { error: Some(error), ..Self::default() },
        }
    }
}

/// Provider, and the settings that the reference passes to its model list as key and base URL.
const LIST_SETTINGS: &[(&str, &str, &str)] = &[
    ("chutes", "chutesApiKey", ""),
    ("deepinfra", "deepInfraApiKey", ""),
    ("huggingface", "huggingFaceApiKey", ""),
    ("io-intelligence", "ioIntelligenceApiKey", ""),
    ("litellm", "litellmApiKey", "litellmBaseUrl"),
    ("lmstudio", "", "lmStudioBaseUrl"),
    ("ollama", "ollamaApiKey", "ollamaBaseUrl"),
    ("openrouter", "openRouterApiKey", "openRouterBaseUrl"),
    ("requesty", "requestyApiKey", "requestyBaseUrl"),
    ("roo", "rooApiKey", ""),
    ("unbound", "unboundApiKey", ""),
    ("vercel-ai-gateway", "vercelAiGatewayApiKey", ""),
];
