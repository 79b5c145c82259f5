//! Tries a request again as the reference's SDKs do.

use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;

use super::aws_error::error_name;
use super::retry_after::{asked_date, asked_ms};
use crate::clock::Clock;
use crate::transport::{
    Headers, HttpRequest, HttpResponse, RetryPolicy, Transport, TransportError, TransportErrorKind,
};

/// Obeys [`RequestOptions::retry`](crate::transport::RequestOptions::retry).
///
/// The last failure is the outcome: a response of 400 and above is returned like any other, with its
/// whole body. Nothing is tried again once a good response head has arrived. Dropping the future
/// cancels the attempt or the wait.
///
/// Signing must happen *inside* this layer, as every attempt has its own date; following redirects too,
/// as the count of retries starts with the first URL.
#[derive(Clone)]
pub struct RetryLayer {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl RetryLayer {
    /// Wraps a transport; waits and random numbers come from the clock.
    pub fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock }
    }

    async fn attempts(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let policy = request.options.retry;
        let mut retries: u8 = 0;
        loop {
            mark_attempt(&mut request.headers, policy, retries);
            let mut outcome = self.inner.send(request.clone()).await;
            let aws_name = match (policy, &mut outcome) {
                (RetryPolicy::AwsStandard { .. }, Ok(response)) => error_name(response).await,
                _ => String::new(),
            };
            let Some(wait) = self.wait(&request, &outcome, &aws_name, retries) else { return outcome };
            drop(outcome);
            self.clock.sleep(wait).await;
            retries += 1;
        }
    }

    /// How long to wait before the next attempt; `None` if the outcome is final.
    fn wait(
        &self,
        request: &HttpRequest,
        outcome: &Result<HttpResponse, TransportError>,
        aws_name: &str,
        retries: u8,
    ) -> Option<Duration> {
        if outcome.as_ref().is_ok_and(|response| request.options.final_statuses.contains(&response.status)) {
            return None;
        }
        let ms = match request.options.retry {
            RetryPolicy::Never => return None,
            RetryPolicy::Stainless { .. } => self.stainless(outcome, retries)?,
            RetryPolicy::Steps { answers, drops } => {
                let steps = match outcome {
                    Ok(response) => matches!(response.status, 408 | 429 | 500..=599).then_some(answers)?,
                    Err(error) => never_answered(error).then_some(drops)?,
                };
                return steps.get(usize::from(retries)).copied();
            }
            RetryPolicy::AwsStandard { attempts } => {
                self.aws_standard(request, outcome.as_ref().ok()?, aws_name, (retries, attempts))?
            }
        };
        Duration::try_from_secs_f64(ms / 1000.0).ok()
    }

    fn stainless(&self, outcome: &Result<HttpResponse, TransportError>, retries: u8) -> Option<f64> {
        if retries >= STAINLESS_RETRIES {
            return None;
        }
        let asked = match outcome {
            Ok(response) if (200..300).contains(&response.status) => return None,
            Ok(response) => {
                let retry = match response.headers.joined("x-should-retry").as_deref() {
                    Some("true") => true,
                    Some("false") => false,
                    _ => matches!(response.status, 408 | 409 | 429 | 500..),
                };
                if !retry {
                    return None;
                }
                asked_ms(&response.headers, self.clock.now())
            }
            Err(error) if never_answered(error) => None,
            Err(_) => return None,
        };
        asked.filter(|ms| *ms > 0.0 && *ms < 60_000.0).or_else(|| {
            let seconds = (0.5 * f64::from(1_u32 << retries)).min(8.0);
            Some(seconds * (1.0 - self.clock.random() * 0.25) * 1000.0)
        })
    }

    fn aws_standard(
        &self,
        request: &HttpRequest,
        response: &HttpResponse,
        name: &str,
        (retries, attempts): (u8, u8),
    ) -> Option<f64> {
        let now = self.clock.now();
        let resigned = request.options.signer.as_ref().is_some_and(|signer| signer.answered(response, now));
        if retries + 1 >= attempts || response.status < 400 {
            return None;
        }
        let throttled = response.status == 429 || AWS_THROTTLING.contains(&name);
        let transient = matches!(response.status, 500 | 502 | 503 | 504) || AWS_TRANSIENT.contains(&name);
        if !throttled && !transient && !resigned {
            return None;
        }
        let base = if throttled { 500.0 } else { 100.0 };
        let backoff = (self.clock.random() * base * 2_f64.powi(retries.into())).floor();
        let asked = asked_date(&response.headers).map_or(0.0, |date| date - now);
        Some(backoff.max(asked).min(20_000.0))
    }
}

impl Transport for RetryLayer {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        if request.options.retry == RetryPolicy::Never {
            return self.inner.send(request);
        }
        Box::pin(self.attempts(request))
    }
}

/// Writes the number of the attempt into the header that carries it, in its place.
fn mark_attempt(headers: &mut Headers, policy: RetryPolicy, retries: u8) {
    let (name, value) = match policy {
        RetryPolicy::Stainless { count_header: Some(name) } => (name, retries.to_string()),
        RetryPolicy::AwsStandard { attempts } => {
            ("amz-sdk-request", format!("attempt={}; max={attempts}", retries + 1))
        }
        _ => return,
    };
    if headers.get(name).is_some() {
        headers.set(name, value);
    }
}

fn never_answered(error: &TransportError) -> bool {
    !matches!(error.kind, TransportErrorKind::Request | TransportErrorKind::Encoding)
}

const STAINLESS_RETRIES: u8 = 2;

const AWS_TRANSIENT: [&str; 4] =
    ["ModelNotReadyException", "RequestTimeout", "RequestTimeoutException", "TimeoutError"];

const AWS_THROTTLING: [&str; 14] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::TestClock;
    use crate::layers::SignLayer;
    use crate::transport::{Disconnect, Exchange, ReplayTransport, RequestOptions, Sign};

    const STAINLESS: RetryPolicy = RetryPolicy::Stainless { count_header: Some("X-Stainless-Retry-Count") };
    const AWS: RetryPolicy = RetryPolicy::AwsStandard { attempts: 3 };

    #[tokio::test]
    async fn final_statuses_are_final() {
        let replay = Arc::new(ReplayTransport::new([Exchange::new(503), Exchange::new(429)]));
        let layer = RetryLayer::new(replay.clone(), Arc::new(TestClock::default()));
        let options =
            RequestOptions { retry: STAINLESS, final_statuses: &[429], ..RequestOptions::default() };
        let request = HttpRequest {
            method: "GET",
            url: "https://example.com/".into(),
            headers: Headers::new(),
            body: bytes::Bytes::new(),
            options,
        };
        assert_eq!(layer.send(request).await.unwrap().status, 429);
        assert_eq!(replay.requests().len(), 2);
    }

    struct Run {
        outcome: Result<u16, TransportErrorKind>,
        waits: Vec<f64>,
        requests: Vec<HttpRequest>,
    }

    async fn run(retry: RetryPolicy, exchanges: impl IntoIterator<Item = Exchange>) -> Run {
        let replay = Arc::new(ReplayTransport::new(exchanges));
        let clock = Arc::new(TestClock::default());
        let layer = RetryLayer::new(replay.clone(), clock.clone());
        let headers = [("a", "1"), ("x-stainless-retry-count", "0"), ("amz-sdk-request", "?"), ("b", "2")];
        let request = HttpRequest {
            method: "POST",
            url: "https://h/".to_owned(),
            headers: Headers::from_iter(headers),
            body: "{}".into(),
            options: RequestOptions { retry, ..RequestOptions::default() },
        };
        let outcome = layer.send(request).await;
        assert_eq!(replay.left(), 0, "fewer requests than expected");
        let waits = clock.sleeps.lock().unwrap().clone();
        let outcome = outcome.map(|response| response.status).map_err(|error| error.kind);
        Run { outcome, waits, requests: replay.requests() }
    }

    async fn waits_after(headers: &[(&'static str, &'static str)]) -> Vec<f64> {
        let failed = headers.iter().fold(Exchange::new(429), |e, (name, value)| e.header(*name, *value));
        let run = run(STAINLESS, [failed, Exchange::new(200)]).await;
        assert_eq!(run.outcome, Ok(200));
        run.waits
    }

    #[tokio::test]
    async fn stainless_counts_its_retries_in_place() {
        let run = run(STAINLESS, [500, 529, 408].map(Exchange::new)).await;
        assert_eq!(run.outcome, Ok(408));
        assert_eq!(run.waits, [437.5, 875.0]);
        for (count, request) in run.requests.iter().enumerate() {
            let want = [
                ("a", "1"),
                ("x-stainless-retry-count", &count.to_string()),
                ("amz-sdk-request", "?"),
                ("b", "2"),
            ];
            let got: Vec<_> =
                request.headers.iter().map(|(n, v)| (n, str::from_utf8(v.as_bytes()).unwrap())).collect();
            assert_eq!(got, want);
            assert_eq!(request.body, "{}");
        }
    }

    #[tokio::test]
    async fn stainless_statuses() {
        for status in [200, 299, 300, 304, 400, 401, 404, 410, 422, 424] {
            assert_eq!(run(STAINLESS, [Exchange::new(status)]).await.outcome, Ok(status));
        }
        for status in [408, 409, 429, 500, 501, 520, 599] {
            let run = run(STAINLESS, [status, 200].map(Exchange::new)).await;
            assert_eq!(run.outcome, Ok(200), "{status}");
        }
    }

    #[tokio::test]
    async fn stainless_should_retry() {
        let answer = |status, value: &'static str| Exchange::new(status).header("x-should-retry", value);
        assert_eq!(run(STAINLESS, [answer(400, "true"), Exchange::new(200)]).await.outcome, Ok(200));
        assert_eq!(run(STAINLESS, [answer(500, "false")]).await.outcome, Ok(500));
        assert_eq!(run(STAINLESS, [answer(400, "TRUE")]).await.outcome, Ok(400));
        assert_eq!(run(STAINLESS, [answer(429, "0"), Exchange::new(200)]).await.outcome, Ok(200));
    }

    #[tokio::test]
    async fn stainless_drops() {
        let drop = || Exchange::new(200).disconnect(Disconnect::Before);
        let all = run(STAINLESS, [drop(), drop(), drop()]).await;
        assert_eq!((all.outcome, all.waits), (Err(TransportErrorKind::Connect), vec![437.5, 875.0]));
        assert_eq!(run(STAINLESS, [drop(), Exchange::new(500), Exchange::new(201)]).await.outcome, Ok(201));
    }

    #[tokio::test]
    async fn stainless_waits_as_the_recordings() {
        for (headers, wait) in [
            (&[("retry-after", "Thu Jan 15 12:00:11 2026")][..], 11_000.0),
            (&[("retry-after", "Thu, 15 Jan 2026 12:01:00 GMT")], 437.5),
            (&[("retry-after", "2026-01-15T12:00:05Z")], 437.5),
            (&[("retry-after", "Thu, 15 Jan 2026 12:00:00 GMT")], 437.5),
            (&[("retry-after", "Thu, 15 Jan 2026 13:00:05 +0100")], 5000.0),
            (&[("retry-after", "Thursday, 15-Jan-26 12:00:09 GMT")], 9000.0),
            (&[("retry-after", "")], 437.5),
            (&[("retry-after", "1e1")], 10_000.0),
            (&[("retry-after", "59.999")], 59_999.0),
            (&[("retry-after", "3600")], 437.5),
            (&[("retry-after", "Infinity")], 437.5),
            (&[("retry-after", "-5")], 437.5),
            (&[("retry-after", "soon")], 437.5),
            (&[("retry-after", "2"), ("Retry-After", "9")], 2000.0),
            (&[("retry-after-ms", "700"), ("retry-after", "9")], 700.0),
            (&[("retry-after-ms", "59999.5")], 59_999.5),
            (&[("retry-after-ms", "60000"), ("retry-after", "9")], 437.5),
            (&[("retry-after-ms", "-1"), ("retry-after", "9")], 437.5),
            (&[("retry-after-ms", "x"), ("retry-after", "9")], 9000.0),
            (&[("retry-after-ms", "0"), ("retry-after", "9")], 9000.0),
        ] {
            assert_eq!(waits_after(headers).await, [wait], "{headers:?}");
        }
    }

    #[tokio::test]
    async fn steps() {
        const STEPS: RetryPolicy = RetryPolicy::Steps {
            answers: &[Duration::from_millis(100), Duration::from_millis(500), Duration::from_millis(1500)],
            drops: &[Duration::from_millis(100), Duration::from_millis(500)],
        };
        let all = run(STEPS, [500, 429, 408, 503].map(Exchange::new)).await;
        assert_eq!((all.outcome, all.waits), (Ok(503), vec![100.0, 500.0, 1500.0]));
        let drop = || Exchange::new(200).disconnect(Disconnect::Before);
        let all = run(STEPS, [drop(), drop(), drop()]).await;
        assert_eq!((all.outcome, all.waits), (Err(TransportErrorKind::Connect), vec![100.0, 500.0]));
        assert_eq!(run(STEPS, [Exchange::new(401)]).await.outcome, Ok(401));
    }

    #[tokio::test]
    async fn aws_standard() {
        let all = run(AWS, [429, 500, 503].map(Exchange::new)).await;
        assert_eq!((all.outcome, all.waits), (Ok(503), vec![250.0, 100.0]));
        let marks: Vec<_> =
            all.requests.iter().map(|request| request.headers.joined("amz-sdk-request").unwrap()).collect();
        assert_eq!(marks, ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"]);
        for status in [400, 403, 408, 409, 424, 501] {
            assert_eq!(run(AWS, [Exchange::new(status)]).await.outcome, Ok(status));
        }
        let dropped = run(AWS, [Exchange::new(200).disconnect(Disconnect::Before)]).await;
        assert_eq!(dropped.outcome, Err(TransportErrorKind::Connect));
        for (name, value, wait) in [
            ("retry-after", "Thu, 15 Jan 2026 12:00:07 GMT", 7000.0),
            ("retry-after", "Thu, 15 Jan 2026 13:00:00 GMT", 20_000.0),
            ("retry-after", "9", 250.0),
        ] {
            let run = run(AWS, [Exchange::new(429).header(name, value), Exchange::new(200)]).await;
            assert_eq!((run.outcome, run.waits), (Ok(200), vec![wait]));
        }
        let named = Exchange::new(400).header("x-amzn-errortype", "a.b#ThrottlingException:http://x");
        assert_eq!(run(AWS, [named, Exchange::new(200)]).await.waits, [250.0]);
        for body in [
            "{\"__type\":\"a#ThrottlingException\"}",
            "{\"Code\":\"SlowDown\"}",
            "<Error><Code>Throttling</Code>",
        ] {
            let named = Exchange::new(400).body(body);
            assert_eq!(run(AWS, [named, Exchange::new(200)]).await.waits, [250.0], "{body}");
        }
        assert_eq!(run(AWS, [Exchange::new(400).body("{}")]).await.outcome, Ok(400));
    }

    /// Learns its clock's error from the `date` of a refusal.
    #[derive(Debug, Default)]
    struct Skewed(Mutex<Option<String>>);

    impl Sign for Skewed {
        fn sign(&self, request: &mut HttpRequest, now: f64) {
            assert!(now >= TestClock::START);
            let date = self.0.lock().unwrap().clone();
            request.headers.append("x-amz-date", date.unwrap_or_else(|| "wrong".to_owned()));
        }

        fn answered(&self, response: &HttpResponse, _now: f64) -> bool {
            let date = response.headers.joined("date");
            let learnt = date.is_some();
            *self.0.lock().unwrap() = date;
            learnt
        }
    }

    #[tokio::test]
    async fn a_corrected_clock_is_worth_a_try() {
        let refused = Exchange::new(403).header("date", "right");
        let replay = Arc::new(ReplayTransport::new([refused, Exchange::new(200)]));
        let clock = Arc::new(TestClock::default());
        let inner = Arc::new(SignLayer::new(replay.clone(), clock.clone()));
        let signer: Arc<dyn Sign> = Arc::new(Skewed::default());
        let request = HttpRequest {
            method: "POST",
            url: "https://h/".to_owned(),
            headers: Headers::new(),
            body: "{}".into(),
            options: RequestOptions { retry: AWS, signer: Some(signer), ..RequestOptions::default() },
        };
        let response = RetryLayer::new(inner, clock.clone()).send(request).await.unwrap();
        assert_eq!((response.status, &clock.sleeps.lock().unwrap()[..]), (200, &[50.0][..]));
        let dates: Vec<_> =
            replay.requests().iter().map(|request| request.headers.joined("x-amz-date").unwrap()).collect();
        assert_eq!(dates, ["wrong", "right"]);
    }
}
