//! Every chain of facets that a beam can pass, whether or not something stands in the way (T46): complete, so the
//! oracle for the launch, and affordable for small scenes.

use super::beam::{Beam, Clip, Frustum, mirror, signed_distance, window};
use super::chain::{ChainTrie, Opened};
use super::hidden::{Hidden, Recent};
use crate::geometry::facet::Facets;
use crate::layout::NONE;
use crate::math::Vec3;
use rayon::prelude::*;
use std::cell::OnceCell;
use std::ops::Range;

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

/// Every chain that goes on from another by one facet.
#[derive(Debug, Default)]
pub struct Children {
    /// How many there are.
    pub count: u64,
    /// Those that are wanted: their last facets, ascending.
    pub facets: Vec<u32>,
    /// Their images and windows.
    pub opened: Opened,
}

/// The children of `node`, in parts; wanted are those that are not `hidden`, and, if `towards` names the bounds of all
/// receivers [m], whose beams meet them.
pub fn children(
    facets: &Facets,
    balls: &OnceCell<Balls>,
    trie: &ChainTrie,
    node: u32,
    towards: Option<&(Vec3, Vec3)>,
    hidden: Option<&Hidden>,
) -> Vec<Children> {
    /// Facets of one task of the pool.
    const TASK: u32 = 512;
    let all = facets.len() as u32;
    let seen = Sight::new(facets, balls, trie, node);
    if all <= TASK {
        return vec![seen.children(0..all, towards, hidden)];
    }
    let of_task = |task: u32| seen.children(task * TASK..all.min((task + 1) * TASK), towards, hidden);
    (0..all.div_ceil(TASK)).into_par_iter().map(of_task).collect()
}

/// What a chain can go on to.
struct Sight<'a> {
    facets: &'a Facets,
    /// A quick test of what the beam may meet; the source itself sees everything.
    quick: Option<(&'a Balls, Frustum)>,
    beam: Beam,
    apex: Vec3,
    /// Patch of the last facet.
    patch: u32,
}

impl<'a> Sight<'a> {
    fn new(facets: &'a Facets, balls: &'a OnceCell<Balls>, trie: &ChainTrie, node: u32) -> Sight<'a> {
        let (apex, mut beam) = (trie.image[node as usize], Beam::default());
        trie.beam_into(facets, node, &mut beam);
        if node == 0 {
            return Sight { facets, quick: None, beam, apex, patch: NONE };
        }
        let balls = balls.get_or_init(|| Balls::new(facets));
        // Balls reach a radius into the beam; the sides are padded for every facet of the scene.
        let reach = balls.middle.iter().zip(&balls.radius).map(|(m, r)| (m - apex).norm() + r).fold(0.0, f64::max);
        let last = trie.facet[node as usize];
        let mut frustum = Frustum::default();
        frustum.rebuild(&apex, trie.window_of(node), facets.plane(last), reach);
        debug_assert!(signed_distance(&apex, facets.plane(last)) != 0.0, "a window is made only off the plane");
        Sight { facets, quick: Some((balls, frustum)), beam, apex, patch: facets.patch[last as usize] }
    }

    /// Those over some facets.
    fn children(&self, among: Range<u32>, towards: Option<&(Vec3, Vec3)>, hidden: Option<&Hidden>) -> Children {
        let mut recent = Recent::default();
        let (mut own, mut clip, mut frustum) = (Children::default(), Clip::default(), Frustum::default());
        for facet in among.filter(|facet| self.may_reach(*facet)) {
            window(self.facets, facet, &self.beam, &mut clip);
            if clip.polygon.is_empty() {
                continue;
            }
            own.count += 1;
            let plane = self.facets.plane(facet);
            let image = mirror(&self.apex, plane);
            if towards.is_none_or(|bounds| frustum.rebuild_towards(&image, &clip.polygon, plane, bounds))
                && !hidden.is_some_and(|hidden| hidden.is_hidden(facet, &clip.polygon, &mut recent))
            {
                own.facets.push(facet);
                own.opened.push(image, &clip.polygon);
            }
        }
        own
    }

    fn may_reach(&self, facet: u32) -> bool {
        self.facets.patch[facet as usize] != self.patch
            && self.quick.as_ref().is_none_or(|(balls, frustum)| {
                let middle = &balls.middle[facet as usize];
                let radius = Vec3::repeat(balls.radius[facet as usize]);
                frustum.meets_box(&(middle - radius), &(middle + radius))
            })
    }
}
