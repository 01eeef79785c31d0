//! What a commit says of itself, read from the object.

use jiff::Timestamp;

/// When a commit was made, to the second (`git log --format=%ct`): the number after the committer's name and address.
pub(super) fn committed(object: &[u8]) -> Option<Timestamp> {
    let headers = object.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let committer = headers.into_iter().find_map(|line| line.strip_prefix(b"committer "))?;
    // The name may hold anything; the time follows the last bracket.
    let after = committer.iter().rposition(|byte| *byte == b'>')?;
    let time = std::str::from_utf8(committer.get(after + 1..)?).ok()?;
    Timestamp::from_second(time.split_ascii_whitespace().next()?.parse().ok()?).ok()
}

/// An entry of a directory: whether it is one itself, and its id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Member<'a> {
    /// Octal digits.
    pub(super) mode: &'a [u8],
    /// The bytes of its id.
    pub(super) id: &'a [u8],
}

impl Member<'_> {
    /// A submodule, which is in another repository.
    pub(super) fn is_submodule(&self) -> bool {
        self.mode == b"160000"
    }

    /// Its id in digits.
    pub(super) fn id(&self) -> String {
        crate::ids::digits(self.id)
    }
}

/// The entry of this name in a tree object: `MODE NAME\0ID`, one after the other. An error where it is no tree.
pub(super) fn member<'a>(tree: &'a [u8], name: &[u8], id_bytes: usize) -> Result<Option<Member<'a>>, ()> {
    let mut rest = tree;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or(())?;
        let (mode, after) = rest.split_at_checked(space).ok_or(())?;
        let end = after.iter().position(|byte| *byte == 0).ok_or(())?;
        let is_it = after.get(1..end).ok_or(())? == name;
        let (id, next) = after.get(end + 1..).and_then(|ids| ids.split_at_checked(id_bytes)).ok_or(())?;
        if is_it {
            return Ok(Some(Member { mode, id }));
        }
        rest = next;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_the_committers() {
        let object =
            b"tree aa\nauthor A <a@b> 1 +0000\ncommitter X > 7 <a@b> 1523994202 -0400\n\ncommitter <> 5\n";
        assert_eq!(committed(object).unwrap().as_second(), 1_523_994_202);
        assert_eq!(committed(b"tree aa\n\ncommitter A <a> 5 +0000\n"), None);
        assert_eq!(committed(b"committer A <a> soon\n\n"), None);
    }

    #[test]
    fn a_name_is_found_in_a_tree_and_a_torn_tree_is_told() {
        let tree = b"100644 a\0\x01\x0240000 b b\0\x03\x04160000 c\0\x05\x06";
        let found = member(tree, b"b b", 2).unwrap().unwrap();
        assert_eq!((found.mode, found.id()), (&b"40000"[..], "0304".to_owned()));
        assert!(member(tree, b"c", 2).unwrap().unwrap().is_submodule());
        assert_eq!(member(tree, b"d", 2), Ok(None));
        assert_eq!(member(&tree[..12], b"d", 2), Err(()));
    }
}
