//! The pages that say where repositories are, and trouble where a path has that word, to a go command that takes this for its way into the network.

use super::answerer::{Answer, Answerer};

/// A proxy for plain http that answers for all hosts itself, and connects nobody to any.
pub(crate) struct Web {
    pub(crate) url: String,
    _server: Answerer,
}

impl Web {
    /// Answers by a function from the path of a request, host included, to the content of its go-import tag.
    pub(crate) async fn start(tags: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let answer = move |target: String| std::future::ready(answer(&target, &tags));
        let server = Answerer::start("text/html", answer).await;
        Self { url: server.url.clone(), _server: server }
    }
}

fn answer(target: &str, tags: impl Fn(&str) -> Option<String>) -> Answer {
    let path = target.strip_prefix("http://").map(|rest| rest.split('?').next().unwrap());
    match path.map(tags) {
        None => ("502 Bad Gateway", "".into()),
        Some(_) if target.contains("/trouble/") => ("503 Service Unavailable", "".into()),
        Some(None) => ("404 Not Found", "".into()),
        Some(Some(tag)) => {
            let page = format!("<html><head><meta name=\"go-import\" content=\"{tag}\"></head></html>");
            ("200 OK", page.into())
        }
    }
}
