//! `samewire models`: what is known about models.

use clap::{Args, Subcommand};
use samewire::Context;
use samewire::catalog::{self, Catalogue, CatalogueModel, Modality, Origin};
use samewire::json::{Object, Value};

use crate::failure::Failure;
use crate::output::{print, print_json, run_until_interrupted};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetches the list of models.dev and keeps it
    Refresh {
        /// Another place with a list in that form
        #[arg(long, value_name = "URL", default_value = catalog::MODELS_DEV)]
        from: String,
    },
    /// Tells context, prices and abilities of a model
    Show {
        /// A model's id, `provider/model`, or a short name such as `sonnet`
        model: String,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let context = Context::system();
    match arguments.command {
        Command::Refresh { from } => run_until_interrupted(async {
            let catalogue = catalog::refresh(&context, &from).await?;
            print(&format!("{} models are known now\n", catalogue.models().count()))
        }),
        Command::Show { model, json } => run_until_interrupted(async {
            let catalogue = Catalogue::load(&context).await;
            let named = catalogue.resolve(&model);
            let model = named.map_err(|error| Failure::Usage(error.message().to_owned()))?;
            if json { print_json(in_json(model)) } else { print(&in_words(model)) }
        }),
    }
}

fn in_words(model: &CatalogueModel) -> String {
    let unknown = || "unknown".to_owned();
    let tokens = |count: Option<u64>| count.map_or_else(unknown, |count| format!("{count} tokens"));
    let whether = |fact: Option<bool>| match fact {
        Some(true) => "yes".to_owned(),
        Some(false) => "no".to_owned(),
        None => unknown(),
    };
    let price =
        |price: Option<f64>| price.map_or_else(unknown, |price| format!("${price} per million tokens"));
    let prices = model.prices.clone().unwrap_or_default();
    let kinds = |kinds: &Option<Vec<Modality>>| match kinds {
        Some(kinds) => kinds.iter().map(kind).collect::<Vec<_>>().join(", "),
        None => unknown(),
    };
    let origin = match model.origin {
        Origin::BuiltIn => "the built-in tables",
        Origin::ModelsDev => "the list of models.dev",
        Origin::Override => "your overrides",
    };
    let facts = [
        ("context", tokens(model.context_window)),
        ("answer", tokens(model.output_limit)),
        ("takes", kinds(&model.input)),
        ("gives", kinds(&model.output)),
        ("tools", whether(model.tools)),
        ("reasoning", whether(model.reasoning)),
        ("JSON schema", whether(model.json_schema)),
        ("input", price(prices.input)),
        ("output", price(prices.output)),
        ("cache read", price(prices.cache_read)),
        ("cache write", price(prices.cache_write)),
        ("deprecated", whether(model.deprecated)),
        ("known from", origin.to_owned()),
    ];
    let lines = facts.map(|(name, value)| format!("  {name:12} {value}\n"));
    format!("{}/{}\n{}", model.provider, model.id, lines.concat())
}

fn kind(kind: &Modality) -> String {
    match kind {
        Modality::Other(name) => name.to_string(),
        known => format!("{known:?}").to_lowercase(),
    }
}

fn in_json(model: &CatalogueModel) -> Value {
    let count = |count: Option<u64>| count.map_or(Value::Null, |count| (count as f64).into());
    let whether = |fact: Option<bool>| fact.map_or(Value::Null, Value::from);
    let price = |price: Option<f64>| price.map_or(Value::Null, Value::from);
    let kinds = |kinds: &Option<Vec<Modality>>| match kinds {
        Some(kinds) => kinds.iter().map(|modality| Value::from(kind(modality))).collect(),
        None => Value::Null,
    };
    let prices = model.prices.clone().unwrap_or_default();
    let mut object = Object::new();
    object.insert("provider", model.provider.clone());
    object.insert("id", model.id.clone());
    object.insert("contextWindow", count(model.context_window));
    object.insert("outputLimit", count(model.output_limit));
    object.insert("input", kinds(&model.input));
    object.insert("output", kinds(&model.output));
    object.insert("tools", whether(model.tools));
    object.insert("reasoning", whether(model.reasoning));
    object.insert("jsonSchema", whether(model.json_schema));
    object.insert("inputPrice", price(prices.input));
    object.insert("outputPrice", price(prices.output));
    object.insert("cacheReadPrice", price(prices.cache_read));
    object.insert("cacheWritePrice", price(prices.cache_write));
    object.insert("deprecated", whether(model.deprecated));
    object.into()
}
