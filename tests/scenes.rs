//! Readers and writers of scenes: the 15 scenes of Sionna RT, files of every format, and malformed ones.

use raylobe::error::Error;
use raylobe::io::mesh::ply;
use raylobe::io::scene_file;
use raylobe::scene::description::{
    LobeDescription, MaterialDescription, ObjectDescription, PatternDescription, SceneDescription,
};
use raylobe::scene::inspect::Report;
use raylobe::scene::mesh::Mesh;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

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

/// The folder of the real scenes; without it their tests say so and pass.
fn real_scenes() -> Option<PathBuf> {
    let folder = std::env::var_os("RAYLOBE_SCENES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".scenes"));
    if !folder.is_dir() {
        eprintln!("SKIPPED: no scenes in {}; run scripts/get-scenes.sh or set RAYLOBE_SCENES", folder.display());
        return None;
    }
    Some(folder)
}

fn triangles(scene: &SceneDescription) -> usize {
    scene.objects.iter().map(|o| o.mesh.triangles.len()).sum()
}

#[test]
fn the_scenes_of_sionna_have_their_triangles() {
    let Some(folder) = real_scenes() else { return };
    for (name, objects, expected) in SIONNA {
        let scene = scene_file::read(&folder.join(name).join(format!("{name}.xml"))).unwrap();
        assert_eq!((scene.objects.len(), triangles(&scene)), (objects, expected), "{name}");
        assert!(scene.warnings.is_empty(), "{name}: {:?}", scene.warnings);
        assert!(scene.materials.iter().all(|m| m.itu.is_some() && m.thickness_m.is_some()), "{name}");
        assert_eq!(Report::new(&scene).total.triangles, expected, "{name}");
    }
}

#[test]
fn a_city_survives_conversion_to_each_format() {
    let Some(folder) = real_scenes() else { return };
    let scene = scene_file::read(&folder.join("munich/munich.xml")).unwrap();
    let target = TempDir::new().unwrap();
    for name in ["a.obj", "a.glb", "a.gltf", "a.ply"] {
        let path = target.path().join(name);
        scene_file::write(&scene, &path).unwrap();
        let back = scene_file::read(&path).unwrap();
        let (before, after) = (Report::new(&scene), Report::new(&back));
        assert_eq!(before.total.triangles, after.total.triangles, "{name}");
        let area = (before.total.area_m2 / after.total.area_m2 - 1.0).abs();
        assert!(area < 1e-7, "{name}: the area changes by {area}");
    }
}

/// Two objects and every kind of material value, far from the origin.
fn rich_scene() -> SceneDescription {
    let wall = MaterialDescription {
        thickness_m: Some(0.3),
        scattering: Some(0.4),
        xpd: Some(0.1),
        pattern: Some(PatternDescription::Backscattering {
            alpha_r: 4.0,
            alpha_i: 6.0,
            lambda: 0.5,
            reciprocal: false,
        }),
        ..MaterialDescription::itu("wall <&\"'>", "concrete")
    };
    let ground = MaterialDescription {
        name: "ground".into(),
        relative_permittivity: Some(15.25),
        conductivity_s_per_m: Some(0.005),
        thickness_m: Some(f64::INFINITY),
        ..MaterialDescription::default()
    };
    let object = |name: &str, material: &str, x: f64| {
        let corner = [x, 5_123_456.25, 310.5];
        let vertices = vec![corner, [x + 10.5, corner[1], corner[2]], [x, corner[1] + 7.125, corner[2] + 3.0]];
        ObjectDescription {
            name: name.into(),
            material: material.into(),
            mesh: Mesh { vertices, triangles: vec![[0, 1, 2], [2, 1, 0]] },
        }
    };
    SceneDescription {
        materials: vec![wall, ground],
        objects: vec![object("House 1/ä", "wall <&\"'>", 4_512_345.125), object("floor", "ground", 4_512_300.0)],
        warnings: vec![],
    }
}

#[test]
fn mitsuba_and_gltf_hold_a_scene_whole() {
    let target = TempDir::new().unwrap();
    for name in ["a.xml", "a.gltf", "a.glb"] {
        let path = target.path().join(name);
        assert_eq!(scene_file::write(&rich_scene(), &path).unwrap(), Vec::<String>::new(), "{name}");
        assert_eq!(scene_file::read(&path).unwrap(), rich_scene(), "{name}");
    }
}

#[test]
fn what_a_format_loses_is_told() {
    let mut scene = rich_scene();
    scene.materials[0].lobe = Some(LobeDescription::cosine_power(9.0));
    let target = TempDir::new().unwrap();
    for (name, notes, words) in
        [("a.xml", 1, "lobe"), ("a.obj", 2, "name of material"), ("a.ply", 2, "merged"), ("a.glb", 0, "")]
    {
        let path = target.path().join(name);
        let told = scene_file::write(&scene, &path).unwrap();
        assert_eq!(told.len(), notes, "{name}: {told:?}");
        assert!(told.concat().contains(words), "{name}: {told:?}");
        let back = scene_file::read(&path).unwrap();
        assert_eq!(triangles(&back), 4, "{name}");
        assert_eq!(back.objects[0].mesh.vertices[1], scene.objects[0].mesh.vertices[1], "{name}");
    }
}

/// A folder with these files, for one test.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

const TRIANGLE: &str = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n\
    element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n";

fn xml(body: &str) -> TempDir {
    let text = format!("<scene version='2.1.0'>\n{body}\n</scene>\n");
    folder(&[("scene.xml", text.as_bytes()), ("meshes/t.ply", TRIANGLE.as_bytes())])
}

fn read_xml(body: &str) -> SceneDescription {
    let folder = xml(body);
    scene_file::read(&folder.path().join("scene.xml")).unwrap()
}

#[test]
fn blender_exports_are_read_with_what_they_mean() {
    let scene = read_xml(
        r#"<default name="file" value="meshes/t"/><default name="up" value="5"/><default name="up" value="6"/>
        <integrator type="path"/><sensor type="perspective"><film type="hdrfilm"/></sensor>
        <emitter type="constant"/><emitter type="point"/>
        <bsdf type="twosided" id="mat-itu_glass" name="mat-itu_glass"><bsdf type="diffuse"/></bsdf>
        <bsdf type="principled" id="mat-Material.001"/>
        <shape type="ply" id="mesh-Tower"><string name="filename" value="$file.ply"/>
          <ref id="mat-itu_glass" name="bsdf"/><boolean name="flip_normals" value="true"/>
          <transform name="to_world"><translate x="1" z="$up"/><scale value="2"/></transform></shape>
        <shape type="rectangle"><ref id="mat-Material.001"/></shape>
        <shape type="cube" id="box"><bsdf type="itu-radio-material"><string name="type" value="wood"/></bsdf></shape>
        <shape type="rectangle" id="lamp"><emitter type="area"/></shape>
        <shape type="rectangle" id="bare"/>"#,
    );
    let told: Vec<_> = scene.objects.iter().map(|o| (o.name.as_str(), o.material.as_str())).collect();
    let expected =
        [("Tower", "itu_glass"), ("shape_1", "Material.001"), ("box", "box-material"), ("bare", "unassigned")];
    assert_eq!(told, expected);
    assert_eq!(scene.objects[0].mesh.vertices[1], [4.0, 0.0, 10.0]);
    let itu: Vec<_> = scene.materials.iter().map(|m| m.itu.as_deref()).collect();
    assert_eq!(itu, [Some("glass"), None, Some("wood"), None]);
    let warnings = scene.warnings.join("\n");
    for part in ["Material.001", "2 emitter", "1 integrator", "1 shape that is an emitter", "1 shapes have no bsdf"] {
        assert!(warnings.contains(part), "{warnings} lacks {part}");
    }
}

#[test]
fn map_coordinates_keep_their_millimetres() {
    let scene = read_xml(
        "<shape type='ply' id='a'><string name='filename' value='meshes/t.ply'/>
        <transform name='to_world'><translate x='4512345.678' y='5123456.789'/></transform></shape>",
    );
    assert_eq!(scene.objects[0].mesh.vertices[2], [4512345.678, 5123457.789, 0.0]);
}

#[test]
fn an_obj_shape_is_one_mesh_in_the_material_of_the_scene() {
    let obj = "o a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl x\nf 1 2 3\no b\nv 0 0 1\nusemtl y\nf 1 2 4\n";
    let text = "<scene><bsdf type='diffuse' id='itu_metal'/><shape type='obj' id='m'><string name='filename'
        value='.\\m.obj'/><ref id='itu_metal'/></shape></scene>";
    let folder = folder(&[("s.xml", text.as_bytes()), ("m.obj", obj.as_bytes())]);
    let scene = scene_file::read(&folder.path().join("s.xml")).unwrap();
    assert_eq!((scene.objects.len(), triangles(&scene), scene.objects[0].material.as_str()), (1, 2, "itu_metal"));
}

#[test]
fn a_ply_file_is_a_scene_of_one_object() {
    let folder = folder(&[("itu_brick.ply", TRIANGLE.as_bytes()), ("hall.ply", TRIANGLE.as_bytes())]);
    let brick = scene_file::read(&folder.path().join("itu_brick.ply")).unwrap();
    assert_eq!((brick.objects[0].name.as_str(), brick.materials[0].itu.as_deref()), ("itu_brick", Some("brick")));
    let hall = scene_file::read(&folder.path().join("hall.ply")).unwrap();
    assert_eq!((hall.objects[0].material.as_str(), hall.warnings.len()), ("unassigned", 1));
}

#[test]
fn faces_without_area_and_duplicates_are_counted_and_kept() {
    let text = TRIANGLE.replace("face 1", "face 3").replace("3 0 1 2\n", "3 0 1 2\n3 2 1 0\n3 1 1 2\n");
    let folder = folder(&[("a.ply", text.as_bytes())]);
    let total = Report::new(&scene_file::read(&folder.path().join("a.ply")).unwrap()).total;
    assert_eq!((total.triangles, total.degenerate_faces, total.duplicate_faces, total.open_edges), (3, 1, 1, 3));
}

/// Asserts that reading is an input error (exit code 65) with a remedy, whose text holds every part.
fn refuses(folder: &TempDir, file: &str, parts: &[&str]) {
    let path = folder.path().join(file);
    match scene_file::read(&path) {
        Err(error @ Error::Input(_)) => {
            let text = error.to_string();
            for part in parts.iter().chain(&["remedy: "]) {
                assert!(text.contains(part), "'{text}' lacks '{part}'");
            }
            assert_eq!(error.exit_code(), 65);
        }
        other => panic!("{file} {parts:?}: {other:?}"),
    }
}

#[test]
fn malformed_ply_files_are_refused() {
    let header_end = TRIANGLE.find("0 0 0").unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(TRIANGLE.contains(from));
        TRIANGLE.replacen(from, to, 1)
    };
    let binary = |end: usize| {
        let mesh = Mesh { vertices: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], triangles: vec![[0, 1, 2]] };
        let mut bytes = Vec::new();
        ply::write(&mesh, &mut bytes).unwrap();
        bytes.truncate(bytes.len() - end);
        bytes
    };
    let mut nan = binary(0);
    let at = nan.len() - 13 - 24;
    nan[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut infinite = binary(0);
    infinite[at..at + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
    let mut far_index = binary(0);
    let last = far_index.len() - 4;
    far_index[last..].copy_from_slice(&900u32.to_le_bytes());
    let mut longer = binary(0);
    longer.extend([1; 13]);
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (b"".to_vec(), &["header"]),
        (b"plx\n".to_vec(), &["header", "magic"]),
        (TRIANGLE[..header_end - 5].into(), &["header"]),
        (TRIANGLE[..header_end].into(), &["element vertex = 3"]),
        (binary(1), &["face 0 of 1"]),
        (binary(14), &["element face = 1", "bytes after the header"]),
        (TRIANGLE[..TRIANGLE.len() - 3].into(), &["face 0 of 1"]),
        (replaced("vertex 3", "vertex 1000000000000").into(), &["element vertex = 1000000000000", "bytes"]),
        (replaced("vertex 3", "vertex -3").into(), &["header", "vertex -3"]),
        (replaced("vertex 3", "vertex 4").into(), &["vertex 3 of 4", "1 numbers more"]),
        (replaced("face 1", "face 0").into(), &["element face", "at least one triangle"]),
        (longer, &["end of file = 13 bytes more", "counts"]),
        (nan, &["vertex 1", "NaN", "finite"]),
        (infinite, &["vertex 1", "inf", "finite"]),
        (far_index, &["face 0 = 900", "between 0 and 2"]),
        (replaced("3 0 1 2", "3 0 1 -2").into(), &["face 0 = -2", "between 0 and 2"]),
        (replaced("3 0 1 2", "2 0 1").into(), &["face 0 = 2", "at least 3 corners"]),
        (replaced("0 1 0\n", "0 one 0\n").into(), &["vertex 2 of 3"]),
        (replaced("property float y\n", "").into(), &["element vertex", "property y"]),
        (replaced("property float y", "property float x").into(), &["header", "declared twice"]),
        (replaced("vertex_indices", "corners").into(), &["element face", "vertex_indices"]),
        (replaced("uchar int", "uchar float").into(), &["face 0 of 1"]),
        (replaced("ascii 1.0", "ascii_dialect 1.0").into(), &["header", "ascii_dialect"]),
    ];
    for (content, parts) in cases {
        let folder = folder(&[("bad.ply", &content)]);
        refuses(&folder, "bad.ply", &[parts, &["bad.ply"]].concat());
    }
}

#[test]
fn malformed_mitsuba_scenes_are_refused() {
    let mesh = |file: &str| format!("<shape type='ply' id='wall'><string name='filename' value='{file}'/></shape>");
    let cube = |inner: &str| format!("<shape type='cube' id='wall'>{inner}</shape>");
    let moved = |step: &str| cube(&format!("<transform name='to_world'>{step}</transform>"));
    let cases: Vec<(String, &[&str])> = vec![
        (mesh("meshes/gone.ply"), &["gone.ply", "shape 'wall'", "cannot be read"]),
        (mesh("../secret.ply"), &["shape 'wall', filename = ../secret.ply", "inside"]),
        (mesh("/etc/passwd"), &["shape 'wall', filename = /etc/passwd", "inside"]),
        (mesh("C:\\a.ply"), &["filename = C:/a.ply", "inside"]),
        (mesh("$scene/a.ply"), &["line 2", "$scene", "<default"]),
        ("<shape type='ply' id='wall'/>".into(), &["shape 'wall'", "filename"]),
        ("<shape type='sphere' id='ball'/>".into(), &["line 2, shape 'ball' = sphere", "triangle mesh"]),
        ("<shape id='wall'/>".into(), &["shape 'wall'", "attribute 'type'"]),
        ("<include filename='more.xml'/>".into(), &["<include> = more.xml", "paste"]),
        ("<shpe type='cube'/>".into(), &["line 2", "shpe", "did you mean 'shape'"]),
        (cube("<ref id='brik'/>") + "<bsdf type='diffuse' id='itu_brick'/>", &["brik", "names an id of this scene"]),
        (cube("<ref id='bric'/>") + "<bsdf type='diffuse' id='brick'/>", &["bric", "did you mean 'brick'"]),
        (
            "<bsdf type='twosided' id='a'><ref id='b'/></bsdf><bsdf type='twosided' id='b'><ref id='a'/></bsdf>".into(),
            &["line 2, ref", "lead back"],
        ),
        ("<bsdf type='diffuse'/>".into(), &["line 2, <bsdf>", "has an id"]),
        (cube("") + &cube(""), &["shape 'wall' = wall", "used once", "line 2"]),
        (
            "<bsdf type='diffuse' id='itu_wood'/><bsdf type='diffuse' id='mat-itu_wood'><float name='thickness'
            value='1'/></bsdf>"
                .into(),
            &["itu_wood", "one name"],
        ),
        ("<bsdf type='itu-radio-material' id='m'/>".into(), &["bsdf 'm'", "string 'type'"]),
        (
            "<bsdf type='radio-material' id='m'><float name='thickness' value='thick'/></bsdf>".into(),
            &["float 'thickness' of bsdf 'm' = thick", "numbers"],
        ),
        (
            "<bsdf type='radio-material' id='m'><string name='scattering_pattern' value='glow'/></bsdf>".into(),
            &["bsdf 'm' = glow", "lambertian"],
        ),
        (moved("<translate x='1e400'/>"), &["shape 'wall'", "finite"]),
        (moved("<scale value='two'/>"), &["shape 'wall' = two", "'value' holds numbers"]),
        (moved("<rotate angle='90'/>"), &["shape 'wall'", "axis"]),
        (moved("<matrix value='1 2 3'/>"), &["shape 'wall' = 3", "16 or 9"]),
        ("<default name='a'/>".into(), &["default 'a'", "attribute 'value'"]),
        (String::new(), &["scene = 0", "at least one shape"]),
        ("<shape type='cube'>".into(), &["XML", "not well formed"]),
    ];
    for (body, parts) in cases {
        refuses(&xml(&body), "scene.xml", parts);
        let error = scene_file::read(&xml(&body).path().join("scene.xml")).unwrap_err().to_string();
        assert!(error.contains("scene.xml") || error.contains("gone.ply"), "{error}");
    }
}

#[test]
fn xml_bombs_and_other_files_are_refused() {
    let bomb = "<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]><scene>&b;</scene>";
    let deep = "<scene>".to_string() + &"<a>".repeat(1_000_000) + &"</a>".repeat(1_000_000) + "</scene>";
    let cases: [(&[u8], &[&str]); 5] = [
        (bomb.as_bytes(), &["XML", "<!DOCTYPE"]),
        (deep.as_bytes(), &["line 1", "no element of a Mitsuba scene"]),
        (b"<html/>", &["<html> = html", "root element is <scene>"]),
        (&[0xff, 0xfe, 0, 1], &["XML", "UTF-8"]),
        (b"", &["XML", "not well formed"]),
    ];
    for (content, parts) in cases {
        refuses(&folder(&[("bad.xml", content)]), "bad.xml", &[parts, &["bad.xml"]].concat());
    }
}

#[test]
fn malformed_obj_files_are_refused() {
    for (text, parts) in [
        ("", &["at least one triangle"][..]),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", &["OBJ", "cannot be read"]),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 -9\n", &["OBJ, line 4: index", "-9", "at most 3 back"]),
        ("v 0 0 0\nv 1 0\nv 0 1 0\nf 1 2 3\n", &["OBJ", "position"]),
        ("o a\nv 0 0 0\nv 1 0 inf\nv 0 1 0\nf 1 2 3\n", &["object 'a', vertex 1", "finite"]),
        ("o a\nv 0 0 0\nv 1 0 0\nl 1 2\n", &["at least one triangle"]),
    ] {
        refuses(&folder(&[("bad.obj", text.as_bytes())]), "bad.obj", &[parts, &["bad.obj"]].concat());
    }
}

/// A triangle in glTF with a buffer file beside it.
const GLTF: &str = r#"{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],
    "meshes":[{"primitives":[{"attributes":{"POSITION":0},"indices":1}]}],
    "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3","min":[0,0,0],"max":[1,1,0]},
    {"bufferView":1,"componentType":5121,"count":3,"type":"SCALAR"}],
    "bufferViews":[{"buffer":0,"byteLength":36},{"buffer":0,"byteOffset":36,"byteLength":3}],
    "buffers":[{"byteLength":39,"uri":"a%20b.bin"}]}"#;

fn gltf_buffer() -> Vec<u8> {
    let positions = [0f32, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    positions.iter().flat_map(|x| x.to_le_bytes()).chain([0, 1, 2]).collect()
}

#[test]
fn gltf_is_turned_from_y_up_to_z_up() {
    let text = GLTF.replace(
        r#"[{"mesh":0}]"#,
        r#"[{"mesh":0,"translation":[1000000.125,2,0],"rotation":[0,0,0.7071067811865476,0.7071067811865476]}]"#,
    );
    let folder = folder(&[("a.gltf", text.as_bytes()), ("a b.bin", &gltf_buffer())]);
    let scene = scene_file::read(&folder.path().join("a.gltf")).unwrap();
    // (1, 0, 0) turns about z to (0, 1, 0), moves to (1000000.125, 3, 0) and is (x, -z, y) = (1000000.125, 0, 3).
    let vertex = scene.objects[0].mesh.vertices[1];
    let distance = vertex.iter().zip([1_000_000.125, 0.0, 3.0]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(distance < 1e-9, "{vertex:?}");
    assert_eq!(scene.objects[0].material, "unassigned");
}

#[test]
fn malformed_gltf_files_are_refused() {
    let cases: Vec<(&str, &str, &[&str])> = vec![
        ("{\"asset\"", "{\"aset\"", &["glTF", "cannot be read"]),
        ("\"byteLength\":39", "\"byteLength\":3900", &["buffers[0] = 3900", "39 bytes"]),
        ("a%20b.bin", "gone.bin", &["buffers[0]", "gone.bin", "cannot be read"]),
        ("a%20b.bin", "..%2Fsecret.bin", &["buffers[0] = ../secret.bin", "inside"]),
        ("a%20b.bin", "data:text/plain,abc", &["buffers[0]", "base64"]),
        ("a%20b.bin", "data:a;base64,$$$", &["buffers[0]", "base64"]),
        (
            "\"count\":3,\"type\":\"VEC3\"",
            "\"count\":1000000000000,\"type\":\"VEC3\"",
            &["accessors[0]", "1000000000000"],
        ),
        ("\"count\":3,\"type\":\"SCALAR\"", "\"count\":2,\"type\":\"SCALAR\"", &["triangle 0 = 2", "3 corners"]),
        ("\"POSITION\":0", "\"NORMAL\":0", &["meshes[0].primitives[0]", "POSITION"]),
        ("\"POSITION\":0", "\"POSITION\":7", &["meshes[0].primitives[0] = 7", "one of 2 accessors"]),
        ("\"indices\":1", "\"indices\":0", &["accessors[0]", "Scalar"]),
        ("\"mesh\":0", "\"mesh\":5", &["nodes[0].mesh = 5", "one of 1 meshes"]),
        ("\"mesh\":0", "\"mesh\":0,\"children\":[0]", &["nodes[0]", "one parent"]),
        ("\"mesh\":0", "\"mesh\":0,\"scale\":[1e400,1,1]", &["glTF", "cannot be read"]),
        ("\"nodes\":[0]", "\"nodes\":[]", &["glTF scene", "at least one triangle"]),
        ("\"scene\":0", "\"extensionsRequired\":[\"KHR_draco_mesh_compression\"],\"scene\":0", &["extensionsRequired"]),
    ];
    for (from, to, parts) in cases {
        assert!(GLTF.contains(from), "{from}");
        let text = GLTF.replacen(from, to, 1);
        let folder = folder(&[("bad.gltf", text.as_bytes()), ("a b.bin", &gltf_buffer())]);
        refuses(&folder, "bad.gltf", parts);
    }
    let mut far = gltf_buffer();
    far[38] = 3;
    let bad_index = folder(&[("bad.gltf", GLTF.as_bytes()), ("a b.bin", &far)]);
    refuses(&bad_index, "bad.gltf", &["triangle 0 = 3", "between 0 and 2", "bad.gltf"]);
    refuses(&folder(&[("bad.glb", b"glTF\x02\0\0\0\xff\0\0\0JSON")]), "bad.glb", &["GLB header = 255", "bad.glb"]);
}

#[test]
fn unknown_formats_and_missing_files_are_refused() {
    let folder = folder(&[("a.stl", b""), ("folder.ply/x", b"")]);
    refuses(&folder, "a.stl", &["a.stl", "extension = 'stl'", ".xml"]);
    refuses(&folder, "none", &["extension = ''"]);
    refuses(&folder, "gone.ply", &["gone.ply", "cannot be read"]);
    refuses(&folder, "folder.ply", &["folder.ply", "cannot be read"]);
    let error = scene_file::write(&rich_scene(), &folder.path().join("a.stl/b.ply")).unwrap_err();
    assert!(matches!(error, Error::Write { .. }) && error.exit_code() == 73, "{error}");
    assert!(scene_file::write(&rich_scene(), &folder.path().join("a.stp")).is_err());
}
