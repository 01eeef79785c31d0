//! How far a long command is, on standard error.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that shows what is done of all, then `rest`, in the words of indicatif's templates. It is drawn only if
/// standard error is a terminal; it must be cleared before anything else is printed.
pub(super) fn bar(rest: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template(&format!("  {{bar:40}} {{pos}}/{{len}} {rest}")) {
        bar.set_style(style);
    }
    bar
}
