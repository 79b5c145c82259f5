//! Where AWS keys come from: environment, profiles, helper programs, roles, single sign-on, containers.
//!
//! The order and the words of the AWS SDK for JavaScript 3.922.0:
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>. Not supported: the
//! metadata service of EC2 instances, SAML, codes of multi-factor devices.

use std::fmt;

use futures_core::future::BoxFuture;

use super::aws_config::{Profiles, Section};
use super::aws_endpoint::Region;
use crate::context::Context;
use crate::driver::{self, Failure};

mod container;
mod process;
mod sso;
mod sts;

/// Keys that sign requests.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: Option<String>,
    /// Whether the account behind the keys is known.
    pub(crate) has_account: bool,
    /// When they end, in milliseconds since the Unix epoch.
    pub(crate) expires: Option<f64>,
    /// How they were found: the SDK's letters for the user agent.
    pub(crate) sources: String,
}

impl Credentials {
    /// The feature letters of a client that uses these keys.
    pub(crate) fn features(&self) -> String {
        format!("{}{}", if self.has_account { "T" } else { "" }, self.sources)
    }

    /// Whether they should be fetched anew before the next use.
    pub(crate) fn end_soon(&self, now: f64) -> bool {
        self.expires.is_some_and(|end| end - now < RENEWAL_MS)
    }

    fn from(mut self, source: char) -> Self {
        self.sources.push(source);
        self
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CredentialsError {
    /// The class of the error.
    pub(crate) name: String,
    pub(crate) message: String,
    /// The status of the service that refused.
    pub(crate) status: Option<u16>,
    /// Whether the next source may be tried.
    is_final: bool,
}

impl CredentialsError {
    fn new(message: impl Into<String>) -> Self {
        Self { name: PROVIDER_ERROR.into(), message: message.into(), status: None, is_final: false }
    }

    fn fatal(message: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::new(message) }
    }

    fn of_service(name: impl Into<String>, message: impl Into<String>, status: u16) -> Self {
        Self { name: name.into(), message: message.into(), status: Some(status), is_final: true }
    }

    fn of_failure(failure: Failure) -> Self {
        match failure {
            Failure::Transport(cause)
            | Failure::StatusWithoutBody { cause, .. }
            | Failure::Body { cause, .. } => Self { name: "Error".into(), ..Self::fatal(cause.detail) },
            Failure::Status(response) => Self::of_service("Error", "UnknownError", response.status),
        }
    }
}

type Outcome = Result<Credentials, CredentialsError>;

/// The sources, in one world.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    pub(crate) context: &'a Context,
    pub(crate) profiles: &'a Profiles,
    /// The region of the client that needs the keys.
    pub(crate) region: &'a Region,
    pub(crate) attempts: u8,
    /// The profile that is asked for.
    pub(crate) wanted: &'a str,
}

impl Chain<'_> {
    /// The first source that has keys.
    pub(crate) async fn default(self) -> Outcome {
        if self.context.env("AWS_PROFILE").is_none_or(str::is_empty)
            && let Some(found) = environment(self.context)
        {
            return Ok(found);
        }
        match self.profile().await {
            Err(error) if !error.is_final => {}
            outcome => return outcome,
        }
        if let Some(outcome) = self.web_identity_of_environment().await {
            return outcome;
        }
        if let Some(outcome) = self.container().await {
            return outcome;
        }
        Err(CredentialsError::fatal("Could not load credentials from any providers"))
    }

    /// The keys of the profile alone.
    pub(crate) async fn profile(self) -> Outcome {
        self.profile_data(self.wanted.to_owned(), Vec::new(), false).await
    }

    /// `visited` are the profiles that led here; `via_source` if the last one only named this one as source.
    fn profile_data<'s>(self, name: String, visited: Vec<String>, via_source: bool) -> BoxFuture<'s, Outcome>
    where
        Self: 's,
    {
        Box::pin(async move {
            let none = || {
                CredentialsError::new(format!(
                    "Could not resolve credentials using profile: [{name}] in configuration/credentials file(s)."
                ))
            };
            let section = self.profiles.profile(&name).ok_or_else(none)?;
            let keys = static_keys(section);
            match keys {
                Some(keys) if !visited.is_empty() => return Ok(keys),
                _ if via_source || names_source(section) && section.contains_key("role_arn") => {
                    return self.assume_role(&name, section, visited).await;
                }
                Some(keys) => return Ok(keys),
                None => {}
            }
            if let (Some(token_file), Some(role)) =
                (section.get("web_identity_token_file"), section.get("role_arn"))
            {
                let session = section.get("role_session_name");
                return Ok(self.web_identity(token_file, role, session.map(String::as_str)).await?.from('q'));
            }
            if let Some(command) = section.get("credential_process") {
                return process::run(self.context, &name, command, section.contains_key("aws_account_id"))
                    .await;
            }
            if section.keys().any(|key| sso::KEYS.contains(&key.as_str())) {
                return self.single_sign_on(&name, section).await;
            }
            Err(none())
        })
    }

    async fn assume_role(self, name: &str, section: &Section, mut visited: Vec<String>) -> Outcome {
        let source = match (section.get("source_profile"), section.get("credential_source")) {
            (Some(source), _) if visited.contains(source) => {
                return Err(CredentialsError::new(format!(
                    "Detected a cycle attempting to resolve credentials for profile {}. Profiles visited: {}",
                    self.wanted,
                    visited.join(", ")
                )));
            }
            (Some(source), _) => {
                visited.push(source.clone());
                let only_source = self.profiles.profile(source).is_some_and(|section| {
                    !section.contains_key("role_arn") && section.contains_key("credential_source")
                });
                self.profile_data(source.clone(), visited, only_source).await?
            }
            (None, kind) => self.credential_source(name, kind.map_or("", String::as_str)).await?,
        };
        let Some(role) = section.get("role_arn") else { return Ok(source.from('o')) };
        if section.contains_key("mfa_serial") {
            return Err(CredentialsError::fatal(format!(
                "Profile {name} requires multi-factor authentication, but no MFA code callback was provided."
            )));
        }
        Ok(self.role(&source, role, section).await?.from('o'))
    }

    async fn credential_source(self, name: &str, source: &str) -> Outcome {
        let found = match source {
            "Environment" => environment(self.context)
                .ok_or_else(|| CredentialsError::new("Unable to find environment variable credentials.")),
            "EcsContainer" => self.container().await.unwrap_or_else(|| {
                Err(CredentialsError::new("The container credential provider cannot be used unless the AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI environment variable is set"))
            }),
            other => Err(CredentialsError::new(format!(
                "Unsupported credential source in profile {name}. Got {other}, expected EcsContainer or Ec2InstanceMetadata or Environment."
            ))),
        };
        Ok(found?.from('p'))
    }

    async fn fetch(self, request: crate::transport::HttpRequest) -> Result<driver::WholeResponse, Failure> {
        driver::fetch(self.context, request).await
    }
}

/// Keys in environment variables.
pub(crate) fn environment(context: &Context) -> Option<Credentials> {
    let set = |name| context.env(name).filter(|value| !value.is_empty()).map(str::to_owned);
    Some(Credentials {
        access_key: set("AWS_ACCESS_KEY_ID")?,
        secret_key: set("AWS_SECRET_ACCESS_KEY")?,
        session_token: set("AWS_SESSION_TOKEN"),
        has_account: set("AWS_ACCOUNT_ID").is_some(),
        expires: set("AWS_CREDENTIAL_EXPIRATION").and_then(|end| crate::layers::date_of(&end)),
        sources: "g".into(),
    })
}

fn static_keys(section: &Section) -> Option<Credentials> {
    Some(Credentials {
        access_key: section.get("aws_access_key_id")?.clone(),
        secret_key: section.get("aws_secret_access_key")?.clone(),
        session_token: section.get("aws_session_token").cloned(),
        has_account: section.contains_key("aws_account_id"),
        expires: None,
        sources: "n".into(),
    })
}

/// Whether a role is to be assumed with keys from elsewhere: from exactly one place.
fn names_source(section: &Section) -> bool {
    section.contains_key("source_profile") != section.contains_key("credential_source")
}

const PROVIDER_ERROR: &str = "CredentialsProviderError";

/// Keys that end sooner are fetched anew.
const RENEWAL_MS: f64 = 300_000.0;

#[cfg(test)]
mod tests;
