//! Vertices by their exact position, whatever object they belong to. Sorted, nothing hashed.

use super::description::ObjectDescription;
use rayon::prelude::*;

/// Vertices with equal positions under one number.
pub(super) struct Welded {
    /// Number of each vertex of the scene, objects one after another.
    pub(super) ids: Vec<u32>,
    /// First vertex of each object in `ids`, and their number at the end.
    offsets: Vec<usize>,
}

impl Welded {
    pub(super) fn new(objects: &[ObjectDescription]) -> Self {
        let mut offsets = vec![0];
        let mut positions: Vec<[f64; 3]> = Vec::new();
        for object in objects {
            // Adding zero makes -0 and 0 one position.
            positions.extend(object.mesh.vertices.iter().map(|v| v.map(|x| x + 0.0)));
            offsets.push(positions.len());
        }
        let mut order: Vec<u32> = (0..positions.len() as u32).collect();
        let compare =
            |a: &[f64; 3], b: &[f64; 3]| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])).then(a[2].total_cmp(&b[2]));
        order.par_sort_unstable_by(|a, b| compare(&positions[*a as usize], &positions[*b as usize]).then(a.cmp(b)));
        let mut ids = vec![0; positions.len()];
        let mut id = 0;
        for (i, vertex) in order.iter().enumerate() {
            if i > 0 && compare(&positions[order[i - 1] as usize], &positions[*vertex as usize]).is_ne() {
                id += 1;
            }
            ids[*vertex as usize] = id;
        }
        Welded { ids, offsets }
    }

    pub(super) fn ids_of(&self, object: usize) -> &[u32] {
        &self.ids[self.offsets[object]..self.offsets[object + 1]]
    }

    /// Whether each object shares no welded vertex with another one; a lone object is not isolated from anything.
    pub(super) fn isolated(&self) -> Vec<bool> {
        let count = self.offsets.len() - 1;
        let mut isolated = vec![count > 1; count];
        let owner = |object: usize| self.ids_of(object).iter().map(move |id| (*id, object as u32));
        let mut owners: Vec<(u32, u32)> = (0..count).flat_map(owner).collect();
        owners.par_sort_unstable();
        owners.dedup();
        for run in owners.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
            run.iter().for_each(|(_, object)| isolated[*object as usize] = false);
        }
        isolated
    }
}
