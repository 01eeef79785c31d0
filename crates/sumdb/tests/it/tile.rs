//! Tiles: their paths, and the proof that a tree has them.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use sumdb::tile::{Plan, Proven, TileError};
use sumdb::{Hash, Node, Tile, Tree};
use testkit::cases;
use testkit::cases::Case;

use crate::world::{Leaves, Tiles};

#[test]
fn paths_are_read_as_go_reads_them() {
    for case in cases!("tile_path") {
        let ours = case.utf8(0).and_then(|path| Tile::parse(path).ok());
        // x/mod documents levels up to 63, and does not look.
        if !case.is_ok(1) || number_or_minus(&case, 3) > 63 {
            assert_eq!(ours, None, "{case}");
            continue;
        }
        let tile = ours.unwrap_or_else(|| panic!("{case}"));
        let level = tile.level().map_or(-1, i64::from);
        assert_eq!(u64::from(tile.height()), case.number(2), "{case}");
        assert_eq!(level, number_or_minus(&case, 3), "{case}");
        assert_eq!((tile.number(), u64::from(tile.width())), (case.number(4), case.number(5)), "{case}");
        assert_eq!(tile.to_string(), case.text(0), "{case}");
    }
}

fn number_or_minus(case: &Case, at: usize) -> i64 {
    case.word(at).parse().unwrap()
}

#[test]
fn a_growing_log_adds_the_tiles_that_go_adds() {
    for case in cases!("tiles_added") {
        let height = u8::try_from(case.number(0)).unwrap();
        let added = Tile::added(height, case.number(1), case.number(2));
        let added: Vec<String> = added.map(|tile| tile.to_string()).collect();
        let expected: Vec<&str> = (3..case.fields.len()).map(|at| case.word(at)).collect();
        assert_eq!(added, expected, "{case}");
    }
}

fn nodes(case: &Case) -> Vec<Node> {
    case.word(2).split(',').map(|index| Node::from_stored_index(index.parse().unwrap()).unwrap()).collect()
}

#[test]
fn tiles_are_believed_as_go_believes_them() {
    let leaves = Leaves::new(131_077);
    let mut forged = 0;
    for case in cases!("tiles") {
        let (height, size) = (u8::try_from(case.number(0)).unwrap(), case.number(1));
        let mut tiles = Tiles::of(&leaves, height, size);
        tiles.change(case.word(3), u8::try_from(case.number(4)).unwrap(), case.number(5));
        let nodes = nodes(&case);
        let plan = Plan::against(leaves.tree(size), height, &nodes, |_| None).unwrap();
        let mut needs: Vec<String> = plan.needs().iter().map(Tile::to_string).collect();
        needs.sort_unstable();
        let expected: Vec<&str> = (7..case.fields.len()).map(|at| case.word(at)).collect();
        assert_eq!(needs, expected, "the same tiles are needed: {case}");
        let proven = plan.finish(|tile| Some(tiles.read(tile)));
        assert_eq!(proven.is_ok(), case.is_ok(6), "{case}: {:?}", proven.err());
        forged += u32::from(proven.is_err());
        for node in nodes {
            assert!(
                proven.as_ref().is_err() || proven.as_ref().unwrap().hash(node) == leaves.hash(node),
                "{case}"
            );
        }
    }
    assert!(forged > 400, "{forged}");
}

#[test]
fn every_hash_of_every_tile_is_proven() {
    let leaves = Leaves::new(131_077);
    for (height, size) in
        [(8, 512), (8, 519), (8, 700), (8, 70_000), (8, 131_077), (2, 15), (2, 16), (3, 519)]
    {
        for id in [0, size / 2, size - 1] {
            let node = Node::of_record(id).unwrap();
            let plan = Plan::within(leaves.tree(size), height, &[node], |_| None).unwrap();
            for tile in plan.needs() {
                for at in [0, tile.width() / 2, tile.width() - 1] {
                    let mut tiles = Tiles::of(&leaves, height, size);
                    tiles.change("flip", tile.level().unwrap(), (tile.number() << height) + u64::from(at));
                    let result = plan.clone().finish(|tile| Some(tiles.read(tile)));
                    assert!(result.is_err(), "{size} {id} {tile} {at}");
                }
            }
            let tiles = Tiles::of(&leaves, height, size);
            let proven = plan.finish(|tile| Some(tiles.read(tile))).unwrap();
            assert_eq!(proven.hash(node), leaves.hash(node));
        }
    }
}

#[test]
fn the_tile_that_is_wrong_is_named_below_a_proven_one() {
    let leaves = Leaves::new(70_000);
    let mut tiles = Tiles::of(&leaves, 8, 70_000);
    tiles.change("flip", 0, 1000);
    let plan = || Plan::against(leaves.tree(70_000), 8, &[Node::of_record(1001).unwrap()], |_| None).unwrap();
    let forged = plan().finish(|tile| Some(tiles.read(tile))).unwrap_err();
    assert_eq!(forged, TileError::Forged { tile: Tile::parse("tile/8/0/003").unwrap() });
    // Lifted by one level, the tile above is the one that contradicts what is proven.
    let mut tiles = Tiles::of(&leaves, 8, 70_000);
    tiles.change("lift", 0, 1000);
    let forged = plan().finish(|tile| Some(tiles.read(tile))).unwrap_err();
    assert_eq!(forged, TileError::Forged { tile: Tile::parse("tile/8/1/000").unwrap() });
    let mut tiles = Tiles::of(&leaves, 8, 70_000);
    tiles.change("liftall", 0, 1000);
    assert_eq!(plan().finish(|tile| Some(tiles.read(tile))).unwrap_err(), TileError::Edge { size: 70_000 });
}

/// The memory of a caller.
#[derive(Default)]
struct Memory(HashMap<Tile, Proven>);

impl Memory {
    fn tile(&self, tile: Tile) -> Option<Proven> {
        self.0.get(&tile).cloned()
    }

    fn keep(&mut self, tiles: &[Proven]) {
        for tile in tiles {
            self.0.insert(tile.tile().whole(), tile.clone());
        }
    }
}

#[test]
fn what_was_proven_before_needs_no_other_tile() {
    let leaves = Leaves::new(131_077);
    let mut memory = Memory::default();
    let node = |id| Node::of_record(id).unwrap();
    let tiles = Tiles::of(&leaves, 8, 70_000);
    let plan = Plan::within(leaves.tree(70_000), 8, &[node(5)], |tile| memory.tile(tile)).unwrap();
    assert_eq!(plan.needs().len(), 5);
    let proven = plan.finish(|tile| Some(tiles.read(tile))).unwrap();
    assert_eq!(proven.fresh().len(), 5);
    memory.keep(proven.fresh());
    // The same tile, a neighbour, the edge; then in a larger tree on the same timeline.
    for (size, id, needed) in
        [(70_000, 200, 0), (70_000, 300, 1), (70_000, 69_999, 0), (131_077, 6, 0), (131_077, 69_000, 1)]
    {
        let plan = Plan::within(leaves.tree(size), 8, &[node(id)], |tile| memory.tile(tile)).unwrap();
        assert_eq!(plan.needs().len(), needed, "{size} {id} {:?}", plan.needs());
        let tiles = Tiles::of(&leaves, 8, size);
        let proven = plan.finish(|tile| Some(tiles.read(tile))).unwrap();
        assert_eq!(proven.hash(node(id)), leaves.hash(node(id)));
        assert_eq!(proven.fresh().len(), needed);
    }
    // A tree that is not known to be on the timeline is proven from its own hash down, whatever is in memory.
    let plan = Plan::against(leaves.tree(70_000), 8, &[node(5)], |tile| memory.tile(tile)).unwrap();
    assert_eq!(plan.needs(), Vec::new());
    assert!(plan.finish(|_| None).is_ok());
    let other = Tree { size: 70_000, hash: Hash::EMPTY };
    let plan = Plan::against(other, 8, &[node(5)], |tile| memory.tile(tile)).unwrap();
    assert_eq!(plan.finish(|_| None).unwrap_err(), TileError::Edge { size: 70_000 });
}

#[test]
fn a_forged_tile_is_found_below_what_is_in_memory() {
    let leaves = Leaves::new(70_000);
    let mut memory = Memory::default();
    let good = Tiles::of(&leaves, 8, 70_000);
    let plan = Plan::within(leaves.tree(70_000), 8, &[Node::of_record(5).unwrap()], |_| None).unwrap();
    memory.keep(plan.finish(|tile| Some(good.read(tile))).unwrap().fresh());
    for kind in ["flip", "lift", "liftall", "swap"] {
        let mut tiles = Tiles::of(&leaves, 8, 70_000);
        tiles.change(kind, 0, 300);
        let node = Node::of_record(400).unwrap();
        let plan = Plan::within(leaves.tree(70_000), 8, &[node], |tile| memory.tile(tile)).unwrap();
        let result = plan.finish(|tile| Some(tiles.read(tile)));
        assert_eq!(result.unwrap_err(), TileError::Forged { tile: Tile::parse("tile/8/0/001").unwrap() });
    }
}

#[test]
fn a_full_tile_stands_in_for_one_that_was_not_full() {
    let leaves = Leaves::new(700);
    let node = Node::of_record(518).unwrap();
    let plan = || Plan::within(leaves.tree(519), 8, &[node], |_| None).unwrap();
    let longer = Leaves::new(768);
    let full = Tiles::of(&longer, 8, 768);
    let tiles = plan().finish(|tile| match tile.level() {
        Some(0) => Some(full.read(tile.whole())),
        _ => Some(full.read(tile)),
    });
    let tiles = tiles.unwrap();
    let kept = tiles.tile(Tile::parse("tile/8/0/002").unwrap()).unwrap();
    assert_eq!(kept.tile().to_string(), "tile/8/0/002.p/7", "what is beyond the tree is not proven");
    assert_eq!(kept.bytes().len(), 7 * 32);
    let wide = Tiles::of(&longer, 8, 768);
    for length in [0, 31, 6 * 32, 8 * 32, 255 * 32, 257 * 32] {
        let bytes: Arc<[u8]> = vec![0; length].into();
        let result = plan()
            .finish(|tile| if tile.level() == Some(0) { Some(bytes.clone()) } else { Some(wide.read(tile)) });
        assert_eq!(result.unwrap_err(), TileError::Length { tile: kept.tile(), bytes: length });
    }
    assert!(matches!(plan().finish(|_| None), Err(TileError::NotGiven { .. })));
}

#[test]
fn nothing_is_planned_beyond_the_tree() {
    let tree = Tree { size: 519, hash: Hash::EMPTY };
    for node in [Node::of_record(519), Node::new(3, 64), Node::new(62, 0)] {
        assert!(matches!(
            Plan::within(tree, 8, &[node.unwrap()], |_| None),
            Err(TileError::NotInTree { .. })
        ));
    }
    assert!(Plan::within(tree, 0, &[Node::of_record(1).unwrap()], |_| None).is_err());
    assert!(Plan::within(tree, 31, &[Node::of_record(1).unwrap()], |_| None).is_err());
    assert!(Plan::within(Tree::EMPTY, 8, &[Node::of_record(0).unwrap()], |_| None).is_err());
}

proptest! {
    #[test]
    fn a_path_is_read_as_it_is_written(height in 1_u8..=30, level in 0_u8..=64, number in any::<u64>(), shift in 1_u32..64, width in any::<u32>()) {
        let level = Some(level).filter(|level| *level < 64);
        let tile = Tile::new(height, level, number >> shift, 1 + width % (1 << height)).unwrap();
        prop_assert_eq!(Tile::parse(&tile.to_string()), Ok(tile));
        let _ = (tile.root(), tile.parent(), tile.in_tree(number), tile.node(width), tile.size_bytes());
    }

    #[test]
    fn any_text_that_is_a_path_has_one_spelling(path in "tile/[0-9]{1,2}/([0-9]{1,2}|data)/(x[0-9]{3}/){0,7}[0-9]{3}(\\.p/[0-9]{1,3})?|\\PC*") {
        if let Ok(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn no_tree_and_no_bytes_make_a_plan_panic(
        size in any::<u64>(), shift in 1_u32..64, height in any::<u8>(), ids in prop::collection::vec(any::<u64>(), 0..4), length in 0_usize..600
    ) {
        let size = size >> shift;
        let nodes: Vec<Node> = ids.iter().filter_map(|id| Node::from_stored_index(id % (size.max(1) * 2))).collect();
        let tree = Tree { size, hash: Hash::EMPTY };
        if let Ok(plan) = Plan::against(tree, height, &nodes, |_| None) {
            prop_assert!(plan.needs().len() < 300);
            prop_assert!(nodes.is_empty() || plan.finish(|_| Some(vec![7; length].into())).is_err());
        }
    }
}
