//! Fetching the list of models.dev, and keeping it with its date.

use std::path::PathBuf;
use std::time::Duration;

use super::catalogue::Catalogue;
use super::entry::Origin;
use super::fetch::{ListFailure, axios_get};
use super::models_dev;
use crate::auth::sigv4::civil;
use crate::context::Context;
use crate::files::{self, Readers};
use crate::json::{Object, Value, object};
use crate::transport::Headers;
use crate::{Error, ErrorKind};

/// Where the list is.
pub const MODELS_DEV: &str = "https://models.dev/api.json";

/// Fetches the list at that URL ([`MODELS_DEV`], or a mirror of your own), keeps it in the context's cache folder
/// with its date, in one step, and gives the catalogue with it.
///
/// # Errors
///
/// [`Connection`](ErrorKind::Connection) and those of the status where the list cannot be had,
/// [`InvalidResponse`](ErrorKind::InvalidResponse) where it is none. What was fetched before stays, and the message
/// says how old it is: [`Catalogue::load`] goes on using it.
///
/// # Example: refresh, or go on with what is there
///
/// ```no_run
/// use samewire::Context;
/// use samewire::catalog::{self, Catalogue};
///
/// # async fn run() {
/// let context = Context::system();
/// let catalogue = match catalog::refresh(&context, catalog::MODELS_DEV).await {
///     Ok(catalogue) => catalogue,
///     Err(error) => {
///         eprintln!("{error}");
///         Catalogue::load(&context).await
///     }
/// };
/// # let _ = catalogue;
/// # }
/// ```
pub async fn refresh(context: &Context, url: &str) -> Result<Catalogue, Error> {
    match fetch(context, url).await {
        Ok(list) => {
            let date = context.clock.now();
            if let Some(file) = file(context) {
                keep(&file, &list, date).await?;
            }
            let mut catalogue = Catalogue::built_in();
            catalogue.merge(&list, date);
            Ok(catalogue)
        }
        Err(error) => {
            let age = match cached(context).await {
                Some((date, _)) => format!("the list of {} stays in use", age(date, context.clock.now())),
                None => "the built-in tables stay in use".to_owned(),
            };
            let message = format!("{}; {age}", error.message());
            Err(error.with_message(message))
        }
    }
}

async fn fetch(context: &Context, url: &str) -> Result<Object, Error> {
    let list =
        axios_get(context, url, &Headers::new(), Some(TIMEOUT)).await.map_err(|failure| match failure {
            ListFailure::InvalidUrl => {
                Error::configuration(format!("the list of models cannot be fetched: {url} is no URL"))
            }
            ListFailure::NoResponse => Error::new(
                ErrorKind::Connection,
                format!("the list of models cannot be fetched: {url} does not answer"),
            ),
            ListFailure::Status(status, _) => Error::status_error(
                status,
                format!("the list of models cannot be fetched: {url} answers with status {status}"),
            ),
        })?;
    let is_list = |list: &Object| !models_dev::models(list, Origin::ModelsDev, &mut |_, _| {}).is_empty();
    match list {
        Value::Object(list) if is_list(&list) => Ok(list),
        _ => Err(Error::invalid_response(format!("{url} holds no list of models in the form of models.dev"))),
    }
}

/// The list in the cache folder with its date; a file that cannot be read counts as none.
pub(super) async fn cached(context: &Context) -> Option<(f64, Object)> {
    let text = tokio::fs::read_to_string(file(context)?).await.ok()?;
    let mut kept = Value::parse(&text).ok()?;
    let date = kept.get("fetchedAt")?.as_f64()?;
    match kept.get_mut("providers").map(std::mem::take) {
        Some(Value::Object(list)) => Some((date, list)),
        _ => None,
    }
}

async fn keep(file: &std::path::Path, list: &Object, date: f64) -> Result<(), Error> {
    let kept = Value::from(object! { "fetchedAt": date, "providers": list.clone() });
    let written = async {
        if let Some(folder) = file.parent() {
            tokio::fs::create_dir_all(folder).await?;
        }
        files::replace(file, &kept.to_json(), Readers::Anyone).await
    };
    written.await.map_err(|error| {
        Error::configuration(format!("the list of models cannot be kept: {}: {error}", file.display()))
    })
}

fn file(context: &Context) -> Option<PathBuf> {
    Some(context.cache_dir.as_ref()?.join("models.dev.json"))
}

fn age(date: f64, now: f64) -> String {
    let (year, month, day) = civil((date / DAY_MS).floor() as i64);
    let written = format!("{year:04}-{month:02}-{day:02}");
    match ((now - date) / DAY_MS).floor() {
        days if days < 1.0 => format!("{written}, less than a day old,"),
        days if days < 2.0 => format!("{written}, a day old,"),
        days => format!("{written}, {days} days old,"),
    }
}

const DAY_MS: f64 = 86_400_000.0;
const TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::TestClock;
    use crate::transport::{Exchange, ReplayTransport};

    const LIST: &str = r#"{"google":{"id":"google","models":{"gemini-9":{"name":"Gemini 9","limit":{"context":5,"output":0},
        "modalities":{"input":["text","image","smell"],"output":["text"]},"cost":{"input":0,"output":1},"status":"deprecated"}}}}"#;

    fn context(folder: &tempfile::TempDir, exchanges: Vec<Exchange>) -> Context {
        let mut context =
            Context::for_tests(Arc::new(ReplayTransport::new(exchanges)), Arc::new(TestClock::default()));
        context.cache_dir = Some(folder.path().join("new"));
        context
    }

    #[tokio::test]
    async fn a_list_is_kept_with_its_date() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(&folder, vec![Exchange::new(200).on("GET", "/api.json").body(LIST)]);
        let fetched = refresh(&context, MODELS_DEV).await.unwrap();
        let loaded = Catalogue::load(&context).await;
        for catalogue in [fetched, loaded] {
            assert_eq!(catalogue.refreshed_at(), Some(TestClock::START));
            let model = catalogue.resolve("google/gemini-9").unwrap();
            assert_eq!(
                (model.context_window, model.output_limit, model.deprecated),
                (Some(5), None, Some(true))
            );
            assert_eq!(model.prices.as_ref().unwrap().input, Some(0.0), "free is not unknown");
            assert!(catalogue.resolve("sonnet").is_ok());
        }
    }

    #[tokio::test]
    async fn offline_it_says_how_old_the_list_is() {
        let folder = tempfile::tempdir().unwrap();
        let context = context(&folder, vec![]);
        let error = refresh(&context, MODELS_DEV).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.message().ends_with("the built-in tables stay in use"), "{error}");
        let list = Value::parse(LIST).unwrap();
        keep(&file(&context).unwrap(), list.as_object().unwrap(), TestClock::START - 5.5 * DAY_MS)
            .await
            .unwrap();
        let error = refresh(&context, MODELS_DEV).await.unwrap_err();
        assert!(error.message().ends_with("the list of 2026-01-10, 5 days old, stays in use"), "{error}");
        assert!(Catalogue::load(&context).await.get("gemini", "gemini-9").is_some());
    }

    #[tokio::test]
    async fn nonsense_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for body in ["<html>", "[]", "{}", r#"{"google":{"models":{}}}"#] {
            let context = context(&folder, vec![Exchange::new(200).body(body)]);
            let error = refresh(&context, MODELS_DEV).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{body}");
            assert!(cached(&context).await.is_none());
        }
    }
}
