//! A log that is restored from files that a crash, a backup or somebody has changed: no panic, and it goes on only from
//! the tree that was signed last.
#![no_main]

use std::cell::RefCell;

use fuzz::{HEIGHT, Input, SIZE, sign, signer, tile, tree};
use libfuzzer_sys::fuzz_target;
use sumdb::log::Restore;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let mut note = || {
        let size = input.below(SIZE + 1);
        let honest = sign(&tree(size)).into_bytes();
        (size, (input.byte() % 8 != 0).then(|| input.bend(Some(honest)).unwrap_or_default()))
    };
    let (remembered, published) = (note(), note());
    let restore = Restore::new(signer(), HEIGHT, remembered.1.as_deref(), published.1.as_deref());
    let Ok(restore) = restore else { return };
    let needs = restore.needs();
    let input = RefCell::new(input);
    let log = restore.finish(|name| {
        assert!(needs.contains(&name), "{name} was not said to be needed");
        input.borrow_mut().bend(tile(name))
    });
    let Ok(log) = log else { return };
    let size = log.size();
    assert_eq!(log.head().tree(), &tree(size), "the log goes on from a tree that nobody signed");
    let sizes = [&remembered, &published].into_iter().filter(|note| note.1.is_some()).map(|note| note.0);
    assert_eq!(size, sizes.max().unwrap_or(0));
});
