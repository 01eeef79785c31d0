//! `.netrc`: users and passwords by host, as the go command reads it.
//!
//! The grammar is cmd/go's (`internal/auth/netrc.go`, `parseNetrc`): words in pairs on each line, `machine`, `login` and
//! `password` in any order behind it, `macdef` up to an empty line, and nothing after `default`, which is never used. A
//! machine counts once it has a login and a password; of several for one machine the first.
//!
//! A machine is compared with `host[:port]` of the upstream as a whole: `machine proxy.corp` is for port 443, another
//! port is written `machine proxy.corp:8443`. The go command also takes a path behind it; an origin has none.

use std::fmt;

use reqwest::Url;

use super::Credential;

/// A netrc that was read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc(Vec<(String, Credential)>);

impl Netrc {
    /// Reads the text of a netrc. What is not understood is passed over, as the go command does.
    pub fn parse(text: &str) -> Self {
        let mut found = Vec::new();
        let mut entry = Entry::default();
        let mut in_macro = false;
        for line in text.split('\n') {
            if in_macro {
                in_macro = !line.is_empty();
                continue;
            }
            let mut words = line.split_whitespace();
            while let Some(word) = words.next() {
                // A word without a second one says nothing, but that the machines end here.
                let Some(value) = words.next() else {
                    if word == "default" {
                        return Self(found);
                    }
                    break;
                };
                in_macro |= entry.take(word, value);
                found.extend(entry.whole());
            }
        }
        Self(found)
    }

    /// The login for the origin of an https URL.
    pub(super) fn find(&self, url: &Url) -> Option<&Credential> {
        let host = url.host_str()?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let of = |(machine, _): &&(String, Credential)| machine.eq_ignore_ascii_case(&authority);
        self.0.iter().find(of).map(|(_, credential)| credential)
    }
}

/// A machine whose words have not all come.
#[derive(Default)]
struct Entry {
    machine: String,
    login: String,
    password: String,
}

impl Entry {
    /// Takes a pair of words; true if a macro begins with the next line.
    fn take(&mut self, word: &str, value: &str) -> bool {
        match word {
            "machine" => *self = Self { machine: value.to_owned(), ..Self::default() },
            "login" => value.clone_into(&mut self.login),
            "password" => value.clone_into(&mut self.password),
            "macdef" => return true,
            _ => {}
        }
        false
    }

    /// The machine and its login, once both words are there.
    fn whole(&mut self) -> Option<(String, Credential)> {
        if self.machine.is_empty() || self.login.is_empty() || self.password.is_empty() {
            return None;
        }
        let Self { machine, login, password } = std::mem::take(self);
        Some((machine, Credential::Basic { username: login, password }))
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(machine, _)| machine)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(text: &str) -> Vec<String> {
        let shown = |(machine, credential): &(String, Credential)| match credential {
            Credential::Basic { username, password } => format!("{machine} {username} {password}"),
            _ => String::new(),
        };
        Netrc::parse(text).0.iter().map(shown).collect()
    }

    /// What is expected follows from `parseNetrc`.
    #[test]
    fn a_netrc_is_read_as_the_go_command_reads_it() {
        let long = "machine half.example\npassword alone\n\nmachine three.example\n  login u\n\tpassword p\n\n\
                    machine flat.example login v password q\n\
                    machine cut.example macdef init\nlogin hidden password hidden\n\n\
                    machine kept.example login w password r macdef init\nmachine in.macro login x password x\n\n\
                    default\nlogin anybody\npassword guess\nmachine late.example login y password y\n";
        for (text, expected) in [
            (long, &["three.example u p", "flat.example v q", "kept.example w r"] as &[&str]),
            ("machine a password p login u", &["a u p"]),
            ("machine a login u password p login v password q", &["a u p"]),
            ("machine a login u machine b login v password q", &["b v q"]),
            ("machine a account x login u password p", &["a u p"]),
            ("machine a login u password", &[]),
            ("login u password p machine a", &[]),
            ("default login u password p", &[]),
            ("machine a login u password p\r\nmachine b login v password q\r\n", &["a u p", "b v q"]),
            ("", &[]),
        ] {
            assert_eq!(logins(text), expected, "{text}");
        }
    }

    #[test]
    fn the_first_of_several_for_a_machine_counts_and_a_port_is_part_of_the_name() {
        let netrc = Netrc::parse(
            "machine p.corp login a password 1\nmachine p.corp login b password 2\n\
             machine p.corp:8443 login c password 3\nmachine p.corp/go login d password 4\n",
        );
        for (url, user) in [
            ("https://p.corp/go", Some("a")),
            ("https://P.corp:443/", Some("a")),
            ("https://p.corp:8443/", Some("c")),
            ("https://p.corp:9443/", None),
            ("https://sub.p.corp/", None),
        ] {
            let found = netrc.find(&Url::parse(url).unwrap());
            let found = found.and_then(|found| match found {
                Credential::Basic { username, .. } => Some(username.as_str()),
                _ => None,
            });
            assert_eq!(found, user, "{url}");
        }
        assert!(!format!("{netrc:?}").contains('1'));
    }
}
