//! The real transports against raw loopback sockets: what goes on the wire, and what failures become.
#![cfg(feature = "http")]

mod certificates;
mod proxies;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use samewire::clock::SystemClock;
use samewire::layers::standard;
use samewire::transport::{
    HeaderValue, Headers, HttpRequest, HttpVersion, HyperTransport, RequestOptions, Transport,
    TransportErrorKind,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Serves each answer to one request, on a connection of its own, and gives the raw requests.
async fn serve(answers: Vec<&'static [u8]>) -> (String, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut socket).await);
            socket.write_all(answer).await.unwrap();
            if answer.ends_with(b"...") {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        requests
    });
    (url, server)
}

async fn read_request(socket: &mut TcpStream) -> Vec<u8> {
    let mut raw = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = socket.read(&mut chunk).await.unwrap();
        raw.extend_from_slice(&chunk[..read]);
        let head = raw.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(head) = head else { continue };
        let text = String::from_utf8_lossy(&raw[..head]).to_ascii_lowercase();
        let length = text
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.lines().next().unwrap().parse::<usize>().unwrap());
        if raw.len() >= head + 4 + length {
            return raw;
        }
    }
}

fn request(url: &str, lines: &[(&str, &[u8])], body: &'static str) -> HttpRequest {
    let mut headers = Headers::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::new(Bytes::copy_from_slice(value)));
    }
    HttpRequest {
        method: if body.is_empty() { "GET" } else { "POST" },
        url: url.to_owned(),
        headers,
        body: body.into(),
        options: RequestOptions::default(),
    }
}

fn transport() -> HyperTransport {
    HyperTransport::builder().system_proxy(false).build().unwrap()
}

/// Every transport that there is, with its longest silence inside a body.
fn transports(silence: Duration) -> Vec<Arc<dyn Transport>> {
    let hyper = HyperTransport::builder().system_proxy(false).body_idle_timeout(Some(silence)).build();
    vec![
        Arc::new(hyper.unwrap()),
        #[cfg(feature = "reqwest")]
        Arc::new(over_reqwest(silence)),
    ]
}

#[cfg(feature = "reqwest")]
fn over_reqwest(silence: Duration) -> samewire::transport::ReqwestTransport {
    use samewire::transport::ReqwestTransport;
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let http11 = ReqwestTransport::client_builder().no_proxy().build().unwrap();
    let http2 = ReqwestTransport::client_builder().http2_prior_knowledge().no_proxy().build().unwrap();
    ReqwestTransport::new(http11).with_http2(http2).with_body_idle_timeout(Some(silence))
}

const LONG: Duration = Duration::from_secs(60);

const OK: &[u8] = b"HTTP/1.1 200 Fine\r\ncontent-length: 2\r\nx-a: 1\r\nx-a: 2\r\n\r\nok";

#[tokio::test]
async fn header_lines_go_out_as_given() {
    for transport in transports(LONG) {
        let (url, server) = serve(vec![OK, OK]).await;
        let lines: [(&str, &[u8]); 9] = [
            ("content-length", b"2"),
            ("accept", b"application/json"),
            ("X-Stainless-Lang", b"js"),
            ("x-twice", b"1"),
            ("x-twice", b"2"),
            ("authorization", b"Bearer caf\xe9"),
            ("Accept-Encoding", b"gzip,deflate"),
            ("Host", b"api.example.com"),
            ("Connection", b"keep-alive"),
        ];
        let target = format!("{url}/v1/chat?x=%3A1");
        let response = transport.send(request(&target, &lines, "{}")).await.unwrap();
        assert_eq!((response.status, &*response.reason, &*response.url), (200, "Fine", &*target));
        assert_eq!(response.headers.joined("X-A").unwrap(), "1, 2");
        let body: Vec<_> = response.body.map(Result::unwrap).collect().await;
        assert_eq!(body.concat(), b"ok");

        let get: [(&str, &[u8]); 3] = [("host", b"h"), ("connection", b"keep-alive"), ("Accept", b"*/*")];
        transport.send(request(&url, &get, "")).await.unwrap();

        let raw = server.await.unwrap();
        let mut want = b"POST /v1/chat?x=%3A1 HTTP/1.1\r\n".to_vec();
        for (name, value) in lines {
            want.extend_from_slice(name.to_ascii_lowercase().as_bytes());
            want.extend_from_slice(b": ");
            want.extend_from_slice(value);
            want.extend_from_slice(b"\r\n");
        }
        want.extend_from_slice(b"\r\n{}");
        assert_eq!(raw[0].escape_ascii().to_string(), want.escape_ascii().to_string());
        let want = "GET / HTTP/1.1\r\nhost: h\r\nconnection: keep-alive\r\naccept: */*\r\n\r\n";
        assert_eq!(raw[1].escape_ascii().to_string(), want.escape_default().to_string());
    }
}

#[tokio::test]
async fn nothing_is_added_to_the_lines() {
    let (url, server) = serve(vec![OK]).await;
    transport().send(request(&url, &[("host", b"h")], "")).await.unwrap();
    let want = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
    assert_eq!(server.await.unwrap()[0].escape_ascii().to_string(), want.escape_default().to_string());
}

#[tokio::test]
async fn an_empty_post_keeps_its_content_length() {
    for transport in transports(LONG) {
        let (url, server) = serve(vec![OK]).await;
        let mut post = request(&url, &[("host", b"h"), ("accept", b"*/*"), ("content-length", b"0")], "");
        post.method = "POST";
        transport.send(post).await.unwrap();
        let want = "POST / HTTP/1.1\r\nhost: h\r\naccept: */*\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(server.await.unwrap()[0].escape_ascii().to_string(), want.escape_default().to_string());
    }
}

#[tokio::test]
async fn failures_have_kinds_and_no_urls() {
    for transport in transports(LONG) {
        let (url, _server) = serve(vec![b""]).await;
        let dropped = transport.send(request(&url, &[], "{}")).await.unwrap_err();
        assert_eq!(dropped.kind, TransportErrorKind::Connect);
        assert!(!dropped.detail.contains("127.0.0.1"), "{dropped}");

        let refused = request("http://127.0.0.1:1/secret?key=k", &[], "{}");
        let refused = transport.send(refused).await.unwrap_err();
        assert_eq!(refused.kind, TransportErrorKind::Connect);
        assert!(refused.detail.contains("refused"), "{refused}");
        assert!(!refused.detail.contains("secret"), "{refused}");

        for bad in [
            request("http://127.0.0.1:1/", &[("a", b"x\ny")], ""),
            request("http://127.0.0.1:1/", &[("a b", b"x")], ""),
            request("ftp://127.0.0.1:1/", &[], ""),
            request("/path", &[], ""),
            request("nonsense", &[], ""),
        ] {
            assert_eq!(transport.send(bad).await.unwrap_err().kind, TransportErrorKind::Request);
        }
    }
}

#[tokio::test]
async fn silence_ends_the_wait() {
    for transport in transports(Duration::from_millis(50)) {
        let (url, _server) = serve(vec![b"HTTP/1.1 200 OK\r\nx: ..."]).await;
        let mut slow = request(&url, &[], "{}");
        slow.options.head_timeout = Some(Duration::from_millis(50));
        assert_eq!(transport.send(slow).await.unwrap_err().kind, TransportErrorKind::HeadTimeout);

        let (url, _server) = serve(vec![b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na..."]).await;
        let response = transport.send(request(&url, &[], "{}")).await.unwrap();
        let chunks: Vec<_> = response.body.collect().await;
        assert_eq!(chunks[0].as_ref().unwrap(), "a...");
        assert_eq!(chunks[1].as_ref().unwrap_err().kind, TransportErrorKind::Interrupted);
    }
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_given_up() {
    // It listens, but nobody ever speaks TLS there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let transport = HyperTransport::builder()
        .system_proxy(false)
        .connect_timeout(Some(Duration::from_millis(50)))
        .build()
        .unwrap();
    let failed = transport.send(request(&url, &[], "{}")).await.unwrap_err();
    assert_eq!(failed.kind, TransportErrorKind::Connect);
    assert!(failed.detail.contains("no connection within 50ms"), "{failed}");
}

#[tokio::test]
async fn a_body_without_its_end_is_interrupted() {
    for transport in transports(LONG) {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        ] {
            let (url, _server) = serve(vec![answer]).await;
            let response = transport.send(request(&url, &[], "{}")).await.unwrap();
            let chunks: Vec<_> = response.body.collect().await;
            assert_eq!(chunks[0].as_ref().unwrap(), "abc");
            assert_eq!(chunks[1].as_ref().unwrap_err().kind, TransportErrorKind::Interrupted);
            assert_eq!(chunks.len(), 2);
        }
    }
}

#[tokio::test]
async fn the_standard_stack_decodes_and_follows() {
    let gzip: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\n\r\n\
        \x1f\x8b\x08\0\0\0\0\0\0\x03\x4b\xad\x28\x01\0\x02\x96\xd3\x01\x03\0\0\0";
    let moved = b"HTTP/1.1 307 Moved\r\nlocation: /b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (url, server) = serve(vec![moved, gzip]).await;
    let http = standard(Arc::new(transport()), Arc::new(SystemClock));
    let response = http.send(request(&url, &[("content-length", b"2")], "{}")).await.unwrap();
    assert_eq!(response.url, format!("{url}/b"));
    let body: Vec<_> = response.body.map(Result::unwrap).collect().await;
    assert_eq!(body.concat(), b"ext");
    assert!(server.await.unwrap()[1].starts_with(b"POST /b HTTP/1.1\r\n"));
}

#[tokio::test]
async fn http2_sends_exactly_the_headers_given() {
    for transport in transports(LONG) {
        sends_exactly_these_headers_over_http2(transport).await;
    }
}

async fn sends_exactly_these_headers_over_http2(transport: Arc<dyn Transport>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/model/a%3A0/converse-stream", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        let response = http::Response::builder().status(200).body(()).unwrap();
        let mut stream = respond.send_response(response, false).unwrap();
        stream.send_data(Bytes::from_static(b"abc"), false).unwrap();
        let head = request.into_parts().0;
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.send_reset(h2::Reason::INTERNAL_ERROR);
        });
        let _ = tokio::time::timeout(Duration::from_secs(2), connection.accept()).await;
        head
    });
    let lines: [(&str, &[u8]); 7] = [
        (":authority", b"x"),
        ("content-type", b"application/json"),
        ("content-length", b"2"),
        ("x-amz-user-agent", b"a"),
        ("host", b"x"),
        ("connection", b"keep-alive"),
        ("authorization", b"k"),
    ];
    let mut post = request(&url, &lines, "{}");
    post.options.version = HttpVersion::Http2;
    let response = transport.send(post).await.unwrap();
    let chunks: Vec<_> = response.body.collect().await;
    assert_eq!(chunks[0].as_ref().unwrap(), "abc");
    let reset = chunks[1].as_ref().unwrap_err();
    assert_eq!(reset.kind, TransportErrorKind::StreamReset);
    assert_eq!(reset.detail, "stream reset by the peer: INTERNAL_ERROR");
    drop(transport);

    let head = server.await.unwrap();
    assert_eq!(head.uri.path(), "/model/a%3A0/converse-stream");
    let names: Vec<_> = head.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "content-length", "x-amz-user-agent", "authorization"]);
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_reqwest_client_for_http2_must_be_given() {
    let client = samewire::transport::ReqwestTransport::client_builder().no_proxy();
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let transport = samewire::transport::ReqwestTransport::new(client.build().unwrap());
    let mut post = request("http://127.0.0.1:1/", &[], "{}");
    post.options.version = HttpVersion::Http2;
    let refused = transport.send(post).await.unwrap_err();
    assert_eq!(refused.kind, TransportErrorKind::Request);
}

#[test]
fn bad_settings_are_refused() {
    for builder in [
        HyperTransport::builder().proxy("::"),
        HyperTransport::builder().ca_certificates("no certificate"),
        HyperTransport::builder()
            .ca_certificates("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
    ] {
        assert_eq!(builder.build().unwrap_err().kind, TransportErrorKind::Request);
    }
}
