//! Where transmitters may stand in a scene: areas of the plan, roofs and facades (T119). Whatever moves a transmitter, it is put
//! back to the nearest point of them, so that gradients lead along roofs and walls.

use crate::geometry::Geometry;
use crate::geometry::clearance::point_to_segment;
use crate::geometry::enclosure::Enclosures;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::math::frame::tangents_of;
use crate::scene::Scene;
use std::collections::BTreeMap;

/// A flat piece of what is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The edges of polygons, all one way round [m, of the scene file].
    edges: Vec<[Vec3; 2]>,
    /// The unit normal of its plane.
    normal: Vec3,
    /// Whether all that lies above and below the polygon belongs to it.
    is_column: bool,
}

/// All pieces, and which coordinates are the positions that must lie on them; without pieces everything is allowed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sites {
    pieces: Vec<Piece>,
    /// Of each transmitter the places of x, y and z among the coordinates; `None`: it is not moved along that axis.
    places: Vec<[Option<usize>; 3]>,
    /// Positions of the transmitters as the job has them [m].
    positions: Vec<Vec3>,
}

/// Faces count as roofs if the normal's part upwards is this at least, and as facades if it is this at most [-].
const LEAST_LEVEL: f64 = std::f64::consts::FRAC_1_SQRT_2;
const MOST_LEVEL: f64 = 0.25;

impl Piece {
    /// All above and below a polygon of the plan [m]; `None` where its corners enclose nothing.
    pub fn column(corners: &[[f64; 2]]) -> Option<Piece> {
        let corner = |k: usize| Vec3::new(corners[k % corners.len()][0], corners[k % corners.len()][1], 0.0);
        let edges: Vec<[Vec3; 2]> = (0..corners.len()).map(|k| [corner(k), corner(k + 1)]).collect();
        let twice_area: f64 = edges.iter().map(|[a, b]| a.x * b.y - a.y * b.x).sum();
        (twice_area.abs() > 0.0).then_some(Piece { edges, normal: Vec3::z(), is_column: true })
    }

    /// Triangles of a plane, moved by `shift` [m]. Edges that two of them share go both ways and enclose nothing.
    fn of(triangles: &[[Vec3; 3]], normal: Vec3, shift: Vec3) -> Piece {
        let mut edges = Vec::new();
        for triangle in triangles {
            let [a, b, c] = triangle.map(|corner| corner + shift);
            let [b, c] = if (b - a).cross(&(c - a)).dot(&normal) < 0.0 { [c, b] } else { [b, c] };
            edges.extend([[a, b], [b, c], [c, a]]);
        }
        Piece { edges, normal, is_column: false }
    }

    /// The nearest point of the piece.
    pub fn nearest(&self, p: &Vec3) -> Vec3 {
        let height = self.normal.dot(&(p - self.edges[0][0]));
        let flat = p - self.normal * height;
        let within = if self.holds(&flat) { flat } else { self.nearest_at_edges(&flat) };
        if self.is_column { within + self.normal * height } else { within }
    }

    /// Whether a point of the plane lies within: the edges turn about it once.
    fn holds(&self, p: &Vec3) -> bool {
        let turn = |[a, b]: &[Vec3; 2]| {
            let (a, b) = (a - p, b - p);
            libm::atan2(self.normal.dot(&a.cross(&b)), a.dot(&b))
        };
        self.edges.iter().map(turn).sum::<f64>().abs() > std::f64::consts::PI
    }

    fn nearest_at_edges(&self, p: &Vec3) -> Vec3 {
        let on_edge = |[a, b]: &[Vec3; 2]| a + (b - a) * point_to_segment(p, a, b).0;
        let points = self.edges.iter().map(on_edge);
        points.min_by(|a, b| (a - p).norm_squared().total_cmp(&(b - p).norm_squared())).unwrap_or(*p)
    }

    /// Bounds along two axes of the plane, from the first corner on [m].
    fn spanned(&self) -> ([Vec3; 2], [[f64; 2]; 2]) {
        let (u, v) = tangents_of(&self.normal);
        let bounds = [u, v].map(|axis| {
            let along = self.edges.iter().flatten().map(|p| axis.dot(&(p - self.edges[0][0])));
            along.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
        });
        ([u, v], bounds)
    }

    /// Points of a square lattice within; of a piece that is too small for one, the one nearest to its middle.
    fn lattice(&self, spacing: f64) -> Vec<Vec3> {
        let ([u, v], [along, across]) = self.spanned();
        let count = |[low, high]: [f64; 2]| ((high - low) / spacing).ceil().max(1.0) as usize;
        let at = |[low, high]: [f64; 2], k: usize| low + (high - low) * (k as f64 + 0.5) / count([low, high]) as f64;
        let point = |k: usize| {
            let (i, j) = (k % count(along), k / count(along));
            self.edges[0][0] + u * at(along, i) + v * at(across, j)
        };
        let points: Vec<Vec3> = (0..count(along) * count(across)).map(point).filter(|p| self.holds(p)).collect();
        if !points.is_empty() {
            return points;
        }
        let middle = self.edges.iter().map(|[a, _]| a).sum::<Vec3>() / self.edges.len() as f64;
        vec![self.nearest(&middle)]
    }
}

/// What looks for roofs, facades and what is outside in a scene.
pub struct Surveyor<'a> {
    geometry: Geometry<'a>,
    enclosures: Enclosures,
}

impl<'a> Surveyor<'a> {
    /// Makes a scene ready.
    pub fn new(scene: &'a Scene) -> Surveyor<'a> {
        Surveyor { geometry: Geometry::new(scene), enclosures: Enclosures::new(scene) }
    }

    /// Whether no object closes a point in [m, of the scene file].
    pub fn outside(&self, point: &Vec3) -> bool {
        self.enclosures.around(&self.geometry, &(point - self.geometry.scene.origin)).is_none()
    }

    /// The roofs of an object: its level faces, as they are `offset` [m] higher, where that is outside.
    pub fn roofs(&self, object: usize, offset: f64) -> Vec<Piece> {
        let is_level = |n: &Vec3| n.z.abs() >= LEAST_LEVEL;
        self.faces(object, is_level, &|_| vec![Vec3::z() * offset])
    }

    /// The facades of an object: its upright faces, `offset` [m] before them on the sides that are outside.
    pub fn facades(&self, object: usize, offset: f64) -> Vec<Piece> {
        let is_upright = |n: &Vec3| n.z.abs() <= MOST_LEVEL;
        self.faces(object, is_upright, &|n| vec![n * offset, n * -offset])
    }

    /// The faces of an object whose normal is `wanted`, with each of their `shifts` that is outside. Of a facet that goes on in
    /// other objects the object's own part counts.
    fn faces(&self, object: usize, wanted: impl Fn(&Vec3) -> bool, shifts: &dyn Fn(&Vec3) -> Vec<Vec3>) -> Vec<Piece> {
        let (scene, facets) = (self.geometry.scene, &self.geometry.facets);
        let own = &scene.objects[object];
        let mut faces: BTreeMap<u32, Vec<[Vec3; 3]>> = BTreeMap::new();
        for triangle in own.first_triangle..own.first_triangle + own.triangle_count {
            let corners = scene.corners(triangle).map(|corner| corner + scene.origin);
            faces.entry(facets.of_triangle[triangle as usize]).or_default().push(corners);
        }
        let mut pieces = Vec::new();
        for (facet, triangles) in faces.into_iter().filter(|(facet, _)| *facet != NONE) {
            let normal = Vec3::from(facets.plane(facet).normal);
            if wanted(&normal) {
                pieces.extend(shifts(&normal).into_iter().map(|shift| Piece::of(&triangles, normal, shift)));
            }
        }
        pieces.retain(|piece| self.is_outside(piece));
        pieces
    }

    /// Whether the points of a coarse lattice of a piece are outside of what objects close in, most of them.
    fn is_outside(&self, piece: &Piece) -> bool {
        /// Points along the longer side.
        const ACROSS: f64 = 5.0;
        let (_, bounds) = piece.spanned();
        let longest = bounds.map(|[low, high]| high - low).into_iter().fold(0.0, f64::max);
        let points = piece.lattice(longest / ACROSS);
        2 * points.iter().filter(|p| self.outside(p)).count() > points.len()
    }
}

impl Sites {
    /// The `pieces` for transmitters at `positions` [m], the places of whose coordinates are `places`.
    pub fn new(pieces: Vec<Piece>, places: Vec<[Option<usize>; 3]>, positions: Vec<Vec3>) -> Sites {
        Sites { pieces, places, positions }
    }

    /// Whether everything is allowed.
    pub fn is_everywhere(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Puts every transmitter to the nearest point of the pieces, along the axes that it is moved along.
    pub fn project(&self, x: &mut [f64]) {
        if self.is_everywhere() {
            return;
        }
        for (places, position) in self.places.iter().zip(&self.positions) {
            let mut p = *position;
            places.iter().enumerate().for_each(|(axis, place)| p[axis] = place.map_or(p[axis], |place| x[place]));
            let points = self.pieces.iter().map(|piece| piece.nearest(&p));
            let nearest = points.min_by(|a, b| (a - p).norm_squared().total_cmp(&(b - p).norm_squared()));
            for (axis, place) in places.iter().enumerate() {
                if let (Some(place), Some(nearest)) = (place, &nearest) {
                    x[*place] = nearest[axis];
                }
            }
        }
    }

    /// Points of a lattice on all pieces, `across` along the longest side of any, and its spacing [m]: for one transmitter whose
    /// coordinates are its position's alone.
    pub fn lattice(&self, across: usize) -> (Vec<Vec<f64>>, f64) {
        let sides = self.pieces.iter().flat_map(|piece| piece.spanned().1).map(|[low, high]| high - low);
        let spacing = sides.fold(0.0, f64::max) / across as f64;
        let point = |p: Vec3| {
            let mut x = vec![0.0; self.places[0].iter().flatten().count()];
            for (axis, place) in self.places[0].iter().enumerate() {
                place.iter().for_each(|place| x[*place] = p[axis]);
            }
            x
        };
        let at_height = |piece: &Piece, p: Vec3| {
            if piece.is_column { Vec3::new(p.x, p.y, self.positions[0].z) } else { p }
        };
        let points =
            self.pieces.iter().flat_map(|piece| piece.lattice(spacing).into_iter().map(|p| at_height(piece, p)));
        (points.map(point).collect(), spacing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An L of the plan: 4 m by 4 m without the quarter beyond (2, 2).
    fn corner() -> Piece {
        Piece::column(&[[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [2.0, 2.0], [2.0, 4.0], [0.0, 4.0]]).expect("a polygon")
    }

    fn is_in_corner(p: &Vec3) -> bool {
        let within = |x: f64, high: f64| (-1e-12..=high + 1e-12).contains(&x);
        (within(p.x, 4.0) && within(p.y, 2.0)) || (within(p.x, 2.0) && within(p.y, 4.0))
    }

    proptest! {
        #[test]
        fn the_nearest_point_is_allowed_and_none_is_nearer(
            x in prop::array::uniform3(-3.0..7.0f64), y in prop::array::uniform2(0.0..4.0f64),
        ) {
            let (piece, p, other) = (corner(), Vec3::from(x), Vec3::new(y[0], y[1], x[2]));
            let nearest = piece.nearest(&p);
            prop_assert!(is_in_corner(&nearest) && nearest.z == p.z, "{nearest}");
            prop_assert!((piece.nearest(&nearest) - nearest).norm() < 1e-12, "what is allowed stays");
            if is_in_corner(&other) {
                prop_assert!((nearest - p).norm() <= (other - p).norm() + 1e-12, "{other} is nearer");
            }
        }
    }

    #[test]
    fn either_way_round_is_the_same_polygon_and_a_line_is_none() {
        let round = [[0.0, 0.0], [0.0, 4.0], [2.0, 4.0], [2.0, 2.0], [4.0, 2.0], [4.0, 0.0]];
        let other = Piece::column(&round).expect("a polygon");
        for p in [Vec3::new(1.0, 1.0, 3.0), Vec3::new(3.0, 3.5, 0.0), Vec3::new(-1.0, 9.0, 2.0)] {
            assert!((corner().nearest(&p) - other.nearest(&p)).norm() < 1e-12);
        }
        assert_eq!(Piece::column(&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), None);
    }

    #[test]
    fn lattices_fill_all_pieces_and_the_rest_is_not_moved() {
        let far = Piece::column(&[[10.0, 0.0], [10.1, 0.0], [10.1, 0.1]]).expect("a polygon");
        let sites = Sites::new(vec![corner(), far], vec![[Some(1), Some(0), None]], vec![Vec3::new(0.0, 0.0, 7.0)]);
        let (points, spacing) = sites.lattice(8);
        assert_eq!((points.len(), spacing), (48 + 1, 0.5));
        for mut x in points {
            let before = x.clone();
            sites.project(&mut x);
            assert!((x[0] - before[0]).abs() < 1e-12 && (x[1] - before[1]).abs() < 1e-12);
        }
        let mut x = vec![3.0, 3.5];
        sites.project(&mut x);
        assert_eq!(x, [2.0, 3.5], "y and x of the nearest point, in the order of the coordinates");
    }
}
