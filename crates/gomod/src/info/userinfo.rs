//! Takes credentials out of the URLs of a `.info` file, and changes nothing else.
//!
//! Not done by parsing and printing: the bytes must stay as they came. Only a JSON string that holds a URL with
//! userinfo is written anew, whatever member it belongs to, also when its slashes are escaped.

use std::borrow::Cow;

/// The bytes without the userinfo of any URL: `https://user:word@host/p` becomes `https://host/p`. Everything
/// else, spaces and order included, is as it was; borrowed if nothing had to go. Bytes that are no JSON are
/// searched by the same rule for strings in double quotes.
pub fn without_userinfo(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(literal) = next_literal(bytes, at) {
        at = literal.end;
        let Some(raw) = bytes.get(literal.clone()) else { break };
        let Some(clean) = clean_literal(raw) else { continue };
        out.extend_from_slice(bytes.get(kept..literal.start).unwrap_or_default());
        out.extend_from_slice(clean.as_bytes());
        kept = literal.end;
    }
    if kept == 0 {
        return Cow::Borrowed(bytes);
    }
    out.extend_from_slice(bytes.get(kept..).unwrap_or_default());
    Cow::Owned(out)
}

/// Where the next string in double quotes is, quotes included.
fn next_literal(bytes: &[u8], from: usize) -> Option<std::ops::Range<usize>> {
    let start = from + bytes.get(from..)?.iter().position(|byte| *byte == b'"')?;
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(start..at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The JSON string without userinfo, if it had any.
fn clean_literal(raw: &[u8]) -> Option<String> {
    let text: String = serde_json::from_slice(raw).ok()?;
    let clean = without_userinfo_in_text(&text)?;
    serde_json::to_string(&clean).ok()
}

/// The text without userinfo after any `//` that opens an authority, if there was any.
fn without_userinfo_in_text(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some((before, after)) = rest.split_once("//") {
        let opens = before.ends_with(':') || (before.is_empty() && out.is_empty());
        out.push_str(before);
        out.push_str("//");
        rest = after;
        let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
        if let (true, Some((_, host))) = (opens, authority.rsplit_once('@')) {
            let from = authority.len() - host.len();
            rest = after.get(from..).unwrap_or_default();
            found = true;
        }
    }
    out.push_str(rest);
    found.then_some(out)
}
