//! A service on this machine that speaks every protocol's happy case, over TLS or without, HTTP/1.1 or 2.
//!
//! The first part of a path says how it answers: `whole`, `idle` (one event, then silence), or `flood` (20 MiB as fast
//! as the reader takes them).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use super::inputs;

type Body = BoxBody<Bytes, Infallible>;

/// How many bytes of a flood were handed to connections.
static SENT: AtomicU64 = AtomicU64::new(0);

pub(crate) const FLOOD: usize = 20 << 20;

/// A certificate for `localhost` and its key, PEM and DER.
pub(crate) struct Identity {
    pub(crate) certificate_pem: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("its key");
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the certificate fits its key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { certificate_pem: made.cert.pem(), config: Arc::new(config) }
    }
}

/// Listens on a free port; the service ends with the runtime.
pub(crate) async fn start(identity: Option<&Identity>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    let tls = identity.map(|identity| TlsAcceptor::from(identity.config.clone()));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => connection(socket).await,
                    Some(tls) => match tls.accept(socket).await {
                        Ok(socket) => connection(socket).await,
                        Err(error) => eprintln!("loopback: {error}"),
                    },
                }
            });
        }
    });
    address
}

async fn connection(socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    // A client that hangs up is none of our business.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(
            TokioIo::new(socket),
            service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) }),
        )
        .await;
}

async fn answer(request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    // The request is read to its end first, as services do.
    let _ = request.into_body().collect().await;
    let (mode, path) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    if mode == "sent" {
        return respond("text/plain", whole(SENT.load(Ordering::SeqCst).to_string().into()));
    }
    if method == "GET" {
        return respond("application/json", whole(Bytes::from_static(b"{\"data\":[],\"models\":[]}")));
    }
    let (media_type, body) = canned(path);
    let body = match mode {
        "idle" => {
            let first = stream::iter([Ok(Frame::data(body))]);
            BodyExt::boxed(StreamBody::new(first.chain(stream::pending())))
        }
        "flood" => {
            SENT.store(0, Ordering::SeqCst);
            let chunks = inputs::cut(&inputs::openai_deltas(FLOOD), 16 * 1024);
            let frames = stream::iter(chunks).map(|chunk| {
                SENT.fetch_add(chunk.len() as u64, Ordering::SeqCst);
                Ok(Frame::data(chunk))
            });
            BodyExt::boxed(StreamBody::new(frames))
        }
        "slow" => {
            let events = inputs::cut_by_event(&inputs::openai_deltas(50 * 300));
            let ticks = stream::iter(events).then(|event| async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(Frame::data(event))
            });
            BodyExt::boxed(StreamBody::new(ticks))
        }
        _ => whole(body),
    };
    respond(media_type, body)
}

fn respond(media_type: &str, body: Body) -> Response<Body> {
    Response::builder().header("content-type", media_type).body(body).expect("a well-formed head")
}

fn whole(body: Bytes) -> Body {
    Full::new(body).boxed()
}

/// The answer "Hi" in the form of the protocol that the path belongs to.
fn canned(path: &str) -> (&'static str, Bytes) {
    const EVENTS: &str = "text/event-stream";
    let has = |part: &str| path.contains(part);
    if has("/converse-stream") {
        let frames = [
            inputs::event_message(
                "contentBlockDelta",
                "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hi\"}}",
            ),
            inputs::event_message("messageStop", "{\"stopReason\":\"end_turn\"}"),
            inputs::event_message("metadata", "{\"usage\":{\"inputTokens\":3,\"outputTokens\":1}}"),
        ];
        ("application/vnd.amazon.eventstream", frames.concat().into())
    } else if has("streamGenerateContent") {
        (EVENTS, Bytes::from_static(b"data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]},\"finishReason\":\"STOP\"}]}\n\n"))
    } else if has("messages") {
        (
            EVENTS,
            Bytes::from_static(
                b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n\
                  event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n\
                  event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ),
        )
    } else if has("responses") {
        (EVENTS, Bytes::from_static(b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n"))
    } else if path.ends_with("api/chat") {
        (
            "application/x-ndjson",
            Bytes::from_static(b"{\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":true}\n"),
        )
    } else if path.ends_with("v2/chat") {
        (EVENTS, Bytes::from_static(b"event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hi\"}}}}\n\n"))
    } else {
        (
            EVENTS,
            Bytes::from_static(
                b"data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\ndata: [DONE]\n\n",
            ),
        )
    }
}
