//! Both sides of a case that is not the same: what was recorded, and what samewire did.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use samewire::json::{Object, Value, object};
use samewire::transport::HyperTransport;

use crate::calls::{Outcome, Run};
use crate::fixture::{Case, Request, Response};
use crate::levels::{Level, call, replay};
use crate::rewrite::RewriteTransport;
use crate::server::Server;
use crate::verdict::error_object;
use crate::world::World;

/// What a run of a case showed, beside its recording: the data of the report's page.
#[derive(Clone, Debug)]
pub(crate) struct Evidence(Value);

impl Evidence {
    /// Runs a case once more at this level, with its answers whole, and keeps both sides.
    pub(crate) async fn collect(
        case: &Case,
        level: Level,
        run: Run,
        http: &HyperTransport,
    ) -> std::io::Result<Self> {
        let (requests, outcome, delays) = match level {
            Level::Encode | Level::Decode => {
                let transport = Arc::new(replay(case, None));
                let world = World::new(case, transport.clone())?;
                let outcome = call(&world, run).await;
                let sent = transport.requests();
                (sent.iter().map(Request::of).collect(), outcome, world.delays())
            }
            Level::Socket => {
                let server = Server::start(case.exchanges.clone()).await?;
                let transport = Arc::new(RewriteTransport::new(http.clone(), &server.authority()));
                let world = World::new(case, transport.clone())?;
                let outcome = call(&world, run).await;
                (transport.restore(server.stop().await), outcome, world.delays())
            }
        };
        Ok(Self::of(case, requests, &outcome, &delays))
    }

    fn of(case: &Case, requests: Vec<Request>, outcome: &Outcome, delays: &[f64]) -> Self {
        let expected = &case.expected;
        let recorded_error = expected.error.as_ref().map(|error| {
            // What is compared, in one order: the class of a JavaScript error has no counterpart.
            let mut theirs = Object::new();
            for key in ["message", "status", "code", "errorDetails"] {
                theirs.insert_some(key, error.get(key).cloned());
            }
            Value::from(theirs)
        });
        let error = outcome.error.as_ref().map(|error| Value::from(error_object(error)));
        let lines = |lines: &[String]| lines.iter().map(|line| Value::from(line.as_str())).collect::<Value>();
        Self(
            object! {
                "exchanges": exchanges(case, requests),
                "stream": pair(lines(expected.stream.as_deref().unwrap_or_default()), lines(&outcome.tokens)),
                "value": pair(json_body(expected.value.as_ref()), json_body(outcome.value.as_ref())),
                "error": pair(json_body(recorded_error.as_ref()), json_body(error.as_ref())),
                "delays": pair(
                    expected.retry_delays.iter().copied().map(Value::from).collect::<Value>(),
                    delays.iter().copied().map(Value::from).collect::<Value>(),
                ),
            }
            .into(),
        )
    }

    pub(crate) fn to_value(&self) -> Value {
        self.0.clone()
    }
}

/// Each recorded exchange beside the request that came nearest to it; then what was sent besides.
fn exchanges(case: &Case, mut seen: Vec<Request>) -> Value {
    let recorded = case.exchanges.iter().map(|exchange| {
        let wanted = &exchange.request;
        let same = |r: &Request| r.method == wanted.method && r.target == wanted.target;
        let whole = seen.iter().position(|r| same(r) && r.body == wanted.body);
        let place = whole.or_else(|| seen.iter().position(same)).or((!seen.is_empty()).then_some(0));
        let found = place.map(|place| seen.remove(place));
        (Some(wanted.clone()), found, Some(&exchange.response))
    });
    let recorded: Vec<_> = recorded.collect();
    let extra = seen.into_iter().map(|request| (None, Some(request), None));
    recorded
        .into_iter()
        .chain(extra)
        .map(|(wanted, found, response)| {
            let mut exchange = object! { "request": pair(request(wanted), request(found)) };
            exchange.insert_some("response", response.map(answer));
            Value::from(exchange)
        })
        .collect()
}

fn request(request: Option<Request>) -> Value {
    let Some(request) = request else { return Value::Null };
    let version = if request.http2 { "HTTP/2" } else { "HTTP/1.1" };
    object! {
        "line": format!("{} {}://… {} {version}", request.method, request.scheme, request.target),
        "headers": headers(&request.headers),
        "body": body(&request.body),
    }
    .into()
}

fn answer(response: &Response) -> Value {
    let mut answer = object! {
        "line": format!("{} {}", response.status, response.reason).trim_end(),
        "headers": headers(&response.headers),
        "body": body(&response.sent_body()),
    };
    answer.insert_some("disconnect", response.disconnect.map(|disconnect| format!("{disconnect:?}")));
    answer.into()
}

/// The lines of a header block; names in lower case, as they are compared.
fn headers(headers: &[(String, Vec<u8>)]) -> Value {
    let line = |(name, value): &(String, Vec<u8>)| {
        Value::from(format!("{}: {}", name.to_ascii_lowercase(), String::from_utf8_lossy(value)))
    };
    headers.iter().map(line).collect()
}

/// A body: `text` where it is one, else `base64`.
fn body(bytes: &[u8]) -> Value {
    let mut body = Object::new();
    match std::str::from_utf8(bytes) {
        Ok(text) => body.insert("text", text),
        Err(_) => body.insert("base64", BASE64.encode(bytes)),
    };
    body.into()
}

fn json_body(value: Option<&Value>) -> Value {
    value.map(|value| body(value.to_json().as_bytes())).unwrap_or_default()
}

fn pair(recorded: Value, samewire: Value) -> Value {
    object! { "recorded": recorded, "samewire": samewire }.into()
}
