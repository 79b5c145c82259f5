//! Measures samewire beside what a user would pick instead, on this machine and in one run.
//!
//! ```text
//! peers serve                          the loopback server; prints its URL
//! peers client NAME SCENARIO URL       one client in one scenario; prints figures as JSON
//! peers micro [ROUNDS]                 framing and decoding in memory
//! peers compare [ROUNDS]               all clients in all scenarios, interleaved; prints tables
//! peers load [SECONDS] [STREAMS]       many streams across ten providers; status 1 if anything is lost
//! ```

use std::process::ExitCode;

mod compare;
mod figures;
mod forms;
#[path = "../../inputs/mod.rs"]
mod inputs;
mod load;
mod micro;
mod peers;
mod scenario;
mod server;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let number = |text: &str| text.parse().expect("a number");
    match arguments[..] {
        ["serve"] => runtime.block_on(server::serve()),
        ["client", name, scenario, url] => {
            let Some(figures) = scenario::measure(name, scenario, url, &runtime) else {
                eprintln!("peers: there is no client `{name}`");
                return ExitCode::FAILURE;
            };
            println!("{}", serde_json::to_string(&figures).expect("figures are JSON"));
        }
        ["micro"] => micro::run(7),
        ["micro", rounds] => micro::run(number(rounds)),
        ["compare"] => compare::run(5),
        ["compare", rounds] => compare::run(number(rounds)),
        ["load"] => return load::run(300, 1000),
        ["load", seconds] => return load::run(number(seconds) as u64, 1000),
        ["load", seconds, streams] => return load::run(number(seconds) as u64, number(streams)),
        _ => {
            eprintln!(
                "usage: peers serve | client NAME SCENARIO URL | micro [ROUNDS] | compare [ROUNDS] | load [SECONDS] [STREAMS]"
            );
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
