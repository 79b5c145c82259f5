//! Framing and decoding in memory: samewire beside memchr, other framers, and other JSON parsers on our framing.
//!
//! All cases of a round follow each other, and ratios are formed within a round; medians of all rounds are printed.
//! Every case gets chunks of its own, made before the clock starts, and must find the same events or the same text.

use std::borrow::Cow;
use std::convert::Infallible;

use ::samewire::AiProvider;
use ::samewire::frames::{SseDecoder, SseDialect};
use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::FutureExt;
use futures_util::stream::{self, Stream, StreamExt};
use serde::Deserialize;
use sonic_rs::{JsonValueTrait, PointerNode, pointer};
use sse_stream::SseByteStream;

use crate::peers::{Received, read_event};
use crate::{figures, inputs};

const BODY: usize = 20 << 20;

pub(crate) fn run(rounds: usize) {
    let openai = Shape {
        name: "OpenAI",
        dialect: SseDialect::BomPerLine,
        lines: 2,
        pointer: pointer!["choices", 0, "delta", "content"].to_vec(),
        typed: read_event,
        body: inputs::openai_deltas(BODY),
        provider: &*inputs::openai(),
    };
    table(&openai, rounds);
    let anthropic = Shape {
        name: "Anthropic",
        dialect: SseDialect::BomKept,
        lines: 3,
        pointer: pointer!["delta", "text"].to_vec(),
        typed: read_anthropic,
        body: inputs::anthropic_deltas(BODY),
        provider: &*inputs::anthropic(),
    };
    table(&anthropic, rounds);
}

/// A form of stream, and how each parser finds its text.
struct Shape<'a> {
    name: &'static str,
    dialect: SseDialect,
    lines: usize,
    pointer: Vec<PointerNode>,
    typed: fn(&str, &mut Received),
    body: Bytes,
    provider: &'a dyn AiProvider,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

fn read_anthropic(data: &str, received: &mut Received) {
    let event: Event<'_> = serde_json::from_str(data).expect("events are JSON");
    received.add(&event.delta.text);
}

/// A way of reading chunks.
struct Case<'a> {
    name: &'static str,
    read: Box<dyn Fn(Vec<Bytes>) -> Received + 'a>,
}

fn cases<'a>(shape: &'a Shape<'a>) -> Vec<Case<'a>> {
    let case = |name, read: Box<dyn Fn(Vec<Bytes>) -> Received + 'a>| Case { name, read };
    let count = |_: &str, received: &mut Received| received.deltas += 1;
    let typed = shape.typed;
    let lazy = |data: &str, received: &mut Received| {
        let value = sonic_rs::get(data, shape.pointer.iter()).expect("the text is there");
        received.add(value.as_str().expect("it is a text"));
    };
    vec![
        case("memchr", Box::new(|chunks| lines(chunks, shape.lines))),
        case("samewire", Box::new(move |chunks| framed(shape.dialect, chunks))),
        case("samewire, owned events", Box::new(move |chunks| owned(shape.dialect, chunks))),
        case("sse-stream", Box::new(move |chunks| sse_stream(chunks, count))),
        case("eventsource-stream", Box::new(move |chunks| eventsource(chunks, count))),
        case("samewire tokens", Box::new(|chunks| tokens(shape.provider, chunks))),
        case("samewire framing + sonic-rs lazy", Box::new(move |chunks| parsed(shape.dialect, chunks, lazy))),
        case("samewire framing + serde_json", Box::new(move |chunks| parsed(shape.dialect, chunks, typed))),
        case("sse-stream + serde_json", Box::new(move |chunks| sse_stream(chunks, typed))),
        case("eventsource-stream + serde_json", Box::new(move |chunks| eventsource(chunks, typed))),
    ]
}

const FRAMERS: usize = 5;

fn table(shape: &Shape<'_>, rounds: usize) {
    let body = &shape.body;
    let cuts = [
        ("16 KiB", inputs::cut(body, 16 * 1024)),
        ("1 event", inputs::cut_by_event(body)),
        ("1400 B", inputs::cut(body, 1400)),
        ("61 B", inputs::cut(body, 61)),
    ];
    let cases = cases(shape);
    let mut cells = vec![String::new(); cases.len()];
    for (_, chunks) in &cuts {
        // [case][round], in nanoseconds an event
        let mut times = vec![Vec::new(); cases.len()];
        for _ in 0..rounds {
            let mut found: Vec<Received> = Vec::new();
            for (case, times) in cases.iter().zip(&mut times) {
                let own = chunks.clone();
                let begun = figures::thread_cpu();
                let received = std::hint::black_box((case.read)(own));
                let spent = figures::thread_cpu() - begun;
                times.push(spent.as_secs_f64() * 1e9 / received.deltas as f64);
                found.push(received);
            }
            assert!(found.iter().all(|one| one.deltas == found[0].deltas), "the same events: {found:?}");
            assert!(found[FRAMERS..].iter().all(|one| *one == found[FRAMERS]), "the same text: {found:?}");
        }
        for (at, case) in cases.iter().enumerate() {
            let base = if at < FRAMERS { &times[0] } else { times.last().expect("there are cases") };
            let ratios: Vec<f64> = times[at].iter().zip(base).map(|(own, base)| base / own).collect();
            let own = chunks.clone();
            let mut events = 0;
            let allocated = allocation_counter::measure(|| events = (case.read)(own).deltas);
            cells[at] += &format!(
                " {:.0} ({:.2}x, {:.2}) |",
                figures::median(&times[at]),
                figures::median(&ratios),
                allocated.count_total as f64 / events as f64,
            );
        }
    }
    println!("\n{}: ns per event (speed, allocations per event)\n", shape.name);
    for (at, (case, cells)) in cases.iter().zip(&cells).enumerate() {
        if at == 0 || at == FRAMERS {
            let (what, base) =
                if at == 0 { ("framing", "memchr") } else { ("framing and text", "the last row") };
            let names: Vec<String> = cuts.iter().map(|(name, _)| format!(" {name} |")).collect();
            println!(
                "\n| {what}; speed against {base} |{}\n|{}",
                names.concat(),
                " --- |".repeat(cuts.len() + 1)
            );
        }
        println!("| {} |{cells}", case.name);
    }
}

fn lines(chunks: Vec<Bytes>, an_event: usize) -> Received {
    let mut lines = 0;
    for chunk in chunks {
        // Each line end is used, as framing has to; counting alone has a faster way.
        for at in memchr::memchr_iter(b'\n', &chunk) {
            lines += usize::from(std::hint::black_box(at) < usize::MAX);
        }
    }
    Received { deltas: lines / an_event, bytes: 0 }
}

/// Lent events: what our own decoders read.
fn framed(dialect: SseDialect, chunks: Vec<Bytes>) -> Received {
    lent(dialect, chunks, |data, received| {
        std::hint::black_box(data);
        received.deltas += 1;
    })
}

/// For parsers that need a `&str`.
fn parsed(dialect: SseDialect, chunks: Vec<Bytes>, read: impl Fn(&str, &mut Received)) -> Received {
    lent(dialect, chunks, |data, received| {
        read(std::str::from_utf8(data).expect("events are UTF-8"), received)
    })
}

fn lent(dialect: SseDialect, chunks: Vec<Bytes>, read: impl Fn(&[u8], &mut Received)) -> Received {
    let (mut decoder, mut received) = (SseDecoder::new(dialect), Received::default());
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_lent() {
            read(event.expect("the stream is well formed").data(), &mut received);
        }
    }
    received
}

/// Events to keep: their encoding is checked, and each has its share of its buffer.
fn owned(dialect: SseDialect, chunks: Vec<Bytes>) -> Received {
    let (mut decoder, mut received) = (SseDecoder::new(dialect), Received::default());
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event() {
            std::hint::black_box(event.expect("the stream is well formed"));
            received.deltas += 1;
        }
    }
    received
}

fn tokens(provider: &dyn AiProvider, chunks: Vec<Bytes>) -> Received {
    let mut decoder = provider.decoder(&inputs::small_chat()).expect("the request can be made");
    let mut received = Received::default();
    for chunk in chunks {
        for token in decoder.process_bytes(chunk) {
            received.add(token.expect("the stream is well formed").text().unwrap_or_default());
        }
    }
    received
}

fn sse_stream(chunks: Vec<Bytes>, read: impl Fn(&str, &mut Received)) -> Received {
    drain(SseByteStream::new(whole(chunks)), |event, received| {
        read(&event.expect("the stream is well formed").data.unwrap_or_default(), received);
    })
}

fn eventsource(chunks: Vec<Bytes>, read: impl Fn(&str, &mut Received)) -> Received {
    drain(whole(chunks).eventsource(), |event, received| {
        read(&event.expect("the stream is well formed").data, received);
    })
}

fn whole(chunks: Vec<Bytes>) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin {
    stream::iter(chunks).map(Ok)
}

/// Reads a stream that never waits.
fn drain<S: Stream + Unpin>(mut items: S, read: impl Fn(S::Item, &mut Received)) -> Received {
    let all = async {
        let mut received = Received::default();
        while let Some(item) = items.next().await {
            read(item, &mut received);
        }
        received
    };
    all.now_or_never().expect("it has all it needs")
}
