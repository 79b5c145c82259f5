//! The two files in which AWS tools keep profiles: `~/.aws/config` and `~/.aws/credentials`.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>. Read as the AWS SDK for JavaScript
//! reads them: a file that is missing is empty, and the credentials file wins where both name a key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::context::Context;

/// One profile: its keys and values. A key of a nested block is `block.key`.
pub(crate) type Section = BTreeMap<String, String>;

/// The profiles of both files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles(BTreeMap<String, Section>);

impl Profiles {
    /// Reads the files that the environment names, or those in the home folder.
    pub(crate) async fn load(context: &Context) -> Self {
        let config = read(context, "AWS_CONFIG_FILE", "config").await;
        let credentials = read(context, "AWS_SHARED_CREDENTIALS_FILE", "credentials").await;
        Self::of_texts(&config, &credentials)
    }

    pub(crate) fn of_texts(config: &str, credentials: &str) -> Self {
        let mut merged: BTreeMap<String, Section> = BTreeMap::new();
        for (name, section) in parse(config) {
            let name = match name.split_once(SEPARATOR) {
                Some(("profile", profile)) => profile.to_owned(),
                Some(("sso-session" | "services", _)) => name,
                _ if name == "default" => name,
                _ => continue,
            };
            merged.entry(name).or_default().extend(section);
        }
        for (name, section) in parse(credentials) {
            merged.entry(name).or_default().extend(section);
        }
        Self(merged)
    }

    /// A profile by its name.
    pub(crate) fn profile(&self, name: &str) -> Option<&Section> {
        self.0.get(name)
    }

    /// The session that profiles share for single sign-on.
    pub(crate) fn sso_session(&self, name: &str) -> Option<&Section> {
        self.0.get(&format!("sso-session{SEPARATOR}{name}"))
    }

    /// The endpoint that the active profile sets for a service, or for all of them.
    pub(crate) fn service_endpoint(&self, context: &Context, service: &str) -> Option<&str> {
        let services = self
            .active(context, "services")
            .and_then(|name| self.0.get(&format!("services{SEPARATOR}{name}")));
        let own = services.and_then(|services| services.get(&format!("{service}{SEPARATOR}endpoint_url")));
        own.map(String::as_str).or_else(|| self.active(context, "endpoint_url"))
    }

    /// A setting of the profile that the environment selects.
    pub(crate) fn active(&self, context: &Context, key: &str) -> Option<&str> {
        self.profile(active_profile(context))?.get(key).map(String::as_str)
    }
}

/// The profile that counts where none is asked for.
pub(crate) fn active_profile(context: &Context) -> &str {
    context.env("AWS_PROFILE").filter(|name| !name.is_empty()).unwrap_or("default")
}

/// The home folder, as the environment or else the system says.
pub(crate) fn home(context: &Context) -> Option<PathBuf> {
    let variable = |name| context.env(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    variable("HOME").or_else(|| variable("USERPROFILE")).or_else(|| context.home.clone())
}

async fn read(context: &Context, variable: &str, name: &str) -> String {
    let path = match context.env(variable).filter(|path| !path.is_empty()) {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home(context).map(|home| home.join(rest)),
            None => Some(PathBuf::from(path)),
        },
        None => home(context).map(|home| home.join(".aws").join(name)),
    };
    let Some(path) = path else { return String::new() };
    tokio::fs::read(path).await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Sections with their entries, in order of appearance; a section may come twice.
fn parse(text: &str) -> Vec<(String, Section)> {
    let mut sections: Vec<(String, Section)> = Vec::new();
    let mut block: Option<String> = None;
    let mut in_section = false;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = without_comment(line).trim();
        if let Some(title) = content.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            block = None;
            let name = section_name(title);
            in_section = name.is_some();
            sections.extend(name.map(|name| (name, Section::new())));
            continue;
        }
        let Some((key, value)) = content.split_once('=').filter(|(key, _)| !key.is_empty()) else { continue };
        let (key, value) = (key.trim(), value.trim());
        let Some((_, section)) = sections.last_mut().filter(|_| in_section) else { continue };
        if value.is_empty() {
            block = Some(key.to_owned());
            continue;
        }
        if !line.starts_with(char::is_whitespace) {
            block = None;
        }
        let key = block.as_ref().map_or_else(|| key.to_owned(), |block| format!("{block}{SEPARATOR}{key}"));
        section.insert(key, value.to_owned());
    }
    sections
}

/// `profile "a"` is `profile.a`; a title of two words that starts otherwise is no section.
fn section_name(title: &str) -> Option<String> {
    let Some((kind, name)) = title.split_once(char::is_whitespace) else { return Some(title.to_owned()) };
    let quoted = ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote));
    let name = quoted.unwrap_or(name);
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let is_name = |c: char| is_word(c) || "@+.%:/".contains(c);
    if kind.is_empty() || name.is_empty() || !kind.chars().all(is_word) || !name.chars().all(is_name) {
        return Some(title.to_owned());
    }
    ["profile", "sso-session", "services"].contains(&kind).then(|| format!("{kind}{SEPARATOR}{name}"))
}

/// A comment starts at `#` or `;`, at the start of the line or behind white space.
fn without_comment(line: &str) -> &str {
    let mut at_start = true;
    for (at, character) in line.char_indices() {
        if at_start && matches!(character, '#' | ';') {
            return &line[..at];
        }
        at_start = character.is_whitespace();
    }
    line
}

const SEPARATOR: char = '.';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_comments() {
        let profiles = Profiles::of_texts(
            "# all\n[default]\r\nregion = eu-west-3 ; here\r\n[profile a b]\nx = 1\n[profile \"q\"]\nk=a#b\n[plain]\nx=1\n\
             [sso-session corp]\nsso_region=r\n[other thing]\nx=2\n",
            "[default]\nregion=us-east-1\n[plain]\naws_access_key_id = AK = IA\n= odd\nodd\n",
        );
        assert_eq!(profiles.profile("default").unwrap()["region"], "us-east-1");
        assert_eq!(profiles.profile("q").unwrap()["k"], "a#b");
        let plain = profiles.profile("plain").unwrap();
        assert_eq!((plain.len(), plain["aws_access_key_id"].as_str()), (1, "AK = IA"));
        assert_eq!(profiles.sso_session("corp").unwrap()["sso_region"], "r");
        assert!(profiles.profile("a b").is_none() && profiles.profile("other thing").is_none());
    }

    #[test]
    fn nested_blocks() {
        let profiles =
            Profiles::of_texts("[services dev]\nbedrock_runtime =\n  endpoint_url = http://x\ntop = 1\n", "");
        let services = &profiles.0["services.dev"];
        assert_eq!(services["bedrock_runtime.endpoint_url"], "http://x");
        assert_eq!(services["top"], "1");
    }
}
