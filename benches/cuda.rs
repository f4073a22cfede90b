//! The kernels on a GPU beside the CPU of the same machine, in rays, segments, pairs and paths per second.
//!
//!     cargo bench --bench cuda [-- --quick]
//!
//! Prints one Markdown table. Single kernels are launched in batches with one wait at the end, stages of a job return when
//! their results are there; every figure is the median of several runs after one that is not counted. Without a GPU it says
//! so and measures nothing, which is a failure only with `RAYLOBE_REQUIRE_GPU=1`. `RAYLOBE_BENCH_LARGE=1` adds a city of 10^7
//! triangles; canyon and Munich are measured where RAYLOBE_SCENES (default .scenes) has them, with the receivers of
//! RAYLOBE_TRUTH (default ../shared/truth) where they are. `--quick` is for trying this program out: its numbers mean nothing.
//!
//! Two roofs from the card's own properties stand beside a ray: all nodes and leaves that it enters read from device memory
//! (caches may do better, so that this roof can be passed), and their f32 operations, one for each lane and cycle, for
//! multiplications and additions are not fused. The field reads paths and writes coefficients once. What the adjoint finds is vertices of the scene with a bar.

#[allow(dead_code)]
mod support;

use cudarc::driver::sys::CUdevice_attribute as Attribute;
use raylobe::backend::Backend;
use raylobe::backend::cuda::{Cuda, Resident};
use raylobe::bench::Site;
use raylobe::bench::roof::Visits;
use raylobe::bench::site::{Ends, Rays};
use raylobe::bench::work;
use raylobe::channel::ChannelBar;
use raylobe::geometry::Geometry;
use raylobe::geometry::triangle::Ray;
use raylobe::io::scene_file;
use raylobe::layout::{Hit, LoneRay, LoneSegment, NONE, ReplayedPath, ReplayedVertex};
use raylobe::math::Vec3;
use raylobe::math::random::fibonacci_direction;
use raylobe::math::smoothing::StepKind;
use raylobe::path::adjoint::{ParameterKind, Wanted};
use raylobe::path::counters::Counters;
use raylobe::path::receivers::ReceiverBoxes;
use raylobe::path::search::Span;
use raylobe::path::smooth::Softness;
use raylobe::path::{Paths, SolverOptions};
use raylobe::progress::Silent;
use raylobe::solve::smooth::SoftEngine;
use raylobe::solve::{Solution, solve};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Carrier of the fields [Hz].
const CARRIER_HZ: f64 = 3.5e9;
/// The transmitter of the comparison with Sionna RT in Munich [m].
const MUNICH_TRANSMITTER: [f64; 3] = [8.5, 21.0, 27.0];
/// Sharpness of soft paths [1/m].
const SOFT_ALPHA: f64 = 20.0;
/// Reflected rays start this far before what they leave, so that they do not meet it again [m].
const BEFORE_M: f64 = 0.01;
/// Rays that are counted for the roofs, at the least.
const COUNTED_RAYS: usize = 1 << 15;
/// Launches of a batch, at most.
const MOST_LAUNCHES: u32 = 1 << 12;

/// How much is measured.
struct Effort {
    /// The square of this many rays of each kind.
    side: u32,
    /// Counted runs of a figure.
    runs: usize,
    /// A batch of launches takes this long at least [s].
    batch_s: f64,
    /// Triangles of the generated cities.
    cities: Vec<u64>,
    /// Receivers of the jobs in Munich, and reflections.
    receivers: Vec<u32>,
    depth: u32,
}

impl Effort {
    fn read() -> Outcome<Effort> {
        let mut quick = false;
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--quick" => quick = true,
                other => return Err(format!("'{other}' is not known; there is --quick").into()),
            }
        }
        if quick {
            let (cities, receivers) = (vec![2000], vec![10]);
            return Ok(Effort { side: 64, runs: 1, batch_s: 0.0, cities, receivers, depth: 2 });
        }
        let mut cities = vec![1_000_000];
        cities.extend(is_on("RAYLOBE_BENCH_LARGE").then_some(10_000_000));
        Ok(Effort { side: 2048, runs: 7, batch_s: 0.05, cities, receivers: vec![100, 1000], depth: 5 })
    }
}

fn is_on(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

fn main() -> ExitCode {
    let cuda = match Cuda::open(0) {
        Ok(cuda) => Arc::new(cuda),
        Err(error) => {
            println!("Nothing is measured: {error}");
            return if is_on("RAYLOBE_REQUIRE_GPU") { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match Effort::read().and_then(|effort| measure(cuda, effort)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(cuda: Arc<Cuda>, effort: Effort) -> Outcome<()> {
    let bench = Bench { card: Card::of(&cuda)?, cpu: Backend::Cpu(support::level()), cuda, effort };
    println!("{}\n{}\n{}\n", bench.cuda.describe(), bench.card.describe(), bench.cpu.describe());
    println!(
        "| what | scene | of | number: CUDA, CPU | found: CUDA, CPU | CUDA [s] | CUDA [1/s] | memory roof [1/s] | \
         FP32 roof [1/s] | of the lower roof | CPU [s] | CPU [1/s] | CPU time over CUDA time |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let (canyon, munich) = (city_of_file("simple_street_canyon")?, city_of_file("munich")?);
    for site in canyon.iter().chain(&munich) {
        bench.rays(site)?;
    }
    for triangles in &bench.effort.cities {
        bench.rays(&Site::city(*triangles)?)?;
    }
    if let Some(site) = &munich {
        for receivers in &bench.effort.receivers {
            bench.job(site, *receivers)?;
        }
    }
    for (name, site) in [("simple_street_canyon", &canyon), ("munich", &munich)] {
        if site.is_none() {
            println!("\n{name} is absent: run scripts/get-scenes.sh, or set RAYLOBE_SCENES");
        }
    }
    Ok(())
}

/// A scene of `scripts/get-scenes.sh`, where it is.
fn city_of_file(name: &str) -> Outcome<Option<Site>> {
    let scenes = std::env::var_os("RAYLOBE_SCENES").map_or_else(|| ".scenes".into(), PathBuf::from);
    let file = scenes.join(name).join(format!("{name}.xml"));
    if !file.exists() {
        return Ok(None);
    }
    Ok(Some(Site::new(name, &scene_file::read(&file)?)?))
}

/// What the card can do at best, by its own properties; zero where it does not tell.
struct Card {
    multiprocessors: f64,
    clock_hz: f64,
    l2_bytes: f64,
    /// Device memory, read or written [byte/s].
    bytes_per_s: f64,
    /// f32 operations, not fused [1/s].
    operations_per_s: f64,
}

impl Card {
    fn of(cuda: &Cuda) -> Outcome<Card> {
        let context = cuda.stream().context();
        let ask = |attribute: Attribute| context.attribute(attribute).map(f64::from);
        let multiprocessors = ask(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        // Clocks are told in kHz, widths in bits; memory moves twice a cycle.
        let clock_hz = 1e3 * ask(Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE)?;
        let memory_hz = 1e3 * ask(Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE)?;
        let bus_bytes = ask(Attribute::CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH)? / 8.0;
        let l2_bytes = ask(Attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)?;
        // Lanes of f32 in a multiprocessor (CUDA Programming Guide, "Compute Capabilities").
        let lanes = match context.compute_capability()? {
            (7, _) | (8, 0) => 64.0,
            _ => 128.0,
        };
        let (bytes_per_s, operations_per_s) = (2.0 * memory_hz * bus_bytes, multiprocessors * lanes * clock_hz);
        Ok(Card { multiprocessors, clock_hz, l2_bytes, bytes_per_s, operations_per_s })
    }

    fn describe(&self) -> String {
        format!(
            "{} multiprocessors at {:.0} MHz, L2 {:.0} MiB; roofs: memory {:.0} GB/s, FP32 {:.1} T/s (not fused)",
            self.multiprocessors,
            self.clock_hz / 1e6,
            self.l2_bytes / f64::from(1 << 20),
            self.bytes_per_s / 1e9,
            self.operations_per_s / 1e12
        )
    }

    /// Rays per second by memory and by operations.
    fn ray_roofs(&self, geometry: &Geometry, rays: &[Ray]) -> [Option<f64>; 2] {
        let step = (rays.len() / COUNTED_RAYS).max(1);
        let sample: Vec<Ray> = rays.iter().step_by(step).copied().collect();
        let visits = Visits::of(&geometry.bvh, &sample);
        let records = (size_of::<LoneRay>() + size_of::<Hit>()) as f64;
        [roof(self.bytes_per_s, visits.bytes() + records), roof(self.operations_per_s, visits.operations())]
    }

    /// Paths per second: each is read once and its coefficients are written once.
    fn field_roofs(&self, paths: &Paths) -> [Option<f64>; 2] {
        let records = paths.len() * size_of::<ReplayedPath>() + paths.vertex.len() * size_of::<ReplayedVertex>();
        let coefficients = paths.len() * size_of::<[f64; 2]>();
        [roof(self.bytes_per_s, (records + coefficients) as f64 / paths.len() as f64), None]
    }
}

/// Items per second where each needs `needed` of what there are `per_s` a second.
fn roof(per_s: f64, needed: f64) -> Option<f64> {
    (per_s > 0.0 && needed > 0.0).then_some(per_s / needed)
}

/// What one device did in a run, and how long it took.
#[derive(Clone, Copy)]
struct Measured {
    items: u64,
    found: u64,
    seconds: f64,
}

/// A figure: CUDA and CPU.
struct Row<'a> {
    what: &'a str,
    scene: &'a str,
    unit: &'a str,
    /// CUDA, CPU.
    measured: [Measured; 2],
    /// By memory, by operations [1/s].
    roofs: [Option<f64>; 2],
}

impl Row<'_> {
    fn print(&self) {
        let [cuda, cpu] = self.measured;
        let rate = |m: Measured| m.items as f64 / m.seconds.max(f64::MIN_POSITIVE);
        let text = |roof: Option<f64>| roof.map_or("-".into(), |per_s| format!("{per_s:.2e}"));
        let lower = self.roofs.into_iter().flatten().reduce(f64::min);
        let share = lower.map_or("-".into(), |lower| format!("{:.1} %", 100.0 * rate(cuda) / lower));
        println!(
            "| {} | {} | {} | {}, {} | {}, {} | {:.3e} | {:.2e} | {} | {} | {share} | {:.3e} | {:.2e} | {:.2} |",
            self.what,
            self.scene,
            self.unit,
            cuda.items,
            cpu.items,
            cuda.found,
            cpu.found,
            cuda.seconds,
            rate(cuda),
            text(self.roofs[0]),
            text(self.roofs[1]),
            cpu.seconds,
            rate(cpu),
            rate(cuda) / rate(cpu)
        );
    }
}

struct Bench {
    card: Card,
    cpu: Backend,
    cuda: Arc<Cuda>,
    effort: Effort,
}

impl Bench {
    /// Single kernels: first hits of three kinds of rays, and blocked segments.
    fn rays(&self, site: &Site) -> Outcome<()> {
        let geometry = Geometry::new(&site.scene);
        let resident = Resident::new(&self.cuda, &geometry)?;
        let transmitter = Ends::new(site, &geometry, 0).transmitter;
        let count = u64::from(self.effort.side).pow(2);
        let directions = (0..count).map(|i| fibonacci_direction(i, count));
        let primary: Vec<Ray> = directions.map(|way| Ray::from_f64(&transmitter, &way)).collect();
        let hits = self.closest_hits("closest_hits, primary", site, &geometry, &resident, &primary)?;
        let reflected = reflected(&geometry, &primary, &hits);
        self.closest_hits("closest_hits, reflected", site, &geometry, &resident, &reflected)?;
        let Rays { random, shadow, .. } = Rays::new(site, &geometry, self.effort.side);
        self.closest_hits("closest_hits, random", site, &geometry, &resident, &random)?;
        self.any_hits("any_hits, shadow", site, &geometry, &resident, &shadow)
    }

    fn closest_hits(
        &self,
        what: &str,
        site: &Site,
        geometry: &Geometry,
        resident: &Resident,
        rays: &[Ray],
    ) -> Outcome<Vec<Hit>> {
        let (stream, kernels, items) = (self.cuda.stream(), self.cuda.kernels(), rays.len() as u64);
        let lone = |ray: &Ray| LoneRay { origin: ray.origin, direction: ray.direction, skip: NONE };
        let on_device = stream.clone_htod(&rays.iter().map(lone).collect::<Vec<_>>())?;
        let mut hits = stream.alloc_zeros::<Hit>(rays.len())?;
        let launch = || kernels.closest_hits(stream, resident.view(), &on_device, items as u32, &mut hits);
        let seconds = self.in_batches(launch)?;
        let hits = stream.clone_dtoh(&hits)?;
        stream.synchronize()?;
        let found = hits.iter().filter(|hit| hit.triangle != NONE).count() as u64;
        let cpu = self.on_cpu(items, || work::closest_hits(support::level(), &geometry.bvh, rays));
        let measured = [Measured { items, found, seconds }, cpu];
        let roofs = self.card.ray_roofs(geometry, rays);
        Row { what, scene: &site.name, unit: "rays", measured, roofs }.print();
        Ok(hits)
    }

    fn any_hits(
        &self,
        what: &str,
        site: &Site,
        geometry: &Geometry,
        resident: &Resident,
        segments: &[[Vec3; 2]],
    ) -> Outcome<()> {
        let (stream, kernels, items) = (self.cuda.stream(), self.cuda.kernels(), segments.len() as u64);
        let lone = |[from, to]: &[Vec3; 2]| LoneSegment { from: (*from).into(), to: (*to).into(), skip: [NONE; 2] };
        let on_device = stream.clone_htod(&segments.iter().map(lone).collect::<Vec<_>>())?;
        let mut blocked = stream.alloc_zeros::<u32>(segments.len())?;
        let launch = || kernels.any_hits(stream, resident.view(), &on_device, items as u32, &mut blocked);
        let seconds = self.in_batches(launch)?;
        let blocked = stream.clone_dtoh(&blocked)?;
        stream.synchronize()?;
        let found = blocked.iter().map(|blocked| u64::from(*blocked)).sum();
        let cpu = self.on_cpu(items, || work::blocked(support::level(), geometry, segments));
        let measured = [Measured { items, found, seconds }, cpu];
        // The least work is not known: it depends on which blocker is met first.
        Row { what, scene: &site.name, unit: "segments", measured, roofs: [None; 2] }.print();
        Ok(())
    }

    /// Seconds of one launch: medians of batches that are long beside a wait.
    fn in_batches(&self, mut launch: impl FnMut() -> raylobe::error::Result<()>) -> Outcome<f64> {
        let stream = self.cuda.stream();
        let mut batch = |launches: u32| -> Outcome<f64> {
            stream.synchronize()?;
            let start = Instant::now();
            for _ in 0..launches {
                launch()?;
            }
            stream.synchronize()?;
            Ok(start.elapsed().as_secs_f64())
        };
        batch(1)?;
        let mut launches = 1;
        while launches < MOST_LAUNCHES && batch(launches)? < self.effort.batch_s {
            launches *= 2;
        }
        let runs = (0..self.effort.runs).map(|_| batch(launches)).collect::<Outcome<Vec<f64>>>()?;
        Ok(median(runs) / f64::from(launches))
    }

    fn on_cpu(&self, items: u64, mut work: impl FnMut() -> u64) -> Measured {
        let (seconds, found) = self.timed(|| Ok(work())).expect("the work does not fail");
        Measured { items, found, seconds }
    }

    /// Median of the seconds that `work` takes, after a run that is not counted, and what it yields.
    fn timed<T>(&self, mut work: impl FnMut() -> Outcome<T>) -> Outcome<(f64, T)> {
        let mut last = work()?;
        let mut runs = Vec::new();
        for _ in 0..self.effort.runs {
            let start = Instant::now();
            last = work()?;
            runs.push(start.elapsed().as_secs_f64());
        }
        Ok((median(runs), last))
    }

    /// The stages of a job, and all of it, on both devices.
    fn job(&self, site: &Site, receivers: u32) -> Outcome<()> {
        let geometry = Geometry::new(&site.scene);
        let ends = ends_in_munich(site, &geometry, receivers)?;
        let (cuda, paths) = self.stages(&Backend::Cuda(self.cuda.clone()), site, &ends)?;
        let (cpu, _) = self.stages(&self.cpu, site, &ends)?;
        let way = |i| Ray::from_f64(&ends.transmitter, &fibonacci_direction(i, COUNTED_RAYS as u64));
        let primary: Vec<Ray> = (0..COUNTED_RAYS as u64).map(way).collect();
        let (of_rays, of_field) = (self.card.ray_roofs(&geometry, &primary), self.card.field_roofs(&paths));
        let roofs = [of_rays, [None; 2], of_field, [None; 2], [None; 2]];
        let scene = format!("{}, {receivers} receivers, depth {}", site.name, self.effort.depth);
        let names = [
            ("chains", "segments"),
            ("connect", "pairs"),
            ("field", "paths"),
            ("adjoint, everything", "paths"),
            ("solve", "paths"),
        ];
        for (i, (what, unit)) in names.into_iter().enumerate() {
            Row { what, scene: &scene, unit, measured: [cuda[i], cpu[i]], roofs: roofs[i] }.print();
        }
        let measured = [Backend::Cuda(self.cuda.clone()), self.cpu.clone()];
        let [cuda, cpu] = measured.map(|backend| self.soft_paths(backend, site, &ends));
        let what = "soft paths of depth 1 and gradient";
        Row { what, scene: &scene, unit: "paths", measured: [cuda?, cpu?], roofs: [None; 2] }.print();
        Ok(())
    }

    /// Soft paths, and the gradient of their power by positions.
    fn soft_paths(&self, backend: Backend, site: &Site, ends: &Ends) -> Outcome<Measured> {
        let options = SolverOptions { max_depth: 1, ..SolverOptions::default() };
        let engine = SoftEngine::new(backend, &site.scene, &options)?;
        let (radios, softness) = (ends.radios(site, CARRIER_HZ)?, Softness::of(StepKind::Sigmoid, SOFT_ALPHA));
        let (seconds, found) = self.timed(|| {
            let solution = engine.solve(&radios, &[CARRIER_HZ], softness)?;
            let mut bars = ChannelBar::zeros(&solution.channel);
            bars.a.copy_from_slice(&solution.channel.a);
            engine.pull_back(&radios, &solution, &bars, Wanted::of(&[ParameterKind::Position]))?;
            Ok(solution.paths.len() as u64)
        })?;
        Ok(Measured { items: found, found, seconds })
    }

    /// Chains, connect, field, its adjoint and a whole job on one device; also the paths.
    fn stages(&self, backend: &Backend, site: &Site, ends: &Ends) -> Outcome<([Measured; 5], Paths)> {
        let options = SolverOptions { max_depth: self.effort.depth, ..SolverOptions::default() };
        let (loaded, boxes) = (backend.load(&site.scene)?, ReceiverBoxes::of_all(&ends.receivers));
        let chains = || {
            let mut counters = Counters::default();
            let trie = backend.chains(&loaded, &Span::from(&ends.transmitter), &options, &mut counters, &Silent)?;
            Ok((trie, counters.segments))
        };
        let (seconds, (trie, segments)) = self.timed(chains)?;
        let chains = Measured { items: segments, found: trie.len() as u64 - 1, seconds };

        let connect =
            || Ok(backend.connect(&loaded, &trie, &boxes, &options, &mut Counters::default(), &Silent)?.len() as u64);
        let (seconds, found) = self.timed(connect)?;
        let connect = Measured { items: trie.len() as u64 * ends.receivers.len() as u64, found, seconds };

        let (radios, carriers) = (ends.radios(site, CARRIER_HZ)?, [CARRIER_HZ]);
        let all = || Ok(solve(backend.clone(), &site.scene, &radios, &carriers, &options, &Silent)?);
        let (seconds, Solution { paths, channel, .. }) = self.timed(all)?;
        let count = paths.len() as u64;
        let solve = Measured { items: count, found: count, seconds };

        let (seconds, coefficients) =
            self.timed(|| Ok(backend.field(&site.scene, &radios, &paths, &carriers)?.0.a.len()))?;
        let field = Measured { items: count, found: coefficients as u64, seconds };

        // Of a loss of powers and delays.
        let mut bars = ChannelBar::zeros(&channel);
        bars.a.copy_from_slice(&channel.a);
        bars.tau.fill(1.0);
        let pulled = || {
            let bar = backend.pull_back(&loaded, &radios, (&paths, &channel, &bars), Wanted::all())?;
            Ok(bar.vertices.iter().filter(|bar| bar.norm() > 0.0).count() as u64)
        };
        let (seconds, vertices) = self.timed(pulled)?;
        let adjoint = Measured { items: count, found: vertices, seconds };
        Ok(([chains, connect, field, adjoint, solve], paths))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The rays that go on from what `rays` have met, mirrored at its plane.
fn reflected(geometry: &Geometry, rays: &[Ray], hits: &[Hit]) -> Vec<Ray> {
    let met = rays.iter().zip(hits).filter(|(_, hit)| hit.triangle != NONE);
    let mirror = |(ray, hit): (&Ray, &Hit)| {
        let [origin, along] = [ray.origin, ray.direction].map(|v| Vec3::from(v.map(f64::from)));
        let normal = Vec3::from(geometry.facets.planes[hit.patch as usize].normal);
        let point = origin + along * (f64::from(hit.t) - BEFORE_M).max(0.0);
        Ray::from_f64(&point, &(along - normal * (2.0 * along.dot(&normal))))
    };
    met.map(mirror).collect()
}

/// The transmitter and the first `count` receivers of the comparison with Sionna RT, where they are there; else others.
fn ends_in_munich(site: &Site, geometry: &Geometry, count: u32) -> Outcome<Ends> {
    let truth = std::env::var_os("RAYLOBE_TRUTH").map_or_else(|| "../shared/truth".into(), PathBuf::from);
    let file = truth.join("munich_rx_1000.npy");
    if !file.exists() {
        return Ok(Ends::new(site, geometry, count));
    }
    let positions: ndarray::Array2<f32> = ndarray_npy::read_npy(file)?;
    let local = |position: [f64; 3]| Vec3::from(position) - site.scene.origin;
    let receivers = positions.rows().into_iter().take(count as usize);
    let receivers = receivers.map(|p| local([p[0], p[1], p[2]].map(f64::from))).collect();
    Ok(Ends { transmitter: local(MUNICH_TRANSMITTER), receivers })
}
