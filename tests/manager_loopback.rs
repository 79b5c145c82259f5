//! The manager over real connections to a loopback server that breaks them.
#![cfg(all(feature = "http", feature = "manager"))]

use std::time::Duration;

use futures_util::StreamExt;
use samewire::manager::{Budget, ManagerConfig, ProviderConfig, ProviderManager, Route};
use samewire::{AiProvider, ChatRequest, Context, ErrorKind, Message, ProviderSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A server that answers each connection with the next text and then closes it, whatever HTTP wants.
async fn server(answers: Vec<String>) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move {
        let mut served = 0;
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            read_request(&mut connection).await;
            connection.write_all(answer.as_bytes()).await.unwrap();
            connection.shutdown().await.unwrap();
            served += 1;
        }
        served
    });
    (base, serve)
}

async fn read_request(connection: &mut TcpStream) {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&received).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
                return;
            }
        }
        let read = connection.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the client went away");
        received.extend_from_slice(&buffer[..read]);
    }
}

fn chunk(text: &str) -> String {
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len())
}

fn whole(text: &str) -> String {
    format!("{HEAD}{}0\r\n\r\n", chunk(text))
}

fn manager(bases: &[(&'static str, &str)]) -> ProviderManager {
    let mut config = ManagerConfig::new()
        .route(Route::ordered("all", bases.iter().map(|(id, _)| *id)))
        .default_target("all")
        .budget(Budget { delay: Duration::from_millis(1), ..Budget::default() });
    for (id, base) in bases {
        let settings = ProviderSettings::new("openai")
            .with("openAiBaseUrl", (*base).to_owned())
            .with("openAiApiKey", "key")
            .with("openAiModelId", "model");
        config = config.provider(ProviderConfig::new(*id, settings));
    }
    ProviderManager::new(config, Context::system()).unwrap()
}

fn hi() -> ChatRequest {
    ChatRequest::new("", [Message::user("Hi")])
}

#[tokio::test]
async fn closed_before_the_head_and_before_the_first_token_is_repaired() {
    let (base, served) = server(vec![String::new(), HEAD.to_owned(), whole("Hello")]).await;
    let manager = manager(&[("a", &base)]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "Hello");
    assert_eq!(served.await.unwrap(), 3);
    assert_eq!(manager.health()[0].limits.in_flight, 0);
}

#[tokio::test]
async fn cut_after_the_first_token_is_incomplete_and_never_asked_again() {
    let (a, served) = server(vec![format!("{HEAD}{}{}", chunk("Hel"), chunk("lo"))]).await;
    let (b, idle) = server(vec![whole("never")]).await;
    let manager = manager(&[("a", &a), ("b", &b)]);
    let items: Vec<_> = manager.chat_stream(hi()).await.unwrap().collect().await;
    let error = items.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(error.partial().unwrap().text, "Hello");
    assert_eq!(served.await.unwrap(), 1);
    assert!(!idle.is_finished());
    assert!(manager.health().iter().all(|view| view.limits.in_flight == 0));
}

#[tokio::test]
async fn nobody_listens_at_the_first_and_the_second_answers() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}/v1", gone.local_addr().unwrap());
    drop(gone);
    let (base, _served) = server(vec![whole("Hello")]).await;
    let manager = manager(&[("a", &dead), ("b", &base)]);
    assert_eq!(manager.chat(hi()).await.unwrap().text, "Hello");
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    let manager = manager(&[("a", &base)]);
    let serve = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        read_request(&mut connection).await;
        connection.write_all(format!("{HEAD}{}", chunk("Hello")).as_bytes()).await.unwrap();
        connection.read(&mut [0; 16]).await.map_or(0, |read| read)
    });
    let mut stream = manager.chat_stream(hi()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().text(), Some("Hello"));
    drop(stream);
    assert_eq!(serve.await.unwrap(), 0, "the server sees the end");
    assert_eq!(manager.health()[0].limits.in_flight, 0);
}
