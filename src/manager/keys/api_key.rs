//! A key, the name by which it is known, and the rules that it is used by.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::state::Cooldown;
use crate::Text;
use crate::auth::sigv4::hex;

/// A key of a provider. `Debug` shows its fingerprint only.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    secret: Text,
    id: KeyId,
}

impl ApiKey {
    /// A key as the provider takes it.
    pub fn new(secret: impl Into<Text>) -> Self {
        let secret = secret.into();
        let digest = Sha256::new().chain_update("samewire key\0").chain_update(secret.as_bytes()).finalize();
        Self { secret, id: KeyId(hex(&digest[..8]).into()) }
    }

    /// The key itself, for the request's header and nothing else.
    pub fn expose(&self) -> &str {
        &self.secret
    }

    /// The name by which logs, files and metrics know the key.
    pub fn id(&self) -> &KeyId {
        &self.id
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

/// A key's fingerprint: 16 hexadecimal digits of a hash, the same on every machine and in every version.
/// It does not lead back to a key that was drawn at random.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Text);

impl KeyId {
    /// A fingerprint that was written down before.
    pub fn from_text(text: impl Into<Text>) -> Self {
        Self(text.into())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a [`KeyRing`](crate::manager::KeyRing) treats its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// The rest after 429. Default: 30 s, doubling up to 1 h.
    pub rate_limited: Cooldown,
    /// The rest after 401, 402 and 403. Default: 5 min, doubling up to 24 h.
    pub refused: Cooldown,
    /// How long [`KeyRing::acquire`](crate::manager::KeyRing::acquire) waits in all when every key rests; zero fails at once. Default: 60 s.
    pub longest_wait: Duration,
}

impl Default for KeyRules {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            rate_limited: Cooldown { first: seconds(30), longest: seconds(3600) },
            refused: Cooldown { first: seconds(300), longest: seconds(24 * 3600) },
            longest_wait: seconds(60),
        }
    }
}
