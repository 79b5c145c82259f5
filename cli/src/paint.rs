//! Colours, on terminals only.

use std::fmt;
use std::io::IsTerminal;

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// Paints if standard output is a terminal and `NO_COLOR` (<https://no-color.org>) is not set.
    pub(crate) fn for_stdout() -> Self {
        Self(std::io::stdout().is_terminal() && !is_refused())
    }

    /// The same for standard error.
    pub(crate) fn for_stderr() -> Self {
        Self(std::io::stderr().is_terminal() && !is_refused())
    }

    /// The text, less bright than the rest.
    pub(crate) fn dim(self, text: &str) -> impl fmt::Display {
        self.wrap("2", text)
    }

    /// The text in the colour of what a tool does.
    pub(crate) fn tool(self, text: &str) -> impl fmt::Display {
        self.wrap("36", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn is_refused() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_painted_where_no_terminal_is() {
        assert_eq!(Paint(false).dim("x").to_string(), "x");
        assert_eq!(Paint(true).dim("x").to_string(), "\x1b[2mx\x1b[0m");
    }
}
