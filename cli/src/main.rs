//! `samewire`: chat with any provider from the terminal, and prove that samewire speaks like the
//! TypeScript.

mod address;
mod chaos;
mod chat;
mod config;
mod conform;
mod count_tokens;
mod doctor;
mod failure;
mod keyring;
mod list_models;
mod list_providers;
mod model_cache;
mod models;
mod ollama;
mod output;
mod paint;
mod record;
mod shell;
mod world;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use world::Place;

#[derive(Debug, Parser)]
#[command(name = "samewire", version, about, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays a recording through faults and shows what becomes of it
    Chaos(chaos::Arguments),
    /// Streams a model's answer to the terminal
    Chat(chat::Arguments),
    /// Writes the completions for a shell to standard output
    Completions(shell::CompletionArguments),
    /// Checks, explains and imports configurations
    Config(config::Arguments),
    /// Checks samewire against recordings of the TypeScript
    Conform(conform::Arguments),
    /// Estimates the tokens of a text and of images, without asking anybody
    CountTokens(count_tokens::Arguments),
    /// Looks at every provider that is configured: key, network, clock, models
    Doctor(doctor::Arguments),
    /// Lists the models that services offer
    ListModels(list_models::Arguments),
    /// Lists the providers that are built in
    ListProviders(list_providers::Arguments),
    /// Writes the manual page to standard output
    Man,
    /// Tells what is known about models, and fetches what is new
    Models(models::Arguments),
    /// Manages the models of an Ollama server
    Ollama(ollama::Arguments),
    /// Records what a client and a service say to each other, or answers from recordings
    Record(record::Arguments),
}

fn main() -> ExitCode {
    let Arguments { place, command } = Arguments::parse();
    let outcome = match command {
        Command::Chaos(arguments) => chaos::run(&arguments),
        Command::Chat(arguments) => chat::run(&place, arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Config(arguments) => config::run(&place, &arguments),
        Command::Conform(arguments) => conform::run(&arguments),
        Command::CountTokens(arguments) => count_tokens::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&place, &arguments),
        Command::ListModels(arguments) => list_models::run(&place, &arguments),
        Command::ListProviders(arguments) => list_providers::run(&arguments),
        Command::Man => shell::man(),
        Command::Models(arguments) => models::run(arguments),
        Command::Ollama(arguments) => ollama::run(&arguments),
        Command::Record(arguments) => record::run(arguments),
    };
    outcome.map_or_else(Failure::report, |()| ExitCode::SUCCESS)
}

const AFTER_HELP: &str = "\
Exit status:
  0    done
  1    a service refused or failed, or a check found something wrong
  2    the command, the configuration or a file is wrong; nothing was sent
  130  ended by Ctrl-C

Keys are never arguments: they come from the environment, or from wherever the configuration says. The
configuration is samewire.toml or samewire.yaml in this folder or one above it, else config.toml in the user's
folder for configurations (~/.config/samewire); SAMEWIRE_CONFIG and SAMEWIRE_PROFILE choose otherwise.";
