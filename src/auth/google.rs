//! Google's access tokens, as google-auth-library gets them.
//!
//! <https://google.aip.dev/auth/4110>, <https://cloud.google.com/docs/authentication/application-default-credentials>
//!
//! Supported: service accounts, authorised users (`gcloud auth application-default login`), the metadata
//! server of Google's machines, and the file in which Google's own command-line tool keeps its login.
//! Not supported: external and impersonated accounts, and universes other than `googleapis.com`.

use std::sync::{Mutex, PoisonError};

use futures_core::future::BoxFuture;

use super::google_credentials::{self as credentials, Credentials, Identity, Source};
use super::google_exchange as exchange;
use super::{Access, TokenSource, google_metadata as metadata};
use crate::Error;
use crate::context::Context;

/// Which generation of the client library speaks: they differ in URLs, headers and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// 9.15.1.
    Nine,
    /// 10.5.0.
    Ten,
}

/// One set of credentials and the token that they last gave.
pub(crate) struct GoogleAuth {
    release: Release,
    source: Source,
    /// Held while a token is fetched, so that callers at the same time share one exchange.
    state: tokio::sync::Mutex<Option<State>>,
    known: Mutex<Option<Access>>,
}

struct State {
    credentials: Credentials,
    token: Option<Token>,
}

/// A token and when it ends.
pub(super) struct Token {
    /// Never shown.
    pub(super) value: String,
    /// In milliseconds since the Unix epoch; `None` for a token that does not say.
    pub(super) expires: Option<f64>,
}

impl GoogleAuth {
    pub(crate) fn new(release: Release, source: Source) -> Self {
        Self { release, source, state: tokio::sync::Mutex::new(None), known: Mutex::new(None) }
    }

    async fn fetch(&self, context: &Context) -> Result<Access, Error> {
        let mut state = self.state.lock().await;
        let state = match &mut *state {
            Some(state) => state,
            empty => {
                let (credentials, token) = credentials::load(&self.source, self.release, context).await?;
                empty.insert(State { credentials, token })
            }
        };
        let good_until = context.clock.now() + REFRESHED_BEFORE;
        let is_good = |token: &&Token| token.expires.is_none_or(|expires| expires > good_until);
        let value = match state.token.as_ref().filter(is_good) {
            Some(token) => token.value.clone(),
            None => match self.exchange(&state.credentials.identity, context).await? {
                Some(token) => state.token.insert(token).value.clone(),
                // An answer without a token gives this word, and is asked for again the next time.
                None => "undefined".to_owned(),
            },
        };
        let access = Access {
            token: value,
            quota_project: state.credentials.quota_project.clone(),
            project: state.credentials.project.clone(),
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(access.clone());
        Ok(access)
    }

    async fn exchange(&self, identity: &Identity, context: &Context) -> Result<Option<Token>, Error> {
        match identity {
            Identity::ServiceAccount(account) => {
                exchange::service_account(self.release, account, context).await
            }
            Identity::User(user) => exchange::user(self.release, user, context).await,
            Identity::Machine => metadata::token(self.release, context).await,
        }
    }
}

impl TokenSource for GoogleAuth {
    fn access<'a>(&'a self, context: &'a Context) -> BoxFuture<'a, Result<Access, Error>> {
        Box::pin(self.fetch(context))
    }

    fn known(&self) -> Option<Access> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Tokens are replaced this long before they end, in milliseconds.
const REFRESHED_BEFORE: f64 = 300_000.0;
