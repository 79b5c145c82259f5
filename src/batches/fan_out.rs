//! Many calls of one provider, so many at a time.

use futures_core::stream::BoxStream;
use futures_util::StreamExt;

use crate::{AiProvider, ChatRequest, ChatResponse, Error};

/// How far a batch or a fan-out has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// All requests; 0 while the service has not counted them yet.
    pub total: u64,
    /// Those that have ended, well or not.
    pub finished: u64,
    /// Those that have failed.
    pub failed: u64,
}

/// Asks a provider many things, `concurrency` at a time (at least one), and gives each answer with the index
/// of its request as soon as it is there. `progress` is called after each.
///
/// Dropping the stream cancels the requests that are under way; the others are never sent.
///
/// # Example: four at a time
///
/// ```no_run
/// use futures_util::StreamExt;
/// use samewire::batches::fan_out;
/// use samewire::{AiProvider, ChatRequest, Message};
///
/// # async fn run(provider: &dyn AiProvider, files: Vec<String>) {
/// let requests = files.into_iter().map(|file| ChatRequest::new("Summarise.", [Message::user(file)]));
/// let mut answers = fan_out(provider, requests, 4, |progress| {
///     eprintln!("{} of {}, {} failed", progress.finished, progress.total, progress.failed);
/// });
/// while let Some((index, answer)) = answers.next().await {
///     match answer {
///         Ok(answer) => println!("{index}: {}", answer.text),
///         Err(error) => eprintln!("{index}: {error}"),
///     }
/// }
/// # }
/// ```
pub fn fan_out<'a>(
    provider: &'a dyn AiProvider,
    requests: impl IntoIterator<Item = ChatRequest>,
    concurrency: usize,
    mut progress: impl FnMut(Progress) + Send + 'a,
) -> BoxStream<'a, (usize, Result<ChatResponse, Error>)> {
    let requests: Vec<ChatRequest> = requests.into_iter().collect();
    let mut done = Progress { total: requests.len() as u64, ..Progress::default() };
    futures_util::stream::iter(requests.into_iter().enumerate())
        .map(move |(index, request)| async move { (index, provider.chat(request).await) })
        .buffer_unordered(concurrency.max(1))
        .inspect(move |(_, answer)| {
            done.finished += 1;
            done.failed += u64::from(answer.is_err());
            progress(done);
        })
        .boxed()
}
