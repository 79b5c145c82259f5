//! The budgets: exits with status 1 when one of the client's is exceeded, and prints the strict goals beside them.
//!
//! `cargo bench --bench budgets`. What is measured in memory runs in a process of its own, and the service in another,
//! so that nobody pays for somebody else.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_util::StreamExt;
use samewire::layers::standard;
use samewire::manager::{ManagerConfig, ProviderConfig, ProviderManager};
use samewire::transport::{
    Exchange, HttpRequest, HttpResponse, HyperTransport, ReplayTransport, Transport, TransportError,
};
use samewire::{
    AiProvider, Context, ProviderInfo, ProviderRegistry, ProviderSettings, build_provider_in,
    clock::SystemClock,
};

use tokio::runtime::Runtime;

mod inputs;
mod loopback;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    match arguments.next().as_deref() {
        Some("serve") => runtime.block_on(serve()),
        Some("measure") => {
            let place =
                Place { url: arguments.next().expect("a URL"), ca: arguments.next().expect("a file") };
            let what = arguments.next().expect("what to measure");
            measure(&what, &place, &runtime);
        }
        _ => return report(&runtime),
    }
    ExitCode::SUCCESS
}

// ---- the report ----

/// One line of the report: a figure, the client's budget, and our own goal.
struct Line {
    what: &'static str,
    measured: f64,
    budget: f64,
    goal: f64,
    unit: &'static str,
}

fn report(runtime: &Runtime) -> ExitCode {
    let service = Service::start();
    let (all, bare) = (service.measure("providers"), service.measure("bare"));
    let (idle, bare_idle) = (service.measure("idle"), service.measure("bare-idle"));
    let flood = service.measure("flood");
    let line = |what, measured, budget, goal, unit| Line { what, measured, budget, goal, unit };
    let lines = [
        line("dispatch overhead, p99", runtime.block_on(dispatch_p99()), 5000.0, 100.0, "µs"),
        line("allocations per text delta", per_delta(&inputs::openai_deltas(1 << 20)), 1.0, 0.1, ""),
        line("heap, all providers used once", all.heap / MIB, 8.0, 1.0, "MiB"),
        line("heap over bare reqwest", (all.heap - bare.heap) / MIB, 8.0, 1.0, "MiB"),
        line("resident over bare reqwest", (all.resident - bare.resident) / MIB, 8.0, 0.5, "MiB"),
        line("heap per idle stream", idle.heap / 1024.0, 256.0, 64.0, "KiB"),
        line("the same against bare reqwest", idle.heap / bare_idle.heap, 4.0, 1.15, "x"),
        line("heap peak, 20 MiB to a slow reader", flood.heap / MIB, 8.0, 1.0, "MiB"),
        line("sent ahead of that reader", flood.resident / MIB, 16.0, 8.0, "MiB"),
    ];
    println!("{:36} {:>10} {:>10} {:>10}", "", "measured", "budget", "goal");
    for Line { what, measured, budget, goal, unit } in &lines {
        let mark = match () {
            () if measured > budget => "OVER BUDGET",
            () if measured > goal => "over our goal",
            () => "",
        };
        println!("{what:36} {measured:10.2} {budget:10.2} {goal:10.2} {unit:4} {mark}");
    }
    println!(
        "resident in all: {:.2} MiB, of bare reqwest {:.2} MiB",
        all.resident / MIB,
        bare.resident / MIB
    );
    println!("providers that answered over TLS: {} of {}", all.count, ProviderRegistry::all().count());
    // Some sign in elsewhere first, where this bench has no service.
    let answered = all.count + 2 >= ProviderRegistry::all().count();
    if lines.iter().any(|line| line.measured > line.budget) || !answered {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

const MIB: f64 = 1024.0 * 1024.0;

/// From the call to the moment when the request is handed to the network, through a manager with limiter, breaker
/// and retries: the 99th of 100.
async fn dispatch_p99() -> f64 {
    const CALLS: usize = 5000;
    let answer = || Exchange::new(200).header("content-type", "text/event-stream").body(ANSWER);
    let replay = Arc::new(ReplayTransport::new(std::iter::repeat_with(answer).take(CALLS)));
    let sent = Arc::new(std::sync::Mutex::new(None));
    let wire = Arc::new(Noted { inner: replay, sent: sent.clone() });
    let context = Context::with_transport(standard(wire, Arc::new(SystemClock)));
    let settings = ProviderSettings::new("openai").with("openAiApiKey", "k").with("openAiModelId", "gpt-4o");
    let config = ManagerConfig::new().provider(ProviderConfig::new("openai", settings));
    let manager = ProviderManager::new(config, context).expect("the configuration is whole");
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        let answer = manager.chat_stream(inputs::small_chat()).await.expect("an answer");
        let at: Instant = sent.lock().expect("nobody panics").take().expect("a request was sent");
        times.push(at - begun);
        drop(answer);
    }
    times.sort_unstable();
    times[CALLS * 99 / 100].as_secs_f64() * 1e6
}

const ANSWER: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";

/// Notes when a request arrives.
struct Noted {
    inner: Arc<dyn Transport>,
    sent: Arc<std::sync::Mutex<Option<Instant>>>,
}

impl Transport for Noted {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        *self.sent.lock().expect("nobody panics") = Some(Instant::now());
        self.inner.send(request)
    }
}

/// Allocations for each text delta of a stream in 16 KiB chunks.
fn per_delta(body: &bytes::Bytes) -> f64 {
    let (provider, chunks) = (inputs::openai(), inputs::cut(body, 16 * 1024));
    let mut tokens = 0;
    let allocated = allocation_counter::measure(|| tokens = inputs::count_tokens(&*provider, &chunks));
    allocated.count_total as f64 / tokens as f64
}

// ---- the service and the processes that are measured ----

/// The service, in a process of its own; ends with this.
struct Service {
    process: Child,
    url: String,
    ca: std::path::PathBuf,
}

/// What a process measured of itself.
struct Measured {
    heap: f64,
    resident: f64,
    count: usize,
}

impl Service {
    fn start() -> Self {
        let mut process = this_program().arg("serve").stdout(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let url = lines.next().expect("it says where").expect("in UTF-8");
        let pem: Vec<String> =
            lines.map(|line| line.expect("in UTF-8")).take_while(|line| line != ".").collect();
        let ca = std::env::temp_dir().join(format!("samewire-budgets-{}.pem", std::process::id()));
        std::fs::write(&ca, pem.join("\n")).expect("the folder can be written");
        Self { process, url, ca }
    }

    fn measure(&self, what: &str) -> Measured {
        let output = this_program()
            .args(["measure", &self.url])
            .arg(&self.ca)
            .arg(what)
            .stderr(Stdio::inherit())
            .output()
            .expect("it starts");
        let text = String::from_utf8(output.stdout).expect("figures");
        let figures: Vec<f64> =
            text.split_whitespace().map(|figure| figure.parse().expect("a figure")).collect();
        let [heap, resident, count] = figures[..] else { panic!("{what} failed: {text}") };
        Measured { heap, resident, count: count as usize }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.ca);
    }
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("it has a path"))
}

async fn serve() {
    let identity = loopback::Identity::new();
    let address = loopback::start(Some(&identity)).await;
    println!("https://localhost:{}\n{}\n.", address.port(), identity.certificate_pem.trim());
    std::future::pending::<()>().await;
}

struct Place {
    url: String,
    ca: String,
}

fn measure(what: &str, place: &Place, runtime: &Runtime) {
    let (heap, resident, count) = match what {
        "providers" => all_providers(place, runtime),
        "bare" => bare(place, runtime),
        "idle" => {
            let provider = build("openai", &context(place, "idle"));
            idle(runtime, async || provider.chat_stream(inputs::small_chat()).await.expect("an answer"))
        }
        "bare-idle" => {
            let (client, url) = (bare_client(place), format!("{}/idle/chat/completions", place.url));
            idle(runtime, async || {
                client.post(&url).body("{}").send().await.expect("an answer").bytes_stream().boxed()
            })
        }
        "flood" => flood(place, runtime),
        other => panic!("nothing is called {other}"),
    };
    println!("{heap} {resident} {count}");
}

/// Builds every provider and has it answer one chat.
fn all_providers(place: &Place, runtime: &Runtime) -> (f64, f64, usize) {
    let mut kept = Vec::new();
    let mut count = 0;
    let heap = allocation_counter::measure(|| {
        let context = context(place, "whole");
        for info in ProviderRegistry::all() {
            let provider = match build_provider_in(&settings(info), &context) {
                Ok(provider) => provider,
                Err(error) => {
                    eprintln!("{}: {error}", info.id);
                    continue;
                }
            };
            match runtime.block_on(provider.chat(inputs::small_chat())) {
                Ok(answer) if answer.text == "Hi" => count += 1,
                Ok(answer) => eprintln!("{}: answered {:?}", info.id, answer.text),
                Err(error) => eprintln!("{}: {error}", info.id),
            }
            kept.push(provider);
        }
    });
    (heap.bytes_current as f64, resident(), count)
}

fn bare(place: &Place, runtime: &Runtime) -> (f64, f64, usize) {
    let mut kept = None;
    let mut text = String::new();
    let heap = allocation_counter::measure(|| {
        let client = kept.insert(bare_client(place));
        let answer = client.post(format!("{}/whole/chat/completions", place.url)).body("{}").send();
        text = runtime.block_on(async { answer.await.expect("an answer").text().await.expect("a body") });
    });
    (heap.bytes_current as f64, resident(), usize::from(text.contains("Hi")))
}

/// What an open stream costs while nothing comes.
fn idle<S: Stream + Unpin>(runtime: &Runtime, open: impl AsyncFn() -> S) -> (f64, f64, usize) {
    const STREAMS: usize = 200;
    let mut streams = Vec::with_capacity(STREAMS + 1);
    let mut open_one = || {
        let mut stream = runtime.block_on(open());
        runtime.block_on(stream.next()).expect("an item");
        streams.push(stream);
    };
    // The first one pays for what all share.
    open_one();
    let pages = resident();
    let heap = allocation_counter::measure(|| (0..STREAMS).for_each(|_| open_one()));
    let each = |all: f64| all / STREAMS as f64;
    (each(heap.bytes_current as f64), each(resident() - pages), STREAMS)
}

/// Reads a tenth of the flood, rests, and looks how far the service got meanwhile; then reads the rest.
fn flood(place: &Place, runtime: &Runtime) -> (f64, f64, usize) {
    let provider = build("openai", &context(place, "flood"));
    // Reading the system's certificates takes memory that is not the flood's.
    let observer = bare_client(place);
    let (mut read, mut sent, mut count) = (0, 0.0, 0);
    let heap = allocation_counter::measure(|| {
        runtime.block_on(async {
            let mut tokens = provider.chat_stream(inputs::small_chat()).await.expect("an answer");
            while read < loopback::FLOOD / 10 {
                tokens.next().await.expect("more").expect("good");
                read += EVENT_BYTES;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let answer = observer.get(format!("{}/sent/", place.url)).send().await;
            let text = answer.expect("an answer").text().await.expect("a body");
            sent = text.parse().expect("a number");
            while let Some(token) = tokens.next().await {
                token.expect("a good token");
                count += 1;
            }
        });
    });
    (heap.bytes_max as f64, sent - read as f64, count)
}

/// About the size of one event of the flood.
const EVENT_BYTES: usize = 320;

fn build(id: &str, context: &Context) -> Arc<dyn AiProvider> {
    let info = ProviderRegistry::get(id).expect("it is known");
    build_provider_in(&settings(info), context).expect("the settings are whole")
}

/// What is needed to build any provider.
fn settings(info: &ProviderInfo) -> ProviderSettings {
    let settings = ProviderSettings::new(info.id)
        .with("awsRegion", "us-east-1")
        .with("awsUseApiKey", true)
        .with("awsApiKey", "k")
        .with("azureResource", "r")
        .with("cloudflareAccountId", "a")
        .with("databricksHost", "h.example")
        .with("snowflakeAccount", "a")
        .with(info.model_setting, "a-model");
    match info.key_setting {
        Some(key) => settings.with(key, "k"),
        None => settings,
    }
}

/// The real transport, with every request sent to the service on this machine.
fn context(place: &Place, mode: &str) -> Context {
    let ca = std::fs::read(&place.ca).expect("the certificate");
    let wire = HyperTransport::builder().ca_certificates(ca).system_proxy(false).build().expect("a client");
    let redirected = Redirected { inner: wire, base: format!("{}/{mode}", place.url) };
    Context::with_transport(standard(Arc::new(redirected), Arc::new(SystemClock)))
}

struct Redirected {
    inner: HyperTransport,
    base: String,
}

impl Transport for Redirected {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let path = request.url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
        request.url = format!("{}/{path}", self.base);
        self.inner.send(request)
    }
}

fn bare_client(place: &Place) -> reqwest::Client {
    let ca =
        reqwest::Certificate::from_pem(&std::fs::read(&place.ca).expect("the certificate")).expect("PEM");
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().http1_only().tls_certs_merge([ca]).no_proxy().build().expect("a client")
}

/// The bytes of memory that this process has, as far as the system tells.
fn resident() -> f64 {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return 0.0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<f64>().ok()).unwrap_or_default()
        * 1024.0
}
