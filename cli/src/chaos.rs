//! `samewire chaos`: a recorded conversation with something going wrong on its way.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use samewire_conformance::chaos::{ChaosServer, Fault, Limits, Trial};
use samewire_conformance::load_case;

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

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let case = load_case(arguments.fixtures.as_deref(), &arguments.case)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        match &arguments.listen {
            Some(address) => {
                let server = ChaosServer::start(case, &arguments.faults, address);
                serve(&server.await.map_err(|error| format!("{address}: {error}"))?).await?;
            }
            None => {
                let patience = Duration::from_millis(arguments.patience);
                let limits = Limits { head: patience, idle: patience, ..Limits::default() };
                print!("{}", told(&Trial::run(&case, &arguments.faults, limits).await?, &arguments.faults));
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn serve(server: &ChaosServer) -> Result<(), String> {
    println!("{}", server.url());
    if let Some(certificate) = server.certificate() {
        print!("{certificate}");
    }
    eprintln!("Ctrl-C ends it");
    tokio::signal::ctrl_c().await.map_err(|error| error.to_string())?;
    eprintln!("{} requests were struck, {} bytes of bodies sent", server.struck(), server.sent_bytes());
    Ok(())
}

fn told(trial: &Trial, faults: &[Fault]) -> String {
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
    let verdict = match trial.judge(faults.last().copied().unwrap_or(Fault::None)) {
        Ok(verdict) => verdict.to_string(),
        Err(problem) => format!("WRONG: {problem}"),
    };
    let _ = writeln!(told, "{verdict} ({} struck, {} ms)", trial.struck, trial.time.as_millis());
    told
}
