//! Shell globs over one text, as Go's `path.Match` has them.
//!
//! `*` and `?` stand for characters other than a slash, `[a-z]` and `[^x]` for one of a class or out of it, and
//! `\c` for `c` itself. The match is over bytes, because Go's is: a `*` may end within a character. A glob is cut
//! at its stars into chunks, and each chunk is taken at the first place where it fits, so the time is bounded by
//! the product of the two lengths.

/// Why a glob matches nothing whatever the text is.
struct Malformed;

/// Whether the glob matches the whole text; a malformed glob matches none (Go `path.Match`).
pub(super) fn matches(glob: &[u8], text: &[u8]) -> bool {
    match_all(glob, text).unwrap_or(false)
}

fn match_all(mut glob: &[u8], mut text: &[u8]) -> Result<bool, Malformed> {
    while !glob.is_empty() {
        let (star, chunk, rest) = next_chunk(glob);
        glob = rest;
        if star && chunk.is_empty() {
            return Ok(!text.contains(&b'/'));
        }
        match find_chunk(chunk, text, star, rest.is_empty())? {
            Some(after) => text = after,
            None => return Ok(false),
        }
    }
    Ok(text.is_empty())
}

/// What of the text is left after the first place where the chunk fits: the front, or, after a star, any place
/// before the next slash. The last chunk must reach the end of the text.
fn find_chunk<'t>(
    chunk: &[u8],
    mut text: &'t [u8],
    star: bool,
    is_last: bool,
) -> Result<Option<&'t [u8]>, Malformed> {
    loop {
        if let Some(after) = match_chunk(chunk, text)?
            && (after.is_empty() || !is_last)
        {
            return Ok(Some(after));
        }
        match text.split_first() {
            Some((first, rest)) if star && *first != b'/' => text = rest,
            _ => return Ok(None),
        }
    }
}

/// Cuts leading stars and what follows them up to the next star (Go `path.scanChunk`).
fn next_chunk(glob: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = glob.iter().take_while(|&&byte| byte == b'*').count();
    let (_, glob) = glob.split_at_checked(stars).unwrap_or_default();
    let (mut in_class, mut escaped) = (false, false);
    let end = glob.iter().position(|byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' => escaped = true,
            b'[' => in_class = true,
            b']' => in_class = false,
            _ => {}
        }
        *byte == b'*' && !in_class
    });
    let (chunk, rest) = glob.split_at_checked(end.unwrap_or(glob.len())).unwrap_or_default();
    (stars > 0, chunk, rest)
}

/// Matches a chunk, which has no star, against the front of the text, and gives what is left of the text
/// (Go `path.matchChunk`).
fn match_chunk<'t>(mut chunk: &[u8], text: &'t [u8]) -> Result<Option<&'t [u8]>, Malformed> {
    // `None` once the match has failed; the chunk is read to its end all the same, to see if it is malformed.
    let mut left = Some(text);
    while let Some((&byte, rest)) = chunk.split_first() {
        chunk = rest;
        left = match byte {
            b'[' => {
                let (rune, after) = left.and_then(decode).unzip();
                let (found, rest) = match_class(chunk, rune)?;
                chunk = rest;
                after.filter(|_| found)
            }
            b'?' => left.and_then(decode).filter(|&(rune, _)| rune != '/').map(|(_, after)| after),
            b'\\' => {
                let (&literal, rest) = chunk.split_first().ok_or(Malformed)?;
                chunk = rest;
                left.and_then(|text| text.strip_prefix(&[literal]))
            }
            literal => left.and_then(|text| text.strip_prefix(&[literal])),
        };
    }
    Ok(left)
}

/// Reads a class after its `[`, and says whether it has the character and what comes after the `]`.
fn match_class(chunk: &[u8], rune: Option<char>) -> Result<(bool, &[u8]), Malformed> {
    let (negated, mut chunk) = match chunk.split_first() {
        Some((b'^', rest)) => (true, rest),
        _ => (false, chunk),
    };
    let (mut found, mut ranges) = (false, 0_usize);
    loop {
        if let Some((b']', rest)) = chunk.split_first()
            && ranges > 0
        {
            return Ok((found != negated, rest));
        }
        let (low, rest) = class_char(chunk)?;
        let (high, rest) = match rest.split_first() {
            Some((b'-', rest)) => class_char(rest)?,
            _ => (low, rest),
        };
        found |= rune.is_some_and(|rune| low <= rune && rune <= high);
        ranges += 1;
        chunk = rest;
    }
}

/// Reads a character of a class, which cannot be the last of the chunk (Go `path.getEsc`).
fn class_char(chunk: &[u8]) -> Result<(char, &[u8]), Malformed> {
    let chunk = match chunk.split_first() {
        None | Some((b'-' | b']', _)) => return Err(Malformed),
        Some((b'\\', rest)) => rest,
        Some(_) => chunk,
    };
    decode(chunk).filter(|(_, rest)| !rest.is_empty()).ok_or(Malformed)
}

/// Takes the first character off; a byte that begins none counts as U+FFFD (Go `utf8.DecodeRune`).
fn decode(text: &[u8]) -> Option<(char, &[u8])> {
    let front = text.get(..text.len().min(4))?;
    let first = front.utf8_chunks().next()?.valid().chars().next();
    let (rune, len) = first.map_or((char::REPLACEMENT_CHARACTER, 1), |rune| (rune, rune.len_utf8()));
    Some((rune, text.get(len..)?))
}
