//! `samewire list-providers`.

use clap::Args;
use samewire::headless::Program;
use samewire::json::{Object, Value};
use samewire::{Context, ProviderCapabilities, ProviderInfo, ProviderRegistry};

use crate::failure::Failure;
use crate::output::{print, print_json, table};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Adds address, protocol, settings and what the default model can do
    #[arg(long)]
    verbose: bool,
    /// Prints a JSON array, one object for each provider, with everything
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let context = Context::system();
    if arguments.json {
        let services = ProviderRegistry::all().map(|facts| in_json(facts, &context));
        return print_json(Value::Array(
            services.chain(Program::ALL.iter().copied().map(program_in_json)).collect(),
        ));
    }
    if arguments.verbose {
        let services = ProviderRegistry::all().map(|facts| in_full(facts, &context));
        let programs =
            Program::ALL.iter().map(|program| format!("{}\n  {}\n", program.id(), about(*program)));
        return print(&services.chain(programs).collect::<Vec<_>>().join("\n"));
    }
    let row = |facts: &ProviderInfo| {
        let variable = facts.key_variable.unwrap_or("-");
        vec![facts.id.to_owned(), variable.to_owned(), facts.description.to_owned()]
    };
    let program = |program: &Program| vec![program.id().to_owned(), "-".to_owned(), about(*program)];
    print(&table(
        &ProviderRegistry::all().map(row).chain(Program::ALL.iter().map(program)).collect::<Vec<_>>(),
    ))
}

fn about(program: Program) -> String {
    format!("The program {program}, with its own login")
}

fn program_in_json(program: Program) -> Value {
    let mut object = Object::new();
    object.insert("id", program.id());
    object.insert("name", program.to_string());
    object.insert("description", about(program));
    object.insert("kind", "program");
    object.into()
}

fn in_full(facts: &ProviderInfo, context: &Context) -> String {
    let key = match (facts.key_variable, facts.key_setting) {
        (Some(variable), Some(setting)) => {
            let need = if facts.key_required { "needed" } else { "optional" };
            format!("{variable}, setting {setting}, {need}")
        }
        _ => "none".to_owned(),
    };
    let can =
        facts.capabilities(context).map_or_else(|| "depends on settings".to_owned(), |can| abilities(&can));
    format!(
        "{}\n  {} ({})\n  see       {}\n  address   {}\n  protocol  {:?}\n  key       {key}\n  model     setting {}\n  can       {can}\n",
        facts.id,
        facts.description,
        facts.name,
        facts.documentation,
        facts.base_url.unwrap_or("depends on settings"),
        facts.protocol,
        facts.model_setting,
    )
}

fn abilities(can: &ProviderCapabilities) -> String {
    let mut list = Vec::new();
    list.extend(can.context_window.map(|tokens| format!("{tokens} tokens of context")));
    list.extend(can.max_tokens.map(|tokens| format!("{tokens} of answer")));
    let flags = [(can.functions, "tools"), (can.vision, "images"), (can.prompt_cache, "prompt cache")];
    list.extend(flags.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned()));
    list.join(", ")
}

fn in_json(facts: &ProviderInfo, context: &Context) -> Value {
    let text = |text: Option<&'static str>| text.map_or(Value::Null, Value::from);
    let mut object = Object::new();
    object.insert("id", facts.id);
    object.insert("name", facts.name);
    object.insert("description", facts.description);
    object.insert("kind", "service");
    object.insert("aliases", facts.aliases.iter().map(|alias| Value::from(*alias)).collect::<Value>());
    object.insert("documentation", facts.documentation);
    object.insert("baseUrl", text(facts.base_url));
    object.insert("protocol", format!("{:?}", facts.protocol));
    object.insert("auth", format!("{:?}", facts.auth));
    object.insert("baseUrlSetting", text(facts.base_url_setting));
    object.insert("keyRequired", facts.key_required);
    object.insert("keySetting", text(facts.key_setting));
    object.insert("keyVariable", text(facts.key_variable));
    object.insert("modelSetting", facts.model_setting);
    object.insert("capabilities", facts.capabilities(context).map_or(Value::Null, |can| can_in_json(&can)));
    object.into()
}

fn can_in_json(can: &ProviderCapabilities) -> Value {
    let number = |number: Option<u64>| number.map_or(Value::Null, |number| Value::Number(number as f64));
    let mut object = Object::new();
    object.insert("contextWindow", number(can.context_window));
    object.insert("maxTokens", number(can.max_tokens));
    object.insert("streaming", can.streaming);
    object.insert("functions", can.functions);
    object.insert("vision", can.vision);
    object.insert("promptCache", can.prompt_cache);
    object.insert("embeddings", can.embeddings);
    object.into()
}
