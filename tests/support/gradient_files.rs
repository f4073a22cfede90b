//! Gradients as a peer wrote them, read into the engine's own terms.

use crate::support::truth_files::{json, peers_material, radios};
use crate::support::{city, committed_truth_dir};
use raylobe::io::scene_file;
use raylobe::scene::description::{MaterialDescription, SceneDescription};
use raylobe::scene::radio::Radios;
use serde_json::Value;

/// Gradients of a peer.
pub struct Gradients {
    /// The scene, with the peer's materials.
    pub scene: SceneDescription,
    /// The radios.
    pub radios: Radios,
    /// Carrier [Hz].
    pub frequency: f64,
    /// Largest number of interactions.
    pub max_depth: u32,
    /// Receiver, interactions, sum of powers and delay [s] `[row]`.
    pub rows: Vec<(usize, Vec<u64>, f64, Option<f64>)>,
    /// Derivatives of power and delay `[row]` by each parameter, by its name.
    pub by: Vec<(String, Vec<[f64; 2]>)>,
}

/// Gradients of a peer in a scene, `scene/grad` in the repository; `None` where the scene was not fetched. All of its
/// objects are of `c` where the peer has it.
pub fn gradients(tag: &str) -> Option<Gradients> {
    let json = json(&committed_truth_dir().join("grad").join(tag).with_extension("json"));
    let mut scene = scene_file::read(&city(json["scene"].as_str().expect("a scene"))?).expect("it can be read");
    let with_scattering = |written: MaterialDescription, peers: &Value| MaterialDescription {
        scattering: peers["S"].as_f64(),
        xpd: peers["Kx"].as_f64(),
        ..written
    };
    let materials = &json["materials"];
    if materials.get("c").is_some() {
        let c = MaterialDescription { name: "c".into(), ..MaterialDescription::default() };
        scene.materials.push(with_scattering(peers_material(&c, materials), &materials["c"]));
        scene.objects.iter_mut().for_each(|object| object.material = "c".into());
    } else {
        scene.materials.iter_mut().for_each(|material| *material = peers_material(material, materials));
    }
    let frequency = json["frequency"].as_f64().expect("a frequency");
    let kinds =
        |path: &Value| path["itype"].as_array().expect("kinds").iter().filter_map(Value::as_u64).collect::<Vec<u64>>();
    let row = |path: &Value| {
        let kinds = kinds(path).into_iter().filter(|kind| *kind != 0).collect();
        (path["rx"].as_u64().expect("rx") as usize, kinds, path["power"].as_f64().expect("power"), path["tau"].as_f64())
    };
    let pair = |pair: &Value| [0, 1].map(|i| pair[i].as_f64().expect("a derivative"));
    let by = json["grads"].as_object().expect("gradients").iter().map(|(name, values)| {
        (name.clone(), values["ad"].as_array().expect("of each path").iter().map(pair).collect())
    });
    Some(Gradients {
        radios: radios(&json, frequency),
        frequency,
        max_depth: json["switches"]["max_depth"].as_u64().expect("a depth") as u32,
        rows: json["paths"].as_array().expect("paths").iter().map(row).collect(),
        by: by.collect(),
        scene,
    })
}
