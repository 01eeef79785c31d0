//! As much of URLs as it takes to say what Go says of them (Go `net/url.Parse`).

use std::fmt;
use std::net::Ipv6Addr;

use crate::quote::quoted;

/// What is wrong with a URL. The texts are Go's.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum UrlFault {
    /// A control character.
    Control,
    /// It begins with a colon.
    MissingScheme,
    /// A colon before the first slash, after what is no scheme.
    ColonInFirstSegment,
    /// A character that names and passwords cannot have.
    Userinfo,
    /// What follows the host, given here, is not a port.
    Port(String),
    /// What is in brackets is not an address.
    IpLiteral,
    /// A bracket is not closed.
    MissingBracket,
    /// A character, given here, that hosts cannot have.
    HostChar(String),
    /// A percent sign with what follows it, which is no escape.
    Escape(String),
    /// The same in what follows a `#`.
    FragmentEscape(String),
}

/// What is asked about a URL.
pub(crate) struct Parts {
    /// In lower case; empty if there is none.
    pub(crate) scheme: String,
    /// Whether there is nothing but a scheme and a path.
    pub(crate) is_just_path: bool,
}

pub(crate) fn parse(whole: &str) -> Result<Parts, UrlFault> {
    let (text, fragment) = whole.split_once('#').unwrap_or((whole, ""));
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(UrlFault::Control);
    }
    let (scheme, rest) = split_scheme(text)?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let has_rest = query.is_some() || !fragment.is_empty();
    if !rest.starts_with('/') {
        if scheme.is_empty() && rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err(UrlFault::ColonInFirstSegment);
        }
        if !scheme.is_empty() {
            check_fragment(fragment)?;
            return Ok(Parts { scheme, is_just_path: false });
        }
    }
    let is_relative = scheme.is_empty() && rest.starts_with("///");
    let (authority, path) = match rest.strip_prefix("//").filter(|_| !is_relative) {
        Some(rest) => rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, "")),
        None => ("", rest),
    };
    check_authority(&scheme, authority, !authority.contains('@') && whole.contains('@'))?;
    check_escapes(path)?;
    check_fragment(fragment)?;
    let is_just_path = !has_rest && authority.is_empty() && rest.starts_with("//");
    Ok(Parts { scheme, is_just_path })
}

/// Splits the scheme off, in lower case (Go `url.getScheme`).
fn split_scheme(text: &str) -> Result<(String, &str), UrlFault> {
    let Some((scheme, rest)) = text.split_once(':') else { return Ok((String::new(), text)) };
    if scheme.is_empty() {
        return Err(UrlFault::MissingScheme);
    }
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if is_scheme { Ok((scheme.to_ascii_lowercase(), rest)) } else { Ok((String::new(), text)) }
}

/// Checks name, password, host and port (Go `url.parseAuthority`). If there is an `@` later on, what looks like
/// a port may be the beginning of a password, and is not named.
fn check_authority(scheme: &str, authority: &str, later_at: bool) -> Result<(), UrlFault> {
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    check_host(scheme, host).map_err(|fault| match fault {
        UrlFault::Port(_) if later_at => UrlFault::Port(":xxxxx".to_owned()),
        fault => fault,
    })?;
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !userinfo.bytes().all(is_fine) || check_escapes(userinfo).is_err() {
        return Err(UrlFault::Userinfo);
    }
    Ok(())
}

/// Checks a host with an optional port (Go `url.parseHost`).
fn check_host(scheme: &str, host: &str) -> Result<(), UrlFault> {
    match host.rfind('[') {
        Some(0) => {
            let (address, port) = host.rsplit_once(']').ok_or(UrlFault::MissingBracket)?;
            check_port(port)?;
            let address = address.strip_prefix('[').unwrap_or(address);
            let (address, zone) = address.split_once("%25").unwrap_or((address, "zone"));
            let is_address = address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty();
            return if is_address { check_escapes(zone) } else { Err(UrlFault::IpLiteral) };
        }
        Some(_) => return Err(UrlFault::IpLiteral),
        None => {}
    }
    // One colon in hosts of these schemes; other schemes may have hosts with colons.
    let is_strict = matches!(scheme, "http" | "https");
    let colon = if is_strict { host.find(':') } else { host.rfind(':') };
    if let Some(port) = colon.and_then(|colon| host.get(colon..)) {
        check_port(port)?;
    }
    check_host_chars(host)
}

fn check_port(port: &str) -> Result<(), UrlFault> {
    let is_port =
        port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if port.is_empty() || is_port { Ok(()) } else { Err(UrlFault::Port(port.to_owned())) }
}

/// Checks the characters of a host (Go `url.unescape`, mode encodeHost): only what is not ASCII may be escaped.
fn check_host_chars(host: &str) -> Result<(), UrlFault> {
    for (at, byte) in host.bytes().enumerate() {
        if byte == b'%' {
            let escape = escape_at(host, at)?;
            if matches!(escape.as_bytes(), [_, b'0'..=b'7', _]) && escape != "%25" {
                return Err(UrlFault::Escape(escape.to_owned()));
            }
        } else if byte.is_ascii()
            && !byte.is_ascii_alphanumeric()
            && !b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
        {
            return Err(UrlFault::HostChar(char::from(byte).to_string()));
        }
    }
    Ok(())
}

fn check_escapes(text: &str) -> Result<(), UrlFault> {
    text.match_indices('%').try_for_each(|(at, _)| escape_at(text, at).map(|_| ()))
}

fn check_fragment(fragment: &str) -> Result<(), UrlFault> {
    check_escapes(fragment).map_err(|fault| match fault {
        UrlFault::Escape(escape) => UrlFault::FragmentEscape(escape),
        fault => fault,
    })
}

/// The percent sign at an index with its two digits.
fn escape_at(text: &str, at: usize) -> Result<&str, UrlFault> {
    let escape: &str = text.get(at..at + 3).unwrap_or_default();
    if matches!(escape.as_bytes(), [_, high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()) {
        return Ok(escape);
    }
    Err(UrlFault::Escape(
        text.chars().skip(text.get(..at).map_or(0, |head| head.chars().count())).take(3).collect(),
    ))
}

/// The URL with its name and password, if it has them, replaced.
pub(crate) fn redact(url: &str) -> String {
    let start = url.find("//").map_or(0, |slashes| slashes + 2);
    let (head, tail) = url.split_at_checked(start).unwrap_or(("", url));
    let (authority, rest) =
        tail.split_at_checked(tail.find(['/', '?', '#']).unwrap_or(tail.len())).unwrap_or((tail, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{head}xxxxx@{host}{rest}"),
        None => url.to_owned(),
    }
}

/// What to show of a text that is no URL: all of it that may be part of a password is replaced. Like Go, without
/// what follows a `#`, unless the fault is there.
pub(crate) fn show(text: &str, fault: &UrlFault) -> String {
    let start = text.find("//").map_or(0, |slashes| slashes + 2);
    match text.rsplit_once('@') {
        Some((secret, host)) => format!("{}xxxxx@{host}", secret.get(..start).unwrap_or("")),
        None if matches!(fault, UrlFault::FragmentEscape(_)) => text.to_owned(),
        None => text.split('#').next().unwrap_or(text).to_owned(),
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("net/url: invalid control character in URL"),
            Self::MissingScheme => f.write_str("missing protocol scheme"),
            Self::ColonInFirstSegment => f.write_str("first path segment in URL cannot contain colon"),
            Self::Userinfo => f.write_str("net/url: invalid userinfo"),
            Self::Port(port) => write!(f, "invalid port {} after host", quoted(port)),
            Self::IpLiteral => f.write_str("invalid IP-literal"),
            Self::MissingBracket => f.write_str("missing ']' in host"),
            Self::HostChar(rune) => write!(f, "invalid character {} in host name", quoted(rune)),
            Self::Escape(escape) | Self::FragmentEscape(escape) => {
                write!(f, "invalid URL escape {}", quoted(escape))
            }
        }
    }
}
