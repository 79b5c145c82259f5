//! Every protocol against every fault, through the real transport: right tokens or a clear error; never a hang, a
//! panic, an invented token or memory without bounds. The table is `CHAOS.md`; run with `WRITE_CHAOS=1` to renew it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use samewire::{ChatRequest, Error, ErrorKind, Message, ProviderSettings, build_provider};
use samewire_conformance::chaos::{ChaosServer, Fault, Limits, Trial, Verdict};
use samewire_conformance::{Case, load_case};

/// A protocol, a recording that shows much of it, and whether it travels over HTTP/2.
const PROTOCOLS: [(&str, &str, bool); 8] = [
    ("Chat Completions", "openai/stream-tool-one", false),
    ("Responses", "openai-native/out-items-with-text", false),
    ("Messages", "anthropic/stream-tools", false),
    ("Gemini", "gemini/out-signature-last-wins", false),
    ("Converse", "bedrock/stream-tools", true),
    ("Ollama", "ollama/out-tool-calls-many", false),
    ("Mistral", "mistral/out-thinking", false),
    ("Cohere", "sdk-cohere-ai/tool-plan", false),
];

/// A call that takes longer hangs; its limits end it long before.
const HANG: Duration = Duration::from_secs(60);

/// What sockets and HTTP/2 windows hold beside what was read.
const IN_FLIGHT: u64 = 64 << 20;

const AT_ONCE: usize = 16;

fn case(id: &str) -> Case {
    load_case(None, id).unwrap_or_else(|problem| panic!("{problem}"))
}

async fn decide(case: &Case, fault: Fault) -> Result<Verdict, String> {
    let limits = Limits::default();
    let trial = tokio::time::timeout(HANG, Trial::run(case, &[fault], limits)).await;
    let trial = trial.map_err(|_| "a hang".to_owned())??;
    if trial.struck == 0 {
        return Err("the fault never struck".into());
    }
    let attempts = trial.struck as u64;
    if trial.sent_bytes > attempts * (limits.body_bytes + IN_FLIGHT) {
        return Err(format!("{} bytes were taken from the server", trial.sent_bytes));
    }
    let verdict = trial.judge(fault).map_err(|problem| format!("{problem}\n{trial:#?}"))?;
    Ok(verdict)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_protocol_meets_every_fault_with_right_tokens_or_a_clear_error() {
    let cells = PROTOCOLS.iter().flat_map(|(protocol, id, http2)| {
        let case = case(id);
        let faults = Fault::ALL.into_iter().filter(|fault| *http2 || !fault.needs_http2());
        faults.map(move |fault| {
            let case = case.clone();
            async move { ((fault.name(), *protocol), decide(&case, fault).await) }
        })
    });
    let cells: Vec<_> = stream::iter(cells).buffer_unordered(AT_ONCE).collect().await;
    let mut failures = String::new();
    let mut table = BTreeMap::new();
    for (place, outcome) in cells {
        match outcome {
            Ok(verdict) => {
                table.insert(place, verdict.to_string());
            }
            Err(problem) => {
                let _ = writeln!(failures, "{place:?}: {problem}");
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    compare(&page(&table));
}

#[tokio::test]
async fn an_answer_without_an_end_is_told_by_its_limit() {
    // A message of Converse states its length, so that filler only breaks its checksum.
    for (protocol, id, _) in PROTOCOLS.into_iter().filter(|(.., http2)| !http2) {
        for fault in [Fault::Endless, Fault::GzipBomb] {
            let trial = Trial::run(&case(id), &[fault], Limits::default()).await.unwrap();
            let message = trial.error.as_ref().map_or("", Error::message);
            assert!(message.contains("limit of 4194304 bytes"), "{protocol}, {fault}: {message:?}");
        }
    }
}

#[tokio::test]
async fn an_error_whose_body_has_no_end_is_an_error() {
    for id in ["mistral/err-500", "anthropic/error-500", "ollama/err-500"] {
        let trial = Trial::run(&case(id), &[Fault::Endless], Limits::default()).await.unwrap();
        let error = trial.error.unwrap();
        assert!(matches!(error.kind(), ErrorKind::Server | ErrorKind::Interrupted), "{id}: {error:?}");
        assert!(trial.sent_bytes < u64::try_from(trial.struck).unwrap() * (4 << 20) + IN_FLIGHT, "{id}");
    }
}

#[tokio::test]
async fn the_reason_stands_behind_the_words_of_the_reference() {
    let trial =
        Trial::run(&case("openai/stream-tool-one"), &[Fault::Stall(None)], Limits::default()).await.unwrap();
    let error = trial.error.unwrap();
    assert_eq!(error.message(), "terminated");
    assert_eq!(error.cause().unwrap().message(), "the body fell silent for too long");
}

#[tokio::test]
async fn a_good_second_try_is_as_good_as_the_first() {
    let case = case("openai/stream-tool-one");
    let trial = Trial::run(&case, &[Fault::Headers, Fault::None], Limits::default()).await.unwrap();
    assert_eq!((trial.judge(Fault::None), trial.struck), (Ok(Verdict::Right), 2));
}

#[tokio::test]
async fn settings_set_the_limits() {
    let server = async |fault| {
        let case = case("anthropic/stream-tools");
        ChaosServer::start(case, &[fault], "127.0.0.1:0").await.unwrap()
    };
    let ask = async |server: &ChaosServer, name: &'static str, limit: u32| {
        let settings = ProviderSettings::new("anthropic")
            .with("apiKey", "key")
            .with("anthropicBaseUrl", server.url())
            .with(name, limit);
        let provider = build_provider(&settings).unwrap();
        let asked = provider.chat(ChatRequest::new("", [Message::user("hi")]));
        tokio::time::timeout(HANG, asked).await.expect("a hang").unwrap_err()
    };
    let endless = server(Fault::Endless).await;
    let error = ask(&endless, "bodyLimitBytes", 1 << 16).await;
    assert!(error.message().contains("limit of 65536 bytes (setting `bodyLimitBytes`)"), "{error:?}");
    let stalled = server(Fault::Stall(None)).await;
    assert_eq!(ask(&stalled, "idleTimeoutMs", 200).await.kind(), ErrorKind::Interrupted);
    let silent = server(Fault::Silence).await;
    assert_eq!(ask(&silent, "totalTimeoutMs", 200).await.kind(), ErrorKind::Timeout);
}

/// The page that tells the outcomes.
fn page(table: &BTreeMap<(&'static str, &'static str), String>) -> String {
    let mut page = INTRODUCTION.to_owned();
    let names: Vec<_> = PROTOCOLS.iter().map(|(protocol, ..)| *protocol).collect();
    let _ = writeln!(page, "| fault | {} |", names.join(" | "));
    let _ = writeln!(page, "| --- |{}", " --- |".repeat(names.len()));
    for fault in Fault::ALL {
        let cell = |protocol: &&'static str| {
            table.get(&(fault.name(), *protocol)).map_or("HTTP/1.1 only", String::as_str)
        };
        let cells: Vec<_> = names.iter().map(cell).collect();
        let _ = writeln!(page, "| `{}` | {} |", fault.name(), cells.join(" | "));
    }
    page
}

fn compare(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHAOS.md");
    if std::env::var_os("WRITE_CHAOS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(page.lines()).find(|(kept, new)| kept != new);
    assert!(
        kept == page,
        "CHAOS.md is no longer what happens; look at the change, then renew it with WRITE_CHAOS=1:\n{differs:#?}"
    );
}

const INTRODUCTION: &str = "\
# Faults

What becomes of an answer when something goes wrong on its way: a recorded conversation of each protocol, played by
the chaos server through each fault to the real HTTP client. `cargo test -p samewire-conformance --test chaos` checks
this page; `samewire chaos CASE --fault FAULT` shows one cell.

- **right**: all tokens of the recording, no error.
- **error**: right tokens up to the fault, then an error of that kind with a message.
- **short, no finish reason**: right tokens up to the fault and no error, as the reference has it: the body ended
  properly for those who count its bytes. `StreamSummary::finish_reason` is empty, which tells it.
- **altered**: the body's bytes were others, and still an answer of the protocol.

";
