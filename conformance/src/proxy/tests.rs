//! The proxy between plain sockets and the harness's own server.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use samewire::json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::fixture::{Disconnect, Exchange, Request, Response};
use crate::server::Server;

const KEY: &str = "planted-key-0123456789";

/// A proxy that runs, and what it told.
struct Running {
    address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Running {
    fn start(proxy: Proxy) -> Self {
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = told.clone();
        let address = proxy.address().unwrap();
        let serving = tokio::spawn(proxy.serve(move |line| {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        }));
        Self { address, told, serving }
    }

    /// What it tells of the exchange of that number, when it does.
    async fn told(&self, number: usize) -> String {
        loop {
            if let Some(line) = self.told.lock().unwrap().get(number) {
                return line.clone();
            }
            tokio::task::yield_now().await;
        }
    }

    async fn ask(&self, target: &str, body: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(post(target, body).as_bytes()).await.unwrap();
        let mut received = Vec::new();
        while !is_whole(&received) && socket.read_buf(&mut received).await.unwrap() > 0 {}
        String::from_utf8(received).unwrap()
    }
}

fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.map_or_else(|| body.ends_with("0\r\n\r\n"), |length: usize| body.len() == length)
}

fn post(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\nX-Order: 1\r\n\
         accept-encoding: gzip\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn exchange(target: &str, body: &str) -> Exchange {
    let request = Request {
        scheme: "http".into(),
        http2: false,
        method: "POST".into(),
        target: target.into(),
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let response = Response {
        status: 200,
        reason: "Fine".into(),
        headers: vec![("content-type".into(), b"text/event-stream".to_vec())],
        body: Bytes::copy_from_slice(body.as_bytes()),
        chunked: true,
        split_at: Vec::new(),
        truncate_at: None,
        disconnect: None,
    };
    Exchange { request, response }
}

async fn record(exchanges: Vec<Exchange>, out: &TempDir) -> (Server, Running) {
    let server = Server::start(exchanges).await.unwrap();
    let upstream = format!("http://{}", server.authority());
    let proxy = Proxy::record(([127, 0, 0, 1], 0).into(), &upstream, out.path().to_owned()).await.unwrap();
    (server, Running::start(proxy))
}

fn only_file(out: &TempDir) -> String {
    let found = find_cases(out.path()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    std::fs::read_to_string(&found[0].1).unwrap()
}

#[tokio::test]
async fn an_exchange_is_kept_as_it_was_but_for_its_secrets() {
    let out = TempDir::new().unwrap();
    let echo = format!("data: you sent {KEY}\n\n");
    let (server, proxy) = record(vec![exchange(&format!("/v1/chat?key={KEY}"), &echo)], &out).await;
    let answer = proxy.ask(&format!("/v1/chat?key={KEY}"), r#"{"a":1}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 Fine\r\n"), "{answer}");
    assert!(answer.contains(KEY), "the client gets what the service says: {answer}");
    let told = proxy.told(0).await;
    assert_eq!(told, "POST /v1/chat?key=REDACTED: 200, kept as 127.0.0.1/0001-post-v1-chat");

    let seen = server.stop().await;
    let header = |name: &str| {
        let line = seen[0].headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        line.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(header("authorization").unwrap(), format!("Bearer {KEY}"));
    assert_eq!(header("accept-encoding").unwrap(), "identity");

    let text = only_file(&out);
    assert!(!text.contains(KEY), "{text}");
    let case = Case::parse(&text).unwrap();
    let Exchange { request, response } = &case.exchanges[0];
    assert_eq!(request.target, "/v1/chat?key=REDACTED");
    assert_eq!(request.body, r#"{"a":1}"#);
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Host", "Authorization", "X-Order", "accept-encoding", "content-length"]);
    assert_eq!(request.headers[1].1, b"Bearer REDACTED");
    assert_eq!(response.body, "data: you sent REDACTED\n\n");
    assert!(response.chunked && response.reason == "Fine");
}

#[tokio::test]
async fn no_kept_file_and_no_line_that_is_told_holds_a_key_wherever_it_stood() {
    let out = TempDir::new().unwrap();
    let body = format!(r#"{{"api_key":"{KEY}-body","nested":{{"client_secret":"{KEY}-nested"}}}}"#);
    let form = format!("grant_type=x&refresh_token={KEY}-form&client_secret={KEY}-client");
    let echo =
        format!("{{\"error\":{{\"message\":\"bad key {KEY}-body, {KEY}-form, {KEY} or {KEY}-nested\"}}}}");
    let target = format!("/v1/chat?access_token={KEY}-url&x=%2e%2e");
    let exchanges = vec![exchange(&target, &echo), exchange("/token", &echo), exchange("/later", &echo)];
    let (_server, proxy) = record(exchanges, &out).await;
    let mut told = String::new();
    for (number, (target, body)) in
        [(target.as_str(), body.as_str()), ("/token", form.as_str()), ("/later", "{}")]
            .into_iter()
            .enumerate()
    {
        proxy.ask(target, body).await;
        told += &proxy.told(number).await;
    }
    let kept: Vec<String> = find_cases(out.path())
        .unwrap()
        .iter()
        .map(|(_, path)| std::fs::read_to_string(path).unwrap())
        .collect();
    assert_eq!(kept.len(), 3, "{told}");
    for text in kept.iter().chain([&told]) {
        assert!(!text.contains("planted-key"), "{text}");
    }
}

#[tokio::test]
async fn recordings_answer_without_the_service_again_and_again() {
    let out = TempDir::new().unwrap();
    let (server, proxy) = record(vec![exchange("/a", "one"), exchange("/a", "two")], &out).await;
    proxy.ask("/a", "1").await;
    proxy.told(0).await;
    proxy.ask("/a", "2").await;
    proxy.told(1).await;
    server.stop().await;
    drop(proxy);

    let replay = Running::start(Proxy::replay(([127, 0, 0, 1], 0).into(), out.path()).await.unwrap());
    // The body chooses; what is new gets what is left; then all begins anew.
    assert!(replay.ask("/a", "2").await.contains("two"));
    assert!(replay.ask("/a", "else").await.contains("one"));
    assert!(replay.ask("/a", "2").await.contains("two"));
    let answer = replay.ask("/b?key=private", "").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(answer.contains("no recording of POST /b?key=REDACTED"), "{answer}");
}

#[tokio::test]
async fn a_stream_passes_as_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let out = TempDir::new().unwrap();
    let proxy = Proxy::record(([127, 0, 0, 1], 0).into(), &upstream, out.path().to_owned()).await.unwrap();
    let proxy = Running::start(proxy);
    let mut client = TcpStream::connect(proxy.address).await.unwrap();
    client.write_all(post("/", "").as_bytes()).await.unwrap();
    let (mut service, _) = listener.accept().await.unwrap();
    service.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n").await.unwrap();
    // The service says no more before the client has its first chunk.
    let mut received = Vec::new();
    while !received.ends_with(b"5\r\nfirst\r\n") {
        assert!(client.read_buf(&mut received).await.unwrap() > 0);
    }
    service.write_all(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
    assert!(proxy.told(0).await.ends_with(", kept as 127.0.0.1/0001-post"));
    let case = Case::parse(&only_file(&out)).unwrap();
    assert_eq!(case.exchanges[0].response.body, "firstlast");
    assert_eq!(case.exchanges[0].response.split_at, [5]);
}

#[tokio::test]
async fn a_broken_answer_is_broken_for_the_client_too() {
    let out = TempDir::new().unwrap();
    let mut broken = exchange("/a", "half");
    broken.response.disconnect = Some(Disconnect::Mid);
    let (_server, proxy) = record(vec![broken], &out).await;
    let answer = proxy.ask("/a", "").await;
    assert!(answer.contains("half") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    proxy.told(0).await;
    assert_eq!(
        Case::parse(&only_file(&out)).unwrap().exchanges[0].response.disconnect,
        Some(Disconnect::Mid)
    );
}

#[tokio::test]
async fn what_cannot_be_searched_for_secrets_is_not_kept() {
    let out = TempDir::new().unwrap();
    let mut packed = exchange("/a", "packed");
    packed.response.headers.push(("content-encoding".into(), b"gzip".to_vec()));
    let (_server, proxy) = record(vec![packed], &out).await;
    assert!(proxy.ask("/a", "").await.contains("packed"));
    assert!(proxy.told(0).await.contains("not recorded: the answer is compressed"));
    assert!(find_cases(out.path()).unwrap().is_empty());
}

#[tokio::test]
async fn a_service_that_is_gone_is_told_of() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let out = TempDir::new().unwrap();
    let proxy = Proxy::record(([127, 0, 0, 1], 0).into(), &upstream, out.path().to_owned()).await.unwrap();
    let proxy = Running::start(proxy);
    let answer = proxy.ask("/a", "").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let message = Value::parse(body).unwrap().get("error").and_then(|error| error.get("message")).cloned();
    let message = message.unwrap().as_str().unwrap().to_owned();
    assert!(message.starts_with("samewire record: the service could not be reached"), "{message}");
}

#[tokio::test]
async fn an_upstream_with_a_path_is_refused() {
    for wrong in ["api.openai.com", "ftp://a", "https://", "https://user@host", "https://a/v1"] {
        let made = Proxy::record(([127, 0, 0, 1], 0).into(), wrong, "out".into()).await;
        let problem = made.err().unwrap_or_else(|| panic!("{wrong}"));
        assert!(problem.contains(wrong) && problem.contains("scheme and host"), "{problem}");
    }
}
