//! A client that remembers the honest tree, and a database that has the key and says what the input says: no panic, no
//! end of steps, and nothing but the truth below the size of what was remembered.
#![no_main]

use std::collections::HashMap;

use fuzz::{HEIGHT, Input, SIZE, hash, module, record, sign, signer, tile, tree};
use libfuzzer_sys::fuzz_target;
use sumdb::client::{Client, Latest, Lookup, Step, Task, TileCheck};
use sumdb::{Hash, Proven, Tile, Tree};

/// The most steps a task takes: it compares, proves and keeps, each perhaps twice.
const STEPS: usize = 30;

/// The client and what its owner has.
struct Owner {
    client: Client,
    memory: HashMap<Tile, Proven>,
    remembered: u64,
}

impl Owner {
    /// Drives a task with tiles that the input bends; what is proven below what was remembered is true.
    fn drive<T: Task>(&mut self, mut task: T, input: &mut Input<'_>) -> Option<T::Answer> {
        for _ in 0..STEPS {
            match task.step(&mut self.client, &|tile| self.memory.get(&tile).cloned()).ok()? {
                Step::Bring(tiles) | Step::BringAnew(tiles) => {
                    for name in tiles {
                        task.bring(name, input.bend(tile(name))?);
                    }
                }
                Step::Keep(head) => self.client.kept(&head),
                Step::Done(answer) => {
                    for proven in task.fresh() {
                        self.check(proven);
                        self.memory.insert(proven.tile().whole(), proven.clone());
                    }
                    return Some(answer);
                }
            }
        }
        panic!("a task that never ends");
    }

    fn check(&self, proven: &Proven) {
        for at in 0..proven.tile().width() {
            let node = proven.tile().node(at).unwrap();
            assert!(node.end() > self.remembered || proven.hash(node) == Some(hash(node)), "{proven:?}");
        }
    }
}

/// A head that the key has signed: honest, or of any size and hash.
fn head(input: &mut Input<'_>) -> String {
    let size = input.below(2 * SIZE);
    match input.byte() % 4 {
        0 => sign(&Tree { size, hash: Hash([input.byte(); 32]) }),
        1 => sign(&Tree { size: size << (input.byte() % 58), hash: Hash([input.byte(); 32]) }),
        _ => sign(&tree(size.min(SIZE))),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let remembered = input.below(SIZE + 1);
    let note = if remembered == 0 { String::new() } else { sign(&tree(remembered)) };
    let client = Client::new(signer().verifier().clone(), note.as_bytes()).unwrap().with_height(HEIGHT);
    let mut owner = Owner { client, memory: HashMap::new(), remembered };
    for _ in 0..4 {
        let id = input.below(SIZE);
        match input.byte() % 4 {
            0 | 1 => {
                let mut text = record(if input.byte() % 4 == 0 { input.below(SIZE) } else { id }).to_string();
                if input.byte() % 4 == 0 {
                    text = String::from_utf8_lossy(input.bytes()).into_owned();
                }
                let answer = format!("{text}{}", head(&mut input));
                let Ok(task) = Lookup::new(&owner.client, module(id), answer.as_bytes()) else { continue };
                if let Some(authentic) = owner.drive(task, &mut input) {
                    let found = authentic.record();
                    assert!(found.id() >= remembered || found.text() == record(found.id()).text());
                }
            }
            2 => {
                let Ok(head) = owner.client.open(head(&mut input).as_bytes()) else { continue };
                let _ = owner.drive(Latest::new(head), &mut input);
            }
            _ => {
                let level = input.byte() % 70;
                let wanted =
                    Tile::new(HEIGHT, Some(level % 64), input.below(8), 1 + u32::from(input.byte() % 4));
                let Some(wanted) = wanted else { continue };
                if let Some(proven) = owner.drive(TileCheck::new(wanted), &mut input) {
                    assert_eq!(proven.tile(), wanted);
                    owner.check(&proven);
                }
            }
        }
        let newest = owner.client.newest().tree();
        assert!(newest.size >= remembered, "the newest tree went back");
    }
});
