//! `samewire chaos`: a recorded conversation with something going wrong on its way.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use clap::Args;
use samewire_conformance::chaos::{ChaosServer, Fault, Limits, Trial, Verdict};
use samewire_conformance::load_case;

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
    /// Serves the recording at this address until Ctrl-C, for any client, instead of asking for it
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
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
        if let Some(address) = &arguments.listen {
            let server = ChaosServer::start(case, &arguments.faults, address);
            return serve(&server.await.map_err(|error| format!("{address}: {error}"))?).await;
        }
        let patience = Duration::from_millis(arguments.patience);
        let limits = Limits { head: patience, idle: patience, ..Limits::default() };
        let trial = Trial::run(&case, &arguments.faults, limits).await?;
        let verdict = trial.judge(arguments.faults.last().copied().unwrap_or(Fault::None));
        std::io::stdout().write_all(told(&trial, &verdict).as_bytes())?;
        if verdict.is_ok() { Ok(()) } else { Err(Failure::Found) }
    })
}

async fn serve(server: &ChaosServer) -> Result<(), Failure> {
    println!("{}", server.url());
    if let Some(certificate) = server.certificate() {
        print!("{certificate}");
    }
    eprintln!("Ctrl-C ends it");
    tokio::signal::ctrl_c().await?;
    eprintln!("{} requests were struck, {} bytes of bodies sent", server.struck(), server.sent_bytes());
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
