//! Real services: a streamed chat, a tool call and a model list for each provider whose key is in the
//! environment.
//!
//! ```sh
//! GROQ_API_KEY=... cargo test --test live -- --ignored groq/
//! ```
//!
//! They cost a few tokens, so they are ignored unless asked for. A provider without a key is skipped with a
//! message. `SAMEWIRE_LIVE_MODELS=groq=llama-3.1-8b-instant,openai=gpt-4o-mini` chooses models;
//! `SAMEWIRE_LIVE_FIXTURES=DIR` keeps what was sent and received as fixtures, keys taken out.

#[path = "live/fixture.rs"]
mod fixture;
#[path = "live/frames.rs"]
mod frames;
#[path = "live/recorder.rs"]
mod recorder;
#[path = "live/rehearsal.rs"]
mod rehearsal;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use futures_util::StreamExt;
use libtest_mimic::{Arguments, Failed, Trial};
use recorder::Recorder;
use samewire::json::object;
use samewire::transport::{HyperTransport, Transport};
use samewire::{
    ChatRequest, ChatResponse, Context, Message, ProviderInfo, ProviderRegistry, ProviderSettings,
    StreamToken, Tool, ToolChoice, build_provider_in,
};

fn main() -> ExitCode {
    let mut trials = rehearsal::trials();
    for facts in ProviderRegistry::all().filter(|facts| facts.key_variable.is_some()) {
        for (name, check) in CHECKS {
            let run = move || match Live::of_environment(facts, name) {
                Ok(live) => live.run(*check),
                Err(reason) => {
                    eprintln!("{}/{name}: skipped, {reason}", facts.id);
                    Ok(())
                }
            };
            trials.push(Trial::test(format!("{}/{name}", facts.id), run).with_ignored_flag(true));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What is asked of every provider.
#[derive(Clone, Copy)]
enum Check {
    Chat,
    ToolCall,
    ModelList,
}

const CHECKS: &[(&str, Check)] =
    &[("chat", Check::Chat), ("tool-call", Check::ToolCall), ("model-list", Check::ModelList)];

/// A provider, its key, and the transport that goes to it.
struct Live {
    facts: &'static ProviderInfo,
    name: String,
    settings: ProviderSettings,
    key: String,
    transport: Arc<dyn Transport>,
    fixtures: Option<PathBuf>,
}

impl Live {
    /// Why it is skipped, in words, if it is.
    fn of_environment(facts: &'static ProviderInfo, name: &str) -> Result<Self, String> {
        let (Some(variable), Some(setting)) = (facts.key_variable, facts.key_setting) else {
            return Err("it has no key".to_owned());
        };
        let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| format!("{variable} is not set"))?;
        let mut settings = ProviderSettings::new(facts.id).with(setting, key.as_str());
        if facts.id == "bedrock" {
            let region = std::env::var("AWS_REGION").map_err(|_| "AWS_REGION is not set".to_owned())?;
            settings = settings.with("awsUseApiKey", true).with("awsRegion", region);
        }
        if let Some(model) = chosen_model(facts.id) {
            settings = settings.with(facts.model_setting, model);
        }
        Ok(Self {
            facts,
            name: name.to_owned(),
            settings,
            key,
            transport: Arc::new(HyperTransport::new()),
            fixtures: std::env::var_os("SAMEWIRE_LIVE_FIXTURES").map(PathBuf::from),
        })
    }

    fn run(&self, check: Check) -> Result<(), Failed> {
        if let Err(reason) = self.can_be_built() {
            eprintln!("{}/{}: skipped, it needs more than a key: {reason}", self.facts.id, self.name);
            return Ok(());
        }
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            match check {
                Check::Chat => self.chat().await,
                Check::ToolCall => self.tool_call().await,
                Check::ModelList => self.model_list().await,
            }
        })
    }

    /// Some services want an address or a resource of one's own beside the key.
    fn can_be_built(&self) -> Result<(), samewire::Error> {
        let missing = |error: &samewire::Error| error.kind() == samewire::ErrorKind::Configuration;
        let provider = build_provider_in(&self.settings, &self.context().0);
        let request = ChatRequest::new("", [Message::user("Hi")]);
        match provider.and_then(|provider| provider.encode(&request)) {
            Err(error) if missing(&error) => Err(error),
            _ => Ok(()),
        }
    }

    async fn chat(&self) -> Result<(), Failed> {
        let request =
            ChatRequest::new("Answer with one word.", [Message::user("What is the capital of France?")]);
        let answer = self.answer(request).await?;
        let said = format!("{}{}", answer.text, answer.reasoning);
        ensure(!said.trim().is_empty(), || "the answer is empty".to_owned())
    }

    async fn tool_call(&self) -> Result<(), Failed> {
        let city = object! { "city": object! { "type": "string", "description": "The city's name" } };
        let schema = object! {
            "type": "object",
            "properties": city,
            "required": vec![samewire::json::Value::from("city")],
            "additionalProperties": false,
        };
        let tool = Tool::function("weather", "Tells the weather in a city", schema);
        let request = ChatRequest::new(
            "Use the tool for every question about the weather.",
            [Message::user("How is the weather in Paris?")],
        );
        let request = request.with_tools([tool]).with_tool_choice(ToolChoice::Auto);
        let answer = self.answer(request).await?;
        let call =
            answer.tool_calls.first().ok_or_else(|| format!("no tool was called: {:?}", answer.text))?;
        ensure(&*call.name == "weather", || format!("the tool `{}` was called", call.name))?;
        ensure(!call.id.is_empty(), || "the call has no id".to_owned())?;
        let arguments = call.arguments.as_ref().map_err(|error| format!("arguments are no JSON: {error}"))?;
        ensure(arguments.get("city").is_some(), || {
            format!("arguments without the city: {}", arguments.to_json())
        })
    }

    async fn model_list(&self) -> Result<(), Failed> {
        let (context, _) = self.context();
        match samewire::list_models_in(&self.settings, &context).await {
            Ok(models) => {
                ensure(models.iter().all(|model| !model.id.is_empty()), || "a model without an id".into())
            }
            Err(error) if error.kind() == samewire::ErrorKind::Unsupported => {
                eprintln!("{}/{}: skipped, {error}", self.facts.id, self.name);
                Ok(())
            }
            Err(error) => Err(error.message().into()),
        }
    }

    /// The answer, once every token and every frame of it has been looked at.
    async fn answer(&self, request: ChatRequest) -> Result<ChatResponse, Failed> {
        let (context, recorder) = self.context();
        let provider = build_provider_in(&self.settings, &context).map_err(text)?;
        let mut stream = provider.chat_stream(request.clone()).await.map_err(text)?;
        let mut tokens: Vec<StreamToken> = Vec::new();
        let mut failure = None;
        while let Some(token) = stream.next().await {
            match token {
                Ok(token) => tokens.push(token),
                Err(error) => failure = Some(error),
            }
        }
        let exchanges = recorder.exchanges();
        if let Some(folder) = &self.fixtures {
            let id = format!("{}/live-{}", self.facts.id, self.name);
            let case = fixture::case(&id, self, &request, &exchanges, &tokens);
            fixture::save(folder, &id, &case)?;
        }
        if let Some(error) = failure {
            return Err(text(error));
        }
        let irregular = tokens.iter().find(|token| matches!(token, StreamToken::Irregular(_)));
        if let Some(token) = irregular {
            return Err(format!("a token that has not its documented form: {}", token.to_json()).into());
        }
        for exchange in &exchanges {
            let unknown = frames::unknown(self.facts.protocol, &exchange.body());
            ensure(unknown.is_empty(), || format!("frames that are not known: {unknown:?}"))?;
        }
        let collected =
            samewire::TokenStream::from_tokens(futures_util::stream::iter(tokens.into_iter().map(Ok)));
        ChatResponse::collect(collected).await.map_err(text)
    }

    fn context(&self) -> (Context, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::new(self.transport.clone()));
        (Context::with_transport(recorder.clone()), recorder)
    }
}

/// The model that `SAMEWIRE_LIVE_MODELS` chooses; `openai` has no default of its own.
fn chosen_model(provider: &str) -> Option<String> {
    let list = std::env::var("SAMEWIRE_LIVE_MODELS").unwrap_or_default();
    let chosen = list.split(',').filter_map(|entry| entry.split_once('='));
    let chosen =
        chosen.filter(|(id, _)| id.trim() == provider).map(|(_, model)| model.trim().to_owned()).next();
    chosen.or_else(|| (provider == "openai").then(|| "gpt-4o-mini".to_owned()))
}

fn ensure(holds: bool, problem: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(problem().into()) }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn text(error: samewire::Error) -> Failed {
    error.message().into()
}
