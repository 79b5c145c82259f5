//! `samewire config`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use samewire::config::{Config, Fact, ImportedKeys, Language, Origin, ProviderEntry, import};
use samewire::json::{Object, Value};
use samewire::manager::ProviderManager;
use samewire::{Context, ProviderRegistry};

use crate::failure::Failure;
use crate::output::{print, print_json, run_until_interrupted, table};
use crate::world::{Place, World};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads the configuration and names every mistake with file, line and the nearest right key
    Check {
        /// The file; else the one that is in force
        file: Option<PathBuf>,
        /// Prints a JSON object: file, valid, mistakes, warnings
        #[arg(long)]
        json: bool,
    },
    /// Says what is in force for a provider and where that was said; secrets are masked
    Explain {
        /// The provider, by its name in the configuration; all if there is none
        provider: Option<String>,
        /// Prints a JSON array, one object for each fact
        #[arg(long)]
        json: bool,
    },
    /// Turns settings of Roo Code or Kilo Code into a configuration
    Import {
        /// An export of the extension's settings, or one profile
        file: PathBuf,
        /// Where to write the configuration; standard output by default
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Writes keys out, in place of environment variables to set
        #[arg(long)]
        keep_keys: bool,
        /// Replaces a file that is there
        #[arg(long, requires = "output")]
        force: bool,
    },
    /// Prints the path of the configuration that is in force
    Path,
}

pub(crate) fn run(place: &Place, arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Check { file, json } => check(place, file.as_ref(), *json),
        Command::Explain { provider, json } => explain(place, provider.as_deref(), *json),
        Command::Import { file, output, keep_keys, force } => {
            let keys = if *keep_keys { ImportedKeys::Kept } else { ImportedKeys::Referenced };
            import_file(file, output.as_ref(), keys, *force)
        }
        Command::Path => match place.file()? {
            Some(file) => print(&format!("{}\n", file.display())),
            None => Err(Failure::Usage(NONE.to_owned())),
        },
    }
}

fn check(place: &Place, file: Option<&PathBuf>, json: bool) -> Result<(), Failure> {
    let file = match file {
        Some(file) => file.clone(),
        None => place.file()?.ok_or_else(|| Failure::Usage(NONE.to_owned()))?,
    };
    let context = Context::system();
    let outcome = Config::load(&file, place.profile.as_deref(), &context);
    let warnings: Vec<String> = match &outcome {
        Ok(config) => config.warnings().iter().map(ToString::to_string).collect(),
        Err(_) => Vec::new(),
    };
    let mistakes: Vec<String> = match &outcome {
        Ok(config) => unusable(config).into_iter().collect(),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    };
    if json {
        let list = |texts: &[String]| Value::Array(texts.iter().map(|text| text.as_str().into()).collect());
        let mut object = Object::new();
        object.insert("file", file.display().to_string());
        object.insert("valid", mistakes.is_empty());
        object.insert("mistakes", list(&mistakes));
        object.insert("warnings", list(&warnings));
        print_json(object)?;
    } else {
        let mut text = String::new();
        for mistake in &mistakes {
            let _ = writeln!(text, "{mistake}");
        }
        for warning in &warnings {
            let _ = writeln!(text, "{warning} (a warning)");
        }
        if let (true, Ok(config)) = (mistakes.is_empty(), &outcome) {
            text.push_str(&summary(config));
        }
        print(&text)?;
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::Found) }
}

/// What shows only when a manager is made of the configuration, as a proxy that cannot be used.
fn unusable(config: &Config) -> Option<String> {
    let context = Context::system();
    let of_entry = |entry: &ProviderEntry| config.network(entry.id(), &context).err();
    let network = config.providers().find_map(of_entry);
    network.map(|error| error.message().to_owned())
}

fn summary(config: &Config) -> String {
    let file = config.path().map(|path| path.display().to_string()).unwrap_or_default();
    let profile = config.profile().map(|profile| format!(", profile {profile}")).unwrap_or_default();
    let ids: Vec<&str> = config.providers().map(ProviderEntry::id).collect();
    let routes: Vec<&str> = config.routes().collect();
    let routes = if routes.is_empty() { String::new() } else { format!("routes: {}\n", routes.join(", ")) };
    let default = config.default_target().unwrap_or("none");
    format!("{file} is fine{profile}\nproviders: {}\n{routes}default: {default}\n", ids.join(", "))
}

fn explain(place: &Place, provider: Option<&str>, json: bool) -> Result<(), Failure> {
    let world = World::open(place)?;
    let built_in = built_in(provider, &world)?;
    let Some(config) = built_in.as_ref().or(world.config.as_ref()) else {
        return Err(Failure::Usage(NONE.to_owned()));
    };
    let ids: Vec<&str> = match provider {
        Some(provider) if config.provider(provider).is_some() => vec![provider],
        Some(other) => return explain_target(&world, config, other),
        None => config.providers().map(ProviderEntry::id).collect(),
    };
    let mut objects = Vec::new();
    let mut text = String::new();
    for id in ids {
        let facts = config.explain(id, &world.context)?;
        objects.extend(facts.iter().map(|fact| in_json(id, fact)));
        let row = |fact: &Fact| vec![format!("  {}", fact.name), fact.value.clone(), fact.origin.to_string()];
        let _ = write!(text, "{id}\n{}", table(&facts.iter().map(row).collect::<Vec<_>>()));
    }
    if json { print_json(Value::Array(objects)) } else { print(&text) }
}

/// What holds for a provider that is built in and that no configuration speaks of.
fn built_in(provider: Option<&str>, world: &World) -> Result<Option<Config>, Failure> {
    let Some(id) = provider.filter(|id| ProviderRegistry::get(id).is_some()) else { return Ok(None) };
    let names = |config: &Config| {
        config.provider(id).is_some()
            || config.routes().chain(config.aliases().map(|(alias, _)| alias)).any(|name| name == id)
    };
    if world.config.as_ref().is_some_and(names) {
        return Ok(None);
    }
    let text = format!("[providers.{id}]\n");
    Ok(Some(Config::parse(&text, Language::Toml, "built in", None, &world.context)?))
}

/// A route, an alias or a model: where a short prompt would go now.
fn explain_target(world: &World, config: &Config, target: &str) -> Result<(), Failure> {
    let narrowed = config.narrowed_to(target)?;
    let explanation = run_until_interrupted(async {
        let manager_config = narrowed.manager_config(&world.keys).await?;
        let manager = ProviderManager::new(manager_config, world.context.clone())?;
        let request = samewire::ChatRequest::new("", [samewire::Message::user("Hello!")]);
        Ok(manager.explain_route(&request)?)
    })?;
    print(&explanation.to_string())
}

fn in_json(provider: &str, fact: &Fact) -> Value {
    let mut object = Object::new();
    object.insert("provider", provider);
    object.insert("name", fact.name.as_str());
    object.insert("value", fact.value.as_str());
    let kind = match &fact.origin {
        Origin::Line { .. } => "file",
        Origin::Environment(_) => "environment",
        _ => "default",
    };
    object.insert("from", kind);
    object.insert("origin", fact.origin.to_string());
    object.into()
}

fn import_file(
    file: &PathBuf,
    output: Option<&PathBuf>,
    keys: ImportedKeys,
    force: bool,
) -> Result<(), Failure> {
    let json = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let imported = import(&json, keys).map_err(|error| format!("{}: {}", file.display(), error.message()))?;
    match output {
        None => print(&imported.text)?,
        Some(output) if output.exists() && !force => {
            return Err(Failure::Usage(format!(
                "{} is there already; --force replaces it",
                output.display()
            )));
        }
        Some(output) => {
            write_private(output, &imported.text)
                .map_err(|error| format!("{}: {error}", output.display()))?;
        }
    }
    for note in &imported.notes {
        eprintln!("samewire: {note}");
    }
    if !imported.variables.is_empty() {
        eprintln!("samewire: set these environment variables:");
        imported.variables.iter().for_each(|(name, provider)| eprintln!("  {name}  (for {provider})"));
    }
    Ok(())
}

/// The file may hold keys, so nobody else may read it.
fn write_private(path: &PathBuf, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

const NONE: &str =
    "there is no configuration: write a samewire.toml here, or make one with `samewire config import`";
