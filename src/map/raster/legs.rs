//! The legs of a chain as the sheet sees them (T86): each leg in its own space, the sheet mirrored back into it, so that
//! no triangle has to be mirrored. From the leg's image a triangle throws its shadow on that sheet by central projection.

use crate::geometry::facet::Facets;
use crate::layout::{NONE, Plane};
use crate::map::grid::Sheet;
use crate::math::Vec3;
use crate::path::beam::{mirror, signed_distance};
use crate::path::chain::ChainTrie;

/// Samples along each side of a cell. At 32 a shadow edge that crosses a cell at random leaves an error of a few 10^-3 of
/// its gain, and a cell that is lit in one sample of a thousand still counts.
pub const SAMPLES: usize = 32;

/// An image nearer to the plane of the sheet than this is moved away from it, so that it throws shadows at all [m].
const LEAST_HEIGHT_M: f64 = 1e-5;
/// What is nearer to the end of a leg than this does not stand in its way, as for paths (T43) [m].
pub const END_M: f64 = 1e-6;
/// The same as a share of the way, at the most.
const END_SHARE: f64 = 1e-6;
/// Points nearer to the image's level than this share of its height are left out: their shadows are beyond all sheets.
pub const LEAST_W: f64 = 1e-6;

/// A linear form: n . p + d in rows [n, d].
pub type Form = [f64; 4];

/// The value of a form at a point.
#[inline(always)]
pub fn value(form: &Form, p: &Vec3) -> f64 {
    form[0] * p.x + form[1] * p.y + form[2] * p.z + form[3]
}

/// A sheet in the space of a leg, local [m].
#[derive(Debug, Clone)]
pub struct View {
    corner: Vec3,
    step_u: Vec3,
    step_v: Vec3,
    normal: Vec3,
}

impl View {
    /// The sheet itself.
    pub fn of(sheet: &Sheet) -> View {
        let Sheet { corner, step_u, step_v, .. } = *sheet;
        View { corner, step_u, step_v, normal: step_u.cross(&step_v).normalize() }
    }

    /// The sheet behind one more mirror.
    fn mirrored(&self, plane: &Plane) -> View {
        let n = Vec3::from(plane.normal);
        let turned = |v: &Vec3| v - n * (2.0 * v.dot(&n));
        View {
            corner: mirror(&self.corner, plane),
            step_u: turned(&self.step_u),
            step_v: turned(&self.step_v),
            normal: turned(&self.normal),
        }
    }

    /// The point at (`u`, `v`), in cells from the corner.
    pub fn at(&self, u: f64, v: f64) -> Vec3 {
        self.corner + self.step_u * u + self.step_v * v
    }

    /// `apex`, or a point just off the plane if it lies in it.
    fn off_the_plane(&self, apex: &Vec3) -> Vec3 {
        let height = self.normal.dot(&(apex - self.corner));
        let lacking = (LEAST_HEIGHT_M - height.abs()).max(0.0);
        apex + self.normal * lacking.copysign(height)
    }
}

/// Central projection onto a sheet: p falls on the sample at (s, t)/w; w is 0 at the level of the centre and 1 on the sheet.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Along the first axis.
    pub s: Form,
    /// Along the second axis.
    pub t: Form,
    /// The share of the way from the centre's level to the sheet.
    pub w: Form,
}

impl Projection {
    fn new(apex: &Vec3, view: &View) -> Projection {
        let from_corner = apex - view.corner;
        let height = view.normal.dot(&from_corner);
        let n = view.normal / -height;
        let w = [n.x, n.y, n.z, -n.dot(apex)];
        let along = |step: &Vec3| {
            let dual = step * (SAMPLES as f64 / step.norm_squared());
            // The middle of the first sample is at half a sample.
            let at_apex = dual.dot(&from_corner) - 0.5;
            let row = dual + n * at_apex;
            [row.x, row.y, row.z, at_apex * w[3] - dual.dot(apex)]
        };
        Projection { s: along(&view.step_u), t: along(&view.step_v), w }
    }
}

/// One leg of a chain, from a facet or the source to the next facet or the sheet.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The image that the leg comes from [m], local.
    pub apex: Vec3,
    /// The sheet in the leg's space.
    pub view: View,
    /// From the leg's space onto the sheet.
    pub projection: Projection,
    /// What stands in the leg's way is where all of these are positive: past the facet that it leaves, short of what it goes
    /// to, and between the image's level and the sheet's.
    pub bounds: [Form; 3],
    /// Patches of the facets at its ends, or [`NONE`].
    pub ends: [u32; 2],
    /// Facet that the leg leaves, or [`NONE`].
    pub from: u32,
}

/// The form that is positive on the side of `plane` where `p` is, from [`END_M`] on, or on the other side.
fn side_of(plane: &Plane, p: &Vec3, same: bool) -> Form {
    let sign = if (signed_distance(p, plane) >= 0.0) == same { 1.0 } else { -1.0 };
    let [x, y, z] = plane.normal.map(|n| n * sign);
    [x, y, z, -plane.offset * sign - END_M]
}

/// The legs of a node's chain to a sheet, on a patch or [`NONE`], into `legs`, the last one first.
pub fn legs_into(facets: &Facets, trie: &ChainTrie, mut node: u32, (sheet, end): (&Sheet, u32), legs: &mut Vec<Leg>) {
    legs.clear();
    let mut view = View::of(sheet);
    let (mut towards, mut far) = (end, None);
    loop {
        let apex = view.off_the_plane(&trie.image[node as usize]);
        let projection = Projection::new(&apex, &view);
        let [x, y, z, d] = projection.w;
        let past_the_image = [x, y, z, d - LEAST_W];
        let height = view.normal.dot(&(apex - view.corner)).abs();
        // Along the way, which is longer than the height: an image in the sheet's plane has hardly any.
        let end = (END_M / height).min(END_SHARE);
        let short_of = far.unwrap_or([-x, -y, -z, 1.0 - d - end]);
        let facet = if node == 0 { NONE } else { trie.facet[node as usize] };
        let (past, own) = if node == 0 {
            (past_the_image, NONE)
        } else {
            (side_of(facets.plane(facet), &apex, false), facets.patch[facet as usize])
        };
        let bounds = [past_the_image, past, short_of];
        legs.push(Leg { apex, view: view.clone(), projection, bounds, ends: [own, towards], from: facet });
        if node == 0 {
            return;
        }
        let plane = facets.plane(facet);
        view = view.mirrored(plane);
        (towards, node) = (own, trie.parent[node as usize]);
        far = Some(side_of(plane, &trie.image[node as usize], true));
    }
}

/// Convex polygons that are cut by forms, and what is left on the sheet.
#[derive(Debug, Default)]
pub struct Cutter {
    corners: Vec<Vec3>,
    spare: Vec<Vec3>,
    /// What the last call of [`Cutter::project`] left, in samples.
    pub shadow: Vec<[f64; 2]>,
}

impl Cutter {
    /// Projects the part of a convex polygon where all `bounds` are positive; tells whether anything is left.
    #[inline(always)]
    pub fn project(&mut self, polygon: &[Vec3], bounds: &[Form], projection: &Projection) -> bool {
        self.shadow.clear();
        self.corners.clear();
        self.corners.extend_from_slice(polygon);
        for form in bounds {
            if !self.cut(form) {
                return false;
            }
        }
        let Projection { s, t, w } = projection;
        self.shadow.extend(self.corners.iter().map(|p| {
            let inverse = 1.0 / value(w, p);
            [value(s, p) * inverse, value(t, p) * inverse]
        }));
        true
    }

    /// Keeps the part where `form` is positive (Sutherland and Hodgman).
    #[inline(always)]
    fn cut(&mut self, form: &Form) -> bool {
        let outside = self.corners.iter().filter(|p| value(form, p) <= 0.0).count();
        if outside == 0 {
            return true;
        }
        if outside == self.corners.len() {
            return false;
        }
        self.spare.clear();
        let mut p = self.corners[self.corners.len() - 1];
        let mut at_p = value(form, &p);
        for q in &self.corners {
            let at_q = value(form, q);
            if (at_p > 0.0) != (at_q > 0.0) {
                // From the inner corner, so that neighbours cut their common edge at the same point.
                let (inner, outer, a, b) = if at_p > 0.0 { (&p, q, at_p, at_q) } else { (q, &p, at_q, at_p) };
                self.spare.push(inner + (outer - inner) * (a / (a - b)));
            }
            if at_q > 0.0 {
                self.spare.push(*q);
            }
            (p, at_p) = (*q, at_q);
        }
        std::mem::swap(&mut self.corners, &mut self.spare);
        true
    }
}
