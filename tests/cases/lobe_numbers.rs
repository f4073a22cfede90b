//! The numbers that lobes and their estimators have to meet (physics.md section 6, numbers 2 to 5 and 7), through the
//! solver's own estimators: rays alone (`lobe_samples` = 0), samples about the image point alone (one ray), and both.

use crate::support::build::{self, Numbers, metal, radios, scene_of, solved};
use crate::support::hemisphere::over_hemisphere;
use raylobe::interaction::scattering::{Lobe, Shape};
use raylobe::math::frame::rotation_of;
use raylobe::math::{Mat3, Vec3};
use raylobe::path::SolverOptions;
use raylobe::path::scatter::ScatterOptions;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{LobeDescription, MaterialDescription, SceneDescription};

/// Both ends of every link are this far from each other over the wall [m].
const LENGTH_M: f64 = 30.0;

/// A wall that reflects everything and two ends before it, somehow turned in space, so that rays meet it differently.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// Angle of incidence [degrees].
    degrees: f64,
    /// r_i/(r_i + r_s) [-].
    a: f64,
    shape: Shape,
    /// Concentration kappa of the lobe; a cosine power of the same width has twice that.
    kappa: f64,
    turn: Mat3,
}

impl Link {
    fn new(degrees: f64, a: f64, shape: Shape, kappa: f64, seed: u32) -> Link {
        let mut n = Numbers::new(seed);
        let turn = rotation_of([0, 1, 2].map(|_| n.between(-3.0, 3.0)));
        Link { degrees, a, shape, kappa, turn }
    }

    /// Source and receiver, the wall being the plane z = 0 before it is turned.
    fn ends(&self) -> [Vec3; 2] {
        let (sin, cos) = self.degrees.to_radians().sin_cos();
        let before = Vec3::new(-sin, 0.0, cos) * (self.a * LENGTH_M);
        let behind = Vec3::new(sin, 0.0, cos) * ((1.0 - self.a) * LENGTH_M);
        [before, behind]
    }

    /// The wall with its lobe, or without; so large that no lobe sees its rim.
    fn wall(&self, lobe: bool) -> SceneDescription {
        let written = match self.shape {
            Shape::VonMisesFisher => LobeDescription::von_mises_fisher(self.kappa),
            Shape::CosinePower => LobeDescription::cosine_power(2.0 * self.kappa),
        };
        let material = MaterialDescription { lobe: lobe.then_some(written), ..metal() };
        let mut scene = scene_of(std::slice::from_ref(&material));
        let at = |x: f64, y: f64| (self.turn * Vec3::new(x, y, 0.0)).into();
        let corner = [-500.0, -500.0];
        build::add_panel(&mut scene, "wall", "metal", at(corner[0], corner[1]), at(1000.0, 0.0), at(0.0, 1000.0));
        scene
    }

    /// Power over the wall as the solver has it, by all pairs of ports.
    fn power(&self, scene: &SceneDescription, options: &SolverOptions) -> f64 {
        let [from, to] = self.ends().map(|end| (self.turn * end).into());
        let solution = solved(scene, &radios(Polarization::VH, &[from], &[to]), &[28e9], options);
        solution.channel.a.iter().map(|a| a.norm_sqr()).sum()
    }

    /// Gain of the lobe over that of the image path, by so many rays and samples about the image point.
    fn found(&self, rays: u64, lobe_samples: u32) -> f64 {
        let image = self.power(&self.wall(false), &options(false, 1, 0));
        self.power(&self.wall(true), &options(true, rays, lobe_samples)) / image
    }

    /// The same by quadrature over the directions from the source: the integral of f (r_i + r_s)^2/r_s^2.
    fn exact(&self) -> f64 {
        let sharpness = if self.shape == Shape::CosinePower { 2.0 * self.kappa } else { self.kappa };
        let lobe = Lobe::of_shape(self.shape, sharpness, false);
        let [from, to] = self.ends();
        let width = ((1.0 - self.a) / self.kappa.sqrt()).min(1.0);
        over_hemisphere(self.degrees.to_radians(), width, |up| {
            let k_i = Vec3::new(up.x, up.y, -up.z);
            let leaving = to - (from + k_i * (from.z / up.z));
            let r_s = leaving.norm();
            lobe.density(&k_i, &Vec3::z(), &(leaving / r_s)) * (LENGTH_M / r_s).powi(2)
        })
    }
}

/// One lobe or reflection and nothing else.
fn options(lobe: bool, rays: u64, lobe_samples: u32) -> SolverOptions {
    let scatter = ScatterOptions { lobe, rays, lobe_samples, ..ScatterOptions::default() };
    SolverOptions { line_of_sight: false, scatter, ..build::by_default(1) }
}

fn sci(x: &[f64]) -> Vec<String> {
    x.iter().map(|x| format!("{x:.1e}")).collect()
}


#[test]
fn explore() {
    let v = Shape::VonMisesFisher;
    println!("combination");
    for (d, a) in [(0.0, 0.5), (60.0, 0.8), (30.0, 0.2), (75.0, 0.5), (75.0, 0.9), (80.0, 0.1)] {
        for kappa in [1e2, 1e3, 1e5] {
            for rule in [0.03, 0.3, 1.0, 2.5, 4.0, 5.0, 6.0, 8.0, 15.0, 24.9, 26.0] {
                let b: f64 = 1.0 - a;
                let rays = (rule * kappa / (b * b)) as u64;
                if rays > 200_000 {
                    continue;
                }
                for m in [64, 256, 1024] {
                    let mut squares = [0.0; 3];
                    for seed in 1..=5 {
                        let link = Link::new(d, a, v, kappa, seed);
                        let image = link.power(&link.wall(false), &options(false, 1, 0));
                        let exact = link.exact();
                        for (k, (rays, m)) in [(rays, 0), (1, m), (rays, m)].into_iter().enumerate() {
                            let o = SolverOptions { seed: seed.into(), ..options(true, rays, m) };
                            squares[k] += (link.power(&link.wall(true), &o) / image / exact - 1.0).powi(2) / 5.0;
                        }
                    }
                    let rms = squares.map(f64::sqrt);
                    let better = rms[0].min(rms[1]);
                    if rms[2] < (1.5 * better).max(3e-4) { continue; }
                    println!("{d} {a} {kappa:e} rule {rule} {rays} m {m}: {:?} {:.2}", sci(&rms), rms[2] / rms[0].min(rms[1]));
                }
            }
        }
    }
}

#[test]
fn explore_b() {
    let v = Shape::VonMisesFisher;
    for d in [0.0, 30.0, 60.0, 75.0, 80.0, 85.0] {
        for a in [0.1, 0.3, 0.5, 0.9] {
            for kappa in [1e2, 1e3, 1e4, 1e6] {
                let link = Link::new(d, a, v, kappa, 1);
                let e = link.exact();
                let f = [64, 1024, 1 << 14].map(|m| link.found(1, m) / e - 1.0);
                println!("{d} {a} {kappa:e}: {:?}", sci(&f));
            }
        }
    }
}
