//! Runs every target for a while on a stable toolchain: mutated recordings, no coverage to guide it.
//!
//! `samewire-fuzz [SECONDS] [TARGET...]`; a finding is kept under `fuzz/findings/` and ends with status 1.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use samewire_fuzz::corpus::{self, Seed};
use samewire_fuzz::mutate::mutate;
use samewire_fuzz::targets::ALL;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let seconds = arguments.next_if(|first| first.parse::<f64>().is_ok());
    let seconds: f64 = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(60.0);
    let wanted: Vec<String> = arguments.collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = match corpus::read(&root.join("../fixtures")) {
        Ok(seeds) => seeds,
        Err(error) => {
            eprintln!("fixtures: {error}");
            return ExitCode::from(2);
        }
    };
    let targets: Vec<_> =
        ALL.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name)).collect();
    let time = Duration::from_secs_f64(seconds / targets.len().max(1) as f64);
    println!("{:<14} {:>10} {:>12} {:>9}", "target", "corpus", "executions", "findings");
    let mut found = 0;
    for (name, target) in targets {
        let corpus = inputs(name, &seeds, &root.join("findings").join(name));
        let run = run(name, *target, &corpus, time, root);
        println!("{name:<14} {:>10} {:>12} {:>9}", corpus.len(), run.executions, run.findings.len());
        for (message, path) in &run.findings {
            println!("  {}: {message}", path.display());
        }
        found += run.findings.len();
    }
    if found == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Run {
    executions: u64,
    /// An input for each different message.
    findings: BTreeMap<String, PathBuf>,
}

fn run(name: &str, target: fn(&[u8]), corpus: &[Vec<u8>], time: Duration, root: &Path) -> Run {
    let mut random = fastrand::Rng::with_seed(0x5A3E);
    let mut run = Run { executions: 0, findings: BTreeMap::new() };
    let message = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let told = message.clone();
    std::panic::set_hook(Box::new(move |panic| {
        *told.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = panic.to_string();
    }));
    let begun = Instant::now();
    // Every input as it is first, however long it takes.
    let mut fresh = corpus.iter();
    while begun.elapsed() < time || fresh.len() > 0 {
        let input = match fresh.next() {
            Some(input) => input.clone(),
            None if corpus.is_empty() => mutate(&[], &[], &mut random),
            None => {
                let (one, other) = (random.usize(..corpus.len()), random.usize(..corpus.len()));
                mutate(&corpus[one], &corpus[other], &mut random)
            }
        };
        run.executions += 1;
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let text = message.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            // The place and the first words tell findings apart.
            let key: String = text.replace('\n', " ").chars().take(160).collect();
            if !run.findings.contains_key(&key) && run.findings.len() < 10 {
                run.findings.insert(key, keep(&root.join("findings").join(name), &input));
            }
        }
    }
    let _ = std::panic::take_hook();
    run
}

fn keep(folder: &Path, input: &[u8]) -> PathBuf {
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder.join(format!("{hash:016x}"));
    if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, input)) {
        eprintln!("{}: {error}", path.display());
    }
    path
}

/// What a target begins with: the part of the recordings that it reads, and what was found before.
fn inputs(name: &str, seeds: &[Seed], findings: &Path) -> Vec<Vec<u8>> {
    let bodies = || seeds.iter().flat_map(|seed| seed.bodies.iter().cloned());
    let mut inputs: Vec<Vec<u8>> = match name {
        "settings" => seeds.iter().filter_map(|seed| seed.settings.clone()).collect(),
        "config" => CONFIGURATIONS.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "retry_after" | "rate_limits" => {
            let times = TIMES.iter().map(|text| text.as_bytes().to_vec());
            seeds.iter().flat_map(|seed| seed.headers.iter().cloned()).chain(times).collect()
        }
        "repetition" => bodies()
            .filter(|body| body.starts_with(b"data: ") || body.starts_with(b"event: "))
            .map(framed)
            .collect(),
        "event_stream" => bodies().filter(|body| body.first() == Some(&0)).collect(),
        "tool_calls" => vec![vec![0; 16]],
        _ => bodies().collect(),
    };
    inputs.sort();
    inputs.dedup();
    inputs.retain(|input| input.len() <= samewire_fuzz::mutate::LONGEST);
    let kept = std::fs::read_dir(findings).into_iter().flatten().flatten();
    inputs.extend(kept.filter_map(|entry| std::fs::read(entry.path()).ok()));
    inputs
}

/// An event stream behind the frame that its texts are put into.
fn framed(body: Vec<u8>) -> Vec<u8> {
    let frames = [
        r#"{"choices":[{"index":0,"delta":{"content":"@"}}]}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"@"}}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"@"},"finish_reason":null}],"obfuscation":"abc"}"#,
    ];
    let frame = frames[body.len() % frames.len()];
    [frame.as_bytes(), b"\none\ntwo\nth\\\"ree\n", &body, b"\nfour\nfive"].concat()
}

const CONFIGURATIONS: &[&str] = &[
    "default = \"chat\"\n[providers.groq]\nmodel = \"llama\"\nkey = { env = \"GROQ_API_KEY\" }\n[routes.chat]\ntargets = [\"groq\"]\n",
    "providers:\n  claude:\n    provider: anthropic\n    model: claude-sonnet-4-5\n    key: {env: KEY}\n",
    "[profiles.work.providers.a]\nprovider = \"openai\"\nbase_url = \"https://x.example\"\n",
];

const TIMES: &[&str] =
    &["6m0s", "1.5s", "20", "0", "Wed, 21 Oct 2026 07:28:00 GMT", "1768478460", "100ms", "\"a\";r=1;t=5"];
