//! What a model cannot do, seen before it is asked.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::catalogue::Catalogue;
use super::entry::{CatalogueModel, Modality};
use crate::json::Value;
use crate::provider::{AiProvider, left_to};
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::stream::TokenStream;
use crate::{Error, ErrorKind, tokenizer};

/// A reason why a model will not answer a request well, or at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concern {
    /// The model takes no images.
    Images {
        /// How many the request has.
        count: usize,
    },
    /// The model takes no tools.
    Tools,
    /// The request alone is longer than the context window.
    TooLong {
        /// The tokens of its texts, estimated.
        tokens: u64,
        /// The context window.
        window: u64,
    },
    /// The service will switch the model off.
    Deprecated,
}

impl Concern {
    /// Whether the service will refuse the request.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Deprecated)
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images { count } => write!(f, "it takes no images, and the request has {count}"),
            Self::Tools => f.write_str("it takes no tools, and the request offers some"),
            Self::TooLong { tokens, window } => {
                write!(f, "the request has about {tokens} tokens, and its context window {window}")
            }
            Self::Deprecated => f.write_str("it is deprecated and will be switched off"),
        }
    }
}

/// What speaks against asking this model. What is not known of it is no concern.
///
/// # Example: an image for a model that reads
///
/// ```
/// use samewire::catalog::{Catalogue, concerns};
/// use samewire::{ChatRequest, ContentBlock, Message};
///
/// let catalogue = Catalogue::built_in();
/// let image = ContentBlock::image("image/png", "iVBORw0KGgo=");
/// let request = ChatRequest::new("", [Message::user_blocks([image])]);
/// assert!(concerns(&request, catalogue.resolve("claude-sonnet-4-5")?).is_empty());
/// let concerns = concerns(&request, catalogue.resolve("deepseek/deepseek-chat")?);
/// assert_eq!(concerns[0].to_string(), "it takes no images, and the request has 1");
/// # Ok::<(), samewire::Error>(())
/// ```
pub fn concerns(request: &ChatRequest, model: &CatalogueModel) -> Vec<Concern> {
    let mut concerns = Vec::new();
    let count = images(request);
    if count > 0 && model.takes(&Modality::Image) == Some(false) {
        concerns.push(Concern::Images { count });
    }
    if model.tools == Some(false) && request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
        concerns.push(Concern::Tools);
    }
    if let Some(window) = model.context_window {
        // A text has at most a token a byte, so short ones need no count.
        let texts = texts(request);
        let bytes: usize = texts.iter().map(String::len).sum();
        if bytes as u64 > window {
            let tokens = estimate(&texts, bytes);
            if tokens > window {
                concerns.push(Concern::TooLong { tokens, window });
            }
        }
    }
    if model.deprecated == Some(true) {
        concerns.push(Concern::Deprecated);
    }
    concerns
}

/// Without the half again that counts for planning have: nothing that may fit is refused.
fn estimate(texts: &[String], bytes: usize) -> u64 {
    match tokenizer::count_texts(texts.iter().map(String::as_str)) {
        0 => bytes as u64 / 4,
        counted => counted * 2 / 3,
    }
}

fn blocks(request: &ChatRequest) -> impl Iterator<Item = &Value> {
    request.messages.iter().filter_map(|message| message.content()?.as_array()).flatten()
}

fn images(request: &ChatRequest) -> usize {
    fn count(block: &Value) -> usize {
        let own = block.get("type").and_then(Value::as_str) == Some("image");
        let inner = block.get("content").and_then(Value::as_array);
        usize::from(own) + inner.into_iter().flatten().map(count).sum::<usize>()
    }
    blocks(request).map(count).sum()
}

/// The texts that are surely sent: system prompt, messages, results of tools.
fn texts(request: &ChatRequest) -> Vec<String> {
    fn of_content(content: Option<&Value>, texts: &mut Vec<String>) {
        match content {
            Some(Value::String(text)) => texts.push(text.to_string()),
            Some(Value::Array(blocks)) => {
                for block in blocks {
                    texts.extend(block.get("text").and_then(Value::as_str).map(str::to_owned));
                    of_content(block.get("content"), texts);
                }
            }
            _ => {}
        }
    }
    let mut texts = vec![request.system_prompt.clone()];
    for message in &request.messages {
        of_content(message.content(), &mut texts);
    }
    texts
}

/// A provider that looks into the catalogue before it asks.
///
/// Requests that the model cannot answer fail without being sent; [`warning`](Self::warning) sends them after
/// telling somebody. Only conversations are checked.
///
/// # Example: warn, but ask
///
/// ```
/// use std::sync::Arc;
/// use samewire::catalog::{Catalogue, CheckedProvider};
/// use samewire::{ProviderSettings, build_provider};
///
/// let settings = ProviderSettings::new("deepseek").with("deepSeekApiKey", "sk-...");
/// let provider = CheckedProvider::new(build_provider(&settings)?, Arc::new(Catalogue::built_in()))
///     .warning(|model, concern| eprintln!("{}: {concern}", model.id));
/// # let _ = provider;
/// # Ok::<(), samewire::Error>(())
/// ```
#[derive(Clone)]
pub struct CheckedProvider {
    inner: Arc<dyn AiProvider>,
    catalogue: Arc<Catalogue>,
    warn: Option<Arc<Listener>>,
}

type Listener = dyn Fn(&CatalogueModel, &Concern) + Send + Sync;

impl CheckedProvider {
    /// A provider whose requests fail if its model cannot answer them.
    pub fn new(inner: Arc<dyn AiProvider>, catalogue: Arc<Catalogue>) -> Self {
        Self { inner, catalogue, warn: None }
    }

    /// The same provider, which tells of each concern and asks nevertheless.
    #[must_use]
    pub fn warning(mut self, listener: impl Fn(&CatalogueModel, &Concern) + Send + Sync + 'static) -> Self {
        self.warn = Some(Arc::new(listener));
        self
    }

    /// What speaks against a request, with the model that is meant.
    pub fn concerns(&self, request: &ChatRequest) -> (CatalogueModel, Vec<Concern>) {
        let (provider, model) = (self.inner.name(), self.inner.model());
        let known = self.catalogue.get(provider, &model.id).cloned();
        let known = known.unwrap_or_else(|| CatalogueModel::of_info(provider, &model.id, model.info()));
        let concerns = concerns(request, &known);
        (known, concerns)
    }

    fn check(&self, request: &ChatRequest) -> Result<(), Error> {
        let (model, concerns) = self.concerns(request);
        if let Some(warn) = &self.warn {
            for concern in &concerns {
                warn(&model, concern);
            }
            return Ok(());
        }
        let fatal: Vec<&Concern> = concerns.iter().filter(|concern| concern.is_fatal()).collect();
        let Some(first) = fatal.first() else { return Ok(()) };
        let kind = match first {
            Concern::TooLong { .. } => ErrorKind::InvalidRequest,
            _ => ErrorKind::Unsupported,
        };
        let reasons: Vec<String> = fatal.iter().map(ToString::to_string).collect();
        let message = format!("{} was not asked: {}", model.id, reasons.join("; "));
        Err(Error::new(kind, message).with_provider(self.inner.name()))
    }
}

#[deny(clippy::missing_trait_methods)]
impl AiProvider for CheckedProvider {
    left_to!(inner);

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async move {
            self.check(&request)?;
            self.inner.chat_stream(request).await
        })
    }

    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<crate::ChatResponse, Error>> {
        Box::pin(async move {
            self.check(&request)?;
            self.inner.chat(request).await
        })
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        self.inner.complete(request)
    }

    fn complete_stream(&self, request: CompletionRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        self.inner.complete_stream(request)
    }
}

impl fmt::Debug for CheckedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedProvider").field("inner", &self.inner.name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::json::object;
    use crate::stream::TokenStream;
    use crate::{ContentBlock, Message, Model, Tool};

    struct Blind;

    impl AiProvider for Blind {
        fn name(&self) -> &'static str {
            "acme"
        }

        fn model(&self) -> Model {
            Model::without_info("blind")
        }

        fn chat_stream(&self, _: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
            Box::pin(async { Ok(TokenStream::of_text("asked".into())) })
        }

        fn complete(&self, _: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
            Box::pin(async { Ok(CompletionResponse::default()) })
        }
    }

    fn provider(facts: crate::json::Object) -> CheckedProvider {
        let list = object! { "acme": object! { "models": object! { "blind": facts } } };
        let catalogue = Catalogue::default().with_overrides(&list.into()).unwrap();
        CheckedProvider::new(Arc::new(Blind), Arc::new(catalogue))
    }

    fn request() -> ChatRequest {
        let image = ContentBlock::image("image/png", "AA==");
        let inner = ContentBlock::tool_result("1", vec![image.as_json().clone()]);
        ChatRequest::new("", [Message::user_blocks([inner])]).with_tools([Tool::function(
            "f",
            "",
            object! {},
        )])
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_not_asked() {
        let text_only =
            object! { "modalities": object! { "input": vec![Value::from("text")] }, "tool_call": false };
        let error = provider(text_only.clone()).chat(request()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("no images") && error.message().contains("no tools"), "{error}");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = heard.clone();
        let warned =
            provider(text_only).warning(move |_, concern| told.lock().unwrap().push(concern.clone()));
        assert_eq!(warned.chat(request()).await.unwrap().text, "asked");
        assert_eq!(*heard.lock().unwrap(), [Concern::Images { count: 1 }, Concern::Tools]);
    }

    #[tokio::test]
    async fn what_is_not_known_is_no_concern() {
        assert_eq!(provider(object! {}).chat(request()).await.unwrap().text, "asked");
        let deprecated = provider(object! { "status": "deprecated" });
        assert_eq!(deprecated.concerns(&request()).1, [Concern::Deprecated]);
        assert!(deprecated.chat(request()).await.is_ok());
    }

    #[test]
    fn only_a_prompt_that_is_surely_too_long_is_refused() {
        let provider = provider(object! { "limit": object! { "context": 100 } });
        let ask = |text: String| provider.concerns(&ChatRequest::new("", [Message::user(text)])).1;
        assert!(ask("word ".repeat(80)).is_empty());
        assert!(matches!(ask("word ".repeat(1000)).as_slice(), [Concern::TooLong { window: 100, .. }]));
    }
}
