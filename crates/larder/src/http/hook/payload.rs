//! Which repository a push event is about.
//!
//! Hosts say it in `repository` (GitHub, Gitea, Forgejo, Bitbucket, GitLab) and `project` (GitLab), each by several
//! addresses under names of its own. All are taken that could be addresses: who has signed the event may say anything, and
//! an address that leads to no module here changes nothing.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Names under which hosts write addresses.
const NAMES: [&str; 11] = [
    "clone_url",
    "ssh_url",
    "git_url",
    "html_url",
    "git_http_url",
    "git_ssh_url",
    "http_url",
    "web_url",
    "homepage",
    "url",
    "href",
];
/// Names under which more of them lie: Bitbucket has `links.html.href` and `links.clone[].href`. Not those of an owner, whose
/// address is that of all its repositories.
const BELOW: [&str; 3] = ["links", "clone", "html"];
/// Addresses that are looked at; hosts send up to ten.
const ADDRESSES: usize = 32;
/// How deep addresses lie.
const DEPTH: usize = 5;

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    repository: Value,
    #[serde(default)]
    project: Value,
}

/// The addresses that an event names.
///
/// # Errors
/// It is no JSON object.
pub(super) fn addresses(body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    let Payload { repository, project } = serde_json::from_slice(body)?;
    let mut found = Vec::new();
    for value in [repository, project] {
        gather(&value, DEPTH, &mut found);
    }
    Ok(found)
}

fn gather(value: &Value, depth: usize, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if depth > 0 => {
            found.extend(named(fields).take(ADDRESSES.saturating_sub(found.len())));
            let more = BELOW.iter().filter_map(|name| fields.get(*name));
            more.for_each(|value| gather(value, depth - 1, found));
        }
        Value::Array(values) if depth > 0 => values.iter().for_each(|value| gather(value, depth - 1, found)),
        _ => {}
    }
}

fn named(fields: &Map<String, Value>) -> impl Iterator<Item = String> {
    NAMES.iter().filter_map(|name| Some(fields.get(*name)?.as_str()?.to_owned()))
}
