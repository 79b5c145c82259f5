//! The keyring of the operating system, for keys that a configuration keeps there.

use samewire::config::KeyReader;

/// The reader with the system's keyring, where the program was built with one.
#[cfg(feature = "keyring")]
pub(crate) fn with_keyring(reader: KeyReader) -> KeyReader {
    reader.with_keyring(std::sync::Arc::new(system::SystemKeyring))
}

/// The reader as it is: the program was built without a keyring.
#[cfg(not(feature = "keyring"))]
pub(crate) fn with_keyring(reader: KeyReader) -> KeyReader {
    reader
}

#[cfg(feature = "keyring")]
mod system {
    use keyring::{Entry, Error as KeyringError};
    use samewire::Error;
    use samewire::config::SecretStore;

    /// The Secret Service on Linux, the keychain on macOS, the credential manager on Windows.
    pub(super) struct SystemKeyring;

    impl SecretStore for SystemKeyring {
        fn read(&self, service: &str, account: &str) -> Result<Option<String>, Error> {
            let fail = |error: &KeyringError| {
                Error::configuration(format!("the keyring cannot be asked for {service}/{account}: {error}"))
            };
            if let Err(error) = Entry::store_status() {
                return Err(fail(error));
            }
            let entry = Entry::new(service, account).map_err(|error| fail(&error))?;
            match entry.get_password() {
                Ok(key) => Ok(Some(key)),
                Err(KeyringError::NoEntry) => Ok(None),
                Err(error) => Err(fail(&error)),
            }
        }
    }
}
