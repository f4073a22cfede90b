//! Path finders in any dimension: where a path between two points runs over given objects, each an affine set (T111).
//!
//! [`image`] is the image method, for mirrors; [`fermat`] makes the way as short as it can be; [`min_path`] makes the law of
//! each interaction hold: specular reflection on mirrors (sets of one dimension less than space), Keller's law on edges. They
//! agree where they overlap. Objects have no borders here, and nothing blocks: whether a path is one is for others to say.
//! Each finder has its adjoint beside it, by the implicit function theorem: it adds to its bars. Small matrices are allocated.

pub mod fermat;
pub mod image;
pub mod min_path;

#[cfg(test)]
mod tests;

use nalgebra::{DMatrix, DVector, SMatrix, SVector};

/// A point or direction of a space of D dimensions [m] or [-].
pub type Point<const D: usize> = SVector<f64, D>;
/// A matrix of that space.
pub(super) type Square<const D: usize> = SMatrix<f64, D, D>;

/// An affine set: all `origin + sum u_j basis_j`. With D - 1 vectors it is a mirror, with fewer an edge (or a point).
#[derive(Debug, Clone, PartialEq)]
pub struct Affine<const D: usize> {
    /// A point of it [m].
    pub origin: Point<D>,
    /// Vectors that span it, independent, of any length [m].
    pub basis: Vec<Point<D>>,
}

/// Why a finder has no path to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPath {
    /// Two neighbouring points coincide, so that a direction is missing.
    Coincident,
    /// The vectors of an object depend on each other, or are not finite.
    Flat,
    /// The image method was asked to follow an edge.
    Edge,
    /// No point of the objects obeys the laws, or none at a finite distance.
    Unlawful,
}

/// Points nearer to each other than this part of the path's length coincide [-].
const COINCIDENT: f64 = 1e-13;
/// Vectors of an object that leave less than this part of their length when the others are taken off depend on them [-].
const DEPENDENT: f64 = 1e-10;

impl<const D: usize> Affine<D> {
    /// Whether it reflects: it has one dimension less than space.
    pub fn is_mirror(&self) -> bool {
        self.basis.len() + 1 == D
    }

    /// An orthonormal basis of its directions (modified Gram-Schmidt).
    fn directions(&self) -> Result<Vec<Point<D>>, NoPath> {
        let mut directions: Vec<Point<D>> = Vec::with_capacity(self.basis.len());
        for vector in &self.basis {
            let mut left = *vector;
            // Twice is enough: the second time takes off what rounding has left.
            for _ in 0..2 {
                directions.iter().for_each(|d| left -= d * d.dot(&left));
            }
            if !(left.norm() > DEPENDENT * vector.norm() && left.norm().is_finite()) {
                return Err(NoPath::Flat);
            }
            directions.push(left.normalize());
        }
        Ok(directions)
    }

    /// The orthogonal projection onto its directions: what is left of a vector in the set.
    fn projector(&self) -> Result<Square<D>, NoPath> {
        Ok(self.directions()?.iter().fold(Square::zeros(), |sum, d| sum + d * d.transpose()))
    }

    /// The coordinates of a direction of the set in its basis: the pseudo-inverse of the basis times it.
    fn coordinates(&self, vector: &Point<D>) -> Result<Vec<f64>, NoPath> {
        let count = self.basis.len();
        let gram = DMatrix::from_fn(count, count, |i, j| self.basis[i].dot(&self.basis[j]));
        let right = DVector::from_fn(count, |i, _| self.basis[i].dot(vector));
        let solved = gram.cholesky().ok_or(NoPath::Flat)?.solve(&right);
        Ok(solved.iter().copied().collect())
    }

    /// The unit normal of a mirror, on one of its sides.
    fn normal(&self) -> Result<Point<D>, NoPath> {
        let rest = Square::identity() - self.projector()?;
        // The longest column: its length is at least 1/sqrt(D).
        let longest = (0..D).max_by(|i, j| rest.column(*i).norm().total_cmp(&rest.column(*j).norm()));
        longest.map(|i| rest.column(i).normalize()).ok_or(NoPath::Flat)
    }

    /// The bars of a set that has none.
    pub fn no_bars(&self) -> Affine<D> {
        Affine { origin: Point::zeros(), basis: vec![Point::zeros(); self.basis.len()] }
    }
}

/// From one end over the vertices to the other one.
fn whole<const D: usize>(ends: [&Point<D>; 2], vertices: &[Point<D>]) -> Vec<Point<D>> {
    std::iter::once(*ends[0]).chain(vertices.iter().copied()).chain([*ends[1]]).collect()
}

/// Unit direction and length [m] of each leg between neighbours of `points`.
fn legs<const D: usize>(points: &[Point<D>]) -> Result<Vec<(Point<D>, f64)>, NoPath> {
    let steps: Vec<Point<D>> = points.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let total: f64 = steps.iter().map(Point::norm).sum();
    let leg = |step: &Point<D>| {
        let length = step.norm();
        if length > COINCIDENT * total && total.is_finite() {
            Ok((step / length, length))
        } else {
            Err(NoPath::Coincident)
        }
    };
    steps.iter().map(leg).collect()
}

/// How a leg's direction changes with its far end: (I - d d^T)/l [1/m].
fn turning<const D: usize>((direction, length): &(Point<D>, f64)) -> Square<D> {
    (Square::identity() - direction * direction.transpose()) / *length
}

/// First unknown of each object, and the number of all.
fn offsets<const D: usize>(objects: &[Affine<D>]) -> Vec<usize> {
    let mut offsets = vec![0];
    for object in objects {
        offsets.push(offsets[offsets.len() - 1] + object.basis.len());
    }
    offsets
}

/// Bars of the unknowns of all objects from those of the vertices o + B u: B^T x_bar.
fn unknowns_bar<const D: usize>(objects: &[Affine<D>], vertices_bar: &[Point<D>]) -> DVector<f64> {
    let of = |(object, bar): (&Affine<D>, &Point<D>)| object.basis.iter().map(|b| b.dot(bar)).collect::<Vec<f64>>();
    DVector::from_vec(objects.iter().zip(vertices_bar).flat_map(of).collect())
}
