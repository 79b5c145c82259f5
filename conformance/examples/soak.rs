//! Many streams at once, with faults, for a while: file descriptors and tasks must return to where they began, and memory
//! must not grow from the first half to the second. What an allocator keeps after its peak is there after both; what streams
//! leave behind adds up. `scripts/soak [SECONDS] [STREAMS]` runs it.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use samewire::layers::{HeadLimit, TimeoutLayer, standard_within};
use samewire::transport::HyperTransport;
use samewire::{AiProvider, ChatRequest, Context, Message, ProviderSettings, build_provider_in};
use samewire_conformance::chaos::{ChaosServer, Fault};
use samewire_conformance::load_case;

const CASE: &str = "anthropic/stream-tools";

const FAULTS: [Fault; 10] = [
    Fault::None,
    Fault::Trickle,
    Fault::Delay(Duration::from_millis(100)),
    Fault::Stall(None),
    Fault::Cut(None),
    Fault::Reset(None),
    Fault::Duplicate(None),
    Fault::Flip(7),
    Fault::LengthTooShort,
    Fault::Endless,
];

/// By how much two peaks differ in what an allocator keeps of them.
const SLACK_KIB: u64 = 32 << 10;

#[derive(Default)]
struct Counts {
    whole: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    tokens: AtomicU64,
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory_kib: u64,
    descriptors: usize,
    tasks: usize,
}

impl Held {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Self {
            memory_kib: memory.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0),
            descriptors: std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        }
    }

    fn print(self, when: &str) {
        println!(
            "{when:<8} {:>8} KiB  {:>6} descriptors  {:>6} tasks",
            self.memory_kib, self.descriptors, self.tasks
        );
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let numbers: Result<Vec<u64>, _> = std::env::args().skip(1).map(|argument| argument.parse()).collect();
    let Ok(numbers) = numbers else {
        eprintln!("soak [SECONDS] [STREAMS]");
        return ExitCode::from(2);
    };
    let number = |index: usize, otherwise: u64| numbers.get(index).copied().unwrap_or(otherwise);
    let (seconds, streams) = (number(0, 60), number(1, 1000));
    match soak(Duration::from_secs(seconds), streams).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("soak: {problem}");
            ExitCode::from(2)
        }
    }
}

/// True if everything came back.
async fn soak(time: Duration, streams: u64) -> Result<bool, String> {
    let case = load_case(None, CASE)?;
    let http = HyperTransport::builder()
        .system_proxy(false)
        .body_idle_timeout(Some(Duration::from_secs(2)))
        .pool_idle_timeout(Some(Duration::from_millis(500)))
        .build()
        .map_err(|error| error.to_string())?;
    let mut context = Context::system();
    let standard = standard_within(Arc::new(http), context.clock.clone(), Some(1 << 20));
    context.transport = Arc::new(TimeoutLayer::new(standard).head(HeadLimit::At(Duration::from_secs(30))));
    let (mut servers, mut providers) = (Vec::new(), Vec::new());
    for fault in FAULTS {
        let faults = [fault];
        let server = ChaosServer::start(case.clone(), &faults, "127.0.0.1:0");
        let server = server.await.map_err(|error| error.to_string())?;
        let settings =
            ProviderSettings::new("anthropic").with("apiKey", "key").with("anthropicBaseUrl", server.url());
        providers.push(build_provider_in(&settings, &context).map_err(|error| error.to_string())?);
        servers.push(server);
    }
    let (providers, counts) = (Arc::new(providers), Arc::new(Counts::default()));
    // One round, so that what is made once is made.
    all(&providers, &counts, streams, Instant::now()).await;
    settle().await;
    let before = Held::now();
    before.print("before");
    let between = half(&providers, &counts, streams, time / 2).await?;
    between.print("between");
    let after = half(&providers, &counts, streams, time / 2).await?;
    after.print("after");
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{} streams at once: {} whole, {} failed, {} dropped, {} tokens; servers sent {} MiB",
        streams,
        count(&counts.whole),
        count(&counts.failed),
        count(&counts.dropped),
        count(&counts.tokens),
        servers.iter().map(ChaosServer::sent_bytes).sum::<u64>() >> 20
    );
    let back = after.memory_kib <= between.memory_kib + SLACK_KIB
        && after.descriptors <= before.descriptors
        && after.tasks <= before.tasks;
    println!("{}", if back { "everything came back" } else { "something was left behind" });
    Ok(back)
}

/// What is held after streams have run for that time.
async fn half(
    providers: &Arc<Vec<Arc<dyn AiProvider>>>,
    counts: &Arc<Counts>,
    streams: u64,
    time: Duration,
) -> Result<Held, String> {
    let running = tokio::spawn({
        let (providers, counts) = (providers.clone(), counts.clone());
        async move { all(&providers, &counts, streams, Instant::now() + time).await }
    });
    tokio::time::sleep(time / 2).await;
    Held::now().print("within");
    running.await.map_err(|error| error.to_string())?;
    settle().await;
    Ok(Held::now())
}

/// Keeps that many streams running until the deadline, each at least once.
async fn all(
    providers: &Arc<Vec<Arc<dyn AiProvider>>>,
    counts: &Arc<Counts>,
    streams: u64,
    deadline: Instant,
) {
    let workers = (0..streams).map(|worker| {
        let (providers, counts) = (providers.clone(), counts.clone());
        tokio::spawn(async move {
            let mut turn = worker as usize;
            loop {
                one(&*providers[turn % providers.len()], &counts, turn % 7 == 3).await;
                turn += 1;
                if Instant::now() >= deadline {
                    break;
                }
            }
        })
    });
    let workers: Vec<_> = workers.collect();
    for worker in workers {
        let _ = worker.await;
    }
}

async fn one(provider: &dyn AiProvider, counts: &Counts, drops: bool) {
    let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
    let Ok(mut tokens) = provider.chat_stream(ChatRequest::new("", [Message::user("hi")])).await else {
        add(&counts.failed);
        return;
    };
    for read in 0.. {
        match tokens.next().await {
            Some(Ok(_)) if drops && read == 2 => {
                add(&counts.dropped);
                return;
            }
            Some(Ok(_)) => {
                add(&counts.tokens);
            }
            Some(Err(_)) => {
                add(&counts.failed);
                return;
            }
            None => {
                add(&counts.whole);
                return;
            }
        }
    }
}

/// Until idle connections have been closed on both sides.
async fn settle() {
    let mut held = Held::now();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = Held::now();
        if now.descriptors == held.descriptors && now.tasks == held.tasks {
            return;
        }
        held = now;
    }
}
