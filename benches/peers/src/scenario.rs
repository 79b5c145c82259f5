//! One client in one scenario, in a process of its own: prints its figures as one line of JSON.

use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::figures;
use crate::forms::SMALL_TEXT;
use crate::peers::{AsyncOpenAi, BareHyper, BareReqwest, Genai, Peer, Received, Rig, SameRequest, Samewire};
use crate::server::SLOW_EVENTS;

/// What one process measured of itself. A figure that makes no sense for a scenario is 0.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Figures {
    /// CPU time of the measured part, in microseconds.
    pub(crate) cpu: f64,
    /// Its duration, in microseconds.
    pub(crate) wall: f64,
    /// How many requests or, of streams, text deltas it had.
    pub(crate) count: f64,
    /// Half of the requests were answered in less than so many microseconds.
    pub(crate) p50: f64,
    /// 99 of 100 were.
    pub(crate) p99: f64,
    /// Allocations for each that is counted; none for Node.
    pub(crate) allocations: Option<f64>,
    /// By how many kibibytes the process grew at most.
    pub(crate) growth: f64,
    /// The most kibibytes that it ever had.
    pub(crate) peak: f64,
}

/// The peers by name; `None` for an unknown one.
pub(crate) fn measure(name: &str, scenario: &str, url: &str, runtime: &Runtime) -> Option<Figures> {
    let url = format!("{url}/{scenario}");
    // reqwest is built as samewire has it built, where the application brings the cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Some make their client's tasks when they are built.
    let _inside = runtime.enter();
    Some(match name {
        "hyper" => run(&BareHyper::new(&url), scenario, runtime),
        "reqwest" => run(&BareReqwest::new(&url), scenario, runtime),
        "reqwest-same-request" => run(&runtime.block_on(SameRequest::new(&url)), scenario, runtime),
        "samewire" => run(&Samewire::openai(&url), scenario, runtime),
        "samewire-anthropic" => run(&Samewire::anthropic(&url), scenario, runtime),
        "async-openai" => run(&AsyncOpenAi::new(&url), scenario, runtime),
        "genai" => run(&Genai::openai(&url), scenario, runtime),
        "genai-anthropic" => run(&Genai::anthropic(&url), scenario, runtime),
        "rig" => run(&Rig::new(&url), scenario, runtime),
        _ => return None,
    })
}

fn run(peer: &impl Peer, scenario: &str, runtime: &Runtime) -> Figures {
    match scenario {
        "small" => sequential(runtime, 200, 3000, async || {
            assert_eq!(peer.small().await, SMALL_TEXT.len(), "the text is whole");
        }),
        "short" => sequential(runtime, 100, 2000, async || {
            assert!(peer.stream().await.deltas >= 8, "the stream is whole");
        }),
        "slow" => slow(runtime, peer, 1000),
        "slow10000" => slow(runtime, peer, 10_000),
        _ => fast(runtime, peer),
    }
}

/// Requests one after another. Allocations are counted in a part of their own, so that counting costs nothing.
fn sequential(runtime: &Runtime, warm: u32, count: u32, request: impl AsyncFn()) -> Figures {
    let repeat = |times: u32| {
        runtime.block_on(async {
            for _ in 0..times {
                request().await;
            }
        });
    };
    repeat(warm);
    let allocated = allocation_counter::measure(|| repeat(warm));
    let mut times = Vec::with_capacity(count as usize);
    let begun = Begun::now();
    runtime.block_on(async {
        for _ in 0..count {
            let at = Instant::now();
            request().await;
            times.push(at.elapsed().as_secs_f64() * 1e6);
        }
    });
    Figures {
        p50: figures::percentile(&mut times, 0.5),
        p99: figures::percentile(&mut times, 0.99),
        allocations: Some(allocated.count_total as f64 / f64::from(warm)),
        ..begun.figures(f64::from(count))
    }
}

/// One stream, timed; then the same again, with its allocations counted.
fn fast(runtime: &Runtime, peer: &impl Peer) -> Figures {
    let begun = Begun::now();
    let received = runtime.block_on(peer.stream());
    let figures = begun.figures(received.deltas as f64);
    assert!(received.deltas > 60_000, "the stream is whole: {received:?}");
    let allocated = allocation_counter::measure(|| {
        runtime.block_on(peer.stream());
    });
    let each = allocated.count_total as f64 / received.deltas as f64;
    Figures { allocations: Some(each), ..figures }
}

/// Many streams at once, after a single one.
fn slow(runtime: &Runtime, peer: &impl Peer, streams: usize) -> Figures {
    let whole =
        Received { deltas: SLOW_EVENTS, bytes: (0..SLOW_EVENTS).map(|n| format!(" word{n}").len()).sum() };
    assert_eq!(runtime.block_on(peer.stream()), whole);
    let begun = Begun::now();
    runtime.block_on(async {
        let mut running: FuturesUnordered<_> = (0..streams).map(|_| peer.stream()).collect();
        while let Some(received) = running.next().await {
            assert_eq!(received, whole, "no event was lost");
        }
    });
    begun.figures((streams * SLOW_EVENTS) as f64)
}

/// The beginning of a measured part.
struct Begun {
    cpu: std::time::Duration,
    at: Instant,
    resident: f64,
}

impl Begun {
    fn now() -> Self {
        Self { resident: figures::resident_kib(), cpu: figures::cpu(), at: Instant::now() }
    }

    fn figures(&self, count: f64) -> Figures {
        let (cpu, wall) = (figures::cpu() - self.cpu, self.at.elapsed());
        let peak = figures::peak_kib();
        Figures {
            cpu: cpu.as_secs_f64() * 1e6,
            wall: wall.as_secs_f64() * 1e6,
            count,
            p50: 0.0,
            p99: 0.0,
            allocations: None,
            growth: peak - self.resident,
            peak,
        }
    }
}
