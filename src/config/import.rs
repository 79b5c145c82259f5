//! From the settings of the TypeScript extensions to a configuration.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::headless::PROGRAMS;
use super::mistake::suggest;
use super::settings_names::is_secret;
use crate::Error;
use crate::json::{Object, Value, write_string};
use crate::registry::{ProviderInfo, ProviderRegistry};

/// What becomes of the keys in imported settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportedKeys {
    /// Each is replaced by an environment variable that has to be set.
    #[default]
    Referenced,
    /// They are written out.
    Kept,
}

/// A configuration made from settings.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The configuration, in TOML.
    pub text: String,
    /// The variables that it refers to, in alphabetical order, with the provider that each is for.
    pub variables: Vec<(String, String)>,
    /// What could not be taken over, a sentence each.
    pub notes: Vec<String>,
}

/// Shows no text, as it may hold keys.
impl std::fmt::Debug for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Imported")
            .field("variables", &self.variables)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// Reads a settings export of Roo Code or Kilo Code (`{"providerProfiles": {"apiConfigs": {...}}}`), or a
/// single profile (`{"apiProvider": ...}`), and writes it as a configuration.
///
/// # Errors
///
/// [`Configuration`](crate::ErrorKind::Configuration) for text that is no JSON, or neither of the two.
///
/// # Example: a profile
///
/// ```
/// use samewire::config::{ImportedKeys, import};
///
/// let profile = r#"{"apiProvider":"groq","groqApiKey":"gsk_secret","apiModelId":"llama"}"#;
/// let imported = import(profile, ImportedKeys::Referenced)?;
/// assert!(imported.text.contains("api_key = \"${GROQ_API_KEY}\""));
/// # Ok::<(), samewire::Error>(())
/// ```
pub fn import(json: &str, keys: ImportedKeys) -> Result<Imported, Error> {
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    let export = Value::parse(json)
        .map_err(|error| Error::configuration(format!("the settings are no JSON: {error}")))?;
    let mut writer = Writer { keys, ..Writer::default() };
    let profiles = export.get("providerProfiles").unwrap_or(&export);
    if let Some(configs) = profiles.get("apiConfigs").and_then(Value::as_object) {
        let current = profiles.get("currentApiConfigName").and_then(Value::as_str);
        for (name, settings) in configs {
            writer.profile(name, settings);
        }
        writer.choose_default(current);
    } else if let Some(provider) = export.get("apiProvider").and_then(Value::as_str) {
        writer.profile(provider, &export);
    } else {
        return Err(Error::configuration(
            "these are no settings of Roo Code or Kilo Code: there is neither `providerProfiles` with \
             `apiConfigs` nor `apiProvider`",
        ));
    }
    Ok(writer.finish())
}

#[derive(Default)]
struct Writer {
    keys: ImportedKeys,
    default: Option<String>,
    /// The names in the export and here.
    names: Vec<(String, String)>,
    tables: String,
    /// Each variable's value, and the provider that it is for.
    variables: BTreeMap<String, (String, String)>,
    notes: Vec<String>,
}

impl Writer {
    fn profile(&mut self, name: &str, settings: &Value) {
        let Some(settings) = settings.as_object() else {
            self.notes.push(format!("profile `{name}` is no object; it was left out"));
            return;
        };
        let provider = settings.get("apiProvider").and_then(Value::as_str).unwrap_or_default();
        let Some(facts) = ProviderRegistry::get(provider) else {
            self.program_or_nothing(name, provider, settings);
            return;
        };
        let id = self.name(name);
        self.open(&id);
        if provider != id {
            self.line("provider", provider);
        }
        let mut options = String::new();
        for (setting, value) in settings {
            self.setting(&id, facts, setting, value, &mut options);
        }
        if !options.is_empty() {
            let _ = write!(self.tables, "\n[providers.{}.driver_options]\n{options}", key(&id));
        }
    }

    fn setting(
        &mut self,
        id: &str,
        facts: &ProviderInfo,
        setting: &str,
        value: &Value,
        options: &mut String,
    ) {
        let text = value.as_str().filter(|text| !text.is_empty());
        match text {
            _ if value.is_null() || IGNORED.contains(&setting) => {}
            Some("") => {}
            Some(model) if setting == facts.model_setting => self.line("model", model),
            Some(secret) if Some(setting) == facts.key_setting => {
                let variable = facts.key_variable.unwrap_or("API_KEY");
                let value = self.secret(id, variable, secret);
                self.expression("api_key", value);
            }
            Some(url) if Some(setting) == facts.base_url_setting => {
                if url.contains(['@', '?']) {
                    let url = self.secret(id, &screaming(setting), url);
                    self.expression("base_url", url);
                } else {
                    self.line("base_url", url);
                }
            }
            _ if is_of_another(setting, facts) => {
                self.notes
                    .push(format!("`{setting}` of `{id}` belongs to another provider; it was left out"));
            }
            _ => {
                let hide = is_secret(setting)
                    && (!setting.ends_with("Url") || text.is_some_and(|t| t.contains(['@', '?'])));
                let value = if hide { self.hidden(id, &screaming(setting), value) } else { escaped(value) };
                let _ = writeln!(options, "{} = {}", key(setting), toml(&value));
            }
        }
    }

    /// Programs that the extensions call as providers.
    fn program_or_nothing(&mut self, name: &str, provider: &str, settings: &Object) {
        if !PROGRAMS.contains(&provider) {
            let ids = ProviderRegistry::all().map(|facts| facts.id);
            let problem = match provider {
                "" => "names no provider".to_owned(),
                _ => {
                    format!("is for `{provider}`, which samewire does not have ({})", suggest(provider, ids))
                }
            };
            self.notes.push(format!("profile `{name}` {problem}; it was left out"));
            return;
        }
        let id = self.name(name);
        self.open(&id);
        self.line("type", "headless");
        if provider != id {
            self.line("provider", provider);
        }
        if let Some(model) =
            settings.get("apiModelId").and_then(Value::as_str).filter(|model| !model.is_empty())
        {
            self.line("model", model);
        }
        let path = settings.get("claudeCodePath").or_else(|| settings.get("geminiCliPath"));
        if let Some(path) = path.and_then(Value::as_str).filter(|path| !path.is_empty()) {
            self.line("command", path);
        }
    }

    /// A name that can stand in front of `/model`, and that no other profile has.
    fn name(&mut self, name: &str) -> String {
        let wished = match name.replace('/', "-") {
            empty if empty.is_empty() => "unnamed".to_owned(),
            name => name,
        };
        let mut id = wished.clone();
        let mut turn = 1;
        while self.names.iter().any(|(_, taken)| *taken == id) {
            turn += 1;
            id = format!("{wished}-{turn}");
        }
        self.names.push((name.to_owned(), id.clone()));
        id
    }

    fn choose_default(&mut self, current: Option<&str>) {
        let current = current.filter(|current| !current.is_empty());
        self.default = current.and_then(|current| {
            self.names.iter().find(|(name, _)| name == current).map(|(_, id)| id.clone())
        });
        if let (Some(current), None) = (current, &self.default) {
            self.notes.push(format!("the current profile `{current}` is not among those taken over"));
        }
    }

    fn open(&mut self, id: &str) {
        let _ = write!(self.tables, "\n[providers.{}]\n", key(id));
    }

    /// An entry whose text stands for itself.
    fn line(&mut self, name: &str, value: &str) {
        self.expression(name, escaped(&value.into()));
    }

    /// An entry with variables in it.
    fn expression(&mut self, name: &str, value: impl Into<Value>) {
        let _ = writeln!(self.tables, "{name} = {}", toml(&value.into()));
    }

    /// What stands for a secret: a variable, or itself.
    fn secret(&mut self, id: &str, variable: &str, secret: &str) -> String {
        if self.keys == ImportedKeys::Kept {
            return secret.replace("${", "$${");
        }
        let own = format!("{variable}_{}", screaming(id));
        let name = match self.variables.get(variable) {
            Some((value, _)) if value != secret => own,
            _ => variable.to_owned(),
        };
        self.variables.entry(name.clone()).or_insert_with(|| (secret.to_owned(), id.to_owned()));
        format!("${{{name}}}")
    }

    /// A value with every text in it taken for a secret.
    fn hidden(&mut self, id: &str, variable: &str, value: &Value) -> Value {
        match value {
            Value::String(text) => self.secret(id, variable, text).into(),
            Value::Object(object) => {
                let mut hidden = Object::new();
                for (name, value) in object {
                    let variable = format!("{variable}_{}", screaming(name));
                    hidden.insert(name.clone(), self.hidden(id, &variable, value));
                }
                hidden.into()
            }
            other => other.clone(),
        }
    }

    fn finish(self) -> Imported {
        let mut text = String::new();
        if let Some(default) = &self.default {
            let _ = writeln!(text, "default = {}", toml(&default.as_str().into()));
        }
        text.push_str(&self.tables);
        let text = text.trim_start().to_owned();
        let variables = self.variables.into_iter().map(|(name, (_, provider))| (name, provider)).collect();
        Imported { text, variables, notes: self.notes }
    }
}

/// Whether a setting is a credential of another provider, left over from a former choice.
fn is_of_another(setting: &str, facts: &ProviderInfo) -> bool {
    let family = [("aws", "bedrock"), ("vertex", "vertex"), ("geminiOAuth", "gemini")];
    if let Some((_, owner)) = family.iter().find(|(prefix, _)| setting.starts_with(prefix)) {
        return facts.id != *owner;
    }
    ProviderRegistry::all().any(|other| {
        other.id != facts.id
            && (other.key_setting == Some(setting) || other.base_url_setting == Some(setting))
    }) && facts.key_setting != Some(setting)
}

/// `awsSecretKey` as `AWS_SECRET_KEY`, `my profile` as `MY_PROFILE`.
fn screaming(name: &str) -> String {
    let mut screaming = String::new();
    let mut after_small = false;
    for character in name.chars() {
        if after_small && character.is_uppercase() {
            screaming.push('_');
        }
        after_small = character.is_lowercase() || character.is_ascii_digit();
        screaming.push(if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' });
    }
    screaming
}

/// A value whose texts stand for themselves: `${` would be a variable.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains("${") => text.replace("${", "$${").into(),
        Value::Array(items) => Value::Array(items.iter().map(escaped).collect()),
        Value::Object(object) => {
            let mut escaped_object = Object::new();
            for (name, value) in object {
                escaped_object.insert(name.clone(), escaped(value));
            }
            escaped_object.into()
        }
        other => other.clone(),
    }
}

/// A key of a table: bare where that is allowed. <https://toml.io/en/v1.0.0#keys>
fn key(name: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { toml(&name.into()) }
}

/// A value in one line. JSON's texts are TOML's basic strings. Nothing stands for `null`, which TOML lacks.
fn toml(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let mut out = String::new();
            write_string(&mut out, text);
            // TOML wants this one escaped, and JSON does not.
            out.replace('\u{7f}', "\\u007f")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().filter(|item| !item.is_null()).map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(object) => {
            let entries = object.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<String> =
                entries.map(|(name, value)| format!("{} = {}", key(name), toml(value))).collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        other => other.to_json(),
    }
}

/// Settings of the extensions' windows, not of a provider.
const IGNORED: &[&str] = &[
    "apiProvider",
    "consecutiveMistakeLimit",
    "diffEnabled",
    "fuzzyMatchThreshold",
    "id",
    "rateLimitSeconds",
    "todoListEnabled",
    "toolProtocol",
];
