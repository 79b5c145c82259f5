//! The metadata server of Google's machines, as gcp-metadata asks it.
//!
//! <https://cloud.google.com/compute/docs/metadata/overview>

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_ok;
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::google::{Release, Token};
use super::google_exchange::{self as exchange, RETRIES, SCOPE};
use crate::context::Context;
use crate::driver::{Failure, WholeResponse, fetch};
use crate::json::Value;
use crate::transport::{ClientKind, Headers, HttpRequest, RequestOptions, RetryPolicy, javascript};
use crate::{Error, ErrorKind};

/// Whether there is a metadata server.
pub(super) async fn is_present(release: Release, context: &Context) -> Result<bool, Error> {
    let detection = context.env(DETECTION).unwrap_or_default().trim().to_lowercase();
    match detection.as_str() {
        "" => {}
        "assume-present" => return Ok(true),
        // The library looks at the hardware even then; whoever sets this does not want that.
        "none" => return Ok(false),
        "bios-only" => return Ok(is_google_machine(context)),
        "ping-only" => return Ok(answers(release, context).await),
        other => {
            return Err(Error::configuration(format!(
                "Unknown `{DETECTION}` env variable. Got `{other}`, but it should be `assume-present`, `none`, `bios-only`, `ping-only`, or unset"
            )));
        }
    }
    Ok(is_google_machine(context) || answers(release, context).await)
}

/// A token of the machine's account.
pub(super) async fn token(release: Release, context: &Context) -> Result<Option<Token>, Error> {
    let scopes: String = byte_serialize(SCOPE.as_bytes()).collect();
    let url = format!("{}/instance/service-accounts/default/token?scopes={scopes}", base(context));
    let options = RequestOptions {
        retry: RetryPolicy::Steps { answers: RETRIES, drops: RETRIES },
        ..RequestOptions::default()
    };
    let response = ask(release, &url, options, context).await.map_err(|failure| {
        let error = exchange::explain(failure, &url, |response| Some(response.text()));
        let message = error.message().trim_start_matches(REFRESH_FAILED).to_owned();
        let reason = match error.status() {
            Some(403) => FORBIDDEN,
            Some(404) => NOT_FOUND,
            _ => "",
        };
        error.with_message(format!("{reason}{REFRESH_FAILED}{message}"))
    })?;
    let flavor = response.headers.joined(FLAVOR);
    if flavor.as_deref() != Some("Google") {
        let got = flavor.map_or_else(|| "no header".to_owned(), |flavor| format!("'{flavor}'"));
        return Err(Error::new(
            ErrorKind::InvalidResponse,
            format!(
                "Invalid response from metadata service: incorrect {FLAVOR} header. Expected 'Google', got {got}"
            ),
        ));
    }
    Ok(exchange::token(&Value::parse(&response.text()).unwrap_or_default(), context.clock.now()))
}

/// Whether a server answers at the usual address, or at its name, or at the address in the environment.
async fn answers(release: Release, context: &Context) -> bool {
    let options = || RequestOptions { head_timeout: Some(PING_TIMEOUT), ..RequestOptions::default() };
    let urls: &[String] = match own_host(context) {
        Some(_) => &[base(context)],
        None => &[base(context), based_on(SECONDARY_HOST)],
    };
    let pings = urls.iter().map(|url| {
        Box::pin(async move {
            let response =
                ask(release, &format!("{url}/instance"), options(), context).await.map_err(drop)?;
            let is_google = response.headers.joined(FLAVOR).as_deref() == Some("Google");
            if is_google { Ok(()) } else { Err(()) }
        })
    });
    select_ok(pings).await.is_ok()
}

/// Whether hardware or environment are those of Google's machines.
fn is_google_machine(context: &Context) -> bool {
    let is_set = |name: &&str| context.env(name).is_some_and(|value| !value.is_empty());
    let is_serverless = ["CLOUD_RUN_JOB", "FUNCTION_NAME", "K_SERVICE"].iter().any(is_set);
    let vendor = || std::fs::read_to_string("/sys/class/dmi/id/bios_vendor").unwrap_or_default();
    is_serverless || (Path::new("/sys/class/dmi/id/bios_date").exists() && vendor().contains("Google"))
}

async fn ask(
    release: Release,
    url: &str,
    options: RequestOptions,
    context: &Context,
) -> Result<WholeResponse, Failure> {
    let host = Url::parse(url).map(|url| javascript::host(&url)).unwrap_or_default();
    let mut headers = Headers::new();
    match release {
        Release::Nine => {
            headers.append(FLAVOR, "Google");
            headers.append("Accept", "*/*");
            headers.append("User-Agent", "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)");
            headers.append("Accept-Encoding", "gzip,deflate");
        }
        Release::Ten => {
            headers.append("accept", "*/*");
            headers.append("accept-encoding", "gzip, deflate, br");
            headers.append("metadata-flavor", "Google");
            headers.append("user-agent", "node-fetch");
        }
    }
    headers.append("Host", host);
    headers.append("Connection", "keep-alive");
    let request = HttpRequest {
        method: "GET",
        headers,
        url: url.to_owned(),
        body: Bytes::new(),
        options: RequestOptions { client: ClientKind::NodeFetch, ..options },
    };
    fetch(context, request).await
}

fn own_host(context: &Context) -> Option<&str> {
    let names = ["GCE_METADATA_IP", "GCE_METADATA_HOST"];
    names.into_iter().find_map(|name| context.env(name).filter(|host| !host.is_empty()))
}

fn base(context: &Context) -> String {
    based_on(own_host(context).unwrap_or("169.254.169.254"))
}

fn based_on(host: &str) -> String {
    let has_scheme = host.starts_with("http://") || host.starts_with("https://");
    let host = if has_scheme { host.to_owned() } else { format!("http://{host}") };
    let host = Url::parse(&host).map_or(host, |url| url.origin().ascii_serialization());
    format!("{host}/computeMetadata/v1")
}

const DETECTION: &str = "METADATA_SERVER_DETECTION";
const FLAVOR: &str = "Metadata-Flavor";
const SECONDARY_HOST: &str = "metadata.google.internal.";
const PING_TIMEOUT: Duration = Duration::from_secs(3);
const REFRESH_FAILED: &str = "Could not refresh access token: ";
const FORBIDDEN: &str = "A Forbidden error was returned while attempting to retrieve an access token for the Compute Engine built-in service account. This may be because the Compute Engine instance does not have the correct permission scopes specified: ";
const NOT_FOUND: &str = "A Not Found error was returned while attempting to retrieve an accesstoken for the Compute Engine built-in service account. This may be because the Compute Engine instance does not have any permission scopes specified: ";
