//! What a program said beside its events: kept for the message of an error, bounded and without secrets.

use std::sync::{Arc, Mutex, MutexGuard};

use super::ansi;
use crate::Error;
use crate::lock::Locked;

/// What the halves of one run share: the process that is read, and the decoder of what it prints.
#[derive(Clone, Default)]
pub(super) struct Run(Arc<Shared>);

#[derive(Default)]
struct Shared {
    secrets: Vec<String>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    notes: Vec<u8>,
    cut: bool,
    done: bool,
    error: Option<Error>,
}

impl Run {
    /// A run that was given these secrets.
    pub(super) fn new(secrets: Vec<String>) -> Self {
        Self(Arc::new(Shared { secrets, state: Mutex::default() }))
    }

    /// The program gave its result.
    pub(super) fn finish(&self) {
        self.state().done = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.state().done
    }

    /// Keeps the error that the reader gets.
    pub(super) fn fail(&self, error: &Error) {
        self.state().error = Some(error.clone());
    }

    pub(super) fn error(&self) -> Option<Error> {
        self.state().error.clone()
    }

    /// Keeps a part of what is no event.
    pub(super) fn note(&self, part: &[u8]) {
        let mut state = self.state();
        state.notes.extend_from_slice(part);
        let kept = LIMIT + self.0.secrets.iter().map(String::len).max().unwrap_or(0);
        if state.notes.len() > kept {
            let first = state.notes.len() - kept;
            state.notes.drain(..first);
            state.cut = true;
        }
    }

    /// The end of what was noted, as it may be shown.
    pub(super) fn notes(&self) -> String {
        let (text, cut) = {
            let state = self.state();
            (String::from_utf8_lossy(&state.notes).into_owned(), state.cut)
        };
        // A secret that the cut went through is not known as one any more, but it has no white space.
        let whole =
            if cut { text.split_once(char::is_whitespace).map_or("", |(_, rest)| rest) } else { &text };
        let shown = self.mask(&ansi::strip(whole));
        let shown = shown.trim();
        let first = shown.len().saturating_sub(LIMIT);
        let first = (first..=shown.len()).find(|at| shown.is_char_boundary(*at)).unwrap_or(shown.len());
        shown[first..].to_owned()
    }

    /// A message with the notes behind it, if there are any.
    pub(super) fn explain(&self, message: &str) -> String {
        let notes = self.notes();
        let message = self.mask(message);
        if notes.is_empty() { message } else { format!("{message}; it said: {notes}") }
    }

    /// The text without the secrets that the program was given.
    pub(super) fn mask(&self, text: &str) -> String {
        self.0.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.locked()
    }
}

/// How many bytes of the notes are shown.
const LIMIT: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_however_they_arrive() {
        let run = Run::new(vec!["sk-very-secret".into()]);
        run.note(b"\x1b[31mbad key sk-very");
        run.note(b"-secret\x1b[0m\n");
        assert_eq!(run.notes(), "bad key [secret]");
        assert_eq!(run.explain("sk-very-secret failed"), "[secret] failed; it said: bad key [secret]");
    }

    #[test]
    fn notes_are_bounded_and_a_secret_at_the_cut_stays_hidden() {
        let secret = "s".repeat(50);
        for filler in (LIMIT - 60)..(LIMIT + 60) {
            let run = Run::new(vec![secret.clone()]);
            run.note(secret.as_bytes());
            run.note(&vec![b'x'; filler]);
            run.note(b" end");
            let notes = run.notes();
            assert!(notes.len() <= LIMIT && !notes.contains("sss") && notes.ends_with("end"), "{filler}");
        }
    }
}
