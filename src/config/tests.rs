//! Whole configurations.

use std::sync::Arc;

use super::*;
use crate::clock::TestClock;
use crate::manager::ProviderManager;
use crate::transport::{Exchange, ReplayTransport};
use crate::{AiProvider, ChatRequest, Message};

fn world(variables: &[(&str, &str)], exchanges: Vec<Exchange>) -> (Context, Arc<ReplayTransport>) {
    let transport = Arc::new(ReplayTransport::new(exchanges));
    let mut context = Context::for_tests(transport.clone(), Arc::new(TestClock::default()));
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    context.environment = Arc::new(variables.collect());
    (context, transport)
}

fn context(variables: &[(&str, &str)]) -> Context {
    world(variables, Vec::new()).0
}

fn parse(text: &str) -> Result<Config, Mistakes> {
    Config::parse(
        text,
        Language::Toml,
        "s.toml",
        None,
        &context(&[("KEY", "k-secret"), ("HOST", "h.example")]),
    )
}

fn mistakes(text: &str) -> Vec<String> {
    parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

async fn first_url(config: &Config, target: &str, context: &Context) -> String {
    let keys = KeyReader::new(context.clone());
    let manager = ProviderManager::new(config.manager_config(&keys).await.unwrap(), context.clone()).unwrap();
    manager.target(target).encode(&ChatRequest::new("", [Message::user("Hi")])).unwrap().url
}

#[test]
fn every_mistake_is_found_with_file_line_and_key() {
    let text = r#"
defualt = "groq"
[providers.groq]
api_ky = "x"
temperature = "hot"
[providers.antropic]
[providers.mine]
provider = "opnai"
[providers.local]
type = "loacl"
provider = "ollama"
limits = { requests_per_minut = 3 }
[routes]
chat = ["grok"]
"#;
    assert_eq!(
        mistakes(text),
        [
            "s.toml:2: `defualt`: there is no such key: did you mean `default`?",
            "s.toml:4: `providers.groq.api_ky`: there is no such key: did you mean `api_key` or `api_keys`?",
            "s.toml:5: `providers.groq.temperature`: must be a number, not a text",
            "s.toml:6: `providers.antropic`: does not say which service it is: add `provider = \"...\"` \
             (did you mean `anthropic`?)",
            "s.toml:8: `providers.mine.provider`: `opnai` is no provider that is known: did you mean `openai`?",
            "s.toml:10: `providers.local.type`: `loacl` is no choice here: did you mean `local`?",
            "s.toml:12: `providers.local.limits.requests_per_minut`: there is no such key: did you mean \
             `requests_per_minute`?",
            "s.toml:14: `routes.chat[0]`: there is no provider or alias `grok`: did you mean `groq`?",
        ]
    );
}

#[test]
fn broken_syntax_is_one_mistake_with_its_line() {
    let found = mistakes("[providers.groq]\nmodel = \n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("s.toml:2: "), "{found:?}");
}

#[test]
fn yaml_says_the_same_as_toml() {
    let toml =
        "default = \"a/m\"\n[providers.a]\nprovider = \"groq\"\nmodel = \"x\"\n[aliases]\nfast = \"a\"\n";
    let yaml = "default: a/m\nproviders:\n  a:\n    provider: groq\n    model: x\naliases:\n  fast: a\n";
    let [toml, yaml] = [(toml, Language::Toml), (yaml, Language::Yaml)]
        .map(|(text, language)| Config::parse(text, language, "f", None, &context(&[])).unwrap());
    assert_eq!(toml.provider("a").unwrap().settings(), yaml.provider("a").unwrap().settings());
    assert_eq!(toml.default_target(), yaml.default_target());
    assert!(toml.aliases().eq(yaml.aliases()));
}

#[test]
fn a_mistake_in_yaml_names_its_line() {
    let yaml = "providers:\n  groq:\n    modle: x\n";
    let found = Config::parse(yaml, Language::Yaml, "s.yaml", None, &context(&[])).unwrap_err().to_string();
    assert_eq!(found, "s.yaml:3: `providers.groq.modle`: there is no such key: did you mean `model`?");
}

#[test]
fn providers_may_stand_in_a_list_with_the_clients_names() {
    let text = r#"
        [[providers]]
        name = "work"
        provider = "openai"
        model = "gpt-4o"
        api_key_env = "KEY"
        driver_options = { openAiStreamingEnabled = false, ollama_num_ctx = 8192 }
        [[providers]]
        provider = "groq"
    "#;
    let config = parse(text).unwrap();
    let ids: Vec<&str> = config.providers().map(ProviderEntry::id).collect();
    assert_eq!(ids, ["work", "groq"]);
    let work = config.provider("work").unwrap();
    assert_eq!(work.key_sources().collect::<Vec<_>>(), [&KeySource::Variable("KEY".into())]);
    assert!(work.settings().is_false("openAiStreamingEnabled"));
    assert_eq!(work.settings().number("ollamaNumCtx"), Some(8192.0));
    assert_eq!(config.default_target(), Some("work"));
}

#[tokio::test]
async fn azure_in_its_own_words_goes_to_azure() {
    let text = r#"
        [providers.azure]
        azure_resource = "acme"
        azure_deployment = "gpt-4o-eu"
        azure_api_version = "2024-10-21"
        api_key_env = "KEY"
    "#;
    let context = context(&[("KEY", "k")]);
    let config = parse(text).unwrap();
    assert_eq!(
        first_url(&config, "azure", &context).await,
        "https://acme.openai.azure.com/openai/deployments/gpt-4o-eu/chat/completions?api-version=2024-10-21"
    );
}

#[test]
fn variables_are_put_in_and_keys_are_not_looked_at() {
    let text = r#"
        [providers.mine]
        provider = "openai"
        base_url = "https://${HOST}/v1"
        model = "${MODEL:-small}"
        api_key = "${UNSET}"
    "#;
    let config = parse(text).unwrap();
    let settings = config.provider("mine").unwrap().settings();
    assert_eq!(settings.text("openAiBaseUrl"), Some("https://h.example/v1"));
    assert_eq!(settings.text("openAiModelId"), Some("small"));
    assert_eq!(
        mistakes("[providers.groq]\nmodel = \"${UNSET}\"\n"),
        [
            "s.toml:2: `providers.groq.model`: the environment variable UNSET is not set; set it, or give a default: \
          ${UNSET:-...}"
        ]
    );
}

#[test]
fn profiles_lie_on_top_and_can_be_chosen_thrice() {
    let text = r#"
        profile = "home"
        [providers.groq]
        model = "small"
        api_key_env = "KEY"
        [profiles.home.providers.groq]
        model = "medium"
        [profiles.work]
        default = "claude"
        [profiles.work.providers.claude]
        provider = "anthropic"
    "#;
    let model =
        |config: &Config| config.provider("groq").unwrap().settings().text("apiModelId").map(str::to_owned);
    let chosen = |profile: Option<&str>, variables: &[(&str, &str)]| {
        Config::parse(text, Language::Toml, "s.toml", profile, &context(variables))
    };
    let config = chosen(None, &[]).unwrap();
    assert_eq!((config.profile(), model(&config)), (Some("home"), Some("medium".into())));
    let config = chosen(None, &[("SAMEWIRE_PROFILE", "work")]).unwrap();
    assert_eq!((config.default_target(), model(&config)), (Some("claude"), Some("small".into())));
    let config = chosen(Some("home"), &[("SAMEWIRE_PROFILE", "work")]).unwrap();
    assert_eq!(config.profile(), Some("home"));
    let wrong = chosen(Some("wrok"), &[]).unwrap_err().to_string();
    assert!(wrong.contains("there is no profile `wrok`: did you mean `work`?"), "{wrong}");
}

#[test]
fn what_holds_for_all_reaches_services_and_not_programs() {
    let text = r#"
        network = { no_proxy = ["localhost", "intra"] }
        timeouts = { head = "30s", idle = "off", first_token = "5s" }
        limits = { requests_per_minute = 50 }
        [providers.groq]
        timeouts = { head = 90 }
        [providers.code]
        type = "headless"
        provider = "claude-code"
        model = "opus"
        args = ["--verbose"]
        timeout = "10m"
        env = ["ANTHROPIC_API_KEY"]
    "#;
    let config = parse(text).unwrap();
    let groq = config.provider("groq").unwrap();
    assert_eq!(groq.settings().number("headTimeoutMs"), Some(90_000.0));
    assert_eq!(groq.settings().number("idleTimeoutMs"), Some(0.0));
    assert_eq!(groq.settings().text("httpNoProxy"), Some("localhost,intra"));
    assert_eq!(groq.limits.requests_per_minute, Some(50));
    assert_eq!(groq.first_token, Some(Some(std::time::Duration::from_secs(5))));
    let program = config.provider("code").unwrap().program().unwrap();
    assert_eq!((program.program.as_str(), program.model.as_deref()), ("claude-code", Some("opus")));
    assert_eq!(program.timeout, Some(std::time::Duration::from_secs(600)));
    assert_eq!((program.arguments.len(), program.environment.len()), (1, 1));
}

#[test]
fn programs_can_be_given_variables_that_nobody_sees() {
    let text = "[providers.c]\ntype = \"headless\"\nprovider = \"codex\"\nidle_timeout = \"off\"\nenv = { A = \"${KEY}\" }\n";
    let config = parse(text).unwrap();
    let program = config.provider("c").unwrap().program().unwrap();
    assert_eq!(program.variables, [("A".to_owned(), "k-secret".to_owned())]);
    assert_eq!(program.idle_timeout, Some(std::time::Duration::ZERO));
    let explained = config.explain("c", &context(&[])).unwrap();
    assert!(!format!("{config:?}{explained:?}").contains("k-secret"));
    let wrong = "[providers.c]\ntype = \"headless\"\nprovider = \"codex\"\nenv = { \"A B\" = \"x\" }\n";
    assert!(mistakes(wrong)[0].contains("is no name of an environment variable"));
}

#[test]
fn programs_become_settings() {
    let text = "[providers.c]\ntype = \"headless\"\nprovider = \"generic\"\ncommand = \"/bin/x\"\nargs = [\"-a\"]\nidle_timeout = \"2s\"\nmodel = \"m\"\nenv = { A = \"b\" }\n";
    let config = parse(text).unwrap();
    let settings = config.provider("c").unwrap().program().unwrap().to_settings();
    let all: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={}", value.to_json())).collect();
    assert_eq!(
        all,
        [
            r#"apiProvider="headless""#,
            r#"headlessCommand="/bin/x""#,
            r#"apiModelId="m""#,
            "headlessIdleTimeoutMs=2000",
            r#"headlessArguments=["-a"]"#,
            r#"headlessVariables={"A":"b"}"#,
        ]
    );
}

#[test]
fn a_mistake_for_all_is_told_once() {
    let text = "limits = { max_wait = \"soon\" }\n[providers.groq]\n[providers.xai]\n";
    let found = mistakes(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("s.toml:1: "), "{found:?}");
}

#[test]
fn mistakes_of_meaning_are_explained() {
    let table = [
        ("[providers.groq]\nbase_url = \"https://x.example\"\n", "has one fixed address"),
        ("[providers.openai]\nbase_url = \"x.example\"\n", "must be a URL"),
        ("[providers.groq]\napi_key_env = \"gsk secret\"\n", "must be the name of an environment variable"),
        ("[providers.groq]\napi_key = \"a\"\napi_key_env = \"KEY\"\n", "keep one"),
        ("[providers.groq]\napi_key = {}\n", "must have one of"),
        ("[providers.groq]\napi_key = { command = [] }\n", "must begin with a program"),
        ("[providers.lmstudio]\napi_key_env = \"KEY\"\n", "takes no key"),
        ("[providers.code]\nprovider = \"codex\"\n", "is a program: add `type = \"headless\"`"),
        ("[providers.c]\ntype = \"headless\"\nprovider = \"cladue-code\"\n", "did you mean `claude-code`?"),
        ("[providers.c]\ntype = \"headless\"\nprovider = \"generic\"\n", "has to be named"),
        (
            "[providers.c]\ntype = \"headless\"\nprovider = \"codex\"\nenv = [\"A=b\"]\n",
            "a table sets values",
        ),
        ("[providers.groq]\ndriver_options = { apiProvider = \"x\" }\n", "goes to `provider`"),
        ("[providers.groq]\ndriver_options = { awsRegion = 3 }\n", "`awsRegion` must be a string"),
        ("[providers.groq]\n[providers.groq.network]\nca_file = \"/no.pem\"\n", "there is no file /no.pem"),
        ("[providers.groq]\n[providers.groq.network]\nproxy = \"x\"\n", "must be a URL as http://"),
        ("[providers.\"a/b\"]\nprovider = \"groq\"\n", "must not be empty nor contain `/`"),
        ("[[providers]]\nmodel = \"x\"\n", "needs a `name`"),
        ("[[providers]]\nprovider = \"groq\"\n[[providers]]\nprovider = \"groq\"\n", "already"),
        ("[providers.groq]\n[routes]\ngroq = [\"groq\"]\n", "has the name of a provider"),
        ("[providers.groq]\n[routes.r]\nstrategy = \"weigted\"\ntargets = [\"groq\"]\n", "`weighted`"),
        ("[providers.groq]\n[routes.r]\nstrategy = \"ordered\"\n", "`routes.r.targets`: is missing"),
        ("[providers.groq]\n[routes]\nr = []\n", "must have a target"),
        ("[providers.groq]\n[budget]\nattempts = 0\n", "must be a whole number from 1 on"),
        ("[providers.groq]\n[breaker]\nfailure_rate = 2\n", "must be from 0 to 1"),
        ("[providers.groq]\nazure_resource = \"https://a.example\"\n", "a whole address goes to `base_url`"),
        ("providers = 3\n", "must be a table, not a number"),
    ];
    for (text, part) in table {
        let found = mistakes(text);
        assert!(found.iter().any(|mistake| mistake.contains(part)), "{text}\n{found:?}");
    }
}

#[test]
fn no_mistake_shows_a_secret() {
    let table = [
        "[providers.groq]\napi_key_env = \"sk-hush hush\"\n",
        "[providers.openai]\nbase_url = \"htp://me:hush@x.example\"\n",
        "[providers.groq]\n[providers.groq.network]\nproxy = \"hush\"\n",
        "[providers.openai]\nheaders = { Authorization = [\"hush\"] }\n",
    ];
    for text in table {
        let found = mistakes(text);
        assert!(!found.is_empty() && !found.iter().any(|mistake| mistake.contains("hush")), "{found:?}");
    }
}

#[test]
fn slips_in_options_are_warned_of() {
    let config = parse("[providers.groq]\ndriver_options = { modelMaxTokns = 5 }\n").unwrap();
    let warnings: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "s.toml:2: `providers.groq.driver_options.modelMaxTokns`: is no setting; did you mean `modelMaxTokens`?"
        ]
    );
}

#[tokio::test]
async fn a_manager_is_made_of_it() {
    let text = r#"
        default = "smart"
        [providers.groq]
        model = "llama"
        api_key_env = "KEY"
        [providers.xai]
        [aliases]
        fast = "groq/openai/gpt-oss-120b"
        [routes.smart]
        strategy = "weighted"
        targets = [{ target = "fast", weight = 2 }, { target = "xai/grok-4", max_prompt_tokens = 8000 }]
    "#;
    let (context, _) = world(&[("KEY", "k-secret")], Vec::new());
    let config = Config::parse(text, Language::Toml, "s.toml", None, &context).unwrap();
    let manager_config = config.manager_config(&KeyReader::new(context.clone())).await.unwrap();
    assert!(!format!("{manager_config:?} {config:?}").contains("k-secret"));
    let manager = ProviderManager::new(manager_config, context.clone()).unwrap();
    assert_eq!(manager.provider_ids(), ["groq", "xai"]);
    assert_eq!(manager.target("fast").model().id, "openai/gpt-oss-120b");
    let explained = manager.explain_route(&ChatRequest::new("", [Message::user("Hi")])).unwrap().to_string();
    // Nobody set XAI_API_KEY: that provider is passed over, and says why.
    assert!(explained.contains("xai") && explained.contains("XAI_API_KEY is not set"), "{explained}");
    let http = manager.encode(&ChatRequest::new("", [Message::user("Hi")])).unwrap();
    assert_eq!(http.headers.joined("authorization").as_deref(), Some("Bearer k-secret"));
}

#[test]
fn auth_profiles_may_be_named() {
    let text =
        "[providers.groq]\nauth_profiles = { one = { api_key_env = \"ONE\" }, two = { env = \"TWO\" } }\n";
    let config = parse(text).unwrap();
    let keys: Vec<String> = config.provider("groq").unwrap().key_sources().map(ToString::to_string).collect();
    assert_eq!(keys, ["environment variable ONE", "environment variable TWO"]);
    let wrong =
        mistakes("[providers.groq]\nauth_profiles = { one = { api_key_env = \"ONE\", colour = 1 } }\n");
    assert!(
        wrong[0].starts_with("s.toml:2: `providers.groq.auth_profiles.one.colour`: there is no such key"),
        "{wrong:?}"
    );
    assert!(mistakes("[providers.groq]\napi_keys = []\n")[0].contains("must be a list of keys"));
}

#[tokio::test]
async fn several_keys_become_a_ring() {
    let text = r#"
        [providers.groq]
        model = "m"
        auth_profiles = [{ name = "first", api_key_env = "ONE" }, "${TWO}"]
    "#;
    let answer = || {
        Exchange::new(200)
            .header("content-type", "text/event-stream")
            .body("data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: [DONE]\n\n")
    };
    let refusal = || Exchange::new(401).body("{\"error\":{\"message\":\"no\"}}");
    let (context, transport) = world(&[("ONE", "k-one"), ("TWO", "k-two")], vec![refusal(), answer()]);
    let config = Config::parse(text, Language::Toml, "s.toml", None, &context).unwrap();
    let manager_config = config.manager_config(&KeyReader::new(context.clone())).await.unwrap();
    let manager = ProviderManager::new(manager_config, context).unwrap();
    let answer = manager.chat(ChatRequest::new("", [Message::user("Hi")])).await.unwrap();
    assert_eq!(answer.text, "Hello");
    let keys: Vec<_> = transport.requests().iter().map(|sent| sent.headers.joined("authorization")).collect();
    assert_eq!(keys, [Some("Bearer k-one".to_owned()), Some("Bearer k-two".to_owned())]);
}

#[tokio::test]
async fn a_program_is_a_provider_like_any_other() {
    let text = "[providers.code]\ntype = \"headless\"\nprovider = \"codex\"\ncommand = \"/nowhere/codex\"\ntimeout = \"5m\"\n";
    let config = parse(text).unwrap();
    let (context, _) = world(&[], Vec::new());
    let keys = KeyReader::new(context.clone());
    let settings = config.settings("code", &keys).await.unwrap();
    assert_eq!(settings.number("headlessTotalTimeoutMs"), Some(300_000.0));
    let manager = ProviderManager::new(config.manager_config(&keys).await.unwrap(), context).unwrap();
    let error = manager.chat(ChatRequest::new("", [Message::user("Hi")])).await.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Configuration);
    assert!(error.message().contains("/nowhere/codex"), "{error}");
}

#[test]
fn narrowing_keeps_what_a_target_needs() {
    let text = "[providers.groq]\n[providers.xai]\n[providers.zai]\n[aliases]\nfast = \"xai\"\n[routes]\nsmart = [\"fast\", \"zai/glm\"]\n";
    let config = parse(text).unwrap();
    let left = |target: &str| {
        let narrowed = config.narrowed_to(target).unwrap();
        narrowed.providers().map(|entry| entry.id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(left("smart"), ["xai", "zai"]);
    assert_eq!(left("fast"), ["xai"]);
    assert_eq!(left("groq/llama"), ["groq"]);
    let error = config.narrowed_to("grok").unwrap_err();
    assert_eq!(error.message(), "s.toml has no `grok`: did you mean `groq`?");
}

#[test]
fn explaining_tells_where_everything_was_said() {
    let text = "[providers.mine]\nprovider = \"openai\"\nbase_url = \"https://${HOST}/v1\"\nmodel = \"m\"\napi_key_env = \"KEY\"\nlimits = { requests_per_minute = 5 }\ndriver_options = { openAiHeaders = { a = \"hush\" } }\n";
    let config = parse(text).unwrap();
    let context = context(&[("KEY", "k-secret"), ("HOST", "h.example")]);
    let facts: Vec<String> = config
        .explain("mine", &context)
        .unwrap()
        .iter()
        .map(|fact| format!("{} = {} ({})", fact.name, fact.value, fact.origin))
        .collect();
    let fingerprint = crate::manager::ApiKey::new("k-secret");
    assert_eq!(
        facts,
        [
            "provider = openai (s.toml:2)".to_owned(),
            "model = m (s.toml:4)".to_owned(),
            "base_url = https://h.example/v1 (s.toml:3 with HOST)".to_owned(),
            "driver_options.openAiHeaders = [secret] (s.toml:7)".to_owned(),
            "limits.requests_per_minute = 5 (s.toml:6)".to_owned(),
            format!("api_key = [secret {}] from KEY (s.toml:5)", fingerprint.id()),
        ]
    );
    let usual = parse("[providers.groq]\n").unwrap().explain("groq", &context).unwrap();
    let shown: Vec<String> = usual.iter().map(ToString::to_string).collect();
    assert!(
        shown.iter().any(|fact| fact.contains("api.groq.com") && fact.contains("(default)")),
        "{shown:?}"
    );
    assert!(shown.iter().any(|fact| fact.contains("missing: GROQ_API_KEY is not set")), "{shown:?}");
}

#[test]
fn an_export_of_the_extension_becomes_a_configuration() {
    let export = r#"{"providerProfiles":{"currentApiConfigName":"work","apiConfigs":{
        "default":{"apiProvider":"anthropic","apiKey":"sk-ant-hush","apiModelId":"claude-sonnet-4-5","id":"x1","groqApiKey":"gsk-hush"},
        "work":{"apiProvider":"anthropic","apiKey":"sk-ant-other","anthropicBaseUrl":"https://proxy.example","modelTemperature":0.2},
        "a/b c":{"apiProvider":"openai","openAiBaseUrl":"https://x.example/v1","openAiApiKey":"k-hush","openAiModelId":"m","openAiHeaders":{"X-Key":"h-hush"},"openAiCustomModelInfo":{"maxTokens":-1,"contextWindow":128000,"supportsImages":true,"description":null}},
        "rock":{"apiProvider":"bedrock","awsAccessKey":"AK-hush","awsSecretKey":"SK-hush","awsRegion":"eu-west-1","apiModelId":"m"},
        "cc":{"apiProvider":"claude-code","claudeCodePath":"/usr/bin/claude","apiModelId":"opus"},
        "odd":{"apiProvider":"human-relay"}}},"globalSettings":{}}"#;
    let imported = import(export, ImportedKeys::Referenced).unwrap();
    assert!(!imported.text.contains("hush"), "{}", imported.text);
    let variables: Vec<&str> = imported.variables.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        variables,
        [
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_API_KEY_WORK",
            "AWS_ACCESS_KEY",
            "AWS_SECRET_KEY",
            "OPENAI_API_KEY",
            "OPEN_AI_HEADERS_X_KEY",
        ]
    );
    assert_eq!(imported.notes.len(), 2, "{:?}", imported.notes);
    let environment: Vec<(&str, &str)> = variables.iter().map(|name| (*name, "v")).collect();
    let config = Config::parse(&imported.text, Language::Toml, "i.toml", None, &context(&environment));
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes}\n{}", imported.text));
    assert_eq!(config.default_target(), Some("work"));
    let custom = config.provider("a-b c").unwrap().settings();
    assert_eq!(custom.text("openAiBaseUrl"), Some("https://x.example/v1"));
    assert_eq!(custom.get("openAiCustomModelInfo").unwrap().get("maxTokens").unwrap().as_f64(), Some(-1.0));
    assert_eq!(config.provider("rock").unwrap().settings().text("awsSecretKey"), Some("v"));
    assert_eq!(config.provider("cc").unwrap().program().unwrap().command.as_deref(), Some("/usr/bin/claude"));

    let kept = import(export, ImportedKeys::Kept).unwrap();
    assert!(kept.text.contains("sk-ant-hush") && kept.variables.is_empty());
    assert!(!format!("{kept:?}").contains("hush"));
}

#[test]
fn imports_of_something_else_are_refused() {
    assert!(import("[1", ImportedKeys::Kept).unwrap_err().message().contains("no JSON"));
    assert!(import("{\"a\":1}", ImportedKeys::Kept).unwrap_err().message().contains("neither"));
}

#[tokio::test]
async fn imported_texts_stay_what_they_are() {
    let profile = r#"{"apiProvider":"groq","groqApiKey":"a\"b\\${X}","apiModelId":"m${Y}\u007f"}"#;
    let imported = import(profile, ImportedKeys::Kept).unwrap();
    let context = context(&[]);
    let config = Config::parse(&imported.text, Language::Toml, "i.toml", None, &context).unwrap();
    assert_eq!(config.provider("groq").unwrap().settings().text("apiModelId"), Some("m${Y}\u{7f}"));
    let settings = config.settings("groq", &KeyReader::new(context)).await.unwrap();
    assert_eq!(settings.text("groqApiKey"), Some("a\"b\\${X}"));
}

#[test]
fn the_documentations_examples_are_right() {
    let page = include_str!("../../docs/configuration.md");
    let example = |fence: &str| page.split(fence).nth(1).unwrap().split("```").next().unwrap();
    let context = context(&[("ANTHROPIC_API_KEY", "k")]);
    for (fence, language, providers) in [("```toml", Language::Toml, 5), ("```yaml", Language::Yaml, 1)] {
        let config = Config::parse(example(fence), language, "doc", None, &context).unwrap();
        assert_eq!((config.providers().len(), config.warnings().len()), (providers, 0));
    }
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../docs/configuration.md");
    let wrong = "nonsense1 = 1\n[providers.groq]\nnonsense2 = 1\nlimits = { nonsense3 = 1 }\ntimeouts = { nonsense4 = 1 }\nnetwork = { nonsense5 = 1 }\n[budget]\nnonsense6 = 1\n[breaker]\nnonsense7 = 1\n[providers.c]\ntype = \"headless\"\nprovider = \"codex\"\nnonsense8 = 1\n";
    let found = mistakes(wrong);
    assert_eq!(found.len(), 8, "{found:?}");
    for mistake in found {
        let known = mistake.split("known are ").nth(1).unwrap();
        for key in known.split('`').skip(1).step_by(2).filter(|key| !SYNONYMS.contains(key)) {
            assert!(page.contains(&format!("`{key}`")), "`{key}` is not in docs/configuration.md");
        }
    }
}

/// Second names that are accepted without being advertised.
const SYNONYMS: &[&str] = &["arguments", "env_allow", "working_dir"];

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(text in "[\\[\\]{}=:\"'a-z0-9.$# \n-]{0,200}", profile in "[a-z]{0,3}") {
        for language in [Language::Toml, Language::Yaml] {
            let profile = (!profile.is_empty()).then_some(profile.as_str());
            let _ = Config::parse(&text, language, "strange", profile, &context(&[]));
        }
    }

    #[test]
    fn no_value_is_too_strange(
        key in "(model|type|provider|api_key|api_keys|headers|limits|timeouts|network|driver_options|base_url|timeout)",
        value in "(\\[\\]|\\{\\}|0|-1|1e300|nan|true|''|'x'|\\['x'\\]|\\{a=1\\}|'\\$\\{'|'\\$\\{A:-b\\}'|1979-05-27)",
    ) {
        let outcome = parse(&format!("[providers.openai]\n{key} = {value}\n"));
        if let Err(mistakes) = outcome {
            proptest::prop_assert!(mistakes.iter().all(|mistake| mistake.line.is_some() && !mistake.message.is_empty()));
        }
    }
}
