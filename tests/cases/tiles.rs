//! Receivers in tiles: the same bytes whatever the size of a tile, and whatever is kept between them.

use crate::support::accept;
use crate::support::build::{self, Numbers};
use raylobe::channel::Channel;
use raylobe::io::job::{self, Job};
use raylobe::io::results::{Results, Tiling, Written};
use raylobe::path::Paths;
use raylobe::path::counters::Counters;
use raylobe::progress::Silent;
use raylobe::solve::{Engine, Solution, Tile};
use std::path::Path;

/// A city of boxes, two transmitters of which one has an array traced element by element, 23 receivers.
fn job_in(folder: &Path) -> Job {
    let mut numbers = Numbers::new(5);
    let mut text = String::from(
        "carrier_ghz = [3.5, 28.0]\n[scene]\ngenerate = { kind = \"boxes\", seed = 3 }\n\
         [antennas.array]\narray = { rows = 1, columns = 2 }\nper_element = true\n\
         [[transmitters]]\nposition_m = [0.0, 0.0, 40.0]\n\
         [[transmitters]]\nposition_m = [12.0, -7.0, 35.0]\nantenna = \"array\"\n\
         [solver]\nmax_depth = 2\nrays = 4000\n\
         [output]\ndir = \"out\"\nbandwidth_mhz = 100\nsubcarriers = 4\ntaps = [-1, 2]\npicture = true\n",
    );
    for _ in 0..23 {
        let [x, y, z] = [numbers.between(-60.0, 60.0), numbers.between(-60.0, 60.0), numbers.between(1.0, 45.0)];
        text += &format!("[[receivers]]\nposition_m = [{x}, {y}, {z}]\n");
    }
    let file = folder.join("job.toml");
    let description = job::parse(&text, &file).expect("the test's job is written well");
    Job::new(description, &file).expect("the test's job is valid")
}

fn engine_of(job: &Job) -> Engine<'_> {
    Engine::new(build::backend(), &job.scene, &job.radios, &job.carriers, &job.solver, &Silent).expect("a sound scene")
}

fn solve(job: &Job) -> Solution {
    raylobe::solve::solve(build::backend(), &job.scene, &job.radios, &job.carriers, &job.solver, &Silent)
        .expect("the test's job can be solved")
}

/// Solves tile by tile, keeping chains within so many bytes.
fn solve_in_tiles(job: &Job, per_tile: usize, bytes: usize) -> (Vec<Tile>, Counters, Vec<String>) {
    let mut engine = engine_of(job).keeping_chains_within(bytes);
    let tiling = Tiling::new(job.radios.receivers.len(), per_tile);
    let tiles = tiling.tiles().map(|receivers| engine.tile(receivers).expect("a sound tile")).collect();
    let summary = engine.finish();
    (tiles, summary.counters, summary.warnings)
}

/// Appends offsets that count from zero to those that are there.
fn append_offsets(all: &mut Vec<u64>, more: &[u64]) {
    let before = all.pop().unwrap_or(0);
    all.extend(more.iter().map(|offset| offset + before));
}

/// All tiles as one record.
fn joined(tiles: Vec<Tile>) -> (Paths, Channel) {
    let (mut paths, mut channel) = (Paths::default(), Channel::default());
    for Tile { paths: p, channel: c, .. } in tiles {
        paths.transmitters = p.transmitters;
        paths.receivers += p.receivers;
        append_offsets(&mut paths.offsets, &p.offsets);
        append_offsets(&mut paths.vertex_offsets, &p.vertex_offsets);
        paths.length.extend(p.length);
        paths.departure.extend(p.departure);
        paths.arrival.extend(p.arrival);
        paths.transmitter_element.extend(p.transmitter_element);
        paths.receiver_element.extend(p.receiver_element);
        paths.interaction.extend(p.interaction);
        paths.object.extend(p.object);
        paths.primitive.extend(p.primitive);
        paths.facet.extend(p.facet);
        paths.normal.extend(p.normal);
        paths.area.extend(p.area);
        paths.distance.extend(p.distance);
        paths.vertex.extend(p.vertex);
        channel.carriers = c.carriers;
        channel.a.extend(c.a);
        append_offsets(&mut channel.a_offsets, &c.a_offsets);
        channel.tau.extend(c.tau);
        channel.theta_t.extend(c.theta_t);
        channel.phi_t.extend(c.phi_t);
        channel.theta_r.extend(c.theta_r);
        channel.phi_r.extend(c.phi_r);
        channel.doppler.extend(c.doppler);
    }
    (paths, channel)
}

#[test]
fn any_size_of_tile_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = job_in(folder.path());
    let whole = solve(&job);
    assert!(whole.paths.len() > 100, "enough paths to tell something: {}", whole.paths.len());
    for per_tile in [1, 7, 22, 23] {
        // Chains of all sources are kept, of some, of none.
        for bytes in [usize::MAX, 60_000, 0] {
            let (tiles, counters, warnings) = solve_in_tiles(&job, per_tile, bytes);
            let (paths, channel) = joined(tiles);
            assert!(paths == whole.paths, "{per_tile} receivers a tile, {bytes} bytes of chains");
            let bits = |c: &Channel| c.a.iter().flat_map(|a| [a.re.to_bits(), a.im.to_bits()]).collect::<Vec<u64>>();
            assert!(channel == whole.channel && bits(&channel) == bits(&whole.channel), "{per_tile} {bytes}");
            assert_eq!((counters, &warnings), (whole.counters, &whole.warnings), "{per_tile} {bytes}");
        }
    }
    accept("same bytes for tiles of 1, 7, 22 and all receivers", "equal", "equal", true);
}

fn written(job: &Job, per_tile: usize) -> Written {
    let tiling = Tiling::new(job.radios.receivers.len(), per_tile);
    let mut engine = engine_of(job);
    let mut results = Results::new(job, tiling).expect("a folder");
    for receivers in tiling.tiles() {
        results.add(&engine.tile(receivers).expect("a sound tile")).expect("written");
    }
    results.finish().expect("written")
}

#[test]
fn files_of_tiles_are_named_and_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = job_in(folder.path());
    let read = |name: &str| std::fs::read(folder.path().join("out").join(name)).expect(name);
    let one = written(&job, 23);
    assert_eq!(one.paths_files.len(), 1);
    assert_eq!(one.files, ["links.csv", "cfr.npz", "taps.npz", "paths.png"]);
    let (links, picture) = (read("links.csv"), read("paths.png"));
    let three = written(&job, 10);
    let files: Vec<_> = three.paths_files.iter().map(|f| (f.file.as_str(), f.first_receiver, f.receivers)).collect();
    assert_eq!(files, [("paths-0000.npz", 0, 10), ("paths-0001.npz", 10, 10), ("paths-0002.npz", 20, 3)]);
    assert_eq!(three.paths_files.iter().map(|f| f.paths).sum::<usize>(), one.paths_files[0].paths);
    for name in three.files.iter().chain(three.paths_files.iter().map(|f| &f.file)) {
        assert!(!read(name).is_empty(), "{name}");
    }
    assert!(three.files.contains(&"cfr-0002.npz".to_string()) && three.files.contains(&"taps-0000.npz".to_string()));
    assert!(links == read("links.csv"), "rows do not depend on tiles");
    assert!(picture == read("paths.png"), "nor does the picture");
    assert_eq!((one.first_links, one.totals), (three.first_links, three.totals));
}

#[test]
fn many_transmitters_make_small_tiles() {
    let mut radios = build::radios(raylobe::scene::antenna::Polarization::V, &[[0.0; 3]], &vec![[1.0; 3]; 70_000]);
    let tiles = |radios: &raylobe::scene::radio::Radios| Tiling::of(radios).tiles().collect::<Vec<_>>();
    assert_eq!(tiles(&radios), [0..65_536, 65_536..70_000]);
    radios.transmitters = vec![radios.transmitters[0].clone(); 64];
    assert_eq!(tiles(&radios)[..2], [0..4096, 4096..8192]);
}
