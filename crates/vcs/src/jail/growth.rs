//! Whether a directory has become too large, while something is written into it.
//!
//! A limit of file sizes bounds each file, not how many there are; and nobody says beforehand how much a server will send.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::VcsError;

/// How often the directory is looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// Resolves when a directory has more than so many bytes.
pub(super) async fn outgrown(bound: Option<(PathBuf, u64)>) -> VcsError {
    let Some((dir, max)) = bound else { return pending().await };
    loop {
        sleep(INTERVAL).await;
        let dir = dir.clone();
        if spawn_blocking(move || size(&dir)).await.is_ok_and(|bytes| bytes > max) {
            return VcsError::TooLarge { what: "the repository".to_owned(), max };
        }
    }
}

/// Bytes of all files below a directory. What vanishes meanwhile has none.
fn size(dir: &Path) -> u64 {
    let sizes = || -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(dir)?.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            bytes += if meta.is_dir() { size(&entry.path()) } else { meta.len() };
        }
        Ok(bytes)
    };
    sizes().unwrap_or_default()
}
