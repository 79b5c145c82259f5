//! A program as a provider.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::body::{Patience, ProgramBody};
use super::config::HeadlessConfig;
use super::decode::ProgramDecoder;
use super::diagnostics::Run;
use super::program::{Question, Spec};
use super::resolve::{Places, resolve};
use super::session::{Bookmark, Sessions};
use super::{environment, process, prompt};
use crate::answer_format::FormatSupport;
use crate::context::Context;
use crate::provider::{AiProvider, HealthStatus, ProviderCapabilities, unsupported};
use crate::request::{ChatRequest, CompletionRequest, PromptFormat};
use crate::response::CompletionResponse;
use crate::stream::{ResponseHead, StreamProcessor, TokenStream};
use crate::transport::Headers;
use crate::{Error, ErrorKind, Message, Model};

/// A command-line program that answers like any other provider; see the [module](super).
///
/// Clones share what they know of sessions.
#[derive(Clone)]
pub struct HeadlessProvider(Arc<Inner>);

struct Inner {
    spec: &'static Spec,
    config: HeadlessConfig,
    context: Context,
    environment: BTreeMap<String, String>,
    secrets: Vec<String>,
    sessions: Arc<Sessions>,
}

impl HeadlessProvider {
    /// A program in a context, of which the environment, the clock and the home folder are used. Nothing is
    /// looked for or started before the first call.
    pub fn new(config: HeadlessConfig, context: &Context) -> Self {
        let spec = config.program.spec();
        let environment =
            environment::allowed(&context.environment, &[spec.environment], &config.passed, &config.given);
        let secrets = environment::secrets(&environment, &config.given);
        let sessions = Arc::default();
        Self(Arc::new(Inner { spec, config, context: context.clone(), environment, secrets, sessions }))
    }
}

impl Inner {
    /// # Errors
    ///
    /// For what the program could not be told.
    fn check(&self, request: &ChatRequest) -> Result<(), Error> {
        if !self.spec.takes_tools && request.tools.as_ref().is_some_and(|tools| !tools.is_empty()) {
            return Err(unsupported(self.spec.id, "tools: the program runs its own. Leave `tools` out"));
        }
        if !self.spec.takes_images && prompt::images(&request.messages).next().is_some() {
            return Err(unsupported(self.spec.id, "images: the program takes text only"));
        }
        Ok(())
    }

    async fn find(&self) -> Result<std::path::PathBuf, Error> {
        let variable = |name: &str| {
            let found = self.environment.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let home = self.context.home.as_deref();
        let places = Places { path: variable("PATH"), endings: variable("PATHEXT"), home };
        let command = self.config.command.as_deref().unwrap_or(self.spec.command);
        resolve(command, self.spec, &places).await
    }

    async fn open(
        &self,
        request: &ChatRequest,
        partial: bool,
        bookmark: Option<Arc<Bookmark>>,
        run: Run,
    ) -> Result<TokenStream, Error> {
        let choice = self.sessions.choose(request, self.config.session.as_deref());
        if let Some(session) = choice.session.as_deref().filter(|session| !is_session_id(session)) {
            let message = format!("`{}` is no id of a session", session.escape_debug());
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let question = Question {
            config: &self.config,
            request,
            session: choice.session.as_deref(),
            news: choice.news,
            partial,
        };
        let invocation = (self.spec.invocation)(&question);
        let launch = process::Launch {
            path: self.find().await?,
            arguments: invocation.arguments,
            environment: self.environment.clone(),
            folder: self.config.folder.clone(),
            takes_input: invocation.input.is_some(),
        };
        let started = process::start(&launch).map_err(|error| {
            let message =
                format!("{} could not be started: {}: {error}", self.spec.name, launch.path.display());
            Error::configuration(message)
        })?;
        let patience =
            Patience { idle: self.config.idle, total: self.config.total, grace: self.config.grace };
        let clock = self.context.clock.clone();
        let body = ProgramBody::new(self.spec.name, started, invocation.input, run.clone(), clock, patience);
        let decoder = ProgramDecoder::new(self.spec, run, bookmark);
        let head = ResponseHead { status: 200, headers: Headers::new() };
        Ok(TokenStream::decode(head, Box::pin(body), StreamProcessor::new(Box::new(decoder))))
    }

    /// Asks with parts of messages; a version that does not know them yet is asked without.
    async fn chat(self: &Arc<Self>, mut request: ChatRequest) -> Result<TokenStream, Error> {
        FormatSupport::Words.prepare(&mut request)?;
        self.check(&request)?;
        let bookmark = self.sessions.bookmark(&request).map(Arc::new);
        let run = Run::new(self.secrets.clone());
        let stream = self.open(&request, self.config.partial, bookmark.clone(), run.clone()).await?;
        if !self.config.partial {
            return Ok(stream);
        }
        let inner = self.clone();
        Ok(stream.or_reopen(Box::new(move |_| {
            Box::pin(async move {
                let error = run.error().unwrap_or_else(|| Error::invalid_response("the program failed"));
                if !error.message().contains(UNKNOWN_OPTION) {
                    return Err(error);
                }
                inner.open(&request, false, bookmark, Run::new(inner.secrets.clone())).await
            })
        })))
    }
}

impl AiProvider for HeadlessProvider {
    fn name(&self) -> &str {
        self.0.config.program.id()
    }

    fn model(&self) -> Model {
        Model::without_info(self.0.config.model.as_deref().unwrap_or("default"))
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities {
            functions: self.0.spec.takes_tools,
            vision: self.0.spec.takes_images,
            ..ProviderCapabilities::of_model(&self.model())
        }
    }

    fn chat_stream(&self, request: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(
            async move { self.0.chat(request).await.map_err(|error| error.with_provider(self.0.spec.id)) },
        )
    }

    fn complete(&self, request: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async move {
            if request.format != PromptFormat::Plain {
                return Err(unsupported(self.name(), "a framed prompt"));
            }
            let answer = self.chat(ChatRequest::new("", [Message::user(request.prompt)])).await?;
            Ok(crate::Text::from(answer.text).into())
        })
    }

    /// Looks for the program, without starting it.
    fn health_check(&self) -> BoxFuture<'_, HealthStatus> {
        Box::pin(async move {
            match self.0.find().await {
                Ok(_) => HealthStatus::Healthy,
                Err(error) => HealthStatus::Unhealthy(error.with_provider(self.0.spec.id)),
            }
        })
    }

    /// Looks for the program, without starting it.
    fn initialize(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(
            async move { self.0.find().await.map(drop).map_err(|error| error.with_provider(self.0.spec.id)) },
        )
    }

    fn decoder(&self, request: &ChatRequest) -> Result<StreamProcessor, Error> {
        let _ = request;
        let decoder = ProgramDecoder::new(self.0.spec, Run::new(self.0.secrets.clone()), None);
        Ok(StreamProcessor::new(Box::new(decoder)))
    }
}

impl fmt::Debug for HeadlessProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeadlessProvider").field(&self.0.config).finish()
    }
}

/// Whether a text can only be an id: no program takes it for a flag, for several arguments or for a path.
fn is_session_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    !text.is_empty() && !text.starts_with(['-', '.']) && text.len() <= 256 && text.bytes().all(fits)
}

/// How Claude Code refuses a flag that it does not know.
const UNKNOWN_OPTION: &str = "unknown option '--include-partial-messages'";
