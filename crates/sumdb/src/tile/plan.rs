//! Which tiles prove the hashes of some nodes, and the proof.
//!
//! What this is for: a tree head says one hash. The tiles at the right edge of the tree that are not full make up that
//! hash, every hash of them; a full tile makes up one hash of the tile above it. So the tile of a node is proven by the
//! tiles above it, up to the edge, and the edge by the tree. No tile is passed over because some other one was
//! authenticated: that was CVE-2026-56865, in trees where several nodes of the tree's hash share a tile.
//! Why this shape: a plan is made, says what it needs, and is given the bytes; how they are found, side by side or one
//! after the other, from a file or a network, is the caller's. It looks into the caller's memory of proven tiles while
//! it is made, so a hit needs nothing else. What was proven against a tree on the same timeline ends the way up
//! ([`Plan::within`]); for a tree that is not known to be on it, such a tile only saves the fetch
//! ([`Plan::against`]).
//!
//! The rules come from x/mod `tlog.TileHashReader` of v0.40.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::proven::Proven;
use super::{Tile, hash_of_all, subtree};
use crate::hash::Hash;
use crate::tree::{Node, Tree, nodes_of};

/// Why hashes are not proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// A node was asked for that the tree does not have.
    #[error("node {node} is not in a tree of {size} records")]
    NotInTree {
        /// The node.
        node: Node,
        /// The number of records of the tree.
        size: u64,
    },
    /// A tile that is needed was not given.
    #[error("{tile} was not given")]
    NotGiven {
        /// The tile.
        tile: Tile,
    },
    /// A tile has neither the length of the one that was asked for nor that of the full one.
    #[error("{tile} has {bytes} bytes")]
    Length {
        /// The tile.
        tile: Tile,
        /// How many it has.
        bytes: usize,
    },
    /// The tiles at the edge do not make up the hash of the tree: at least one of them is wrong, or the tree's
    /// signer does not have such a tree.
    #[error("inconsistent tiles: the right edge does not have the hash of the tree of {size} records")]
    Edge {
        /// The number of records of the tree.
        size: u64,
    },
    /// A tile does not make up the hash that the proven tile above it has: it is wrong.
    #[error("inconsistent tile: {tile} does not have the hash that the tree has for it")]
    Forged {
        /// The tile.
        tile: Tile,
    },
}

/// Which tiles are needed to prove the hashes of some nodes of a tree.
#[derive(Clone, Debug)]
pub struct Plan {
    tree: Tree,
    height: u8,
    /// What is true of the tree without more ado.
    trusted: HashMap<Tile, Proven>,
    /// What is to be proven, by the name of the full tile: as wide as the tree has it, with its bytes if they are
    /// at hand.
    planned: HashMap<Tile, (Tile, Option<Proven>)>,
    has_edge: bool,
}

/// What the caller's memory has of a tile.
enum Found {
    /// Enough, and it is true of the tree.
    Trusted(Proven),
    /// Its bytes.
    AtHand(Proven),
    /// Nothing of use.
    Nothing,
}

/// Tiles that are all proven to belong to one tree.
#[derive(Clone, Debug)]
pub struct Tiles {
    height: u8,
    proven: HashMap<Tile, Proven>,
    fresh: Vec<Proven>,
}

impl Plan {
    /// Plans for a tree that is believed and on the timeline of everything that `known` gives. `known` looks a tile
    /// up, by the name of the full one, in the caller's memory.
    pub fn within(
        tree: Tree,
        height: u8,
        nodes: &[Node],
        known: impl Fn(Tile) -> Option<Proven>,
    ) -> Result<Self, TileError> {
        Self::new(tree, height, nodes, |tile, _| {
            let wide_enough = |proven: &Proven| proven.tile().width() >= tile.width();
            known(tile.whole()).filter(wide_enough).map_or(Found::Nothing, Found::Trusted)
        })
    }

    /// Plans for a tree of which nothing is known but its hash. What `known` gives is proven like any other tile.
    pub fn against(
        tree: Tree,
        height: u8,
        nodes: &[Node],
        known: impl Fn(Tile) -> Option<Proven>,
    ) -> Result<Self, TileError> {
        Self::new(tree, height, nodes, |tile, wide| {
            let at_hand = known(tile.whole()).and_then(|proven| proven.narrowed(wide.width()));
            at_hand.map_or(Found::Nothing, Found::AtHand)
        })
    }

    /// `find` is asked with the tile as it is needed, and as the tree has it.
    fn new(
        tree: Tree,
        height: u8,
        nodes: &[Node],
        find: impl Fn(Tile, Tile) -> Found,
    ) -> Result<Self, TileError> {
        let (trusted, planned) = (HashMap::new(), HashMap::new());
        let mut plan = Self { tree, height, trusted, planned, has_edge: false };
        for &node in nodes {
            let outside = TileError::NotInTree { node, size: tree.size };
            let first = Tile::of_node(height, node).filter(|_| node.end() <= tree.size);
            let mut next = Some(first.ok_or(outside)?);
            while let Some(tile) = next {
                let wide = tile.in_tree(tree.size).ok_or(outside)?;
                if plan.cover(tile, wide, &find) {
                    break;
                }
                if !wide.is_whole() {
                    plan.cover_edge(&find);
                    break;
                }
                next = tile.parent();
            }
        }
        Ok(plan)
    }

    /// Plans one tile; whether nothing above it is needed, since it is trusted or was planned before.
    fn cover(&mut self, tile: Tile, wide: Tile, find: &impl Fn(Tile, Tile) -> Found) -> bool {
        let whole = tile.whole();
        let wide_enough = |proven: &Proven| proven.tile().width() >= tile.width();
        if self.planned.contains_key(&whole) || self.trusted.get(&whole).is_some_and(wide_enough) {
            return true;
        }
        let at_hand = match find(tile, wide) {
            Found::Trusted(proven) => {
                self.trusted.insert(whole, proven);
                return true;
            }
            Found::AtHand(proven) => Some(proven),
            Found::Nothing => None,
        };
        self.planned.insert(whole, (wide, at_hand));
        false
    }

    /// Plans all tiles of the edge, which are proven together.
    fn cover_edge(&mut self, find: &impl Fn(Tile, Tile) -> Found) {
        self.has_edge = true;
        for tile in Tile::edge(self.height, self.tree.size) {
            self.cover(tile, tile, find);
        }
    }

    /// The tree that the hashes are proven for.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The tiles that are to be brought. Where a tile that is not full is no longer to be had, the full one will do.
    pub fn needs(&self) -> Vec<Tile> {
        let missing = self.planned.values().filter(|(_, at_hand)| at_hand.is_none());
        let mut tiles: Vec<Tile> = missing.map(|(tile, _)| *tile).collect();
        tiles.sort_unstable();
        tiles
    }

    /// The same plan without what was at hand: for when that turns out to contradict the tree.
    #[must_use]
    pub fn afresh(mut self) -> Self {
        self.planned.values_mut().for_each(|(_, at_hand)| *at_hand = None);
        self
    }

    /// Proves what was brought: `given` looks the bytes of a needed tile up.
    ///
    /// # Errors
    /// The first tile that is missing or wrong. Nothing is proven then, and nothing may be kept.
    pub fn finish(self, given: impl Fn(Tile) -> Option<Arc<[u8]>>) -> Result<Tiles, TileError> {
        let Self { tree, height, trusted, planned, has_edge } = self;
        let mut tiles = Tiles { height, proven: trusted, fresh: Vec::new() };
        let mut whole = Vec::new();
        for (tile, at_hand) in planned.into_values() {
            let is_fresh = at_hand.is_none();
            let read = at_hand.map_or_else(|| read(tile, &given), Ok)?;
            if tile.is_whole() { whole.push((read, is_fresh)) } else { tiles.insert(read, is_fresh) }
        }
        if has_edge && edge_hash(&Tile::edge(height, tree.size), &tiles) != Some(tree.hash) {
            return Err(TileError::Edge { size: tree.size });
        }
        // From the top down: each tile is proven after the one above it.
        whole.sort_unstable_by_key(|(read, _)| Reverse(read.tile().level()));
        for (read, is_fresh) in whole {
            let expected = read.tile().root().and_then(|root| tiles.hash(root));
            if expected.is_none() || read.root() != expected {
                return Err(TileError::Forged { tile: read.tile() });
            }
            tiles.insert(read, is_fresh);
        }
        Ok(tiles)
    }
}

/// The bytes of a tile as they were given, cut to the tile's width if they are those of the full one.
fn read(tile: Tile, given: &impl Fn(Tile) -> Option<Arc<[u8]>>) -> Result<Proven, TileError> {
    let bytes = given(tile).ok_or(TileError::NotGiven { tile })?;
    let length = bytes.len();
    let wrong = TileError::Length { tile, bytes: length };
    let bytes = if length == tile.size_bytes() {
        bytes
    } else if length == tile.whole().size_bytes() {
        Arc::from(bytes.get(..tile.size_bytes()).ok_or(wrong)?)
    } else {
        return Err(wrong);
    };
    let root = if tile.is_whole() { hash_of_all(&bytes) } else { None };
    Ok(Proven::new(tile, bytes, root))
}

/// The hash of the tree that has these tiles, lowest first, as its edge: all their hashes, joined from the right.
fn edge_hash(edge: &[Tile], tiles: &Tiles) -> Option<Hash> {
    let mut whole = None;
    for tile in edge {
        let proven = tiles.proven.get(&tile.whole())?;
        for node in nodes_of(0..tile.width().into()).into_iter().rev() {
            let left = subtree(proven.bytes(), node)?;
            whole = Some(whole.map_or(left, |right| Hash::of_node(&left, &right)));
        }
    }
    whole
}

impl Tiles {
    fn insert(&mut self, proven: Proven, is_fresh: bool) {
        if is_fresh {
            self.fresh.push(proven.clone());
        }
        self.proven.insert(proven.tile().whole(), proven);
    }

    /// The hash of a node that was planned for, or follows from the tiles.
    pub fn hash(&self, node: Node) -> Option<Hash> {
        self.proven.get(&Tile::of_node(self.height, node)?.whole())?.hash(node)
    }

    /// A tile, by any of its widths.
    pub fn tile(&self, tile: Tile) -> Option<&Proven> {
        self.proven.get(&tile.whole())
    }

    /// The tiles that were brought, to be kept.
    pub fn fresh(&self) -> &[Proven] {
        &self.fresh
    }
}
