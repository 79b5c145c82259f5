//! `samewire doctor`.

use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use futures_util::future::join_all;
use samewire::config::ProviderEntry;
use samewire::json::{Object, Value};
use samewire::manager::ApiKey;
use samewire::transport::{Headers, HttpRequest, RequestOptions};
use samewire::{
    ChatRequest, Context, ErrorKind, Message, ProviderRegistry, ProviderSettings, build_provider_in,
    list_models_in,
};

use crate::failure::Failure;
use crate::output::{print, print_json, run_until_interrupted, table};
use crate::world::{Place, World};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The providers; else all of the configuration, or all whose key is in the environment
    providers: Vec<String>,
    /// Asks each for one short answer too, which costs a few tokens
    #[arg(long)]
    call: bool,
    /// Prints a JSON array, one object for each check
    #[arg(long)]
    json: bool,
}

/// The outcome of one check.
struct Check {
    provider: String,
    name: &'static str,
    state: State,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Bad,
    /// It cannot be known, or does not matter here.
    Open,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Bad => "bad",
            Self::Open => "-",
        }
    }
}

pub(crate) fn run(place: &Place, arguments: &Arguments) -> Result<(), Failure> {
    let world = World::open(place)?;
    let providers =
        if arguments.providers.is_empty() { world.usual_providers() } else { arguments.providers.clone() };
    if providers.is_empty() {
        return Err(Failure::Usage(
            "nothing to look at: no provider is configured and no key is in the environment".to_owned(),
        ));
    }
    for provider in &arguments.providers {
        let is_configured = world.config.as_ref().is_some_and(|config| config.provider(provider).is_some());
        if !is_configured && ProviderRegistry::get(provider).is_none() {
            // Building it says which name is near.
            build_provider_in(&ProviderSettings::new(provider.as_str()), &world.context)?;
        }
    }
    let checks = run_until_interrupted(async {
        let all = providers.iter().map(|provider| examine(&world, provider, arguments.call));
        Ok(join_all(all).await.into_iter().flatten().collect::<Vec<Check>>())
    })?;
    if arguments.json {
        print_json(Value::Array(checks.iter().map(in_json).collect()))?;
    } else {
        let row = |check: &Check| {
            vec![
                check.state.word().to_owned(),
                check.provider.clone(),
                check.name.to_owned(),
                check.detail.clone(),
            ]
        };
        print(&table(&checks.iter().map(row).collect::<Vec<_>>()))?;
    }
    if checks.iter().any(|check| check.state == State::Bad) { Err(Failure::Found) } else { Ok(()) }
}

/// All checks of one provider, those left out that depend on one that failed.
async fn examine(world: &World, provider: &str, call: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut note = |name, state, detail: String| {
        checks.push(Check { provider: provider.to_owned(), name, state, detail });
    };
    let program = world.config.as_ref().and_then(|config| config.provider(provider)?.program());
    if let Some(program) = program {
        let command = program.command.as_deref().unwrap_or(&program.program);
        note("program", State::Open, format!("{command}; programs are not looked at"));
        return checks;
    }
    let (settings, context) = match world.settings(provider).await {
        Ok(found) => found,
        Err(failure) => {
            note("key", State::Bad, text_of(&failure));
            return checks;
        }
    };
    let entry = world.config.as_ref().and_then(|config| config.provider(provider));
    let (state, detail) = key(&settings, entry.map(ProviderEntry::needs_key));
    note("key", state, detail);
    let (head, url) = match address(&settings, &context) {
        Ok(url) => (reach(&context, &url).await, url),
        Err(problem) => {
            note("host", State::Open, problem);
            return checks;
        }
    };
    match head {
        Err(problem) => {
            note("host", State::Bad, format!("{url} cannot be reached: {problem}"));
            return checks;
        }
        Ok(head) => {
            note("host", State::Good, format!("{url} answers in {} ms", head.took.as_millis()));
            let (state, detail) = clock(head.date.as_deref());
            note("clock", state, detail);
        }
    }
    let (state, detail) = match tokio::time::timeout(PATIENCE, list_models_in(&settings, &context)).await {
        Err(_) => (State::Bad, format!("no list within {} s", PATIENCE.as_secs())),
        Ok(Ok(models)) if models.is_empty() => (State::Open, "the list is empty".to_owned()),
        Ok(Ok(models)) => (State::Good, format!("{} models", models.len())),
        Ok(Err(error)) if error.kind() == ErrorKind::Unsupported => (State::Open, error.message().to_owned()),
        Ok(Err(error)) => (State::Bad, error.message().to_owned()),
    };
    note("models", state, detail);
    if call && state != State::Bad {
        let (state, detail) = answer(&settings, &context).await;
        note("answer", state, detail);
    }
    checks
}

/// `needed` is what the configuration says; else the service's own facts count.
fn key(settings: &ProviderSettings, needed: Option<bool>) -> (State, String) {
    let facts = settings.provider().and_then(ProviderRegistry::get);
    let Some(facts) = facts else {
        return (State::Bad, format!("`{}` is no provider", settings.provider().unwrap_or_default()));
    };
    let Some(setting) = facts.key_setting else { return (State::Open, "none is needed".to_owned()) };
    match settings.non_empty(setting) {
        Some(key) => {
            let id = ApiKey::new(key.to_owned());
            (State::Good, format!("found, fingerprint {}", id.id()))
        }
        None if needed.unwrap_or(facts.key_required) => {
            (State::Bad, format!("none: set {}", facts.key_variable.unwrap_or(setting)))
        }
        None => (State::Open, "none, and none is needed".to_owned()),
    }
}

/// Scheme, host and port of where a conversation would go.
fn address(settings: &ProviderSettings, context: &Context) -> Result<String, String> {
    let mut settings = settings.clone();
    let facts = settings.provider().and_then(ProviderRegistry::get);
    if let Some(setting) = facts.and_then(|facts| facts.key_setting)
        && settings.non_empty(setting).is_none()
    {
        settings.set(setting, Some("-".into()));
    }
    let provider = build_provider_in(&settings, context).map_err(|error| error.message().to_owned())?;
    let request = ChatRequest::new("", [Message::user("Hi")]);
    let http = provider.encode(&request).map_err(|error| error.message().to_owned())?;
    let path = http.url.find("://").map_or(0, |scheme| scheme + 3);
    let end = http.url[path..].find(['/', '?']).map_or(http.url.len(), |end| path + end);
    Ok(http.url[..end].to_owned())
}

struct Head {
    took: Duration,
    date: Option<String>,
}

/// Any answer at all will do, also a refusal.
async fn reach(context: &Context, origin: &str) -> Result<Head, String> {
    let host = origin.split("://").nth(1).unwrap_or_default().to_owned();
    let mut headers = Headers::new();
    headers.append("host", host);
    headers.append("accept", "*/*");
    let options = RequestOptions { head_timeout: Some(PATIENCE), ..RequestOptions::default() };
    let request =
        HttpRequest { method: "GET", url: format!("{origin}/"), headers, body: Vec::new().into(), options };
    let begun = Instant::now();
    let sent = tokio::time::timeout(PATIENCE, context.transport.send(request)).await;
    let response = sent
        .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?
        .map_err(|error| error.detail)?;
    Ok(Head { took: begun.elapsed(), date: response.headers.joined("date") })
}

/// How far the clock here is from the service's: signatures and logins fail beyond a few minutes.
fn clock(date: Option<&str>) -> (State, String) {
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return (State::Open, "the service tells no time".to_owned());
    };
    let ours = SystemTime::now();
    let (skew, word) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead"),
        Err(behind) => (behind.duration(), "behind"),
    };
    match skew.as_secs() {
        0..=60 => (State::Good, "right".to_owned()),
        seconds => {
            let state = if seconds > 240 { State::Bad } else { State::Open };
            (state, format!("{seconds} s {word} of the service's"))
        }
    }
}

async fn answer(settings: &ProviderSettings, context: &Context) -> (State, String) {
    let ask = async {
        let provider = build_provider_in(settings, context)?;
        provider.chat(ChatRequest::new("", [Message::user("Say hi.")])).await
    };
    match tokio::time::timeout(PATIENCE * 3, ask).await {
        Err(_) => (State::Bad, "no answer in time".to_owned()),
        Ok(Err(error)) => (State::Bad, error.message().to_owned()),
        Ok(Ok(answer)) => {
            let usage = answer.usage;
            (State::Good, format!("{} tokens in, {} out", usage.input_tokens, usage.output_tokens))
        }
    }
}

fn text_of(failure: &Failure) -> String {
    match failure {
        Failure::Usage(problem) => problem.clone(),
        Failure::Answer(error) => error.message().to_owned(),
        _ => String::new(),
    }
}

fn in_json(check: &Check) -> Value {
    let mut object = Object::new();
    object.insert("provider", check.provider.as_str());
    object.insert("check", check.name);
    let state = match check.state {
        State::Good => "ok",
        State::Bad => "bad",
        State::Open => "unknown",
    };
    object.insert("state", state);
    object.insert("detail", check.detail.as_str());
    object.into()
}

/// How long a host may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_by_minutes_is_bad() {
        let at = |offset: i64| {
            let now = SystemTime::now();
            let there = if offset < 0 {
                now - Duration::from_secs(offset.unsigned_abs())
            } else {
                now + Duration::from_secs(offset.unsigned_abs())
            };
            clock(Some(&httpdate::fmt_http_date(there))).0.word()
        };
        assert_eq!([at(0), at(-600), at(600), at(120)], ["ok", "bad", "bad", "-"]);
        assert_eq!(clock(Some("yesterday")).0.word(), "-");
        assert_eq!(clock(None).0.word(), "-");
    }
}
