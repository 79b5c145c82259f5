//! The event decoder over a recorded stream: time by size of the chunks, cost by size of one event, and
//! allocations per event.
//!
//! `cargo bench --bench sse`; the figures of the last run stand in `benches/README.md`.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

mod inputs;

/// The recorded stream is repeated to a body of this size.
const BODY: usize = 4 << 20;

fn recorded_streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse/recorded");
    for (name, case) in
        [("openai", "openai/stream-text-multibyte"), ("anthropic", "anthropic/stream-thinking")]
    {
        let body = inputs::recorded(case, BODY);
        for size in [16 * 1024, 1400, 61] {
            let chunks = inputs::cut(&body, size);
            let mut events = 0;
            let allocated = allocation_counter::measure(|| events = inputs::count_events(&chunks));
            println!(
                "{name}, {size} B chunks: {events} events, {:.4} allocations and {:.1} B allocated an event",
                allocated.count_total as f64 / events as f64,
                allocated.bytes_total as f64 / events as f64,
            );
            group.throughput(Throughput::Elements(events as u64));
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| inputs::count_events(&chunks));
            });
        }
    }
    group.finish();
}

/// One event of growing size in chunks of 1,400 bytes: the time per byte must not grow.
fn one_large_event(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sse/one_event");
    for kibibytes in [64, 256, 1024, 4096, 16384] {
        let body = Bytes::from(format!("data: {}\n\n", "x".repeat(kibibytes * 1024)));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.sample_size(20);
        group.bench_function(BenchmarkId::from_parameter(format!("{kibibytes} KiB")), |bencher| {
            bencher.iter_batched(
                || inputs::cut(&body, 1400),
                |chunks| assert_eq!(inputs::count_events(&chunks), 1),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, recorded_streams, one_large_event);
criterion_main!(benches);
