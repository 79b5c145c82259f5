//! Plays scripts over HTTP/2 with prior knowledge.

use std::sync::Arc;

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::script::{End, Framing, Script, Step, script};
use super::server::State;

/// What a stream asks of its connection.
enum Order {
    Farewell,
    GiveUp,
    Close,
}

/// Serves one connection until either side closes it.
pub(super) async fn serve<S>(socket: S, state: Arc<State>) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection: Connection<S, Bytes> = h2::server::handshake(socket).await?;
    let (orders, mut ordered) = mpsc::channel(1);
    // Dropped behind the connection: an unfinished stream that is dropped resets itself.
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(stream) => {
                    let (request, respond) = stream?;
                    streams.spawn(exchange(request, respond, state.clone(), orders.clone()));
                }
                None => return Ok(()),
            },
            Some(order) = ordered.recv() => match order {
                Order::Farewell => connection.graceful_shutdown(),
                Order::GiveUp => connection.abrupt_shutdown(Reason::INTERNAL_ERROR),
                Order::Close => {
                    drop(connection);
                    return Ok(());
                }
            },
        }
    }
}

async fn exchange(
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: Arc<State>,
    orders: mpsc::Sender<Order>,
) -> Result<(), h2::Error> {
    let (head, mut incoming) = request.into_parts();
    while let Some(chunk) = incoming.data().await {
        incoming.flow_control().release_capacity(chunk?.len())?;
    }
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let Some((response, fault)) = state.answer(head.method.as_str(), target) else {
        let _ = orders.send(Order::Close).await;
        return Ok(());
    };
    let script = script(&response, fault, target);
    let Some(wait) = script.wait else { return std::future::pending().await };
    tokio::time::sleep(wait).await;
    let mut player = Player {
        stream: respond.send_response(response_head(&script), false)?,
        state: &state,
        orders: &orders,
    };
    for step in &script.body {
        match step {
            Step::Send(bytes) if script.trickle => {
                for at in 0..bytes.len() {
                    player.send(bytes.slice(at..=at)).await?;
                }
            }
            Step::Send(bytes) => player.send(bytes.clone()).await?,
            Step::Repeat(bytes, times) => {
                let mut left = times.unwrap_or(usize::MAX);
                while left > 0 {
                    player.send(bytes.clone()).await?;
                    left -= 1;
                }
            }
            Step::Farewell => player.order(Order::Farewell).await,
        }
    }
    player.end(script.end).await
}

struct Player<'a> {
    stream: SendStream<Bytes>,
    state: &'a State,
    orders: &'a mpsc::Sender<Order>,
}

impl Player<'_> {
    async fn send(&mut self, mut data: Bytes) -> Result<(), h2::Error> {
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            let capacity = std::future::poll_fn(|cx| self.stream.poll_capacity(cx)).await;
            let Some(capacity) = capacity.transpose()? else { return Err(Reason::STREAM_CLOSED.into()) };
            let piece = data.split_to(capacity.min(data.len()));
            self.state.count(piece.len());
            self.stream.send_data(piece, false)?;
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn end(mut self, end: End) -> Result<(), h2::Error> {
        match end {
            End::Proper => self.stream.send_data(Bytes::new(), true)?,
            End::Stall => std::future::pending().await,
            End::Close => {
                self.order(Order::Close).await;
                // Held until the connection is gone.
                std::future::pending::<()>().await;
            }
            End::ResetStream => {
                tokio::time::sleep(SETTLE).await;
                self.stream.send_reset(Reason::CANCEL);
            }
            End::GiveUp => {
                self.order(Order::GiveUp).await;
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    async fn order(&self, order: Order) {
        // What was sent must be on its way first.
        tokio::time::sleep(SETTLE).await;
        let _ = self.orders.send(order).await;
    }
}

fn response_head(script: &Script) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(script.status).unwrap_or_default();
    for (name, value) in &script.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value)) {
            head.headers_mut().append(name, value);
        }
    }
    if let Framing::WrongLength(bytes) = script.framing {
        head.headers_mut().insert(http::header::CONTENT_LENGTH, bytes.into());
    }
    head
}

/// Real time in which a small answer is written out.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(20);
