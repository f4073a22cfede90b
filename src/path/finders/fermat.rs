//! Fermat path tracing: the vertices that make a path as short as it can be (T111).
//!
//! The length is convex in the vertices' coordinates on their objects, so Newton's method with the exact Hessian arrives in a
//! few steps. On mirrors with both neighbours on one side the shortest way is the specular one; with a neighbour on either
//! side it goes straight through.
//!
//! Source: J. Eertmans, C. Oestges and L. Jacques, "Min-Path-Tracing: A Diffraction Aware Alternative to Image Method in Ray
//! Tracing", EuCAP 2023, and DiffeRT's `fermat_path_on_linear_objects`, which takes gradient steps.

use super::{Affine, NoPath, Point, Square, legs, offsets, turning, unknowns_bar, whole};
use nalgebra::{DMatrix, DVector};

/// Steps at the most: convergence is quadratic near the end, and half a dozen do nearly always.
const MAX_STEPS: usize = 100;
/// Steps shorter than this part of the path's length are rounding [-].
const ARRIVED: f64 = 1e-15;
/// A gradient of the length below this says that it is stationary [-]; it is made of unit vectors.
const STATIONARY: f64 = 1e-12;

/// The vertices [m] of the shortest path between two `ends` over `objects` (T111a).
///
/// # Errors
/// [`NoPath::Coincident`] where the shortest path has a leg of no length (a corner of two objects, an end on an object);
/// [`NoPath::Flat`] for an object without its dimensions; [`NoPath::Unlawful`] where the steps do not arrive.
pub fn fermat<const D: usize>(ends: [&Point<D>; 2], objects: &[Affine<D>]) -> Result<Vec<Point<D>>, NoPath> {
    let objects = objects
        .iter()
        .map(|object| Ok(Affine { origin: object.origin, basis: object.directions()? }))
        .collect::<Result<Vec<_>, NoPath>>()?;
    let place = |u: &DVector<f64>| place(&objects, u);
    // Springs first: the sum of squared lengths has its minimum where a linear system says, with no two points together.
    let mut u = DVector::zeros(offsets(&objects)[objects.len()]);
    u += springs(ends, &objects, &place(&u), &vec![1.0; objects.len() + 1])?;
    for _ in 0..MAX_STEPS {
        let points = whole(ends, &place(&u));
        let legs = legs(&points)?;
        let (gradient, hessian) = derivatives(&objects, &legs);
        let length = |u: &DVector<f64>| -> f64 {
            let points = whole(ends, &place(u));
            points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum()
        };
        let now = length(&u);
        let newton = hessian.cholesky().map(|factor| -factor.solve(&gradient));
        let step = match newton {
            // Lengths are equal to rounding near the end, where Newton's step is good without being checked.
            Some(step) if step.norm() < 1e-4 * now || length(&(&u + &step)) < now => step,
            // Weighted springs never lengthen the path.
            Some(_) | None => {
                springs(ends, &objects, &place(&u), &legs.iter().map(|leg| 1.0 / leg.1).collect::<Vec<_>>())?
            }
        };
        u += &step;
        if !u.norm().is_finite() {
            return Err(NoPath::Unlawful);
        }
        if step.norm() <= ARRIVED * now || gradient.norm() == 0.0 {
            break;
        }
    }
    let vertices = place(&u);
    let (gradient, _) = derivatives(&objects, &legs(&whole(ends, &vertices))?);
    if gradient.norm() > STATIONARY { Err(NoPath::Unlawful) } else { Ok(vertices) }
}

/// The adjoint of [`fermat`], at the `vertices` that it found: from their bars to those of the ends and of the objects, to
/// which it adds (T111b).
///
/// # Errors
/// Those of [`fermat`]; [`NoPath::Unlawful`] where the path may be moved without being lengthened, so that it is not determined.
pub fn fermat_vjp<const D: usize>(
    ends: [&Point<D>; 2],
    objects: &[Affine<D>],
    vertices: &[Point<D>],
    vertices_bar: &[Point<D>],
    ends_bar: &mut [Point<D>; 2],
    objects_bar: &mut [Affine<D>],
) -> Result<(), NoPath> {
    let legs = legs(&whole(ends, vertices))?;
    let (_, hessian) = derivatives(objects, &legs);
    let offsets = offsets(objects);
    let u_bar = unknowns_bar(objects, vertices_bar);
    // Gradient = 0 holds at every input: du = -H^-1 d(gradient).
    let lambda = -hessian.cholesky().ok_or(NoPath::Unlawful)?.solve(&u_bar);
    let moved: Vec<Point<D>> = (0..objects.len())
        .map(|k| objects[k].basis.iter().enumerate().map(|(j, b)| b * lambda[offsets[k] + j]).sum())
        .collect();
    let turnings: Vec<Square<D>> = legs.iter().map(turning).collect();
    for (k, (object, bar)) in objects.iter().zip(objects_bar.iter_mut()).enumerate() {
        // What the vertex itself pulls, and what the gradients at it and its neighbours do.
        let mut pull = vertices_bar[k] + (turnings[k] + turnings[k + 1]) * moved[k];
        if k > 0 {
            pull -= turnings[k] * moved[k - 1];
        }
        if k + 1 < objects.len() {
            pull -= turnings[k + 1] * moved[k + 1];
        }
        let slope = legs[k].0 - legs[k + 1].0;
        let u = object.coordinates(&(vertices[k] - object.origin))?;
        bar.origin += pull;
        for (j, basis_bar) in bar.basis.iter_mut().enumerate() {
            *basis_bar += pull * u[j] + slope * lambda[offsets[k] + j];
        }
    }
    if let (Some(first), Some(last)) = (moved.first(), moved.last()) {
        ends_bar[0] -= turnings[0] * first;
        ends_bar[1] -= turnings[objects.len()] * last;
    }
    Ok(())
}

/// The vertices of coordinates `u`.
fn place<const D: usize>(objects: &[Affine<D>], u: &DVector<f64>) -> Vec<Point<D>> {
    let mut u = u.iter();
    let vertex = |object: &Affine<D>| {
        object.basis.iter().zip(&mut u).fold(object.origin, |at, (vector, coordinate)| at + vector * *coordinate)
    };
    objects.iter().map(vertex).collect()
}

/// Gradient [-] and Hessian [1/m] of the length by the coordinates on the objects.
fn derivatives<const D: usize>(objects: &[Affine<D>], legs: &[(Point<D>, f64)]) -> (DVector<f64>, DMatrix<f64>) {
    let turnings: Vec<Square<D>> = legs.iter().map(turning).collect();
    let offsets = offsets(objects);
    let mut gradient = DVector::zeros(offsets[objects.len()]);
    for (k, object) in objects.iter().enumerate() {
        let slope = legs[k].0 - legs[k + 1].0;
        object.basis.iter().enumerate().for_each(|(j, b)| gradient[offsets[k] + j] = b.dot(&slope));
    }
    (gradient, chained(objects, &turnings))
}

/// The matrix of a chain whose links resist a difference of their ends by `links` `[leg]`, by coordinates on the objects.
fn chained<const D: usize>(objects: &[Affine<D>], links: &[Square<D>]) -> DMatrix<f64> {
    let offsets = offsets(objects);
    let mut matrix = DMatrix::zeros(offsets[objects.len()], offsets[objects.len()]);
    let mut add = |k: usize, l: usize, block: Square<D>| {
        for (i, left) in objects[k].basis.iter().enumerate() {
            for (j, right) in objects[l].basis.iter().enumerate() {
                matrix[(offsets[k] + i, offsets[l] + j)] += left.dot(&(block * right));
            }
        }
    };
    for k in 0..objects.len() {
        add(k, k, links[k] + links[k + 1]);
        if k + 1 < objects.len() {
            add(k, k + 1, -links[k + 1]);
            add(k + 1, k, -links[k + 1]);
        }
    }
    matrix
}

/// The step to where springs of `stiffness` `[leg]` in place of the legs come to rest.
fn springs<const D: usize>(
    ends: [&Point<D>; 2],
    objects: &[Affine<D>],
    vertices: &[Point<D>],
    stiffness: &[f64],
) -> Result<DVector<f64>, NoPath> {
    let points = whole(ends, vertices);
    let offsets = offsets(objects);
    let mut force = DVector::zeros(offsets[objects.len()]);
    for (k, object) in objects.iter().enumerate() {
        let pull = (points[k] - points[k + 1]) * stiffness[k] + (points[k + 2] - points[k + 1]) * stiffness[k + 1];
        object.basis.iter().enumerate().for_each(|(j, b)| force[offsets[k] + j] = b.dot(&pull));
    }
    let links: Vec<Square<D>> = stiffness.iter().map(|s| Square::identity() * *s).collect();
    Ok(chained(objects, &links).cholesky().ok_or(NoPath::Flat)?.solve(&force))
}
