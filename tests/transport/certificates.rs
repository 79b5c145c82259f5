//! TLS: who is believed.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use samewire::transport::{
    HttpVersion, HyperTransport, HyperTransportBuilder, Transport, TransportErrorKind,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{OK, request};

/// The certificates of an authority of our own, and of a host that it vouches for.
pub(super) struct Authority {
    pub(super) pem: String,
    server: ServerConfig,
}

impl Authority {
    pub(super) fn of(host: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { pem: issuer.pem(), server }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.server.clone()))
    }
}

/// Answers one request over TLS; what was agreed on by ALPN.
async fn serve(authority: &Authority) -> (u16, JoinHandle<Option<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = authority.acceptor();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut socket = acceptor.accept(socket).await.ok()?;
        let agreed = socket.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let _ = socket.write_all(OK).await;
        let _ = socket.shutdown().await;
        agreed
    });
    (port, server)
}

fn trusting(pem: Option<&str>) -> HyperTransport {
    let builder = HyperTransport::builder().system_proxy(false);
    pem.into_iter().fold(builder, HyperTransportBuilder::ca_certificates).build().unwrap()
}

#[tokio::test]
async fn an_authority_of_the_settings_is_believed() {
    let authority = Authority::of("localhost");
    let (port, server) = serve(&authority).await;
    let response = trusting(Some(&authority.pem))
        .send(request(&format!("https://localhost:{port}/"), &[("host", b"localhost")], ""))
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(server.await.unwrap().as_deref(), Some(&b"http/1.1"[..]), "HTTP/1.1 is all that is asked for");
}

#[tokio::test]
async fn http2_is_asked_for_where_it_is_wanted() {
    let authority = Authority::of("localhost");
    let (port, server) = serve(&authority).await;
    let mut call = request(&format!("https://localhost:{port}/"), &[], "{}");
    call.options.version = HttpVersion::Http2;
    // The server does not speak it, but it has agreed to.
    let _ = trusting(Some(&authority.pem)).send(call).await;
    assert_eq!(server.await.unwrap().as_deref(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (authority, other) = (Authority::of("localhost"), Authority::of("localhost"));
    for pem in [None, Some(&*other.pem)] {
        let (port, _server) = serve(&authority).await;
        let refused = trusting(pem).send(request(&format!("https://localhost:{port}/"), &[], "{}")).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind, TransportErrorKind::Connect);
        assert!(refused.detail.contains("certificate"), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_is_for_its_host_only() {
    let authority = Authority::of("api.example.com");
    for host in ["localhost", "127.0.0.1"] {
        let (port, _server) = serve(&authority).await;
        let refused = trusting(Some(&authority.pem))
            .send(request(&format!("https://{host}:{port}/"), &[], "{}"))
            .await
            .unwrap_err();
        assert_eq!(refused.kind, TransportErrorKind::Connect);
        assert!(refused.detail.contains("certificate"), "{refused}");
    }
}
