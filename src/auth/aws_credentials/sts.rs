//! Keys of roles, from the Security Token Service.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use std::sync::Arc;

use super::{Chain, Credentials, CredentialsError, Outcome, Section};
use crate::auth::aws_client::AwsCall;
use crate::auth::sigv4::{Signer, uri_encode};
use crate::driver::{Failure, WholeResponse};
use crate::layers::date_of;
use crate::transport::{Headers, HttpVersion, Sign};

impl Chain<'_> {
    /// Assumes the role that a profile names, with other keys.
    pub(super) async fn role(self, source: &Credentials, role: &str, section: &Section) -> Outcome {
        let session = self.session_name(section.get("role_session_name").map(String::as_str));
        let duration = section.get("duration_seconds").and_then(|text| leading_number(text)).unwrap_or(3600);
        let duration = duration.to_string();
        let mut fields =
            vec![("RoleArn", role), ("RoleSessionName", &session), ("DurationSeconds", &duration)];
        fields.extend(section.get("external_id").map(|id| ("ExternalId", id.as_str())));
        fields.push(("Action", "AssumeRole"));
        Ok(self.call(Some(source), &fields, section.get("region")).await?.from('i'))
    }

    /// Assumes a role with the token in a file, as pods of Kubernetes do.
    pub(super) async fn web_identity(self, token_file: &str, role: &str, session: Option<&str>) -> Outcome {
        let token = tokio::fs::read_to_string(token_file).await.map_err(|error| {
            CredentialsError::fatal(format!("cannot read the web identity token {token_file}: {error}"))
        })?;
        let session = self.session_name(session);
        let fields = [
            ("RoleArn", role),
            ("RoleSessionName", &session),
            ("WebIdentityToken", &token),
            ("Action", "AssumeRoleWithWebIdentity"),
        ];
        Ok(self.call(None, &fields, None).await?.from('k'))
    }

    /// The same if the environment asks for it.
    pub(super) async fn web_identity_of_environment(self) -> Option<Outcome> {
        let set = |name| self.context.env(name).filter(|value| !value.is_empty());
        let (file, role) = (set("AWS_WEB_IDENTITY_TOKEN_FILE")?, set("AWS_ROLE_ARN")?);
        let outcome = self.web_identity(file, role, set("AWS_ROLE_SESSION_NAME")).await;
        Some(outcome.map(|credentials| credentials.from('h')))
    }

    fn session_name(self, own: Option<&str>) -> String {
        own.map_or_else(|| format!("aws-sdk-js-{:.0}", self.context.clock.now()), str::to_owned)
    }

    async fn call(
        self,
        source: Option<&Credentials>,
        fields: &[(&str, &str)],
        region: Option<&String>,
    ) -> Outcome {
        let refuse =
            |message: String| CredentialsError { name: "Error".into(), ..CredentialsError::fatal(message) };
        let region = match region {
            Some(name) => self.region.elsewhere(name).map_err(refuse)?,
            None => self.region.clone(),
        };
        let mut body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", uri_encode(value))).collect();
        body.push("Version=2011-06-15".into());
        let signer = source.map(|credentials| -> Arc<dyn Sign> {
            Arc::new(Signer {
                service: "sts",
                region: region.name.clone(),
                credentials: credentials.clone(),
                skew: Arc::default(),
            })
        });
        let call = AwsCall {
            api: "sts",
            method: "POST",
            place: &region.place("sts"),
            target: "/",
            content_type: Some("application/x-www-form-urlencoded"),
            own_headers: Headers::new(),
            body: body.join("&").into(),
            features: &format!("E{}", source.map(Credentials::features).unwrap_or_default()),
            attempts: self.attempts,
            version: HttpVersion::Http11,
            signer,
        };
        match self.fetch(call.build(self.context)).await {
            Ok(response) => keys(&response),
            Err(Failure::Status(response)) => Err(refusal(&response)),
            Err(failure) => Err(CredentialsError::of_failure(failure)),
        }
    }
}

fn keys(response: &WholeResponse) -> Outcome {
    let text = response.text();
    let invalid = || CredentialsError::fatal("Invalid response from STS.assumeRole call");
    Ok(Credentials {
        access_key: element(&text, "AccessKeyId").ok_or_else(invalid)?,
        secret_key: element(&text, "SecretAccessKey").ok_or_else(invalid)?,
        session_token: element(&text, "SessionToken"),
        has_account: element(&text, "Arn")
            .and_then(|arn| arn.split(':').nth(4).map(|account| !account.is_empty()))
            .unwrap_or_default(),
        expires: element(&text, "Expiration").and_then(|end| date_of(&end)),
        sources: String::new(),
    })
}

fn refusal(response: &WholeResponse) -> CredentialsError {
    let text = response.text();
    let code = element(&text, "Code").unwrap_or_else(|| response.status.to_string());
    let message = element(&text, "Message").unwrap_or_else(|| "UnknownError".into());
    CredentialsError::of_service(code, message, response.status)
}

/// The text of the first XML element of that name. These answers nest no element in one of its own name.
fn element(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = start + xml[start..].find("</")?;
    let text = xml[start..end].trim();
    let replaced =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#xA;", "\n"), ("&#xD;", "\r")]
            .iter()
            .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain));
    Some(replaced.replace("&amp;", "&"))
}

/// JavaScript's `parseInt` for the numbers that occur.
fn leading_number(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}
