//! Bodies to tokens: time and allocations per event, by protocol and by size of the chunks; framing, JSON and the
//! building of tokens apart.
//!
//! `cargo bench --bench decode`; the figures of the last run stand in `benches/README.md`.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samewire::AiProvider;
use samewire::frames::{SseDecoder, SseDialect};
use samewire::json::Document;

mod inputs;

const BODY: usize = 4 << 20;

/// The ways in which a network cuts a body.
fn cuts(body: &Bytes) -> [(&'static str, Vec<Bytes>); 4] {
    [
        ("16 KiB", inputs::cut(body, 16 * 1024)),
        ("1 event", inputs::cut_by_event(body)),
        ("1400 B", inputs::cut(body, 1400)),
        ("61 B", inputs::cut(body, 61)),
    ]
}

/// The floor: a look at each line's end.
fn lines(chunks: &[Bytes]) -> usize {
    chunks.iter().map(|chunk| memchr::memchr_iter(b'\n', chunk).count()).sum()
}

fn documents(chunks: &[Bytes]) -> usize {
    let (mut decoder, mut document) = (SseDecoder::new(SseDialect::BomPerLine), Document::new());
    let mut events = 0;
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Some(event) = decoder.next_event() {
            let data = event.expect("the stream is well formed").data;
            std::hint::black_box(document.parse(data).expect("events are JSON"));
            events += 1;
        }
    }
    events
}

fn text_deltas(criterion: &mut Criterion) {
    let streams: [(&str, Bytes, &dyn AiProvider); 2] = [
        ("openai", inputs::openai_deltas(BODY), &*inputs::openai()),
        ("anthropic", inputs::anthropic_deltas(BODY), &*inputs::anthropic()),
    ];
    for (name, body, provider) in streams {
        let mut group = criterion.benchmark_group(format!("decode/{name}"));
        for (cut, chunks) in cuts(&body) {
            let mut tokens = 0;
            let allocated = allocation_counter::measure(|| tokens = inputs::count_tokens(provider, &chunks));
            println!(
                "{name}, {cut}: {tokens} tokens, {:.4} allocations and {:.1} B allocated a token",
                allocated.count_total as f64 / tokens as f64,
                allocated.bytes_total as f64 / tokens as f64,
            );
            group.throughput(Throughput::Elements(tokens as u64));
            group.bench_function(BenchmarkId::new("memchr", cut), |b| b.iter(|| lines(&chunks)));
            group.bench_function(BenchmarkId::new("frames", cut), |b| {
                b.iter(|| inputs::count_events(&chunks));
            });
            group.bench_function(BenchmarkId::new("frames + JSON", cut), |b| b.iter(|| documents(&chunks)));
            group.bench_function(BenchmarkId::new("tokens", cut), |b| {
                b.iter(|| inputs::count_tokens(provider, &chunks));
            });
        }
        group.finish();
    }
}

/// Recorded answers of every protocol, whole.
fn protocols(criterion: &mut Criterion) {
    let recorded = [
        (
            "openai",
            "openai/stream-text-multibyte",
            r#"{"apiProvider":"openai","openAiApiKey":"k","openAiModelId":"m"}"#,
        ),
        ("anthropic", "anthropic/stream-thinking", r#"{"apiProvider":"anthropic","apiKey":"k"}"#),
    ];
    let mut group = criterion.benchmark_group("decode/recorded");
    for (name, case, settings) in recorded {
        let provider = inputs::provider(settings);
        let chunks = inputs::cut(&inputs::recorded(case, BODY), 16 * 1024);
        group.throughput(Throughput::Elements(inputs::count_events(&chunks) as u64));
        group.bench_function(name, |bencher| bencher.iter(|| inputs::count_tokens(&*provider, &chunks)));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = text_deltas, protocols
}
criterion_main!(benches);
