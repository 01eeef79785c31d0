//! How go.mod files write text: Go's quoted strings.
//!
//! Bytes that are no UTF-8 are read as Go's decoder reads them, each as one U+FFFD. That is done once, at the start:
//! it changes neither what is accepted nor any position, because Go counts runes too.

use std::borrow::Cow;

/// The bytes as text, each byte that is no UTF-8 as one U+FFFD (Go `utf8.DecodeRune`).
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Cow::Owned(text)
}

/// What a Go string literal in double or back quotes means; `None` if it is malformed (Go `strconv.Unquote`). Bytes
/// written as `\xff` that are no UTF-8 become U+FFFD.
pub(super) fn unquote(literal: &str) -> Option<String> {
    if let Some(rest) = literal.strip_prefix('`') {
        let raw = rest.strip_suffix('`').filter(|raw| !raw.contains('`'))?;
        return Some(raw.replace('\r', ""));
    }
    let mut rest = literal.strip_prefix('"')?.chars();
    let mut bytes = Vec::with_capacity(literal.len());
    loop {
        match rest.next()? {
            '"' => break,
            '\n' => return None,
            '\\' => unescape(&mut rest, &mut bytes)?,
            c => push(&mut bytes, c),
        }
    }
    rest.next().is_none().then(|| decode(&bytes).into_owned())
}

/// Reads what follows a backslash (Go `strconv.UnquoteChar`).
fn unescape(rest: &mut std::str::Chars<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let c = match rest.next()? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        c @ ('\\' | '"') => c,
        'x' => {
            bytes.push(u8::try_from(number(rest, 16, 2)?).ok()?);
            return Some(());
        }
        'u' => char::from_u32(number(rest, 16, 4)?)?,
        'U' => char::from_u32(number(rest, 16, 8)?)?,
        c @ '0'..='7' => {
            let high = c.to_digit(8)? * 64;
            bytes.push(u8::try_from(high + number(rest, 8, 2)?).ok()?);
            return Some(());
        }
        _ => return None,
    };
    push(bytes, c);
    Some(())
}

fn number(rest: &mut std::str::Chars<'_>, radix: u32, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0_u32, |sum, _| {
        let digit = rest.next()?.to_digit(radix)?;
        sum.checked_mul(radix)?.checked_add(digit)
    })
}

fn push(bytes: &mut Vec<u8>, c: char) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_literals_mean_what_they_mean_in_go() {
        for (literal, wanted) in [
            (r#""""#, Some("")),
            (r#""a\"b\\\t\x41\101\u00e9\U0001F600""#, Some("a\"b\\\tAA\u{e9}\u{1F600}")),
            (r#""\xc3\xa9\xff""#, Some("\u{e9}\u{fffd}")),
            ("`a\\n\r`", Some("a\\n")),
            ("``", Some("")),
            (r#""\'""#, None),
            (r#""\400""#, None),
            (r#""\ud800""#, None),
            (r#""\UFFFFFFFF""#, None),
            (r#""\x4""#, None),
            (r#""a" "#, None),
            (r#""a"#, None),
            ("\"a\nb\"", None),
            ("`a`b`", None),
            ("`", None),
            ("'a'", None),
            ("", None),
        ] {
            assert_eq!(unquote(literal).as_deref(), wanted, "{literal}");
        }
    }
}
