//! Readers and writers of scenes: the 15 scenes of Sionna RT, files of every format, and malformed ones.

use raylobe::io::scene_file;
use std::path::{Path, PathBuf};

/// Scene, objects, triangles.
const SIONNA: [(&str, usize, usize); 15] = [
    ("box", 1, 12),
    ("box_knife", 2, 20),
    ("box_one_screen", 2, 14),
    ("box_two_screens", 3, 16),
    ("double_reflector", 2, 4),
    ("etoile", 565, 13_098),
    ("floor_wall", 2, 4),
    ("florence", 2639, 35_373),
    ("munich", 2367, 38_936),
    ("san_francisco", 4735, 268_041),
    ("simple_reflector", 1, 2),
    ("simple_street_canyon", 7, 74),
    ("simple_street_canyon_with_cars", 15, 234),
    ("simple_wedge", 1, 4),
    ("triple_reflector", 3, 6),
];

fn scenes() -> Option<PathBuf> {
    let folder = std::env::var_os("RAYLOBE_SCENES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".scenes"));
    folder.is_dir().then_some(folder)
}

#[test]
fn the_scenes_of_sionna_have_their_triangles() {
    let Some(folder) = scenes() else {
        eprintln!("SKIPPED: no city scenes; run scripts/get-scenes.sh or set RAYLOBE_SCENES");
        return;
    };
    for (name, objects, triangles) in SIONNA {
        let scene = scene_file::read(&folder.join(name).join(format!("{name}.xml"))).unwrap();
        let counted: usize = scene.objects.iter().map(|o| o.mesh.triangles.len()).sum();
        assert_eq!((scene.objects.len(), counted), (objects, triangles), "{name}");
        assert!(scene.warnings.is_empty(), "{name}: {:?}", scene.warnings);
        assert!(scene.materials.iter().all(|m| m.itu.is_some() && m.thickness_m.is_some()), "{name}");
    }
}
