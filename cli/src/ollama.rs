//! `samewire ollama`.

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand};
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use samewire::ollama::{PullProgress, pull};
use samewire::{Context, Error, ProviderSettings};

use crate::failure::Failure;
use crate::output::run_until_interrupted;

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Has the server fetch a model
    Pull {
        /// The model, such as qwen3:8b
        model: String,
        /// The server; http://localhost:11434 by default
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Command::Pull { model, base_url } = &arguments.command;
    let mut settings = ProviderSettings::new("ollama");
    settings.set("ollamaBaseUrl", base_url.as_deref().map(Into::into));
    if let Ok(key) = std::env::var("OLLAMA_API_KEY") {
        settings.set("ollamaApiKey", Some(key.into()));
    }
    let mut display = Display::for_stderr();
    let outcome = run_until_interrupted(async { Ok(fetch(&settings, model, &mut display).await?) });
    display.end();
    outcome
}

async fn fetch(settings: &ProviderSettings, model: &str, display: &mut Display) -> Result<(), Error> {
    let mut reports = pull(settings, &Context::system(), model).await?;
    while let Some(report) = reports.next().await {
        display.show(&report?);
    }
    Ok(())
}

/// Shows progress: as a bar on a terminal, else as lines.
enum Display {
    Bar(ProgressBar),
    Lines(Lines),
}

impl Display {
    fn for_stderr() -> Self {
        if io::stderr().is_terminal() {
            Self::Bar(ProgressBar::no_length().with_style(spinner()))
        } else {
            Self::Lines(Lines::default())
        }
    }

    fn show(&mut self, report: &PullProgress) {
        match self {
            Self::Bar(bar) => {
                match report.total.filter(|total| *total > 0) {
                    Some(total) => {
                        bar.set_style(bytes());
                        bar.set_length(total);
                        bar.set_position(report.completed.unwrap_or(0));
                    }
                    None => bar.set_style(spinner()),
                }
                bar.set_message(report.status.to_string());
                bar.tick();
            }
            Self::Lines(lines) => {
                if let Some(line) = lines.next(report) {
                    // Whoever closed the pipe does not want to know.
                    let _ = writeln!(io::stderr(), "{line}");
                }
            }
        }
    }

    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::default_spinner()
}

fn bytes() -> ProgressStyle {
    // The template is a constant of this program; should it ever be wrong, the default does too.
    ProgressStyle::with_template("{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Says what is new, and each tenth of what is fetched.
#[derive(Default)]
struct Lines {
    last: Option<(String, Option<u64>)>,
}

impl Lines {
    fn next(&mut self, report: &PullProgress) -> Option<String> {
        let tenth = match (report.completed, report.total) {
            (Some(completed), Some(total)) if total > 0 => Some(completed.saturating_mul(10) / total),
            _ => None,
        };
        let now = (report.status.to_string(), tenth);
        if self.last.as_ref() == Some(&now) {
            return None;
        }
        let line = match now.1 {
            Some(tenth) => format!("{} {} %", now.0, tenth * 10),
            None => now.0.clone(),
        };
        self.last = Some(now);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_is_new() {
        let mut lines = Lines::default();
        let mut next = |status: &str, completed, total| {
            let mut report = PullProgress::default();
            report.status = status.into();
            (report.completed, report.total) = (completed, total);
            lines.next(&report)
        };
        assert_eq!(next("pulling manifest", None, None).as_deref(), Some("pulling manifest"));
        assert_eq!(next("pulling manifest", None, None), None);
        assert_eq!(next("pulling a", Some(0), Some(1000)).as_deref(), Some("pulling a 0 %"));
        assert_eq!(next("pulling a", Some(99), Some(1000)), None);
        assert_eq!(next("pulling a", Some(100), Some(1000)).as_deref(), Some("pulling a 10 %"));
        assert_eq!(next("success", None, None).as_deref(), Some("success"));
    }
}
