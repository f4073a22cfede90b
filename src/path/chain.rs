//! Chains of facets as a trie: each node is a chain, its parent the chain without the last facet.
//!
//! Keys are exact: two chains are the same node if and only if they name the same facets in the same order.

use super::beam::{Clip, mirror, window};
use crate::geometry::facet::Facets;
use crate::math::Vec3;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

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
    window_offsets: Vec<u32>,
    window: Vec<Vec3>,
    child: HashMap<u64, u32, BuildHasherDefault<Mix>>,
    clip: Clip,
}

/// A chain's facet that was looked up or put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The node was there.
    Known(u32),
    /// The node is new.
    New(u32),
    /// No beam reaches the facet: the chain cannot make a path.
    OutOfReach,
    /// The trie is full.
    Full,
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
            window_offsets: vec![0, 0],
            window: Vec::new(),
            child: HashMap::default(),
            clip: Clip::default(),
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
        const PER_NODE: usize = 4 * size_of::<u32>() + size_of::<Vec3>() + size_of::<u64>();
        // An entry of the map: key, node and a control byte, which fill half of its places or more.
        const PER_CHILD: usize = 2 * (size_of::<(u64, u32)>() + 1);
        self.len() * (PER_NODE + PER_CHILD) + self.window.len() * size_of::<Vec3>()
    }

    /// The window of a node [m]; empty for the root, which sees everything.
    pub fn window_of(&self, node: u32) -> &[Vec3] {
        &self.window[self.window_offsets[node as usize] as usize..self.window_offsets[node as usize + 1] as usize]
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

    /// The node of `parent`'s chain with `facet` behind it, made if need be, while there are fewer than `max_nodes`.
    pub fn step(&mut self, facets: &Facets, parent: u32, facet: u32, max_nodes: u64) -> Step {
        let key = key_of(parent, facet);
        if let Some(node) = self.child.get(&key) {
            return Step::Known(*node);
        }
        if self.len() as u64 >= max_nodes {
            return Step::Full;
        }
        let mut clip = std::mem::take(&mut self.clip);
        self.window_into(facets, parent, facet, &mut clip);
        let apex = self.image[parent as usize];
        let step = if clip.polygon.is_empty() {
            Step::OutOfReach
        } else {
            Step::New(self.push(key, mirror(&apex, facets.plane(facet)), &clip.polygon))
        };
        self.clip = clip;
        step
    }

    /// The window of `facet` behind `parent`'s chain, into `clip`: empty if it is out of reach.
    pub fn window_into(&self, facets: &Facets, parent: u32, facet: u32, clip: &mut Clip) {
        let before = (parent != 0).then(|| (self.window_of(parent), facets.plane(self.facet[parent as usize])));
        window(facets, facet, &self.image[parent as usize], before, clip);
    }

    /// The hash of `parent`'s chain with `facet` behind it.
    pub fn hash_of_child(&self, parent: u32, facet: u32) -> u64 {
        mix(self.hash[parent as usize] ^ u64::from(facet))
    }

    /// Whether the trie holds the whole chain, which [`NONE`] ends where it is shorter than the slice.
    ///
    /// [`NONE`]: crate::layout::NONE
    pub fn knows(&self, chain: &[u32]) -> bool {
        let mut node = 0;
        for facet in chain.iter().take_while(|facet| **facet != crate::layout::NONE) {
            match self.child.get(&key_of(node, *facet)) {
                Some(child) => node = *child,
                None => return false,
            }
        }
        true
    }

    /// Whether the trie holds `parent`'s chain with `facet` behind it.
    pub fn has_child(&self, parent: u32, facet: u32) -> bool {
        self.child.contains_key(&key_of(parent, facet))
    }

    fn push(&mut self, key: u64, image: Vec3, window: &[Vec3]) -> u32 {
        let (parent, facet) = ((key >> 32) as u32, key as u32);
        let node = self.len() as u32;
        self.parent.push(parent);
        self.facet.push(facet);
        self.depth.push(self.depth[parent as usize] + 1);
        self.image.push(image);
        self.hash.push(self.hash_of_child(parent, facet));
        self.window.extend_from_slice(window);
        self.window_offsets.push(self.window.len() as u32);
        self.child.insert(key, node);
        node
    }
}

/// Pairs of a chain's node and a facet behind it.
#[derive(Debug, Default)]
pub struct Pairs(HashSet<u64, BuildHasherDefault<Mix>>);

impl Pairs {
    /// Adds a pair; returns whether it is new.
    pub fn insert(&mut self, parent: u32, facet: u32) -> bool {
        self.0.insert(key_of(parent, facet))
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
