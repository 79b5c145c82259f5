//! `samewire count-tokens`.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use samewire::json::{Object, Value};
use samewire::{ContentBlock, ProviderSettings, build_provider};

use crate::chat::image_block;
use crate::failure::Failure;
use crate::output::{print, print_json, run_until_interrupted};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The text; standard input if there is neither a text nor a file
    text: Option<String>,
    /// A file with text; may be given several times
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// A file with a picture; may be given several times
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Prints `{"tokens": N}`
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut content: Vec<Value> = Vec::new();
    let mut text = |text: String| content.push(ContentBlock::text(text).as_json().clone());
    if let Some(given) = &arguments.text {
        text(given.clone());
    }
    for file in &arguments.file {
        let read = std::fs::read_to_string(file);
        text(read.map_err(|error| format!("{}: {error}", file.display()))?);
    }
    if arguments.text.is_none() && arguments.file.is_empty() && arguments.image.is_empty() {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).map_err(|error| format!("standard input: {error}"))?;
        text(input);
    }
    for file in &arguments.image {
        content.push(image_block(file)?.as_json().clone());
    }
    // Every provider counts alike, here on this machine; this one wants no key.
    let provider = build_provider(&ProviderSettings::new("lmstudio"))?;
    let tokens = run_until_interrupted(async { Ok(provider.count_tokens(&content).await?) })?;
    if arguments.json {
        let mut object = Object::new();
        object.insert("tokens", tokens as f64);
        return print_json(object);
    }
    print(&format!("{tokens}\n"))
}
