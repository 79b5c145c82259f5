//! The checks themselves, checked without a network.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use samewire::json::Value;
use samewire::transport::{Exchange, ReplayTransport};
use samewire::{ProviderRegistry, ProviderSettings};

use crate::{Check, Live, ensure};

/// Tests that always run.
pub(crate) fn trials() -> Vec<Trial> {
    let test = |name: &str, run: fn() -> Result<(), Failed>| Trial::test(format!("rehearsal/{name}"), run);
    vec![
        test("a_good_answer_passes_and_is_saved_without_its_key", a_good_answer_is_saved),
        test("an_irregular_token_fails", an_irregular_token_fails),
        test("an_unknown_frame_fails", an_unknown_frame_fails),
        test("an_empty_answer_fails", an_empty_answer_fails),
        test("a_missing_tool_call_fails", a_missing_tool_call_fails),
        test("a_missing_key_is_named", a_missing_key_is_named),
    ]
}

fn live(body: &str) -> Live {
    let answer = Exchange::new(200)
        .header("content-type", "text/event-stream")
        .header("set-cookie", "session=1".to_owned())
        .body(body.to_owned());
    Live {
        facts: ProviderRegistry::get("groq").unwrap(),
        name: "chat".into(),
        settings: ProviderSettings::new("groq").with("groqApiKey", "gsk-real"),
        key: "gsk-real".into(),
        transport: Arc::new(ReplayTransport::new([answer])),
        fixtures: None,
    }
}

fn a_good_answer_is_saved() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Paris\"}}]}\n\ndata: [DONE]\n\n";
    let live = Live { fixtures: Some(folder.path().to_owned()), ..live(body) };
    live.run(Check::Chat)?;
    let saved = std::fs::read_to_string(folder.path().join("groq/live-chat.json"))?;
    ensure(!saved.contains("gsk-real") && saved.contains("Bearer redacted-key"), || saved.clone())?;
    ensure(!saved.contains("set-cookie"), || saved.clone())?;
    let case = Value::parse(&saved).map_err(|error| error.to_string())?;
    let stream = case.get("stream").map(Value::to_json);
    ensure(stream.as_deref() == Some(r#"[{"type":"text","text":"Paris"}]"#), || saved.clone())?;
    let exchange = case.get("exchanges").and_then(|exchanges| exchanges.at(0));
    let kept = exchange.and_then(|exchange| exchange.get("response")?.get("body")?.as_str());
    ensure(kept == Some(body), || saved.clone())
}

fn an_irregular_token_fails() -> Result<(), Failed> {
    let call = "{\"index\":0,\"id\":7,\"function\":{\"name\":\"a\",\"arguments\":\"\"}}";
    let body = format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n");
    fails(&live(&body), Check::Chat, "documented form")
}

fn an_unknown_frame_fails() -> Result<(), Failed> {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: {\"surprise\":1}\n\n";
    fails(&live(body), Check::Chat, "frames that are not known")
}

fn an_empty_answer_fails() -> Result<(), Failed> {
    fails(&live("data: {\"choices\":[]}\n\n"), Check::Chat, "empty")
}

fn a_missing_tool_call_fails() -> Result<(), Failed> {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"Sunny\"}}]}\n\n";
    fails(&live(body), Check::ToolCall, "no tool was called")
}

fn a_missing_key_is_named() -> Result<(), Failed> {
    let mut facts = *ProviderRegistry::get("groq").unwrap();
    facts.key_variable = Some("SAMEWIRE_NO_SUCH_KEY");
    let reason = Live::of_environment(Box::leak(Box::new(facts)), "chat").err();
    ensure(reason.as_deref() == Some("SAMEWIRE_NO_SUCH_KEY is not set"), || format!("{reason:?}"))
}

fn fails(live: &Live, check: Check, part: &str) -> Result<(), Failed> {
    match live.run(check) {
        Ok(()) => Err("it passed".into()),
        Err(failed) => {
            let message = failed.message().unwrap_or_default().to_owned();
            ensure(message.contains(part), || message.clone())
        }
    }
}
