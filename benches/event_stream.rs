//! The decoder of AWS's binary event stream, checksums included, beside checksums alone.
//!
//! `cargo bench --bench event_stream`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samewire::EventStreamDecoder;

mod inputs;

/// About as many bytes as the other benches read.
const BODY: usize = 4 << 20;

fn count_events(chunks: &[Bytes]) -> usize {
    let mut decoder = EventStreamDecoder::new();
    let mut events = 0;
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Some(event) = decoder.next_event() {
            std::hint::black_box(event.expect("the stream is well formed"));
            events += 1;
        }
    }
    events
}

fn text_deltas(criterion: &mut Criterion) {
    let event = inputs::event_message(
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"text":" several words of text"},"p":"abcdefghijklmn"}"#,
    );
    let body = Bytes::from(event.repeat(BODY / event.len()));
    let mut group = criterion.benchmark_group("event_stream");
    for (cut, size) in [("16 KiB", 16 * 1024), ("1 event", event.len()), ("1400 B", 1400), ("61 B", 61)] {
        let chunks = inputs::cut(&body, size);
        let mut events = 0;
        let allocated = allocation_counter::measure(|| events = count_events(&chunks));
        println!(
            "{cut}: {events} events, {:.4} allocations an event",
            allocated.count_total as f64 / events as f64
        );
        group.throughput(Throughput::Elements(events as u64));
        group.bench_function(BenchmarkId::new("checksums alone", cut), |bencher| {
            bencher.iter(|| chunks.iter().map(|chunk| crc32fast::hash(chunk)).fold(0, |all, sum| all ^ sum));
        });
        group.bench_function(BenchmarkId::new("decode", cut), |bencher| {
            bencher.iter(|| count_events(&chunks));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = text_deltas
}
criterion_main!(benches);
