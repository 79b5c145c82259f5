//! `samewire list-models`.

use clap::Args;
use futures_util::future::join_all;
use samewire::json::{Object, Value};
use samewire::list_models_in;

use crate::failure::{Failure, advice};
use crate::model_cache::ModelCache;
use crate::output::{print, print_json, run_until_interrupted, table};
use crate::world::{Place, World};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// A provider of the configuration, or any of `samewire list-providers`; else all of the configuration, or
    /// all whose key is in the environment
    #[arg(long, short)]
    provider: Option<String>,
    /// Asks even where a list of today is at hand
    #[arg(long)]
    refresh: bool,
    /// Prints a JSON array, one object for each model
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(place: &Place, arguments: &Arguments) -> Result<(), Failure> {
    let world = World::open(place)?;
    let providers = match &arguments.provider {
        Some(provider) => vec![provider.clone()],
        None => world.usual_providers(),
    };
    if providers.is_empty() {
        return Err(Failure::Usage(
            "no provider is configured and no key is in the environment: name one with --provider".to_owned(),
        ));
    }
    let lists = run_until_interrupted(async {
        let lists = providers.iter().map(|provider| list(&world, provider, arguments.refresh));
        Ok(join_all(lists).await)
    })?;
    let mut models = Vec::new();
    let mut failure = None;
    for (provider, outcome) in providers.iter().zip(lists) {
        match outcome {
            Ok(list) => models.extend(list.into_iter().map(|model| (provider.clone(), model))),
            // One among many that cannot be asked is told of; the others are listed.
            Err(Failure::Usage(problem)) if providers.len() > 1 => {
                eprintln!("samewire: {provider}: {problem}");
            }
            Err(Failure::Answer(error)) if providers.len() > 1 => {
                eprintln!("samewire: {provider}: {}{}", error.message(), advice(&error));
                failure = Some(Failure::Found);
            }
            Err(other) => return Err(other),
        }
    }
    if arguments.json {
        print_json(Value::Array(models.iter().map(|(provider, model)| in_json(provider, model)).collect()))?;
    } else {
        let rows: Vec<_> = models.iter().map(|(provider, model)| row(provider, model)).collect();
        print(&table(&rows))?;
    }
    failure.map_or(Ok(()), Err)
}

/// The models of a provider, each as the reference prints one.
async fn list(world: &World, provider: &str, refresh: bool) -> Result<Vec<Value>, Failure> {
    let (settings, context) = world.settings(provider).await?;
    let cache = ModelCache::of(provider, &settings, &context);
    if let Some((Value::Array(models), _)) = cache.read().filter(|_| !refresh) {
        return Ok(models);
    }
    let models = list_models_in(&settings, &context).await?;
    let models: Vec<Value> = models.iter().map(samewire::Model::to_json).collect();
    if !models.is_empty() {
        cache.write(&Value::Array(models.clone()));
    }
    Ok(models)
}

fn row(provider: &str, model: &Value) -> Vec<String> {
    let id = model.get("id").and_then(Value::as_str).unwrap_or_default();
    let fact = |name: &str| model.get("info").and_then(|info| info.get(name)).and_then(Value::as_f64);
    let tokens = fact("contextWindow").filter(|tokens| *tokens > 0.0);
    let tokens = tokens.map(|tokens| format!("{tokens} tokens")).unwrap_or_default();
    let price = match (fact("inputPrice"), fact("outputPrice")) {
        (Some(input), Some(output)) => format!("${input} in, ${output} out per million"),
        _ => String::new(),
    };
    vec![provider.to_owned(), id.to_owned(), tokens, price]
}

fn in_json(provider: &str, model: &Value) -> Value {
    let mut object = Object::new();
    object.insert("provider", provider);
    object.insert("id", model.get("id").cloned().unwrap_or_default());
    object.insert("info", model.get("info").cloned().unwrap_or_default());
    object.into()
}
