//! Conversations to requests: a small chat, a long one, many tools; beside writing the same JSON from a value that is
//! there already.
//!
//! `cargo bench --bench encode`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samewire::json::Value;
use samewire::{AiProvider, ChatRequest};

mod inputs;

fn conversations() -> [(&'static str, ChatRequest); 4] {
    let with_tools = |request: ChatRequest| request.with_tools(inputs::fifty_tools());
    [
        ("small chat", inputs::small_chat()),
        ("50 tools", with_tools(inputs::small_chat())),
        ("200 messages", inputs::long_chat()),
        ("200 messages, 50 tools", with_tools(inputs::long_chat())),
    ]
}

fn encode(criterion: &mut Criterion) {
    let (openai, anthropic) = (inputs::openai(), inputs::anthropic());
    let providers: [(&str, &dyn AiProvider); 2] = [("openai", &*openai), ("anthropic", &*anthropic)];
    for (name, provider) in providers {
        let mut group = criterion.benchmark_group(format!("encode/{name}"));
        for (conversation, request) in conversations() {
            let mut body = provider.encode(&request).expect("the request can be made").body;
            let allocated = allocation_counter::measure(|| {
                body = provider.encode(&request).expect("the request can be made").body;
            });
            println!("{name}, {conversation}: {} bytes, {} allocations", body.len(), allocated.count_total);
            let value = Value::parse(std::str::from_utf8(&body).expect("UTF-8")).expect("bodies are JSON");
            group.throughput(Throughput::Bytes(body.len() as u64));
            group.bench_function(BenchmarkId::new("encode", conversation), |bencher| {
                bencher.iter(|| provider.encode(&request).expect("the request can be made"));
            });
            // Anthropic's SDK indents its bodies.
            let write = if name == "anthropic" { Value::to_json_pretty } else { Value::to_json };
            assert_eq!(write(&value).as_bytes(), &body[..], "the same bytes");
            group.bench_function(BenchmarkId::new("write alone", conversation), |bencher| {
                bencher.iter(|| write(&value));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2)).warm_up_time(std::time::Duration::from_millis(500));
    targets = encode
}
criterion_main!(benches);
