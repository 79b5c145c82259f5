//! `samewire`: chat with any provider from the terminal, and prove that samewire speaks like the
//! TypeScript.

mod chaos;
mod chat;
mod conform;
mod keys;
mod ollama;
mod paint;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "samewire", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a recording through faults and shows what becomes of it
    Chaos(chaos::Arguments),
    /// Streams a model's answer to the terminal
    Chat(chat::Arguments),
    /// Checks samewire against recordings of the TypeScript
    Conform(conform::Arguments),
    /// Manages the models of an Ollama server
    Ollama(ollama::Arguments),
    /// Lists the providers that are built in
    Providers,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Chaos(arguments) => chaos::run(&arguments),
        Command::Chat(arguments) => chat::run(&arguments),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::Ollama(arguments) => ollama::run(&arguments),
        Command::Providers => {
            keys::print_providers();
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|problem| {
        eprintln!("samewire: {problem}");
        ExitCode::from(USAGE)
    })
}

/// The exit status for what cannot be done as asked.
const USAGE: u8 = 2;

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;
