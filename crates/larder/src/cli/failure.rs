//! What a person reads when a command failed: what, why, what next.

use std::io::{self, Write};

use super::Exit;
use crate::app::call::NoServer;
use crate::config::{Mistakes, redact};

/// A mistake of the command line that clap does not see.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Usage {
    /// What is wrong.
    pub(super) what: String,
    /// What to do.
    pub(super) next: &'static str,
    /// Why.
    #[source]
    pub(super) cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Usage {
    /// The mistake that an error says.
    pub(super) fn of(error: &dyn std::error::Error, next: &'static str) -> Self {
        let cause = error.source().map(|cause| cause.to_string().into());
        Self { what: error.to_string(), next, cause }
    }
}

/// Prints `larder: what`, its causes line by line and the next step to standard error, and says how to exit.
pub(super) fn report(error: &anyhow::Error) -> Exit {
    let (text, exit) = match error.downcast_ref::<Mistakes>() {
        Some(mistakes) => (told(mistakes), Exit::Usage),
        None if error.is::<Usage>() => (caused(error), Exit::Usage),
        None => (caused(error), Exit::Failed),
    };
    // Where standard error is closed there is nobody left to tell; the exit code still says it.
    let _ = io::stderr().lock().write_all(text.as_bytes());
    exit
}

fn told(mistakes: &Mistakes) -> String {
    let count = match mistakes.0.len() {
        1 => "a mistake".to_owned(),
        many => format!("{many} mistakes"),
    };
    let lines: Vec<String> = mistakes.0.iter().map(|mistake| format!("  {mistake}")).collect();
    let lines = lines.join("\n");
    format!(
        "larder: the configuration has {count}\n{lines}\n  next: correct this, then `larder config check`\n"
    )
}

fn caused(error: &anyhow::Error) -> String {
    let causes = error.chain().skip(1).map(|cause| format!("  because: {cause}\n"));
    let next = error.downcast_ref::<NoServer>().map(NoServer::next);
    let next = next.or_else(|| error.downcast_ref::<Usage>().map(|usage| usage.next));
    let next = next.map(|next| format!("  next: {next}\n"));
    let lines: Vec<String> =
        std::iter::once(format!("larder: {error}\n")).chain(causes).chain(next).collect();
    redact(&lines.concat())
}
