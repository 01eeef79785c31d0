//! The addresses by which hosts name a repository.

use vcs::{Place, System};

/// The import path that the top of the repository would have, if its modules are named by its address: `host/path`, the
/// host in lower case, without a port, a user and `.git`.
pub(super) fn root(text: &str) -> Option<String> {
    let (authority, path) = parts(text)?;
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!host.is_empty() && !path.is_empty()).then(|| format!("{host}/{path}"))
}

/// The address as a place of a git repository, with and without `.git`: whoever found it may have done so by either.
pub(super) fn places(text: &str) -> Vec<Place> {
    let Some((authority, path)) = parts(text) else { return Vec::new() };
    let scheme = text.split_once("://").map_or("ssh", |(scheme, _)| scheme);
    let path = path.trim_matches('/');
    let bare = path.strip_suffix(".git").unwrap_or(path);
    let urls = [format!("{scheme}://{authority}/{bare}"), format!("{scheme}://{authority}/{bare}.git")];
    urls.iter().filter_map(|url| Place::new(System::Git, url).ok()).collect()
}

/// Authority and path of `SCHEME://AUTHORITY/PATH` or `USER@HOST:PATH`.
fn parts(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    match text.split_once("://") {
        Some((_, rest)) => rest.split(['?', '#']).next()?.split_once('/'),
        None => {
            text.split_once(':').filter(|(authority, _)| authority.contains('@') && !authority.contains('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_leads_to_the_same_import_path() {
        for text in [
            "https://Git.example.com/team/lib.git",
            "https://git.example.com/team/lib",
            "https://git.example.com:8443/team/lib/",
            "ssh://git@git.example.com:2222/team/lib.git",
            "git@git.example.com:team/lib.git",
            "git://git.example.com/team/lib.git?x#y",
        ] {
            assert_eq!(root(text).as_deref(), Some("git.example.com/team/lib"), "{text}");
        }
        for text in
            ["", "lib", "https://", "https://host", "https://host/", ":x", "C:\\dir", "a/b:c", "https:///x"]
        {
            assert_eq!(root(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_a_place_with_and_without_its_suffix() {
        let urls = |text| places(text).iter().map(|place| place.url().to_owned()).collect::<Vec<_>>();
        let expected = ["ssh://git@git.example.com/team/lib", "ssh://git@git.example.com/team/lib.git"];
        assert_eq!(urls("git@git.example.com:team/lib.git"), expected);
        assert_eq!(urls("https://h.example/a")[0], "https://h.example/a");
        assert!(urls("https://me:secret@h.example/a").is_empty() && urls("javascript://x/y").is_empty());
    }
}
