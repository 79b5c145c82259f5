//! Every client in every scenario against one server, interleaved round by round; prints the medians as tables.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::figures::median;
use crate::scenario::Figures;

/// The clients; those that cannot count allocations run under Node.
const CLIENTS: &[&str] = &[
    "hyper",
    "reqwest",
    "reqwest-same-request",
    "samewire",
    "async-openai",
    "genai",
    "rig",
    "node-openai",
    "samewire-anthropic",
    "genai-anthropic",
    "node-anthropic",
];

const SCENARIOS: &[(&str, &str)] = &[
    ("small", "a small whole reply, one after another"),
    ("short", "a short stream of 11 events, one after another"),
    ("fast16k", "one stream of 20 MiB in frames of 16 KiB"),
    ("fast1", "one stream of 20 MiB in frames of one event"),
    ("slow", "1,000 concurrent streams of 50 events at 20 ms"),
];

/// All rounds of one client in one scenario.
type Rounds = BTreeMap<(&'static str, &'static str), Vec<Figures>>;

pub(crate) fn run(rounds: usize) {
    let server = Server::start();
    let mut all = Rounds::new();
    for round in 0..rounds {
        for (scenario, _) in SCENARIOS {
            // Every round begins with another client, so that nobody always follows the same one.
            for at in 0..CLIENTS.len() {
                let client = CLIENTS[(at + round) % CLIENTS.len()];
                if let Some(figures) = server.measure(client, scenario) {
                    all.entry((scenario, client)).or_default().push(figures);
                }
            }
        }
        eprintln!("round {} of {rounds} is done", round + 1);
    }
    for (scenario, title) in SCENARIOS {
        println!("\n### {title}\n");
        match *scenario {
            "small" | "short" => requests(&all, scenario),
            "slow" => many(&all, scenario),
            _ => stream(&all, scenario),
        }
    }
}

fn requests(all: &Rounds, scenario: &'static str) {
    let rows = [
        Column { name: "p50 µs", of: |figures| Some(figures.p50), digits: 1, ratio: true },
        Column { name: "p99 µs", of: |figures| Some(figures.p99), digits: 0, ratio: false },
        Column {
            name: "CPU µs a request",
            of: |figures| Some(figures.cpu / figures.count),
            digits: 1,
            ratio: true,
        },
        Column { name: "allocations a request", of: |figures| figures.allocations, digits: 0, ratio: false },
    ];
    print(all, scenario, &rows);
}

fn stream(all: &Rounds, scenario: &'static str) {
    let rows = [
        Column {
            name: "CPU ns an event",
            of: |figures| Some(figures.cpu * 1e3 / figures.count),
            digits: 0,
            ratio: true,
        },
        Column {
            name: "1,000 events/s",
            of: |figures| Some(figures.count * 1e3 / figures.wall),
            digits: 0,
            ratio: false,
        },
        Column { name: "allocations an event", of: |figures| figures.allocations, digits: 2, ratio: false },
        Column { name: "growth MiB", of: |figures| Some(figures.growth / 1024.0), digits: 1, ratio: false },
    ];
    print(all, scenario, &rows);
}

fn many(all: &Rounds, scenario: &'static str) {
    let rows = [
        Column {
            name: "CPU µs an event",
            of: |figures| Some(figures.cpu / figures.count),
            digits: 2,
            ratio: true,
        },
        Column { name: "growth MiB", of: |figures| Some(figures.growth / 1024.0), digits: 1, ratio: true },
        Column { name: "peak MiB", of: |figures| Some(figures.peak / 1024.0), digits: 1, ratio: false },
        Column { name: "wall s", of: |figures| Some(figures.wall / 1e6), digits: 2, ratio: false },
    ];
    print(all, scenario, &rows);
}

/// A figure of each client, and whether it is also set in relation to the bare clients'.
struct Column {
    name: &'static str,
    of: fn(&Figures) -> Option<f64>,
    digits: usize,
    ratio: bool,
}

fn print(all: &Rounds, scenario: &'static str, columns: &[Column]) {
    let mut head = "| client |".to_owned();
    for column in columns {
        head += &format!(" {} |", column.name);
        if column.ratio {
            head += " to reqwest | to hyper |";
        }
    }
    println!("{head}\n|{}", " --- |".repeat(head.matches('|').count() - 1));
    for client in CLIENTS {
        let Some(rounds) = all.get(&(scenario, *client)) else { continue };
        let mut row = format!("| {client} |");
        for column in columns {
            let values: Option<Vec<f64>> = rounds.iter().map(column.of).collect();
            row += &match values {
                Some(values) => format!(" {:.*} |", column.digits, median(&values)),
                None => " - |".to_owned(),
            };
            if column.ratio {
                for base in ["reqwest", "hyper"] {
                    row += &ratio(rounds, all.get(&(scenario, base)), column.of);
                }
            }
        }
        println!("{row}");
    }
}

/// The median of the ratios within each round.
fn ratio(rounds: &[Figures], base: Option<&Vec<Figures>>, of: fn(&Figures) -> Option<f64>) -> String {
    let Some(base) = base.filter(|base| base.len() == rounds.len()) else { return " - |".to_owned() };
    let ratios: Option<Vec<f64>> =
        rounds.iter().zip(base).map(|(own, base)| Some(of(own)? / of(base)?)).collect();
    ratios.map_or_else(|| " - |".to_owned(), |ratios| format!(" {:.2} |", median(&ratios)))
}

/// The loopback server in a process of its own, on the first core; ends with this.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut process = on_core(0, &this_program())
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut url = String::new();
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        output.read_line(&mut url).expect("it says where it listens");
        Self { process, url: url.trim().to_owned() }
    }

    /// Runs one client on the second core; says on stderr why there are no figures.
    fn measure(&self, client: &str, scenario: &str) -> Option<Figures> {
        let output = match client.strip_prefix("node-") {
            None => on_core(1, &this_program()).args(["client", client, scenario, &self.url]).output(),
            Some(sdk) => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/client.mjs");
                on_core(1, "node").arg(script).args([sdk, scenario, &self.url]).output()
            }
        };
        let output = output.expect("the client starts");
        let figures = serde_json::from_slice(&output.stdout);
        if figures.is_err() {
            let why = String::from_utf8_lossy(&output.stderr);
            eprintln!("{client}, {scenario}: no figures ({}): {why}", output.status);
        }
        figures.ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command that stays on one core, where the system has `taskset` and that core.
fn on_core(core: usize, program: &str) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let can_pin = Path::new("/usr/bin/taskset").exists() && core < cores;
    if !can_pin {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

fn this_program() -> String {
    std::env::current_exe().expect("it has a path").to_string_lossy().into_owned()
}
