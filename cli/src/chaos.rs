//! `samewire chaos`: a recorded conversation with something going wrong on its way.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use samewire_conformance::chaos::{ChaosServer, Fault, Limits, Trial, Verdict};
use samewire_conformance::load_case;

use crate::address::address;
use crate::failure::Failure;

/// Plays a recording through faults and shows what becomes of it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The recording, such as `anthropic/stream-tools`
    case: String,
    /// What goes wrong, such as `stall`, `cut:100` or `flip:7`; several strike one request after the other, and
    /// the last one stays
    #[arg(long = "fault", value_name = "FAULT", default_value = "none")]
    faults: Vec<Fault>,
    /// Serves the recording at this address, such as 127.0.0.1:8485, until Ctrl-C, for any client, instead of asking for it
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// The longest silence that is waited for, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    patience: u64,
    /// Where recordings are looked for
    #[arg(long, value_name = "DIR")]
    fixtures: Option<std::path::PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let case = load_case(arguments.fixtures.as_deref(), &arguments.case)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        if let Some(address) = arguments.listen {
            let told = |line: &str| eprintln!("{line}");
            let server =
                ChaosServer::start_telling(case, &arguments.faults, &address.to_string(), told).await;
            let server = server.map_err(|error| format!("cannot listen at {address}: {error}"))?;
            return serve(&server, &arguments.faults).await;
        }
        let patience = Duration::from_millis(arguments.patience);
        let limits = Limits { head: patience, idle: patience, ..Limits::default() };
        if let Some(fault) = arguments.faults.iter().find(|fault| fault.needs_http2() && !case.speaks_http2())
        {
            let problem =
                format!("{fault} strikes HTTP/2 only, and {} was recorded over HTTP/1.1", arguments.case);
            return Err(Failure::Usage(problem));
        }
        let trial = Trial::run(&case, &arguments.faults, limits).await?;
        let verdict = trial.judge(arguments.faults.last().copied().unwrap_or(Fault::None));
        std::io::stdout().write_all(told(&trial, &verdict).as_bytes())?;
        if verdict.is_ok() { Ok(()) } else { Err(Failure::Found) }
    })
}

async fn serve(server: &ChaosServer, faults: &[Fault]) -> Result<(), Failure> {
    println!("{}", server.url());
    if let Some(certificate) = server.certificate() {
        eprintln!("the certificate to trust (curl --cacert FILE):");
        print!("{certificate}");
    }
    std::io::stdout().flush()?;
    for line in server.recorded_requests() {
        eprintln!("the recorded client asked {line}");
    }
    for fault in faults.iter().filter(|fault| fault.needs_http2()) {
        eprintln!("{fault} strikes HTTP/2 only (curl --http2-prior-knowledge)");
    }
    eprintln!("Ctrl-C ends it");
    tokio::signal::ctrl_c().await?;
    eprintln!(
        "{} answers of the conversation, {} bytes of bodies sent",
        server.struck(),
        server.sent_bytes()
    );
    Ok(())
}

fn told(trial: &Trial, verdict: &Result<Verdict, String>) -> String {
    let mut told = String::new();
    for token in &trial.tokens {
        let _ = writeln!(told, "{token}");
    }
    if let Some(error) = &trial.error {
        let _ = writeln!(told, "error ({:?}): {error}", error.kind());
        if let Some(cause) = error.cause() {
            let _ = writeln!(told, "  because: {cause}");
        }
    }
    let verdict = match verdict {
        Ok(verdict) => verdict.to_string(),
        Err(problem) => format!("WRONG: {problem}"),
    };
    let _ = writeln!(told, "{verdict} ({} struck, {} ms)", trial.struck, trial.time.as_millis());
    told
}
