//! An independent replay of a path's coefficients: the field vector in space, one Fresnel slab at each point, f64; for
//! isotropic V or V and H elements that are not turned, so that no antenna is between the law and the number.

use super::trace::Trace;
use super::truth_files::Case;
use raylobe::constants::{SPEED_OF_LIGHT, VACUUM_PERMITTIVITY};
use raylobe::math::{C64, Vec3};
use raylobe::scene::antenna::Element;
use raylobe::scene::radio::Radio;
use std::f64::consts::{PI, TAU};

type Field = [C64; 3];

/// The coefficients `[receiver port, transmitter port]` of the path; `None` where the case has turned or patterned
/// antennas.
pub fn coefficients(case: &Case, tx: usize, rx: usize, path: &Trace) -> Option<Vec<C64>> {
    let (tx, rx) = (&case.radios.transmitters[tx], &case.radios.receivers[rx]);
    let ports = [ports(case, tx)?, ports(case, rx)?];
    let points: Vec<Vec3> =
        [tx.position].into_iter().chain(path.vertices.iter().copied()).chain([rx.position]).collect();
    let directions: Vec<Vec3> = points.windows(2).map(|s| (s[1] - s[0]).normalize()).collect();
    let length: f64 = points.windows(2).map(|s| (s[1] - s[0]).norm()).sum();
    let spreading = SPEED_OF_LIGHT / case.frequency / (4.0 * PI * length);
    let arrival = theta_phi(&-directions[directions.len() - 1]);
    let mut a = vec![C64::new(0.0, 0.0); ports[0] * ports[1]];
    for (t, launched) in theta_phi(&directions[0]).iter().take(ports[0]).enumerate() {
        let mut field: Field = [0, 1, 2].map(|i| C64::new(launched[i], 0.0));
        for (i, hit) in path.hits.iter().enumerate() {
            field = reflected(case, &field, &directions[i], &directions[i + 1], *hit);
        }
        for (r, received) in arrival.iter().take(ports[1]).enumerate() {
            a[r * ports[0] + t] = spreading * along(&field, received);
        }
    }
    Some(a)
}

fn ports(case: &Case, radio: &Radio) -> Option<usize> {
    let antenna = case.radios.antenna(radio);
    // V is slant 0, H slant pi/2: the first ports of an upright antenna are the unit vectors theta^ and phi^.
    let upright = radio.orientation == [0.0; 3] && antenna.element == Element::Isotropic && antenna.offsets.len() == 1;
    let plain = antenna.slants[0] == 0.0 && antenna.slants.get(1).is_none_or(|s| (s - PI / 2.0).abs() < 1e-12);
    (upright && plain).then(|| antenna.ports())
}

fn theta_phi(k: &Vec3) -> [Vec3; 2] {
    let horizontal = k.x.hypot(k.y);
    let phi = Vec3::new(-k.y, k.x, 0.0) / horizontal;
    [phi.cross(k), phi]
}

fn along(field: &Field, direction: &Vec3) -> C64 {
    (0..3).map(|i| field[i] * direction[i]).sum()
}

/// The field after a slab: its parts across and in the plane of incidence, each with its own coefficient.
fn reflected(case: &Case, field: &Field, k_in: &Vec3, k_out: &Vec3, (object, _): (u32, u32)) -> Field {
    let name = &case.scene.objects[object as usize].material;
    let material = case.scene.materials.iter().find(|m| m.name == *name).expect("the scene defines its materials");
    let number = |value: Option<f64>| value.expect("the peer states every number");
    let (permittivity, conductivity) = (material.relative_permittivity, material.conductivity_s_per_m);
    let eta = C64::new(number(permittivity), -number(conductivity) / (TAU * case.frequency * VACUUM_PERMITTIVITY));
    let normal = (k_out - k_in).normalize();
    let cos = k_out.dot(&normal);
    let root = (eta - (1.0 - cos * cos)).sqrt();
    let turns = number(material.thickness_m) * case.frequency / SPEED_OF_LIGHT;
    let through = (C64::new(0.0, -2.0 * TAU * turns) * root).exp();
    let slab = |r: C64| r * (1.0 - through) / (1.0 - r * r * through);
    let (r_s, r_p) = (slab((cos - root) / (cos + root)), slab((eta * cos - root) / (eta * cos + root)));
    let s = k_in.cross(&normal).normalize();
    let (p_in, p_out) = (k_in.cross(&s), k_out.cross(&s));
    let (e_s, e_p) = (r_s * along(field, &s), r_p * along(field, &p_in));
    [0, 1, 2].map(|i| e_s * s[i] + e_p * p_out[i])
}
