//! Pictures that the program draws itself: [`paths_from_above`], [`radio_map`], [`calibration()`], [`plane`].
//!
//! This module says where paths are drawn, [`relief`] makes the map under them; [`map`] draws radio maps, [`calibration`](mod@calibration) fits. All stand in a
//! [`frame`]; [`pen`] knows lines and letters. Pictures are a view of the results, not a result: colours and layout may
//! change.

mod calibration;
mod colour;
mod frame;
mod map;
mod pen;
mod placement;
mod relief;
mod sketch;

pub use calibration::calibration;
pub use map::{MapPicture, Mark, Quantity, Section, radio_map};
pub use placement::{PlanePicture, plane};
pub use sketch::Sketch;

use super::atomic;
use crate::error::{Error, Result};
use crate::math::Vec3;
use crate::scene::Scene;
use crate::scene::radio::{Radio, Radios};
use frame::{View, nice_step, number, ticks};
use pen::{Align, Pen, Rgb};
use relief::Relief;
use std::path::Path;

/// Width of the map [pixel]; its height follows from what is to be seen.
const MAP_WIDTH: usize = 900;
/// Ratio of width to height that the map keeps within, so that the legend finds its place [-].
const ASPECT: [f64; 2] = [1.0, 1.7];
/// Blank on the left of the map, above, right and below: axes and legend [pixel].
const MARGIN: [usize; 4] = [84, 28, 220, 62];
/// Room about what is to be seen, as a share of its larger side [-].
const SURROUNDINGS: f64 = 0.08;
/// How far beyond the radios the map follows paths: a share of the radios' larger side [-], or at least this [m]. Echoes
/// from the far end of a street would shrink everything else.
const REACH: f64 = 0.1;
const MIN_REACH_M: f64 = 40.0;
/// The map never shows less than this [m].
const MIN_SIDE_M: f64 = 4.0;
/// With more radios of a kind than this, names would hide the map.
const NAMED_RADIOS: usize = 30;
/// More receivers than this are drawn as an even selection.
const DRAWN_RECEIVERS: usize = 20_000;

const INK: Rgb = [38, 44, 54];
const FAINT: Rgb = [120, 128, 140];
const PAPER: Rgb = [255, 255, 255];
const TRANSMITTER: Rgb = [214, 40, 40];
const RECEIVER: Rgb = [34, 150, 72];
/// Colour of paths by the number of their bounces; the last one is for all above.
const BOUNCES: [Rgb; 6] = [[250, 150, 0], [22, 105, 200], [190, 40, 160], [0, 150, 150], [140, 95, 40], [90, 90, 100]];

/// Draws buildings, radios and paths from above into the PNG `file`: height as colour, north (y) up, axes in metres of
/// the scene file, paths coloured by their number of bounces. The view is cropped to the radios and what lies near them; where a ceiling
/// covers all radios, it is left out.
///
/// # Errors
/// [`Error::Write`] if the file cannot be written.
pub fn paths_from_above(scene: &Scene, radios: &Radios, paths: &Sketch, file: &Path) -> Result<()> {
    let view = view_of(scene, radios, paths);
    save(draw(scene, radios, paths, &view), file)
}

/// Writes what was drawn, or says why it could not be.
fn save(drawn: std::result::Result<Pen, String>, file: &Path) -> Result<()> {
    let png =
        drawn.and_then(|pen| pen.png()).map_err(|e| Error::Internal(format!("picture '{}': {e}", file.display())))?;
    atomic::write_bytes(file, &png)
}

fn draw(scene: &Scene, radios: &Radios, paths: &Sketch, view: &View) -> std::result::Result<Pen, String> {
    let [left, top, right, bottom] = MARGIN;
    let mut pen = Pen::new(left + view.width + right, top + view.height + bottom, PAPER)?;
    let relief = Relief::new(scene, view, &points_of(radios));
    relief.paint(&mut pen, [left, top]);
    draw_paths(&mut pen, view, paths);
    frame::cut_off(&mut pen, view);
    frame::axes(&mut pen, view, ["x [m]", "y [m]"]);
    draw_radios(&mut pen, view, radios);
    scale_bar(&mut pen, view);
    legend(&mut pen, view, &relief, paths);
    Ok(pen)
}

/// The bounds of radios and of paths near them with some room, in coordinates of the scene file; without any radios,
/// those of the scene; without a scene, a square about the origin.
fn view_of(scene: &Scene, radios: &Radios, paths: &Sketch) -> View {
    let of_scene = scene.bounds().map(|(low, high)| (low + scene.origin, high + scene.origin));
    let (low, high) = match bounds_of(&points_of(radios)) {
        Some((low, high)) => {
            let reach = ((high.x - low.x).max(high.y - low.y) * REACH).max(MIN_REACH_M);
            let (from, to) = paths.bounds.unwrap_or((low, high));
            (low.inf(&from.sup(&low.add_scalar(-reach))), high.sup(&to.inf(&high.add_scalar(reach))))
        }
        None => of_scene.unwrap_or_default(),
    };
    let centre = (low + high) / 2.0;
    let room = 1.0 + 2.0 * SURROUNDINGS;
    let side = |axis: usize| ((high[axis] - low[axis]) * room).max(MIN_SIDE_M);
    let larger = side(0).max(side(1));
    // The shorter side gets as much blank as the longer one, then whatever the aspect asks for.
    let [mut w, mut h] = [0, 1].map(|axis| side(axis).max(high[axis] - low[axis] + 2.0 * SURROUNDINGS * larger));
    w = w.max(h * ASPECT[0]);
    h = h.max(w / ASPECT[1]);
    let pixel = w / MAP_WIDTH as f64;
    let height = (h / pixel).round() as usize;
    let low = [centre.x - w / 2.0, centre.y - h / 2.0];
    View { low, pixel: [pixel; 2], width: MAP_WIDTH, height, corner: [MARGIN[0], MARGIN[1]] }
}

fn bounds_of(points: &[Vec3]) -> Option<(Vec3, Vec3)> {
    let first = *points.first()?;
    Some(points.iter().fold((first, first), |(low, high), p| (low.inf(p), high.sup(p))))
}

fn points_of(radios: &Radios) -> Vec<Vec3> {
    radios.transmitters.iter().chain(&radios.receivers).map(|radio| radio.position).collect()
}

/// Draws the paths, those with many bounces first.
fn draw_paths(pen: &mut Pen, view: &View, paths: &Sketch) {
    // Few paths are drawn firmly, many lightly, so that the crowd shows its density.
    let opacity = (12.0 / (paths.lines.len() as f32).sqrt()).clamp(0.25, 0.9);
    let mut lines: Vec<&sketch::Line> = paths.lines.iter().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.bounces()));
    for line in lines {
        let points: Vec<[f32; 2]> = line.points.iter().map(|point| view.place(point.x, point.y)).collect();
        let bounces = line.bounces();
        let (width, opacity) = if bounces == 0 { (2.2, opacity.max(0.7)) } else { (1.5, opacity) };
        let colour = BOUNCES[bounces.min(BOUNCES.len() - 1)];
        pen.line(&points, colour, width, opacity);
        for vertex in points.iter().skip(1).take(bounces) {
            pen.disc(*vertex, 1.8, colour, None, opacity);
        }
    }
}

fn draw_radios(pen: &mut Pen, view: &View, radios: &Radios) {
    let place = |radio: &Radio| view.place(radio.position.x, radio.position.y);
    // Thousands of receivers become a lattice of small dots.
    let radius = if radios.receivers.len() > 300 { 2.0 } else { 5.0 };
    for radio in radios.receivers.iter().step_by(radios.receivers.len().div_ceil(DRAWN_RECEIVERS).max(1)) {
        pen.disc(place(radio), radius, RECEIVER, (radius > 3.0).then_some(PAPER), 1.0);
    }
    for radio in &radios.transmitters {
        triangle(pen, place(radio));
    }
    for group in [&radios.receivers, &radios.transmitters] {
        for radio in group.iter().filter(|_| group.len() <= NAMED_RADIOS) {
            let [x, y] = place(radio);
            pen.label(&radio.name, [x + 9.0, y - 9.0], INK);
        }
    }
}

fn triangle(pen: &mut Pen, [x, y]: [f32; 2]) {
    pen.polygon(&[[x, y - 10.0], [x + 9.0, y + 6.0], [x - 9.0, y + 6.0]], TRANSMITTER, PAPER);
}

/// A length of the map that is easy to read, in its lower left corner.
fn scale_bar(pen: &mut Pen, view: &View) {
    let length = nice_step(view.width as f64 * view.pixel[0] / 6.0);
    let pixels = (length / view.pixel[0]) as f32;
    let [x, y] = [MARGIN[0] as f32 + 16.0, (MARGIN[1] + view.height) as f32 - 16.0];
    pen.panel([x - 8.0, y - 26.0], [pixels + 16.0, 36.0]);
    pen.line(&[[x, y - 5.0], [x, y], [x + pixels, y], [x + pixels, y - 5.0]], INK, 1.6, 1.0);
    pen.text(&format!("{length} m"), [x + pixels / 2.0, y - 14.0], Align::Centre, INK);
}

/// The column right of the map: radios, bounces, heights.
fn legend(pen: &mut Pen, view: &View, relief: &Relief, paths: &Sketch) {
    let x = (MARGIN[0] + view.width) as f32 + 20.0;
    let mut y = MARGIN[1] as f32 + 10.0;
    let mut next = |step: f32| {
        y += step;
        y - step
    };
    let row = next(24.0);
    triangle(pen, [x + 12.0, row + 1.0]);
    pen.text("transmitter", [x + 32.0, row], Align::Left, INK);
    let row = next(36.0);
    pen.disc([x + 12.0, row], 5.0, RECEIVER, Some(PAPER), 1.0);
    pen.text("receiver", [x + 32.0, row], Align::Left, INK);

    pen.text("paths", [x, next(24.0)], Align::Left, FAINT);
    for (bounces, count) in paths.bounces.iter().enumerate().filter(|(_, count)| **count > 0) {
        let row = next(22.0);
        pen.line(&[[x, row], [x + 24.0, row]], BOUNCES[bounces], 3.0, 1.0);
        let name = match bounces {
            0 => "direct".to_string(),
            1 => "1 bounce".to_string(),
            n if n == BOUNCES.len() - 1 => format!("{n}+ bounces"),
            n => format!("{n} bounces"),
        };
        pen.text(&format!("{name:<10}{count:>7}"), [x + 32.0, row], Align::Left, INK);
    }
    if paths.lines.len() < paths.count {
        pen.text(&format!("{} of them drawn", paths.lines.len()), [x, next(22.0)], Align::Left, FAINT);
    }
    next(14.0);
    pen.text("height z [m]", [x, next(22.0)], Align::Left, FAINT);
    height_bar(pen, relief, [x, next(0.0)]);
}

fn height_bar(pen: &mut Pen, relief: &Relief, at: [f32; 2]) {
    const LENGTH: usize = 160;
    let [low, high] = relief.range();
    let step = nice_step((high - low) / 5.0);
    let ticks: Vec<(f64, String)> = ticks(low, high, step).map(|height| (height, number(height, step))).collect();
    frame::bar(pen, at, LENGTH, [low, high], |height| relief.colour(height), &ticks);
}

#[cfg(test)]
mod tests;
