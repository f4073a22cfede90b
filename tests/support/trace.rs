//! Paths as the tests compare them: by their vertices, not by facets or triangles.

use raylobe::math::{C64, Vec3};
use raylobe::solve::Solution;

/// One path of one link.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Interaction points [m], without the ends.
    pub vertices: Vec<Vec3>,
    /// Length [m].
    pub length: f64,
    /// (object, triangle in it) of each vertex.
    pub hits: Vec<(u32, u32)>,
    /// Sum of |a|^2 over the ports at the first carrier.
    pub power: f64,
    /// Index in the solution.
    pub index: usize,
}

/// The paths of a link.
pub fn traces(solution: &Solution, link: usize) -> Vec<Trace> {
    let paths = &solution.paths;
    let trace = |index: usize| {
        let span = paths.vertices_of(index);
        Trace {
            vertices: paths.vertex[span.clone()].to_vec(),
            length: paths.length[index],
            hits: span.map(|v| (paths.object[v], paths.primitive[v])).collect(),
            power: coefficients(solution, index, 0).iter().map(C64::norm_sqr).sum(),
            index,
        }
    };
    paths.of_link(link).map(trace).collect()
}

/// The coefficients `[receiver port, transmitter port]` of a path at one carrier.
pub fn coefficients(solution: &Solution, path: usize, carrier: usize) -> &[C64] {
    let channel = &solution.channel;
    let all = &channel.a[channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize];
    let ports = all.len() / channel.carriers.len();
    &all[carrier * ports..(carrier + 1) * ports]
}

/// Whether two paths have the same vertices to within `tolerance` [m].
pub fn same(a: &[Vec3], b: &[Vec3], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(p, q)| (p - q).norm() <= tolerance)
}

/// For each path of `a` the index of its partner in `b`, or `None`; each path of `b` is used once at most.
pub fn pair(a: &[Trace], b: &[Trace], tolerance: f64) -> Vec<Option<usize>> {
    let mut used = vec![false; b.len()];
    let mut partner = |path: &Trace| {
        let found = (0..b.len()).find(|&j| !used[j] && same(&path.vertices, &b[j].vertices, tolerance))?;
        used[found] = true;
        Some(found)
    };
    a.iter().map(&mut partner).collect()
}

/// Fails unless both solutions hold the same paths on every link, to within `tolerance` [m], with powers that agree to
/// 1e-6 relative.
pub fn assert_same_paths(a: &Solution, b: &Solution, tolerance: f64, what: &str) {
    assert_eq!(a.paths.links(), b.paths.links(), "{what}");
    for link in 0..a.paths.links() {
        let (left, right) = (traces(a, link), traces(b, link));
        let partners = pair(&left, &right, tolerance);
        for (path, partner) in left.iter().zip(&partners) {
            let Some(partner) = partner else { panic!("{what}: link {link} has lost {path:?}; left are {right:?}") };
            let other = &right[*partner];
            assert!((path.length - other.length).abs() <= tolerance, "{what}: {path:?} {other:?}");
            assert!((path.power - other.power).abs() <= 1e-6 * path.power, "{what}: {path:?} {other:?}");
        }
        assert_eq!(left.len(), right.len(), "{what}: link {link} has gained paths: {right:?}");
    }
}
