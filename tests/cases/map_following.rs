//! The adjoint of maps whose points move with the triangles below them (theory.md, T97): draped maps and maps on facets.

use crate::differences::{Number, State};
use crate::gradients::corner;
use crate::map_differences::{Case, agree};
use crate::map_gradients::{CARRIER, materials, numbers_of, radios, sheet};
use crate::support::build::{self, Numbers, backend};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::geometry::Geometry;
use raylobe::geometry::attached::barycentric;
use raylobe::map::grid::{Ground, Layout, Mean};
use raylobe::map::metrics::CellBar;
use raylobe::math::Vec3;
use raylobe::path::Paths;
use raylobe::path::adjoint::Wanted;
use raylobe::path::field::{Feed, field_over, powers_of, surfaces_of};
use raylobe::path::moved::moved;
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::solve;

/// How far the cells on facets are from these [m].
const OFFSET: f64 = 0.2;

/// A map over the floor, and one along the wall.
fn layouts() -> [Layout; 2] {
    [
        Layout::Sheet(sheet(), Ground::Draped { objects: vec![0] }),
        Layout::Facets { objects: vec![1], cell: [2.9, 2.1], offset: OFFSET },
    ]
}

/// Poses of objects, their scales among them or not.
fn poses(objects: &[u32], ways: usize) -> impl Iterator<Item = Number> {
    objects.iter().flat_map(move |object| (0..ways).map(|which| Number::Pose(*object, which)))
}

#[test]
fn maps_that_follow_ground_and_facets() {
    let [draped, facets] = layouts();
    // A facet that is not moved as a whole is covered with other cells.
    for (layout, poses) in [
        (draped, poses(&[0, 1, 2], 7).collect::<Vec<_>>()),
        (facets, poses(&[1], 6).chain(poses(&[0, 2], 7)).collect()),
    ] {
        for points in [1, 2] {
            let place = (layout.clone(), points, Mean::Points);
            let case = Case::new(&corner(&materials()), radios(false), &[CARRIER], place, &build::exhaustive(2), 1);
            let mut numbers = poses.clone();
            if points == 1 {
                numbers.extend(numbers_of(&case.state, &[0, 2]));
                numbers.extend((0..3).map(|axis| Number::Position(false, 1, axis)));
            }
            case.check(&numbers);
        }
    }
}

/// Points of a map, each attached to a triangle, and the paths to them.
struct Attached {
    scene: Scene,
    /// Whether points keep x and y, and their height above the triangle.
    is_draped: bool,
    /// Where the points are [m, local].
    places: Vec<Vec3>,
    /// The triangle below each.
    triangles: Vec<u32>,
    paths: Paths,
    /// Bars of gain and delays of the cell of each point `[transmitter, point]`.
    bars: Vec<CellBar>,
}

/// Height of a triangle's plane at a point [m].
fn height_at([a, b, c]: &[Vec3; 3], point: &Vec3) -> f64 {
    let across = (b - a).cross(&(c - a));
    a.z - ((point - a).xy().dot(&across.xy())) / across.z
}

impl Attached {
    fn new(case: &Case, is_draped: bool, per_cell: usize) -> Attached {
        let State { scene, radios, carriers, .. } = &case.state;
        let geometry = Geometry::new(scene);
        let [places, centres] = case.with(&case.state, |engine| {
            let (grid, all) = (engine.grid(), 0..engine.grid().len());
            let local = |places: Vec<Vec3>| -> Vec<Vec3> { places.iter().map(|place| place - scene.origin).collect() };
            [local(grid.points_of(&geometry, all.clone())), local(grid.centres(&geometry, all))]
        });
        let object = if is_draped { 0 } else { 1 };
        let own: Vec<u32> = (0..scene.triangles.len() as u32).filter(|t| scene.object_of(*t) == object).collect();
        // The triangle that a point lies in the deepest, and how deep.
        let below = |place: &Vec3| {
            let depth = |t: u32| {
                let corners = scene.corners(t);
                let at = if is_draped { Vec3::new(place.x, place.y, height_at(&corners, place)) } else { *place };
                barycentric(&corners, &at).into_iter().fold(f64::INFINITY, f64::min)
            };
            let all = own.iter().map(|t| (depth(*t), *t));
            all.max_by(|a, b| a.0.total_cmp(&b.0)).expect("an object has triangles")
        };
        // Beside the facet that of the cell's centre.
        let triangle = |(point, place): (usize, &Vec3)| match below(place) {
            (depth, triangle) if depth >= 0.0 => triangle,
            _ => below(&centres[point / per_cell]).1,
        };
        let triangles = places.iter().enumerate().map(triangle).collect();
        let radios = at(radios, &places, scene);
        let paths =
            solve(backend(), scene, &radios, carriers, &build::exhaustive(2), &Silent).expect("a channel").paths;
        let mut numbers = Numbers::new(5);
        let mut number = |size: f64| numbers.between(-size, size);
        let cells = places.len() / per_cell * radios.transmitters.len();
        let bars = (0..cells).map(|_| CellBar { gain: number(1e6), delay: [number(1e14), number(1e22)] }).collect();
        Attached { scene: scene.clone(), is_draped, places, triangles, paths, bars }
    }

    /// Where a point is in a scene whose vertices have moved [m, local].
    fn place(&self, geometry: &Geometry, scene: &Scene, point: usize) -> Vec3 {
        let (place, triangle) = (self.places[point], self.triangles[point]);
        let [before, after] = [&self.scene, scene].map(|scene| scene.corners(triangle));
        if self.is_draped {
            return place + Vec3::z() * (height_at(&after, &place) - height_at(&before, &place));
        }
        let facet = geometry.facets.of_triangle[triangle as usize];
        let normal = Vec3::from(geometry.facets.plane(facet).normal);
        let height = normal.dot(&(place - before[0]));
        let shares = barycentric(&before, &place);
        let speck: Vec3 = after.iter().zip(shares).map(|(corner, share)| corner * share).sum();
        speck + Vec3::from(geometry.facets.plane_in(scene, facet).normal) * height
    }

    /// What each path adds to the sum of bars times sums over cells.
    fn loss(&self, geometry: &Geometry, state: &State) -> Vec<f64> {
        let places: Vec<Vec3> = (0..self.places.len()).map(|point| self.place(geometry, &state.scene, point)).collect();
        let radios = at(&state.radios, &places, &state.scene);
        let paths = moved(&geometry.facets, [&self.scene, &state.scene], &radios, &self.paths);
        let surfaces = surfaces_of(&state.scene, &state.carriers, &mut Vec::new()).expect("they are defined");
        let channel = field_over(&state.scene, &surfaces, &radios, &paths, &state.carriers, Feed::Together);
        let powers = powers_of(&radios, &paths, &channel, Feed::Together);
        let (transmitters, per_cell) =
            (radios.transmitters.len(), self.places.len() * radios.transmitters.len() / self.bars.len());
        let of_link = |link: usize| {
            let (point, transmitter) = (link / transmitters, link % transmitters);
            let direct = (radios.receivers[point].position - radios.transmitters[transmitter].position).norm();
            let bar = self.bars[transmitter * (self.places.len() / per_cell) + point / per_cell];
            let (paths, powers) = (&paths, &powers);
            paths.of_link(link).map(move |path| {
                let delay = (paths.length[path] - direct) / SPEED_OF_LIGHT;
                powers[path] * (bar.gain + delay * bar.delay[0] + delay * delay * bar.delay[1])
            })
        };
        (0..paths.links()).flat_map(of_link).collect()
    }
}

/// The receiver at each of some places [m, local].
fn at(radios: &Radios, places: &[Vec3], scene: &Scene) -> Radios {
    let receiver = |place: &Vec3| Radio { position: place + scene.origin, ..radios.receivers[0].clone() };
    Radios { receivers: places.iter().map(receiver).collect(), ..radios.clone() }
}

#[test]
fn points_are_specks_on_the_triangles_below_them() {
    for (layout, is_draped) in layouts().into_iter().zip([true, false]) {
        for points in [1, 2] {
            let place = (layout.clone(), points, Mean::Points);
            let case = Case::new(&corner(&materials()), radios(true), &[CARRIER], place, &build::exhaustive(2), 1);
            let attached = Attached::new(&case, is_draped, points * points);
            let bar = case.with(&case.state, |engine| engine.pull_back(&attached.bars, &[], Wanted::all()));
            let bar = bar.expect("everything has a derivative here");
            let geometry = Geometry::new(&case.state.scene);
            let numbers: Vec<Number> =
                (3..6).map(Number::Vertices).chain(poses(&[0, 1, 2], 7)).chain([Number::Carrier(0)]).collect();
            let of = |number: &Number| number.of(&bar, &case.state.scene);
            agree("points that follow", &case.state, &numbers, &|state| attached.loss(&geometry, state), &of);
        }
    }
}
