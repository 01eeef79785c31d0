//! The addresses by which hosts name a repository.

/// The import path that the top of the repository would have, if its modules are named by its address: `host/path`, the
/// host in lower case, without a port, a user and `.git`.
pub(super) fn root(text: &str) -> Option<String> {
    let (host, path) = named(text)?;
    (!host.is_empty()).then(|| format!("{host}/{path}"))
}

/// What two addresses of one repository have in common, however it is reached: host and path, in small letters. Two
/// repositories that differ in less than that are asked once too often.
pub(super) fn identity(text: &str) -> Option<String> {
    let (host, path) = named(text)?;
    Some(format!("{host}/{}", path.to_lowercase()))
}

/// Host, which a path of files has none of, and path.
fn named(text: &str) -> Option<(String, &str)> {
    let (authority, path) = parts(text)?;
    let host = authority.rsplit('@').next()?.split(':').next()?.to_ascii_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!path.is_empty()).then_some((host, path))
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
    fn one_repository_is_the_same_however_it_is_reached() {
        let same = [
            "https://H.example:8443/Team/lib.git",
            "git@h.example:team/Lib",
            "ssh://u@h.example:22/team/lib/",
        ];
        for text in same {
            assert_eq!(identity(text).as_deref(), Some("h.example/team/lib"), "{text}");
        }
        assert_eq!(identity("file:///srv/lib.git").as_deref(), Some("/srv/lib"));
        assert_eq!(identity("https://h.example/"), None);
    }
}
