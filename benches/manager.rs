//! What a manager costs: dispatching a small chat, choosing a route, and its limiter and breaker under contention. The
//! wire answers at once.
//!
//! `cargo bench --bench manager`

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ready::Ready;
use samewire::clock::{Clock, SystemClock};
use samewire::layers::standard;
use samewire::manager::{
    AdaptiveRateLimiter, BreakerConfig, CircuitBreaker, LimiterConfig, ManagerConfig, ProviderConfig,
    ProviderManager, Route,
};
use samewire::{AiProvider, Context, build_provider_in};
use tokio::runtime::Runtime;

mod inputs;
mod ready;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn context() -> Context {
    Context::with_transport(standard(Arc::new(Ready), clock()))
}

fn manager() -> ProviderManager {
    let config = ManagerConfig::new()
        .provider(ProviderConfig::new("one", ready::settings()))
        .provider(ProviderConfig::new("two", ready::settings()))
        .route(Route::ordered("chat", ["one", "two"]))
        .default_target("chat");
    ProviderManager::new(config, context()).expect("a whole configuration")
}

/// A whole call, with a manager and without.
fn dispatch(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let alone = build_provider_in(&ready::settings(), &context()).expect("whole settings");
    let managed = manager();
    let mut group = criterion.benchmark_group("dispatch");
    let providers: [(&str, &dyn AiProvider); 2] = [("provider", &*alone), ("manager", &managed)];
    for (name, provider) in providers {
        ready::bench(&mut group, name, &runtime, provider);
    }
    group.finish();
}

/// Many callers at one manager, one limiter and one breaker.
fn contention(criterion: &mut Criterion) {
    const CALLS: usize = 1000;
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("contention");
    group.throughput(Throughput::Elements(CALLS as u64));
    let managed = Arc::new(manager());
    for callers in [1, 10, 100] {
        group.bench_function(BenchmarkId::new("route", callers), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let workers = (0..callers).map(|_| {
                        let managed = managed.clone();
                        tokio::spawn(async move {
                            let request = inputs::small_chat();
                            for _ in 0..CALLS / callers {
                                managed.explain_route(&request).expect("a route");
                            }
                        })
                    });
                    futures_util::future::join_all(workers.collect::<Vec<_>>()).await;
                });
            });
        });
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
    targets = dispatch, contention
}
criterion_main!(benches);
