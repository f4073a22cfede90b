use super::*;
use crate::error::Error;
use crate::io::picture::TRANSMITTER;
use crate::io::picture::colour::{NAMES, NO_PATH, OTHERS};
use crate::io::picture::pen::Rgb;
use crate::scene::Scene;
use crate::scene::generate::{GenerateOptions, RoomOptions, generate};
use crate::scene::material::OutOfRange;

/// Colours of the ends of the scale: those of viridis.
const LOWEST: Rgb = [68, 1, 84];
const HIGHEST: Rgb = [253, 231, 37];
/// No path, as a map has it.
const NONE: f64 = f64::NEG_INFINITY;

fn picture_of<'a>(values: &'a [f64], cells: [usize; 2]) -> MapPicture<'a> {
    MapPicture {
        title: "",
        quantity: Quantity::PathGain,
        values,
        cells,
        cell_m: [5.0, 5.0],
        low_m: [-10.0, 20.0],
        axes: ["x [m]", "y [m]"],
        marks: &[],
        servers: &[],
        section: None,
    }
}

/// What [`radio_map`] writes, read again.
fn drawn(picture: &MapPicture) -> tiny_skia::Pixmap {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let file = folder.path().join("map.png");
    radio_map(picture, &file).expect("the picture can be drawn");
    tiny_skia::Pixmap::load_png(&file).expect("the file is a PNG")
}

fn at(picture: &tiny_skia::Pixmap, [x, y]: [usize; 2]) -> Rgb {
    let pixel = picture.pixel(x as u32, y as u32).expect("the pixel is inside");
    [pixel.red(), pixel.green(), pixel.blue()]
}

/// Number of pixels of exactly this colour from `low` on, up to `high`.
fn count(picture: &tiny_skia::Pixmap, rgb: Rgb, low: [usize; 2], high: [usize; 2]) -> usize {
    let rows = low[1]..high[1].min(picture.height() as usize);
    let columns = low[0]..high[0].min(picture.width() as usize);
    rows.flat_map(|y| columns.clone().map(move |x| [x, y])).filter(|pixel| at(picture, *pixel) == rgb).count()
}

/// Number of pixels that are not of this colour: letters have few of the full colour of their ink.
fn written(picture: &tiny_skia::Pixmap, ground: Rgb, low: [usize; 2], high: [usize; 2]) -> usize {
    (high[0] - low[0]) * (high[1] - low[1]) - count(picture, ground, low, high)
}

/// Left, top, right and bottom of the map within its frame [pixel].
fn map_of(picture: &MapPicture) -> ([usize; 2], [usize; 2]) {
    let view = cells::view_of(picture);
    let [left, top] = view.corner;
    ([left + 1, top + 1], [left + view.width - 1, top + view.height - 1])
}

/// The pixel at a point of the plane [m].
fn pixel_at(picture: &MapPicture, point: [f64; 2]) -> [usize; 2] {
    cells::view_of(picture).place(point[0], point[1]).map(|x| x as usize)
}

#[test]
fn cells_stand_at_their_places_with_their_colours() {
    // Row 0 is the lower one: the lowest value at the lower left, the highest at the upper right.
    let values = [-120.0, NONE, -110.0, -100.0, f64::NAN, -70.0];
    let picture = MapPicture { title: "path gain", ..picture_of(&values, [3, 2]) };
    let png = drawn(&picture);
    for (point, colour) in [
        ([-7.5, 22.5], LOWEST),
        ([-2.5, 22.5], NO_PATH),
        ([-2.5, 27.5], NO_PATH),
        ([2.5, 27.5], HIGHEST),
        // Cells are squares without a gradient.
        ([-9.9, 20.1], LOWEST),
        ([-5.1, 24.9], LOWEST),
    ] {
        assert_eq!(at(&png, pixel_at(&picture, point)), colour, "{point:?}");
    }
    let (low, high) = map_of(&picture);
    let cell = (high[0] + 1 - low[0]) * (high[1] + 1 - low[1]) / 6;
    for (colour, share) in [(LOWEST, 1.0), (HIGHEST, 1.0), (NO_PATH, 2.0)] {
        let pixels = count(&png, colour, low, high) as f64 / cell as f64;
        assert!((pixels / share - 1.0).abs() < 0.02, "{colour:?}: {pixels} cells");
    }
}

#[test]
fn title_legend_and_axes_are_drawn_outside_of_the_map() {
    let values = [-120.0, -70.0];
    let (plain, titled) =
        (picture_of(&values, [2, 1]), MapPicture { title: "path gain of bs1", ..picture_of(&values, [2, 1]) });
    let ([left, top], [right, bottom]) = map_of(&plain);
    let title = |picture| written(&drawn(picture), PAPER, [left + 40, 0], [right, top - 30]);
    assert!(title(&plain) == 0 && title(&titled) > 20, "{} {}", title(&plain), title(&titled));
    let png = drawn(&plain);
    let legend = [[right + 10, 0], [right + 300, 1000]];
    for (colour, least) in [(LOWEST, 15), (HIGHEST, 15), (NO_PATH, 18 * 13), (INK, 20), (TRANSMITTER, 0)] {
        let pixels = count(&png, colour, legend[0], legend[1]);
        assert!(pixels >= least && (least > 0 || pixels == 0), "{colour:?}: {pixels}");
    }
    assert!(written(&png, PAPER, [0, bottom + 10], [right, bottom + 60]) > 200, "labels of the first axis");
    assert!(written(&png, PAPER, [0, top], [left - 8, bottom]) > 200, "labels of the second axis");
}

#[test]
fn outliers_get_the_colour_of_the_end_and_the_bar_is_pointed() {
    let mut values: Vec<f64> = (0..400).map(|i| -100.0 + f64::from(i % 20)).collect();
    let far = |values: &[f64]| {
        let picture = picture_of(values, [20, 20]);
        let (_, [right, _]) = map_of(&picture);
        let png = drawn(&picture);
        (at(&png, pixel_at(&picture, [-7.5, 22.5])), count(&png, LOWEST, [right + 10, 0], [right + 300, 1000]))
    };
    let (_, inside) = far(&values);
    values[0] = -250.0;
    let (colour, beyond) = far(&values);
    assert_eq!(colour, LOWEST);
    assert!(beyond > inside + 80, "{inside} {beyond}");
}

#[test]
fn a_map_without_paths_says_so() {
    let servers = ["a".to_string()];
    for quantity in [Quantity::PathGain, Quantity::DelaySpread, Quantity::BestServer] {
        let picture = MapPicture { quantity, servers: &servers, ..picture_of(&[f64::NAN; 12], [4, 3]) };
        let png = drawn(&picture);
        let (low, high) = map_of(&picture);
        let centre = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
        let near = [[centre[0] - 60, centre[1] - 8], [centre[0] + 60, centre[1] + 8]];
        assert!(written(&png, NO_PATH, near[0], near[1]) > 200, "{quantity:?}: nothing is written");
        let pixels = (high[0] - low[0]) * (high[1] - low[1]);
        assert!(count(&png, NO_PATH, low, high) > pixels - 2000, "{quantity:?}");
        assert_eq!(count(&png, HIGHEST, [0, 0], [2000, 2000]), 0, "{quantity:?} has a scale");
    }
}

#[test]
fn a_map_whose_few_paths_do_not_show_does_not_say_that_there_are_none() {
    let said = |with_path: usize| {
        let mut values = vec![NONE; 3000 * 3];
        values[..with_path].fill(-80.0);
        let picture = picture_of(&values, [3000, 3]);
        let cells = Cells::new(&picture, &cells::view_of(&picture));
        let key = Key::new(&picture, &cells).expect("these are no servers");
        legend::without_path(&picture, &cells, &key)
    };
    assert_eq!([said(0), said(1), said(9000)], ["no path anywhere", "hardly any path", "no path"]);
}

#[test]
fn maps_of_any_shape_keep_to_their_size_and_aspect() {
    for [nx, ny] in [
        [1, 1],
        [1, 700],
        [700, 1],
        [1, 20_000],
        [20_000, 1],
        [3, 2],
        [501, 499],
        [1025, 1025],
        [1281, 900],
        [2999, 10],
    ] {
        let values: Vec<f64> = (0..nx * ny).map(|i| -0.001 * i as f64).collect();
        for cell_m in [[5.0, 5.0], [0.1, 0.3]] {
            let picture = MapPicture { cell_m, ..picture_of(&values, [nx, ny]) };
            let view = cells::view_of(&picture);
            let (width, height) = (view.width as f64, view.height as f64);
            assert!(
                width <= 1280.5 && height <= 1024.5 && width.max(height) > 500.0,
                "{nx} x {ny}: {width} x {height}"
            );
            let aspect = width / height;
            assert!(aspect > 0.39 && aspect < 4.1, "{nx} x {ny}: {width} x {height}");
            let true_aspect = nx as f64 * cell_m[0] / (ny as f64 * cell_m[1]);
            if (0.4..4.0).contains(&true_aspect) {
                assert!((aspect / true_aspect - 1.0).abs() < 0.01, "{nx} x {ny} is not to scale");
            }
            let png = drawn(&picture);
            let (low, high) = map_of(&picture);
            assert_ne!(at(&png, low), PAPER);
            let first = at(&png, [low[0], high[1] - 1]);
            assert!(first[0] > 240 || nx * ny == 1, "{nx} x {ny}: the first cell has the highest value");
        }
    }
}

#[test]
fn cells_that_share_a_pixel_are_averaged_as_their_quantity_asks() {
    // Blocks of 2 x 2: two values and two without, three without, four alike, and on the right a column alone.
    let (a, b) = (-60.0, -70.0);
    let values = [a, NONE, NONE, NONE, 7.0, b, NONE, 5.0, NONE, 9.0, 2.0, 2.0, 1.0, 0.0, 4.0];
    let of = |quantity| {
        let picture = MapPicture { quantity, ..picture_of(&values, [5, 3]) };
        let view = View { low: picture.low_m, pixel: [10.0, 10.0], width: 3, height: 2, corner: [0, 0] };
        let cells = Cells::new(&picture, &view);
        assert_eq!((cells.size, cells.block, cells.without_path), ([3, 2], [2, 2], 5));
        assert_eq!(cells.at(&picture, &view, [2, 0]), 4.0, "the upper right pixel is the last block");
        cells.values
    };
    let mean = 10.0 * f64::log10((1e-6 + 1e-7) / 2.0);
    let dbm = 10.0 * f64::log10((f64::powf(10.0, 0.7) + f64::powf(10.0, 0.9)) / 2.0);
    let half = 10.0 * f64::log10((f64::powf(10.0, 0.1) + 1.0) / 2.0);
    let near = |found: Vec<f64>, expected: [f64; 6]| {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9 || found.is_nan() && expected.is_nan(), "{found} {expected}");
        }
    };
    for quantity in [Quantity::PathGain, Quantity::Rss, Quantity::Sinr] {
        near(of(quantity), [mean, f64::NAN, dbm, 2.0, half, 4.0]);
    }
    for quantity in [Quantity::DelaySpread, Quantity::StandardError] {
        near(of(quantity), [-65.0, f64::NAN, 8.0, 2.0, 0.5, 4.0]);
    }
    near(of(Quantity::BestServer), [f64::NAN, f64::NAN, 9.0, 2.0, 0.0, 4.0]);
}

#[test]
fn a_map_of_many_cells_is_drawn_with_bounded_size() {
    let cells = [4000, 3000];
    let values: Vec<f64> = (0..cells[0] * cells[1]).map(|i| if i % cells[0] < 2000 { -100.0 } else { -80.0 }).collect();
    let picture = picture_of(&values, cells);
    let png = drawn(&picture);
    assert!(png.width() < 1700 && png.height() < 1300);
    let (low, high) = map_of(&picture);
    let left = count(&png, LOWEST, low, high) as f64 / ((high[0] - low[0]) * (high[1] - low[1])) as f64;
    assert!((left - 0.5).abs() < 0.01 && at(&png, [high[0] - 1, low[1]]) == HIGHEST, "{left}");
}

#[test]
fn servers_have_colours_of_their_own_and_the_many_small_ones_share_one() {
    let names: Vec<String> = (0..25).map(|i| format!("a base station of a long name {i}")).collect();
    let few =
        MapPicture { quantity: Quantity::BestServer, servers: &names[..3], ..picture_of(&[2.0, 0.0, NONE], [3, 1]) };
    let png = drawn(&few);
    let colours = [-7.5, -2.5, 2.5].map(|x| at(&png, pixel_at(&few, [x, 22.5])));
    assert_eq!(colours, [NAMES[2], NAMES[0], NO_PATH]);
    // 25 servers: those from 5 on serve two cells each, the others one.
    let values: Vec<f64> = (0..45).map(|i| f64::from(if i < 25 { i } else { i - 20 })).collect();
    let many = MapPicture { quantity: Quantity::BestServer, servers: &names, ..picture_of(&values, [5, 9]) };
    let png = drawn(&many);
    assert_eq!(at(&png, pixel_at(&many, [-7.5, 22.5])), OTHERS);
    assert_eq!(at(&png, pixel_at(&many, [-7.5, 27.5])), NAMES[0]);
    assert_eq!(at(&png, pixel_at(&many, [12.5, 62.5])), NAMES[19]);
    let (_, [right, _]) = map_of(&many);
    assert!(count(&png, OTHERS, [right + 10, 0], [right + 300, 1000]) >= 18 * 13, "the legend names the others");
}

#[test]
fn transmitters_stand_at_their_places_and_their_names_never_overlap() {
    let mark = |x: f64, y: f64, name: &str| Mark { at_m: [x, y], name: name.into() };
    let mut marks = vec![mark(-2.5, 22.5, "bs1"), mark(500.0, 0.0, "far"), mark(f64::NAN, 22.0, "nowhere")];
    let values = [-90.0, -80.0, -70.0, -60.0];
    let picture = picture_of(&values, [2, 2]);
    let png = drawn(&MapPicture { marks: &marks, ..picture });
    assert_eq!(at(&png, pixel_at(&picture, [-2.5, 22.5])), TRANSMITTER);
    // A crowd: no name covers another one or a mark or leaves the map, and some find no place.
    marks.extend((0..24).map(|i| mark(-10.0 + 0.2 * f64::from(i), 20.0 + 0.15 * f64::from(i), "transmitter")));
    let view = cells::view_of(&picture);
    let inside: Vec<(&Mark, [f32; 2])> = marks.iter().filter_map(|mark| on_map(&view, mark)).collect();
    let names = places_of_names(&view, &inside);
    assert_eq!(inside.len(), 25);
    assert!((3..25).contains(&names.len()), "{}", names.len());
    let [left, top, right, bottom] = view.edges();
    for (i, (name, [x, y])) in names.iter().enumerate() {
        let end = x + Pen::width_of(name);
        assert!(*x > left && end < right && y - 8.0 > top && y + 8.0 < bottom, "{name} leaves the map");
        for (other, [from, row]) in &names[..i] {
            let apart = end < *from || from + Pen::width_of(other) < *x || (row - y).abs() > 16.0;
            assert!(apart, "{name} at {x}, {y} and {other} at {from}, {row}");
        }
        let covers = |[mx, my]: &[f32; 2]| *mx > *x && *mx < end && (my - y).abs() < 8.0;
        assert!(!inside.iter().any(|(_, mark)| covers(mark)), "{name} covers a mark");
    }
}

#[test]
fn walls_are_drawn_where_the_plane_cuts_them() {
    let room = generate(&GenerateOptions::Room(RoomOptions::default())).expect("valid");
    let scene = Scene::new(&room, OutOfRange::Error).expect("the room is a scene");
    let (low, high) = scene.bounds().expect("the room has walls");
    let (low, high) = (low + scene.origin, high + scene.origin);
    let values = [-80.0; 100];
    let cell_m = [(high.x - low.x + 2.0) / 10.0, (high.y - low.y + 2.0) / 10.0];
    let picture = MapPicture { cell_m, low_m: [low.x - 1.0, low.y - 1.0], ..picture_of(&values, [10, 10]) };
    let view = cells::view_of(&picture);
    let extent = |section: Section| {
        let walls = section.walls(&view);
        let ends = || walls.lines.iter().flatten();
        [0, 1].map(|axis| ends().map(|end| end[axis]).fold((f32::MAX, f32::MIN), |(a, b), x| (a.min(x), b.max(x))))
    };
    let [(left, right), (top, bottom)] = extent(Section::horizontal(&scene, (low.z + high.z) / 2.0));
    let ([x0, y0], [x1, y1]) = (view.place(low.x, low.y), view.place(high.x, high.y));
    for (found, expected) in [(left, x0), (right, x1), (top, y1), (bottom, y0)] {
        assert!((found - expected).abs() < 0.01, "{found} {expected}");
    }
    assert!(Section::horizontal(&scene, high.z + 1.0).walls(&view).lines.is_empty(), "nothing is above the ceiling");
    // An upright plane through the middle, coordinates x and height: walls, floor and ceiling.
    let middle = [0.0, (low.y + high.y) / 2.0, low.z - low.y];
    let upright = Section { scene: &scene, origin_m: middle, u: [1.0, 0.0, 0.0], v: [0.0, 0.0, 1.0] };
    let [(left, right), (top, bottom)] = extent(upright);
    let tall = ((high.z - low.z) / view.pixel[1]) as f32;
    assert!((left - x0).abs() < 0.01 && (right - x1).abs() < 0.01 && (bottom - y0).abs() < 0.01);
    assert!((bottom - top - tall).abs() < 0.01, "{bottom} {top} {tall}");

    let section = Some(Section::horizontal(&scene, (low.z + high.z) / 2.0));
    let wall = [x0.round() as usize, ((y0 + y1) / 2.0) as usize];
    let shade = |section| at(&drawn(&MapPicture { section, ..picture }), wall).map(i32::from);
    let darker = (0..3).map(|c| (shade(None)[c] - shade(section)[c]).abs()).max();
    assert!(darker > Some(30), "{darker:?}");
}

#[test]
fn walls_too_many_to_be_told_apart_are_faint_or_left_out() {
    let room = generate(&GenerateOptions::Room(RoomOptions::default())).expect("valid");
    let scene = Scene::new(&room, OutOfRange::Error).expect("the room is a scene");
    let (low, high) = scene.bounds().expect("the room has walls");
    let view = |pixels: f64| View {
        low: [low.x + scene.origin.x, low.y + scene.origin.y],
        pixel: [(high.x - low.x) / pixels; 2],
        width: pixels as usize,
        height: pixels as usize,
        corner: [0, 0],
    };
    let opacity = |pixels| Section::horizontal(&scene, 1.0 + low.z + scene.origin.z).walls(&view(pixels)).opacity;
    assert_eq!((opacity(600.0), opacity(4.0)), (1.0, 0.0));
    assert!((0.1..1.0).contains(&opacity(24.0)), "{}", opacity(24.0));
}

#[test]
fn what_is_no_map_is_an_internal_error() {
    let name = ["only".to_string()];
    let good = picture_of(&[0.0, 1.0], [2, 1]);
    let servers = MapPicture { quantity: Quantity::BestServer, servers: &name, ..good };
    for bad in [
        MapPicture { cells: [0, 1], ..good },
        MapPicture { cells: [2, 0], ..good },
        MapPicture { cells: [3, 1], ..good },
        MapPicture { cells: [usize::MAX, 2], ..good },
        MapPicture { cells: [0, 0], values: &[], ..good },
        MapPicture { cell_m: [0.0, 1.0], ..good },
        MapPicture { cell_m: [1.0, f64::NAN], ..good },
        MapPicture { cell_m: [1.0, 1e-9], ..good },
        MapPicture { low_m: [f64::INFINITY, 0.0], ..good },
        MapPicture { low_m: [f64::NAN, 0.0], ..good },
        servers,
        MapPicture { values: &[0.5, 0.0], ..servers },
        MapPicture { values: &[-1.0, 0.0], ..servers },
    ] {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let file = folder.path().join("map.png");
        assert!(matches!(radio_map(&bad, &file), Err(Error::Internal(_))), "{bad:?}");
        assert!(!file.exists());
    }
}

#[test]
fn the_same_map_gives_the_same_bytes_and_long_texts_are_cut() {
    let values: Vec<f64> = (0..2500 * 700).map(|i| -(f64::from(i)).sqrt()).collect();
    let title = "a title \u{3b1} ".repeat(100);
    let picture = MapPicture { title: &title, ..picture_of(&values, [2500, 700]) };
    assert!(drawn(&picture).data() == drawn(&picture).data());
    assert_eq!((cut("four", 4), cut("fiver", 4)), ("four".to_string(), "f...".to_string()));
}
