//! Who hosts the API: its maker, or a cloud with ways of its own.

use std::sync::Arc;

use super::body::{self, BodyField};
use crate::Error;
use crate::auth::TokenSource;
use crate::settings::ProviderSettings;

/// What differs between the services that host the API.
pub(crate) struct Hosting {
    pub(crate) user_agent: &'static str,
    /// `anthropic-version`, where it is a header.
    pub(crate) version: Option<&'static str>,
    /// Whether the header that counts retries counts.
    pub(crate) counts_retries: bool,
    /// The URL of a call, from the endpoint's, the model and whether the answer streams.
    pub(crate) url: fn(&str, &str, bool) -> String,
    /// Where access tokens come from, if they are fetched.
    pub(crate) tokens: fn(&ProviderSettings) -> Option<Arc<dyn TokenSource>>,
    /// Completes a URL with the project of the credentials.
    pub(crate) place: fn(&mut String, Option<&str>) -> Result<(), Error>,
    /// What stands in front of every error of a completion; it costs status and code.
    pub(crate) completion_error: Option<&'static str>,
    /// The body of a streamed completion, which the reference does not have: its completion with the
    /// switch turned.
    pub(crate) completion_stream: &'static [BodyField],
    /// Which block of a message is a completion's answer.
    pub(crate) answer: Answer,
}

impl Hosting {
    /// The service of the API's maker, as @anthropic-ai/sdk 0.37.0 calls it.
    pub(crate) const DIRECT: Self = Self {
        user_agent: "Anthropic/JS 0.37.0",
        // <https://docs.anthropic.com/en/api/versioning>
        version: Some("2023-06-01"),
        counts_retries: true,
        url: |endpoint, _, _| endpoint.to_owned(),
        tokens: |_| None,
        place: |_, _| Ok(()),
        completion_error: None,
        completion_stream: &[
            ("model", body::model),
            ("max_tokens", body::default_max_tokens),
            ("temperature", body::temperature),
            ("messages", body::prompt),
            ("stream", body::stream),
        ],
        answer: Answer::FirstText,
    };
}

/// Which block of a whole message is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The first with text.
    FirstText,
    /// The first, if it is text.
    FirstBlock,
}
