//! Keys from single sign-on (IAM Identity Center), with the token that `aws sso login` left.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>. Not supported: renewing
//! a token; that is `aws sso login`'s work.

use sha1::{Digest, Sha1};

use super::{Chain, Credentials, CredentialsError, Outcome, Section};
use crate::auth::aws_client::AwsCall;
use crate::auth::aws_config::home;
use crate::auth::sigv4::{hex, uri_encode};
use crate::driver::{Failure, WholeResponse};
use crate::json::Value;
use crate::layers::date_of;
use crate::transport::{HeaderValue, Headers, HttpVersion};

/// A profile with any of these is one for single sign-on.
pub(super) const KEYS: &[&str] =
    &["sso_account_id", "sso_region", "sso_role_name", "sso_session", "sso_start_url"];

impl Chain<'_> {
    pub(super) async fn single_sign_on(self, name: &str, section: &Section) -> Outcome {
        let session_name = section.get("sso_session");
        let mut section = section.clone();
        if let Some(session_name) = session_name {
            let nothing = Section::new();
            let session = self.profiles.sso_session(session_name).unwrap_or(&nothing);
            for (key, what) in [("sso_region", "region"), ("sso_start_url", "start_url")] {
                let (own, shared) = (section.get(key), session.get(key));
                if own.is_some() && own != shared {
                    return Err(CredentialsError::fatal(format!(
                        "Conflicting SSO {what} configurations in profile {name} and sso-session {session_name}"
                    )));
                }
                if let Some(shared) = shared {
                    section.insert(key.into(), shared.clone());
                }
            }
        }
        let get = |key: &str| section.get(key).map(String::as_str);
        let (Some(account), Some(region), Some(role), Some(start_url)) =
            (get("sso_account_id"), get("sso_region"), get("sso_role_name"), get("sso_start_url"))
        else {
            let found: Vec<&str> = section.keys().map(String::as_str).collect();
            return Err(CredentialsError::fatal(format!(
                "Profile is configured with invalid SSO credentials. Required parameters \"sso_account_id\", \"sso_region\", \"sso_role_name\", \"sso_start_url\". Got {}\nReference: https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html",
                found.join(", ")
            )));
        };
        let token = self.cached_token(session_name.map_or(start_url, String::as_str)).await;
        let token = token.ok_or_else(|| match session_name {
            Some(_) => CredentialsError::fatal(format!("The SSO session token associated with profile={name} was not found or is invalid. To refresh this SSO session run 'aws sso login' with the corresponding profile.")),
            None => CredentialsError::fatal(format!("The SSO session associated with this profile is invalid. {REFRESH}")),
        })?;
        if token.expires.is_none_or(|end| end <= self.context.clock.now()) {
            let message = format!("The SSO session associated with this profile has expired. {REFRESH}");
            return Err(CredentialsError::fatal(message));
        }
        let keys = self.role_credentials(&token.text, region, account, role).await?;
        Ok(if session_name.is_some() { keys.from('s').from('r') } else { keys.from('u').from('t') })
    }

    async fn cached_token(self, key: &str) -> Option<Token> {
        let file = format!("{}.json", hex(&Sha1::digest(key)));
        let path = home(self.context)?.join(".aws").join("sso").join("cache").join(file);
        let cached = Value::parse_bytes(tokio::fs::read(path).await.ok()?.into()).ok()?;
        let text = |key: &str| cached.get(key).and_then(Value::as_str);
        Some(Token { text: text("accessToken")?.to_owned(), expires: text("expiresAt").and_then(date_of) })
    }

    async fn role_credentials(self, token: &str, region: &str, account: &str, role: &str) -> Outcome {
        let region = self.region.elsewhere(region).map_err(CredentialsError::fatal)?;
        let target = format!(
            "/federation/credentials?account_id={}&role_name={}",
            uri_encode(account),
            uri_encode(role)
        );
        let call = AwsCall {
            api: "sso",
            method: "GET",
            place: &region.place("portal.sso"),
            target: &target,
            content_type: None,
            own_headers: Headers::from_iter([(
                "x-amz-sso_bearer_token",
                HeaderValue::secret(token.to_owned()),
            )]),
            body: bytes::Bytes::new(),
            features: "E",
            attempts: self.attempts,
            version: HttpVersion::Http11,
            signer: None,
        };
        match self.fetch(call.build(self.context)).await {
            Ok(response) => keys(&response),
            Err(Failure::Status(response)) => Err(refusal(&response)),
            Err(failure) => Err(CredentialsError::of_failure(failure)),
        }
    }
}

struct Token {
    text: String,
    expires: Option<f64>,
}

fn keys(response: &WholeResponse) -> Outcome {
    let answer = Value::parse_bytes(response.body.clone()).unwrap_or_default();
    let keys = answer.get("roleCredentials").cloned().unwrap_or_default();
    let text =
        |key: &str| keys.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let invalid = || CredentialsError::fatal("SSO returns an invalid temporary credential.");
    Ok(Credentials {
        access_key: text("accessKeyId").ok_or_else(invalid)?,
        secret_key: text("secretAccessKey").ok_or_else(invalid)?,
        session_token: Some(text("sessionToken").ok_or_else(invalid)?),
        has_account: text("accountId").is_some(),
        expires: Some(keys.get("expiration").and_then(Value::as_f64).ok_or_else(invalid)?),
        sources: String::new(),
    })
}

/// The SDK wraps what the service says in its own error.
fn refusal(response: &WholeResponse) -> CredentialsError {
    let answer = Value::parse_bytes(response.body.clone()).unwrap_or_default();
    let header = response.headers.joined("x-amzn-errortype");
    let name = header.as_deref().and_then(|name| name.split([',', ':']).next()).unwrap_or("Error");
    let message = answer.get("message").and_then(Value::as_str).unwrap_or("UnknownError");
    CredentialsError::fatal(format!("{name}: {message}"))
}

const REFRESH: &str = "To refresh this SSO session run aws sso login with the corresponding profile.";
