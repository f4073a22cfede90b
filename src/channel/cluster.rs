//! Clusters: the samples of one lobe become one coherent path (T80).
//!
//! Samples of a lobe are parts of one wave, not waves of their own: their powers add up, and what is coherent about them is
//! the cluster as a whole. Samples belong together if they have the same ends, the same surfaces before the lobe and the
//! same surface of the lobe, and delays that the bandwidth does not tell apart.

use super::{Channel, ChannelBar};
use crate::constants::SPEED_OF_LIGHT;
use crate::math::frame::{angles_of, angles_of_vjp, horizontal_of, normalized_vjp, spherical_basis};
use crate::math::{C64, Vec3};
use crate::path::{Interaction, Paths};
use std::cmp::Ordering;

/// Which samples make each path of the clustered channel, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clusters {
    /// First path of each link `[link + 1]`.
    offsets: Vec<u64>,
    /// First member of each path `[path + 1]`.
    member_offsets: Vec<u64>,
    /// Members: paths before clustering.
    members: Vec<u64>,
}

impl Clusters {
    /// Number of paths of the clustered channel.
    pub fn len(&self) -> usize {
        self.member_offsets.len() - 1
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The samples of a cluster, or the one path that is none of a lobe.
    pub fn members_of(&self, path: usize) -> impl ExactSizeIterator<Item = usize> + Clone + '_ {
        let range = self.member_offsets[path] as usize..self.member_offsets[path + 1] as usize;
        self.members[range].iter().map(|member| *member as usize)
    }

    /// The clusters of some receivers of `paths`, as [`Paths::of_receivers`] numbers them.
    pub fn of_receivers(&self, paths: &Paths, receivers: &[usize]) -> Clusters {
        let mut some = Clusters { offsets: vec![0], member_offsets: vec![0], members: Vec::new() };
        let mut taken = 0;
        for link in paths.links_of(receivers) {
            let of_link = paths.of_link(link);
            for path in self.offsets[link] as usize..self.offsets[link + 1] as usize {
                some.members.extend(self.members_of(path).map(|member| (member - of_link.start + taken) as u64));
                some.member_offsets.push(some.members.len() as u64);
            }
            some.offsets.push(some.len() as u64);
            taken += of_link.len();
        }
        some
    }

    fn push(&mut self, members: &[usize]) {
        self.members.extend(members.iter().map(|member| *member as u64));
        self.member_offsets.push(self.members.len() as u64);
    }
}

/// Finds what belongs together; links keep their order by length.
///
/// `regions` `[facet]` are the surfaces ([`crate::geometry::region`]); a `bandwidth` [Hz] splits clusters where delays part
/// by more than its inverse.
pub fn clusters(paths: &Paths, channel: &Channel, regions: &[u32], bandwidth: Option<f64>) -> Clusters {
    let mut all = Clusters { offsets: vec![0], member_offsets: vec![0], members: Vec::new() };
    let powers = powers_of(paths, channel);
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
        let length = |group: &Vec<usize>| Means::new(&powers, group.iter().copied()).of(|one| paths.length[one]);
        let mut merged: Vec<(f64, &Vec<usize>)> = groups.iter().map(|group| (length(group), group)).collect();
        merged.sort_by(|a, b| a.0.total_cmp(&b.0));
        others.reverse();
        for (length, group) in merged {
            while let Some(path) = others.pop_if(|path| paths.length[*path] <= length) {
                all.push(&[path]);
            }
            all.push(group);
        }
        while let Some(path) = others.pop() {
            all.push(&[path]);
        }
        all.offsets.push(all.len() as u64);
    }
    all
}

/// Puts the samples of each lobe together; all other paths stay as they are.
pub fn merged(paths: &Paths, channel: &Channel, clusters: &Clusters) -> (Paths, Channel) {
    let mut all = (empty_paths(paths), empty_channel(channel));
    all.0.offsets = clusters.offsets.clone();
    let powers = powers_of(paths, channel);
    for path in 0..clusters.len() {
        let members: Vec<usize> = clusters.members_of(path).collect();
        if ends_in_a_lobe(paths, members[0]) {
            Cluster::of(paths, channel, &powers, &members).push(paths, channel, &mut all);
        } else {
            copy(paths, channel, members[0], &mut all);
        }
    }
    all
}

/// The adjoint of [`merged`]: from bars of the clustered channel to those of the samples (T80, T94). Which samples belong
/// together is held fixed, and so is which of them is the strongest, whose points stand for all. A coefficient that is 0
/// passes nothing on: its size has no derivative there.
pub fn merged_vjp(paths: &Paths, channel: &Channel, clusters: &Clusters, bar: &ChannelBar) -> ChannelBar {
    let mut own = ChannelBar::zeros(channel);
    let powers = powers_of(paths, channel);
    let carriers = channel.carriers.len();
    let (mut first_a, mut first_vertex) = (0, 0);
    if !bar.vertex.is_empty() {
        own.vertex = vec![Vec3::zeros(); paths.vertex.len()];
    }
    if !bar.direct.is_empty() {
        own.direct = vec![0.0; paths.len()];
    }
    for path in 0..clusters.len() {
        let members: Vec<usize> = clusters.members_of(path).collect();
        let strongest = strongest_of(&powers, &members);
        let range = channel.a_offsets[strongest] as usize..channel.a_offsets[strongest + 1] as usize;
        let a_bar = &bar.a[first_a..first_a + range.len()];
        first_a += range.len();
        let vertices = paths.vertices_of(strongest);
        if !bar.vertex.is_empty() {
            let vertex_bar = &bar.vertex[first_vertex..first_vertex + vertices.len()];
            own.vertex[vertices.clone()].copy_from_slice(vertex_bar);
        }
        first_vertex += vertices.len();
        if !bar.direct.is_empty() {
            // All samples have the ends of the strongest.
            own.direct[strongest] = bar.direct[path];
        }
        if ends_in_a_lobe(paths, strongest) {
            let mut powers_bar = means_vjp(paths, channel, &powers, &members, (bar, path), &mut own);
            coefficients_vjp(channel, &members, a_bar, &mut own.a);
            for (member, power_bar) in members.iter().zip(powers_bar.drain(..)) {
                let first = channel.a_offsets[*member] as usize;
                let count = channel.of_path(*member, 0).len();
                for place in first..first + count {
                    own.a[place] += channel.a[place] * (2.0 * power_bar);
                }
            }
        } else {
            own.a[range].copy_from_slice(a_bar);
            own.tau[strongest] = bar.tau[path];
            own.theta_t[strongest] = bar.theta_t[path];
            own.phi_t[strongest] = bar.phi_t[path];
            own.theta_r[strongest] = bar.theta_r[path];
            own.phi_r[strongest] = bar.phi_r[path];
            own.doppler[strongest * carriers..(strongest + 1) * carriers]
                .copy_from_slice(&bar.doppler[path * carriers..(path + 1) * carriers]);
        }
    }
    own
}

/// Power of each path at the first carrier `[path]`, by which samples weigh.
fn powers_of(paths: &Paths, channel: &Channel) -> Vec<f64> {
    (0..paths.len()).map(|path| channel.of_path(path, 0).iter().map(C64::norm_sqr).sum()).collect()
}

/// The member of the largest power, the first of equals.
fn strongest_of(powers: &[f64], group: &[usize]) -> usize {
    group.iter().fold(group[0], |best, one| if powers[*one] > powers[best] { *one } else { best })
}

/// Means over the members of a cluster, weighted by power.
struct Means<I> {
    group: I,
    powers: Vec<f64>,
    total: f64,
}

impl<I: Iterator<Item = usize> + Clone> Means<I> {
    fn new(powers: &[f64], group: I) -> Means<I> {
        let powers: Vec<f64> = group.clone().map(|one| powers[one]).collect();
        let total = powers.iter().sum();
        Means { group, powers, total }
    }

    fn of<T: std::iter::Sum<T> + std::ops::Mul<f64, Output = T>>(&self, value: impl Fn(usize) -> T) -> T {
        self.group.clone().zip(&self.powers).map(|(one, power)| value(one) * (power / self.total)).sum()
    }
}

/// The adjoint of the means of a cluster: adds to the bars of delays, angles and Doppler shifts of its members, and returns
/// those of their powers `[member]`.
fn means_vjp(
    paths: &Paths,
    channel: &Channel,
    powers: &[f64],
    members: &[usize],
    (bar, path): (&ChannelBar, usize),
    own: &mut ChannelBar,
) -> Vec<f64> {
    let (means, carriers) = (Means::new(powers, members.iter().copied()), channel.carriers.len());
    let strongest = strongest_of(powers, members);
    let tau = means.of(|one| channel.tau[one]);
    let doppler: Vec<f64> =
        (0..carriers).map(|carrier| means.of(|one| channel.doppler[one * carriers + carrier])).collect();
    // Of the mean of directions: its bar before it is made a unit vector, and itself.
    let direction = |of: &dyn Fn(usize) -> Vec3, theta_bar: f64, phi_bar: f64| {
        let mean: Vec3 = means.of(of);
        let unit = unit_or(&mean, of(strongest));
        let mut unit_bar = Vec3::zeros();
        angles_of_vjp(&unit, theta_bar, phi_bar, &mut unit_bar);
        (mean, normalized_vjp(&unit, mean.norm(), &unit_bar))
    };
    let departure = |one: usize| paths.departure[one];
    let towards = |one: usize| -paths.arrival[one];
    let (mean_t, bar_t) = direction(&departure, bar.theta_t[path], bar.phi_t[path]);
    let (mean_r, bar_r) = direction(&towards, bar.theta_r[path], bar.phi_r[path]);
    let mut powers_bar = Vec::with_capacity(members.len());
    for &one in members {
        let weight = powers[one] / means.total;
        own.tau[one] += weight * bar.tau[path];
        let mut power_bar = bar.tau[path] * (channel.tau[one] - tau);
        for (carrier, mean) in doppler.iter().enumerate() {
            let doppler_bar = bar.doppler[path * carriers + carrier];
            own.doppler[one * carriers + carrier] += weight * doppler_bar;
            power_bar += doppler_bar * (channel.doppler[one * carriers + carrier] - mean);
        }
        for (k, mean, mean_bar, theta_bar, phi_bar) in [
            (departure(one), mean_t, bar_t, &mut own.theta_t[one], &mut own.phi_t[one]),
            (towards(one), mean_r, bar_r, &mut own.theta_r[one], &mut own.phi_r[one]),
        ] {
            // dk = theta^ d theta + sin theta phi^ d phi.
            let (theta_hat, phi_hat) = spherical_basis(&k);
            *theta_bar += weight * theta_hat.dot(&mean_bar);
            *phi_bar += weight * horizontal_of(&k) * phi_hat.dot(&mean_bar);
            power_bar += (k - mean).dot(&mean_bar);
        }
        powers_bar.push(power_bar / means.total);
    }
    powers_bar
}

/// A unit vector, or another where there is no direction: directions of one lobe never cancel, but of two samples on either
/// side they might.
fn unit_or(mean: &Vec3, other: Vec3) -> Vec3 {
    mean.try_normalize(1e-9).unwrap_or(other)
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
        let strongest = strongest_of(powers, group);
        let means = Means::new(powers, group.iter().copied());
        let last = |path: usize| paths.vertices_of(path).end - 1;
        Cluster {
            strongest,
            length: means.of(|one| paths.length[one]),
            departure: unit_or(&means.of(|one| paths.departure[one]), paths.departure[strongest]),
            arrival: unit_or(&means.of(|one| paths.arrival[one]), paths.arrival[strongest]),
            doppler: (0..carriers).map(|carrier| means.of(|one| channel.doppler[one * carriers + carrier])).collect(),
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
    let phase = |field: C64| if field.norm() > 0.0 { field / field.norm() } else { C64::ONE };
    (0..channel.carriers.len())
        .flat_map(|carrier| sums_of(channel, group, carrier))
        .map(|(power, field)| phase(field) * power.sqrt())
        .collect()
}

/// Of each pair of ports at a carrier: the sum of the samples' powers, and that of their fields weighted by their size.
fn sums_of(channel: &Channel, group: &[usize], carrier: usize) -> Vec<(f64, C64)> {
    let mut sums = vec![(0.0, C64::ZERO); channel.of_path(group[0], carrier).len()];
    for &path in group {
        let own = channel.of_path(path, carrier);
        let size = size_of(own);
        for ((power, field), a) in sums.iter_mut().zip(own) {
            *power += a.norm_sqr();
            *field += a * size;
        }
    }
    sums
}

/// The size of a sample's coefficients together.
fn size_of(own: &[C64]) -> f64 {
    own.iter().map(C64::norm_sqr).sum::<f64>().sqrt()
}

/// The adjoint of [`coefficients`]; adds to `own` [`Channel::a`].
fn coefficients_vjp(channel: &Channel, group: &[usize], a_bar: &[C64], own: &mut [C64]) {
    let carriers = channel.carriers.len();
    let count = a_bar.len() / carriers;
    for carrier in 0..carriers {
        let sums = sums_of(channel, group, carrier);
        for &path in group {
            let (coefficients, first) =
                (channel.of_path(path, carrier), channel.a_offsets[path] as usize + carrier * count);
            let (size, mut size_bar) = (size_of(coefficients), 0.0);
            for (i, (a, (power, field))) in coefficients.iter().zip(&sums).enumerate() {
                let (modulus, bar) = (field.norm(), a_bar[carrier * count + i]);
                if modulus == 0.0 {
                    continue;
                }
                // u q, q^2 the power, u the field's phase.
                let (unit, root) = (field / modulus, power.sqrt());
                let along = unit.conj() * bar;
                let field_bar = unit * C64::new(0.0, along.im * root / modulus);
                own[first + i] += a * (along.re / root) + field_bar * size;
                size_bar += (a.conj() * field_bar).re;
            }
            if size > 0.0 {
                for (i, a) in coefficients.iter().enumerate() {
                    own[first + i] += a * (size_bar / size);
                }
            }
        }
    }
}

fn empty_paths(of: &Paths) -> Paths {
    Paths { transmitters: of.transmitters, receivers: of.receivers, vertex_offsets: vec![0], ..Paths::default() }
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
