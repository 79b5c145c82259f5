//! `samewire conform`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use samewire_conformance::{Level, Options, complete, run as conform, show};

use crate::failure::Failure;
use crate::output::print;

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Beginnings of case ids (`anthropic/`, `openai/tool`); all cases if there are none
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// The folder with the recordings; the project's own by default
    #[arg(long, value_name = "DIR")]
    fixtures: Option<PathBuf>,
    /// How to print the report
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Checks one level only: encode, decode or socket
    #[arg(long)]
    level: Option<Level>,
    /// Writes the report as a page for a browser too, with both sides of whatever differs
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Prints a case instead: what was asked, each exchange, and what came out
    #[arg(long, value_name = "CASE", conflicts_with_all = ["filters", "format", "level", "report"])]
    show: Option<String>,
    /// Prints a case written by hand with what it leaves out: the requests that samewire sends, the tokens that it
    /// makes of the answers. Compare them with the vendor's documentation, then keep them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["filters", "fixtures", "format", "level", "report", "show"])]
    complete: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A row for each provider, then the failures
    Table,
    /// One line of JSON
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(case) = &arguments.show {
        return print(&show(arguments.fixtures.as_deref(), case)?);
    }
    if let Some(file) = &arguments.complete {
        return print(&complete(file)?);
    }
    let report = conform(&Options {
        fixtures: arguments.fixtures.clone(),
        filters: arguments.filters.clone(),
        level: arguments.level,
        evidence: arguments.report.is_some(),
    })?;
    if let Some(file) = &arguments.report {
        let written = std::fs::write(file, report.to_html());
        written.map_err(|error| format!("--report {}: {error}", file.display()))?;
    }
    match arguments.format {
        Format::Table => print(&report.to_table())?,
        Format::Json => print(&format!("{}\n", report.to_json()))?,
    }
    if report.is_success() { Ok(()) } else { Err(Failure::Found) }
}
