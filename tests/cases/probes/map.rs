//! Probes of cuda/map, and of the sums that do not depend on order, cuda/math/fixed.cuh.

use super::math::{random_direction, some_directions};
use super::{Device, Numbers, complex, device, field_parts, inputs, joined, list, vec3};
use crate::scattering_parity::{map_radios, with_lobes, yard};
use crate::support::build;
use cudarc::driver::CudaSlice;
use raylobe::backend::cuda::{MapRecord, Resident};
use raylobe::geometry::Geometry;
use raylobe::geometry::simd::Scalar;
use raylobe::geometry::traverse::closest_hit;
use raylobe::geometry::triangle::Ray;
use raylobe::layout::{FIXED_WORDS, ForwardAt, Hit, NONE, WAVE_WORDS};
use raylobe::map::fed::Fed;
use raylobe::map::forward::{Deposit, Forward, Lots, Purpose, Sight};
use raylobe::map::grid::Sheet;
use raylobe::map::target::Screen;
use raylobe::map::way::{How, Turn, Way};
use raylobe::math::frame::{rotation_of, tangents_of};
use raylobe::math::{C64, CVec3, Vec3};
use raylobe::path::field::End;
use raylobe::scene::description::LobeDescription;
use raylobe::scene::material::Surface;
use raylobe::scene::radio::Radio;

const FREQUENCY: f64 = 28e9;
/// A sum's last digit: numbers are cut to multiples of it.
const LAST: f64 = 1.0 / (1u128 << 96) as f64;
/// The smallest number that sums do not take.
const LIMIT: f64 = (1u64 << 55) as f64;
/// Relative error of a power or a field of some hundred operations, two libraries' sines and exponentials among them, at
/// lobes of a concentration of some hundreds.
const POWER: f64 = 1e-12;
/// The same of a direction or a length.
const PLACE: f64 = 1e-13;
/// Numbers of a wave and of a point of the sheet, as probes write them.
const WAVE: usize = 21;
const SIGHT: usize = 10;

/// A number cut to a multiple of [`LAST`], as so many of them.
fn cut(x: f64) -> i128 {
    assert!(x.abs() < (1u32 << 31) as f64, "within i128");
    // The cast cuts towards 0.
    (x * (1u128 << 96) as f64) as i128
}

#[test]
fn numbers_are_cut_to_the_last_digit_of_sums() {
    let Some(device) = device() else { return };
    let edges = [0.0, -0.0, 1.0, -1.0, LAST, -LAST, 0.9 * LAST, 1.5 * LAST, -1.5 * LAST, 1e-300, 4_294_967_296.0];
    let wide = [3e9, -3e9, 36_028_797_018_963_967.0, -36_028_797_018_963_967.0, 0.1, 1.0 - f64::EPSILON / 2.0];
    let random = |n: &mut Numbers| [n.between(-1.0, 1.0) * libm::exp2(n.between(-100.0, 55.0).floor())];
    let all = inputs(edges.into_iter().chain(wide).map(|x| [x]), 91, random);
    device.exact("probe_fixed_of", &[], &all, |[x]| {
        // Beyond i128 no digit is behind the last one.
        let cut = if x.abs() < 1e9 { cut(*x) as f64 * LAST } else { *x };
        // Zero has no sign.
        [cut + 0.0]
    });
}

#[test]
fn sums_are_exact_whatever_their_order() {
    in_map(true, |device, _, at| {
        let at = ForwardAt { units: [1.0; 3], ..*at };
        sums_are_exact(device, &at);
    });
}

fn sums_are_exact(device: &Device, at: &ForwardAt) {
    const CELLS: usize = 5;
    // Numbers of all sizes and both signs, so that words run over, upwards and downwards.
    let all: Vec<[f64; 3]> = inputs([], 92, |n| {
        let cell = (n.next() * CELLS as f64).floor();
        let gain = n.between(-1.0, 1.0) * libm::exp2(n.between(-99.0, 12.0).floor());
        [cell, gain, n.between(-3.0, 3.0)]
    });
    let words = CELLS * 3 * FIXED_WORDS as usize;
    let sums = device.upload(&vec![0u64; words]);
    device.exact("probe_add_deposit", &[at, &sums, &device.upload(&vec![0u32; all.len()])], &all, |_| [0.0]);
    let mut expected = [0i128; CELLS * 3];
    for [cell, gain, excess] in &all {
        let moments = [*gain, gain * excess, gain * excess * excess];
        (0..3).for_each(|k| expected[*cell as usize * 3 + k] += cut(moments[k]));
    }
    let found = device.cuda.stream().clone_dtoh(&sums).expect("copied");
    for (place, expected) in expected.iter().enumerate() {
        let own = &found[place * 3..place * 3 + 3];
        let low = i128::from(own[0]) | (i128::from(own[1]) << 64);
        // The sign fills the highest word.
        let high = if *expected < 0 { u64::MAX } else { 0 };
        assert_eq!((low, own[2]), (*expected, high), "sum {place}");
    }
    let places: Vec<[f64; 1]> = (0..expected.len()).map(|place| [place as f64]).collect();
    let bound = |_: &[f64; 1], expected: &[f64], _: usize| 2.0 * f64::EPSILON * expected[0].abs();
    device.near("probe_value_of", &[&sums], &places, bound, |[place]| [expected[*place as usize] as f64 * LAST]);
    // What sums cannot hold is told.
    let beyond = [[0.0, 1e17, 0.0], [0.0, f64::NAN, 1.0], [0.0, f64::INFINITY, 1.0], [1.0, 1e10, 1e4]];
    device.exact("probe_add_deposit", &[at, &sums, &device.upload(&[0u32; 4])], &beyond, |[_, gain, excess]| {
        let moments = [*gain, gain * excess, gain * excess * excess];
        let is_lost = |moment: &&f64| moment.is_nan() || moment.abs() >= LIMIT;
        [moments.iter().filter(is_lost).count() as f64]
    });
}

#[test]
fn long_words_are_added_up_once_each() {
    let Some(device) = device() else { return };
    let total = device.upload(&[u64::from(u32::MAX)]);
    let mut before = device.run("probe_atomic_add_long", &[&total], &[[3.0]; 5000], 2);
    let halves = before.as_chunks_mut::<2>().0;
    let mut places: Vec<u64> = halves.iter().map(|[high, low]| ((*high as u64) << 32) + *low as u64).collect();
    places.sort_unstable();
    assert!(places.iter().enumerate().all(|(i, place)| *place == u64::from(u32::MAX) + 3 * i as u64));
}

/// Calls `check` with a map of the yard with lobes, whose radios may be weighted, and with what kernels know of it.
fn in_map(weighted: bool, check: impl Fn(&Device, &Forward, &ForwardAt)) {
    let Some(device) = device() else { return };
    let scene = build::checked(&with_lobes(yard(false), LobeDescription::von_mises_fisher(100.0)));
    let surfaces: Vec<Surface> = scene.materials.iter().map(|m| m.at(FREQUENCY).expect("defined").0).collect();
    let sheet = Sheet::about(&Vec3::new(1.0, 0.5, 2.5), [24.0, 18.0], [2.0, 1.5], &rotation_of([0.4, 0.1, -0.15]));
    let (geometry, radios) = (Geometry::new(&scene), map_radios(weighted));
    let [sender, receiver] = [&radios.transmitters[0], &radios.receivers[0]];
    let ends = [sender, receiver].map(|radio| End::new(&radios, radio));
    let sheet = Sheet { corner: sheet.corner - scene.origin, ..sheet };
    let forward = Forward {
        geometry: &geometry,
        surfaces: &surfaces,
        screen: Screen::new(&sheet),
        frequency: FREQUENCY,
        max_depth: 3,
        specular: true,
        diffuse: true,
        lobe: true,
        source: Fed { end: &ends[0], weights: weights_of(sender) },
        receiver: Fed { end: &ends[1], weights: weights_of(receiver) },
        position: sender.position - scene.origin,
    };
    let resident = Resident::new(&device.cuda, &geometry).expect("the scene fits");
    let mut record = MapRecord::default();
    let at = record.place(&device.cuda, &resident, &forward).expect("the map fits");
    check(device, &forward, &at);
}

fn weights_of(radio: &Radio) -> Option<&[C64]> {
    radio.weights.as_deref()
}

#[test]
fn cells_are_where_they_are() {
    in_map(true, |device, forward, at| {
        let sheet = forward.screen.sheet;
        let [u, v] = sheet.cells.map(|n| n as f64);
        let corners = [[0.0, 0.0], [u, 0.0], [0.0, v], [u, v], [u / 2.0, v - 1e-12], [-1e-12, 1.0]];
        let place = |[u, v]: [f64; 2]| joined(&[&[u, v], sheet.at(u, v).as_slice()]);
        let all: Vec<[f64; 5]> =
            inputs(corners.map(place), 93, |n| place([n.between(-1.0, u + 1.0), n.between(-1.0, v + 1.0)]));
        device.exact("probe_sheet", &[at], &all, |x| {
            let cell = sheet.cell_at(&vec3(&x[2..])).unwrap_or(NONE);
            list(&[sheet.at(x[0], x[1]).as_slice(), &[f64::from(cell)]])
        });
    });
}

#[test]
fn interactions_have_the_same_random_numbers() {
    let Some(device) = device() else { return };
    let most = f64::from(u32::MAX);
    let random = |n: &mut Numbers| [0; 4].map(|_| (n.next() * 4_294_967_296.0).floor().min(most));
    // Key, ray, and the depth twice: the branch is the depth.
    let small = |n: &mut Numbers| joined(&[&random(n), &[n.between(0.0, 9.0).floor(); 2]]);
    device.exact("probe_words_of", &[], &inputs([[0.0; 6], [most, most, most, most, 3.0, 3.0]], 94, small), |x| {
        let [low, high] = [2, 3].map(|at| x[at] as u64);
        let lots = Lots { key: [x[0] as u32, x[1] as u32], ray: high << 32 | low };
        let words = [Purpose::Turn, Purpose::Sight].map(|purpose| lots.words(x[4] as u32, purpose));
        words.as_flattened().iter().map(|w| f64::from(*w)).collect::<Vec<_>>()
    });
}

/// The numbers of the wave on a way's last leg, all legs before it being sound.
fn numbers_of(forward: &Forward, way: &Way, ray: u64) -> [f64; WAVE] {
    let (leg, last) = (way.turns.len(), way.turns.last());
    let is = |what: &dyn Fn(&Turn) -> bool| u32::from(last.is_some_and(what));
    let ends = is(&|turn| turn.how == How::Lobe);
    let state = is(&|turn| turn.counts) + 2 * is(&|turn| turn.scattered) + 4 * ends;
    let state = state + 8 * u32::from(way.corner().is_some());
    let density = last.filter(|turn| turn.density > 0.0).map_or(0.0, |turn| turn.density / turn.look);
    joined(&[
        way.origin(leg).as_slice(),
        way.k(leg).as_slice(),
        &field_parts(&way.clone().field(forward, leg)),
        &[last.map_or(0.0, |turn| turn.length), density, ray as f64],
        &[f64::from(way.skip(leg)), f64::from(way.depth()), f64::from(state)],
        way.corner().unwrap_or_default().as_slice(),
    ])
}

/// By how much the numbers of a wave may be off.
fn wave_bound(expected: &[f64], k: usize) -> f64 {
    match k {
        0..3 | 12 | 18..21 => PLACE * (1.0 + expected[k].abs()),
        3..6 => PLACE,
        6..12 => POWER * (6..12).map(|k| expected[k].abs()).fold(0.0, f64::max),
        13 => POWER * expected[k],
        _ => 0.0,
    }
}

#[test]
fn weighted_radios_send_and_hear_alike() {
    for weighted in [true, false] {
        in_map(weighted, |device, forward, at| {
            let edges =
                some_directions().into_iter().map(|k| joined(&[k.as_slice(), &[1.0, 0.0, 0.0, 1.0, -0.5, 0.3]]));
            let all: Vec<[f64; 9]> = inputs(edges, 95, |n| {
                let k = random_direction(n);
                let (u, v) = tangents_of(&k);
                let [a, b] = [0; 2].map(|_| C64::new(n.between(-1.0, 1.0), n.between(-1.0, 1.0)));
                joined(&[k.as_slice(), &field_parts(&(u.map(C64::from) * a + v.map(C64::from) * b))])
            });
            // Ports may cancel: bounds are those of their sum of moduli, 2.5 each at the most, of four ports.
            let bound = |_: &[f64; 9], expected: &[f64], k: usize| match k {
                0..6 => 10.0 * POWER,
                k if (6..6 + WAVE).contains(&k) => {
                    if (12..18).contains(&k) {
                        10.0 * POWER
                    } else {
                        wave_bound(&expected[6..], k - 6)
                    }
                }
                _ => 100.0 * POWER,
            };
            device.near("probe_radios", &[at], &all, bound, |x| {
                let (k, field) = (vec3(x), CVec3::new(complex(&x[3..]), complex(&x[5..]), complex(&x[7..])));
                let sent = forward.source.transmitted(&k, FREQUENCY);
                let heard = forward.receiver.received(&k, &field, FREQUENCY);
                list(&[&field_parts(&sent), &numbers_of(forward, &begun(forward, k), 0), &[heard]])
            });
        });
    }
}

/// A way that begins in direction `k`.
fn begun(forward: &Forward, k: Vec3) -> Way {
    let mut way = Way::new(forward.position);
    way.begin(k);
    way
}

/// What becomes of a wave that meets a surface: waves, and points of the sheet with what is left there.
fn met<'a>(forward: &'a Forward, way: &Way, hit: &Hit, lots: &Lots) -> (Vec<Way>, Vec<(Sight<'a>, Deposit)>) {
    let (mut ways, mut sights) = (Vec::new(), Vec::new());
    let has_ended = way.turns.last().is_some_and(|turn| turn.how == How::Lobe) || way.depth() == forward.max_depth;
    if hit.triangle == NONE || has_ended {
        return (ways, sights);
    }
    for turn in forward.turns(way, (hit.triangle, hit.patch, f64::from(hit.t)), lots).into_iter().flatten() {
        let mut way = way.clone();
        way.push(turn);
        if way.is_sound(forward.geometry) {
            let sight = forward.sight(&way, lots);
            sights.extend(sight.and_then(|sight| forward.seen(&mut way, &sight).map(|deposit| (sight, deposit))));
            ways.extend(turn.goes_on().then_some(way));
        }
    }
    (ways, sights)
}

/// Waves on their way through the map and what they meet, as the CPU follows them; [`Hit::triangle`] is [`NONE`] where that
/// is nothing.
fn flown(forward: &Forward, key: [u32; 2]) -> Vec<(Way, u64, Hit)> {
    let (mut n, mut all) = (Numbers::new(96), Vec::new());
    for ray in 0..1500 {
        let mut next = vec![begun(forward, random_direction(&mut n))];
        while let Some(way) = next.pop() {
            let leg = way.turns.len();
            let ray_of = Ray::from_f64(&way.origin(leg), &way.k(leg));
            let hit = closest_hit::<Scalar>(&forward.geometry.bvh, &ray_of, way.skip(leg));
            let hit = hit.unwrap_or(Hit { t: f32::MAX, triangle: NONE, patch: NONE });
            next.extend(met(forward, &way, &hit, &Lots { key, ray }).0);
            all.push((way, ray, hit));
        }
    }
    all
}

/// Waves as they lie in the device's memory.
fn uploaded(device: &Device, forward: &Forward, waves: &[(Way, u64, Hit)]) -> CudaSlice<u64> {
    let words = |(way, ray, _): &(Way, u64, Hit)| -> [u64; WAVE_WORDS as usize] {
        let numbers = numbers_of(forward, way, *ray);
        let mut words = [0; WAVE_WORDS as usize];
        (0..14).for_each(|k| words[k] = numbers[k].to_bits());
        words[14] = *ray;
        words[15] = u64::from(way.skip(way.turns.len())) | u64::from(way.depth()) << 32;
        words[16] = numbers[17] as u64;
        (0..3).for_each(|k| words[17 + k] = numbers[18 + k].to_bits());
        words
    };
    device.upload(waves.iter().map(words).collect::<Vec<_>>().as_flattened())
}

#[test]
fn waves_leave_the_same_on_the_sheet() {
    in_map(true, |device, forward, at| {
        let waves = flown(forward, [5, 6]);
        let on_device = uploaded(device, forward, &waves);
        let reach = |hit: &Hit| if hit.triangle == NONE { f64::INFINITY } else { f64::from(hit.t) };
        let all: Vec<[f64; 2]> = waves.iter().enumerate().map(|(i, (_, _, hit))| [i as f64, reach(hit)]).collect();
        let left = |x: &[f64; 2]| {
            let mut way = waves[x[0] as usize].0.clone();
            let crossing = forward.crossing(&way).filter(|crossing| crossing.distance < x[1])?;
            forward.deposit(&mut way, &crossing)
        };
        let some = all.iter().filter(|x| left(x).is_some()).count();
        assert!(some > 200, "{some} of {} waves cross the sheet", all.len());
        let bound = |_: &[f64; 2], expected: &[f64], k: usize| match k {
            0 => 0.0,
            1 => POWER * expected[k],
            _ => PLACE * 1e3,
        };
        device.near("probe_deposit", &[at, &on_device], &all, bound, |x| {
            let Deposit { cell, gain, excess } = left(x).unwrap_or(Deposit { cell: NONE, gain: 0.0, excess: 0.0 });
            [f64::from(cell), gain, excess]
        });
    });
}

#[test]
fn waves_that_meet_a_surface_go_on_alike() {
    in_map(false, |device, forward, at| {
        let key = [7, 8];
        let waves: Vec<_> = flown(forward, key).into_iter().filter(|(_, _, hit)| hit.triangle != NONE).collect();
        let hits: Vec<Hit> = waves.iter().map(|(_, _, hit)| *hit).collect();
        let (on_device, hits) = (uploaded(device, forward, &waves), device.upload(&hits));
        let all: Vec<[f64; 3]> = (0..waves.len()).map(|i| [i as f64, f64::from(key[0]), f64::from(key[1])]).collect();
        let seen = |(sight, deposit): &(Sight, Deposit)| -> [f64; SIGHT] {
            let Deposit { cell, gain, excess } = *deposit;
            joined(&[
                sight.from.as_slice(),
                sight.to.as_slice(),
                &[gain, excess, f64::from(sight.skip), f64::from(cell)],
            ])
        };
        let counts = std::cell::Cell::new([0; 5]);
        let twin = |x: &[f64; 3]| {
            let (way, ray, hit) = &waves[x[0] as usize];
            let (ways, sights) = met(forward, way, hit, &Lots { key, ray: *ray });
            let mut out = vec![ways.len() as f64, sights.len() as f64];
            ways.iter().for_each(|way| out.extend(numbers_of(forward, way, *ray)));
            out.resize(2 + 2 * WAVE, 0.0);
            sights.iter().for_each(|sight| out.extend(seen(sight)));
            out.resize(2 + 2 * WAVE + 2 * SIGHT, 0.0);
            let by = |how| ways.iter().filter(|way| way.turns.last().is_some_and(|turn| turn.how == how)).count();
            let [lobes, diffuse, reflected] = [How::Lobe, How::Diffuse, How::Specular].map(by);
            let found = [lobes, diffuse, reflected, sights.len(), usize::from(out[0] == 0.0)];
            counts.set(std::array::from_fn(|k| counts.get()[k] + found[k]));
            out
        };
        let bound = |_: &[f64; 3], expected: &[f64], k: usize| match k {
            0 | 1 => 0.0,
            k if k < 2 + 2 * WAVE => wave_bound(&expected[2 + (k - 2) / WAVE * WAVE..], (k - 2) % WAVE),
            _ => match (k - 2 - 2 * WAVE) % SIGHT {
                0..6 => 1e3 * PLACE,
                6 => POWER * expected[k],
                7 => 1e3 * PLACE,
                _ => 0.0,
            },
        };
        device.near("probe_met", &[at, &on_device, &hits], &all, bound, twin);
        assert!(counts.get().iter().all(|count| *count > 100), "{:?}", counts.get());
    });
}
