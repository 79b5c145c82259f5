//! Whom TLS trusts: the system's certificates and those of the settings.

use std::error::Error as StdError;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use super::platform;

/// The certificates that are trusted beside the system's, and what TLS makes of both once a connection wants it.
#[derive(Default)]
pub(super) struct Trust {
    extra: Vec<CertificateDer<'static>>,
    connector: OnceCell<TlsConnector>,
}

type BoxError = Box<dyn StdError + Send + Sync>;

impl Trust {
    /// Reads certificates out of PEM files.
    pub(super) fn in_pem(files: &[Vec<u8>]) -> Result<Self, &'static str> {
        let mut extra = Vec::new();
        for pem in files {
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            let found = found.map_err(|_| "a CA certificate cannot be read as PEM")?;
            if found.is_empty() {
                return Err("there is no PEM certificate in the CA certificates");
            }
            extra.extend(found);
        }
        let mut tried = rustls::RootCertStore::empty();
        for certificate in &extra {
            tried.add(certificate.clone()).map_err(|_| "a CA certificate is none")?;
        }
        Ok(Self { extra, connector: OnceCell::new() })
    }

    /// What makes TLS connections. Transports that trust the system alone share it, and with it their sessions.
    pub(super) async fn connector(&self) -> Result<&TlsConnector, BoxError> {
        static SYSTEM: OnceCell<TlsConnector> = OnceCell::const_new();
        let place = if self.extra.is_empty() { &SYSTEM } else { &self.connector };
        place
            .get_or_try_init(async || {
                let extra = self.extra.clone();
                // The system's certificates are a file to read, and some hundred to parse.
                tokio::task::spawn_blocking(|| load(extra)).await?
            })
            .await
    }
}

fn load(extra: Vec<CertificateDer<'static>>) -> Result<TlsConnector, BoxError> {
    let provider = match CryptoProvider::get_default() {
        Some(provider) => provider.clone(),
        None => Arc::new(rustls::crypto::ring::default_provider()),
    };
    let verifier = Arc::new(platform::verifier(extra, provider.clone())?);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
