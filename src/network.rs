//! The network part of settings: proxies, certificates, limits of time.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use crate::clock::Clock;
use crate::json::Value;
use crate::layers::{DEFAULT_BODY_LIMIT, HeadLimit, TimeoutLayer, standard_within};
use crate::settings::ProviderSettings;
use crate::transport::{HyperTransport, Transport};

/// A transport with the standard layers as the settings want it.
///
/// | setting | meaning |
/// | --- | --- |
/// | `httpProxy`, `httpNoProxy` | proxy URL, and the hosts that go around it |
/// | `caCertificateFile` | a PEM file with certificates to trust beside the system's |
/// | `connectTimeoutMs` | the longest wait for a connection |
/// | `headTimeoutMs` | the longest wait for the response head of an attempt |
/// | `idleTimeoutMs` | the longest silence inside a body |
/// | `totalTimeoutMs` | the longest a call may take, retries included; off unless set |
/// | `bodyLimitBytes` | the largest body, decoded: 256 MiB unless set |
///
/// Times are in milliseconds; 0 and `null` switch a limit off. The TypeScript knows none of these settings.
///
/// # Errors
///
/// [`Configuration`](crate::ErrorKind::Configuration), naming the setting.
pub(crate) fn transport(
    settings: &ProviderSettings,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn Transport>, Error> {
    let mut builder = HyperTransport::builder();
    if let Some(proxy) = settings.non_empty("httpProxy") {
        builder = builder.proxy(proxy);
    }
    if let Some(hosts) = settings.non_empty("httpNoProxy") {
        builder = builder.no_proxy(hosts);
    }
    if let Some(file) = settings.non_empty("caCertificateFile") {
        let pem = std::fs::read(file).map_err(|error| {
            Error::configuration(format!("settings: `caCertificateFile`: {file}: {error}"))
        })?;
        builder = builder.ca_certificates(pem);
    }
    if let Some(limit) = limit(settings, "connectTimeoutMs")? {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = limit(settings, "idleTimeoutMs")? {
        builder = builder.body_idle_timeout(limit);
    }
    let head = match limit(settings, "headTimeoutMs")? {
        None => HeadLimit::AsRequested,
        Some(None) => HeadLimit::Off,
        Some(Some(time)) => HeadLimit::At(time),
    };
    let total = limit(settings, "totalTimeoutMs")?.flatten();
    let network = builder.build().map_err(|error| Error::configuration(format!("settings: {error}")))?;
    let body = body_limit(settings)?;
    let standard = standard_within(Arc::new(network), clock, body);
    if head == HeadLimit::AsRequested && total.is_none() {
        return Ok(standard);
    }
    Ok(Arc::new(TimeoutLayer::new(standard).head(head).total(total)))
}

/// Whether the settings say anything about the network.
pub(crate) fn is_set(settings: &ProviderSettings) -> bool {
    NAMES.iter().any(|name| settings.get(name).is_some())
}

/// A limit in milliseconds: `None` if it is not set, `Some(None)` if it is off.
#[expect(clippy::option_option, reason = "not set, off and a time are three answers")]
fn limit(settings: &ProviderSettings, name: &str) -> Result<Option<Option<Duration>>, Error> {
    let bad = || {
        Error::configuration(format!("settings: `{name}` must be a number of milliseconds, 0 for no limit"))
    };
    match settings.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::Number(ms)) if *ms == 0.0 => Ok(Some(None)),
        Some(Value::Number(ms)) => {
            Duration::try_from_secs_f64(ms / 1000.0).map(|time| Some(Some(time))).map_err(|_| bad())
        }
        Some(_) => Err(bad()),
    }
}

/// The largest body in bytes, `None` for no limit.
fn body_limit(settings: &ProviderSettings) -> Result<Option<u64>, Error> {
    match settings.get("bodyLimitBytes") {
        None => Ok(Some(DEFAULT_BODY_LIMIT)),
        Some(Value::Null) => Ok(None),
        Some(Value::Number(bytes)) if *bytes >= 0.0 => Ok(Some(*bytes as u64).filter(|bytes| *bytes > 0)),
        Some(_) => {
            Err(Error::configuration("settings: `bodyLimitBytes` must be a number of bytes, 0 for no limit"))
        }
    }
}

const NAMES: &[&str] = &[
    "bodyLimitBytes",
    "httpProxy",
    "httpNoProxy",
    "caCertificateFile",
    "connectTimeoutMs",
    "headTimeoutMs",
    "idleTimeoutMs",
    "totalTimeoutMs",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn outcome(settings: &ProviderSettings) -> Result<(), String> {
        transport(settings, Arc::new(SystemClock)).map(drop).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn limits_take_milliseconds_and_can_be_off() {
        let settings = ProviderSettings::default().with("headTimeoutMs", 1500).with("totalTimeoutMs", 0);
        assert_eq!(limit(&settings, "headTimeoutMs").unwrap(), Some(Some(Duration::from_millis(1500))));
        assert_eq!(limit(&settings, "totalTimeoutMs").unwrap(), Some(None));
        assert_eq!(limit(&settings, "idleTimeoutMs").unwrap(), None);
        assert_eq!(outcome(&settings), Ok(()));
    }

    #[test]
    fn mistakes_name_the_setting() {
        let wrong =
            |name: &'static str, value: Value| outcome(&ProviderSettings::default().with(name, value));
        assert!(
            wrong("headTimeoutMs", "soon".into()).unwrap_err().contains("`headTimeoutMs` must be a number")
        );
        assert!(
            wrong("totalTimeoutMs", (-1).into()).unwrap_err().contains("`totalTimeoutMs` must be a number")
        );
        assert!(wrong("bodyLimitBytes", "much".into()).unwrap_err().contains("`bodyLimitBytes` must be"));
        assert!(wrong("caCertificateFile", "/no/such.pem".into()).unwrap_err().contains("/no/such.pem"));
        assert!(wrong("httpProxy", "::::".into()).unwrap_err().contains("proxy URL"));
    }
}
