//! Every chain of facets that a beam can pass, whether or not something stands in the way (T46): complete, so the
//! oracle for the launch, and affordable for small scenes.

use super::beam::{Beam, Clip, Frustum, signed_distance, window};
use super::chain::ChainTrie;
use crate::geometry::facet::Facets;
use crate::math::Vec3;

/// A ball about each facet, for a first quick test.
#[derive(Debug)]
pub struct Balls {
    middle: Vec<Vec3>,
    radius: Vec<f64>,
}

impl Balls {
    /// The balls about the hulls of all facets.
    pub fn new(facets: &Facets) -> Balls {
        let hulls = || (0..facets.len() as u32).map(|facet| facets.hull_of(facet));
        let middle: Vec<Vec3> = hulls().map(|hull| hull.iter().sum::<Vec3>() / hull.len() as f64).collect();
        let farthest = |hull: &[Vec3], from: &Vec3| hull.iter().map(|p| (p - from).norm()).fold(0.0, f64::max);
        let radius = hulls().zip(&middle).map(|(hull, middle)| farthest(hull, middle)).collect();
        Balls { middle, radius }
    }
}

/// Adds all children of `node` to the trie; returns whether it got full.
pub fn expand(facets: &Facets, balls: &Balls, trie: &mut ChainTrie, node: u32, max_nodes: u64) -> bool {
    let apex = trie.image[node as usize];
    let mut frustum = Frustum::default();
    if node != 0 {
        // Balls reach a radius into the beam; the sides are padded for every facet of the scene.
        let reach = balls.middle.iter().zip(&balls.radius).map(|(m, r)| (m - apex).norm() + r).fold(0.0, f64::max);
        let plane = facets.plane(trie.facet[node as usize]);
        frustum.rebuild(&apex, trie.window_of(node), plane, reach);
        debug_assert!(signed_distance(&apex, plane) != 0.0, "a window is made only off the plane");
    }
    let (mut beam, mut clip) = (Beam::default(), Clip::default());
    trie.beam_into(facets, node, &mut beam);
    for facet in 0..facets.len() as u32 {
        let middle = &balls.middle[facet as usize];
        let radius = Vec3::repeat(balls.radius[facet as usize]);
        if facets.patch[facet as usize] != last_patch(facets, trie, node)
            && frustum.meets_box(&(middle - radius), &(middle + radius))
        {
            window(facets, facet, &beam, &mut clip);
            if clip.polygon.is_empty() {
                continue;
            }
            if trie.len() as u64 >= max_nodes {
                return true;
            }
            trie.push_open(facets, node, facet, &clip);
        }
    }
    false
}

fn last_patch(facets: &Facets, trie: &ChainTrie, node: u32) -> u32 {
    if node == 0 { crate::layout::NONE } else { facets.patch[trie.facet[node as usize] as usize] }
}
