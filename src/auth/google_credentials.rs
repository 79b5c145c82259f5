//! Where credentials come from.

use std::path::{Path, PathBuf};

use super::google::{Release, Token};
use super::google_metadata as metadata;
use crate::context::Context;
use crate::json::Value;
use crate::{Error, ErrorKind};

/// Where to look for credentials.
#[derive(Clone)]
pub(crate) enum Source {
    /// They are given.
    Json(Value),
    /// In a file.
    File(String),
    /// Where every program on the machine looks: the application default credentials.
    Default,
    /// In the file of Google's command-line tool for Gemini, with the client that it was made for.
    CommandLineTool {
        /// The file; `None` for its usual place.
        path: Option<String>,
        client_id: Option<String>,
        client_secret: Option<String>,
    },
}

impl Source {
    /// The source that JSON text and a file name in settings stand for. Text that is no JSON counts as
    /// none given.
    pub(crate) fn of_settings(json: Option<&str>, file: Option<&str>) -> Self {
        match (json, file) {
            (Some(json), _) => match Value::parse(json) {
                Ok(value) if value.is_truthy() => Self::Json(value),
                _ => Self::Default,
            },
            (None, Some(file)) => Self::File(file.to_owned()),
            (None, None) => Self::Default,
        }
    }
}

/// What was found.
pub(super) struct Credentials {
    pub(super) identity: Identity,
    pub(super) project: Option<String>,
    pub(super) quota_project: Option<String>,
}

/// Who asks for tokens, and with which secret. Has no `Debug`, so that no secret is ever shown.
pub(super) enum Identity {
    ServiceAccount(ServiceAccount),
    User(User),
    /// The account of the machine that the program runs on.
    Machine,
}

pub(super) struct ServiceAccount {
    pub(super) email: String,
    /// A private key in PEM form.
    pub(super) private_key: String,
}

pub(super) struct User {
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<String>,
    pub(super) refresh_token: String,
}

/// Finds the credentials, and a token where they hold one.
pub(super) async fn load(
    source: &Source,
    release: Release,
    context: &Context,
) -> Result<(Credentials, Option<Token>), Error> {
    match source {
        Source::Json(json) => Ok((of_json(json)?, None)),
        Source::File(file) => Ok((of_key_file(file)?, None)),
        Source::Default => Ok((default(release, context).await?, None)),
        Source::CommandLineTool { path, client_id, client_secret } => {
            of_command_line_tool(path.as_deref(), client_id.as_ref(), client_secret.as_ref(), context)
        }
    }
}

fn of_json(json: &Value) -> Result<Credentials, Error> {
    let text = |key: &str| json.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let required = |key: &str| {
        text(key).map(str::to_owned).ok_or_else(|| {
            Error::configuration(format!("The incoming JSON object does not contain a {key} field"))
        })
    };
    let kind = text("type").unwrap_or_default();
    let identity = match kind {
        "authorized_user" => Identity::User(User {
            client_id: Some(required("client_id")?),
            client_secret: Some(required("client_secret")?),
            refresh_token: required("refresh_token")?,
        }),
        "external_account" | "external_account_authorized_user" | "impersonated_service_account" => {
            let message = format!(
                "credentials of type {kind} are not supported: use a service account or an authorized user"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        _ => Identity::ServiceAccount(ServiceAccount {
            email: required("client_email")?,
            private_key: required("private_key")?,
        }),
    };
    // The library keeps the project of service accounts only.
    let project = text("project_id").filter(|_| matches!(identity, Identity::ServiceAccount(_)));
    Ok(Credentials {
        project: project.map(str::to_owned),
        quota_project: text("quota_project_id").map(str::to_owned),
        identity,
    })
}

/// A key file that the settings name.
fn of_key_file(file: &str) -> Result<Credentials, Error> {
    let path = std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file));
    let text = read(&path)?;
    match Value::parse(&text) {
        Ok(json) => of_json(&json),
        // The library takes other files for keys without an account, which never work.
        Err(error) => Err(match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => error.into(),
            Some("der" | "crt" | "pem") => {
                Error::configuration("email is required.").with_code("MISSING_CREDENTIALS")
            }
            Some("p12" | "pfx") => Error::configuration(CERTIFICATE_TOO_OLD).with_code(UNKNOWN_CERTIFICATE),
            _ => Error::configuration(CERTIFICATE_UNKNOWN).with_code(UNKNOWN_CERTIFICATE),
        }),
    }
}

/// The application default credentials: the file that the environment names, gcloud's file, the machine.
async fn default(release: Release, context: &Context) -> Result<Credentials, Error> {
    let named = ["GOOGLE_APPLICATION_CREDENTIALS", "google_application_credentials"];
    let named = named.into_iter().find_map(|name| context.env(name).filter(|path| !path.is_empty()));
    let mut found = match (named, gcloud_file(context)) {
        (Some(path), _) => of_default_file(Path::new(path))?,
        (None, Some(path)) => of_default_file(&path)?,
        (None, None) if metadata::is_present(release, context).await? => {
            Credentials { identity: Identity::Machine, project: None, quota_project: None }
        }
        (None, None) => return Err(Error::configuration(NONE_FOUND)),
    };
    if let Some(project) = context.env("GOOGLE_CLOUD_QUOTA_PROJECT").filter(|project| !project.is_empty()) {
        found.quota_project = Some(project.to_owned());
    }
    Ok(found)
}

/// <https://cloud.google.com/docs/authentication/application-default-credentials#personal>
fn gcloud_file(context: &Context) -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        PathBuf::from(context.env("APPDATA")?)
    } else {
        context.home.as_ref()?.join(".config")
    };
    Some(folder.join("gcloud").join("application_default_credentials.json")).filter(|path| path.exists())
}

fn of_default_file(path: &Path) -> Result<Credentials, Error> {
    if !path.is_file() {
        let missing = path.ancestors().filter(|part| !part.exists()).last();
        let reason = missing
            .map(|missing| format!("ENOENT: no such file or directory, lstat '{}'", missing.display()))
            .unwrap_or_default();
        let message = format!("The file at {} does not exist, or it is not a file. {reason}", path.display());
        return Err(Error::configuration(message).with_code("ENOENT"));
    }
    of_json(&Value::parse(&read(path)?)?)
}

/// The login of Google's command-line tool for Gemini: our own addition, the reference knows keys only.
fn of_command_line_tool(
    path: Option<&str>,
    client_id: Option<&String>,
    client_secret: Option<&String>,
    context: &Context,
) -> Result<(Credentials, Option<Token>), Error> {
    let home = || context.home.clone().ok_or_else(|| Error::configuration("the home folder is unknown"));
    let path = match path {
        None => home()?.join(".gemini").join("oauth_creds.json"),
        Some(path) => match path.strip_prefix("~/") {
            Some(below) => home()?.join(below),
            None => PathBuf::from(path),
        },
    };
    let file = read(&path).and_then(|text| Ok(Value::parse(&text)?)).map_err(|error| {
        let message = format!("cannot read the login in {}: {}", path.display(), error.message());
        error.with_message(message)
    })?;
    let text = |key: &str| file.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let token = text("access_token").map(|value| Token {
        value: value.to_owned(),
        expires: Some(file.get("expiry_date").and_then(Value::as_f64).unwrap_or(0.0)),
    });
    let user = User {
        client_id: client_id.cloned(),
        client_secret: client_secret.cloned(),
        refresh_token: text("refresh_token").unwrap_or_default().to_owned(),
    };
    let credentials = Credentials {
        identity: Identity::User(user),
        project: None,
        quota_project: text("quota_project_id").map(str::to_owned),
    };
    Ok((credentials, token))
}

/// The text of a file; errors in Node's words.
fn read(path: &Path) -> Result<String, Error> {
    let bytes = std::fs::read(path).map_err(|error| {
        let (code, message) = match error.kind() {
            std::io::ErrorKind::NotFound => ("ENOENT", "no such file or directory, open"),
            std::io::ErrorKind::PermissionDenied => ("EACCES", "permission denied, open"),
            std::io::ErrorKind::IsADirectory => {
                return Error::configuration("EISDIR: illegal operation on a directory, read")
                    .with_code("EISDIR");
            }
            _ => return Error::configuration(format!("{}: {error}", path.display())),
        };
        Error::configuration(format!("{code}: {message} '{}'", path.display())).with_code(code)
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const NONE_FOUND: &str = "Could not load the default credentials. Browse to https://cloud.google.com/docs/authentication/getting-started for more information.";
const UNKNOWN_CERTIFICATE: &str = "UNKNOWN_CERTIFICATE_TYPE";
const CERTIFICATE_TOO_OLD: &str = "*.p12 certificates are not supported after v6.1.2. Consider utilizing *.json format or converting *.p12 to *.pem using the OpenSSL CLI.";
const CERTIFICATE_UNKNOWN: &str = "Unknown certificate type. Type is determined based on file extension. Current supported extensions are *.json, and *.pem.";
