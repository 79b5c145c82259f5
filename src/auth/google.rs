//! Google's access tokens, as google-auth-library gets them.
//!
//! <https://google.aip.dev/auth/4110>, <https://cloud.google.com/docs/authentication/application-default-credentials>
//!
//! Supported: service accounts, authorised users (`gcloud auth application-default login`), the metadata
//! server of Google's machines, and the file in which Google's own command-line tool keeps its login.
//! Not supported: external and impersonated accounts, and universes other than `googleapis.com`.

use std::sync::Mutex;

use futures_core::future::BoxFuture;

use super::google_credentials::{self as credentials, Credentials, Identity, Source};
use super::google_exchange as exchange;
use super::{Access, TokenSource, google_metadata as metadata};
use crate::Error;
use crate::context::Context;
use crate::lock::Locked;

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
                Some(token) if !token.value.is_empty() => state.token.insert(token).value.clone(),
                // An answer without a token gives nothing or this word, and is asked for again.
                Some(_) => String::new(),
                None => "undefined".to_owned(),
            },
        };
        let access = Access {
            token: value,
            quota_project: state.credentials.quota_project.clone(),
            project: state.credentials.project.clone(),
        };
        *self.known.locked() = Some(access.clone());
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
        self.known.locked().clone()
    }
}

/// Tokens are replaced this long before they end, in milliseconds.
const REFRESHED_BEFORE: f64 = 300_000.0;

#[cfg(all(test, feature = "http"))]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::clock::TestClock;
    use crate::context::{ClientIdentity, Ids};
    use crate::json::Value;
    use crate::transport::{Exchange, ReplayTransport};

    struct NoIds;

    impl Ids for NoIds {
        fn uuid_v4(&self) -> String {
            String::new()
        }

        fn uuid_v7(&self, _: f64) -> String {
            String::new()
        }
    }

    struct World {
        replay: Arc<ReplayTransport>,
        context: Context,
    }

    impl World {
        fn new(exchanges: impl IntoIterator<Item = Exchange>) -> Self {
            let replay = Arc::new(ReplayTransport::new(exchanges));
            let context = Context {
                transport: replay.clone(),
                clock: Arc::new(TestClock::default()),
                ids: Arc::new(NoIds),
                environment: Arc::new(BTreeMap::new()),
                home: None,
                cache_dir: None,
                model_lists: Arc::default(),
                identity: Arc::new(ClientIdentity::default()),
            };
            Self { replay, context }
        }

        fn with_environment(mut self, name: &str, value: &str) -> Self {
            self.context.environment = Arc::new([(name.to_owned(), value.to_owned())].into());
            self
        }

        fn bodies(&self) -> Vec<String> {
            let requests = self.replay.requests();
            requests.iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect()
        }
    }

    fn answer(token: &str, seconds: u32) -> Exchange {
        Exchange::new(200)
            .header("content-type", "application/json")
            .body(format!(r#"{{"access_token":"{token}","expires_in":{seconds}}}"#))
    }

    fn user() -> GoogleAuth {
        let json = r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","quota_project_id":"q"}"#;
        GoogleAuth::new(Release::Ten, Source::Json(Value::parse(json).unwrap()))
    }

    #[tokio::test]
    async fn callers_at_the_same_time_share_one_exchange() {
        let world = World::new([answer("t", 3599)]);
        let auth = user();
        let (a, b) = tokio::join!(auth.access(&world.context), auth.access(&world.context));
        assert_eq!((a.unwrap().token, b.unwrap().token), ("t".to_owned(), "t".to_owned()));
        assert_eq!(world.bodies(), ["refresh_token=r&client_id=i&client_secret=s&grant_type=refresh_token"]);
        let known = auth.known().unwrap();
        let lines = known.headers().unwrap();
        assert_eq!(lines[0].1.as_bytes(), b"Bearer t");
        assert!(lines[0].1.is_secret());
        assert_eq!((lines[1].0, lines[1].1.as_bytes()), ("x-goog-user-project", &b"q"[..]));
    }

    #[tokio::test]
    async fn a_token_is_replaced_five_minutes_before_its_end() {
        let world = World::new([answer("old", 300), answer("new", 301)]);
        let auth = user();
        for token in ["old", "new", "new"] {
            assert_eq!(auth.access(&world.context).await.unwrap().token, token);
        }
    }

    #[tokio::test]
    async fn a_failed_exchange_is_tried_again_by_the_next_call() {
        let refused = Exchange::new(400)
            .header("content-type", "application/json")
            .body(r#"{"error":"invalid_grant","error_description":"gone"}"#);
        let world = World::new([refused, answer("t", 3599)]);
        let auth = user();
        let error = auth.access(&world.context).await.err().unwrap();
        assert_eq!((error.message(), error.status()), ("invalid_grant", Some(400)));
        assert_eq!(auth.access(&world.context).await.unwrap().token, "t");
    }

    #[tokio::test]
    async fn the_machine_has_an_account_of_its_own() {
        let token = answer("t", 3599).on(
            "GET",
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform",
        );
        let world = World::new([token.header("Metadata-Flavor", "Google")])
            .with_environment("METADATA_SERVER_DETECTION", "assume-present");
        let auth = GoogleAuth::new(Release::Nine, Source::Default);
        assert_eq!(auth.access(&world.context).await.unwrap().token, "t");
        assert_eq!(world.replay.requests()[0].headers.joined("metadata-flavor").as_deref(), Some("Google"));
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_sent() {
        let world = World::new([]).with_environment("METADATA_SERVER_DETECTION", "none");
        let error =
            GoogleAuth::new(Release::Nine, Source::Default).access(&world.context).await.err().unwrap();
        assert!(error.message().starts_with("Could not load the default credentials."), "{error}");
        let world = World::new([]).with_environment("METADATA_SERVER_DETECTION", "maybe");
        let error =
            GoogleAuth::new(Release::Nine, Source::Default).access(&world.context).await.err().unwrap();
        assert!(error.message().starts_with("Unknown `METADATA_SERVER_DETECTION`"), "{error}");
    }

    /// A login file in a folder of its own.
    struct Login(PathBuf);

    impl Login {
        fn new(name: &str, content: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("samewire-{}-{name}", std::process::id()));
            std::fs::create_dir_all(folder.join(".gemini")).unwrap();
            std::fs::write(folder.join(".gemini/oauth_creds.json"), content).unwrap();
            Self(folder)
        }

        async fn access(
            &self,
            path: Option<&str>,
            client: Option<&str>,
            world: &mut World,
        ) -> Result<String, Error> {
            world.context.home = Some(self.0.clone());
            let source = Source::CommandLineTool {
                path: path.map(str::to_owned),
                client_id: client.map(str::to_owned),
                client_secret: client.map(str::to_owned),
            };
            let auth = GoogleAuth::new(Release::Ten, source);
            auth.access(&world.context).await.map(|access| access.token)
        }
    }

    impl Drop for Login {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn login_file(expires: f64) -> String {
        format!(
            r#"{{"access_token":"ya29.a","refresh_token":"1//r","token_type":"Bearer","expiry_date":{expires}}}"#
        )
    }

    #[tokio::test]
    async fn a_login_that_still_holds_is_used_as_it_is() {
        let login = Login::new("holds", &login_file(TestClock::START + 600_000.0));
        assert_eq!(login.access(None, None, &mut World::new([])).await.unwrap(), "ya29.a");
        let path = Some("~/.gemini/oauth_creds.json");
        assert_eq!(login.access(path, None, &mut World::new([])).await.unwrap(), "ya29.a");
    }

    #[tokio::test]
    async fn a_login_that_has_ended_is_renewed() {
        let login = Login::new("ended", &login_file(TestClock::START));
        let mut world = World::new([answer("ya29.b", 3599)]);
        assert_eq!(login.access(None, Some("c"), &mut world).await.unwrap(), "ya29.b");
        assert_eq!(
            world.bodies(),
            ["refresh_token=1%2F%2Fr&client_id=c&client_secret=c&grant_type=refresh_token"]
        );
        assert_eq!(world.replay.requests()[0].url, "https://oauth2.googleapis.com/token");
    }

    #[tokio::test]
    async fn a_login_that_cannot_be_used_says_why() {
        let login = Login::new("bad", &login_file(TestClock::START));
        let error = login.access(None, None, &mut World::new([])).await.unwrap_err();
        assert!(error.message().contains("`geminiOAuthClientId`"), "{error}");
        let error = login.access(Some("/nonexistent/x.json"), None, &mut World::new([])).await.unwrap_err();
        assert_eq!(
            error.message(),
            "cannot read the login in /nonexistent/x.json: ENOENT: no such file or directory, open '/nonexistent/x.json'"
        );
    }
}
