//! The header block of the AWS SDK for JavaScript 3.922.0, and the small services that it asks for keys.

use std::sync::Arc;

use bytes::Bytes;

use super::aws_endpoint::Place;
use crate::context::Context;
use crate::transport::{ClientKind, Headers, HttpRequest, HttpVersion, RequestOptions, RetryPolicy, Sign};

/// How often the SDK sends a request at most, unless told otherwise.
pub(crate) const DEFAULT_ATTEMPTS: u8 = 3;

/// One request of the SDK.
pub(crate) struct AwsCall<'a> {
    /// The service's name in the user agent.
    pub(crate) api: &'a str,
    pub(crate) method: &'static str,
    pub(crate) place: &'a Place,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) content_type: Option<&'static str>,
    /// Headers that the operation has of its own.
    pub(crate) own_headers: Headers,
    pub(crate) body: Bytes,
    /// The letters of the features in use, in the order in which the SDK notes them.
    pub(crate) features: &'a str,
    pub(crate) attempts: u8,
    pub(crate) version: HttpVersion,
    pub(crate) signer: Option<Arc<dyn Sign>>,
}

impl AwsCall<'_> {
    /// The request, complete but for what depends on the attempt.
    pub(crate) fn build(self, context: &Context) -> HttpRequest {
        let mut headers = Headers::new();
        if self.version == HttpVersion::Http2 {
            headers.append(":authority", self.place.authority.clone());
            headers.append(":path", format!("{}{}", self.place.base_path, self.target));
            headers.append(":method", self.method);
            headers.append(":scheme", self.place.scheme.clone());
        }
        for (name, value) in self.own_headers.iter() {
            headers.append(name, value.clone());
        }
        if let Some(content_type) = self.content_type {
            headers.append("content-type", content_type);
            headers.append("content-length", self.body.len().to_string());
        }
        headers.append("x-amz-user-agent", SDK);
        headers.append("user-agent", user_agent(context, self.api, self.features));
        if let Some(trace) = trace_id(context) {
            headers.append("x-amzn-trace-id", trace.to_owned());
        }
        if self.version == HttpVersion::Http11 {
            headers.append("host", self.place.authority.clone());
        }
        headers.append("amz-sdk-invocation-id", context.ids.uuid_v4());
        headers.append("amz-sdk-request", format!("attempt=1; max={}", self.attempts));
        if self.version == HttpVersion::Http11 {
            headers.append("Connection", "keep-alive");
        }
        HttpRequest {
            method: self.method,
            url: self.place.url(self.target),
            headers,
            body: self.body,
            options: RequestOptions {
                version: self.version,
                retry: RetryPolicy::AwsStandard { attempts: self.attempts },
                client: ClientKind::Plain,
                signer: self.signer,
                ..RequestOptions::default()
            },
        }
    }
}

fn user_agent(context: &Context, api: &str, features: &str) -> String {
    let identity = &context.identity;
    let os = match identity.os.as_str() {
        "MacOS" => "darwin".to_owned(),
        "Windows" => "win32".to_owned(),
        other => other.to_lowercase(),
    };
    let runtime = if identity.runtime == "node" { "nodejs" } else { &identity.runtime };
    let runtime_version = identity.runtime_version.trim_start_matches('v');
    let mut agent = format!(
        "{} ua/2.1 os/{os}#{} lang/js md/{runtime}#{runtime_version} api/{api}#{VERSION}",
        SDK, identity.os_release,
    );
    if let Some(environment) = context.env("AWS_EXECUTION_ENV").filter(|name| !name.is_empty()) {
        agent.push_str(" exec-env/");
        agent.push_str(environment);
    }
    let letters: Vec<String> = features.chars().map(String::from).collect();
    agent.push_str(" m/");
    agent.push_str(&letters.join(","));
    agent.push_str(" app/");
    agent.push_str(&identity.user_agent.replacen('/', "#", 1));
    agent
}

/// What lets AWS Lambda see that a function calls itself.
fn trace_id(context: &Context) -> Option<&str> {
    context.env("AWS_LAMBDA_FUNCTION_NAME").filter(|name| !name.is_empty())?;
    context.env("_X_AMZN_TRACE_ID").filter(|trace| !trace.is_empty())
}

const VERSION: &str = "3.922.0";
const SDK: &str = "aws-sdk-js/3.922.0";
