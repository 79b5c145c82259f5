//! The loopback server: plain HTTP/1.1, or HTTP/2 for who begins with it, on one thread.
//!
//! The first part of a path says how it answers:
//!
//! | mode | answer |
//! | --- | --- |
//! | `small` | one whole reply |
//! | `short` | a stream of 11 events, written at once |
//! | `fast16k`, `fast1` | a stream of 20 MiB as fast as it is read, in frames of 16 KiB or of one event |
//! | `slow` | 50 events, one every 20 ms |
//! | `slow10000` | 50 events, one every 200 ms |
//! | `load-MS-N` | N pieces of text, one every MS milliseconds; each tells the stream's id, which stands in the request as `stream-ID.` |
//! | `stats` | how many connections there were |

use std::convert::Infallible;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::interval;

use crate::forms::{Form, whole_reply};

type Body = BoxBody<Bytes, Infallible>;

pub(crate) const FAST_BYTES: usize = 20 << 20;
pub(crate) const SLOW_EVENTS: usize = 50;
pub(crate) const SHORT_EVENTS: usize = 11;
const SLOW_PACE: Duration = Duration::from_millis(20);

/// Streams that one HTTP/2 connection may have at a time; what most services allow.
pub(crate) const STREAMS_PER_CONNECTION: u32 = 100;

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static HTTP2_CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// Listens on a free port, prints its URL, and serves until it is killed.
pub(crate) async fn serve() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener: TcpListener = socket.listen(16_384).expect("it listens");
    println!("http://{}", listener.local_addr().expect("it has one"));
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let _ = socket.set_nodelay(true);
                CONNECTIONS.fetch_add(1, Relaxed);
                tokio::spawn(connection(socket));
            }
            Err(error) => {
                eprintln!("server: {error}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(socket: TcpStream) {
    let known = OnceLock::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(STREAMS_PER_CONNECTION);
    let service = service_fn(|request: Request<Incoming>| {
        if request.version() == Version::HTTP_2 && known.set(()).is_ok() {
            HTTP2_CONNECTIONS.fetch_add(1, Relaxed);
        }
        async { Ok::<_, Infallible>(answer(request).await) }
    });
    // A client that hangs up is none of our business.
    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
}

async fn answer(request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let asks_for_list = request.method() == Method::GET && !path.starts_with("/stats");
    // The request is read to its end first, as services do.
    let asked =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (mode, path) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    if asks_for_list {
        return respond(
            "application/json",
            Full::new(Bytes::from_static(b"{\"data\":[],\"models\":[]}")).boxed(),
        );
    }
    let form = Form::of_path(path);
    let body = match mode {
        "small" => return respond("application/json", Full::new(whole_reply(form).into()).boxed()),
        "stats" => return respond("application/json", Full::new(stats().into()).boxed()),
        "short" => {
            let events = form.stream_of(306 * (SHORT_EVENTS - 3));
            Full::new(events.concat().into()).boxed()
        }
        "fast1" => frames(stream::iter(fast(form).iter().cloned())),
        "fast16k" => frames(stream::iter(fast_whole(form))),
        "slow" => paced(form, SLOW_EVENTS, SLOW_PACE, |n| format!(" word{n}")),
        "slow10000" => paced(form, SLOW_EVENTS, SLOW_PACE * 10, |n| format!(" word{n}")),
        _ => match load(mode) {
            Some((pace, events)) => {
                let id = stream_id(&asked);
                paced(form, events, pace, move |n| piece(&id, n))
            }
            None => {
                let gone = Response::builder().status(404).body(Full::default().boxed());
                return gone.expect("a well-formed head");
            }
        },
    };
    respond(form.media_type(), body)
}

/// What a loaded stream says in its n-th event.
pub(crate) fn piece(id: &str, n: usize) -> String {
    format!(" {id}:{n}")
}

fn load(mode: &str) -> Option<(Duration, usize)> {
    let (pace, events) = mode.strip_prefix("load-")?.split_once('-')?;
    Some((Duration::from_millis(pace.parse().ok()?), events.parse().ok()?))
}

fn stream_id(asked: &[u8]) -> String {
    let mark = b"stream-";
    let start = memchr::memmem::rfind(asked, mark).map_or(asked.len(), |at| at + mark.len());
    let id = asked[start..].iter().take_while(|byte| byte.is_ascii_digit());
    id.map(|byte| char::from(*byte)).collect()
}

fn stats() -> String {
    format!(
        r#"{{"connections":{},"http2_connections":{}}}"#,
        CONNECTIONS.load(Relaxed),
        HTTP2_CONNECTIONS.load(Relaxed)
    )
}

/// The events of the fast stream, made once.
fn fast(form: Form) -> &'static [Bytes] {
    static OPENAI: OnceLock<Vec<Bytes>> = OnceLock::new();
    static ANTHROPIC: OnceLock<Vec<Bytes>> = OnceLock::new();
    let place = if form == Form::Anthropic { &ANTHROPIC } else { &OPENAI };
    place.get_or_init(|| form.stream_of(FAST_BYTES))
}

/// The same in one piece, cut anew.
fn fast_whole(form: Form) -> Vec<Bytes> {
    static OPENAI: OnceLock<Bytes> = OnceLock::new();
    static ANTHROPIC: OnceLock<Bytes> = OnceLock::new();
    let place = if form == Form::Anthropic { &ANTHROPIC } else { &OPENAI };
    crate::inputs::cut(place.get_or_init(|| fast(form).concat().into()), 16 * 1024)
}

fn paced(
    form: Form,
    events: usize,
    pace: Duration,
    text: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Body {
    let ticks = stream::unfold((interval(pace), 0), move |(mut ticks, n)| {
        let text = (n < events).then(|| text(n));
        async move {
            let text = text?;
            ticks.tick().await;
            Some((form.delta(&text).into(), (ticks, n + 1)))
        }
    });
    let begin =
        stream::iter([Bytes::from(form.begin())]).filter(|first| std::future::ready(!first.is_empty()));
    frames(begin.chain(ticks).chain(stream::iter([form.end().into()])))
}

fn frames(chunks: impl Stream<Item = Bytes> + Send + Sync + 'static) -> Body {
    BodyExt::boxed(StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))))
}

fn respond(media_type: &str, body: Body) -> Response<Body> {
    Response::builder().header("content-type", media_type).body(body).expect("a well-formed head")
}
