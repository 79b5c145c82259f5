//! `samewire chat`.

mod attachments;
mod conversation;
mod interactive;
mod printer;

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use samewire::{Context, Message, ProviderSettings, Tool, build_provider_in};
use samewire_conformance::{Case, load_case};

pub(crate) use attachments::image_block;
use conversation::Conversation;
use printer::{Style, print_answer, print_counts, print_error_line};

use crate::failure::Failure;
use crate::output::run_until_interrupted;
use crate::world::{Choice, Place, World};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    choice: Choice,
    /// What the model is told before the conversation
    #[arg(long, value_name = "TEXT", default_value = "")]
    system: String,
    /// A picture to send along; may be given several times
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// A JSON array of tools that the model may call; calls are printed, not carried out
    #[arg(long, value_name = "FILE")]
    tools: Option<PathBuf>,
    /// Prints each token as a line of JSON, as the TypeScript's stream yields it; an error is the last line
    #[arg(long)]
    json: bool,
    /// Answers from a recording, such as groq/stream-think-tag or a fixture's file, without a key or a network
    #[arg(long, value_name = "CASE", conflicts_with_all = ["provider", "model", "settings", "route"])]
    replay: Option<String>,
    /// What to ask; standard input if there is none, or a conversation if that is a terminal
    prompt: Option<String>,
}

pub(crate) fn run(place: &Place, arguments: Arguments) -> Result<(), Failure> {
    let style = if arguments.json { Style::Json } else { Style::Text };
    let outcome = chat(place, arguments, style);
    match (outcome, style) {
        (Err(Failure::Answer(error)), Style::Json) => {
            print_error_line(&error)?;
            Err(Failure::Found)
        }
        (Err(Failure::Interrupted), Style::Text) => {
            // The terminal's next line must not begin in the middle of an answer.
            println!();
            Err(Failure::Interrupted)
        }
        (outcome, _) => outcome,
    }
}

fn chat(place: &Place, arguments: Arguments, style: Style) -> Result<(), Failure> {
    if let Some(case) = &arguments.replay {
        return replay(case, &arguments, style);
    }
    let pictures = arguments.image.iter().map(|file| image_block(file)).collect::<Result<Vec<_>, _>>()?;
    let tools = tools(&arguments)?;
    let is_interactive = arguments.prompt.is_none() && std::io::stdin().is_terminal() && !arguments.json;
    let prompt = match &arguments.prompt {
        _ if is_interactive => String::new(),
        Some(prompt) => prompt.clone(),
        None => standard_input()?,
    };
    let world = World::open(place)?;
    if is_interactive {
        let runtime = tokio::runtime::Runtime::new()?;
        let provider = runtime.block_on(world.provider(&arguments.choice))?;
        let conversation = Conversation { provider, system: arguments.system, tools, history: Vec::new() };
        return interactive::converse(conversation, pictures, &runtime);
    }
    run_until_interrupted(async {
        let provider = world.provider(&arguments.choice).await?;
        let message = interactive::message(&prompt, &pictures);
        let mut conversation =
            Conversation { provider, system: arguments.system.clone(), tools, history: Vec::new() };
        let answer = conversation.say(message, style).await?;
        let model = conversation.provider.model().id;
        if let Some(asked) = arguments.choice.model.as_deref().filter(|asked| *asked != &*model) {
            eprintln!(
                "samewire: `{asked}` is not in the provider's table; `{model}` was asked, as the TypeScript does"
            );
        }
        print_counts(&model, &answer);
        Ok(())
    })
}

/// A recording in place of a service.
fn replay(case: &str, arguments: &Arguments, style: Style) -> Result<(), Failure> {
    let case = match Path::new(case) {
        file if file.extension().is_some_and(|ending| ending == "json") => {
            Case::load(file).map_err(|error| error.to_string())?
        }
        _ => load_case(None, case)?,
    };
    let settings =
        case.settings().cloned().ok_or_else(|| format!("{} records no conversation", case.id()))?;
    let settings = ProviderSettings::from_value(settings)?;
    let request = match &arguments.prompt {
        Some(prompt) => samewire::ChatRequest::new(arguments.system.clone(), [Message::user(prompt.clone())]),
        None => case.request(),
    };
    run_until_interrupted(async {
        let provider = build_provider_in(&settings, &Context::with_transport(Arc::new(case.replay())))?;
        let answer = print_answer(provider.chat_stream(request).await?, style).await?;
        print_counts(&provider.model().id, &answer);
        Ok(())
    })
}

fn tools(arguments: &Arguments) -> Result<Option<Vec<Tool>>, Failure> {
    arguments.tools.as_deref().map(attachments::tools).transpose()
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    if text.trim().is_empty() {
        return Err(Failure::Usage("nothing to ask: give a prompt, or pipe one in".to_owned()));
    }
    Ok(text)
}
