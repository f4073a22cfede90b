//! The search for chains from one source: the rounds of the guided launch, and the exhaustive search (T47).
//!
//! What follows rays is the backend's ([`Shooter`]); which rays are shot, and what becomes of the chains that they meet,
//! is the same for all.

use super::chain::ChainTrie;
use super::counters::Counters;
use super::exhaustive::{Children, children};
use super::hidden::Hidden;
use super::launch::{Aim, NewChains, Shots, Target};
use super::{CandidateMethod, FEW_CHAINS, FEW_SINGLE, SolverOptions};
use crate::error::Result;
use crate::geometry::Geometry;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::progress::Progress;
use std::cell::OnceCell;
use std::ops::Range;

/// From so many receivers on it takes less time to find out which facets are hidden from the source than to find out with
/// every receiver.
const MANY_ENDS: usize = 1024;
/// Pairs of a chain and a facet that are tried one by one, at the most (T47).
const MOST_SWEPT: u64 = 100_000;

/// Where chains lead from and to.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The source [m, local].
    pub source: Vec3,
    /// Where they end; `None`: anywhere.
    pub ends: Option<Ends>,
}

/// Where chains end. What is found between two points does not depend on the others; how it is found does.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// All ends of the run are between these corners [m, local].
    pub bounds: (Vec3, Vec3),
    /// How many there are, or more.
    pub count: usize,
}

impl Span {
    /// From a source to anywhere.
    pub fn from(source: &Vec3) -> Span {
        Span { source: *source, ends: None }
    }
}

/// What rays at some targets met, and the end of each target's chains `[target]`.
pub type FoundAtTargets = (NewChains, Vec<usize>);

/// Follows rays through a scene: what a backend brings to the search. What it finds must not depend on how rays are cut
/// into parts.
pub trait Shooter {
    /// Rays whose chains wait to be put into the trie together: bounds the memory.
    fn batch(&self) -> u64;

    /// Shoots some rays of the first round, of so many all around; the chains that `trie` lacks, in parts, in the order of
    /// the rays.
    ///
    /// # Errors
    /// The device failed.
    fn all_around(&mut self, trie: &ChainTrie, rays: Range<u64>, all_rays: u64) -> Result<Vec<NewChains>>;

    /// Shoots the rays of targets; the chains that `trie` lacks, in parts, in the order of the targets.
    ///
    /// # Errors
    /// The device failed.
    fn at_targets(&mut self, trie: &ChainTrie, targets: &[Target]) -> Result<Vec<FoundAtTargets>>;
}

/// Finds the chains that specular paths can take.
///
/// # Errors
/// The shooter's device failed.
pub fn chains(
    shooter: &mut dyn Shooter,
    geometry: &Geometry,
    span: &Span,
    options: &SolverOptions,
    counters: &mut Counters,
    progress: &dyn Progress,
) -> Result<ChainTrie> {
    let trie = ChainTrie::new(span.source);
    if options.max_depth == 0 || !options.reflection {
        return Ok(trie);
    }
    let counted = Counters::default();
    let mut search = Search { shooter, geometry, span, options, trie, counters: counted, to_sweep: MOST_SWEPT };
    match options.candidates {
        CandidateMethod::Auto if search.exhaust_few(progress)? => {}
        CandidateMethod::Auto | CandidateMethod::Launch => search.launch(progress)?,
        CandidateMethod::Exhaustive => {
            let is_whole = search.exhaust(options.max_chains, progress)?;
            search.counters.dropped_chains = u64::from(!is_whole);
        }
    }
    counters.add(&search.counters);
    Ok(search.trie)
}

struct Search<'a> {
    shooter: &'a mut dyn Shooter,
    geometry: &'a Geometry<'a>,
    span: &'a Span,
    options: &'a SolverOptions,
    trie: ChainTrie,
    counters: Counters,
    /// Pairs of a chain and a facet behind it that may still be tried one by one.
    to_sweep: u64,
}

impl Search<'_> {
    /// Rays all around, then rays at targets, round by round, until no chain is new.
    fn launch(&mut self, progress: &dyn Progress) -> Result<()> {
        self.shoot_all_around(progress)?;
        let (mut known, mut fruitful) = (1, Vec::new());
        let mut swept = self.targets_swept(0..1);
        while self.counters.dropped_chains == 0 && self.options.rays_per_chain > 0 {
            let new = known..self.trie.len() as u32;
            known = new.end;
            swept.extend(self.targets_swept(new.clone()));
            let targets: Vec<Target> = fruitful.drain(..).chain(self.targets_of(new)).collect();
            if targets.is_empty() && swept.is_empty() {
                break;
            }
            progress.begin("guided launch", (targets.len() + swept.len()) as u64);
            let grew = self.shoot(&targets, progress)?;
            let again = targets.into_iter().zip(grew).filter(|(target, grew)| *grew && target.aim == Aim::Window);
            fruitful = again.map(|(target, _)| Target { turn: target.turn + 1, ..target }).collect();
            self.shoot(&swept, progress)?;
            swept.clear();
            self.counters.rounds += 1;
        }
        self.counters.chains = self.trie.len() as u64 - 1;
        Ok(())
    }

    /// Whether a chain may get longer.
    fn goes_on(&self, node: u32) -> bool {
        self.trie.depth[node as usize] < self.options.max_depth && self.trie.is_in_reach(node)
    }

    /// New chains themselves, for rays to go on behind them and past them.
    fn targets_of(&self, new: Range<u32>) -> Vec<Target> {
        let mut targets = Vec::new();
        for node in new.filter(|node| self.trie.is_in_reach(*node)) {
            let [parent, facet] = [&self.trie.parent, &self.trie.facet].map(|of| of[node as usize]);
            if self.goes_on(node) {
                targets.push(Target { parent, facet, node, turn: 0, aim: Aim::Window });
            }
            targets.push(Target { parent, facet, node, turn: 0, aim: Aim::Rim });
        }
        targets
    }

    /// Every facet behind each new chain, as long as these are few: then small scenes are searched almost exhaustively,
    /// and the first reflection of large ones.
    fn targets_swept(&mut self, new: Range<u32>) -> Vec<Target> {
        let facets = self.geometry.facets.len() as u64;
        let pairs = new.len() as u64 * facets;
        if pairs > self.to_sweep {
            return Vec::new();
        }
        self.to_sweep -= pairs;
        let mut targets = Vec::new();
        for parent in new.filter(|node| self.goes_on(*node)) {
            let unseen = (0..facets as u32).filter(|facet| !self.trie.has_child(parent, *facet));
            targets.extend(unseen.map(|facet| Target { parent, facet, node: NONE, turn: 0, aim: Aim::Unseen }));
        }
        targets
    }

    fn shoot_all_around(&mut self, progress: &dyn Progress) -> Result<()> {
        let all_rays = self.options.rays;
        progress.begin("launch", all_rays);
        for first in (0..all_rays).step_by(self.shooter.batch() as usize) {
            let (known, end) = (self.trie.len(), all_rays.min(first + self.shooter.batch()));
            for found in self.shooter.all_around(&self.trie, first..end, all_rays)? {
                self.count(found.shots);
                self.insert(&found.chains);
            }
            self.trie.open(&self.geometry.facets, known);
            progress.advance(end - first);
        }
        self.counters.rounds = 1;
        Ok(())
    }

    /// Shoots the rays of all targets; tells for each whether they found a new chain.
    fn shoot(&mut self, targets: &[Target], progress: &dyn Progress) -> Result<Vec<bool>> {
        let mut grew = Vec::with_capacity(targets.len());
        let batch = self.shooter.batch() / u64::from(self.options.rays_per_chain.max(1));
        for targets in targets.chunks(batch.max(1) as usize) {
            let known = self.trie.len();
            for (found, ends) in self.shooter.at_targets(&self.trie, targets)? {
                self.count(found.shots);
                let mut start = 0;
                for end in ends {
                    grew.push(self.insert(&found.chains[start..end]));
                    start = end;
                }
            }
            self.trie.open(&self.geometry.facets, known);
            progress.advance(targets.len() as u64);
        }
        Ok(grew)
    }

    fn count(&mut self, [rays, segments]: Shots) {
        self.counters.rays += rays;
        self.counters.segments += segments;
    }

    /// Puts chains that rays met into the trie, in the order of the rays; tells whether one was new.
    fn insert(&mut self, chains: &[u32]) -> bool {
        let mut grew = false;
        for chain in chains.chunks(self.options.max_depth as usize) {
            let inserted = self.trie.insert(chain, self.options.max_chains);
            self.counters.dropped_chains += u64::from(inserted.full);
            grew |= inserted.grew;
        }
        grew
    }

    /// Every chain if there are few; otherwise `false`, and none.
    fn exhaust_few(&mut self, progress: &dyn Progress) -> Result<bool> {
        let few = if self.options.max_depth == 1 { FEW_SINGLE } else { FEW_CHAINS }.min(self.options.max_chains);
        // The source sees every facet but those in whose plane it lies: where facets are many, so are chains.
        let is_whole = self.geometry.facets.len() as u64 <= few && self.exhaust(few, progress)?;
        if !is_whole {
            self.trie = ChainTrie::new(self.span.source);
            self.counters = Counters::default();
        }
        Ok(is_whole)
    }

    /// Every chain, as long as there are no more than `most`; tells whether these are all. Of the longest ones only those
    /// are kept whose beams lead to an end.
    fn exhaust(&mut self, most: u64, progress: &dyn Progress) -> Result<bool> {
        let facets = &self.geometry.facets;
        let balls = OnceCell::new();
        let hidden = self.is_worth_hiding().then(|| Hidden::new(self.geometry, &self.span.source)).transpose()?;
        progress.begin("exhaustive search", 0);
        let mut node = 0;
        while node < self.trie.len() as u32 {
            if self.goes_on(node) {
                let is_last = self.trie.depth[node as usize] + 1 == self.options.max_depth;
                let towards = self.span.ends.as_ref().filter(|_| is_last).map(|ends| &ends.bounds);
                let hidden = hidden.as_ref().filter(|_| node == 0);
                let parts = children(facets, &balls, &self.trie, node, towards, hidden);
                self.counters.chains += parts.iter().map(|part| part.count).sum::<u64>();
                let keep = |part: &Children| self.trie.extend(node, &part.facets, &part.opened, most);
                if !parts.iter().all(keep) || self.counters.chains > most {
                    return Ok(false);
                }
                progress.advance(1);
            }
            node += 1;
        }
        Ok(true)
    }

    /// Whether facets are worth a look whether anything of them is seen from the source: they are many, and many chains go
    /// on from each, or many receivers are behind.
    fn is_worth_hiding(&self) -> bool {
        let is_busy = self.options.max_depth > 1 || self.span.ends.is_none_or(|ends| ends.count >= MANY_ENDS);
        self.geometry.facets.len() as u64 > FEW_CHAINS && is_busy
    }
}
