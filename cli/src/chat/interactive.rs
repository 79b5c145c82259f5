//! A conversation at the terminal.

use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy, choose_base_strategy};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use samewire::{ContentBlock, Message};
use tokio::runtime::Runtime;

use super::attachments::image_block;
use super::conversation::Conversation;
use super::printer::{Answer, Style, print_counts};
use crate::failure::Failure;

/// Talks until the person at the terminal has enough. The pictures go with what is said first.
pub(super) fn converse(
    mut conversation: Conversation,
    mut pictures: Vec<ContentBlock>,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let mut editor = DefaultEditor::new().map_err(|error| Failure::Usage(error.to_string()))?;
    let history = history_file();
    if let Some(file) = &history {
        // There is none the first time.
        let _ = editor.load_history(file);
    }
    let (provider, model) = (conversation.provider.name(), conversation.provider.model().id);
    eprintln!("Talking to {model} of {provider}. /help lists commands, Ctrl-D ends.");
    loop {
        let Some(line) = read(&mut editor, "> ")? else { break };
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let _ = editor.add_history_entry(line);
        match Command::of(line) {
            Some(Command::Quit) => break,
            Some(Command::Help) => eprintln!("{HELP}"),
            Some(Command::Clear) => {
                conversation.history.clear();
                pictures.clear();
                eprintln!("Forgotten.");
            }
            Some(Command::Image(file)) => match image_block(Path::new(file)) {
                Ok(block) => {
                    pictures.push(block);
                    eprintln!("{file} goes with what you say next.");
                }
                Err(Failure::Usage(problem)) => eprintln!("{problem}"),
                Err(other) => return Err(other),
            },
            Some(Command::Unknown(name)) => eprintln!("There is no command {name}; /help lists them."),
            None => {
                let message = message(line, &pictures);
                if turns(&mut conversation, message, runtime, &mut editor)? {
                    pictures.clear();
                }
            }
        }
        if let Some(file) = &history {
            save(&mut editor, file);
        }
    }
    Ok(())
}

/// What is said, with its pictures in front.
pub(super) fn message(text: &str, pictures: &[ContentBlock]) -> Message {
    if pictures.is_empty() {
        return Message::user(text);
    }
    Message::user_blocks(pictures.iter().cloned().chain([ContentBlock::text(text)]))
}

/// One answer, and those to the results of the tools that it calls. False if it came to nothing.
fn turns(
    conversation: &mut Conversation,
    message: Message,
    runtime: &Runtime,
    editor: &mut DefaultEditor,
) -> Result<bool, Failure> {
    let mut message = message;
    let begun = conversation.history.len();
    loop {
        let outcome = runtime.block_on(async {
            tokio::select! {
                biased;
                _ = tokio::signal::ctrl_c() => None,
                outcome = conversation.say(message, Style::Text) => Some(outcome),
            }
        });
        let answer = match outcome {
            Some(Ok(answer)) => answer,
            failed => {
                conversation.history.truncate(begun);
                return match failed {
                    None => {
                        eprintln!("\nBroken off; this turn is forgotten.");
                        Ok(false)
                    }
                    Some(Err(closed @ Failure::Closed)) => Err(closed),
                    Some(Err(failure)) => {
                        failure.report();
                        Ok(false)
                    }
                    Some(Ok(_)) => Ok(true),
                };
            }
        };
        print_counts(&conversation.provider.model().id, &answer);
        if answer.calls.is_empty() {
            return Ok(true);
        }
        let Some(results) = results(&answer, editor)? else {
            conversation.history.truncate(begun);
            eprintln!("Without the tool's result this turn is forgotten.");
            return Ok(false);
        };
        message = results;
    }
}

/// Asks the person for what the tools gave.
fn results(answer: &Answer, editor: &mut DefaultEditor) -> Result<Option<Message>, Failure> {
    let mut blocks = Vec::new();
    for call in &answer.calls {
        let Some(result) = read(editor, &format!("result of {} (@FILE reads one)> ", call.name))? else {
            return Ok(None);
        };
        let result = match result.trim().strip_prefix('@') {
            Some(file) => match std::fs::read_to_string(file) {
                Ok(text) => text,
                Err(error) => {
                    eprintln!("{file}: {error}");
                    return Ok(None);
                }
            },
            None => result,
        };
        blocks.push(ContentBlock::tool_result(call.id.as_str(), result));
    }
    Ok(Some(Message::user_blocks(blocks)))
}

/// A line, or several that end with a backslash. `None` at the end of input; Ctrl-C begins anew.
fn read(editor: &mut DefaultEditor, prompt: &str) -> Result<Option<String>, Failure> {
    let mut text = String::new();
    loop {
        let prompt = if text.is_empty() { prompt } else { "… " };
        match editor.readline(prompt) {
            Ok(line) => match line.strip_suffix('\\') {
                Some(more) => {
                    text.push_str(more);
                    text.push('\n');
                }
                None => return Ok(Some(text + &line)),
            },
            Err(ReadlineError::Interrupted) if text.is_empty() => {
                eprintln!("Ctrl-D ends.");
            }
            Err(ReadlineError::Interrupted) => text.clear(),
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => return Err(Failure::Usage(error.to_string())),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Command<'a> {
    Quit,
    Help,
    Clear,
    Image(&'a str),
    Unknown(&'a str),
}

impl<'a> Command<'a> {
    /// The command of a line; `None` for something to say. A path such as `/etc/hosts` is something to say.
    fn of(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        match name {
            "/quit" | "/exit" => Some(Self::Quit),
            "/help" => Some(Self::Help),
            "/clear" => Some(Self::Clear),
            "/image" => Some(Self::Image(rest.trim())),
            _ if name.starts_with('/') && !name[1..].contains('/') => Some(Self::Unknown(name)),
            _ => None,
        }
    }
}

fn history_file() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.data_dir().join("samewire").join("chat-history.txt"))
}

/// A history that cannot be kept is no reason to stop talking.
fn save(editor: &mut DefaultEditor, file: &Path) {
    let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    if folder.is_ok() {
        let _ = editor.save_history(file);
    }
}

const HELP: &str = "\
/image FILE  sends a picture with what you say next
/clear       forgets the conversation
/quit        ends, as Ctrl-D does
A backslash at the end of a line goes on in the next. Ctrl-C breaks an answer off.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_what_is_said() {
        assert_eq!(Command::of("/quit"), Some(Command::Quit));
        assert_eq!(Command::of("/image a b.png"), Some(Command::Image("a b.png")));
        assert_eq!(Command::of("/imag x"), Some(Command::Unknown("/imag")));
        assert_eq!(Command::of("/etc/hosts is what?"), None);
        assert_eq!(Command::of("hello /quit"), None);
    }
}
