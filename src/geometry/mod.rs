//! Geometry: facets, bounding volumes and intersections, in the scene's local coordinates.

pub mod bvh;
pub mod facet;
pub mod flood;
pub mod simd;
pub mod touch;
pub mod traverse;
pub mod triangle;

use crate::error::Result;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::scene::Scene;
use bvh::Bvh;
use facet::Facets;
use traverse::for_each_crossing;

/// All that path finding needs of a scene.
#[derive(Debug, Clone)]
pub struct Geometry<'a> {
    /// The scene.
    pub scene: &'a Scene,
    /// The hierarchy over its triangles.
    pub bvh: Bvh,
    /// Its flat pieces.
    pub facets: Facets,
}

impl<'a> Geometry<'a> {
    /// Builds hierarchy and facets of a scene.
    ///
    /// # Errors
    /// See [`Bvh::build`].
    pub fn new(scene: &'a Scene) -> Result<Geometry<'a>> {
        let mut bvh = Bvh::build(scene)?;
        let facets = Facets::build(scene, &bvh);
        bvh.set_patches(|triangle| facets.patch_of_triangle(triangle));
        Ok(Geometry { scene, bvh, facets })
    }

    /// Whether anything stands between two points that lie on the patches `skip` ([`NONE`]: on none).
    pub fn is_blocked(&self, from: &Vec3, to: &Vec3, skip: [u32; 2]) -> bool {
        let mut blocked = false;
        for_each_crossing(self.scene, &self.bvh, [from, to], skip, |_| {
            blocked = true;
            false
        });
        blocked
    }

    /// An object that closes `point` in: seen upwards and in three level directions its surface is crossed an odd number
    /// of times. A sheet overhead or a wall beside the point does not count; a building without a floor does.
    pub fn object_around(&self, point: &Vec3) -> Option<u32> {
        let (low, high) = self.scene.bounds()?;
        let reach = 2.0 * ((high - low).norm() + (point - low).norm());
        // Directions off the axes, so that they meet no seam of an upright wall.
        let directions = [[0.012, 0.017, 1.0], [1.0, 0.131, 0.003], [-0.613, 0.79, 0.002], [-0.37, -0.93, 0.004]];
        let mut suspects: Option<Vec<u32>> = None;
        for direction in directions {
            let mut odd = self.objects_crossed_oddly(point, &(point + Vec3::from(direction) * reach));
            if let Some(before) = &suspects {
                odd.retain(|object| before.contains(object));
            }
            if odd.is_empty() {
                return None;
            }
            suspects = Some(odd);
        }
        suspects.and_then(|objects| objects.first().copied())
    }

    fn objects_crossed_oddly(&self, from: &Vec3, to: &Vec3) -> Vec<u32> {
        let mut crossed = Vec::new();
        for_each_crossing(self.scene, &self.bvh, [from, to], [NONE; 2], |triangle| {
            crossed.push(self.scene.object_of(triangle));
            true
        });
        crossed.sort_unstable();
        let odd = crossed.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1);
        odd.map(|same| same[0]).collect()
    }
}
