//! A case written by hand from a vendor's documentation: what samewire makes of it, for its author to read.

use std::path::Path;
use std::sync::Arc;

use samewire::json::{Object, Value, object};
use samewire::transport::ReplayTransport;

use crate::calls::{Entry, Outcome, entry};
use crate::fixture::{Case, Request};
use crate::levels::{answered, call};
use crate::verdict::error_object;
use crate::world::World;

/// The case in that file with the requests that samewire sends and what it makes of the answers, wherever the file
/// leaves out an exchange's `request`, or `stream`, `value` and `error`. What stands in the file stays: a recording is
/// never written over. Nothing is proved by it until a person has compared it with the vendor's documentation.
///
/// # Errors
///
/// Says what is wrong with the file, or that nothing is missing in it.
pub fn complete(file: &Path) -> Result<String, String> {
    let within = |problem: String| format!("{}: {problem}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| within(error.to_string()))?;
    let mut written = Value::parse(&text).map_err(|error| within(error.to_string()))?;
    let lacks_outcome = ["stream", "value", "error"].iter().all(|key| written.get(key).is_none());
    let lacks_request: Vec<bool> =
        exchanges(&mut written).map(|exchange| exchange.get("request").is_none()).collect();
    if !lacks_outcome && !lacks_request.contains(&true) {
        return Err(within(
            "every exchange has its `request`, and an outcome is there: nothing to complete".into(),
        ));
    }
    for exchange in exchanges(&mut written) {
        if exchange.get("request").is_none() {
            put_request_first(exchange, unknown_request());
        }
    }
    let case = Case::parse(&written.to_json()).map_err(within)?;
    let (requests, outcome) = play(&case, &lacks_request).map_err(within)?;
    let missing = exchanges(&mut written).zip(lacks_request).enumerate().filter(|(_, (_, lacks))| *lacks);
    for (number, (exchange, _)) in missing {
        let request = requests.get(number);
        let request = request.ok_or_else(|| within(format!("exchanges[{number}] was never asked for")))?;
        exchange.insert("request", request.to_object());
    }
    if let (true, Some(written)) = (lacks_outcome, written.as_object_mut()) {
        let tokens = outcome.tokens.iter().filter_map(|token| Value::parse(token).ok());
        let streams = case.call == "createMessage";
        written.insert_some("stream", streams.then(|| tokens.collect::<Value>()));
        written.insert_some("value", outcome.value);
        written.insert_some("error", outcome.error.as_ref().map(error_object));
    }
    Ok(format!("{}\n", written.to_json_pretty()))
}

fn exchanges(case: &mut Value) -> impl Iterator<Item = &mut Object> {
    let list = case.as_object_mut().and_then(|case| case.get_mut("exchanges")).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn unknown_request() -> Object {
    let headers = Value::Array(Vec::new());
    object! { "scheme": "https", "http": "1.1", "method": "POST", "target": "/", "headers": headers }
}

fn put_request_first(exchange: &mut Object, request: Object) {
    let rest = std::mem::replace(exchange, object! { "request": request });
    exchange.extend(rest);
}

/// What is sent and what comes out; answers without a known request fit any.
fn play(case: &Case, unknown: &[bool]) -> Result<(Vec<Request>, Outcome), String> {
    let Some(Entry::Run(run)) = entry(&case.call) else {
        return Err(format!("`call` is {:?}, which samewire cannot make", case.call));
    };
    let answers = case.exchanges.iter().zip(unknown).map(|(exchange, unknown)| {
        let answer = answered(exchange);
        if *unknown {
            answer
        } else {
            answer.on(exchange.request.method.clone(), exchange.request.target.clone())
        }
    });
    let replay = Arc::new(ReplayTransport::new(answers));
    let world = World::new(case, replay.clone()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let outcome = runtime.block_on(call(&world, run));
    Ok((replay.requests().iter().map(Request::of).collect(), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_HAND: &str = r#"{"id": "x/hello", "call": "createMessage",
        "input": {"settings": {"apiProvider": "groq", "groqApiKey": "k"}, "systemPrompt": "",
            "messages": [{"role": "user", "content": "Hi"}]},
        "exchanges": [{"response": {"status": 200, "headers": [["content-type", "text/event-stream"]],
            "body": "data: {\"choices\":[{\"delta\":{\"content\":\"Hello!\"}}]}\n\n"}}]}"#;

    fn completed(text: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hello.json");
        std::fs::write(&file, text).unwrap();
        complete(&file)
    }

    #[test]
    fn what_is_missing_is_filled_in_and_then_the_case_holds() {
        let text = completed(BY_HAND).unwrap();
        let case = Case::parse(&text).unwrap();
        assert_eq!(case.exchanges[0].request.target, "/openai/v1/chat/completions");
        assert_eq!(case.expected.stream.unwrap(), [r#"{"type":"text","text":"Hello!"}"#]);
        assert!(completed(&text).unwrap_err().ends_with("nothing to complete"));
    }

    #[test]
    fn what_was_written_stays() {
        let own = BY_HAND.replacen('{', r#"{"stream": [{"type":"text","text":"Good day!"}],"#, 1);
        let case = Case::parse(&completed(&own).unwrap()).unwrap();
        assert_eq!(case.expected.stream.unwrap(), [r#"{"type":"text","text":"Good day!"}"#]);
        assert_eq!(case.exchanges[0].request.method, "POST");
    }

    #[test]
    fn an_answer_that_nobody_asks_for_is_named() {
        let twice = BY_HAND.replacen(
            r#""exchanges": ["#,
            r#""exchanges": [{"response": {"status": 200, "headers": []}},"#,
            1,
        );
        let problem = completed(&twice).unwrap_err();
        assert!(problem.contains("exchanges[1] was never asked for"), "{problem}");
    }
}
