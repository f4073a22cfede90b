//! Clusters: the samples of one lobe become one coherent path (T80).
//!
//! Samples of a lobe are parts of one wave, not waves of their own: their powers add up, and what is coherent about them is
//! the cluster as a whole. Samples belong together if they have the same ends, the same surfaces before the lobe and the
//! same surface of the lobe, and delays that the bandwidth does not tell apart.

use super::Channel;
use crate::constants::SPEED_OF_LIGHT;
use crate::math::frame::angles_of;
use crate::math::{C64, Vec3};
use crate::path::{Interaction, Paths};
use std::cmp::Ordering;

/// Puts the samples of each lobe together; all other paths stay as they are. Links keep their order by length.
///
/// `regions` `[facet]` are the surfaces ([`crate::geometry::region`]); a `bandwidth` [Hz] splits clusters where delays part
/// by more than its inverse.
pub fn clustered(paths: &Paths, channel: &Channel, regions: &[u32], bandwidth: Option<f64>) -> (Paths, Channel) {
    let mut all = (empty_paths(paths), empty_channel(channel));
    let powers: Vec<f64> =
        (0..paths.len()).map(|path| channel.of_path(path, 0).iter().map(C64::norm_sqr).sum()).collect();
    let apart = bandwidth.map_or(f64::INFINITY, |bandwidth| SPEED_OF_LIGHT / bandwidth);
    for link in 0..paths.links() {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let (samples, mut others): (Vec<usize>, Vec<usize>) =
            paths.of_link(link).partition(|path| ends_in_a_lobe(paths, *path));
        let mut samples = samples;
        samples.sort_by(|a, b| by_surfaces(paths, regions, *a, *b).then(paths.length[*a].total_cmp(&paths.length[*b])));
        for sample in samples {
            match groups.last_mut() {
                Some(group) if belongs(paths, regions, group[0], sample, apart) => group.push(sample),
                _ => groups.push(vec![sample]),
            }
        }
        // A sample without power has nothing to say of its cluster.
        groups.retain(|group| group.iter().any(|sample| powers[*sample] > 0.0));
        let mut merged: Vec<Cluster> = groups.iter().map(|group| Cluster::of(paths, channel, &powers, group)).collect();
        merged.sort_by(|a, b| a.length.total_cmp(&b.length));
        others.reverse();
        for cluster in &merged {
            while let Some(path) = others.pop_if(|path| paths.length[*path] <= cluster.length) {
                copy(paths, channel, path, &mut all);
            }
            cluster.push(paths, channel, &mut all);
        }
        while let Some(path) = others.pop() {
            copy(paths, channel, path, &mut all);
        }
        let count = all.0.len() as u64;
        all.0.offsets.push(count);
    }
    all
}

fn ends_in_a_lobe(paths: &Paths, path: usize) -> bool {
    paths.vertices_of(path).last().is_some_and(|vertex| paths.interaction[vertex] == Interaction::Lobe)
}

/// Order by ends, then by what happens where.
fn by_surfaces(paths: &Paths, regions: &[u32], a: usize, b: usize) -> Ordering {
    let ends = |path: usize| (paths.transmitter_element[path], paths.receiver_element[path]);
    let surfaces = |path: usize| {
        let surface =
            |vertex: usize| (paths.interaction[vertex], regions[paths.facet[vertex] as usize], paths.object[vertex]);
        paths.vertices_of(path).map(surface)
    };
    ends(a).cmp(&ends(b)).then_with(|| surfaces(a).cmp(surfaces(b)))
}

/// Whether a sample belongs to the cluster that begins with `first`, of which it is not earlier.
fn belongs(paths: &Paths, regions: &[u32], first: usize, sample: usize, apart: f64) -> bool {
    by_surfaces(paths, regions, first, sample) == Ordering::Equal && paths.length[sample] - paths.length[first] <= apart
}

/// One cluster.
struct Cluster {
    /// The sample with the largest power, whose vertices stand for all.
    strongest: usize,
    /// Means weighted by power.
    length: f64,
    departure: Vec3,
    arrival: Vec3,
    doppler: Vec<f64>,
    /// Sum of the areas of the lobe's vertices [m2].
    area: f64,
    /// As [`Channel::a`] of one path.
    a: Vec<C64>,
}

impl Cluster {
    fn of(paths: &Paths, channel: &Channel, powers: &[f64], group: &[usize]) -> Cluster {
        let carriers = channel.carriers.len();
        let strongest = group.iter().fold(group[0], |best, one| if powers[*one] > powers[best] { *one } else { best });
        let total: f64 = group.iter().map(|one| powers[*one]).sum();
        let mean =
            |value: &dyn Fn(usize) -> f64| group.iter().map(|one| powers[*one] / total * value(*one)).sum::<f64>();
        let direction = |of: &[Vec3]| group.iter().map(|one| of[*one] * (powers[*one] / total)).sum::<Vec3>();
        let last = |path: usize| paths.vertices_of(path).end - 1;
        Cluster {
            strongest,
            length: mean(&|one| paths.length[one]),
            // Directions of one lobe never cancel, but of two samples on either side they might.
            departure: direction(&paths.departure).try_normalize(1e-9).unwrap_or(paths.departure[strongest]),
            arrival: direction(&paths.arrival).try_normalize(1e-9).unwrap_or(paths.arrival[strongest]),
            doppler: (0..carriers).map(|carrier| mean(&|one| channel.doppler[one * carriers + carrier])).collect(),
            area: group.iter().map(|one| paths.area[last(*one)]).sum(),
            a: coefficients(channel, group),
        }
    }

    /// Appends the cluster: the strongest sample, with what is the cluster's own put over it.
    fn push(&self, paths: &Paths, channel: &Channel, all: &mut (Paths, Channel)) {
        copy(paths, channel, self.strongest, all);
        let (own, merged) = all;
        let (path, carriers) = (own.len() - 1, merged.carriers.len());
        own.length[path] = self.length;
        own.departure[path] = self.departure;
        own.arrival[path] = self.arrival;
        let last = own.vertex.len() - 1;
        own.area[last] = self.area;
        let first = merged.a_offsets[path] as usize;
        merged.a[first..].copy_from_slice(&self.a);
        merged.tau[path] = own.delay(path);
        (merged.theta_t[path], merged.phi_t[path]) = angles_of(&self.departure);
        (merged.theta_r[path], merged.phi_r[path]) = angles_of(&-self.arrival);
        merged.doppler[path * carriers..].copy_from_slice(&self.doppler);
    }
}

/// Amplitudes from the powers of each pair of ports, phases from the samples' fields weighted by their size.
fn coefficients(channel: &Channel, group: &[usize]) -> Vec<C64> {
    let count = channel.of_path(group[0], 0).len() * channel.carriers.len();
    let (mut powers, mut fields) = (vec![0.0; count], vec![C64::ZERO; count]);
    for &path in group {
        for carrier in 0..channel.carriers.len() {
            let own = channel.of_path(path, carrier);
            let size = own.iter().map(C64::norm_sqr).sum::<f64>().sqrt();
            for (i, a) in own.iter().enumerate() {
                let place = carrier * own.len() + i;
                powers[place] += a.norm_sqr();
                fields[place] += a * size;
            }
        }
    }
    let phase = |field: &C64| if field.norm() > 0.0 { field / field.norm() } else { C64::ONE };
    powers.iter().zip(&fields).map(|(power, field)| phase(field) * power.sqrt()).collect()
}

fn empty_paths(of: &Paths) -> Paths {
    let (offsets, vertex_offsets) = (vec![0], vec![0]);
    Paths { transmitters: of.transmitters, receivers: of.receivers, offsets, vertex_offsets, ..Paths::default() }
}

fn empty_channel(of: &Channel) -> Channel {
    Channel { carriers: of.carriers.clone(), a_offsets: vec![0], ..Channel::default() }
}

/// Appends a path as it is.
fn copy(paths: &Paths, channel: &Channel, path: usize, (own, merged): &mut (Paths, Channel)) {
    let (vertices, carriers) = (paths.vertices_of(path), channel.carriers.len());
    own.length.push(paths.length[path]);
    own.departure.push(paths.departure[path]);
    own.arrival.push(paths.arrival[path]);
    own.transmitter_element.push(paths.transmitter_element[path]);
    own.receiver_element.push(paths.receiver_element[path]);
    own.interaction.extend_from_slice(&paths.interaction[vertices.clone()]);
    own.area.extend_from_slice(&paths.area[vertices.clone()]);
    own.distance.extend_from_slice(&paths.distance[vertices.clone()]);
    own.object.extend_from_slice(&paths.object[vertices.clone()]);
    own.primitive.extend_from_slice(&paths.primitive[vertices.clone()]);
    own.facet.extend_from_slice(&paths.facet[vertices.clone()]);
    own.normal.extend_from_slice(&paths.normal[vertices.clone()]);
    own.vertex.extend_from_slice(&paths.vertex[vertices]);
    own.vertex_offsets.push(own.vertex.len() as u64);
    merged.a.extend_from_slice(&channel.a[channel.a_offsets[path] as usize..channel.a_offsets[path + 1] as usize]);
    merged.a_offsets.push(merged.a.len() as u64);
    merged.tau.push(channel.tau[path]);
    merged.theta_t.push(channel.theta_t[path]);
    merged.phi_t.push(channel.phi_t[path]);
    merged.theta_r.push(channel.theta_r[path]);
    merged.phi_r.push(channel.phi_r[path]);
    merged.doppler.extend_from_slice(&channel.doppler[path * carriers..(path + 1) * carriers]);
}
