//! How the server breaks off, as a plain socket sees it.

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::fixture::Disconnect;

fn exchange(target: &str, response: Response) -> Exchange {
    let request = Request {
        scheme: "http".into(),
        http2: false,
        method: "POST".into(),
        target: target.into(),
        headers: Vec::new(),
        body: Bytes::new(),
    };
    Exchange { request, response }
}

fn response(body: &'static str) -> Response {
    Response {
        status: 200,
        reason: "Fine".into(),
        headers: vec![("x-a".into(), b"1".to_vec())],
        body: Bytes::from_static(body.as_bytes()),
        chunked: true,
        split_at: Vec::new(),
        truncate_at: None,
        disconnect: None,
    }
}

/// Sends raw bytes and reads until the server closes, or until the text given arrives.
async fn ask(socket: &mut TcpStream, request: &str, until: Option<&str>) -> String {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    while socket.read_buf(&mut received).await.unwrap() > 0 {
        if until.is_some_and(|until| received.ends_with(until.as_bytes())) {
            break;
        }
    }
    String::from_utf8(received).unwrap()
}

fn post(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nx-b: 2\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn requests_are_kept_as_they_arrived_on_one_connection() {
    let whole = Response { chunked: false, ..response("two") };
    let server = Server::start(vec![exchange("/a", response("one")), exchange("/b", whole)]).await.unwrap();
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    let answer = ask(&mut socket, &post("/b", "B"), Some("two")).await;
    assert_eq!(answer, "HTTP/1.1 200 Fine\r\nx-a: 1\r\ncontent-length: 3\r\n\r\ntwo");
    let answer = ask(&mut socket, &post("/a", "A"), Some("0\r\n\r\n")).await;
    assert_eq!(
        answer,
        "HTTP/1.1 200 Fine\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
    );
    let seen = server.stop().await;
    let names: Vec<_> = seen[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "X-B", "x-b", "content-length"]);
    assert_eq!((&*seen[0].target, &*seen[0].body, &*seen[1].body), ("/b", &b"B"[..], &b"A"[..]));
}

#[tokio::test]
async fn chunked_requests_are_put_together() {
    let server = Server::start(vec![exchange("/a", response(""))]).await.unwrap();
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    let request = "POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    ask(&mut socket, request, Some("0\r\n\r\n")).await;
    assert_eq!(server.stop().await[0].body, "abcde");
}

#[tokio::test]
async fn before_closes_instead_of_an_answer() {
    let before = Response { disconnect: Some(Disconnect::Before), ..response("x") };
    let server = Server::start(vec![exchange("/a", before), exchange("/a", response("x"))]).await.unwrap();
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    assert_eq!(ask(&mut socket, &post("/a", ""), None).await, "");
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    assert!(ask(&mut socket, &post("/a", ""), Some("0\r\n\r\n")).await.contains("\r\nx\r\n"));
}

#[tokio::test]
async fn mid_closes_without_an_end_mark() {
    let cut = Response {
        disconnect: Some(Disconnect::Mid),
        truncate_at: Some(4),
        split_at: vec![1, 6],
        ..response("abcdefgh")
    };
    let long = Response { chunked: false, ..cut.clone() };
    let server = Server::start(vec![exchange("/a", cut), exchange("/b", long)]).await.unwrap();
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    let answer = ask(&mut socket, &post("/a", ""), None).await;
    assert!(answer.ends_with("\r\n\r\n1\r\na\r\n3\r\nbcd\r\n"), "{answer}");
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    let answer = ask(&mut socket, &post("/b", ""), None).await;
    assert!(answer.contains("content-length: 8") && answer.ends_with("\r\n\r\nabcd"), "{answer}");
}

#[tokio::test]
async fn what_no_exchange_fits_is_kept_and_refused() {
    let server = Server::start(vec![exchange("/a", response("x"))]).await.unwrap();
    let mut socket = TcpStream::connect(server.authority()).await.unwrap();
    assert_eq!(ask(&mut socket, &post("/other", ""), None).await, "");
    assert_eq!(server.stop().await[0].target, "/other");
}

/// The outcome of one HTTP/2 exchange: its body, or the error that broke it.
async fn ask_http2(authority: &str) -> Result<Vec<u8>, h2::Error> {
    let socket = TcpStream::connect(authority).await.unwrap();
    let (mut client, connection) = h2::client::handshake(socket).await?;
    tokio::spawn(connection);
    let request = http::Request::post("http://a.example/a").header("x-b", "1").body(()).unwrap();
    let (response, mut body) = client.send_request(request, false)?;
    body.send_data(Bytes::from_static(b"hello"), true)?;
    let mut incoming = response.await?.into_body();
    let mut received = Vec::new();
    while let Some(chunk) = incoming.data().await {
        let chunk = chunk?;
        incoming.flow_control().release_capacity(chunk.len())?;
        received.extend_from_slice(&chunk);
    }
    Ok(received)
}

#[tokio::test]
async fn http2_plays_and_breaks_off() {
    let broken =
        |disconnect| Response { disconnect: Some(disconnect), truncate_at: Some(2), ..response("abc") };
    let server = Server::start(vec![
        exchange("/a", response("abc")),
        exchange("/a", broken(Disconnect::MidReset)),
        exchange("/a", broken(Disconnect::Mid)),
        exchange("/a", broken(Disconnect::Before)),
    ])
    .await
    .unwrap();
    let authority = server.authority();
    assert_eq!(ask_http2(&authority).await.unwrap(), b"abc");
    let reset = ask_http2(&authority).await.unwrap_err();
    assert_eq!((reset.is_reset(), reset.reason()), (true, Some(h2::Reason::INTERNAL_ERROR)));
    assert!(!ask_http2(&authority).await.unwrap_err().is_reset());
    assert!(!ask_http2(&authority).await.unwrap_err().is_reset());
    let seen = server.stop().await;
    assert_eq!(seen.len(), 4);
    assert_eq!((&*seen[0].body, &*seen[0].headers[0].1), (&b"hello"[..], &b"a.example"[..]));
}
