//! One call to a source, as traces tell it.

use bytes::Bytes;
use gomod::Request;
use source::{Source, SourceError};

use crate::observe::trace::{self, Step};

/// Receives a small body whole. Its size and time are bounded by the source.
pub async fn receive_whole(source: &dyn Source, want: &Request) -> Result<Bytes, SourceError> {
    receive_at_most(source, want, usize::MAX).await
}

/// Receives a small body whole; one that is longer than `max` bytes is refused.
pub async fn receive_at_most(source: &dyn Source, want: &Request, max: usize) -> Result<Bytes, SourceError> {
    asked(source, async { source.fetch(want).await?.at_most(max).await }).await
}

/// A call to a source, as a step that tells who was asked and how it ended.
pub async fn asked<T>(
    source: &dyn Source,
    call: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let call = async {
        trace::tell("upstream.name", source.name());
        let answered = call.await;
        match answered.as_ref().map_err(SourceError::class) {
            Ok(_) => trace::tell("outcome", "answered"),
            Err(class) if class.is_absent() => trace::tell("outcome", "absent"),
            Err(class) => trace::fail(format_args!("{class:?}")),
        }
        answered
    };
    trace::step(Step::Source, call).await
}
