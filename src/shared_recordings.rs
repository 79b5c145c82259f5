//! The recordings of the functions that the reference's handlers share, `fixtures/shared/`: each function
//! alone, with one result for each list of arguments.

use crate::catalog::cost::{self, Tokens};
use crate::catalog::fetch::leading_float;
use crate::catalog::parameters::{self, Format, Parameters};
use crate::json::Value;
use crate::message::Message;
use crate::model::ModelInfo;
use crate::protocols::openai_chat::messages::{self, Conversion};
use crate::protocols::openai_chat::r1;
use crate::settings::ProviderSettings;

/// What a recorded function is called with, and what it gives: `None` for `undefined`.
type Function = fn(&[Value]) -> Option<Value>;

const FUNCTIONS: &[(&str, Function)] = &[
    ("convertToOpenAiMessages", |args| {
        let merge_tool_result_text = merges(args);
        let conversion = Conversion { merge_tool_result_text, ..Conversion::default() };
        Some(messages::convert(&history(args), conversion).into())
    }),
    ("convertToR1Format", |args| Some(r1::convert(&history(args), merges(args)).into())),
    ("convertToZAiFormat", |args| Some(r1::convert(&history(args), merges(args)).into())),
    ("calculateApiCostAnthropic", |args| {
        let tokens = counts(args);
        let all = tokens.input + tokens.cache_writes + tokens.cache_reads;
        Some(cost_result(all, tokens.output, cost::anthropic_style(&facts(args.first()), tokens)))
    }),
    ("calculateApiCostOpenAI", |args| {
        let tokens = counts(args);
        Some(cost_result(tokens.input, tokens.output, cost::openai_style(&facts(args.first()), tokens)))
    }),
    ("getModelMaxOutputTokens", |args| {
        let asked = args.first()?;
        let id = asked.get("modelId").and_then(Value::as_str).unwrap_or_default();
        let (info, settings) = (facts(asked.get("model")), settings(asked));
        parameters::max_output_tokens(id, &info, &settings, format(asked)).map(Value::from)
    }),
    ("getModelParams", |args| {
        let asked = args.first()?;
        let id = asked.get("modelId").and_then(Value::as_str).unwrap_or_default();
        let default = asked.get("defaultTemperature").and_then(Value::as_f64).unwrap_or(0.0);
        let (info, settings) = (facts(asked.get("model")), settings(asked));
        Some(Parameters::derive(format(asked)?, id, &info, &settings, default).to_object().into())
    }),
    ("parseApiPrice", |args| {
        let price = args.first().filter(|price| price.is_truthy())?;
        // NaN prints as `null`, as `undefined` does in a list.
        Some(Value::from(leading_float(price)? * 1_000_000.0))
    }),
];

/// Functions of the reference that no request or token passes through.
const ELSEWHERE: &[&str] =
    &["buildMcpToolName", "normalizeMcpToolName", "parseMcpToolName", "compareSemver", "getRooReasoning"];

#[test]
fn shared_functions_give_what_the_reference_gives() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/shared");
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let case = Value::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let name = case.get("input").unwrap().get("fn").unwrap().as_str().unwrap().to_owned();
        let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            assert!(ELSEWHERE.contains(&name.as_str()), "{}: nobody tests {name}", path.display());
            continue;
        };
        let steps = case.get("input").unwrap().get("steps").unwrap().as_array().unwrap();
        let results = case.get("value").unwrap().as_array().unwrap();
        for (index, (step, expected)) in steps.iter().zip(results).enumerate() {
            let actual = function(step.as_array().unwrap()).unwrap_or_default();
            assert_eq!(actual.to_json(), expected.to_json(), "{name}, step {index}: {}", step.to_json());
            compared += 1;
        }
    }
    assert!(compared > 1000, "only {compared} results were compared");
}

fn history(args: &[Value]) -> Vec<Message> {
    let list = args.first().and_then(Value::as_array).cloned().unwrap_or_default();
    list.into_iter().map(Message::from).collect()
}

fn merges(args: &[Value]) -> bool {
    args.get(1).and_then(|options| options.get("mergeToolResultText")).is_some_and(Value::is_truthy)
}

fn facts(model: Option<&Value>) -> ModelInfo {
    ModelInfo::from_object(model.and_then(Value::as_object).cloned().unwrap_or_default())
}

fn settings(asked: &Value) -> ProviderSettings {
    let settings = asked.get("settings").cloned().unwrap_or_else(|| crate::json::Object::new().into());
    ProviderSettings::from_value(settings).unwrap()
}

fn format(asked: &Value) -> Option<Format> {
    match asked.get("format")?.as_str()? {
        "anthropic" => Some(Format::Anthropic),
        "openai" => Some(Format::OpenAi),
        "gemini" => Some(Format::Gemini),
        "openrouter" => Some(Format::OpenRouter),
        _ => None,
    }
}

fn counts(args: &[Value]) -> Tokens {
    let count = |index: usize| args.get(index).and_then(Value::as_f64).unwrap_or(0.0);
    Tokens { input: count(1), output: count(2), cache_writes: count(3), cache_reads: count(4) }
}

fn cost_result(input: f64, output: f64, cost: f64) -> Value {
    crate::json::object! { "totalInputTokens": input, "totalOutputTokens": output, "totalCost": cost }.into()
}
