//! Keys from the agent beside a container: ECS tasks and EKS pods.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use super::{Chain, Credentials, CredentialsError, Outcome};
use crate::json::Value;
use crate::layers::date_of;
use crate::transport::{ClientKind, HeaderValue, Headers, HttpRequest, RequestOptions, RetryPolicy};

impl Chain<'_> {
    /// Asks the agent, if the environment names one.
    pub(super) async fn container(self) -> Option<Outcome> {
        let set = |name| self.context.env(name).filter(|value| !value.is_empty());
        let url = match (
            set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            set("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ) {
            (Some(path), _) => format!("{AGENT}{path}"),
            (None, Some(url)) => url.to_owned(),
            (None, None) => return None,
        };
        Some(self.ask(url).await)
    }

    async fn ask(self, url: String) -> Outcome {
        let url = url::Url::parse(&url).ok().filter(is_near).ok_or_else(|| {
            CredentialsError::fatal(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https or name the local machine",
            )
        })?;
        let mut headers = Headers::new();
        if let Some(token) = self.container_token().await? {
            headers.append("authorization", HeaderValue::secret(token));
        }
        headers.append("host", crate::transport::javascript::host(&url));
        headers.append("connection", "keep-alive");
        let request = HttpRequest {
            method: "GET",
            url: url.into(),
            headers,
            body: bytes::Bytes::new(),
            options: RequestOptions {
                retry: RetryPolicy::AwsStandard { attempts: self.attempts },
                client: ClientKind::Plain,
                head_timeout: Some(std::time::Duration::from_secs(5)),
                ..RequestOptions::default()
            },
        };
        let response = self.fetch(request).await.map_err(CredentialsError::of_failure)?;
        let answer = Value::parse_bytes(response.body).unwrap_or_default();
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        let invalid =
            || CredentialsError::fatal("HTTP credential provider response not of the required format");
        Ok(Credentials {
            access_key: text("AccessKeyId").ok_or_else(invalid)?,
            secret_key: text("SecretAccessKey").ok_or_else(invalid)?,
            session_token: Some(text("Token").ok_or_else(invalid)?),
            has_account: text("AccountId").is_some(),
            expires: text("Expiration").and_then(|end| date_of(&end)),
            sources: "z".into(),
        })
    }

    async fn container_token(self) -> Result<Option<String>, CredentialsError> {
        let set = |name| self.context.env(name).filter(|value| !value.is_empty());
        if let Some(file) = set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            let token = tokio::fs::read_to_string(file).await;
            return token.map(|token| Some(token.trim().to_owned())).map_err(|error| {
                CredentialsError::fatal(format!(
                    "cannot read the container authorization token {file}: {error}"
                ))
            });
        }
        Ok(set("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned))
    }
}

/// Keys are fetched without TLS from this machine only.
fn is_near(url: &url::Url) -> bool {
    let near = ["localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
    url.scheme() == "https" || url.host_str().is_some_and(|host| near.contains(&host))
}

const AGENT: &str = "http://169.254.170.2";
