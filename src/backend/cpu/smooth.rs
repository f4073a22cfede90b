//! Soft paths and the adjoint of their visibility, link by link and path by path.

use crate::math::Vec3;
use crate::path::smooth::chains::{Asked, SoftPath, soft_paths as paths_of_link};
use crate::path::smooth::{Candidate, Pulled, View, Viewpoint, VisibilityBar};
use rayon::prelude::*;

/// Paths that one task of the pool pulls back at the least.
const TASK: usize = 16;

/// The soft paths of each of the `links`, pairs of a transmitter's and a receiver's point.
pub fn soft_paths(view: &View, [from, to]: [&[Viewpoint]; 2], links: &[[u32; 2]], asked: Asked) -> Vec<Vec<SoftPath>> {
    let paths = |[source, target]: &[u32; 2]| {
        let [from, to] = [&from[*source as usize], &to[*target as usize]];
        paths_of_link(view, &from.position, &to.position, asked, [&from.facets, &to.facets])
    };
    links.par_iter().map(paths).collect()
}

/// The bars of what each visibility depends on `[path]`.
pub fn pull_visibilities(view: &View, pulled: &[Pulled]) -> Vec<VisibilityBar> {
    let bar_of = |path: &Pulled| {
        let (mut images, [from, to]): (Vec<Vec3>, _) = (Vec::new(), &path.ends);
        view.images(from, path.chain, &mut images);
        let candidate = Candidate { chain: path.chain, images: &images, receiver: to };
        view.visibility_vjp(&candidate, &path.vertices, &path.visibility, path.value_bar)
    };
    pulled.par_iter().with_min_len(TASK).map(bar_of).collect()
}
