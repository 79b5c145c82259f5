//! A world without network, clock and files, for providers under test.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use samewire::clock::Clock;
use samewire::transport::ReplayTransport;
use samewire::{Context, Ids};

struct Still;

impl Clock for Still {
    fn now(&self) -> f64 {
        1_768_478_400_000.0
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> f64 {
        0.5
    }
}

impl Ids for Still {
    fn uuid_v4(&self) -> String {
        "00000000-0000-4000-8000-000000000000".into()
    }

    fn uuid_v7(&self, _: f64) -> String {
        "00000000-0000-7000-8000-000000000000".into()
    }
}

pub(crate) fn context() -> Context {
    Context {
        transport: Arc::new(ReplayTransport::new([])),
        clock: Arc::new(Still),
        ids: Arc::new(Still),
        environment: Arc::default(),
        home: None,
        cache_dir: None,
        model_lists: Arc::default(),
        identity: Arc::default(),
    }
}
