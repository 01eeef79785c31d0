//! One credential of a list: what it is called, for which origin, and for which modules.

use std::fmt;

use gomod::pattern::Patterns;
use reqwest::Url;

use super::{Credential, CredentialError};

/// The port of ssh.
const SSH_PORT: u16 = 22;

/// A credential for one origin.
#[derive(Clone)]
pub struct Listed {
    name: String,
    origin: Url,
    /// The modules it is for; all without.
    patterns: Option<Patterns>,
    credential: Credential,
}

impl Listed {
    /// A credential for an origin, `https://host[:port]`, or `ssh://[user@]host[:port]` for a key; for all modules.
    ///
    /// # Errors
    /// The origin is not one, or not one that the credential can be sent to; it cannot be sent.
    pub fn new(name: &str, origin: &str, credential: Credential) -> Result<Self, CredentialError> {
        let origin = parse_origin(origin)?;
        let is_key = matches!(credential, Credential::Key { .. });
        if (origin.scheme() == "ssh") != is_key {
            return Err(CredentialError::Origin);
        }
        if !matches!(credential, Credential::App(_) | Credential::Key { .. }) {
            credential.proof()?;
        }
        Ok(Self { name: name.to_owned(), origin, patterns: None, credential })
    }

    /// The same, for these modules only.
    #[must_use]
    pub fn only_for(self, patterns: Patterns) -> Self {
        Self { patterns: Some(patterns), ..self }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Whether it is for all modules.
    pub(super) fn is_for_all(&self) -> bool {
        self.patterns.is_none()
    }

    /// Whether it is for the module, or what stands at an import path. An odd spelling opens nothing.
    pub(super) fn is_for(&self, path: &str) -> bool {
        self.patterns.as_ref().is_none_or(|patterns| patterns.matches(path))
    }

    /// Whether a URL is at its origin. An origin that names no user is that of every user.
    pub(super) fn is_at(&self, url: &Url) -> bool {
        if self.origin.scheme() == "https" {
            return url.origin() == self.origin.origin();
        }
        let port = |url: &Url| url.port().unwrap_or(SSH_PORT);
        let host = |url: &Url| url.host_str().unwrap_or_default().to_ascii_lowercase();
        let user = self.origin.username();
        matches!(url.scheme(), "ssh" | "git+ssh" | "svn+ssh")
            && (user.is_empty() || user == url.username())
            && host(url) == host(&self.origin)
            && port(url) == port(&self.origin)
    }

    /// Whether a later one could never be sent.
    pub(super) fn hides(&self, later: &Self) -> bool {
        self.is_for_all() && self.is_at(&later.origin)
    }
}

/// An origin and nothing else but a slash.
fn parse_origin(text: &str) -> Result<Url, CredentialError> {
    let url = Url::parse(text.trim()).map_err(|_| CredentialError::Origin)?;
    let has_user = !url.username().is_empty();
    let may_have_user = match url.scheme() {
        "http" => return Err(CredentialError::Insecure),
        "https" => false,
        "ssh" => true,
        _ => return Err(CredentialError::Origin),
    };
    let is_bare = url.password().is_none() && matches!(url.path(), "" | "/");
    let is_bare = is_bare && url.query().is_none() && url.fragment().is_none();
    let is_origin = url.has_host() && is_bare && (may_have_user || !has_user);
    if is_origin { Ok(url) } else { Err(CredentialError::Origin) }
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gomod::ModulePath;
    use vcs::jail::Sent;
    use vcs::{Place, System};

    use super::super::{Credentials, Netrc, Trust};
    use super::*;

    /// Each is another host, or could be one to a tool that reads URLs in another way than we do.
    const ODD: [&str; 42] = [
        "https://git.corp./a",
        "https://git.corp../a",
        "https://git.corp:444/a",
        "https://git.corp:/a",
        "https://git.corp:00443/a",
        "https://git.corp:443.evil.example/a",
        "https://git.corp\\.evil.example/a",
        "https://git.corp\\@evil.example/a",
        "https://git.corp@evil.example/a",
        "https://evil.example@git.corp/a",
        "https://evil.example?@git.corp/a",
        "https://evil.example#@git.corp/a",
        "https://git.corp?.evil.example/a",
        "https://git.corp#.evil.example/a",
        "https://git.corp;.evil.example/a",
        "https://git.corp%2f.evil.example/a",
        "https://git%2ecorp/a",
        "https://git.corp%00.evil.example/a",
        "https://git\u{3002}corp/a",
        "https://\u{ff47}it.corp/a",
        "https://git.corp\u{ad}/a",
        "https:///git.corp/a",
        "https:////git.corp/a",
        "https://sub.git.corp/a",
        "https://xgit.corp/a",
        "https://[2001:db8:0:0:0:0:0:1]:8443/a",
        "https://[2001:db8::1]/a",
        "https://[2001:db8::2]:8443/a",
        "https://[::ffff:192.0.2.1]/a",
        "https://3221225985/a",
        "https://0xc0.0.2.1/a",
        "https://192.0.513/a",
        "ssh://git@git.corp:22/a",
        "ssh://Git@git.corp:2222/a",
        "ssh://g%69t@git.corp:2222/a",
        "ssh://git@evil.example:2222/@git.corp:2222/a",
        "ssh://git@git.corp@evil.example:2222/a",
        "ssh://git@git.corp.:2222/a",
        "ssh://git@git%2ecorp:2222/a",
        "git+ssh://git@evil.example:2222/a",
        "git://git.corp/a",
        "file:///git.corp/a",
    ];

    const OURS: Trust = Trust { is_insecure: false, is_ours: true };

    fn basic(user: &str) -> Credential {
        Credential::Basic { username: user.to_owned(), password: "secret".to_owned() }
    }

    fn key(file: &str) -> Credential {
        Credential::Key { file: file.into(), known_hosts: None }
    }

    fn named(credentials: &Credentials, path: &str, system: System, url: &str) -> Option<String> {
        let path = ModulePath::parse(path).unwrap();
        let place = Place::new(system, url).unwrap();
        credentials.name_for_place(&path, &place, OURS).map(str::to_owned)
    }

    fn all() -> Credentials {
        let team = Patterns::parse("git.corp/team");
        Credentials::default()
            .with_listed(Listed::new("team", "https://git.corp", basic("team")).unwrap().only_for(team))
            .and_then(|all| all.with_listed(Listed::new("corp", "https://git.corp", basic("all"))?))
            .and_then(|all| all.with_listed(Listed::new("key", "ssh://git@git.corp:2222", key("/k"))?))
            .and_then(|all| all.with_listed(Listed::new("any", "ssh://Other.corp", key("/a"))?))
            .unwrap()
            .with_netrc(Netrc::parse("machine netrc.corp login u password p\n"))
    }

    #[test]
    fn a_repository_is_given_the_first_credential_of_its_origin_and_module() {
        for (path, url, name) in [
            ("git.corp/team/a", "https://git.corp/team/a.git", Some("team")),
            ("git.corp/team/a", "https://git.corp:443/x", Some("team")),
            ("git.corp/other/a", "https://git.corp/team/a.git", Some("corp")),
            ("git.corp/Team/a", "https://git.corp/team/a.git", Some("corp")),
            ("git.corp/team/a", "https://git.corp:8443/team/a", None),
            ("git.corp/team/a", "https://git.corp.evil.example/team/a", None),
            ("git.corp/team/a", "http://git.corp/team/a", None),
            ("git.corp/team/a", "ssh://git@git.corp:2222/team/a", Some("key")),
            ("git.corp/team/a", "git+ssh://git@GIT.corp:2222/team/a", Some("key")),
            ("git.corp/team/a", "ssh://eve@git.corp:2222/team/a", None),
            ("git.corp/team/a", "ssh://git@git.corp/team/a", None),
            ("git.corp/team/a", "ssh://x@other.corp:22/team/a", Some("any")),
            ("git.corp/team/a", "https://netrc.corp/team/a", Some("netrc")),
            ("git.corp/team/a", "http://netrc.corp/team/a", None),
        ] {
            assert_eq!(named(&all(), path, System::Git, url).as_deref(), name, "{path} at {url}");
        }
    }

    #[test]
    fn a_url_that_is_not_of_the_origin_to_the_letter_is_sent_nothing() {
        let all = all()
            .with_listed(Listed::new("six", "https://[2001:db8::1]:8443", basic("six")).unwrap())
            .and_then(|all| all.with_listed(Listed::new("four", "https://192.0.2.1", basic("four"))?))
            .unwrap();
        let path = ModulePath::parse("git.corp/team/a").unwrap();
        let named = |url: &str| {
            let place = Place::new(System::Git, url).ok()?;
            all.name_for_place(&path, &place, OURS)
        };
        for (url, name) in [
            ("https://GIT.Corp/a", Some("team")),
            ("HTTPS://git.corp:443/a", Some("team")),
            ("https://[2001:DB8::1]:8443/a", Some("six")),
            ("https://192.0.2.1/a", Some("four")),
        ] {
            assert_eq!(named(url), name, "{url}");
        }
        for url in ODD {
            assert_eq!(named(url), None, "{url}");
        }
    }

    #[test]
    fn what_only_a_page_says_is_ours_is_sent_what_is_for_the_module_by_name() {
        let (all, theirs) = (all(), Trust { is_ours: false, ..OURS });
        for (path, url, name) in [
            ("git.corp/team/a", "https://git.corp/team/a.git", Some("team")),
            ("evil.example/m", "https://git.corp/team/a.git", None),
            ("evil.example/m", "ssh://git@git.corp:2222/team/a", None),
            ("evil.example/m", "https://netrc.corp/team/a", None),
        ] {
            let (path, place) = (ModulePath::parse(path).unwrap(), Place::new(System::Git, url).unwrap());
            assert_eq!(all.name_for_place(&path, &place, theirs), name, "{url}");
        }
    }

    #[test]
    fn where_certificates_are_not_looked_at_only_a_key_goes() {
        let all = all();
        let path = ModulePath::parse("git.corp/team/a").unwrap();
        let named = |url: &str| {
            let place = Place::new(System::Git, url).unwrap();
            all.name_for_place(&path, &place, Trust { is_insecure: true, ..OURS })
        };
        for url in ["https://git.corp/team/a.git", "https://netrc.corp/team/a", "http://git.corp/team/a"] {
            assert_eq!(named(url), None, "{url}");
        }
        assert_eq!(named("ssh://git@git.corp:2222/team/a"), Some("key"));
    }

    #[test]
    fn pages_are_asked_for_with_the_credential_of_their_modules_and_upstreams_with_that_of_all() {
        let (all, url) = (all(), Url::parse("https://git.corp/x").unwrap());
        let name = |found: Option<(&str, _)>| found.map(|(name, _)| name.to_owned());
        assert_eq!(name(all.for_page("git.corp/team/a", &url)).as_deref(), Some("team"));
        assert_eq!(name(all.for_page("git.corp/other", &url)).as_deref(), Some("corp"));
        assert_eq!(name(all.for_upstream(&url)).as_deref(), Some("corp"));
        let only = Listed::new("team", "https://git.corp", basic("u")).unwrap();
        let only =
            Credentials::default().with_listed(only.only_for(Patterns::parse("git.corp/team"))).unwrap();
        assert!(only.for_upstream(&url).is_none(), "an upstream serves other modules too");
    }

    #[test]
    fn a_tool_gets_a_credential_in_a_form_that_it_can_send() {
        let path = ModulePath::parse("git.corp/m").unwrap();
        let of = |credential: Credential, system| {
            let listed = Listed::new("one", "https://git.corp", credential).unwrap();
            let all = Credentials::default().with_listed(listed).unwrap();
            let place = Place::new(system, "https://git.corp/m").unwrap();
            all.for_place(&path, &place, OURS).and_then(|chosen| chosen.credential.sent(system))
        };
        let Some(Sent::Header { name, value }) = of(basic("u"), System::Git) else { panic!("a header") };
        assert_eq!((name.as_str(), format!("{value:?}").as_str()), ("authorization", "****"));
        assert!(matches!(of(basic("u"), System::Hg), Some(Sent::Basic { user, .. }) if user == "u"));
        let token = Credential::Header { name: "PRIVATE-TOKEN".to_owned(), token: "t".to_owned() };
        for system in [System::Git, System::Svn] {
            let sent = of(token.clone(), system);
            assert!(sent.is_none(), "{system} could send it on to whom a redirect leads");
        }
    }

    #[test]
    fn an_origin_is_an_origin_and_what_could_never_be_sent_is_refused() {
        let new = |origin: &str, credential| Listed::new("x", origin, credential).map(drop);
        for origin in
            ["https://u@git.corp", "https://git.corp/x", "git.corp", "ssh://git.corp", "ftp://git.corp"]
        {
            assert_eq!(new(origin, basic("u")), Err(CredentialError::Origin), "{origin}");
        }
        for origin in ["https://git.corp", "ssh://u:p@git.corp", "ssh://git.corp/x"] {
            assert_eq!(new(origin, key("/k")), Err(CredentialError::Origin), "{origin}");
        }
        assert_eq!(new("http://git.corp", basic("u")), Err(CredentialError::Insecure));
        let later = || Listed::new("x", "https://git.corp:443", basic("x")).unwrap();
        assert_eq!(all().with_listed(later()).unwrap_err(), CredentialError::Repeated);
        let later = later().only_for(Patterns::parse("git.corp/x"));
        assert_eq!(all().with_listed(later).unwrap_err(), CredentialError::Repeated);
    }
}
