//! How requests prove who sends them: access tokens, signatures, and where the keys come from.

pub(crate) mod aws_client;
pub(crate) mod aws_config;
pub(crate) mod aws_credentials;
pub(crate) mod aws_endpoint;
mod google;
mod google_credentials;
mod google_exchange;
mod google_jwt;
mod google_metadata;
pub(crate) mod sigv4;

use futures_core::future::BoxFuture;

pub(crate) use google::{GoogleAuth, Release};
pub(crate) use google_credentials::Source;

use crate::Error;
use crate::context::Context;
use crate::transport::{HeaderValue, javascript};

/// Gives access tokens, fetched when they are needed and kept until they expire.
pub(crate) trait TokenSource: Send + Sync {
    /// A token that is good for the next minutes.
    fn access<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Access, Error>>;

    /// The last token, without I/O.
    fn known(&self) -> Option<Access>;
}

/// A token and what travels with it.
#[derive(Clone)]
pub(crate) struct Access {
    /// The bearer token. Never shown.
    pub(super) token: String,
    /// Who pays, if the credentials name somebody else.
    pub(super) quota_project: Option<String>,
    /// The project that the credentials belong to.
    pub(super) project: Option<String>,
}

impl Access {
    /// The header lines, in order.
    pub(crate) fn headers(&self) -> Result<Vec<(&'static str, HeaderValue)>, Error> {
        let bearer = javascript::fetch_value(&format!("Bearer {}", self.token))?;
        let mut lines = vec![("authorization", HeaderValue::secret(bearer))];
        if let Some(project) = &self.quota_project {
            lines.push(("x-goog-user-project", HeaderValue::new(javascript::fetch_value(project)?)));
        }
        Ok(lines)
    }

    /// The project of the credentials, else the one that pays.
    pub(crate) fn project(&self) -> Option<&str> {
        self.project.as_deref().or(self.quota_project.as_deref()).filter(|project| !project.is_empty())
    }
}
