//! HTTP/2 with prior knowledge: <https://www.rfc-editor.org/rfc/rfc9113>.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::{State, pieces};
use crate::fixture::{Disconnect, Request, Response};

/// Serves one connection until either side closes it.
pub(super) async fn serve(socket: TcpStream, state: Arc<State>) -> Result<(), h2::Error> {
    let mut connection: Connection<TcpStream, Bytes> = h2::server::handshake(socket).await?;
    let (close, mut closed) = mpsc::channel(1);
    let mut streams = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(stream) => {
                    let (request, respond) = stream?;
                    streams.spawn(exchange(request, respond, state.clone(), close.clone()));
                }
                None => return Ok(()),
            },
            stream = closed.recv() => {
                flush(&mut connection).await;
                drop(connection);
                // Only now: an unfinished stream that is dropped resets itself.
                drop(stream);
                return Ok(());
            }
        }
    }
}

/// A stream whose connection is to be closed.
enum Stream {
    #[expect(dead_code, reason = "held, never read")]
    Unanswered(SendResponse<Bytes>),
    #[expect(dead_code, reason = "held, never read")]
    Unfinished(SendStream<Bytes>),
}

/// Lets what was queued go out before the connection is dropped.
async fn flush(connection: &mut Connection<TcpStream, Bytes>) {
    for _ in 0..FLUSHES {
        tokio::select! {
            biased;
            _ = connection.accept() => {}
            () = tokio::task::yield_now() => {}
        }
    }
}

async fn exchange(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: Arc<State>,
    close: mpsc::Sender<Stream>,
) -> Result<(), h2::Error> {
    let (head, mut incoming) = request.into_parts();
    let mut body = BytesMut::new();
    while let Some(chunk) = incoming.data().await {
        let chunk = chunk?;
        incoming.flow_control().release_capacity(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    let response = state.answer(seen(&head, body.freeze()));
    let Some(response) = response.filter(|response| response.disconnect != Some(Disconnect::Before)) else {
        let _ = close.send(Stream::Unanswered(respond)).await;
        return Ok(());
    };
    let mut stream = respond.send_response(response_head(&response), false)?;
    let sent = response.sent_body();
    for piece in pieces(&sent, &response.split_at) {
        send(&mut stream, Bytes::copy_from_slice(piece)).await?;
        tokio::task::yield_now().await;
    }
    match response.disconnect {
        Some(Disconnect::MidReset) => {
            // The data must be on its way before the reset takes the stream down.
            tokio::time::sleep(SETTLE).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        }
        Some(_) => {
            tokio::time::sleep(SETTLE).await;
            let _ = close.send(Stream::Unfinished(stream)).await;
        }
        None => stream.send_data(Bytes::new(), true)?,
    }
    Ok(())
}

async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let capacity = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let Some(capacity) = capacity.transpose()? else { return Ok(()) };
        stream.send_data(data.split_to(capacity.min(data.len())), false)?;
    }
    Ok(())
}

/// The request as it arrived. The library takes the pseudo headers out, so their order is not known.
fn seen(head: &http::request::Parts, body: Bytes) -> Request {
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let pseudo = [
        (":authority", head.uri.authority().map_or("", http::uri::Authority::as_str)),
        (":path", target),
        (":method", head.method.as_str()),
        (":scheme", head.uri.scheme_str().unwrap_or_default()),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let lines = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Request {
        scheme: head.uri.scheme_str().unwrap_or_default().to_owned(),
        http2: true,
        method: head.method.to_string(),
        target: target.to_owned(),
        headers: pseudo.into_iter().chain(lines).collect(),
        body,
    }
}

fn response_head(response: &Response) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(response.status).unwrap_or_default();
    for (name, value) in &response.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value)) {
            head.headers_mut().append(name, value);
        }
    }
    head
}

/// Turns of the connection that are enough to write out a small answer.
const FLUSHES: usize = 16;

/// Real time in which a small answer is written out.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(5);
