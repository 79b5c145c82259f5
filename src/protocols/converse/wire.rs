//! A provider of the Converse API as a value, and the engine that speaks for it.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_core::future::BoxFuture;

use super::body;
use super::cache::{self, Limits, Memory, Plan};
use super::completion;
use super::decode::ConverseDecoder;
use super::errors::{ErrorClass, Explainer, Thrown, parse, with_hint};
use super::invoke;
use super::messages::Converted;
use super::session::{Authorization, Session};
use crate::Error;
use crate::answer_format::FormatSupport;
use crate::auth::aws_client::AwsCall;
use crate::auth::sigv4::{Signer, Skew, uri_encode};
use crate::context::Context;
use crate::driver::{Call, Failure, WholeResponse, Wire};
use crate::json::{Document, Object, Value, object};
use crate::lock::Locked;
use crate::model::Model;
use crate::request::{ChatRequest, CompletionRequest};
use crate::response::CompletionResponse;
use crate::settings::ProviderSettings;
use crate::stream::Decode;
use crate::transport::{HeaderValue, Headers, HttpRequest, HttpVersion, Sign};

/// The facts of one provider.
pub(crate) struct ConverseSpec {
    /// The id in settings.
    pub(crate) id: &'static str,
    /// The service's name in signatures.
    pub(crate) service: &'static str,
    /// The start of the service's host names, and its name in the user agent.
    pub(crate) endpoint_prefix: &'static str,
    /// The service's name in configuration files.
    pub(crate) endpoint_key: &'static str,
    /// The environment variable with an endpoint of one's own.
    pub(crate) endpoint_variable: &'static str,
    /// The environment variable with an API key.
    pub(crate) bearer_variable: &'static str,
    /// The endpoint that the settings name.
    pub(crate) own_endpoint: fn(&ProviderSettings) -> Option<&str>,
    /// Checks the settings and finds the model.
    pub(crate) construct: fn(&ProviderSettings) -> Result<Constructed, Error>,
    /// The classes of errors, in the order in which they are tried.
    pub(crate) error_classes: &'static [ErrorClass],
    /// What stands before every error of a completion.
    pub(crate) completion_prefix: &'static str,
}

/// What follows from the settings alone.
pub(crate) struct Constructed {
    /// The settings with what the reference's constructor changes in them.
    pub(crate) settings: ProviderSettings,
    /// Its id is the one on the wire.
    pub(crate) model: Model,
    /// The model's beta features.
    pub(crate) betas: Vec<&'static str>,
}

/// The engine: one provider with its settings.
pub(crate) struct Converse {
    spec: &'static ConverseSpec,
    settings: ProviderSettings,
    model: Model,
    betas: Vec<&'static str>,
    context: Context,
    explainer: Explainer,
    skew: Arc<Skew>,
    session: Mutex<Option<Result<Arc<Session>, Thrown>>>,
    cache_points: Mutex<Memory>,
}

impl Converse {
    /// # Errors
    ///
    /// What the reference throws when it constructs the provider.
    pub(crate) fn new(
        spec: &'static ConverseSpec,
        settings: &ProviderSettings,
        context: &Context,
    ) -> Result<Self, Error> {
        let Constructed { settings, model, betas } = (spec.construct)(settings)?;
        Ok(Self {
            spec,
            settings,
            betas,
            context: context.clone(),
            explainer: Explainer::new(spec.error_classes, spec.completion_prefix, &model),
            model,
            skew: Arc::default(),
            session: Mutex::default(),
            cache_points: Mutex::default(),
        })
    }

    fn session(&self) -> Result<Arc<Session>, Thrown> {
        let known = lock(&self.session).clone();
        known.unwrap_or_else(|| Session::known(self.spec, &self.settings, &self.context).map(Arc::new))
    }

    fn uses_invoke(&self) -> bool {
        self.settings.is_truthy("awsInvokeModel")
    }

    fn request(&self, operation: &str, body: &Value) -> Result<HttpRequest, Thrown> {
        let session = self.session()?;
        let signer: Option<Arc<dyn Sign>> = match &session.authorization {
            Authorization::Bearer(_) => None,
            Authorization::Keys(credentials) => Some(Arc::new(Signer {
                service: self.spec.service,
                region: session.region.clone(),
                credentials: credentials.clone(),
                skew: self.skew.clone(),
            })),
        };
        let call = AwsCall {
            api: self.spec.endpoint_prefix,
            method: "POST",
            place: &session.place,
            target: &format!("/model/{}/{operation}", uri_encode(&self.model.id)),
            content_type: Some("application/json"),
            own_headers: Headers::new(),
            body: Bytes::from(body.to_json()),
            features: &session.features,
            attempts: session.attempts,
            version: HttpVersion::Http2,
            signer,
        };
        let mut request = call.build(&self.context);
        if let Authorization::Bearer(key) = &session.authorization {
            request.headers.append("authorization", HeaderValue::secret(format!("Bearer {key}")));
        }
        Ok(request)
    }

    fn chat_body(&self, request: &ChatRequest) -> Result<Result<Value, Thrown>, Error> {
        let Converted { mut messages, unsendable } = Converted::of(&request.messages)?;
        let plan = self.plan(request);
        let mut system = Vec::new();
        if !request.system_prompt.is_empty() {
            system.push(Value::from(object! { "text": request.system_prompt.as_str() }));
        }
        if plan.system {
            system.push(cache::point());
        }
        for index in plan.messages {
            messages[index].1.push(cache::point());
        }
        if let Some(thrown) = unsendable {
            return Ok(Err(thrown));
        }
        let tools = match body::tool_config(request) {
            Ok(tools) => tools,
            Err(thrown) => return Ok(Err(thrown)),
        };
        let mut fields = Object::with_capacity(5);
        fields.insert_some(
            "additionalModelRequestFields",
            body::additional_fields(&self.model, request, &self.betas),
        );
        fields.insert("inferenceConfig", body::inference(&self.model));
        let messages = messages.into_iter().map(|(role, content)| body::message(role, content));
        fields.insert("messages", messages.collect::<Value>());
        fields.insert("system", system);
        fields.insert("toolConfig", tools);
        Ok(Ok(fields.into()))
    }

    fn plan(&self, request: &ChatRequest) -> Plan {
        let wanted = self.settings.is_truthy("awsUsePromptCache");
        match Limits::of(self.model.info()).filter(|_| wanted) {
            Some(limits) => {
                limits.plan(&request.system_prompt, &request.messages, &mut lock(&self.cache_points))
            }
            None => Plan::default(),
        }
    }
}

impl Wire for Converse {
    fn id(&self) -> &'static str {
        self.spec.id
    }

    fn model(&self) -> Model {
        self.model.clone()
    }

    /// Resolves endpoint and keys. What goes wrong is told when the request is made, as the reference
    /// looks at the request first.
    fn prepare<'a>(&'a self, context: &'a Context, _: Call) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let now = context.clock.now();
            let is_good = matches!(&*lock(&self.session), Some(Ok(session)) if !session.ends_soon(now));
            if !is_good {
                let resolved = Session::resolve(self.spec, &self.settings, context).await;
                *lock(&self.session) = Some(resolved.map(Arc::new));
            }
            Ok(())
        })
    }

    fn format_support(&self) -> FormatSupport {
        // Of the models here, these can be made to call a tool.
        let can_be_made = ["claude", "nova"].iter().any(|family| self.model.id.contains(family));
        if can_be_made && !self.uses_invoke() {
            FormatSupport::of_forced_tool(&self.settings, &self.model)
        } else {
            FormatSupport::Words
        }
    }

    fn encode_chat(&self, request: &ChatRequest) -> Result<HttpRequest, Error> {
        let (operation, body) = if self.uses_invoke() {
            let body = invoke::body(&self.model, &self.betas, request)?;
            ("invoke-with-response-stream", Ok(body))
        } else {
            ("converse-stream", self.chat_body(request)?)
        };
        body.and_then(|body| self.request(operation, &body))
            .map_err(|thrown| self.explainer.explain(Call::Chat, thrown))
    }

    fn chat_decoder(&self, _: &ChatRequest) -> Box<dyn Decode> {
        let is_bearer =
            matches!(self.session().as_deref(), Ok(Session { authorization: Authorization::Bearer(_), .. }));
        let reader = self.uses_invoke().then(|| invoke::ModelReader::new(&self.model));
        Box::new(ConverseDecoder::new(self.explainer.clone(), is_bearer, reader))
    }

    fn encode_completion(&self, request: &CompletionRequest) -> Result<HttpRequest, Error> {
        let text = object! { "text": request.prompt.as_str() };
        let body = object! {
            "inferenceConfig": body::inference(&self.model),
            "messages": vec![body::message("user", vec![text.into()])],
        };
        self.request("converse", &body.into())
            .map_err(|thrown| self.explainer.explain(Call::Completion, thrown))
    }

    fn decode_completion(&self, response: &WholeResponse) -> Result<CompletionResponse, Error> {
        let mut document = Document::new();
        parse(&mut document, &response.text())
            .map_err(|message| Thrown::malformed("SyntaxError", message))
            .and_then(|answer| completion::text(answer).map_err(with_hint))
            .map(CompletionResponse::from)
            .map_err(|thrown| self.explainer.explain(Call::Completion, thrown))
    }

    fn failure(&self, call: Call, failure: Failure) -> Error {
        self.explainer.explain(call, Thrown::of_failure(failure))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.locked()
}
