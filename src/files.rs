//! Small files that are replaced in one step, so that a reader never sees half of one.

use std::io;
use std::path::Path;

use tokio::io::AsyncWriteExt;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the folder's rules allow.
    Anyone,
    /// The user alone, where the platform has such a thing.
    Owner,
}

/// Writes a file beside its place and then moves it there.
///
/// # Errors
///
/// Those of the file system; the old file then stands as it was.
pub(crate) async fn replace(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    let written = async {
        let mut file = options.open(&unfinished).await?;
        file.write_all(text.as_bytes()).await?;
        file.sync_all().await?;
        tokio::fs::rename(&unfinished, path).await
    };
    let outcome = written.await;
    if outcome.is_err() {
        let _ = tokio::fs::remove_file(&unfinished).await;
    }
    outcome
}
