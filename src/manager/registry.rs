//! Every provider that the crate knows, as facts for people and programs.

use crate::context::Context;
use crate::provider::ProviderCapabilities;
use crate::providers::{build_provider_in, provider_ids};
use crate::settings::ProviderSettings;

/// The list of providers: one source for programs that offer a choice, and for the manager.
///
/// # Example: list what needs a key
///
/// ```
/// use samewire::manager::ProviderRegistry;
///
/// let groq = ProviderRegistry::get("groq").expect("known");
/// assert_eq!((groq.name, groq.key_variable), ("Groq", Some("GROQ_API_KEY")));
/// for provider in ProviderRegistry::all().filter(|provider| provider.key_required) {
///     println!("{:20} {}", provider.id, provider.key_variable.unwrap_or_default());
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ProviderRegistry;

/// The facts about one provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderInfo {
    /// The id that settings name it by.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Where requests go unless settings say otherwise; `None` where it depends on them, as for clouds with
    /// regions. `{...}` stands for a setting.
    pub base_url: Option<&'static str>,
    /// The setting that holds the key; `None` where there is none.
    pub key_setting: Option<&'static str>,
    /// The environment variable that usually holds the key.
    pub key_variable: Option<&'static str>,
    /// Whether calls without a key cannot succeed.
    pub key_required: bool,
    /// How requests prove who sends them.
    pub auth: AuthStyle,
    /// What it speaks.
    pub protocol: Protocol,
    /// The setting that names the model.
    pub model_setting: &'static str,
}

/// How requests prove who sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthStyle {
    /// No proof.
    None,
    /// `authorization: Bearer <key>`.
    Bearer,
    /// A header of the service's own, such as `x-api-key`.
    Header,
    /// AWS Signature Version 4, or a bearer key.
    Aws,
    /// Access tokens of Google Cloud.
    GoogleCloud,
    /// A login kept by another program.
    Login,
}

/// What a provider speaks: it decides which opaque parts of a history it can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// OpenAI's Chat Completions.
    ChatCompletions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Google's Gemini.
    Gemini,
    /// Converse of AWS.
    Converse,
    /// Ollama's own.
    Ollama,
    /// Not known: a provider from outside this crate.
    Unknown,
}

impl ProviderRegistry {
    /// The facts about a provider; `None` for an unknown id.
    pub fn get(id: &str) -> Option<&'static ProviderInfo> {
        FACTS.iter().find(|facts| facts.id == id)
    }

    /// All providers in alphabetical order of their ids.
    pub fn all() -> impl Iterator<Item = &'static ProviderInfo> {
        provider_ids().filter_map(Self::get)
    }
}

impl ProviderInfo {
    /// What the provider's default model can do; `None` where it has none or cannot be built without
    /// further settings.
    pub fn capabilities(&self, context: &Context) -> Option<ProviderCapabilities> {
        let mut settings = ProviderSettings::new(self.id);
        if let Some(key) = self.key_setting {
            settings.set(key, Some("-".into()));
        }
        Some(build_provider_in(&settings, context).ok()?.capabilities())
    }
}

const fn facts(id: &'static str, name: &'static str, description: &'static str) -> ProviderInfo {
    ProviderInfo {
        id,
        name,
        description,
        base_url: None,
        key_setting: None,
        key_variable: None,
        key_required: false,
        auth: AuthStyle::Bearer,
        protocol: Protocol::ChatCompletions,
        model_setting: MODEL,
    }
}

impl ProviderInfo {
    const fn at(mut self, base_url: &'static str) -> Self {
        self.base_url = Some(base_url);
        self
    }

    const fn key(mut self, setting: &'static str, variable: &'static str) -> Self {
        self.key_setting = Some(setting);
        self.key_variable = Some(variable);
        self.key_required = true;
        self
    }

    const fn optional(mut self) -> Self {
        self.key_required = false;
        self
    }

    const fn auth(mut self, auth: AuthStyle) -> Self {
        self.auth = auth;
        self
    }

    const fn speaks(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    const fn model(mut self, setting: &'static str) -> Self {
        self.model_setting = setting;
        self
    }
}

const MODEL: &str = "apiModelId";

const FACTS: &[ProviderInfo] = &[
    facts("anthropic", "Anthropic", "Claude models from their maker")
        .at("https://api.anthropic.com")
        .key("apiKey", "ANTHROPIC_API_KEY")
        .auth(AuthStyle::Header)
        .speaks(Protocol::Messages),
    facts("baseten", "Baseten", "Open models on Baseten's inference platform")
        .at("https://inference.baseten.co/v1")
        .key("basetenApiKey", "BASETEN_API_KEY"),
    facts("bedrock", "Amazon Bedrock", "Models of many makers in the AWS cloud")
        .at("https://bedrock-runtime.{awsRegion}.amazonaws.com")
        .key("awsApiKey", "AWS_BEARER_TOKEN_BEDROCK")
        .optional()
        .auth(AuthStyle::Aws)
        .speaks(Protocol::Converse),
    facts("cerebras", "Cerebras", "Open models on wafer-scale processors")
        .at("https://api.cerebras.ai/v1")
        .key("cerebrasApiKey", "CEREBRAS_API_KEY"),
    facts("chutes", "Chutes", "Open models on decentralised machines")
        .at("https://llm.chutes.ai/v1")
        .key("chutesApiKey", "CHUTES_API_KEY"),
    facts("deepinfra", "DeepInfra", "Open models, served at scale")
        .at("https://api.deepinfra.com/v1/openai")
        .key("deepInfraApiKey", "DEEPINFRA_API_KEY")
        .model("deepInfraModelId"),
    facts("deepseek", "DeepSeek", "DeepSeek models from their maker")
        .at("https://api.deepseek.com")
        .key("deepSeekApiKey", "DEEPSEEK_API_KEY"),
    facts("doubao", "Doubao", "Doubao models in ByteDance's Volcano Engine")
        .at("https://ark.cn-beijing.volces.com/api/v3")
        .key("doubaoApiKey", "ARK_API_KEY"),
    facts("featherless", "Featherless", "Open models without servers of one's own")
        .at("https://api.featherless.ai/v1")
        .key("featherlessApiKey", "FEATHERLESS_API_KEY"),
    facts("fireworks", "Fireworks AI", "Open models on a fast inference platform")
        .at("https://api.fireworks.ai/inference/v1")
        .key("fireworksApiKey", "FIREWORKS_API_KEY"),
    facts("gemini", "Google Gemini", "Gemini models from their maker")
        .at("https://generativelanguage.googleapis.com")
        .key("geminiApiKey", "GEMINI_API_KEY")
        .auth(AuthStyle::Header)
        .speaks(Protocol::Gemini),
    facts("groq", "Groq", "Open models on language processing units")
        .at("https://api.groq.com/openai/v1")
        .key("groqApiKey", "GROQ_API_KEY"),
    facts("huggingface", "Hugging Face", "Open models through Hugging Face's router")
        .at("https://router.huggingface.co/v1")
        .key("huggingFaceApiKey", "HF_TOKEN")
        .model("huggingFaceModelId"),
    facts("io-intelligence", "IO Intelligence", "Open models on io.net's machines")
        .at("https://api.intelligence.io.solutions/api/v1")
        .key("ioIntelligenceApiKey", "IOINTELLIGENCE_API_KEY")
        .model("ioIntelligenceModelId"),
    facts("litellm", "LiteLLM", "A LiteLLM proxy of your own")
        .at("http://localhost:4000")
        .key("litellmApiKey", "LITELLM_API_KEY")
        .optional()
        .model("litellmModelId"),
    facts("lmstudio", "LM Studio", "Local models in LM Studio")
        .at("http://localhost:1234")
        .model("lmStudioModelId"),
    facts("minimax", "MiniMax", "MiniMax models from their maker")
        .at("https://api.minimax.io/anthropic")
        .key("minimaxApiKey", "MINIMAX_API_KEY")
        .auth(AuthStyle::Header)
        .speaks(Protocol::Messages),
    facts("mistral", "Mistral AI", "Mistral and Codestral models from their maker")
        .at("https://api.mistral.ai")
        .key("mistralApiKey", "MISTRAL_API_KEY"),
    facts("moonshot", "Moonshot AI", "Kimi models from their maker")
        .at("https://api.moonshot.ai/v1")
        .key("moonshotApiKey", "MOONSHOT_API_KEY"),
    facts("ollama", "Ollama", "Local models in Ollama")
        .at("http://localhost:11434")
        .key("ollamaApiKey", "OLLAMA_API_KEY")
        .optional()
        .speaks(Protocol::Ollama)
        .model("ollamaModelId"),
    facts("openai", "OpenAI compatible", "Any service that speaks Chat Completions, Azure included")
        .at("https://api.openai.com/v1")
        .key("openAiApiKey", "OPENAI_API_KEY")
        .model("openAiModelId"),
    facts("openai-native", "OpenAI", "OpenAI's models from their maker")
        .at("https://api.openai.com")
        .key("openAiNativeApiKey", "OPENAI_API_KEY")
        .speaks(Protocol::Responses),
    facts("openrouter", "OpenRouter", "Hundreds of models of many makers behind one key")
        .at("https://openrouter.ai/api/v1")
        .key("openRouterApiKey", "OPENROUTER_API_KEY")
        .model("openRouterModelId"),
    facts("qwen-code", "Qwen Code", "Qwen models with the login of Qwen's command-line tool")
        .at("https://dashscope.aliyuncs.com/compatible-mode/v1")
        .auth(AuthStyle::Login),
    facts("requesty", "Requesty", "Models of many makers behind one key")
        .at("https://router.requesty.ai/v1")
        .key("requestyApiKey", "REQUESTY_API_KEY")
        .model("requestyModelId"),
    facts("roo", "Roo Code Cloud", "Models chosen by Roo Code, with its login")
        .at("https://api.roocode.com/proxy")
        .key("rooApiKey", "ROO_API_KEY"),
    facts("sambanova", "SambaNova", "Open models on reconfigurable dataflow units")
        .at("https://api.sambanova.ai/v1")
        .key("sambaNovaApiKey", "SAMBANOVA_API_KEY"),
    facts("unbound", "Unbound", "A gateway for teams, to models of many makers")
        .at("https://api.getunbound.ai/v1")
        .key("unboundApiKey", "UNBOUND_API_KEY")
        .model("unboundModelId"),
    facts("vercel-ai-gateway", "Vercel AI Gateway", "Models of many makers behind one key")
        .at("https://ai-gateway.vercel.sh/v1")
        .key("vercelAiGatewayApiKey", "AI_GATEWAY_API_KEY")
        .model("vercelAiGatewayModelId"),
    facts("vertex", "Google Vertex AI", "Gemini and Claude models in Google's cloud")
        .at("https://{vertexRegion}-aiplatform.googleapis.com")
        .auth(AuthStyle::GoogleCloud)
        .speaks(Protocol::Gemini),
    facts("xai", "xAI", "Grok models from their maker")
        .at("https://api.x.ai/v1")
        .key("xaiApiKey", "XAI_API_KEY"),
    facts("zai", "Z.ai", "GLM models from their maker")
        .at("https://api.z.ai/api/coding/paas/v4")
        .key("zaiApiKey", "ZAI_API_KEY"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TestClock;
    use crate::transport::replay::ReplayTransport;
    use std::sync::Arc;

    #[test]
    fn every_provider_is_described_once() {
        for id in provider_ids() {
            assert!(ProviderRegistry::get(id).is_some(), "`{id}` is missing in src/manager/registry.rs");
            assert_eq!(FACTS.iter().filter(|facts| facts.id == id).count(), 1, "{id}");
        }
        assert_eq!(ProviderRegistry::all().count(), provider_ids().len());
        assert!(FACTS.is_sorted_by_key(|facts| facts.id));
    }

    #[test]
    fn the_settings_named_are_the_ones_that_are_read() {
        let context = Context::for_tests(Arc::new(ReplayTransport::new([])), Arc::new(TestClock::default()));
        for facts in ProviderRegistry::all().filter(|facts| facts.key_required) {
            let key = facts.key_setting.unwrap();
            let settings = ProviderSettings::new(facts.id).with(key, "k-secret");
            let settings = settings.with(facts.model_setting, "a-model");
            let Ok(provider) = build_provider_in(&settings, &context) else {
                panic!("{} cannot be built from its key alone", facts.id)
            };
            let request = crate::ChatRequest::new("", [crate::Message::user("Hi")]);
            let Ok(http) = provider.encode(&request) else { continue };
            let base = facts.base_url.unwrap();
            assert!(http.url.starts_with(base), "{}: {} is not below {base}", facts.id, http.url);
            let sent = |name: &str| http.headers.joined(name).is_some_and(|value| value.contains("k-secret"));
            assert_eq!(sent("authorization"), facts.auth == AuthStyle::Bearer, "{}", facts.id);
        }
    }
}
