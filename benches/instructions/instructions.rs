//! Instructions of encoding, framing and decoding, counted by callgrind: the same on a busy machine as on a quiet one.
//!
//! `scripts/instructions` runs it; the figures of the last run stand in `benches/README.md`. A case fails when it needs
//! more than its ceiling, which stands beside it: what it needed when it was last agreed on, and 5 %. Who makes a case
//! dearer on purpose raises its ceiling in the same change; who makes it cheaper lowers it.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use gungraun::{Callgrind, EventKind, prelude::*};
use samewire::{AiProvider, ChatRequest};

#[path = "../inputs/mod.rs"]
mod inputs;

type Provider = Arc<dyn AiProvider>;

/// About 800 events of OpenAI's form and 2,000 of Anthropic's.
const BODY: usize = 256 << 10;

fn openai(chunk: usize) -> Vec<Bytes> {
    inputs::cut(&inputs::openai_deltas(BODY), chunk)
}

fn anthropic(chunk: usize) -> Vec<Bytes> {
    inputs::cut(&inputs::anthropic_deltas(BODY), chunk)
}

fn openai_by_event() -> Vec<Bytes> {
    inputs::cut_by_event(&inputs::openai_deltas(BODY))
}

#[library_benchmark]
#[bench::openai_16_kib(args = (openai(16 << 10)), config = at_most(225_000))]
#[bench::openai_1_event(args = (openai_by_event()), config = at_most(293_000))]
#[bench::openai_61_bytes(args = (openai(61)), config = at_most(2_170_000))]
#[bench::anthropic_16_kib(args = (anthropic(16 << 10)), config = at_most(613_000))]
#[bench::anthropic_61_bytes(args = (anthropic(61)), config = at_most(3_260_000))]
fn sse(chunks: Vec<Bytes>) -> (usize, Vec<Bytes>) {
    (inputs::count_events(black_box(&chunks)), chunks)
}

#[library_benchmark]
#[bench::openai_16_kib(args = (inputs::openai(), openai(16 << 10)), config = at_most(818_000))]
#[bench::openai_61_bytes(args = (inputs::openai(), openai(61)), config = at_most(3_470_000))]
#[bench::anthropic_16_kib(args = (inputs::anthropic(), anthropic(16 << 10)), config = at_most(1_910_000))]
#[bench::anthropic_61_bytes(args = (inputs::anthropic(), anthropic(61)), config = at_most(5_310_000))]
#[bench::openai_recorded(args = (inputs::openai(), recorded("openai/stream-text-multibyte")), config = at_most(1_350_000))]
#[bench::anthropic_recorded(args = (inputs::anthropic(), recorded("anthropic/stream-thinking")), config = at_most(9_500_000))]
fn decode(provider: Provider, chunks: Vec<Bytes>) -> (usize, Provider, Vec<Bytes>) {
    (inputs::count_tokens(black_box(&*provider), black_box(&chunks)), provider, chunks)
}

fn recorded(case: &str) -> Vec<Bytes> {
    inputs::cut(&inputs::recorded(case, BODY), 16 << 10)
}

#[library_benchmark]
#[bench::openai_small_chat(args = (inputs::openai(), inputs::small_chat()), config = at_most(33_000))]
#[bench::openai_200_messages_50_tools(args = (inputs::openai(), large_chat()), config = at_most(4_760_000))]
#[bench::openai_200_messages_50_tools_sent_before(args = (inputs::openai(), sent_before(large_chat())), config = at_most(4_240_000))]
#[bench::anthropic_small_chat(args = (inputs::anthropic(), inputs::small_chat()), config = at_most(40_300))]
#[bench::anthropic_200_messages_50_tools(args = (inputs::anthropic(), large_chat()), config = at_most(4_280_000))]
fn encode(provider: Provider, request: ChatRequest) -> (usize, Provider, ChatRequest) {
    let encoded = black_box(&*provider).encode(black_box(&request)).expect("the request can be made");
    (encoded.body.len(), provider, request)
}

fn large_chat() -> ChatRequest {
    inputs::long_chat().with_tools(inputs::fifty_tools())
}

/// As a conversation of that length is: its tools were sent with each turn.
fn sent_before(request: ChatRequest) -> ChatRequest {
    inputs::openai().encode(&request).expect("the request can be made");
    request
}

/// Fails the case above that many instructions.
fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

library_benchmark_group!(name = all, benchmarks = [encode, sse, decode]);
main!(library_benchmark_groups = all);
