//! `scenes/coverage`: the map of a city holds what its `expected.json` says, and its own parts fit together.

use super::{raylobe, text};
use ndarray::{Array0, Array2, Array3};
use ndarray_npy::NpzReader;
use serde_json::Value;
use std::path::Path;

/// Sums and quotients of the same numbers.
const ROUNDING: f64 = 1e-12;

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= ROUNDING * expected.abs()
}

#[test]
fn the_coverage_job_meets_its_expected_cells() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes/coverage");
    let expected = std::fs::read_to_string(folder.join("expected.json")).expect("part of the repository");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let out = tempfile::tempdir().expect("a temporary folder");
    let out_name = out.path().to_str().expect("a name in UTF-8");
    let output = raylobe(&folder, &["run", "job.toml", "--quiet", "--device", "cpu", "--out", out_name]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut map =
        NpzReader::new(std::fs::File::open(out.path().join("map.npz")).expect("written")).expect("an archive");
    let gain: Array3<f64> = map.by_name("path_gain").expect("gains");
    let rss: Array3<f64> = map.by_name("rss_w").expect("received powers");
    let sinr: Array3<f64> = map.by_name("sinr").expect("SINR");
    let best: Array2<i64> = map.by_name("best_server").expect("servers");
    let centre: Array3<f64> = map.by_name("cell_centers_m").expect("cells");
    let noise: Array0<f64> = map.by_name("noise_w").expect("noise");
    let number = |value: &Value| value.as_f64().expect("a number");

    let record = std::fs::read_to_string(out.path().join("record.json")).expect("written");
    let record: Value = serde_json::from_str(&record).expect("JSON");
    assert_eq!(record["sizes"]["triangles"], expected["scene"]["triangles"]);
    assert!(near(noise[()], number(&expected["noise_w"])), "{noise}");
    let cells = expected["cells"].as_array().expect("cells");
    assert!(cells.len() > 30, "{} cells", cells.len());
    for cell in cells {
        let place = |key: &str| cell[key].as_u64().expect("a whole number") as usize;
        let (u, v) = (place("u"), place("v"));
        for axis in 0..3 {
            let position = number(&cell["position_m"][axis]);
            assert!((centre[[v, u, axis]] - position).abs() < 1e-9, "cell {u}, {v} is not at {cell}");
        }
        let (found, slack) = (gain[[0, v, u]], number(&expected["tolerance"]["path_gain"]));
        let [least, most] = ["at_least", "at_most"].map(|key| number(&cell[key]));
        assert!(found >= least * (1.0 - slack) && found <= most * (1.0 + slack), "{found:e} at {cell}");
    }

    let powers: Vec<f64> = expected["power_w"].as_array().expect("powers").iter().map(number).collect();
    let mut reached = 0;
    for ((v, u), server) in best.indexed_iter() {
        let own: Vec<f64> = (0..powers.len()).map(|tx| rss[[tx, v, u]]).collect();
        let all: f64 = own.iter().sum();
        for (tx, power) in powers.iter().enumerate() {
            assert!(near(own[tx], gain[[tx, v, u]] * power), "RSS of {tx} at {u}, {v}");
            // The others are what is left of the sum: its rounding, where one transmitter has it all.
            let (found, expected) = (sinr[[tx, v, u]], own[tx] / (noise[()] + (all - own[tx])));
            let rounding = (ROUNDING * all / noise[()]).max(ROUNDING);
            assert!(
                (found / expected.max(f64::MIN_POSITIVE) - 1.0).abs() <= rounding || found == expected,
                "SINR of {tx} at {u}, {v}"
            );
        }
        let largest = own.iter().copied().fold(0.0, f64::max);
        match usize::try_from(*server) {
            Ok(server) => assert!(own[server] == largest && largest > 0.0, "server {server} at {u}, {v}"),
            Err(_) => assert_eq!(largest, 0.0, "no server at {u}, {v}"),
        }
        reached += usize::from(largest > 0.0);
    }
    assert!(reached > 1000, "{reached} cells are reached");
}
