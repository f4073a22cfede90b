//! Probes of cuda/interaction/scattering, and what other probes need of surfaces that scatter.

use super::interaction::{ETAS, field, parts_of, slab_bound};
use super::math::{random_direction, some_directions};
use super::{Device, Numbers, complex, device, each, field_parts, inputs, joined, list, vec3};
use raylobe::backend::cuda::Surfaces;
use raylobe::interaction::reflection::{cos_incidence, mirror};
use raylobe::interaction::scattering::{
    Directions, Lobe, Part, Scattering, Shape, SingleLobe, diffuse, diffuse_share, draw, furnace, lobe, lobe_at,
    normaliser, off_at, part_density, part_sample_density, reflected_share,
};
use raylobe::math::frame::tangents_of;
use raylobe::math::{C64, Vec3};
use raylobe::scene::material::Surface;

const SHAPES: [Shape; 2] = [Shape::VonMisesFisher, Shape::CosinePower];
/// Broad, as walls have it, sharp, and as sharp as a lobe may be.
const SHARPNESSES: [f64; 6] = [0.3, 6.5, 50.0, 3e3, 1e8, 1e12];
/// Units of the last place between two libraries' exponential or logarithm, each within one or two, and a few operations.
const EXPONENTIAL: f64 = 8.0;
/// The same of an amplitude besides: roots, and two spherical bases.
const AMPLITUDE: f64 = 40.0;
/// Nearer to the horizon than this the last bits of a direction decide on which side of the surface it is.
const HORIZON: f64 = 1e-13;

fn every_part(reciprocal: bool) -> Vec<Part> {
    let mut all = vec![Part::lambertian(1.0), Part::backscattering(0.4, 5.0, 80.0, 0.7, reciprocal)];
    for sharpness in SHARPNESSES {
        all.extend(SHAPES.map(|shape| Part::forward(0.7, shape, sharpness, reciprocal)));
        all.push(Part::backward(0.2, Shape::VonMisesFisher, sharpness, reciprocal));
    }
    all
}

/// Surfaces with every kind of part as a pattern of its own, all of them mixed, and a lobe of every form and sharpness.
pub fn scattering_surfaces() -> Vec<Surface> {
    let single = [false, true].map(every_part).into_iter().flatten().map(|part| vec![part]);
    let mixtures = [every_part(false), every_part(true)];
    let none = Part { weight: 0.0, ..Part::lambertian(1.0) };
    let patterns = single.chain(mixtures).chain([vec![none.clone(), Part::lambertian(2.0), none]]);
    let of = |(i, parts): (usize, Vec<Part>)| {
        let (coefficient, xpd): (f64, f64) = ([0.0, 0.4, 1.0][i % 3], [0.0, 0.2, 1.0][i / 3 % 3]);
        let (shape, sharpness) = (SHAPES[i % 2], SHARPNESSES[i / 2 % 6]);
        let smooth = Surface::smooth(complex(&ETAS[3 + i % 5]), [0.1, f64::INFINITY, 3.0][i % 3]);
        Surface {
            specular_share: (1.0 - coefficient * coefficient).sqrt(),
            roughness: [1e-3, 0.0, 1e-7][i / 2 % 3],
            scattering: Scattering::of_parts(coefficient, xpd, parts),
            lobe: Some(Lobe::of_shape(shape, sharpness, i % 4 > 1)),
            ..smooth
        }
    };
    patterns.enumerate().map(of).collect()
}

pub fn uploaded(device: &Device, surfaces: &[Surface]) -> Surfaces {
    let mut on_device = Surfaces::default();
    on_device.upload(device.cuda.stream(), surfaces.iter()).expect("surfaces fit");
    on_device
}

/// A wave that meets a plane at the cosine `cos`, and one that leaves it: anywhere, near one of the axes of a lobe of this
/// `width` [rad], or at an axis.
fn scattered(n: &mut Numbers, cos: f64, width: f64) -> [f64; 9] {
    let normal = random_direction(n);
    let (u, v) = tangents_of(&normal);
    let (sin, cosine) = libm::sincos(n.between(0.0, 6.0));
    let k_i = (u * cosine + v * sin) * (1.0 - cos * cos).max(0.0).sqrt() - normal * cos;
    let axis = if n.next() < 0.5 { mirror(&k_i, &normal) } else { -k_i };
    let k_s = match n.between(0.0, 4.0) as u32 {
        0 => random_direction(n),
        1 => axis,
        _ => (axis + random_direction(n) * (width * n.next())).normalize(),
    };
    let side = if n.next() < 0.5 { normal } else { -normal };
    joined(&[k_i.as_slice(), side.as_slice(), k_s.as_slice()])
}

fn width_of(surface: &Surface) -> f64 {
    let lobe = |lobe: &Option<SingleLobe>| lobe.as_ref().map_or(1.0, |lobe| lobe.sharpness);
    let sharpest = |part: &Part| lobe(&part.forward).max(lobe(&part.backward));
    let own = surface.lobe.as_ref().map_or(1.0, |lobe| sharpest(&lobe.part));
    surface.scattering.parts.iter().map(sharpest).fold(own, f64::max).sqrt().recip().min(1.0) * 4.0
}

/// A surface and directions there.
pub fn places(surfaces: &[Surface], seed: u32) -> Vec<[f64; 10]> {
    let edges = some_directions().into_iter().flat_map(|k| {
        let of = move |i: usize| {
            let (normal, out) = (some_directions()[i % 6], some_directions()[(i + 1) % 13]);
            joined(&[&[i as f64], k.as_slice(), normal.as_slice(), out.as_slice()])
        };
        (0..surfaces.len()).map(of)
    });
    inputs(edges, seed, |n| {
        let i = (n.next() * surfaces.len() as f64) as usize;
        let cos = [n.next(), 1e-3 * n.next(), 0.0, 1.0][(n.next() * 6.0) as usize % 4];
        joined(&[&[i as f64], &scattered(n, cos, width_of(&surfaces[i]))])
    })
}

/// By how much of itself a value of a lobe may be off: an exponent is as exact as its logarithm.
fn value_bound(lobe: Option<&SingleLobe>, off: f64) -> f64 {
    let exponent = lobe.map_or(0.0, |lobe| match lobe.shape {
        Shape::VonMisesFisher => 0.0,
        Shape::CosinePower => lobe.sharpness * libm::log((1.0 - off / 2.0).max(f64::EPSILON)).abs(),
    });
    // What is smaller than e^-745 is nothing, however large the exponent.
    (EXPONENTIAL + 2.0 * exponent.min(750.0)) * f64::EPSILON
}

/// The same of a part's density.
pub fn part_bound(part: &Part, at: &Directions) -> f64 {
    value_bound(part.forward.as_ref(), at.off_forward) + value_bound(part.backward.as_ref(), at.off_backward)
}

pub fn pattern_bound(scattering: &Scattering, at: &Directions) -> f64 {
    scattering.parts.iter().map(|part| part_bound(part, at)).fold(0.0, f64::max)
}

#[test]
fn directions_at_a_point_are_the_same() {
    let Some(device) = device() else { return };
    let places: Vec<[f64; 9]> = places(&scattering_surfaces(), 81).iter().map(|x| joined(&[&x[1..]])).collect();
    device.exact("probe_directions_of", &[], &places, |x| {
        let at = Directions::new(&vec3(x), &vec3(&x[3..]), &vec3(&x[6..]));
        [at.cos_i, at.cos_s, at.off_forward, at.off_backward]
    });
}

/// By how much 1 - c of a drawn direction may be off: a logarithm of 1 - u is as exact as its argument.
fn off_bound(shape: Shape, sharpness: f64, u: f64, off: f64) -> f64 {
    let argument = u * libm::expm1(-2.0 * sharpness);
    let lost = match shape {
        Shape::VonMisesFisher => argument.abs() / ((1.0 + argument).max(f64::EPSILON) * sharpness),
        Shape::CosinePower => 0.0,
    };
    EXPONENTIAL * f64::EPSILON * (off + lost)
}

#[test]
fn lobes_have_the_same_values_and_quantiles() {
    let Some(device) = device() else { return };
    let edges = (0..2).flat_map(|shape| {
        SHARPNESSES.into_iter().flat_map(move |s| {
            let offs = [0.0, 1e-300, 1.0 / s, 20.0 / s, 1.0, 2.0 - 1e-15, 2.0].map(|off: f64| off.min(2.0));
            offs.into_iter()
                .zip([0.0, 1e-12, 0.5, 0.9, 0.999, 1.0 - 1e-9, 1.0 - f64::EPSILON / 2.0])
                .map(move |(off, u)| [f64::from(shape), s, off, u])
        })
    });
    let random = |n: &mut Numbers| {
        let s = 10f64.powf(n.between(-2.0, 12.0));
        let off = if n.next() < 0.5 { 2.0 * n.next() } else { (n.next() * 30.0 / s).min(2.0) };
        [n.between(0.0, 2.0).floor(), s, off, n.next()]
    };
    let all = inputs(edges, 82, random);
    assert!(SHAPES.iter().enumerate().all(|(i, shape)| *shape as usize == i), "the kernels' numbers of shapes");
    // One table for all: making one takes longer than all else here.
    let tables = SHAPES.map(|shape| SingleLobe::new(shape, 1.0, false));
    let bound = |x: &[f64; 4], expected: &[f64], k: usize| match k {
        0..3 => {
            let lobe = SingleLobe { sharpness: x[1], ..tables[x[0] as usize].clone() };
            // Below the smallest normal number there is no last place to count in; slopes are as many times larger.
            let smallest = f64::MIN_POSITIVE * x[1].max(1.0);
            value_bound(Some(&lobe), x[2]) * expected[k].abs() + smallest
        }
        _ => off_bound(SHAPES[x[0] as usize], x[1], x[3], expected[3]),
    };
    device.near("probe_lobe_at", &[], &all, bound, |x| {
        let shape = SHAPES[x[0] as usize];
        let h = lobe_at(shape, x[1], x[2]);
        [h.value, h.by_off, h.by_log, off_at(shape, x[1], x[3])]
    });
}

#[test]
fn tables_are_read_alike() {
    let Some(device) = device() else { return };
    let surfaces = scattering_surfaces();
    let lobe_of = |i: f64| surfaces[i as usize].lobe.as_ref().and_then(|lobe| lobe.part.forward.as_ref());
    let lobe_of = |i: f64| lobe_of(i).expect("every surface has a lobe");
    let edges = (0..surfaces.len()).flat_map(|i| {
        let reach = lobe_of(i as f64).table.reach;
        [0.0, 1e-300, reach / 256.0, reach * (1.0 - f64::EPSILON / 2.0), reach, 0.5, 1.0].map(|y| [i as f64, y])
    });
    let all = inputs(edges, 83, |n| {
        let i = (n.next() * surfaces.len() as f64).floor();
        [i, if n.next() < 0.5 { n.next() } else { n.next() * lobe_of(i).table.reach }]
    });
    device.exact("probe_normaliser", &[uploaded(device, &surfaces).get()], &all, |[i, y]| {
        let lobe = lobe_of(*i);
        let (area, q) = (normaliser(lobe, *y), (!lobe.table.furnace.is_empty()).then(|| furnace(lobe, *y)));
        let q = q.map_or([0.0; 3], |q| [q.root, q.by_cosine, q.by_log]);
        joined::<6>(&[&[area.area, area.by_cosine, area.by_log], &q])
    });
}

#[test]
fn densities_are_the_same() {
    let Some(device) = device() else { return };
    let surfaces = scattering_surfaces();
    let all = places(&surfaces, 84);
    let of = |x: &[f64; 10]| {
        let surface = &surfaces[x[0] as usize];
        (surface, surface.lobe.as_ref().expect("a lobe"), [1, 4, 7].map(|at| vec3(&x[at..])))
    };
    let bound = |x: &[f64; 10], expected: &[f64], k: usize| {
        let (surface, lobe, [k_i, n, k_s]) = of(x);
        let at = Directions::new(&k_i, &n, &k_s);
        let relative = match k {
            0 | 1 => part_bound(&surface.scattering.parts[0], &at),
            2 | 3 => pattern_bound(&surface.scattering, &at),
            _ => part_bound(&lobe.part, &at),
        };
        // Densities of sharp lobes are 1e11: what is left of them at e^-745 is still nothing.
        relative * expected[k] + 1e12 * f64::MIN_POSITIVE
    };
    let positive = std::cell::Cell::new(0);
    device.near("probe_density", &[uploaded(device, &surfaces).get()], &all, bound, |x| {
        let (Surface { scattering, .. }, lobe, [k_i, n, k_s]) = of(x);
        let (part, at) = (&scattering.parts[0], Directions::new(&k_i, &n, &k_s));
        let lobes = [lobe.density(&k_i, &n, &k_s), lobe.sample_density(&k_i, &n, &k_s)];
        positive.set(positive.get() + usize::from(lobes[0] > 1.0));
        let own = [part_density(part, &at), part_sample_density(part, &at)];
        list(&[&own, &[scattering.density(&k_i, &n, &k_s), scattering.sample_density(&k_i, &n, &k_s)], &lobes])
    });
    assert!(positive.get() > 500, "{} directions within a lobe", positive.get());
}

#[test]
fn fields_are_scattered_alike() {
    let Some(device) = device() else { return };
    let (surfaces, frequency) = (scattering_surfaces(), 28e9);
    let mut n = Numbers::new(85);
    let all: Vec<[f64; 17]> = places(&surfaces, 86)
        .iter()
        .enumerate()
        .map(|(i, x)| {
            let (size, k_i) = ([1.0, 1e-9, 0.0][i % 17 % 3], vec3(&x[1..]));
            let (u, v) = tangents_of(&k_i);
            let [a, b] = [0; 2].map(|_| C64::new(n.between(-size, size), n.between(-size, size)));
            let field = u.map(C64::from) * a + v.map(C64::from) * b;
            joined(&[x, &field_parts(&field), &[frequency]])
        })
        .collect();
    let of = |x: &[f64; 17]| (&surfaces[x[0] as usize], [1, 4, 7].map(|at| vec3(&x[at..])), field(&x[10..]));
    let bound = |x: &[f64; 17], _: &[f64], k: usize| {
        let (surface, [k_i, n, k_s], field) = of(x);
        let at = Directions::new(&k_i, &n, &k_s);
        let size = field.norm();
        // Of the reflected field, in parts of the incident one: at the wall, and at the plane half way.
        let reflected = |cos: f64| {
            let c = raylobe::interaction::fresnel::slab(surface.eta, cos, surface.thickness, frequency);
            4.0 * slab_bound(surface.eta, cos, surface.thickness, frequency, &parts_of(&c)) + AMPLITUDE * f64::EPSILON
        };
        let (cos, share) = (cos_incidence(&k_i, &n), diffuse_share(surface, cos_incidence(&k_i, &n), frequency));
        match k {
            0..6 => {
                let root = surface.scattering.density(&k_i, &n, &k_s).sqrt();
                let gain = reflected_share(&field, &k_i, &n, surface, frequency).sqrt();
                // A share that is the difference of near equals is exact to a few units of 1.
                let lost = 4.0 * f64::EPSILON / share.sqrt().max(2.0 * f64::EPSILON.sqrt());
                let own = gain * (lost + pattern_bound(&surface.scattering, &at) * share.sqrt());
                root * size * (reflected(cos) * share.sqrt() + own) + f64::MIN_POSITIVE.sqrt()
            }
            6..12 => {
                let turn = k_s - k_i;
                let half = if turn.norm() > 0.0 { turn / turn.norm() } else { n };
                let lobe = surface.lobe.as_ref().expect("a lobe");
                let root = lobe.density(&k_i, &n, &k_s).sqrt();
                root * size * (reflected(cos_incidence(&k_i, &half)) + part_bound(&lobe.part, &at))
                    + f64::MIN_POSITIVE.sqrt()
            }
            12 => 2.0 * reflected(cos),
            _ => 4.0 * f64::EPSILON,
        }
    };
    device.near("probe_scattered", &[uploaded(device, &surfaces).get()], &all, bound, |x| {
        let (surface, [k_i, n, k_s], field) = of(x);
        let fields = [diffuse, lobe].map(|scatter| field_parts(&scatter(&field, &k_i, &n, &k_s, surface, frequency)));
        let gain = reflected_share(&field, &k_i, &n, surface, frequency);
        list(&[fields.as_flattened(), &[gain, diffuse_share(surface, cos_incidence(&k_i, &n), frequency)]])
    });
}

/// By how much a direction that was drawn may be off [-].
fn drawn_bound(part: &Part, u1: f64, u2: f64) -> f64 {
    let mass = |lobe: &Option<SingleLobe>, share| lobe.as_ref().map_or(0.0, |lobe| share * lobe.table.full);
    let (forward, backward) = (mass(&part.forward, part.forward_share), mass(&part.backward, 1.0 - part.forward_share));
    let lobe = if u1 * (forward + backward) < forward { &part.forward } else { &part.backward };
    // Two tangents, a sine and a cosine: each within a few units.
    let turned = 4.0 * each::<1>(EXPONENTIAL)(&[0.0], &[1.0], 0);
    let Some(lobe) = lobe else { return turned };
    let off = off_at(lobe.shape, lobe.sharpness, u2);
    let moved = off_bound(lobe.shape, lobe.sharpness, u2, off) / off.max(f64::EPSILON / lobe.sharpness).sqrt();
    turned * (1.0 + off.sqrt()) + 2.0 * moved
}

#[test]
fn directions_are_drawn_alike() {
    let Some(device) = device() else { return };
    let surfaces = scattering_surfaces();
    let edges = (0..surfaces.len()).flat_map(|i| {
        [[0.0; 3], [1.0 - f64::EPSILON, 0.3, 0.0], [0.5, 0.0, 0.99], [0.3, unit_most(), 0.5]].map(|u| {
            let k_i = Vec3::new(0.6, 0.0, -0.8);
            joined(&[&[i as f64], k_i.as_slice(), Vec3::z().as_slice(), &u])
        })
    });
    let all: Vec<[f64; 10]> = inputs(edges, 87, |n| {
        let i = (n.next() * surfaces.len() as f64).floor();
        let cos = n.next();
        let place = scattered(n, cos, 1.0);
        joined(&[&[i], &place[..6], &[n.next(), n.next(), n.next()]])
    });
    let (mut lost, mut kept) = (0, 0);
    let twin = |x: &[f64; 10]| {
        let (surface, k_i, n) = (&surfaces[x[0] as usize], vec3(&x[1..]), vec3(&x[4..]));
        let whole = draw(&surface.scattering.parts[0], &k_i, &n, x[7], x[8], x[9]);
        let own = surface.scattering.sample(&k_i, &n, x[7], x[8], x[9]);
        let lobe = surface.lobe.as_ref().and_then(|lobe| lobe.sample(&k_i, &n, x[8], x[9]));
        let flat = |d: raylobe::interaction::scattering::Drawn| [d.k_s.x, d.k_s.y, d.k_s.z, d.density];
        // Of a direction that is lost the twin tells nothing but that.
        let [own, lobe] = [own, lobe].map(|drawn| drawn.map_or([f64::NAN, f64::NAN, f64::NAN, 0.0], flat));
        list(&[whole.as_slice(), &own, &lobe])
    };
    device.compare("probe_sample", &[uploaded(device, &surfaces).get()], &all, twin, |what, x, found, expected| {
        let (surface, k_i, n) = (&surfaces[x[0] as usize], vec3(&x[1..]), vec3(&x[4..]));
        let lobe = surface.lobe.as_ref().expect("a lobe");
        let first = &surface.scattering.parts[0];
        let away = |part, u1| drawn_bound(part, u1, x[8]);
        // Which part of a mixture was drawn the twin does not tell: the widest bound holds for each.
        let widest = |u1: f64| surface.scattering.parts.iter().map(|part| away(part, u1)).fold(0.0, f64::max);
        let mixed = widest(0.0).max(widest(1.0));
        for k in 0..3 {
            assert!((found[k] - expected[k]).abs() <= away(first, x[7]), "{what}: {found:?} {expected:?}");
        }
        for (from, bound) in [(3, mixed), (7, away(&lobe.part, 0.0))] {
            let (k_s, density) = (vec3(&found[from..]), found[from + 3]);
            let at = Directions::new(&k_i, &n, &k_s);
            if at.cos_s.abs() < HORIZON.max(bound) {
                continue;
            }
            if expected[from + 3] == 0.0 {
                // Lost, or so far off the axis that the density is 0: on both.
                assert!(density == 0.0, "{what}: {found:?} {expected:?}");
                lost += 1;
                continue;
            }
            kept += 1;
            let off = (k_s - vec3(&expected[from..])).amax();
            assert!(off <= bound, "{what}: {off:e} beyond {bound:e}, {found:?} {expected:?}");
            // The density is the twin's of the very direction that the device has drawn.
            let (twin, relative) = match from {
                3 => (surface.scattering.sample_density(&k_i, &n, &k_s), pattern_bound(&surface.scattering, &at)),
                _ => (lobe.sample_density(&k_i, &n, &k_s), part_bound(&lobe.part, &at)),
            };
            assert!((density - twin).abs() <= relative * twin, "{what}: {density:e} {twin:e}");
        }
    });
    assert!(lost > 100 && kept > 1000, "{lost} lost, {kept} kept");
}

/// The largest number that random bits make.
fn unit_most() -> f64 {
    raylobe::math::random::unit_interval(u32::MAX)
}
