//! Chains of facets as a trie: each node is a chain, its parent the chain without the last facet.
//!
//! Keys are exact: two chains are the same node if and only if they name the same facets in the same order.

use super::beam::{Beam, Clip, mirror, window};
use crate::geometry::facet::Facets;
use crate::math::Vec3;
use rayon::prelude::*;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::sync::OnceLock;

/// All chains found from one source. Node 0 is the empty chain: the source itself.
#[derive(Debug)]
pub struct ChainTrie {
    /// Node of the chain without the last facet `[node]`; the root's is the root.
    pub parent: Vec<u32>,
    /// Last facet `[node]`; the root's means nothing.
    pub facet: Vec<u32>,
    /// Number of facets `[node]`.
    pub depth: Vec<u32>,
    /// Image of the source in all facets of the chain `[node]` [m].
    pub image: Vec<Vec3>,
    /// A hash of the chain `[node]`, from which its random numbers are drawn.
    pub hash: Vec<u64>,
    /// Where the window of each node lies in `corners` `[node]`.
    window: Vec<Range<u64>>,
    /// Corners of windows [m].
    corners: Vec<Vec3>,
    /// Nodes by parent and facet, but for those that [`ChainTrie::extend`] added.
    children: Children,
    /// Nodes by parent and facet, all of them, where that has been called: made when a chain is first looked up, which an
    /// exhaustive search never does.
    late: Option<OnceLock<Children>>,
}

type Children = HashMap<u64, u32, BuildHasherDefault<Mix>>;

/// What became of a chain that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inserted {
    /// A node is new.
    pub grew: bool,
    /// The trie was full before the chain's end.
    pub full: bool,
}

impl ChainTrie {
    /// The trie of a source at `position` [m] with no chain but the empty one.
    pub fn new(position: Vec3) -> ChainTrie {
        ChainTrie {
            parent: vec![0],
            facet: vec![crate::layout::NONE],
            depth: vec![0],
            image: vec![position],
            hash: vec![0x243F_6A88_85A3_08D3],
            window: std::iter::once(0..0).collect(),
            corners: Vec::new(),
            children: Children::default(),
            late: None,
        }
    }

    /// Number of nodes, the root among them.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there is no chain but the empty one.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    /// The memory that it takes, about [bytes].
    pub fn bytes(&self) -> usize {
        const PER_NODE: usize = 3 * size_of::<u32>() + size_of::<Vec3>() + size_of::<u64>() + size_of::<Range<u64>>();
        // An entry of the map: key, node and a control byte, which fill half of its places or more.
        const PER_CHILD: usize = 2 * (size_of::<(u64, u32)>() + 1);
        self.len() * (PER_NODE + PER_CHILD) + self.corners.len() * size_of::<Vec3>()
    }

    /// The window of a node [m]; empty for the root, which sees everything, and for a chain that no beam can take.
    pub fn window_of(&self, node: u32) -> &[Vec3] {
        let Range { start, end } = self.window[node as usize];
        &self.corners[start as usize..end as usize]
    }

    /// Whether some beam may take the chain of a node.
    pub fn is_in_reach(&self, node: u32) -> bool {
        node == 0 || !self.window[node as usize].is_empty()
    }

    /// The facets of a node's chain, first to last, into `chain`.
    pub fn chain_into(&self, mut node: u32, chain: &mut Vec<u32>) {
        chain.clear();
        while node != 0 {
            chain.push(self.facet[node as usize]);
            node = self.parent[node as usize];
        }
        chain.reverse();
    }

    /// Puts in the chain that a ray met, which [`NONE`] ends where it is shorter than the slice, while there are fewer
    /// than `max_nodes`. [`ChainTrie::open`] has to follow before new nodes are used.
    ///
    /// [`NONE`]: crate::layout::NONE
    pub fn insert(&mut self, chain: &[u32], max_nodes: u64) -> Inserted {
        let (mut node, before, mut full) = (0, self.len(), false);
        if self.late.take().is_some() {
            self.children = self.children_of_all();
        }
        for facet in chain.iter().take_while(|facet| **facet != crate::layout::NONE) {
            let next = self.len() as u32;
            node = match self.children.entry(key_of(node, *facet)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(_) if u64::from(next) >= max_nodes => {
                    full = true;
                    break;
                }
                Entry::Vacant(vacant) => {
                    vacant.insert(next);
                    self.push(node, *facet);
                    next
                }
            };
        }
        Inserted { grew: self.len() > before, full }
    }

    /// Adds chains with one facet more than `parent`'s, which the trie does not hold, with their images and windows; no more
    /// than until it has `max_nodes`. Tells whether all found room.
    pub fn extend(&mut self, parent: u32, facets: &[u32], opened: &Opened, max_nodes: u64) -> bool {
        self.late = Some(OnceLock::new());
        let room = max_nodes.saturating_sub(self.len() as u64).min(facets.len() as u64) as usize;
        self.reserve(room, opened.corners.len());
        let mut corners = &opened.corners[..];
        for ((facet, image), count) in facets.iter().zip(&opened.images).zip(&opened.counts).take(room) {
            let (node, (own, rest)) = (self.len(), corners.split_at(*count));
            self.push(parent, *facet);
            self.image[node] = *image;
            self.set_window(node, own);
            corners = rest;
        }
        room == facets.len()
    }

    /// Makes images and windows of all nodes from `first` on, which [`ChainTrie::insert`] left without.
    pub fn open(&mut self, facets: &Facets, first: usize) {
        /// Nodes of one task of the pool.
        const TASK: usize = 64;
        let mut levels: Vec<Vec<u32>> = Vec::new();
        for node in first..self.len() {
            let depth = self.depth[node] as usize;
            levels.resize_with(levels.len().max(depth + 1), Vec::new);
            levels[depth].push(node as u32);
        }
        // Parents before children.
        for nodes in levels {
            let open = |nodes: &[u32]| self.opened(facets, nodes);
            let tasks: Vec<Opened> = nodes.par_chunks(TASK).map(open).collect();
            for (nodes, opened) in nodes.chunks(TASK).zip(tasks) {
                let mut corners = &opened.corners[..];
                for ((node, image), count) in nodes.iter().zip(opened.images).zip(opened.counts) {
                    let (own, rest) = corners.split_at(count);
                    self.image[*node as usize] = image;
                    self.set_window(*node as usize, own);
                    corners = rest;
                }
            }
        }
    }

    fn opened(&self, facets: &Facets, nodes: &[u32]) -> Opened {
        let (mut beam, mut clip, mut opened) = (Beam::default(), Clip::default(), Opened::default());
        let mut of = None;
        for node in nodes {
            let (parent, facet) = (self.parent[*node as usize], self.facet[*node as usize]);
            clip.polygon.clear();
            if self.is_in_reach(parent) {
                // New chains often have the same parent.
                if of != Some(parent) {
                    self.beam_into(facets, parent, &mut beam);
                    of = Some(parent);
                }
                window(facets, facet, &beam, &mut clip);
            }
            opened.push(mirror(&self.image[parent as usize], facets.plane(facet)), &clip.polygon);
        }
        opened
    }

    /// The beam of a node's chain, which is in reach, into `beam`.
    pub fn beam_into(&self, facets: &Facets, node: u32, beam: &mut Beam) {
        let before = (node != 0).then(|| (self.window_of(node), facets.plane(self.facet[node as usize])));
        beam.rebuild(&self.image[node as usize], before);
    }

    /// The hash of `parent`'s chain with `facet` behind it.
    pub fn hash_of_child(&self, parent: u32, facet: u32) -> u64 {
        mix(self.hash[parent as usize] ^ u64::from(facet))
    }

    /// Whether the trie holds `node`'s chain with all of `rest` behind it, which [`NONE`] ends where it is shorter than the
    /// slice.
    ///
    /// [`NONE`]: crate::layout::NONE
    pub fn knows(&self, mut node: u32, rest: &[u32]) -> bool {
        for facet in rest.iter().take_while(|facet| **facet != crate::layout::NONE) {
            match self.child(node, *facet) {
                Some(child) => node = child,
                None => return false,
            }
        }
        true
    }

    /// The node of a chain of facets, if the trie holds it.
    pub fn node_of(&self, facets: impl IntoIterator<Item = u32>) -> Option<u32> {
        facets.into_iter().try_fold(0, |node, facet| self.child(node, facet))
    }

    /// Whether the trie holds `parent`'s chain with `facet` behind it.
    pub fn has_child(&self, parent: u32, facet: u32) -> bool {
        self.child(parent, facet).is_some()
    }

    fn child(&self, parent: u32, facet: u32) -> Option<u32> {
        let children = match &self.late {
            None => &self.children,
            Some(late) => late.get_or_init(|| self.children_of_all()),
        };
        children.get(&key_of(parent, facet)).copied()
    }

    fn children_of_all(&self) -> Children {
        (1..self.len()).map(|node| (key_of(self.parent[node], self.facet[node]), node as u32)).collect()
    }

    fn reserve(&mut self, nodes: usize, corners: usize) {
        [&mut self.parent, &mut self.facet, &mut self.depth].into_iter().for_each(|of| of.reserve(nodes));
        self.image.reserve(nodes);
        self.hash.reserve(nodes);
        self.window.reserve(nodes);
        self.corners.reserve(corners);
    }

    /// Adds a node without image and window.
    fn push(&mut self, parent: u32, facet: u32) {
        self.parent.push(parent);
        self.facet.push(facet);
        self.depth.push(self.depth[parent as usize] + 1);
        self.image.push(Vec3::zeros());
        self.hash.push(self.hash_of_child(parent, facet));
        self.window.push(0..0);
    }

    fn set_window(&mut self, node: usize, window: &[Vec3]) {
        let start = self.corners.len() as u64;
        self.corners.extend_from_slice(window);
        self.window[node] = start..self.corners.len() as u64;
    }
}

/// Images and windows of some nodes.
#[derive(Debug, Default)]
pub struct Opened {
    images: Vec<Vec3>,
    /// Corners of each window.
    counts: Vec<usize>,
    corners: Vec<Vec3>,
}

impl Opened {
    /// Adds a node.
    pub fn push(&mut self, image: Vec3, window: &[Vec3]) {
        self.images.push(image);
        self.counts.push(window.len());
        self.corners.extend_from_slice(window);
    }
}

fn key_of(parent: u32, facet: u32) -> u64 {
    u64::from(parent) << 32 | u64::from(facet)
}

/// A bijection of 64 bits that spreads every bit (the finaliser of splitmix64).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Hashes the one `u64` that a key of the trie is; the map compares whole keys.
#[derive(Debug, Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
}
