//! What a provider's requests have in common: where they go, and how they are authorised.

use super::errors::Thrown;
use super::wire::ConverseSpec;
use crate::ErrorKind;
use crate::auth::aws_client::DEFAULT_ATTEMPTS;
use crate::auth::aws_config::{Profiles, active_profile};
use crate::auth::aws_credentials::{Chain, Credentials, CredentialsError, environment};
use crate::auth::aws_endpoint::{Place, Region};
use crate::context::Context;
use crate::settings::ProviderSettings;

/// Resolved once, and again when the keys end.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) place: Place,
    pub(super) region: String,
    pub(super) attempts: u8,
    /// The feature letters of the user agent.
    pub(super) features: String,
    pub(super) authorization: Authorization,
}

/// How requests are authorised.
pub(super) enum Authorization {
    /// A key that is sent as it is.
    Bearer(String),
    /// Keys that sign.
    Keys(Credentials),
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer",
            Self::Keys(_) => "Keys",
        })
    }
}

impl Session {
    /// What is known without reading files or asking services.
    pub(super) fn known(
        spec: &ConverseSpec,
        settings: &ProviderSettings,
        context: &Context,
    ) -> Result<Self, Thrown> {
        let frame = Frame::of(spec, settings, context, &Profiles::default())?;
        match known_authorization(spec, settings, context) {
            Some((authorization, letters)) => Ok(frame.with(authorization, &letters)),
            None => Err(Thrown::new(
                ErrorKind::Configuration,
                "CredentialsProviderError",
                "the AWS credentials are not resolved yet: call `initialize` first",
            )),
        }
    }

    /// Reads the profiles and asks the services that give keys.
    pub(super) async fn resolve(
        spec: &ConverseSpec,
        settings: &ProviderSettings,
        context: &Context,
    ) -> Result<Self, Thrown> {
        let profiles = Profiles::load(context).await;
        let frame = Frame::of(spec, settings, context, &profiles)?;
        if let Some((authorization, letters)) = known_authorization(spec, settings, context) {
            return Ok(frame.with(authorization, &letters));
        }
        let own = own_profile(settings);
        let chain = Chain {
            context,
            profiles: &profiles,
            region: &frame.region,
            attempts: frame.attempts,
            wanted: own.unwrap_or(active_profile(context)),
        };
        let (keys, letter) =
            if own.is_some() { (chain.profile().await, CODE) } else { (chain.default().await, "") };
        let keys = keys.map_err(thrown)?;
        let letters = format!("{}{letter}", keys.features());
        Ok(frame.with(Authorization::Keys(keys), &letters))
    }

    /// Whether it must be resolved anew.
    pub(super) fn ends_soon(&self, now: f64) -> bool {
        matches!(&self.authorization, Authorization::Keys(keys) if keys.end_soon(now))
    }
}

/// A session without its authorisation.
struct Frame {
    region: Region,
    place: Place,
    attempts: u8,
    is_own_place: bool,
}

impl Frame {
    fn of(
        spec: &ConverseSpec,
        settings: &ProviderSettings,
        context: &Context,
        profiles: &Profiles,
    ) -> Result<Self, Thrown> {
        let bad = |message| Thrown::new(ErrorKind::Configuration, "Error", message);
        let region = Region::resolve(settings.text("awsRegion"), context, profiles).map_err(bad)?;
        let own = (spec.own_endpoint)(settings);
        let set = |name: &str| context.env(name).filter(|url| !url.is_empty());
        let url = own
            .or_else(|| set(spec.endpoint_variable))
            .or_else(|| set("AWS_ENDPOINT_URL"))
            .or_else(|| profiles.service_endpoint(context, spec.endpoint_key));
        let place = match url {
            Some(url) => region.own_place(url).map_err(bad)?,
            None => region.place(spec.endpoint_prefix),
        };
        let attempts = context
            .env("AWS_MAX_ATTEMPTS")
            .and_then(attempts)
            .or_else(|| profiles.active(context, "max_attempts").and_then(attempts))
            .unwrap_or(DEFAULT_ATTEMPTS);
        Ok(Self { region, place, attempts, is_own_place: own.is_some() })
    }

    fn with(self, authorization: Authorization, letters: &str) -> Session {
        let own_place = if self.is_own_place { OWN_ENDPOINT } else { "" };
        Session {
            place: self.place,
            region: self.region.name,
            attempts: self.attempts,
            features: format!("{own_place}{STANDARD_RETRIES}{letters}"),
            authorization,
        }
    }
}

/// The authorisation that settings and environment hold, with its feature letters.
fn known_authorization(
    spec: &ConverseSpec,
    settings: &ProviderSettings,
    context: &Context,
) -> Option<(Authorization, String)> {
    if settings.is_truthy("awsUseApiKey")
        && let Some(key) = settings.non_empty("awsApiKey")
    {
        return Some((Authorization::Bearer(key.to_owned()), String::new()));
    }
    if let Some(token) = context.env(spec.bearer_variable).filter(|token| !token.is_empty()) {
        return Some((Authorization::Bearer(token.to_owned()), BEARER_OF_ENVIRONMENT.to_owned()));
    }
    if own_profile(settings).is_some() {
        return None;
    }
    let keys = match (settings.non_empty("awsAccessKey"), settings.non_empty("awsSecretKey")) {
        (Some(access_key), Some(secret_key)) => Credentials {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            session_token: settings.non_empty("awsSessionToken").map(str::to_owned),
            sources: CODE.to_owned(),
            ..Credentials::default()
        },
        _ if context.env("AWS_PROFILE").is_none_or(str::is_empty) => environment(context)?,
        _ => return None,
    };
    let letters = keys.features();
    Some((Authorization::Keys(keys), letters))
}

fn own_profile(settings: &ProviderSettings) -> Option<&str> {
    settings.non_empty("awsProfile").filter(|_| settings.is_truthy("awsUseProfile"))
}

fn thrown(error: CredentialsError) -> Thrown {
    let kind = error.status.map_or(ErrorKind::Authentication, ErrorKind::of_status);
    let mut thrown = Thrown::new(kind, error.name, error.message);
    thrown.status = error.status;
    thrown
}

/// JavaScript's `parseInt`, at least one.
fn attempts(text: &str) -> Option<u8> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (digits > 0).then(|| text[..digits].parse().unwrap_or(u8::MAX).max(1))
}

// The SDK's letters for what a client uses.
const STANDARD_RETRIES: &str = "E";
const OWN_ENDPOINT: &str = "N";
const CODE: &str = "e";
const BEARER_OF_ENVIRONMENT: &str = "3";
