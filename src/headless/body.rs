//! A running program as a body: what it prints, until it ends or falls silent.

use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::diagnostics::Run;
use super::process::{ProcessGroup, Started};
use crate::clock::Clock;
use crate::transport::{TransportError, TransportErrorKind};

/// How long a program may take.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// The longest silence.
    pub(super) idle: Option<Duration>,
    /// The longest answer.
    pub(super) total: Option<Duration>,
    /// How long a program that has given its result may take to end by itself.
    pub(super) grace: Duration,
}

/// What a program prints. Reading it feeds the program its input and keeps what it prints to stderr; nothing
/// happens while nobody reads. Dropping it ends the program and everything that it started.
pub(super) struct ProgramBody {
    /// Ends the program and what it started; dropped before its leader is.
    _group: Option<ProcessGroup>,
    name: &'static str,
    output: Option<Pin<Box<dyn AsyncRead + Send>>>,
    errors: Option<Pin<Box<dyn AsyncRead + Send>>>,
    input: Option<BoxFuture<'static, ()>>,
    exit: Option<BoxFuture<'static, io::Result<ExitStatus>>>,
    status: Option<io::Result<ExitStatus>>,
    run: Run,
    clock: Arc<dyn Clock>,
    patience: Patience,
    silence: Option<BoxFuture<'static, ()>>,
    total: Option<BoxFuture<'static, ()>>,
    leaving: Option<BoxFuture<'static, ()>>,
    ended: bool,
}

impl ProgramBody {
    pub(super) fn new(
        name: &'static str,
        started: Started,
        input: Option<Bytes>,
        run: Run,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Self {
        let Started { mut child, group } = started;
        let input = child.stdin.take().zip(input).map(|(mut pipe, input)| -> BoxFuture<'static, ()> {
            Box::pin(async move {
                // A program that does not want to read says why itself.
                let _ = pipe.write_all(&input).await;
                let _ = pipe.shutdown().await;
            })
        });
        Self {
            name,
            output: child.stdout.take().map(|pipe| Box::pin(pipe) as _),
            errors: child.stderr.take().map(|pipe| Box::pin(pipe) as _),
            input,
            exit: Some(Box::pin(async move { child.wait().await })),
            status: None,
            _group: Some(group),
            run,
            clock,
            patience,
            silence: None,
            total: None,
            leaving: None,
            ended: false,
        }
    }

    /// Feeds the input and keeps what is no output. True if the program gave a sign of life.
    fn attend(&mut self, cx: &mut Context<'_>) -> bool {
        if self.input.as_mut().is_some_and(|input| input.as_mut().poll(cx).is_ready()) {
            self.input = None;
        }
        let mut alive = false;
        while let Some(errors) = &mut self.errors {
            match read(errors.as_mut(), cx) {
                Poll::Ready(Some(part)) => {
                    self.run.note(&part);
                    alive = true;
                }
                Poll::Ready(None) => self.errors = None,
                Poll::Pending => break,
            }
        }
        if let Some(exit) = &mut self.exit
            && let Poll::Ready(status) = exit.as_mut().poll(cx)
        {
            self.status = Some(status);
            self.exit = None;
        }
        alive
    }

    /// The end of the body, if it is reached.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<Option<TransportError>> {
        let is_closed = self.output.is_none() && self.errors.is_none();
        if is_closed && let Some(status) = self.status.take() {
            return Poll::Ready(self.verdict(status));
        }
        // Whoever inherited the pipes may hold them for ever.
        if self.run.is_done() || self.status.is_some() {
            let grace = self.patience.grace;
            let leaving = self.leaving.get_or_insert_with(|| self.clock.sleep(grace));
            if leaving.as_mut().poll(cx).is_ready() {
                let status = self.status.take();
                return Poll::Ready(status.and_then(|status| self.verdict(status)));
            }
        }
        Poll::Pending
    }

    fn verdict(&self, status: io::Result<ExitStatus>) -> Option<TransportError> {
        let what = match status {
            _ if self.run.is_done() => return None,
            Ok(status) if status.success() => return None,
            Ok(status) => format!("ended with {status}"),
            Err(error) => format!("could not be waited for: {error}"),
        };
        Some(TransportError {
            kind: TransportErrorKind::Interrupted,
            detail: self.run.explain(&format!("{} {what}", self.name)),
        })
    }

    fn is_silent_for_too_long(&mut self, alive: bool, cx: &mut Context<'_>) -> bool {
        let Some(idle) = self.patience.idle else { return false };
        if alive {
            self.silence = None;
        }
        let silence = self.silence.get_or_insert_with(|| self.clock.sleep(idle));
        silence.as_mut().poll(cx).is_ready()
    }

    fn is_over_time(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(total) = self.patience.total else { return false };
        self.total.get_or_insert_with(|| self.clock.sleep(total)).as_mut().poll(cx).is_ready()
    }

    fn over_time_error(&self) -> TransportError {
        let total = self.patience.total.unwrap_or_default();
        let message = format!(
            "{} took longer than {} s for its answer and was ended; `headlessTotalTimeoutMs` sets how long it may take",
            self.name,
            total.as_secs_f64()
        );
        TransportError { kind: TransportErrorKind::HeadTimeout, detail: self.run.explain(&message) }
    }

    fn silence_error(&self) -> TransportError {
        let idle = self.patience.idle.unwrap_or_default();
        let message = format!(
            "{} printed nothing for {} s and was ended; `headlessIdleTimeoutMs` sets how long it may be silent",
            self.name,
            idle.as_secs_f64()
        );
        TransportError { kind: TransportErrorKind::HeadTimeout, detail: self.run.explain(&message) }
    }
}

impl Stream for ProgramBody {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let alive = this.attend(cx);
        if !this.run.is_done() && this.is_over_time(cx) {
            this.ended = true;
            return Poll::Ready(Some(Err(this.over_time_error())));
        }
        if let Some(output) = &mut this.output {
            match read(output.as_mut(), cx) {
                Poll::Ready(Some(part)) => {
                    this.silence = None;
                    return Poll::Ready(Some(Ok(part)));
                }
                Poll::Ready(None) => this.output = None,
                Poll::Pending => {}
            }
        }
        if let Poll::Ready(verdict) = this.end(cx) {
            this.ended = true;
            return Poll::Ready(verdict.map(Err));
        }
        if !this.run.is_done() && this.is_silent_for_too_long(alive, cx) {
            this.ended = true;
            return Poll::Ready(Some(Err(this.silence_error())));
        }
        Poll::Pending
    }
}

/// The next part; `None` at the end. A pipe that cannot be read has ended.
fn read(pipe: Pin<&mut (dyn AsyncRead + Send)>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
    let mut part = BytesMut::zeroed(PART);
    let mut buffer = ReadBuf::new(&mut part);
    match pipe.poll_read(cx, &mut buffer) {
        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
            let length = buffer.filled().len();
            part.truncate(length);
            Poll::Ready(Some(part.freeze()))
        }
        Poll::Ready(_) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }
}

const PART: usize = 16 << 10;

#[cfg(all(test, feature = "manager"))]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::clock::PausedClock;

    /// A body whose program is a pipe that the test writes to.
    fn body(output: tokio::io::DuplexStream, idle: u64, run: &Run) -> ProgramBody {
        ProgramBody {
            name: "test",
            output: Some(Box::pin(output)),
            errors: None,
            input: None,
            exit: Some(Box::pin(std::future::pending())),
            status: None,
            _group: None,
            run: run.clone(),
            clock: Arc::new(PausedClock::start()),
            patience: Patience {
                idle: Some(Duration::from_secs(idle)),
                total: None,
                grace: Duration::from_secs(2),
            },
            silence: None,
            total: None,
            leaving: None,
            ended: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn talking_on_and_on_is_no_way_around_the_total_limit() {
        let (mut pipe, output) = tokio::io::duplex(64);
        let mut body = body(output, 60, &Run::default());
        body.patience.total = Some(Duration::from_secs(100));
        let start = tokio::time::Instant::now();
        let program = async {
            loop {
                tokio::time::sleep(Duration::from_secs(30)).await;
                let _ = pipe.write_all(b"x").await;
            }
        };
        let reader = async {
            for _ in 0..3 {
                assert_eq!(body.next().await.unwrap().unwrap(), "x");
            }
            let error = body.next().await.unwrap().unwrap_err();
            assert!(error.detail.starts_with("test took longer than 100 s"), "{error}");
        };
        tokio::select! { () = program => {} () = reader => {} }
        assert_eq!(start.elapsed().as_secs(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn each_sign_of_life_starts_the_wait_anew() {
        let (mut pipe, output) = tokio::io::duplex(64);
        let run = Run::default();
        run.note(b"still thinking");
        let mut body = body(output, 60, &run);
        let start = tokio::time::Instant::now();
        let program = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(59)).await;
                pipe.write_all(b"x").await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let reader = async {
            for _ in 0..3 {
                assert_eq!(body.next().await.unwrap().unwrap(), "x");
            }
            let error = body.next().await.unwrap().unwrap_err();
            assert_eq!(error.kind, TransportErrorKind::HeadTimeout);
            assert!(error.detail.starts_with("test printed nothing for 60 s"), "{error}");
            assert!(error.detail.ends_with("still thinking"), "{error}");
            assert!(body.next().await.is_none());
        };
        tokio::select! { () = program => {} () = reader => {} }
        assert_eq!(start.elapsed().as_secs(), 3 * 59 + 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_program_that_hangs_behind_its_result_is_left() {
        let (_pipe, output) = tokio::io::duplex(64);
        let run = Run::default();
        let mut body = body(output, 60, &run);
        run.finish();
        let start = tokio::time::Instant::now();
        assert!(body.next().await.is_none());
        assert_eq!(start.elapsed().as_secs(), 2);
    }
}
