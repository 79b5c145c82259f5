//! The settings of one provider, as the TypeScript stores them.

use std::fmt;
use std::path::Path;

use crate::json::{Object, Value};
use crate::{Error, Text};

/// Provider settings: the JSON object that the TypeScript keeps for a profile (`apiProvider`, `apiKey`,
/// `openAiBaseUrl`, `awsRegion`, ...), so that a stored profile loads as it is.
///
/// Keys that no provider reads are kept and ignored. `Debug` output masks every secret.
///
/// Settings that the TypeScript does not know: `geminiUseOAuth` (`true`) takes the login of Google's
/// command-line tool for Gemini in place of `geminiApiKey`, from `~/.gemini/oauth_creds.json` or the file of
/// that form in `geminiOAuthPath`. Once the login has expired it is renewed in memory, which needs the client
/// that it was made for: `geminiOAuthClientId` and `geminiOAuthClientSecret`, or the environment's
/// `GEMINI_OAUTH_CLIENT_ID` and `GEMINI_OAUTH_CLIENT_SECRET`.
///
/// Nor does it know `awsInvokeModel`, which makes `bedrock` speak the older InvokeModel API
/// (Claude, Titan Text and Llama models) instead of Converse.
///
/// Providers that the TypeScript does not have read `<id>ApiKey` or `apiKey`, `<id>BaseUrl` or `baseUrl` (`<id>` in
/// camel case) and `apiModelId`; PROVIDERS.md lists them. `includeUsage: false` is for servers that refuse
/// `stream_options`.
/// For every provider there are `answerFormat` (`schema`, `json` or `prompt`: how the service is asked for JSON, where
/// we know it wrong; see [`AnswerFormat`](crate::AnswerFormat)) and `reasoningAsText` (see
/// [`ChatRequest::reasoning_as_text`](crate::ChatRequest::reasoning_as_text)). Settings of programs are listed at
/// `headless::HeadlessConfig::from_settings`.
///
/// Settings of the network, for every provider, are listed at `Context::system_for`.
///
/// # Example: settings in code and from JSON
///
/// ```
/// use samewire::ProviderSettings;
///
/// let settings = ProviderSettings::new("openai").with("openAiApiKey", "sk-secret").with("openAiModelId", "gpt-4o");
/// let same = ProviderSettings::from_json(
///     r#"{"apiProvider":"openai","openAiApiKey":"sk-secret","openAiModelId":"gpt-4o"}"#,
/// )?;
/// assert_eq!(settings, same);
/// assert!(!format!("{settings:?}").contains("sk-secret"));
/// # Ok::<(), samewire::Error>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct ProviderSettings(Object);

impl ProviderSettings {
    /// Settings that name a provider and nothing else.
    pub fn new(provider: impl Into<Text>) -> Self {
        Self::default().with("apiProvider", provider.into())
    }

    /// The same settings with one more entry; the key is spelt as the TypeScript spells it.
    #[must_use]
    pub fn with(mut self, key: impl Into<Text>, value: impl Into<Value>) -> Self {
        self.0.insert(key, value);
        self
    }

    /// Reads settings from JSON text.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) with line and column for malformed JSON, and
    /// with the key for a value of the wrong type.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let value = Value::parse(text).map_err(|error| {
            let (line, column) = line_and_column(text, error.position());
            Error::configuration(format!(
                "settings are not valid JSON: line {line}, column {column}: {error}"
            ))
        })?;
        Self::from_value(value)
    }

    /// Takes settings that are JSON already.
    ///
    /// # Errors
    ///
    /// [`Configuration`](crate::ErrorKind::Configuration) when the value is no object, or when a key, URL
    /// or id in it is no text.
    pub fn from_value(value: Value) -> Result<Self, Error> {
        let Value::Object(object) = value else {
            return Err(Error::configuration(
                "settings must be a JSON object such as {\"apiProvider\":\"openai\"}",
            ));
        };
        for (key, value) in &object {
            let is_switch = SWITCHES.contains(&key.as_str());
            let textual = TEXT_ENDINGS.iter().any(|ending| key.ends_with(ending)) || key == "apiProvider";
            if textual && !is_switch && !matches!(value, Value::String(_) | Value::Null) {
                return Err(Error::configuration(format!("settings: `{key}` must be a string")));
            }
        }
        Ok(Self(object))
    }

    /// Reads a settings file.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), each with the path in front; also when the file cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::configuration(format!("{}: {error}", path.display())))?;
        Self::from_json(&text).map_err(|error| {
            let message = format!("{}: {}", path.display(), error.message());
            error.with_message(message)
        })
    }

    /// The provider's id; `None` when the settings name none.
    pub fn provider(&self) -> Option<&str> {
        self.text("apiProvider")
    }

    /// The entry of that key, `null` included.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The entry if it is text; the empty text counts.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// The entry if it is text and not empty.
    pub fn non_empty(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    /// The entry if it is a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.0.get(key)?.as_f64()
    }

    /// Whether the entry is true as JavaScript sees it.
    pub fn is_truthy(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(Value::is_truthy)
    }

    /// Whether the entry is exactly `false`.
    pub fn is_false(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool) == Some(false)
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Sets an entry; `None` removes it.
    pub fn set(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => drop(self.0.insert(key, value)),
            None => drop(self.0.remove(key)),
        }
    }
}

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.iter() {
            if is_secret(key) {
                map.entry(&key, &"[secret]");
            } else {
                map.entry(&key, value);
            }
        }
        map.finish()
    }
}

/// Whether an entry may hold a secret: keys, tokens, credentials, and headers and URLs, which can carry them.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "key",
        "token",
        "secret",
        "credentials",
        "headers",
        "url",
        "password",
        "portkeyconfig",
        "headlessvariables",
    ]
    .iter()
    .any(|part| key.contains(part))
        && !["maxtokens", "thinkingtokens", "keyfile"].iter().any(|part| key.ends_with(part))
}

pub(crate) fn line_and_column(text: &str, utf16_position: usize) -> (usize, usize) {
    let mut line = 1;
    let mut column = 1;
    let mut units = 0;
    for character in text.chars() {
        if units >= utf16_position {
            break;
        }
        units += character.len_utf16();
        if character == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}

/// Entries that are true or false although they end like text.
const SWITCHES: &[&str] = &["awsUseApiKey"];

/// Entries with these endings are text wherever they occur.
const TEXT_ENDINGS: &[&str] = &[
    "ApiKey",
    "apiKey",
    "BaseUrl",
    "baseUrl",
    "ModelId",
    "AccessKey",
    "SecretKey",
    "SessionToken",
    "Region",
    "ProjectId",
];
