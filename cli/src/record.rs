//! `samewire record`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use samewire_conformance::Proxy;

use crate::address::address;
use crate::failure::Failure;
use crate::output::run_until_interrupted;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("role").required(true).args(["upstream", "replay"]))]
pub(crate) struct Arguments {
    /// Where to listen, over HTTP without TLS
    #[arg(long, value_name = "ADDRESS", value_parser = address, default_value = "127.0.0.1:8484")]
    listen: SocketAddr,
    /// The service to pass requests on to: scheme and host, such as https://api.openai.com
    #[arg(long, value_name = "URL", requires = "out")]
    upstream: Option<String>,
    /// The folder to keep the exchanges in, as <host>/<number>-<what>.json
    #[arg(long, value_name = "DIR", requires = "upstream")]
    out: Option<PathBuf>,
    /// Answers from the recordings in this folder, and asks nobody
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    run_until_interrupted(async {
        let proxy = match (arguments.upstream, arguments.out, arguments.replay) {
            (Some(upstream), Some(out), _) => Proxy::record(arguments.listen, &upstream, out).await?,
            (_, _, Some(folder)) => Proxy::replay(arguments.listen, &folder).await?,
            _ => return Err(Failure::Usage("record: --upstream with --out, or --replay".to_owned())),
        };
        eprintln!("listening at http://{}; Ctrl-C ends", proxy.address()?);
        proxy.serve(|line| eprintln!("{line}")).await;
        Ok(())
    })
}
