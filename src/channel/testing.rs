//! Small channels with known answers, for the tests of this floor.

use super::{Channel, ChannelBar, Link};
use crate::constants::SPEED_OF_LIGHT;
use crate::math::difference::slope;
use crate::math::{C64, Vec3};
use crate::path::{ALL_ELEMENTS, Interaction, Paths};
use crate::scene::antenna::{Antenna, AntennaDescription};
use crate::scene::radio::{Radio, Radios};
use std::f64::consts::FRAC_PI_2;

/// A link with all that it refers to.
pub struct Case {
    radios: Radios,
    paths: Paths,
    channel: Channel,
}

impl Case {
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    pub fn link(&self) -> Link<'_> {
        Link::new(&self.radios, &self.paths, &self.channel, 0)
    }
}

/// Holds the adjoint of a loss of the link of two paths against differences: of coefficients, lengths and the carrier.
pub fn check_adjoint(loss: impl Fn(&Link) -> f64, adjoint: impl Fn(&Link, &mut ChannelBar, &mut f64)) {
    let case = || {
        let mut case = two_paths();
        (case.channel.a[0], case.channel.a[1]) = (C64::new(0.8, -0.3), C64::new(0.2, 0.4));
        case
    };
    let (mut bar, mut carrier_bar) = (ChannelBar::zeros(&case().channel), 0.0);
    adjoint(&case().link(), &mut bar, &mut carrier_bar);
    let check = |what: &str, found: f64, scale: f64, change: &dyn Fn(&mut Case, f64)| {
        let moved = |h: f64| {
            let mut case = case();
            change(&mut case, h * scale);
            loss(&case.link())
        };
        let (_, expected) = slope([1e-2, 5e-3], moved);
        assert!(
            (found * scale - expected).abs() < 1e-8 * (1.0 + expected.abs()),
            "{what}: {} {expected}",
            found * scale
        );
    };
    for path in 0..2 {
        check("Re a", bar.a[path].re, 1.0, &|case, h| case.channel.a[path].re += h);
        check("Im a", bar.a[path].im, 1.0, &|case, h| case.channel.a[path].im += h);
        // A radian of the carrier is 2 mm.
        check("length", bar.tau[path] / SPEED_OF_LIGHT, 1e-3, &|case, h| {
            case.paths.length[path] += h;
            case.channel.tau[path] += h / SPEED_OF_LIGHT;
        });
    }
    check("carrier", carrier_bar, 1e5, &|case, h| case.channel.carriers[0] += h);
}

pub fn no_paths() -> Case {
    case(0)
}

pub fn one_path() -> Case {
    case(1)
}

/// A direct path of 30 m and amplitude 1 at azimuth 0, a reflection of 60 m and amplitude 1/2 at azimuth 90 degrees.
pub fn two_paths() -> Case {
    case(2)
}

fn case(count: usize) -> Case {
    let radio = Radio {
        name: "a".into(),
        position: Vec3::zeros(),
        orientation: [0.0; 3],
        velocity: Vec3::zeros(),
        power: 1.0,
        antenna: 0,
        weights: None,
    };
    let antenna = Antenna::new("a", &AntennaDescription::default(), 0.01).unwrap();
    let take = |values: [f64; 2]| values[..count].to_vec();
    let length = take([30.0, 60.0]);
    Case {
        radios: Radios { antennas: vec![antenna], transmitters: vec![radio.clone()], receivers: vec![radio] },
        paths: Paths {
            transmitters: 1,
            receivers: 1,
            offsets: vec![0, count as u64],
            vertex_offsets: [0, 0, 1][..=count].to_vec(),
            length: length.clone(),
            departure: vec![Vec3::x(); count],
            arrival: vec![Vec3::x(); count],
            transmitter_element: vec![ALL_ELEMENTS; count],
            receiver_element: vec![ALL_ELEMENTS; count],
            area: vec![0.0; count.saturating_sub(1)],
            distance: vec![0.0; count.saturating_sub(1)],
            interaction: vec![Interaction::Reflection; count.saturating_sub(1)],
            ..Paths::default()
        },
        channel: Channel {
            carriers: vec![28e9],
            a: take([1.0, 0.5]).into_iter().map(C64::from).collect(),
            a_offsets: (0..=count as u64).collect(),
            tau: length.iter().map(|l| l / SPEED_OF_LIGHT).collect(),
            theta_t: vec![FRAC_PI_2; count],
            phi_t: take([0.0, FRAC_PI_2]),
            theta_r: vec![FRAC_PI_2; count],
            phi_r: take([0.0, FRAC_PI_2]),
            doppler: vec![0.0; count],
        },
    }
}
