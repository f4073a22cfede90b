//! Every device function against its Rust twin, on random inputs and at the edges of its domain, through the kernels of
//! `cuda/probe.cu`. What is made of the operations that IEEE 754 rounds is the same to the bit; where a library's sine,
//! exponential or the like takes part, within a few units of the last place, for each library is within one or two.

#[path = "probes/adjoint.rs"]
mod adjoint;
#[path = "probes/field.rs"]
mod field;
#[path = "probes/geometry.rs"]
mod geometry;
#[path = "probes/interaction.rs"]
mod interaction;
#[path = "probes/map.rs"]
mod map;
#[path = "probes/math.rs"]
mod math;
#[path = "probes/path.rs"]
mod path;
#[path = "probes/scattering.rs"]
mod scattering;
#[path = "probes/smooth.rs"]
mod smooth;

use crate::support::build::{self, Numbers};
use crate::support::emulator::emulator;
use crate::support::flag;
use crate::support::repository;
use cudarc::driver::{CudaModule, CudaSlice, DeviceRepr, LaunchArgs, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::Ptx;
use raylobe::backend::cuda::{BUILT_IN, Cuda};
use raylobe::layout::{ForwardAt, GeometryView, SoftAt};
use raylobe::math::{C64, CVec3, Vec3};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The sources of the probes, as images are named.
const SOURCES: [&str; 5] = ["probe", "probe/adjoint", "probe/map", "probe/scattering", "probe/smooth"];
/// Random inputs of a probe.
const RANDOM: usize = 4000;
/// Threads of a block.
const BLOCK: u32 = 64;

/// The device with the probes on it.
struct Device {
    cuda: Cuda,
    modules: Vec<Arc<CudaModule>>,
}

/// What a probe takes before its numbers.
trait Argument {
    fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>);
}

impl<T: DeviceRepr> Argument for CudaSlice<T> {
    fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
        launch.arg(self);
    }
}

impl Argument for GeometryView {
    fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
        launch.arg(self);
    }
}

impl Argument for ForwardAt {
    fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
        launch.arg(self);
    }
}

impl Argument for SoftAt {
    fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
        launch.arg(self);
    }
}

/// The emulator, or the GPU with `RAYLOBE_REQUIRE_GPU=1`; `None`, said loudly, where there is neither.
fn device() -> Option<&'static Device> {
    static OPEN: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        let cuda = build::cuda()?;
        let image = |source: &str| {
            if flag("RAYLOBE_REQUIRE_GPU") {
                let probes = BUILT_IN.iter().find(|(name, _)| *name == source);
                return probes.expect("this build has no probes: build with nvcc and RAYLOBE_PROBES=1").1.to_vec();
            }
            let images = emulator().expect("it is open").images();
            images.into_iter().find(|(name, _)| *name == source).expect("the emulator has all kernels").1
        };
        let context = cuda.stream().context();
        let load = |source| context.load_module(Ptx::from_binary(image(source))).expect("the probes can be loaded");
        let modules = SOURCES.map(load).to_vec();
        Some(Device { cuda, modules })
    };
    OPEN.get_or_init(open).as_ref()
}

impl Device {
    fn upload<T: DeviceRepr>(&self, items: &[T]) -> CudaSlice<T> {
        self.cuda.stream().clone_htod(items).expect("copied to the device")
    }

    /// Launches a probe with one thread for each input: kernel arguments are `before`, the inputs, their number and the
    /// outputs, so many for each.
    fn run<const I: usize>(
        &self,
        name: &str,
        before: &[&dyn Argument],
        inputs: &[[f64; I]],
        outputs: usize,
    ) -> Vec<f64> {
        let stream = self.cuda.stream();
        let probe = self.modules.iter().find_map(|module| module.load_function(name).ok());
        let probe = probe.unwrap_or_else(|| panic!("there is no {name}"));
        let count = u32::try_from(inputs.len()).expect("few inputs");
        let given = self.upload(inputs.as_flattened());
        let mut out = stream.alloc_zeros::<f64>(inputs.len() * outputs).expect("allocated");
        let mut launch = stream.launch_builder(&probe);
        before.iter().for_each(|argument| argument.push(&mut launch));
        launch.arg(&given).arg(&count).arg(&mut out);
        let shape =
            LaunchConfig { grid_dim: (count.div_ceil(BLOCK), 1, 1), block_dim: (BLOCK, 1, 1), shared_mem_bytes: 0 };
        // SAFETY: a probe takes `before`, I numbers an item and the number of items, writes as many numbers an item as the
        // twin yields, and does nothing beyond the last item; what stands before holds what the inputs speak of.
        unsafe { launch.launch(shape) }.unwrap_or_else(|error| panic!("{name}: {error}"));
        let out = stream.clone_dtoh(&out).expect("copied from the device");
        stream.synchronize().expect("the probe ends");
        out
    }

    /// Calls `compare(what, input, found, expected)` for each item of a probe and its twin.
    fn compare<const I: usize, O: AsRef<[f64]>>(
        &self,
        name: &str,
        before: &[&dyn Argument],
        inputs: &[[f64; I]],
        twin: impl Fn(&[f64; I]) -> O,
        mut compare: impl FnMut(&str, &[f64; I], &[f64], &[f64]),
    ) {
        let outputs = twin(&inputs[0]).as_ref().len();
        let found = self.run(name, before, inputs, outputs);
        for (i, (input, found)) in inputs.iter().zip(found.chunks_exact(outputs)).enumerate() {
            compare(&format!("{name}, item {i}, {input:?}"), input, found, twin(input).as_ref());
        }
    }

    /// The probe must answer what `twin` does, bit for bit; one that is not a number is as good as another.
    fn exact<const I: usize, O: AsRef<[f64]>>(
        &self,
        name: &str,
        before: &[&dyn Argument],
        inputs: &[[f64; I]],
        twin: impl Fn(&[f64; I]) -> O,
    ) {
        self.compare(name, before, inputs, twin, |what, _, found, expected| {
            let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            let is_same = found.iter().zip(expected).all(same);
            assert!(is_same, "{what}\nfound    {found:?}\nexpected {expected:?}");
        });
    }

    /// The probe must answer what `twin` does, each number within its bound; numbers must be finite.
    fn near<const I: usize, O: AsRef<[f64]>>(
        &self,
        name: &str,
        before: &[&dyn Argument],
        inputs: &[[f64; I]],
        bound: impl Fn(&[f64; I], &[f64], usize) -> f64,
        twin: impl Fn(&[f64; I]) -> O,
    ) {
        let mut worst = 0.0;
        self.compare(name, before, inputs, twin, |what, input, found, expected| {
            for k in 0..expected.len() {
                let (difference, bound) = ((found[k] - expected[k]).abs(), bound(input, expected, k));
                let is_near = difference <= bound;
                assert!(
                    is_near,
                    "{what}, number {k}: {difference:e} beyond {bound:e}\nfound    {found:?}\nexpected {expected:?}"
                );
                worst = f64::max(worst, difference / bound.max(f64::MIN_POSITIVE));
            }
        });
        println!("{name}: at most {worst:.2} of the bound");
    }

    /// The probe must answer what `twin` does, each number within so many `units` of what it moves by when each argument is
    /// changed by four units of its last place, one after the other, and of its own last place.
    fn conditioned<const I: usize, O: AsRef<[f64]>>(
        &self,
        name: &str,
        before: &[&dyn Argument],
        inputs: &[[f64; I]],
        units: f64,
        twin: impl Fn(&[f64; I]) -> O,
    ) {
        let mut worst = 0.0;
        self.compare(name, before, inputs, &twin, |what, input, found, expected| {
            let mut moves: Vec<f64> = expected.iter().map(|x| f64::EPSILON * x.abs()).collect();
            for i in 0..I {
                let mut changed = *input;
                changed[i] *= 1.0 + 4.0 * f64::EPSILON;
                let changed = twin(&changed);
                moves.iter_mut().zip(changed.as_ref()).zip(expected).for_each(|((m, a), b)| *m += (a - b).abs());
            }
            for k in 0..expected.len() {
                let (difference, bound) = ((found[k] - expected[k]).abs(), units * moves[k] + f64::MIN_POSITIVE);
                let is_near = difference <= bound;
                assert!(
                    is_near,
                    "{what}, number {k}: {difference:e} beyond {bound:e}\nfound    {found:?}\nexpected {expected:?}"
                );
                worst = f64::max(worst, difference / bound);
            }
        });
        println!("{name}: at most {worst:.2} of the bound");
    }
}

/// A bound of so many units of the last place of each number.
fn each<const I: usize>(ulps: f64) -> impl Fn(&[f64; I], &[f64], usize) -> f64 {
    move |_, expected, k| ulps * f64::EPSILON * expected[k].abs()
}

/// A bound of so many units of the last place of the item's largest number.
fn largest<const I: usize>(ulps: f64) -> impl Fn(&[f64; I], &[f64], usize) -> f64 {
    move |_, expected, _| ulps * f64::EPSILON * expected.iter().fold(0.0, |largest, x| f64::max(largest, x.abs()))
}

/// The edges, and as many random inputs again as every probe gets.
fn inputs<const I: usize>(
    edges: impl IntoIterator<Item = [f64; I]>,
    seed: u32,
    random: impl Fn(&mut Numbers) -> [f64; I],
) -> Vec<[f64; I]> {
    let mut numbers = Numbers::new(seed);
    edges.into_iter().chain((0..RANDOM).map(|_| random(&mut numbers))).collect()
}

/// Puts numbers of several arrays into one.
fn joined<const N: usize>(parts: &[&[f64]]) -> [f64; N] {
    parts.concat().try_into().unwrap_or_else(|all: Vec<f64>| panic!("{} numbers in place of {N}", all.len()))
}

/// The same, as many as there are.
fn list(parts: &[&[f64]]) -> Vec<f64> {
    parts.concat()
}

fn vec3(numbers: &[f64]) -> Vec3 {
    Vec3::new(numbers[0], numbers[1], numbers[2])
}

fn complex(numbers: &[f64]) -> C64 {
    C64::new(numbers[0], numbers[1])
}

fn parts(z: C64) -> [f64; 2] {
    [z.re, z.im]
}

fn field_parts(v: &CVec3) -> [f64; 6] {
    [v.x.re, v.x.im, v.y.re, v.y.im, v.z.re, v.z.im]
}

fn random_vector(numbers: &mut Numbers, size: f64) -> Vec3 {
    Vec3::from_fn(|_, _| numbers.between(-size, size))
}

/// A number to f32 and back.
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// Device functions that are probed through another one, which does little else: (helper, probed).
const THROUGH_OTHERS: [(&str, &str); 76] = [
    ("horizontal_of", "angles_of"),
    ("pulled", "slab_vjp"),
    ("interface_of_vjp", "slab_vjp"),
    ("polarized_vjp", "slab_vjp"),
    ("half_wave_slope", "amplitude_slopes"),
    ("parabola_slope", "amplitude_slopes"),
    ("tr38901_gain_slopes", "amplitude_slopes"),
    ("turned_pattern_vjp", "pattern_vjp"),
    ("lobe_terms_vjp", "part_density_vjp"),
    ("reciprocal_terms", "part_density_vjp"),
    ("but_for_pattern_vjp", "diffuse_vjp"),
    ("reflected_share_vjp", "diffuse_vjp"),
    ("root_of_share_vjp", "diffuse_vjp"),
    ("met_at", "carried"),
    ("add_outer", "vector_towards_vjp"),
    ("plane_along", "refine_vjp"),
    ("vertex_along", "refine_vjp"),
    ("vertices_vjp", "refine_vjp"),
    ("has_points", "refine_vjp"),
    ("point_bar_along", "refine_vjp"),
    ("image_bar_along", "refine_vjp"),
    ("ends_of", "clearance"),
    ("point_to_segment", "clearance"),
    ("between_segments", "clearance"),
    ("distance_to_ball", "clearance"),
    ("is_inside", "clearance"),
    ("inward_between", "clearance_vjp"),
    ("children_near", "worst_obstacle"),
    ("outline_of_facet", "visibility_of"),
    ("over", "visibility_of"),
    ("times", "visibility_of"),
    ("unfolded", "visibility_of"),
    ("ends_of_leg", "visibility_of"),
    ("heights_of", "visibility_of"),
    ("kept_of", "visibility_of"),
    ("step_of", "visibility_of"),
    ("kept_vjp", "visibility_vjp"),
    ("test_vjp", "visibility_vjp"),
    ("is_inside_edge", "contains"),
    ("shear", "meet"),
    ("edges_of", "meet"),
    ("put_in_order", "sort_eight"),
    ("meet_block", "closest_hit"),
    ("crosses", "is_blocked"),
    ("walk", "is_blocked"),
    ("is_blocked_by_one_of", "is_blocked"),
    ("children_in", "triangle_at"),
    ("children_at", "triangle_at"),
    ("for_each_at", "triangle_at"),
    ("rounding_at", "is_at_seam"),
    ("is_about", "is_at_seam"),
    ("crosses_anything", "turns_through"),
    ("cut_towards", "turns_through"),
    ("leg_of", "deposit"),
    ("vec3", "cross"),
    ("interpolated", "normaliser"),
    ("is_there", "part_density"),
    ("over_lobes", "part_density"),
    ("root_of_furnace", "part_density"),
    ("half_vector", "lobe"),
    ("masses", "part_sample_density"),
    ("around", "draw"),
    ("part_at", "sample"),
    ("array_factor", "transmitted"),
    ("target_of", "deposit"),
    ("target_density", "deposit"),
    ("drawn_point", "met"),
    ("scattered_field", "met"),
    ("scattered_on", "met"),
    ("sight_of", "met"),
    ("scatter", "met"),
    ("facing", "met"),
    ("nearest", "turns_of_length"),
    ("series", "phasor_of_turns"),
    ("sincos_of_turns", "phasor_of_turns"),
    ("add_fixed", "add_deposit"),
];

/// Headers whose functions are steps of kernels that write what they make to places of its own, and the source of these
/// kernels: they are compared as they stand ([`crate::adjoint_parity`]).
const STEPS: [(&str, &str); 1] = [("path/field_vjp.cuh", "path/field_vjp.cu")];

/// The device functions of a header: name and parameters.
fn functions_of(code: &str) -> Vec<(String, String)> {
    let declared = code.split("\nDEVICE ").skip(1).filter_map(|rest| {
        let (head, parameters) = rest.split_once('(')?;
        let name = head.rsplit([' ', '&', '*']).next()?;
        let parameters = parameters.split(')').next()?.split_whitespace().collect::<Vec<_>>().join(" ");
        Some((name.to_owned(), parameters))
    });
    declared.collect()
}

fn calls_of(code: &str, name: &str) -> usize {
    let call = format!("{name}(");
    let begins = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices(&call).filter(|(at, _)| begins(*at)).count()
}

/// The text of every header below a folder, but of those with steps of kernels.
fn headers_below(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("kernels can be read") {
        let path = entry.expect("kernels can be read").path();
        if path.is_dir() {
            headers_below(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "cuh")
            && !STEPS.iter().any(|(name, _)| path.ends_with(name))
        {
            found.push(std::fs::read_to_string(&path).expect("a header can be read"));
        }
    }
}

fn read_below_cuda(name: &str) -> String {
    std::fs::read_to_string(repository().join("cuda").join(name)).expect("kernels can be read")
}

#[test]
fn every_device_function_has_a_probe() {
    let mut headers = Vec::new();
    headers_below(&repository().join("cuda"), &mut headers);
    // Overloads count by their parameters: portable.cuh has some of its functions twice, for both compilers.
    let mut overloads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, parameters) in headers.iter().flat_map(|code| functions_of(code)) {
        overloads.entry(name).or_default().insert(parameters);
    }
    assert!(overloads.len() > 80 && overloads["dot"].len() == 2, "{overloads:?}");
    let kernels: String = SOURCES
        .iter()
        .map(|source| read_below_cuda(&format!("{source}.cu")))
        .map(|code| code.split_once("\nKERNEL ").expect("probes are kernels").1.to_owned())
        .collect();
    for (helper, probed) in THROUGH_OTHERS {
        assert!(overloads.contains_key(helper) && calls_of(&kernels, probed) > 0, "{helper} through {probed}");
    }
    let is_helper = |name: &str| THROUGH_OTHERS.iter().any(|(helper, _)| *helper == name);
    let missing: Vec<_> = overloads
        .iter()
        .filter(|(name, overloads)| !is_helper(name) && calls_of(&kernels, name) < overloads.len())
        .collect();
    assert!(missing.is_empty(), "device functions without a probe: {missing:?}");
    for (header, source) in STEPS {
        let [header, kernels] = [header, source].map(read_below_cuda);
        let own = functions_of(&header);
        assert!(own.len() > 10, "{own:?}");
        // Each is called beside its own declaration.
        let idle = own.iter().find(|(name, _)| calls_of(&header, name) + calls_of(&kernels, name) < 2);
        assert!(idle.is_none(), "no kernel takes the step {idle:?}");
    }
}
