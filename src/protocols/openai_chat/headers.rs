//! The header block of the openai SDK 5.12.2.

use crate::context::{ClientIdentity, Context};
use crate::json::Value;
use crate::settings::ProviderSettings;
use crate::transport::javascript::{self, InvalidHeader};
use crate::transport::{HeaderValue, Headers};
use crate::{Error, Text};

/// The header that counts the SDK's retries.
pub(crate) const RETRY_COUNT: &str = "X-Stainless-Retry-Count";

/// The header lines of one provider. What no header can carry fails the call, not the construction: until then it
/// is kept, and may still be replaced.
#[derive(Default)]
pub(crate) struct HeaderBlock(Vec<Line>);

struct Line {
    name: Text,
    value: Result<HeaderValue, InvalidHeader>,
}

impl Line {
    fn new(name: Text, value: &str, secret: bool) -> Self {
        let form = if secret { HeaderValue::secret } else { HeaderValue::new };
        Self { name, value: javascript::fetch_value(value).map(form) }
    }
}

impl HeaderBlock {
    /// The SDK's own headers.
    pub(crate) fn sdk(context: &Context) -> Self {
        let identity = &context.identity;
        let mut block = Self(Vec::with_capacity(16));
        block.set("Accept", "application/json");
        block.set("User-Agent", "OpenAI/JS 5.12.2");
        block.set(RETRY_COUNT, "0");
        block.set("X-Stainless-Lang", "js");
        block.set("X-Stainless-Package-Version", "5.12.2");
        block.set("X-Stainless-OS", &identity.os);
        block.set("X-Stainless-Arch", &identity.arch);
        block.set("X-Stainless-Runtime", &identity.runtime);
        block.set("X-Stainless-Runtime-Version", &identity.runtime_version);
        let account = [("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")];
        for (name, variable) in account {
            if let Some(value) = context.env(variable).map(str::trim).filter(|value| !value.is_empty()) {
                block.set(name, value);
            }
        }
        block
    }

    /// Sets a header: a known name, in any case, moves to the end.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.put(Text::from_static(name), value, false);
    }

    /// Sets a header whose value is a secret.
    pub(crate) fn set_secret(&mut self, name: &'static str, value: &str) {
        self.put(Text::from_static(name), value, true);
    }

    /// Adds the lines of another block at the end.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn put(&mut self, name: Text, value: &str, secret: bool) {
        self.remove(&name);
        self.0.push(Line::new(name, value, secret));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|line| !line.name.eq_ignore_ascii_case(name));
    }

    /// `authorization: Bearer <key>`.
    pub(crate) fn bearer(&mut self, key: &str) {
        self.set_secret("authorization", &format!("Bearer {key}"));
    }

    /// The content type of every request with a body.
    pub(crate) fn content_type(&mut self) {
        self.set("content-type", "application/json");
    }

    /// The name that packages of the AI SDK give themselves.
    pub(crate) fn ai_sdk(&mut self, packages: &str, context: &Context) {
        let identity = &context.identity;
        self.set("user-agent", &format!("{packages} runtime/node.js/{}", identity.runtime_version));
    }

    /// What the application sends everywhere.
    pub(crate) fn application(&mut self, identity: &ClientIdentity) {
        for (name, value) in application(identity) {
            self.set(name, value);
        }
    }

    /// What the application sends everywhere, overlaid with the user's `openAiHeaders`: a name spelt the
    /// same keeps its place, another spelling moves it to the end, `null` removes it.
    pub(crate) fn application_and_custom(&mut self, identity: &ClientIdentity, settings: &ProviderSettings) {
        let custom = settings.get("openAiHeaders").and_then(Value::as_object);
        for (name, value) in application(identity) {
            match custom.and_then(|custom| custom.get(name)) {
                Some(value) => self.custom(Text::from_static(name), value),
                None => self.set(name, value),
            }
        }
        let known = application(identity).map(|(name, _)| name);
        for (name, value) in custom.into_iter().flat_map(|custom| custom.iter()) {
            if !known.contains(&name.as_str()) {
                self.custom(name.clone(), value);
            }
        }
    }

    /// The same for axios, which keeps the place of a name in any spelling.
    pub(crate) fn application_and_custom_in_place(
        &mut self,
        identity: &ClientIdentity,
        settings: &ProviderSettings,
    ) {
        self.application(identity);
        let custom = settings.get("openAiHeaders").and_then(Value::as_object);
        for (name, value) in custom.into_iter().flat_map(|custom| custom.iter()) {
            let text = value.as_str().map_or_else(|| value.to_json(), str::to_owned);
            match self.0.iter_mut().find(|line| line.name.eq_ignore_ascii_case(name)) {
                Some(line) => *line = Line::new(line.name.clone(), &text, true),
                None => self.0.push(Line::new(name.clone(), &text, true)),
            }
        }
    }

    fn custom(&mut self, name: Text, value: &Value) {
        match value {
            Value::Null => self.remove(&name),
            // A custom header may well hold a key.
            Value::String(text) => self.put(name, text, true),
            other => self.put(name, &other.to_json(), true),
        }
    }

    /// The lines as they go on the wire.
    ///
    /// # Errors
    ///
    /// When a name or value cannot be a header; the message never quotes a value.
    pub(crate) fn build(&self) -> Result<Headers, Error> {
        let mut headers = Headers::with_capacity(self.0.len());
        for Line { name, value } in &self.0 {
            if !javascript::is_token(name) {
                return Err(Error::configuration(format!(
                    "Headers.delete: \"{name}\" is an invalid header name."
                )));
            }
            headers.append(name.clone(), value.clone()?);
        }
        Ok(headers)
    }
}

fn application(identity: &ClientIdentity) -> [(&'static str, &str); 3] {
    [("HTTP-Referer", &identity.referer), ("X-Title", &identity.title), ("User-Agent", &identity.user_agent)]
}

impl From<InvalidHeader> for Error {
    fn from(problem: InvalidHeader) -> Self {
        Self::configuration(problem.to_string())
    }
}
