//! What differs between systems.

use std::sync::Arc;

use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

/// Has the system give up on data that nobody acknowledges, where it can.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
pub(super) fn give_up_on_silent_peers(tcp: &mut HttpConnector) {
    tcp.set_tcp_user_timeout(Some(std::time::Duration::from_secs(30)));
}

#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
pub(super) fn give_up_on_silent_peers(_: &mut HttpConnector) {}

/// Trusts the system's certificates and these.
#[cfg(not(target_os = "android"))]
pub(super) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    Verifier::new_with_extra_roots(extra, provider)
}

/// Android's verifier cannot be told of others.
#[cfg(target_os = "android")]
pub(super) fn verifier(
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    if extra.is_empty() {
        return Verifier::new(provider);
    }
    Err(rustls::Error::General("Android takes no CA certificates from settings".to_owned()))
}
