//! Many streams at once across ten providers through one manager, for minutes: nothing may fail, nothing may be
//! lost, and memory must not grow.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ::samewire::clock::SystemClock;
use ::samewire::layers::standard;
use ::samewire::manager::{LimiterConfig, ManagerConfig, ProviderConfig, ProviderManager};
use ::samewire::transport::{HttpRequest, HttpResponse, HyperTransport, Transport, TransportError};
use ::samewire::{AiProvider, ChatRequest, Context, Message, ProviderRegistry, ProviderSettings};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::compare::Server;
use crate::figures;
use crate::peers::SYSTEM;
use crate::server::{STREAMS_PER_CONNECTION, piece};

const PROVIDERS: [&str; 10] =
    ["openai", "anthropic", "gemini", "bedrock", "ollama", "deepseek", "groq", "xai", "mistral", "fireworks"];

/// How many streams run at once, for how long, and how fast each of them is.
struct Phase {
    streams: usize,
    time: Duration,
    pace: Duration,
    events: usize,
}

/// `streams` at a time for `seconds`, then ten times as many for half of it, at most a minute. Both phases bring as
/// many events a second, so that the server, which shares the machine, can keep its pace.
pub(crate) fn run(seconds: u64, streams: usize) -> ExitCode {
    let phases = [
        Phase { streams, time: Duration::from_secs(seconds), pace: Duration::from_millis(40), events: 100 },
        Phase {
            streams: streams * 10,
            time: Duration::from_secs((seconds / 2).min(60)),
            pace: Duration::from_millis(400),
            events: 20,
        },
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut violations = Vec::new();
    for phase in phases {
        // A server for each, whose connections are counted from 0.
        let server = Server::start();
        let outcome = runtime.block_on(phase.run(&server.url));
        println!("{outcome}");
        violations.extend(phase.violations(&outcome));
    }
    for violation in &violations {
        println!("VIOLATED: {violation}");
    }
    if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Phase {
    async fn run(&self, url: &str) -> Outcome {
        let manager = manager(&format!("{url}/load-{}-{}", self.pace.as_millis(), self.events));
        let counts = Arc::new(Counts::default());
        let begun = (Instant::now(), figures::cpu());
        let end = begun.0 + self.time;
        let mut workers = JoinSet::new();
        for worker in 0..self.streams {
            let manager = manager.target(PROVIDERS[worker % PROVIDERS.len()]);
            let (counts, events) = (counts.clone(), self.events);
            // Streams begin one after the other over the time that one takes, so that their ends are spread too.
            let start = begun.0 + self.length().mul_f64(worker as f64 / self.streams as f64);
            workers.spawn(async move {
                tokio::time::sleep_until(start.into()).await;
                while Instant::now() < end {
                    counts.read_one(&manager, events).await;
                }
            });
        }
        let (mut resident, mut most_at_once) = (Vec::new(), 0);
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(250)).await;
            resident.push(figures::resident_kib() / 1024.0);
            most_at_once = most_at_once.max(counts.open.load(Relaxed));
        }
        while let Some(ended) = workers.join_next().await {
            ended.expect("no worker panics");
        }
        let failures = counts.failures.lock().expect("nobody panics").clone();
        let text = reqwest::get(format!("{url}/stats/")).await.expect("an answer").text().await;
        Outcome {
            streams: counts.streams.load(Relaxed),
            events: counts.events.load(Relaxed),
            most_at_once,
            wall: begun.0.elapsed(),
            cpu: figures::cpu() - begun.1,
            first: {
                let mut first = counts.first.lock().expect("nobody panics").clone();
                (figures::percentile(&mut first, 0.5), figures::percentile(&mut first, 0.99))
            },
            settled: figures::median(&resident[resident.len() / 3..resident.len() * 2 / 3]),
            last: resident[resident.len() * 2 / 3..].iter().copied().fold(0.0, f64::max),
            connections: serde_json::from_str(&text.expect("a body")).expect("figures"),
            failures,
        }
    }

    /// How long one stream takes.
    fn length(&self) -> Duration {
        self.pace * self.events as u32
    }

    fn violations(&self, outcome: &Outcome) -> Vec<String> {
        let mut found = Vec::new();
        if !outcome.failures.is_empty() {
            found.push(format!("{} streams failed, first: {}", outcome.failures.len(), outcome.failures[0]));
        }
        if outcome.most_at_once < self.streams * 9 / 10 {
            found.push(format!("only {} of {} streams ran at once", outcome.most_at_once, self.streams));
        }
        // On average a worker begins after half of a stream's time.
        let due = (self.time.as_secs_f64() / self.length().as_secs_f64() - 0.5) * self.streams as f64;
        if (outcome.streams as f64) < due * 0.8 {
            found.push(format!("{} streams ended, {due:.0} were due at their pace", outcome.streams));
        }
        if outcome.last > outcome.settled * 1.1 + 2.0 {
            found.push(format!("memory grew from {:.1} to {:.1} MiB", outcome.settled, outcome.last));
        }
        let needed = (self.streams / PROVIDERS.len()).div_ceil(STREAMS_PER_CONNECTION as usize) as u64;
        let made = outcome.connections.http2_connections;
        if made < needed || made > needed * 2 {
            found.push(format!("{made} HTTP/2 connections where the streams need {needed}"));
        }
        found
    }
}

/// What all workers count together.
#[derive(Default)]
struct Counts {
    next_id: AtomicU64,
    streams: AtomicUsize,
    events: AtomicUsize,
    open: AtomicUsize,
    /// Milliseconds to the first token.
    first: std::sync::Mutex<Vec<f64>>,
    failures: std::sync::Mutex<Vec<String>>,
}

impl Counts {
    async fn read_one(&self, manager: &ProviderManager, events: usize) {
        let id = self.next_id.fetch_add(1, Relaxed).to_string();
        self.open.fetch_add(1, Relaxed);
        let outcome = self.read(manager, &id, events).await;
        let outcome = outcome.map_err(|failure| format!("{}: {failure}", manager.name()));
        self.open.fetch_sub(1, Relaxed);
        match outcome {
            Ok(()) => _ = self.streams.fetch_add(1, Relaxed),
            Err(failure) => {
                self.failures.lock().expect("nobody panics").push(failure);
                // Others shall not fail because this one asks without end.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Reads one stream and compares its text with what the server says to this id.
    async fn read(&self, manager: &ProviderManager, id: &str, events: usize) -> Result<(), String> {
        let begun = Instant::now();
        let request = ChatRequest::new(SYSTEM, [Message::user(format!("stream-{id}."))]);
        let mut tokens = manager.chat_stream(request).await.map_err(|error| error.to_string())?;
        let (mut text, mut seen) = (String::new(), 0);
        while let Some(token) = tokens.next().await {
            let token = token.map_err(|error| error.to_string())?;
            let Some(part) = token.text().filter(|part| !part.is_empty()) else { continue };
            if seen == 0 {
                self.first.lock().expect("nobody panics").push(begun.elapsed().as_secs_f64() * 1e3);
            }
            text.push_str(part);
            seen += 1;
        }
        self.events.fetch_add(seen, Relaxed);
        let expected: String = (0..events).map(|n| piece(id, n)).collect();
        if text == expected { Ok(()) } else { Err(format!("stream {id} said {text:?}")) }
    }
}

struct Outcome {
    streams: usize,
    events: usize,
    most_at_once: usize,
    wall: Duration,
    cpu: Duration,
    first: (f64, f64),
    settled: f64,
    last: f64,
    connections: Connections,
    failures: Vec<String>,
}

#[derive(Deserialize)]
struct Connections {
    connections: u64,
    http2_connections: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { streams, events, most_at_once, wall, cpu, first: (p50, p99), settled, last, .. } = self;
        let Connections { connections, http2_connections } = self.connections;
        let micros = cpu.as_secs_f64() * 1e6 / *events as f64;
        writeln!(
            f,
            "{streams} streams with {events} events in {:.1} s, {most_at_once} at once",
            wall.as_secs_f64()
        )?;
        writeln!(f, "  failed or with another text: {}", self.failures.len())?;
        writeln!(f, "  first token after {p50:.0} ms (half of them), {p99:.0} ms (99 of 100)")?;
        writeln!(
            f,
            "  CPU {micros:.2} µs an event; resident {settled:.1} MiB midway, at most {last:.1} MiB later"
        )?;
        write!(f, "  {connections} connections, {http2_connections} of them HTTP/2")
    }
}

fn manager(base: &str) -> ProviderManager {
    let wire = HyperTransport::builder().system_proxy(false).build().expect("a client");
    let redirected = Redirected { inner: wire, base: base.to_owned() };
    let context = Context::with_transport(standard(Arc::new(redirected), Arc::new(SystemClock)));
    let limits = LimiterConfig {
        requests_per_minute: Some(100_000_000),
        tokens_per_minute: Some(2_000_000_000),
        concurrent_requests: Some(100_000),
        ..LimiterConfig::default()
    };
    let config = PROVIDERS.iter().fold(ManagerConfig::new(), |config, id| {
        config.provider(ProviderConfig::new(*id, settings(id)).limits(limits.clone()))
    });
    ProviderManager::new(config, context).expect("the configuration is whole")
}

fn settings(id: &str) -> ProviderSettings {
    let info = ProviderRegistry::get(id).expect("it is known");
    let settings = ProviderSettings::new(id)
        .with("awsRegion", "us-east-1")
        .with("awsUseApiKey", true)
        .with("awsApiKey", "k")
        .with(info.model_setting, "a-model");
    match info.key_setting {
        Some(key) => settings.with(key, "k"),
        None => settings,
    }
}

/// Sends every request to the server on this machine.
struct Redirected {
    inner: HyperTransport,
    base: String,
}

impl Transport for Redirected {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
        request.url = format!("{}/{path}", self.base);
        self.inner.send(request)
    }
}
