//! An error in words, together with what caused it.

use std::error::Error;
use std::iter::successors;

/// An error as the log and a state say it: each cause behind what it caused.
pub fn with_causes(error: &dyn Error) -> String {
    causes(error).fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// An error on one line, as a report or a client is told it. What it says may be a source's doing.
pub fn explain(error: &dyn Error) -> String {
    // A message that is only its cause's would be said twice.
    let text = causes(error).map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What caused an error, the nearest first.
pub fn causes(error: &dyn Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    successors(error.source(), |&cause| cause.source())
}
