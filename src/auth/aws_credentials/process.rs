//! Keys from a helper program.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use std::process::{Command, Output, Stdio};

use super::{Credentials, CredentialsError, Outcome};
use crate::context::Context;
use crate::json::Value;
use crate::layers::date_of;

/// Runs the command in the system's shell and reads the keys that it prints. What it writes to its error
/// output goes nowhere, as it may hold secrets.
pub(super) async fn run(context: &Context, profile: &str, command: &str, has_account: bool) -> Outcome {
    let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("/bin/sh") };
    shell.args([if cfg!(windows) { "/C" } else { "-c" }, command]);
    shell.envs(context.environment.iter()).stdin(Stdio::null()).stderr(Stdio::null());
    let refuse = |what: &str| CredentialsError::new(format!("Profile {profile} credential_process {what}"));
    let finished = tokio::task::spawn_blocking(move || shell.output()).await;
    let Ok(Ok(Output { status, stdout, .. })) = finished else {
        return Err(refuse("could not be started."));
    };
    if !status.success() {
        return Err(refuse(&format!("failed: {status}.")));
    }
    let answer = Value::parse_bytes(stdout.into()).map_err(|_| refuse("returned invalid JSON."))?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    if answer.get("Version").and_then(Value::as_f64) != Some(1.0) {
        return Err(refuse("did not return Version 1."));
    }
    let (Some(access_key), Some(secret_key)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
        return Err(refuse("returned invalid credentials."));
    };
    let expires = text("Expiration").and_then(|end| date_of(&end));
    if expires.is_some_and(|end| end < context.clock.now()) {
        return Err(refuse("returned expired credentials."));
    }
    Ok(Credentials {
        access_key,
        secret_key,
        session_token: text("SessionToken"),
        has_account: has_account || text("AccountId").is_some(),
        expires,
        sources: "wv".into(),
    })
}
