//! What stands around a call: each layer alone, the default stack, a manager, and its limiter and breaker under
//! contention. The wire is a replay, so that nothing else is measured.
//!
//! `cargo bench --bench manager`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samewire::clock::{Clock, SystemClock};
use samewire::layers::{DecodeLayer, RedirectLayer, RetryLayer, standard};
use samewire::manager::{
    AdaptiveRateLimiter, BreakerConfig, CircuitBreaker, LimiterConfig, ManagerConfig, ProviderConfig,
    ProviderManager, Route,
};
use samewire::transport::{Headers, HttpRequest, HttpResponse, Transport, TransportError};
use samewire::{AiProvider, Context, ProviderSettings, build_provider_in};
use tokio::runtime::Runtime;

mod inputs;

/// Answers every request at once.
struct Ready;

impl Transport for Ready {
    fn send(
        &self,
        request: HttpRequest,
    ) -> futures_core::future::BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let body = futures_util::stream::iter([Ok(bytes::Bytes::from_static(ANSWER))]);
            let mut headers = Headers::default();
            headers.append("content-type", "text/event-stream");
            Ok(HttpResponse {
                status: 200,
                reason: "OK".into(),
                headers,
                url: request.url,
                body: Box::pin(body),
            })
        })
    }
}

const ANSWER: &[u8] =
    b"data: {\"id\":\"c\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn settings() -> ProviderSettings {
    ProviderSettings::new("openai").with("openAiApiKey", "k").with("openAiModelId", "gpt-4o")
}

fn layers(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let wires: [(&str, Arc<dyn Transport>); 5] = [
        ("none", Arc::new(Ready)),
        ("decode", Arc::new(DecodeLayer::new(Arc::new(Ready)))),
        ("redirect", Arc::new(RedirectLayer::new(Arc::new(Ready)))),
        ("retry", Arc::new(RetryLayer::new(Arc::new(Ready), clock()))),
        ("standard", standard(Arc::new(Ready), clock())),
    ];
    let mut group = criterion.benchmark_group("chat through");
    for (name, wire) in wires {
        let provider =
            build_provider_in(&settings(), &Context::with_transport(wire)).expect("whole settings");
        group.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(provider.chat(inputs::small_chat())).expect("an answer"));
        });
    }
    let context = Context::with_transport(standard(Arc::new(Ready), clock()));
    let config = ManagerConfig::new()
        .provider(ProviderConfig::new("one", settings()))
        .provider(ProviderConfig::new("two", settings()))
        .route(Route::ordered("chat", ["one", "two"]))
        .default_target("chat");
    let manager = ProviderManager::new(config, context).expect("a whole configuration");
    group.bench_function("manager", |bencher| {
        bencher.iter(|| runtime.block_on(manager.chat(inputs::small_chat())).expect("an answer"));
    });
    group.bench_function("explain a route", |bencher| {
        let request = inputs::small_chat();
        bencher.iter(|| manager.explain_route(&request).expect("a route"));
    });
    group.finish();
}

/// Many callers at one limiter and one breaker.
fn contention(criterion: &mut Criterion) {
    const CALLS: usize = 1000;
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("contention");
    group.throughput(Throughput::Elements(CALLS as u64));
    for callers in [1, 10, 100] {
        let limits = LimiterConfig { concurrent_requests: Some(10), ..LimiterConfig::default() };
        let limiter = AdaptiveRateLimiter::new("bench", limits, clock());
        group.bench_function(BenchmarkId::new("limiter", callers), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let workers = (0..callers).map(|_| {
                        let limiter = limiter.clone();
                        tokio::spawn(async move {
                            for _ in 0..CALLS / callers {
                                drop(limiter.acquire(1).await.expect("room"));
                                tokio::task::yield_now().await;
                            }
                        })
                    });
                    futures_util::future::join_all(workers.collect::<Vec<_>>()).await;
                });
            });
        });
        let breaker = CircuitBreaker::new("bench", BreakerConfig::default());
        group.bench_function(BenchmarkId::new("breaker", callers), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let workers = (0..callers).map(|_| {
                        let breaker = breaker.clone();
                        tokio::spawn(async move {
                            for _ in 0..CALLS / callers {
                                breaker.try_enter().expect("closed").success();
                            }
                        })
                    });
                    futures_util::future::join_all(workers.collect::<Vec<_>>()).await;
                });
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(1)).warm_up_time(std::time::Duration::from_millis(300));
    targets = layers, contention
}
criterion_main!(benches);
