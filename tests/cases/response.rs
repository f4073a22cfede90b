//! CFR and band-limited taps against those of a peer.

use crate::support::truth_files::{Case, Response};
use crate::support::worse;
use ndarray::ArrayD;
use num_complex::Complex;
use raylobe::channel::impulse::{TapWindow, taps};
use raylobe::channel::response::frequency_response;
use raylobe::channel::{Delays, Link};
use raylobe::math::C64;
use raylobe::solve::Solution;

/// Error of a CFR value or tap, relative to the largest of its port pair [-]: the peer's phases 2 pi f tau are f32
/// products, which is some 1e-3 rad at the offsets of the cases.
const RELATIVE: f64 = 3e-3;
/// The peer's taps: bandwidth [Hz], first, last.
const WINDOW: (f64, i32, i32) = (100e6, -6, 100);

/// Adds a fault for every value of the peer that the engine does not meet.
pub fn compare(case: &Case, peer: &Response, solution: &Solution, faults: &mut Vec<String>) {
    let window = TapWindow::new(WINDOW.0, WINDOW.1, WINDOW.2).expect("the peer's window is valid");
    let transmitters = case.radios.transmitters.len();
    for index in 0..solution.paths.links() {
        let link = Link::new(&case.radios, &solution.paths, &solution.channel, index);
        let (rx, tx) = (index / transmitters, index % transmitters);
        let cfr = frequency_response(&link, 0, &peer.frequencies, Delays::Absolute);
        compare_ports(&format!("cfr {rx}-{tx}"), &link, &cfr, &peer.cfr, [rx, tx], faults);
        let own_taps = taps(&link, 0, &window, Delays::FromFirst);
        compare_ports(&format!("taps {rx}-{tx}"), &link, &own_taps, &peer.taps, [rx, tx], faults);
    }
}

fn compare_ports(
    what: &str,
    link: &Link,
    own: &[C64],
    peer: &ArrayD<Complex<f32>>,
    [rx, tx]: [usize; 2],
    faults: &mut Vec<String>,
) {
    let (rows, columns) = (link.receiver_ports(), link.transmitter_ports());
    assert_eq!([rows, columns], [peer.shape()[1], peer.shape()[3]], "{what}: ports");
    let count = own.len() / (rows * columns);
    assert_eq!(count, *peer.shape().last().expect("six axes"), "{what}: values");
    for (r, t) in (0..rows).flat_map(|r| (0..columns).map(move |t| (r, t))) {
        let theirs = |k: usize| peer[[rx, r, tx, t, 0, k]];
        let wide = |k: usize| C64::new(theirs(k).re.into(), theirs(k).im.into());
        let largest = (0..count).map(|k| wide(k).norm()).fold(0.0, f64::max);
        let error = (0..count).map(|k| (own[(r * columns + t) * count + k] - wide(k)).norm()).fold(0.0, worse);
        if error.is_nan() || error > RELATIVE * largest {
            faults.push(format!("{what}, ports {r} and {t}: {error:.2e} of {largest:.2e}"));
        }
    }
}
