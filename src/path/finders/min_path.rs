//! Min-path tracing: the vertices at which every interaction obeys its law (T111).
//!
//! Of each vertex an error says how far the law is broken: on a mirror r + i - 2 P i = r - (i - 2 (i.n) n), on an edge P (r - i),
//! whose zero is Keller's cone; i and r are the unit directions of arrival and departure, P the projection onto the object.
//! Gauss-Newton makes the sum of squares 0; there is no path where it has no zero.
//!
//! Source: as [`super::fermat`].

use super::fermat::fermat;
use super::{Affine, NoPath, Point, Square, legs, offsets, turning, unknowns_bar, whole};
use nalgebra::{DMatrix, DVector};

/// Steps at the most.
const MAX_STEPS: usize = 60;
/// A sum of squared errors below this is 0 but for rounding [-].
const LAWFUL: f64 = 1e-20;
/// Halvings of a step that does not lessen the errors.
const MAX_HALVINGS: usize = 30;

/// The vertices [m] of the lawful path between two `ends` over `objects` (T111c), sought from the shortest one.
///
/// # Errors
/// Those of [`fermat`]; [`NoPath::Unlawful`] where no vertices obey the laws, as where a mirror stands between its neighbours.
pub fn min_path<const D: usize>(ends: [&Point<D>; 2], objects: &[Affine<D>]) -> Result<Vec<Point<D>>, NoPath> {
    min_path_from(ends, objects, fermat(ends, objects)?)
}

/// The same, sought from given vertices, which lie on their objects.
///
/// # Errors
/// Those of [`min_path`].
pub fn min_path_from<const D: usize>(
    ends: [&Point<D>; 2],
    objects: &[Affine<D>],
    mut vertices: Vec<Point<D>>,
) -> Result<Vec<Point<D>>, NoPath> {
    let laws = objects.iter().map(Law::of).collect::<Result<Vec<_>, NoPath>>()?;
    let flat = objects
        .iter()
        .map(|object| Ok(Affine { origin: object.origin, basis: object.directions()? }))
        .collect::<Result<Vec<_>, NoPath>>()?;
    let unknowns = offsets(&flat)[flat.len()];
    let mut best = squares(&errors(&laws, &legs(&whole(ends, &vertices))?));
    for _ in 0..MAX_STEPS {
        if unknowns == 0 || best == 0.0 {
            break;
        }
        let legs = legs(&whole(ends, &vertices))?;
        let jacobian = jacobian(&flat, &laws, &legs);
        let right = DVector::from_iterator(D * flat.len(), errors(&laws, &legs).iter().flat_map(|e| e.iter().copied()));
        let normal = jacobian.transpose() * &jacobian;
        let step = normal.cholesky().ok_or(NoPath::Unlawful)?.solve(&(-(jacobian.transpose() * right)));
        match shortened(ends, &flat, &laws, &vertices, &step, best) {
            Some((next, squares)) => (vertices, best) = (next, squares),
            None => break,
        }
    }
    if best <= LAWFUL { Ok(vertices) } else { Err(NoPath::Unlawful) }
}

/// The adjoint of [`min_path`], at the `vertices` that it found: adds to the bars of the ends and of the objects (T111d).
///
/// # Errors
/// Those of [`min_path`].
pub fn min_path_vjp<const D: usize>(
    ends: [&Point<D>; 2],
    objects: &[Affine<D>],
    vertices: &[Point<D>],
    vertices_bar: &[Point<D>],
    ends_bar: &mut [Point<D>; 2],
    objects_bar: &mut [Affine<D>],
) -> Result<(), NoPath> {
    let laws = objects.iter().map(Law::of).collect::<Result<Vec<_>, NoPath>>()?;
    let legs = legs(&whole(ends, vertices))?;
    let u_bar = unknowns_bar(objects, vertices_bar);
    // Errors = 0 hold at every input: du = -J^+ d(errors).
    let jacobian = jacobian(objects, &laws, &legs);
    let normal = jacobian.transpose() * &jacobian;
    let lambda = -(&jacobian * normal.cholesky().ok_or(NoPath::Unlawful)?.solve(&u_bar));
    let mut points_bar = vec![Point::<D>::zeros(); vertices.len() + 2];
    for (k, (object, law)) in objects.iter().zip(&laws).enumerate() {
        let error_bar = Point::<D>::from_fn(|i, _| lambda[D * k + i]);
        let arrival_bar = turning(&legs[k]) * (law.arrival.transpose() * error_bar);
        let departure_bar = turning(&legs[k + 1]) * (law.departure.transpose() * error_bar);
        points_bar[k] -= arrival_bar;
        points_bar[k + 1] += arrival_bar - departure_bar;
        points_bar[k + 2] += departure_bar;
        // dP = (I - P) dB B^+ and its transpose.
        let along = law.turned(&legs[k].0, &legs[k + 1].0);
        let rest = Square::identity() - law.projector;
        let (of_along, of_bar) = (object.coordinates(&along)?, object.coordinates(&error_bar)?);
        for (j, basis_bar) in objects_bar[k].basis.iter_mut().enumerate() {
            *basis_bar += rest * error_bar * of_along[j] + rest * along * of_bar[j];
        }
    }
    for (k, (object, bar)) in objects.iter().zip(objects_bar.iter_mut()).enumerate() {
        let pull = points_bar[k + 1] + vertices_bar[k];
        let u = object.coordinates(&(vertices[k] - object.origin))?;
        bar.origin += pull;
        bar.basis.iter_mut().zip(u).for_each(|(basis_bar, u)| *basis_bar += pull * u);
    }
    ends_bar[0] += points_bar[0];
    ends_bar[1] += points_bar[vertices.len() + 1];
    Ok(())
}

/// How the error of a vertex depends on the directions of arrival and departure, which it is linear in.
struct Law<const D: usize> {
    arrival: Square<D>,
    departure: Square<D>,
    projector: Square<D>,
    is_mirror: bool,
}

impl<const D: usize> Law<D> {
    fn of(object: &Affine<D>) -> Result<Law<D>, NoPath> {
        let projector = object.projector()?;
        let is_mirror = object.is_mirror();
        let (arrival, departure) = if is_mirror {
            (Square::identity() - projector * 2.0, Square::identity())
        } else {
            (-projector, projector)
        };
        Ok(Law { arrival, departure, projector, is_mirror })
    }

    fn error(&self, arrival: &Point<D>, departure: &Point<D>) -> Point<D> {
        self.arrival * arrival + self.departure * departure
    }

    /// The vector that the projection is applied to in the error.
    fn turned(&self, arrival: &Point<D>, departure: &Point<D>) -> Point<D> {
        if self.is_mirror { arrival * -2.0 } else { departure - arrival }
    }
}

fn errors<const D: usize>(laws: &[Law<D>], legs: &[(Point<D>, f64)]) -> Vec<Point<D>> {
    laws.iter().zip(legs.windows(2)).map(|(law, pair)| law.error(&pair[0].0, &pair[1].0)).collect()
}

fn squares<const D: usize>(errors: &[Point<D>]) -> f64 {
    errors.iter().map(|error| error.norm_squared()).sum()
}

/// How the errors change with the coordinates on the objects.
fn jacobian<const D: usize>(objects: &[Affine<D>], laws: &[Law<D>], legs: &[(Point<D>, f64)]) -> DMatrix<f64> {
    let offsets = offsets(objects);
    let mut matrix = DMatrix::zeros(D * objects.len(), offsets[objects.len()]);
    for (k, law) in laws.iter().enumerate() {
        let (arrival, departure) = (law.arrival * turning(&legs[k]), law.departure * turning(&legs[k + 1]));
        let own = arrival - departure;
        let mut add = |l: usize, block: &Square<D>| {
            for (j, b) in objects[l].basis.iter().enumerate() {
                let column = block * b;
                (0..D).for_each(|i| matrix[(D * k + i, offsets[l] + j)] = column[i]);
            }
        };
        add(k, &own);
        if k > 0 {
            add(k - 1, &-arrival);
        }
        if k + 1 < objects.len() {
            add(k + 1, &departure);
        }
    }
    matrix
}

/// The step, halved until it lessens the sum of squares; `None` where it never does.
fn shortened<const D: usize>(
    ends: [&Point<D>; 2],
    objects: &[Affine<D>],
    laws: &[Law<D>],
    vertices: &[Point<D>],
    step: &DVector<f64>,
    best: f64,
) -> Option<(Vec<Point<D>>, f64)> {
    let offsets = offsets(objects);
    let mut share = 1.0;
    for _ in 0..MAX_HALVINGS {
        let moved = |(k, object): (usize, &Affine<D>)| {
            let along = object.basis.iter().enumerate().map(|(j, b)| b * (share * step[offsets[k] + j]));
            vertices[k] + along.sum::<Point<D>>()
        };
        let next: Vec<Point<D>> = objects.iter().enumerate().map(moved).collect();
        if let Ok(legs) = legs(&whole(ends, &next)) {
            let squares = squares(&errors(laws, &legs));
            if squares < best {
                return Some((next, squares));
            }
        }
        share *= 0.5;
    }
    None
}
