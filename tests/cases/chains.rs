//! Scenes of materials alone and paths built by hand, so that the field can be tested without a path solver.

use raylobe::math::Vec3;
use raylobe::path::{ALL_ELEMENTS, Interaction, Paths};
use raylobe::scene::antenna::{Antenna, AntennaDescription};
use raylobe::scene::description::MaterialDescription;
use raylobe::scene::material::{Material, OutOfRange};
use raylobe::scene::radio::{Radio, Radios};
use raylobe::scene::{Object, Scene};

/// A scene with one empty object for each material.
pub fn scene_of(materials: &[MaterialDescription]) -> Scene {
    let object = |material| Object { name: String::new(), material, first_triangle: 0, triangle_count: 0 };
    Scene {
        origin: Vec3::zeros(),
        vertices: Vec::new(),
        triangles: Vec::new(),
        degenerate: Vec::new(),
        objects: (0..materials.len() as u32).map(object).collect(),
        materials: materials.iter().map(|m| Material::new(m, OutOfRange::Error).unwrap()).collect(),
        warnings: Vec::new(),
    }
}

/// A material of constant permittivity.
pub fn constant(eps_r: f64, sigma: f64, thickness: f64) -> MaterialDescription {
    MaterialDescription {
        name: format!("eps {eps_r}"),
        relative_permittivity: Some(eps_r),
        conductivity_s_per_m: Some(sigma),
        thickness_m: Some(thickness),
        ..MaterialDescription::default()
    }
}

/// A radio at rest, with antenna 0.
pub fn radio(position: Vec3) -> Radio {
    let (orientation, velocity) = ([0.0; 3], Vec3::zeros());
    Radio { name: "radio".into(), position, orientation, velocity, power: 1.0, antenna: 0, weights: None }
}

/// One transmitter and one receiver with the same antenna.
pub fn pair(transmitter: Radio, receiver: Radio, antenna: &AntennaDescription, frequency: f64) -> Radios {
    let wavelength = raylobe::constants::SPEED_OF_LIGHT / frequency;
    let antenna = Antenna::new("antenna", antenna, wavelength).unwrap();
    Radios { antennas: vec![antenna], transmitters: vec![transmitter], receivers: vec![receiver] }
}

/// One vertex of a chain.
#[derive(Clone)]
pub struct Bounce {
    pub object: u32,
    pub normal: Vec3,
    pub vertex: Vec3,
}

/// One path between two points of a link.
#[derive(Clone)]
pub struct Chain {
    pub link: usize,
    pub from: Vec3,
    pub to: Vec3,
    pub bounces: Vec<Bounce>,
    pub elements: [u32; 2],
}

impl Chain {
    pub fn direct(from: Vec3, to: Vec3) -> Chain {
        Chain { link: 0, from, to, bounces: Vec::new(), elements: [ALL_ELEMENTS; 2] }
    }

    /// The chain over planes (object, a point, unit normal) by the image method.
    pub fn over(from: Vec3, to: Vec3, planes: &[(u32, Vec3, Vec3)]) -> Chain {
        let mut images = vec![from];
        for (_, point, n) in planes {
            let image = images[images.len() - 1];
            images.push(image - n * (2.0 * (image - point).dot(n)));
        }
        let mut bounces = Vec::new();
        let mut target = to;
        for (i, (object, point, n)) in planes.iter().enumerate().rev() {
            let direction = images[i + 1] - target;
            let vertex = target + direction * ((point - target).dot(n) / direction.dot(n));
            bounces.insert(0, Bounce { object: *object, normal: *n, vertex });
            target = vertex;
        }
        Chain { bounces, ..Chain::direct(from, to) }
    }

    /// The same chain walked from its other end.
    pub fn reversed(&self) -> Chain {
        let bounces = self.bounces.iter().rev().cloned().collect();
        Chain { from: self.to, to: self.from, bounces, elements: [self.elements[1], self.elements[0]], link: self.link }
    }
}

/// The paths of chains, which are in the order of their links.
pub fn paths_of(transmitters: usize, receivers: usize, chains: &[Chain]) -> Paths {
    assert!(chains.is_sorted_by_key(|c| c.link));
    let mut paths = Paths { transmitters, receivers, vertex_offsets: vec![0], ..Paths::default() };
    paths.offsets =
        (0..=transmitters * receivers).map(|link| chains.partition_point(|c| c.link < link) as u64).collect();
    for chain in chains {
        let mut points = vec![chain.from];
        points.extend(chain.bounces.iter().map(|b| b.vertex));
        points.push(chain.to);
        paths.length.push(points.windows(2).map(|w| (w[1] - w[0]).norm()).sum());
        paths.departure.push((points[1] - points[0]).normalize());
        paths.arrival.push((points[points.len() - 1] - points[points.len() - 2]).normalize());
        paths.transmitter_element.push(chain.elements[0]);
        paths.receiver_element.push(chain.elements[1]);
        for bounce in &chain.bounces {
            paths.interaction.push(Interaction::Reflection);
            paths.area.push(0.0);
            paths.distance.push(0.0);
            paths.object.push(bounce.object);
            paths.primitive.push(0);
            paths.facet.push(bounce.object);
            paths.normal.push(bounce.normal);
            paths.vertex.push(bounce.vertex);
        }
        paths.vertex_offsets.push(paths.vertex.len() as u64);
    }
    paths
}
