//! Proxies: who is asked, in which words, and who learns the proxy's password.

use samewire::transport::{HyperTransport, Transport, TransportErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::certificates::Authority;
use super::{OK, read_request, request, serve, transport};

fn by(proxy: &str) -> HyperTransport {
    HyperTransport::builder().proxy(proxy).build().unwrap()
}

/// The address behind `http://`.
fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap()
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url() {
    let (proxy, asked) = serve(vec![OK]).await;
    let transport = by(&format!("http://user:p%20w@{}", address(&proxy)));
    let lines: [(&str, &[u8]); 2] = [("host", b"service.example"), ("authorization", b"Bearer k")];
    let response = transport.send(request("http://service.example/v1?a=b", &lines, "")).await.unwrap();
    assert_eq!(response.status, 200);
    let asked = String::from_utf8(asked.await.unwrap().remove(0)).unwrap();
    let want = "GET http://service.example/v1?a=b HTTP/1.1\r\nhost: service.example\r\nauthorization: Bearer k\r\n\
        proxy-authorization: Basic dXNlcjpwIHc=\r\n\r\n";
    assert_eq!(asked, want);
}

#[tokio::test]
async fn some_hosts_are_asked_directly() {
    let (service, asked) = serve(vec![OK]).await;
    let transport =
        HyperTransport::builder().proxy("http://u:p@127.0.0.1:1").no_proxy("127.0.0.1").build().unwrap();
    transport.send(request(&service, &[("host", b"h")], "")).await.unwrap();
    let asked = String::from_utf8(asked.await.unwrap().remove(0)).unwrap();
    assert_eq!(asked, "GET / HTTP/1.1\r\nhost: h\r\n\r\n", "nor do they learn the proxy's password");
}

/// A proxy that digs one tunnel to a TLS service of its own; what it was asked, and what came through.
async fn tunnel(authority: &Authority, answer: &'static [u8]) -> (String, JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap().to_string();
    let acceptor = authority.acceptor();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let asked = String::from_utf8(read_request(&mut socket).await).unwrap();
        socket.write_all(answer).await.unwrap();
        let Ok(mut inside) = acceptor.accept(socket).await else { return (asked, String::new()) };
        let mut came = vec![0; 4096];
        let length = inside.read(&mut came).await.unwrap();
        inside.write_all(OK).await.unwrap();
        let _ = inside.shutdown().await;
        (asked, String::from_utf8(came[..length].to_vec()).unwrap())
    });
    (proxy, server)
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_keeps_its_secrets_from_the_proxy() {
    let authority = Authority::of("service.example");
    let (proxy, server) = tunnel(&authority, b"HTTP/1.1 200 OK\r\n\r\n").await;
    let transport = HyperTransport::builder()
        .proxy(format!("http://u:p@{proxy}"))
        .ca_certificates(&*authority.pem)
        .build()
        .unwrap();
    let lines: [(&str, &[u8]); 2] = [("host", b"service.example"), ("authorization", b"Bearer k")];
    transport.send(request("https://service.example/v1", &lines, "")).await.unwrap();
    let (asked, came) = server.await.unwrap();
    assert!(asked.starts_with("CONNECT service.example:443 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_ascii_lowercase().contains("proxy-authorization: basic dtpw"), "{asked}");
    assert!(!asked.contains("Bearer"), "{asked}");
    assert_eq!(came, "GET /v1 HTTP/1.1\r\nhost: service.example\r\nauthorization: Bearer k\r\n\r\n");
}

#[tokio::test]
async fn a_proxy_that_digs_no_tunnel_is_a_failed_connection() {
    let authority = Authority::of("service.example");
    for (answer, words) in [
        (&b"HTTP/1.1 407 Who?\r\n\r\n"[..], "proxy authorization required"),
        (b"HTTP/1.1 403 No\r\n\r\n", "unsuccessful"),
    ] {
        let (proxy, _server) = tunnel(&authority, answer).await;
        let refused = by(&format!("http://u:secret@{proxy}"))
            .send(request("https://service.example/v1", &[], "{}"))
            .await
            .unwrap_err();
        assert_eq!(refused.kind, TransportErrorKind::Connect);
        assert!(refused.detail.contains(words), "{refused}");
        assert!(!refused.detail.contains("secret"), "{refused}");
    }
}

/// A SOCKS 5 proxy that takes any password and answers itself; who was asked for.
async fn socks5() -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let read = async |socket: &mut TcpStream| {
            let mut message = vec![0; 512];
            let length = socket.read(&mut message).await.unwrap();
            message.truncate(length);
            message
        };
        assert_eq!(read(&mut socket).await, [5, 1, 2], "by name and password");
        socket.write_all(&[5, 2]).await.unwrap();
        assert_eq!(read(&mut socket).await, b"\x01\x01u\x01p");
        socket.write_all(&[1, 0]).await.unwrap();
        let asked = read(&mut socket).await;
        socket.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await.unwrap();
        read_request(&mut socket).await;
        socket.write_all(OK).await.unwrap();
        asked
    });
    (proxy, server)
}

#[tokio::test]
async fn socks_proxies_look_hosts_up_or_leave_it_to_us() {
    let (proxy, server) = socks5().await;
    let there = request("http://service.example:8080/", &[("host", b"h")], "");
    by(&format!("socks5h://u:p@{proxy}")).send(there).await.unwrap();
    assert_eq!(server.await.unwrap(), b"\x05\x01\x00\x03\x0fservice.example\x1f\x90");

    let (proxy, server) = socks5().await;
    let here = request("http://127.0.0.1/", &[("host", b"h")], "");
    by(&format!("socks5://u:p@{proxy}")).send(here).await.unwrap();
    assert_eq!(server.await.unwrap(), b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_a_failed_connection() {
    for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h"] {
        let transport = by(&format!("{scheme}://u:secret@127.0.0.1:1"));
        for service in ["http://127.0.0.1/", "https://127.0.0.1/"] {
            let refused = transport.send(request(service, &[], "{}")).await.unwrap_err();
            assert_eq!(refused.kind, TransportErrorKind::Connect);
            assert!(!refused.detail.contains("secret"), "{refused}");
        }
    }
    // None is used where none is wanted.
    let (service, _server) = serve(vec![OK]).await;
    assert_eq!(transport().send(request(&service, &[], "")).await.unwrap().status, 200);
}
