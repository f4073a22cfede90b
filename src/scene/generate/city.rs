//! A city: rectangular blocks between straight streets, grown outwards from a crossing at the origin.
//!
//! The number of triangles is met exactly: blocks are added ring by ring until the budget is spent, a building that no
//! longer fits becomes a plain box, and what remains (fewer triangles than a box has) goes into the ground's outline.

use super::random::Random;
use super::solid::{self, Facade, Rect, Shape};
use super::{SceneDescription, check_count, check_length, check_materials, check_range, fault, materials_of};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Options of a generated city. The origin is the middle of a street crossing and so always outdoors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CityOptions {
    /// Seed of all random numbers.
    pub seed: u64,
    /// Number of triangles, ground included: 100 to 10^8; the city grows in extent with it.
    pub triangles: u64,
    /// Mean side of a block [m], at least 20; sides vary by 25 % either way.
    pub block_m: f64,
    /// Least and largest width of a street [m].
    pub street_m: [f64; 2],
    /// Heights of the buildings.
    pub heights: Heights,
    /// What the walls look like.
    pub facade: Facade,
    /// ITU-R P.2040-4 materials of buildings, drawn with equal chance; a name that stands twice is drawn twice as often.
    pub materials: Vec<String>,
    /// ITU-R P.2040-4 material of the ground (a half space, called `ground`).
    pub ground: String,
}

/// Log-normal heights of buildings, cut off at both ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Heights {
    /// Least height [m].
    pub low_m: f64,
    /// Median height [m].
    pub median_m: f64,
    /// Largest height [m].
    pub high_m: f64,
    /// Standard deviation of ln(height) [-].
    pub spread: f64,
}

impl Default for Heights {
    fn default() -> Self {
        Heights { low_m: 8.0, median_m: 20.0, high_m: 60.0, spread: 0.4 }
    }
}

impl Default for CityOptions {
    fn default() -> Self {
        CityOptions {
            seed: 1,
            triangles: 10_000,
            block_m: 80.0,
            street_m: [12.0, 20.0],
            heights: Heights::default(),
            facade: Facade::Plain,
            materials: super::default_building_materials(),
            ground: "concrete".into(),
        }
    }
}

/// Fewest triangles: a smaller city has hardly a street.
const MIN_TRIANGLES: u64 = 100;
/// Most triangles: about 5 GB of description.
const MAX_TRIANGLES: u64 = 100_000_000;
/// Triangles of a plate without extra vertices.
const PLATE_TRIANGLES: usize = 2;
/// How far the ground reaches beyond the outermost building [m].
const APRON_M: f64 = 20.0;
/// Blocks and streets are at least this wide, so that every building has room for its courtyard and its penthouse [m].
const MIN_BLOCK_M: f64 = 20.0;
/// Streets are at least this wide [m].
const MIN_STREET_M: f64 = 2.0;
/// Buildings are at least this high [m].
const MIN_HEIGHT_M: f64 = 2.0;
/// Lots are at least this wide: a block of 40 m has two [m].
const LOT_M: f64 = 20.0;
/// What a stream of random numbers is for (see [`Random::new`]), apart from the blocks, whose third index is 0.
const STREETS: u32 = 1;

pub(super) fn generate(options: &CityOptions) -> Result<SceneDescription> {
    check(options)?;
    let mut grid = Grid::new(options);
    let mut budget = options.triangles as usize - PLATE_TRIANGLES;
    let mut objects = vec![super::ground(Default::default())];
    let mut bounds = Rect { low: [0.0; 2], high: [0.0; 2] };
    'city: for ring in 1i32.. {
        for [i, j] in blocks_of_ring(ring) {
            for building in buildings_of(options, [i, j], &grid.block(i, j)) {
                let Some((mesh, spent)) = building.mesh_within(budget) else { break 'city };
                budget -= spent;
                bounds = union(&bounds, &building.rect);
                let material = &options.materials[building.material];
                objects.push(super::building(objects.len(), material, mesh));
            }
        }
    }
    objects[0].mesh = solid::plate(&bounds.inset(-APRON_M), budget);
    Ok(SceneDescription { materials: materials_of(&options.ground, &options.materials), objects, warnings: Vec::new() })
}

fn check(options: &CityOptions) -> Result<()> {
    check_count("triangles", options.triangles, MIN_TRIANGLES, MAX_TRIANGLES)?;
    check_length("block_m", options.block_m, MIN_BLOCK_M)?;
    check_range("street_m", options.street_m, MIN_STREET_M)?;
    let Heights { low_m, median_m, high_m, spread } = options.heights;
    check_range("heights.low_m, high_m", [low_m, high_m], MIN_HEIGHT_M)?;
    if !(low_m..=high_m).contains(&median_m) {
        let bound = format!("between heights.low_m = {low_m} and heights.high_m = {high_m}");
        return Err(fault("heights.median_m", bound, median_m, "move the median or the bounds"));
    }
    if !(0.0..=2.0).contains(&spread) {
        return Err(fault("heights.spread", "from 0 to 2", spread, "0.4 is a usual city; 0: all of one height"));
    }
    check_materials("materials", &options.materials)?;
    check_materials("ground", std::slice::from_ref(&options.ground))
}

/// A building as planned.
struct Building {
    rect: Rect,
    height: f64,
    shape: Shape,
    facade: Facade,
    /// Index into the options' materials.
    material: usize,
}

impl Building {
    /// The mesh and its number of triangles; of a plain box where the planned one would have more than `budget`; `None`
    /// if that has more as well.
    fn mesh_within(&self, budget: usize) -> Option<(super::Mesh, usize)> {
        let planned = solid::building(&self.rect, self.height, self.shape, self.facade);
        if planned.triangles.len() <= budget {
            let spent = planned.triangles.len();
            return Some((planned, spent));
        }
        let plain = solid::building(&self.rect, self.height, Shape::Block, Facade::Plain);
        let spent = plain.triangles.len();
        (spent <= budget).then_some((plain, spent))
    }
}

/// The blocks of a ring about the crossing at the origin: columns and rows -ring..ring, without the rings inside.
fn blocks_of_ring(ring: i32) -> impl Iterator<Item = [i32; 2]> {
    let last = ring - 1;
    (-ring..=last).flat_map(move |j| {
        let whole = j == -ring || j == last;
        // A row of the ring's rim is whole; of any other row only the two ends are new.
        (-ring..=last).step_by(if whole { 1 } else { 2 * ring as usize - 1 }).map(move |i| [i, j])
    })
}

fn buildings_of(options: &CityOptions, [i, j]: [i32; 2], block: &Rect) -> Vec<Building> {
    // The bits of a negative index are as good a name of the stream as any.
    let mut random = Random::new(options.seed, [i as u32, j as u32, 0]);
    let kind = random.uniform();
    if kind < 0.2 {
        let wing = random.between([0.16, 0.24]) * block.width().min(block.depth());
        vec![plan(options, &mut random, *block, Some(Shape::Courtyard { wing: millimetres(wing) }))]
    } else if kind < 0.28 {
        let inset = random.between([0.2, 0.3]) * block.width().min(block.depth());
        let rise = random.between([0.5, 1.0]) * options.heights.high_m;
        let tower = Shape::Stepped { inset: millimetres(inset), rise: millimetres(rise) };
        vec![plan(options, &mut random, block.inset(millimetres(0.05 * options.block_m)), Some(tower))]
    } else {
        lots_of(&mut random, block).into_iter().map(|lot| plan(options, &mut random, lot, None)).collect()
    }
}

/// Lots of a block: two or three columns and rows where there is room, each lot set back a little on its own.
fn lots_of(random: &mut Random, block: &Rect) -> Vec<Rect> {
    let mut cuts = |low: f64, length: f64| -> Vec<f64> {
        let most = ((length / LOT_M) as usize).clamp(1, 3);
        let count = most.min(2 + random.index(2));
        let jitter = 0.15 * length / count as f64;
        let inner: Vec<f64> =
            (1..count).map(|k| low + length * k as f64 / count as f64 + random.between([-jitter, jitter])).collect();
        [vec![low], inner, vec![low + length]].concat()
    };
    let (columns, rows) = (cuts(block.low[0], block.width()), cuts(block.low[1], block.depth()));
    let mut lots = Vec::with_capacity(9);
    for y in rows.windows(2) {
        for x in columns.windows(2) {
            // At least 0.5 m on each side: neighbours never touch, and facades are not all in line.
            let mut setback = || random.between([0.5, 2.0]);
            let low = [x[0] + setback(), y[0] + setback()].map(millimetres);
            let high = [x[1] - setback(), y[1] - setback()].map(millimetres);
            lots.push(Rect { low, high });
        }
    }
    lots
}

/// A building on its lot; without a shape, one of a house's usual shapes is drawn.
fn plan(options: &CityOptions, random: &mut Random, rect: Rect, shape: Option<Shape>) -> Building {
    let narrow = rect.width().min(rect.depth());
    let drawn = random.uniform();
    let shape = shape.unwrap_or_else(|| match drawn {
        x if x < 0.25 => Shape::Ell { wing: millimetres(narrow * random.between([0.4, 0.6])), corner: random.index(4) },
        x if x < 0.55 => Shape::Stepped {
            inset: millimetres(narrow * random.between([0.15, 0.35])),
            rise: millimetres(random.between([2.5, 6.0])),
        },
        _ => Shape::Block,
    });
    let Heights { low_m, median_m, high_m, spread } = options.heights;
    let height = millimetres((median_m * libm::exp(spread * random.normal())).clamp(low_m, high_m));
    Building { rect, height, shape, facade: options.facade, material: random.index(options.materials.len()) }
}

/// The streets' positions, drawn outwards from the origin as far as they are asked for.
struct Grid<'a> {
    options: &'a CityOptions,
    /// Low and high side of block k = 0, 1, … on each of the four half axes (+x, -x, +y, -y), as distances [m].
    sides: [Vec<[f64; 2]>; 4],
    random: [Random; 4],
}

impl<'a> Grid<'a> {
    fn new(options: &'a CityOptions) -> Self {
        let random = [0, 1, 2, 3].map(|half_axis| Random::new(options.seed, [half_axis, 0, STREETS]));
        Grid { options, sides: Default::default(), random }
    }

    fn block(&mut self, i: i32, j: i32) -> Rect {
        let [x, y] = [self.sides(0, i), self.sides(2, j)];
        Rect { low: [x[0], y[0]], high: [x[1], y[1]] }
    }

    /// Low and high coordinate of column (or row) `index` of the axis whose positive half is `axis`.
    fn sides(&mut self, axis: usize, index: i32) -> [f64; 2] {
        if index >= 0 {
            return self.half_sides(axis, index as usize);
        }
        let [near, far] = self.half_sides(axis + 1, (-1 - index) as usize);
        [-far, -near]
    }

    fn half_sides(&mut self, half_axis: usize, k: usize) -> [f64; 2] {
        let CityOptions { street_m, block_m, .. } = self.options;
        let (sides, random) = (&mut self.sides[half_axis], &mut self.random[half_axis]);
        while sides.len() <= k {
            // The street through the origin is as wide on both sides: half of it belongs to each half axis.
            let street = match sides.last() {
                None => (street_m[0] + street_m[1]) / 4.0,
                Some(_) => random.between(*street_m),
            };
            let near = sides.last().map_or(0.0, |last| last[1]) + street;
            let far = near + block_m * random.between([0.75, 1.25]);
            sides.push([millimetres(near), millimetres(far)]);
        }
        sides[k]
    }
}

fn union(a: &Rect, b: &Rect) -> Rect {
    Rect {
        low: [a.low[0].min(b.low[0]), a.low[1].min(b.low[1])],
        high: [a.high[0].max(b.high[0]), a.high[1].max(b.high[1])],
    }
}

/// Lengths are whole millimetres, as in a plan: files stay short and readable.
fn millimetres(length: f64) -> f64 {
    (length * 1e3).round() / 1e3
}
