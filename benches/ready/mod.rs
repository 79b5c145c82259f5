//! A wire that answers every request at once, so that nothing else is measured than what stands in front of it.

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use futures_core::future::BoxFuture;
use samewire::transport::{Headers, HttpRequest, HttpResponse, Transport, TransportError};
use samewire::{AiProvider, ProviderSettings};
use tokio::runtime::Runtime;

use crate::inputs;

/// Answers every request at once.
pub(crate) struct Ready;

impl Transport for Ready {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
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

/// A provider that needs nothing else.
pub(crate) fn settings() -> ProviderSettings {
    ProviderSettings::new("openai").with("openAiApiKey", "k").with("openAiModelId", "gpt-4o")
}

/// Measures a small chat, and prints how often it allocates.
pub(crate) fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    runtime: &Runtime,
    provider: &dyn AiProvider,
) {
    let chat = || runtime.block_on(provider.chat(inputs::small_chat())).expect("an answer");
    chat();
    let allocated = allocation_counter::measure(|| drop(chat()));
    println!("{name}: {} allocations", allocated.count_total);
    group.bench_function(name, |bencher| bencher.iter(chat));
}
