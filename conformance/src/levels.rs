//! The three levels at which a case is checked.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use samewire::transport::{self, HyperTransport, ReplayTransport};
use serde::Deserialize;

use crate::calls::{Ask, Outcome, Run};
use crate::cuts::{Cutting, cuttings};
use crate::deviations::Deviations;
use crate::fixture::{Case, Disconnect, Exchange, Request};
use crate::requests::{PseudoHeaders, compare_requests};
use crate::rewrite::RewriteTransport;
use crate::server::Server;
use crate::verdict::{Verdict, compare_outcome};
use crate::world::World;

/// How deep a check goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The requests against the recording, and the waits between them; no socket.
    Encode,
    /// The answers to tokens, at many cuts; no socket.
    Decode,
    /// The real HTTP client against a loopback server.
    Socket,
}

impl Level {
    /// Every level, the cheapest first.
    pub const ALL: [Self; 3] = [Self::Encode, Self::Decode, Self::Socket];

    /// The level's name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encode => "encode",
            Self::Decode => "decode",
            Self::Socket => "socket",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|level| level.name() == name);
        known.ok_or_else(|| format!("unknown level {name:?}: choose encode, decode or socket"))
    }
}

/// Checks one case at one level; `None` if the level does not apply.
pub(crate) async fn check(
    case: &Case,
    level: Level,
    run: Run,
    rules: &Deviations,
    http: &HyperTransport,
) -> Option<Verdict> {
    let verdict = match level {
        Level::Encode => encode(case, run).await,
        Level::Decode => decode(case, run, rules).await,
        Level::Socket if case.exchanges.is_empty() => return None,
        Level::Socket => socket(case, run, rules, http).await,
    };
    Some(verdict.unwrap_or_else(|error| Verdict::Differs(format!("the harness failed: {error}"))))
}

async fn encode(case: &Case, run: Run) -> std::io::Result<Verdict> {
    let replay = Arc::new(replay(case, None));
    let world = World::new(case, replay.clone())?;
    call(&world, run).await;
    let requests = replay.requests().iter().map(Request::of).filter(Request::can_leave).collect();
    Ok(compare_requests(case, requests, PseudoHeaders::Ordered).and(|| delays(case, &world)))
}

async fn decode(case: &Case, run: Run, rules: &Deviations) -> std::io::Result<Verdict> {
    let mut verdict = Verdict::Same;
    for cutting in cuttings(!case.exchanges.is_empty()) {
        let world = World::new(case, Arc::new(replay(case, Some(&cutting))))?;
        let outcome = call(&world, run).await;
        verdict = verdict.and(|| compare_outcome(case, &outcome, &world, rules).noted(&cutting.to_string()));
        if matches!(verdict, Verdict::Differs(_)) {
            break;
        }
    }
    Ok(verdict)
}

async fn socket(
    case: &Case,
    run: Run,
    rules: &Deviations,
    http: &HyperTransport,
) -> std::io::Result<Verdict> {
    let server = Server::start(case.exchanges.clone()).await?;
    let transport = Arc::new(RewriteTransport::new(http.clone(), &format!("http://{}", server.authority())));
    let world = World::new(case, transport.clone())?;
    let outcome = call(&world, run).await;
    let requests = transport.restore(server.stop().await);
    Ok(compare_requests(case, requests, PseudoHeaders::AnyOrder)
        .and(|| delays(case, &world))
        .and(|| compare_outcome(case, &outcome, &world, rules)))
}

/// Makes the call of a case in its world.
pub(crate) async fn call(world: &World, run: Run) -> Outcome {
    let ask = Ask { input: world.input.clone(), context: world.context.clone() };
    run(&ask).await
}

fn delays(case: &Case, world: &World) -> Verdict {
    let (expected, actual) = (&case.expected.retry_delays, world.delays());
    if *expected == actual {
        return Verdict::Same;
    }
    Verdict::Differs(format!("waits between attempts: expected {expected:?} ms, got {actual:?} ms"))
}

/// A transport that answers from the recording.
pub(crate) fn replay(case: &Case, cutting: Option<&Cutting>) -> ReplayTransport {
    ReplayTransport::new(case.exchanges.iter().map(|exchange| {
        let made = replayed(exchange);
        match cutting {
            Some(cutting) => made.cut_at(cutting.offsets(exchange.response.sent_body().len())),
            None => made,
        }
    }))
}

fn replayed(exchange: &Exchange) -> transport::Exchange {
    let Request { method, target, .. } = &exchange.request;
    answered(exchange).on(method.clone(), target.clone())
}

/// The answer of an exchange, for whatever request.
pub(crate) fn answered(exchange: &Exchange) -> transport::Exchange {
    let Exchange { request, response } = exchange;
    let mut made = transport::Exchange::new(response.status).body(response.sent_body());
    if !request.http2 {
        made = made.reason(response.reason.clone());
        made = if response.chunked {
            made.header("transfer-encoding", "chunked")
        } else {
            made.header("content-length", response.body.len().to_string())
        };
    }
    for (name, value) in &response.headers {
        made = made.header(name.clone(), samewire::transport::HeaderValue::new(value.clone()));
    }
    match response.disconnect {
        None => made,
        Some(Disconnect::Before) => made.disconnect(transport::Disconnect::Before),
        Some(Disconnect::Mid) => made.disconnect(transport::Disconnect::Mid),
        Some(Disconnect::MidReset) => made.disconnect(transport::Disconnect::ResetMid),
    }
}
