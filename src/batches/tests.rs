use std::sync::atomic::{AtomicUsize, Ordering};

use futures_core::future::BoxFuture;

use super::*;
use crate::clock::TestClock;
use crate::request::CompletionRequest;
use crate::response::CompletionResponse;
use crate::stream::TokenStream;
use crate::transport::{Exchange, ReplayTransport};
use crate::{Message, Model, ProviderSettings, StreamToken, build_provider_in};

struct Rig {
    replay: Arc<ReplayTransport>,
    clock: Arc<TestClock>,
    client: BatchClient,
}

fn rig(kind: BatchKind, exchanges: impl IntoIterator<Item = Exchange>) -> Rig {
    let (replay, clock) = (Arc::new(ReplayTransport::new(exchanges)), Arc::new(TestClock::default()));
    let context = Context::for_tests(replay.clone(), clock.clone());
    let settings = match kind {
        BatchKind::OpenAi => ProviderSettings::new("groq").with("groqApiKey", "gsk"),
        BatchKind::Anthropic => ProviderSettings::new("anthropic").with("apiKey", "sk-ant"),
    };
    let provider = build_provider_in(&settings, &context).unwrap();
    Rig { replay, clock, client: BatchClient::new(provider, kind, &context) }
}

fn requests() -> [(String, ChatRequest); 2] {
    ["a", "b"].map(|id| (id.to_owned(), ChatRequest::new("Be good.", [Message::user(id)])))
}

#[tokio::test]
async fn a_batch_of_anthropic() {
    let state = |status: &str, processing: u32, succeeded: u32, errored: u32| {
        format!(
            r#"{{"id":"msgbatch_1","type":"message_batch","processing_status":"{status}","request_counts":{{"processing":{processing},"succeeded":{succeeded},"errored":{errored},"canceled":0,"expired":0}}}}"#
        )
    };
    let results = concat!(
        r#"{"custom_id":"b","result":{"type":"succeeded","message":{"id":"m","content":[{"type":"text","text":"Hi"},{"type":"tool_use","id":"t","name":"n","input":{"x":1}}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}}}"#,
        "\n",
        r#"{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"invalid_request_error","message":"no"}}}}"#,
        "\n"
    );
    let rig = rig(
        BatchKind::Anthropic,
        [
            Exchange::new(200).on("POST", "/v1/messages/batches").body(state("in_progress", 2, 0, 0)),
            Exchange::new(200).on("GET", "/v1/messages/batches/msgbatch_1").body(state(
                "in_progress",
                1,
                1,
                0,
            )),
            Exchange::new(503).on("GET", "/v1/messages/batches/msgbatch_1"),
            Exchange::new(200).on("GET", "/v1/messages/batches/msgbatch_1").body(state("ended", 0, 1, 1)),
            Exchange::new(200)
                .on("GET", "/v1/messages/batches/msgbatch_1/results")
                .body(results)
                .cut_at([1, 100, 300]),
        ],
    );
    let batch = rig.client.create(requests()).await.unwrap();
    assert_eq!((batch.ended, batch.progress.total), (false, 2));
    let mut seen = Vec::new();
    let batch = rig.client.wait(&batch.id, |progress| seen.push(progress.finished)).await.unwrap();
    assert_eq!((seen, batch.progress.failed), (vec![1, 2], 1));
    assert_eq!(*rig.clock.sleeps.lock().unwrap(), [5_000.0, 10_000.0]);
    let answers: Vec<_> = rig.client.results(&batch).await.unwrap().map(Result::unwrap).collect().await;
    let answer = answers[0].1.as_ref().unwrap();
    assert_eq!((answers[0].0.as_str(), answer.text.as_str(), answer.usage.input_tokens), ("b", "Hi", 3));
    assert_eq!(answer.tool_calls[0].raw_arguments, r#"{"x":1}"#);
    let error = answers[1].1.as_ref().unwrap_err();
    assert_eq!((error.message(), error.vendor_type()), ("no", Some("invalid_request_error")));

    let sent = &rig.replay.requests()[0];
    let body = Value::parse_bytes(sent.body.clone()).unwrap();
    let first = body.get("requests").unwrap().at(0).unwrap();
    assert_eq!(first.get("custom_id").unwrap().as_str(), Some("a"));
    assert!(first.get("params").unwrap().get("stream").is_none());
    assert_eq!(
        sent.headers.get("content-length").unwrap().as_bytes(),
        sent.body.len().to_string().as_bytes()
    );
    assert!(sent.headers.get("x-api-key").unwrap().is_secret());
}

#[tokio::test]
async fn a_batch_of_openai() {
    let state = |status: &str, more: &str| {
        format!(
            r#"{{"id":"batch_1","status":"{status}","request_counts":{{"total":2,"completed":1,"failed":1}}{more}}}"#
        )
    };
    let output = r#"{"custom_id":"a","response":{"status_code":200,"body":{"id":"c","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4}}}},"error":null}"#;
    let errors = r#"{"custom_id":"b","response":{"status_code":400,"body":{"error":{"message":"too long","code":"context"}}},"error":null}"#;
    let files = r#","output_file_id":"out","error_file_id":"err""#;
    let rig = rig(
        BatchKind::OpenAi,
        [
            Exchange::new(200).on("POST", "/openai/v1/files").body(r#"{"id":"file_1"}"#),
            Exchange::new(200).on("POST", "/openai/v1/batches").body(state("validating", "")),
            Exchange::new(200)
                .on("POST", "/openai/v1/batches/batch_1/cancel")
                .body(state("cancelled", files)),
            Exchange::new(200).on("GET", "/openai/v1/files/out/content").body(output),
            Exchange::new(200).on("GET", "/openai/v1/files/err/content").body(errors),
        ],
    );
    let batch = rig.client.create(requests()).await.unwrap();
    assert!(rig.client.results(&batch).await.is_err(), "it has not ended");
    let batch = rig.client.cancel(&batch.id).await.unwrap();
    assert!(batch.ended);
    let answers: Vec<_> = rig.client.results(&batch).await.unwrap().map(Result::unwrap).collect().await;
    let answer = answers[0].1.as_ref().unwrap();
    assert_eq!((answer.text.as_str(), answer.usage.cache_read_tokens.value()), ("Hi", Some(&4)));
    let error = answers[1].1.as_ref().unwrap_err();
    assert_eq!((error.status(), error.message()), (Some(400), "too long"));

    let upload = String::from_utf8(rig.replay.requests()[0].body.to_vec()).unwrap();
    let lines: Vec<&str> = upload.lines().filter(|line| line.starts_with('{')).collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[1].starts_with(r#"{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"#)
    );
    assert!(!upload.contains("stream"), "{upload}");
}

#[tokio::test]
async fn a_refusal_is_explained() {
    let refusal = Exchange::new(401).body(r#"{"error":{"message":"bad key"}}"#);
    let rig = rig(BatchKind::Anthropic, [refusal]);
    let error = rig.client.create(requests()).await.unwrap_err();
    assert_eq!(
        (error.message(), error.provider(), error.status()),
        ("bad key", Some("anthropic"), Some(401))
    );
    let other = BatchClient { kind: BatchKind::OpenAi, ..rig.client };
    assert_eq!(other.poll("x").await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_fan_out_is_bounded_and_tells_how_far_it_is() {
    let provider = Slow::default();
    let requests = (0..20).map(|_| ChatRequest::new("", []));
    let mut seen = Vec::new();
    let mut answers = fan_out(&provider, requests, 4, |done| seen.push((done.finished, done.failed)));
    let mut indices = Vec::new();
    while let Some((index, _)) = answers.next().await {
        indices.push(index);
    }
    drop(answers);
    indices.sort_unstable();
    assert_eq!(indices, (0..20).collect::<Vec<_>>());
    assert_eq!((seen.len(), seen[19]), (20, (20, 4)));
    assert_eq!(provider.most.load(Ordering::Relaxed), 4);
}

/// Takes a second, and fails every fifth time.
#[derive(Default)]
struct Slow {
    calls: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl AiProvider for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn model(&self) -> Model {
        Model::without_info("m")
    }

    fn chat_stream(&self, _: ChatRequest) -> BoxFuture<'_, Result<TokenStream, Error>> {
        Box::pin(async {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.now.fetch_sub(1, Ordering::Relaxed);
            if call % 5 == 4 {
                return Err(Error::status_error(500, "no"));
            }
            Ok(TokenStream::from_tokens(futures_util::stream::iter([Ok(StreamToken::Text("x".into()))])))
        })
    }

    fn complete(&self, _: CompletionRequest) -> BoxFuture<'_, Result<CompletionResponse, Error>> {
        Box::pin(async { Err(Error::configuration("not here")) })
    }
}
