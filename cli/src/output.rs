//! Standard output, and the runtime that commands which ask services run in.

use std::future::Future;
use std::io::{self, Write};

use samewire::json::Value;

use crate::failure::Failure;

/// Writes a text.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Writes a value as one line of JSON.
pub(crate) fn print_json(value: impl Into<Value>) -> Result<(), Failure> {
    print(&format!("{}\n", value.into().to_json()))
}

/// Runs a future until it ends or Ctrl-C is pressed.
pub(crate) fn run_until_interrupted<T>(
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(async {
        // The first look at Ctrl-C begins to listen, so it comes before the first byte is sent.
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
            outcome = future => outcome,
        }
    });
    // A keyring that does not answer must not keep the program.
    runtime.shutdown_background();
    outcome
}

/// Lines of columns that stand below each other; the last one takes what it needs.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["a".into(), "bé".into(), "c".into()], vec!["aaa".into(), "b".into(), String::new()]];
        assert_eq!(table(&rows), "a    bé  c\naaa  b\n");
    }
}
