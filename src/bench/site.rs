//! Where is measured: a scene, a transmitter, receivers and rays, all by formula from fixed seeds.

use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::geometry::triangle::Ray;
use crate::layout::NONE;
use crate::math::Vec3;
use crate::math::random::{philox, unit_interval};
use crate::scene::Scene;
use crate::scene::antenna::{Antenna, AntennaDescription};
use crate::scene::description::SceneDescription;
use crate::scene::generate::{CityOptions, GenerateOptions, generate};
use crate::scene::material::OutOfRange;
use crate::scene::radio::{Radio, Radios};

use super::work::closest_hit_of;

/// A scene that is measured in.
#[derive(Debug, Clone)]
pub struct Site {
    /// What the rows of a table call it.
    pub name: String,
    /// The scene.
    pub scene: Scene,
}

/// Key of all random numbers here; the counters say what each is for.
const SEED: u32 = 2026;
const RANDOM_RAYS: u32 = 0;
const RECEIVERS: u32 = 1;

impl Site {
    /// A generated city of `triangles` triangles (seed 1, all else default).
    ///
    /// # Errors
    /// See [`generate`].
    pub fn city(triangles: u64) -> Result<Site> {
        let city = generate(&GenerateOptions::City(CityOptions { triangles, ..CityOptions::default() }))?;
        Site::new(&format!("city_{triangles}"), &city)
    }

    /// The scene that a description means; ITU materials outside their range are extrapolated, which costs the same.
    ///
    /// # Errors
    /// See [`Scene::new`]; also a scene without triangles.
    pub fn new(name: &str, description: &SceneDescription) -> Result<Site> {
        let scene = Scene::new(description, OutOfRange::Extrapolate)?;
        if scene.triangles.is_empty() {
            let remedy = "give a scene that holds something";
            return Err(Error::input(Fault::new("scene", "has at least one triangle to measure with").remedy(remedy)));
        }
        Ok(Site { name: name.into(), scene })
    }

    /// Bounds of the scene [m], local.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        self.scene.bounds().expect("a site has triangles")
    }
}

/// Transmitter and receivers of a site [m], local.
#[derive(Debug, Clone)]
pub struct Ends {
    /// Ten metres above what stands in the middle of the scene.
    pub transmitter: Vec3,
    /// 1.5 m above the ground, evenly spread over the square of [`SQUARE_M`] about the middle.
    pub receivers: Vec<Vec3>,
}

/// Half the side of the square in which receivers stand [m].
pub const SQUARE_M: f64 = 300.0;
/// What lies this near to the lowest point of the scene, as a share of its height, is ground.
const GROUND_SHARE: f64 = 0.1;
/// Places tried for each receiver; then a roof will do.
const TRIES: u32 = 64;

impl Ends {
    /// The transmitter and `count` receivers.
    pub fn new(site: &Site, geometry: &Geometry, count: u32) -> Ends {
        let (low, high) = site.bounds();
        let middle = (low + high) / 2.0;
        let surface = |x: f64, y: f64| {
            let down = Ray::from_f64(&Vec3::new(x, y, high.z + 1.0), &-Vec3::z());
            closest_hit_of(&geometry.bvh, &down).map_or(low.z, |hit| high.z + 1.0 - f64::from(hit.t))
        };
        let half = ((high - low) / 2.0).inf(&Vec3::repeat(SQUARE_M));
        let ground = low.z + GROUND_SHARE * (high.z - low.z);
        let place = |i: u32| {
            let point = |attempt: u32| {
                let words = random(RECEIVERS, i, attempt);
                let (x, y) = (middle.x + half.x * (2.0 * words[0] - 1.0), middle.y + half.y * (2.0 * words[1] - 1.0));
                Vec3::new(x, y, surface(x, y) + 1.5)
            };
            (0..TRIES).map(point).find(|p| p.z <= ground + 1.5).unwrap_or_else(|| point(0))
        };
        let transmitter = Vec3::new(middle.x, middle.y, surface(middle.x, middle.y) + 10.0);
        Ends { transmitter, receivers: (0..count).map(place).collect() }
    }

    /// The same as radios with isotropic antennas at `carrier` [Hz].
    ///
    /// # Errors
    /// See [`Antenna::new`].
    pub fn radios(&self, site: &Site, carrier: f64) -> Result<Radios> {
        let wavelength = crate::constants::SPEED_OF_LIGHT / carrier;
        let radio = |name: String, position: &Vec3| Radio {
            name,
            position: position + site.scene.origin,
            orientation: [0.0; 3],
            velocity: Vec3::zeros(),
            power: 1.0,
            antenna: 0,
            weights: None,
        };
        Ok(Radios {
            antennas: vec![Antenna::new("isotropic", &AntennaDescription::default(), wavelength)?],
            transmitters: vec![radio("tx".into(), &self.transmitter)],
            receivers: self.receivers.iter().enumerate().map(|(i, p)| radio(format!("rx{i}"), p)).collect(),
        })
    }
}

/// Rays of each kind, as many of each.
#[derive(Debug, Clone)]
pub struct Rays {
    /// A pinhole camera above the upper corner of the scene, 60 degrees wide, aimed at the middle of the ground; pixels
    /// in the order of rows.
    pub camera: Vec<Ray>,
    /// Origins and directions evenly spread over the bounds of the scene and the sphere.
    pub random: Vec<Ray>,
    /// Segments from what the random rays meet, a centimetre before it (from the origin where they meet nothing), to a
    /// light 10 m above the highest point, over the middle.
    pub shadow: Vec<[Vec3; 2]>,
}

impl Rays {
    /// `side` x `side` rays of each kind.
    pub fn new(site: &Site, geometry: &Geometry, side: u32) -> Rays {
        let (low, high) = site.bounds();
        let extent = high - low;
        let random: Vec<Ray> = (0..side * side).map(|i| random_ray(i, &low, &extent)).collect();
        let light = Vec3::new((low.x + high.x) / 2.0, (low.y + high.y) / 2.0, high.z + 10.0);
        let shadow = random.iter().map(|ray| {
            let (origin, along) = (to_f64(ray.origin), to_f64(ray.direction));
            let before = closest_hit_of(&geometry.bvh, ray).map_or(0.0, |hit| (f64::from(hit.t) - 0.01).max(0.0));
            // Both ends are f32 numbers, so that a tracer in f32 gets the same segment.
            [origin + along * before, light].map(|p| p.map(|x| f64::from(x as f32)))
        });
        Rays { camera: camera(&low, &high, side), shadow: shadow.collect(), random }
    }
}

fn camera(low: &Vec3, high: &Vec3, side: u32) -> Vec<Ray> {
    let eye = high + Vec3::z() * (0.1 * (high - low).norm());
    let aim = Vec3::new((low.x + high.x) / 2.0, (low.y + high.y) / 2.0, low.z);
    let forward = (aim - eye).normalize();
    let right = forward.cross(&Vec3::z()).normalize();
    let up = right.cross(&forward);
    let half_width = libm::tan(std::f64::consts::FRAC_PI_6);
    let offset = |pixel: u32| half_width * ((2.0 * f64::from(pixel) + 1.0) / f64::from(side) - 1.0);
    let pixels = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
    pixels.map(|(row, column)| Ray::from_f64(&eye, &(forward + right * offset(column) - up * offset(row)))).collect()
}

fn random_ray(i: u32, low: &Vec3, extent: &Vec3) -> Ray {
    let place = random(RANDOM_RAYS, i, 0);
    let way = random(RANDOM_RAYS, i, 1);
    let origin = low + extent.component_mul(&Vec3::new(place[0], place[1], place[2]));
    let z = 1.0 - 2.0 * way[0];
    let radius = (1.0 - z * z).sqrt();
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * way[1]);
    Ray::from_f64(&origin, &Vec3::new(radius * cos, radius * sin, z))
}

fn to_f64(p: [f32; 3]) -> Vec3 {
    Vec3::from(p.map(f64::from))
}

fn random(purpose: u32, index: u32, part: u32) -> [f64; 4] {
    philox([index, part, 0, 0], [SEED, purpose]).map(unit_interval)
}

/// The patch that no ray leaves from.
pub(super) const NO_PATCH: u32 = NONE;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::work::blocked;
    use crate::geometry::enclosure::Enclosures;
    use crate::geometry::simd::Level;

    #[test]
    fn a_site_has_its_ends_outdoors_and_its_rays_in_place() {
        let site = Site::city(2000).expect("a small city");
        let geometry = Geometry::new(&site.scene);
        let ends = Ends::new(&site, &geometry, 50);
        let enclosures = Enclosures::new(&site.scene);
        assert!(enclosures.around(&geometry, &ends.transmitter).is_none());
        assert!(ends.receivers.iter().all(|r| enclosures.around(&geometry, r).is_none() && r.z < ends.transmitter.z));
        let rays = Rays::new(&site, &geometry, 16);
        assert_eq!([rays.camera.len(), rays.random.len(), rays.shadow.len()], [256; 3]);
        let hits = rays.camera.iter().filter(|ray| closest_hit_of(&geometry.bvh, ray).is_some()).count();
        assert!(hits > 100, "{hits} of 256 camera rays meet the city");
        let open = 256 - blocked(Level::Scalar, &geometry, &rays.shadow);
        assert!(open > 20 && open < 236, "{open} of 256 segments are open");
    }
}
