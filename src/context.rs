//! Everything that is read from outside: clock, random, environment, files, network, identity.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::catalog::lists::ModelLists;
use crate::clock::Clock;
use crate::transport::Transport;

/// What a provider may use of the world. Codecs get values only; this is where the values come from.
///
/// `Context::system()` is the real thing; tests build one from parts.
///
/// # Example: requests in your own name
///
/// ```
/// use std::sync::Arc;
/// use samewire::{ClientIdentity, Context, ProviderSettings, build_provider_in};
///
/// let identity = ClientIdentity { title: "My Editor".into(), ..ClientIdentity::default() };
/// let context = Context { identity: Arc::new(identity), ..Context::system() };
/// let settings = ProviderSettings::new("openrouter").with("openRouterApiKey", "sk-or-...");
/// let provider = build_provider_in(&settings, &context)?;
/// # Ok::<(), samewire::Error>(())
/// ```
#[derive(Clone)]
pub struct Context {
    /// Carries requests; layers included.
    pub transport: Arc<dyn Transport>,
    /// Time, waits and random numbers.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn Ids>,
    /// The environment variables, read once.
    pub environment: Arc<BTreeMap<String, String>>,
    /// The user's home folder, for credential files.
    pub home: Option<PathBuf>,
    /// Where model lists are cached; `None` keeps them in memory only.
    pub cache_dir: Option<PathBuf>,
    /// The model lists that services published, shared by every provider made in this context.
    pub model_lists: Arc<ModelLists>,
    /// Who the requests say they come from.
    pub identity: Arc<ClientIdentity>,
}

/// Makes the identifiers that requests carry.
pub trait Ids: Send + Sync + 'static {
    /// A random UUID (version 4) in lower case with hyphens.
    fn uuid_v4(&self) -> String;

    /// A time-ordered UUID (version 7) for the time `now` in milliseconds since the Unix epoch.
    fn uuid_v7(&self, now: f64) -> String;
}

/// Who the requests say they come from. The default is the reference's application, runtime and
/// platform, because that is what services have been tested with; change it to be known by your own name.
///
/// # Example: keep the wire, change the name
///
/// ```
/// use samewire::ClientIdentity;
///
/// let identity = ClientIdentity { title: "My Editor".into(), user_agent: "MyEditor/1.0".into(), ..ClientIdentity::default() };
/// assert_eq!(identity.runtime, "node");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// `X-Title`.
    pub title: String,
    /// `HTTP-Referer`.
    pub referer: String,
    /// `User-Agent` where the application sets one.
    pub user_agent: String,
    /// The application's version alone.
    pub version: String,
    /// The operating system as the SDKs name it (`Linux`, `MacOS`, `Windows`).
    pub os: String,
    /// The operating system's release.
    pub os_release: String,
    /// The processor architecture as the SDKs name it.
    pub arch: String,
    /// The JavaScript runtime.
    pub runtime: String,
    /// Its version, with the leading `v`.
    pub runtime_version: String,
}

impl Default for ClientIdentity {
    fn default() -> Self {
        Self {
            title: "Roo Code".into(),
            referer: "https://github.com/RooVetGit/Roo-Cline".into(),
            user_agent: "RooCode/3.43.0".into(),
            version: "3.43.0".into(),
            os: "Linux".into(),
            os_release: "6.1.0".into(),
            arch: "x64".into(),
            runtime: "node".into(),
            runtime_version: "v20.20.2".into(),
        }
    }
}

impl ClientIdentity {
    /// The operating system as Node.js names it.
    pub(crate) fn platform(&self) -> String {
        match self.os.as_str() {
            "MacOS" => "darwin".into(),
            "Windows" => "win32".into(),
            other => other.to_ascii_lowercase(),
        }
    }
}

impl Context {
    /// An environment variable that is set, empty or not.
    pub fn env(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }
}

#[cfg(test)]
impl Context {
    /// A world of a test: that transport and clock, no environment, no folders.
    pub(crate) fn for_tests(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        struct Zeros;
        impl Ids for Zeros {
            fn uuid_v4(&self) -> String {
                "00000000-0000-4000-8000-000000000000".into()
            }

            fn uuid_v7(&self, _: f64) -> String {
                "00000000-0000-7000-8000-000000000000".into()
            }
        }
        Self {
            transport,
            clock,
            ids: Arc::new(Zeros),
            environment: Arc::default(),
            home: None,
            cache_dir: None,
            model_lists: Arc::default(),
            identity: Arc::default(),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("identity", &self.identity).finish_non_exhaustive()
    }
}

#[cfg(feature = "http")]
mod system {
    use std::sync::Arc;

    use etcetera::{BaseStrategy, choose_base_strategy};

    use super::{Context, Ids};
    use crate::clock::SystemClock;
    use crate::settings::ProviderSettings;
    use crate::{Error, layers, network, transport};

    impl Context {
        /// The machine that the program runs on: real clock, real network through
        /// [`HyperTransport`](transport::HyperTransport) with the standard layers, the process's
        /// environment and the user's folders.
        pub fn system() -> Self {
            Self::with_transport(Arc::new(transport::HyperTransport::new()))
        }

        /// As [`system`](Self::system), with the proxies, certificates and limits of time that the settings
        /// name: `httpProxy`, `httpNoProxy`, `caCertificateFile`, and in milliseconds, 0 for no limit,
        /// `connectTimeoutMs`, `headTimeoutMs`, `idleTimeoutMs`, `totalTimeoutMs`; and `bodyLimitBytes`.
        ///
        /// # Errors
        ///
        /// [`Configuration`](crate::ErrorKind::Configuration), naming the setting.
        pub fn system_for(settings: &ProviderSettings) -> Result<Self, Error> {
            if !network::is_set(settings) {
                return Ok(Self::system());
            }
            let clock: Arc<SystemClock> = Arc::new(SystemClock);
            let transport = network::transport(settings, clock.clone())?;
            Ok(Self::over(transport, clock))
        }

        /// As [`system`](Self::system), over a transport of your own; the standard layers (decoding,
        /// redirects, retries) are put around it.
        pub fn with_transport(transport: Arc<dyn transport::Transport>) -> Self {
            let clock = Arc::new(SystemClock);
            Self::over(layers::standard(transport, clock.clone()), clock)
        }

        fn over(transport: Arc<dyn transport::Transport>, clock: Arc<SystemClock>) -> Self {
            Self {
                transport,
                clock,
                ids: Arc::new(RandomIds),
                environment: Arc::new(
                    std::env::vars_os()
                        .filter_map(|(name, value)| {
                            Some((name.into_string().ok()?, value.into_string().ok()?))
                        })
                        .collect(),
                ),
                home: std::env::home_dir(),
                cache_dir: choose_base_strategy().ok().map(|folders| folders.cache_dir().join("samewire")),
                model_lists: Arc::default(),
                identity: Arc::default(),
            }
        }
    }

    struct RandomIds;

    impl Ids for RandomIds {
        fn uuid_v4(&self) -> String {
            format_uuid(fastrand::u128(..), 4)
        }

        fn uuid_v7(&self, now: f64) -> String {
            let time = (now as u128) << 80;
            format_uuid(time | (fastrand::u128(..) >> 48), 7)
        }
    }

    /// Writes 128 bits as a UUID of that version (RFC 9562).
    fn format_uuid(bits: u128, version: u128) -> String {
        let bits = bits & !(0xF << 76) | (version << 76);
        let bits = bits & !(0b11 << 62) | (0b10 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}
