//! Programs as providers, for real: this test starts itself as the program that it asks.
//!
//! `stand_in.rs` is the program; what it prints is in `recorded/`, in the documented form of each program.

use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

mod answers;
mod processes;
mod stand_in;

fn main() {
    if let Ok(script) = std::env::var(stand_in::SCRIPT) {
        stand_in::play(&script);
    }
    let tests: Vec<(&'static str, fn())> = answers::TESTS.iter().chain(processes::TESTS).copied().collect();
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            std::panic::catch_unwind(test).map_err(|panic| Failed::from(words(&*panic)))
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "panicked".into())
}

/// Runs a test in a runtime of its own; one that hangs fails.
fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limited = async { tokio::time::timeout(std::time::Duration::from_secs(120), test).await };
    runtime.block_on(limited).expect("the test ends within two minutes")
}

/// The provider whose program plays that script.
fn playing(program: samewire::headless::Program, script: &str) -> samewire::headless::HeadlessConfig {
    let own = std::env::current_exe().expect("a path of our own");
    samewire::headless::HeadlessConfig::new(program)
        .command(own.to_str().expect("a path of text"))
        .variable(stand_in::SCRIPT, script)
        .idle_timeout(None)
        .exit_grace(std::time::Duration::ZERO)
}

/// A context with this environment and nothing else of the machine.
fn context(environment: &[(&str, &str)]) -> samewire::Context {
    let mut context = samewire::Context::system();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    context.environment = Arc::new(environment.collect());
    context
}

/// The path of a recorded output.
fn recorded(name: &str) -> String {
    format!("{}/tests/headless/recorded/{name}", env!("CARGO_MANIFEST_DIR"))
}
