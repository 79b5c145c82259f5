//! What the layers between a provider and the wire cost a small chat: each alone, and the default stack. The wire
//! answers at once.
//!
//! `cargo bench --bench layers`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use ready::Ready;
use samewire::clock::{Clock, SystemClock};
use samewire::layers::{
    BodyLimitLayer, DEFAULT_BODY_LIMIT, DecodeLayer, RedirectLayer, RetryLayer, SignLayer, standard,
};
use samewire::transport::Transport;
use samewire::{Context, build_provider_in};
use tokio::runtime::Runtime;

mod inputs;
mod ready;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn layers(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let wire = || Arc::new(Ready);
    let stacks: [(&str, Arc<dyn Transport>); 7] = [
        ("none", wire()),
        ("sign", Arc::new(SignLayer::new(wire(), clock()))),
        ("decode", Arc::new(DecodeLayer::new(wire()))),
        ("body limit", Arc::new(BodyLimitLayer::new(wire(), DEFAULT_BODY_LIMIT))),
        ("redirect", Arc::new(RedirectLayer::new(wire()))),
        ("retry", Arc::new(RetryLayer::new(wire(), clock()))),
        ("standard", standard(wire(), clock())),
    ];
    let mut group = criterion.benchmark_group("layers");
    for (name, wire) in stacks {
        let context = Context::with_transport(wire);
        let provider = build_provider_in(&ready::settings(), &context).expect("whole settings");
        ready::bench(&mut group, name, &runtime, &*provider);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(1)).warm_up_time(std::time::Duration::from_millis(300));
    targets = layers
}
criterion_main!(benches);
