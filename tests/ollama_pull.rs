//! Pulling a model over a replayed connection.

#![cfg(feature = "http")]

use std::sync::Arc;

use futures_util::StreamExt;
use samewire::transport::{Disconnect, Exchange, ReplayTransport};
use samewire::{Context, Error, ErrorKind, ProviderSettings, ollama};

const LINES: &str = concat!(
    "{\"status\":\"pulling manifest\"}\n",
    "{\"status\":\"pulling 6a0746a1ec1a\",\"digest\":\"sha256:6a0746a1ec1a\",\"total\":4661211808,\"completed\":241970}\n",
    "\n",
    "{\"status\":\"pulling 6a0746a1ec1a\",\"digest\":\"sha256:6a0746a1ec1a\",\"total\":4661211808,\"completed\":4661211808}\n",
    "{\"status\":\"verifying sha256 digest\"}\n",
    "{\"status\":\"success\"}",
);

async fn pull(exchange: Exchange) -> (Result<Vec<String>, Error>, Arc<ReplayTransport>) {
    let replay = Arc::new(ReplayTransport::new([exchange]));
    let context = Context::with_transport(replay.clone());
    let settings = ProviderSettings::new("ollama").with("ollamaApiKey", "top-secret");
    let reports = async {
        let mut stream = ollama::pull(&settings, &context, "llama3:8b").await?;
        let mut reports = Vec::new();
        while let Some(report) = stream.next().await {
            let report = report?;
            reports.push(format!("{} {:?}/{:?}", report.status, report.completed, report.total));
        }
        assert!(stream.next().await.is_none());
        Ok(reports)
    };
    (reports.await, replay)
}

#[tokio::test]
async fn progress_is_reported_for_every_cut() {
    for cuts in [vec![], (1..LINES.len()).collect::<Vec<_>>(), vec![40, 41, 100, 300]] {
        let (reports, replay) =
            pull(Exchange::new(200).on("POST", "/api/pull").body(LINES).cut_at(cuts)).await;
        assert_eq!(
            reports.unwrap(),
            [
                "pulling manifest None/None",
                "pulling 6a0746a1ec1a Some(241970)/Some(4661211808)",
                "pulling 6a0746a1ec1a Some(4661211808)/Some(4661211808)",
                "verifying sha256 digest None/None",
                "success None/None",
            ]
        );
        let request = &replay.requests()[0];
        assert_eq!(request.url, "http://localhost:11434/api/pull");
        assert_eq!(request.body, r#"{"model":"llama3:8b","stream":true}"#);
        assert!(!format!("{request:?}").contains("top-secret"));
    }
}

#[tokio::test]
async fn a_failed_download_is_an_error() {
    let body =
        "{\"status\":\"pulling manifest\"}\n{\"error\":\"pull model manifest: file does not exist\"}\n";
    let error = pull(Exchange::new(200).body(body)).await.0.unwrap_err();
    assert_eq!(error.message(), "pull model manifest: file does not exist");
    assert_eq!((error.kind(), error.provider()), (ErrorKind::InStream, Some("ollama")));

    let error = pull(Exchange::new(200).body("{\"status\":\"pulling manifest\"}\n")).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);

    let broken = Exchange::new(200).body("{\"status\":\"pulling manifest\"}\n").disconnect(Disconnect::Mid);
    assert_eq!(pull(broken).await.0.unwrap_err().kind(), ErrorKind::Interrupted);

    let refused =
        Exchange::new(404).header("content-type", "application/json").body(r#"{"error":"not here"}"#);
    let error = pull(refused).await.0.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "not here"));
}
