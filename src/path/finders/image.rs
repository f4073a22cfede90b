//! The image method in any dimension: each mirror reflects the source, and the vertices follow from the last one back (T44).

use super::{Affine, NoPath, Point};

/// Distances from a mirror that differ by less than this part of theirs make a line parallel to it [-].
const PARALLEL: f64 = 1e-14;

/// The vertices [m] of the specular path between two `ends` over mirrors. Where a mirror stands between its neighbours, the
/// vertex is where the line from the image meets it, which is no reflection.
///
/// # Errors
/// [`NoPath::Edge`] for an object that is no mirror; [`NoPath::Flat`]; [`NoPath::Unlawful`] where such a line is parallel to its
/// mirror.
pub fn image<const D: usize>(ends: [&Point<D>; 2], objects: &[Affine<D>]) -> Result<Vec<Point<D>>, NoPath> {
    let normals = normals(objects)?;
    let images = images(ends[0], objects, &normals);
    let mut vertices = vec![Point::zeros(); objects.len()];
    let mut target = *ends[1];
    for k in (0..objects.len()).rev() {
        let share = share(&images[k + 1], &target, &objects[k], &normals[k])?;
        target = images[k + 1] + (target - images[k + 1]) * share;
        vertices[k] = target;
    }
    Ok(vertices)
}

/// The adjoint of [`image`], at the `vertices` that it found: adds to the bars of the ends and of the objects.
///
/// # Errors
/// Those of [`image`].
pub fn image_vjp<const D: usize>(
    ends: [&Point<D>; 2],
    objects: &[Affine<D>],
    vertices: &[Point<D>],
    vertices_bar: &[Point<D>],
    ends_bar: &mut [Point<D>; 2],
    objects_bar: &mut [Affine<D>],
) -> Result<(), NoPath> {
    let normals = normals(objects)?;
    let images = images(ends[0], objects, &normals);
    let mut images_bar = vec![Point::<D>::zeros(); objects.len() + 1];
    let mut normals_bar = vec![Point::<D>::zeros(); objects.len()];
    let mut target_bar = Point::<D>::zeros();
    for (k, object) in objects.iter().enumerate() {
        let (from, normal) = (&images[k + 1], &normals[k]);
        let to = vertices.get(k + 1).unwrap_or(ends[1]);
        let share = share(from, to, object, normal)?;
        // vertex = from + (to - from) share, share = a/(a - b), a and b the distances of `from` and `to`.
        let bar = vertices_bar[k] + target_bar;
        let share_bar = bar.dot(&(to - from));
        let [a, b] = [from, to].map(|point| normal.dot(&(point - object.origin)));
        let [a_bar, b_bar] = [-b, a].map(|other| share_bar * other / ((a - b) * (a - b)));
        images_bar[k + 1] += bar * (1.0 - share) + normal * a_bar;
        target_bar = bar * share + normal * b_bar;
        normals_bar[k] += (from - object.origin) * a_bar + (to - object.origin) * b_bar;
        objects_bar[k].origin -= normal * (a_bar + b_bar);
    }
    ends_bar[1] += target_bar;
    for k in (0..objects.len()).rev() {
        // image = before - 2 (n . (before - o)) n.
        let (bar, normal, object) = (images_bar[k + 1], &normals[k], &objects[k]);
        let distance = normal.dot(&(images[k] - object.origin));
        let along = bar.dot(normal);
        images_bar[k] += bar - normal * (2.0 * along);
        objects_bar[k].origin += normal * (2.0 * along);
        normals_bar[k] -= ((images[k] - object.origin) * along + bar * distance) * 2.0;
        // B^T n = 0 and |n| = 1 hold throughout: dn = -(B^+)^T dB^T n.
        let coordinates = object.coordinates(&normals_bar[k])?;
        objects_bar[k].basis.iter_mut().zip(coordinates).for_each(|(bar, u)| *bar -= normal * u);
    }
    ends_bar[0] += images_bar[0];
    Ok(())
}

fn normals<const D: usize>(objects: &[Affine<D>]) -> Result<Vec<Point<D>>, NoPath> {
    objects.iter().map(|object| if object.is_mirror() { object.normal() } else { Err(NoPath::Edge) }).collect()
}

/// The source and its image after each mirror.
fn images<const D: usize>(source: &Point<D>, objects: &[Affine<D>], normals: &[Point<D>]) -> Vec<Point<D>> {
    let mut images = vec![*source];
    for (object, normal) in objects.iter().zip(normals) {
        let before = images[images.len() - 1];
        images.push(before - normal * (2.0 * normal.dot(&(before - object.origin))));
    }
    images
}

/// Where the line between two points meets a mirror, as a share of the way.
fn share<const D: usize>(from: &Point<D>, to: &Point<D>, object: &Affine<D>, normal: &Point<D>) -> Result<f64, NoPath> {
    let [a, b] = [from, to].map(|point| normal.dot(&(point - object.origin)));
    // What is no number is not above anything.
    let meets = (a - b).abs() > PARALLEL * (a.abs() + b.abs() + (to - from).norm());
    if meets { Ok(a / (a - b)) } else { Err(NoPath::Unlawful) }
}
