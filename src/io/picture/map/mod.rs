//! The picture of one radio map: [`radio_map`].
//!
//! This module says what is drawn where; [`cells`] brings the map to the resolution of the picture, [`section`] finds the
//! walls in its plane, [`legend`] says what colours mean.

mod cells;
mod legend;
mod section;

pub use section::Section;

use super::frame::{self, View};
use super::pen::{Align, Pen};
use super::{FAINT, INK, NAMED_RADIOS, PAPER, save, triangle};
use crate::error::Result;
use cells::Cells;
use legend::{Key, Row};
use section::Line;
use std::path::Path;

/// Blank on the right of the map and below it: legend and axis [pixel].
const RIGHT: usize = 240;
const BELOW: usize = 62;
/// Least and largest side of a map [m]; beyond it ticks have no numbers.
const SIDES_M: [f64; 2] = [1e-6, 1e9];
/// Longest name of a transmitter at its mark [characters].
const LONGEST_NAME: usize = 24;

/// What a radio map shows; values are in the unit given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Path gain [dB].
    PathGain,
    /// Received power of one transmitter [dBm].
    Rss,
    /// Signal to interference and noise [dB].
    Sinr,
    /// RMS delay spread [ns].
    DelaySpread,
    /// The transmitter that serves a cell, as an index into [`MapPicture::servers`].
    BestServer,
    /// Standard error of an estimated map [dB].
    StandardError,
}

impl Quantity {
    /// Name and unit, as the legend writes them.
    fn name(self) -> &'static str {
        match self {
            Quantity::PathGain => "path gain [dB]",
            Quantity::Rss => "received power [dBm]",
            Quantity::Sinr => "SINR [dB]",
            Quantity::DelaySpread => "RMS delay spread [ns]",
            Quantity::BestServer => "best server",
            Quantity::StandardError => "standard error [dB]",
        }
    }
}

/// A transmitter on a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its place in the plane of the map [m].
    pub at_m: [f64; 2],
    /// What is written at it.
    pub name: String,
}

/// What a picture of a radio map shows.
#[derive(Debug, Clone, Copy)]
pub struct MapPicture<'a> {
    /// The line above the map.
    pub title: &'a str,
    /// What `values` are.
    pub quantity: Quantity,
    /// Cells' values `[ny, nx]`, row 0 at the low end of the second axis, in the unit of `quantity`; those that are not
    /// finite have no path.
    pub values: &'a [f64],
    /// Number of cells along both axes, `[nx, ny]`.
    pub cells: [usize; 2],
    /// Sides of a cell [m].
    pub cell_m: [f64; 2],
    /// Plane coordinates of the map's low corner [m]; of horizontal maps x and y of the scene file.
    pub low_m: [f64; 2],
    /// Names of both axes, such as `x [m]`.
    pub axes: [&'a str; 2],
    /// Transmitters; those outside of the map are only counted.
    pub marks: &'a [Mark],
    /// Names for [`Quantity::BestServer`].
    pub servers: &'a [String],
    /// Where the plane of the map cuts the scene: its walls are drawn over the map.
    pub section: Option<Section<'a>>,
}

/// Draws a radio map into the PNG `file`: values as colours, the second axis up, axes in metres, the walls in its plane,
/// transmitters with their names, a legend.
///
/// Cells are crisp; where several share a pixel, it shows their mean: in linear power for decibels of power, of those
/// cells that have a path, and "no path" if most have none; of servers that of the middle cell. The scale of colours runs
/// from the 1 % to the 99.5 % quantile of what is shown, rounded outwards; values beyond get the colours of its ends.
///
/// # Errors
/// [`crate::error::Error::Write`] if the file cannot be written; [`crate::error::Error::Internal`] if there are no cells,
/// `values` are not as many as cells, a side of the map is not within 1e-6..=1e9 m or a coordinate of its corner not within
/// 1e9 m, or a server has no name.
pub fn radio_map(picture: &MapPicture, file: &Path) -> Result<()> {
    save(check(picture).and_then(|()| draw(picture)), file)
}

fn check(picture: &MapPicture) -> std::result::Result<(), String> {
    let [nx, ny] = picture.cells;
    if nx == 0 || nx.checked_mul(ny) != Some(picture.values.len()) || picture.values.is_empty() {
        return Err(format!("{} values for {nx} x {ny} cells", picture.values.len()));
    }
    let sides = [0, 1].map(|axis| picture.cells[axis] as f64 * picture.cell_m[axis]);
    let known = |side: &f64| (SIDES_M[0]..=SIDES_M[1]).contains(side);
    if !(sides.iter().all(known) && picture.low_m.iter().all(|x| x.abs() <= SIDES_M[1])) {
        return Err(format!("cells of {:?} m from {:?} m on", picture.cell_m, picture.low_m));
    }
    Ok(())
}

fn draw(picture: &MapPicture) -> std::result::Result<Pen, String> {
    let view = cells::view_of(picture);
    let cells = Cells::new(picture, &view);
    let key = Key::new(picture, &cells)?;
    let walls = picture.section.map(|section| section.walls(&view));
    let inside: Vec<(&Mark, [f32; 2])> = picture.marks.iter().filter_map(|mark| on_map(&view, mark)).collect();
    let names = if inside.len() > NAMED_RADIOS { Vec::new() } else { places_of_names(&view, &inside) };

    let mut rows = Row::of(picture, &cells, &key, walls.as_ref());
    rows.extend(Row::notes(picture, &view, &cells, [inside.len(), names.len()], walls.as_ref()));
    let size = [
        view.corner[0] + view.width + RIGHT,
        (view.corner[1] + view.height + BELOW).max(view.corner[1] + legend::height_of(&rows)),
    ];
    let mut pen = Pen::new(size[0], size[1], PAPER)?;
    paint(&mut pen, picture, &view, &cells, &key);
    if let Some(walls) = &walls {
        draw_walls(&mut pen, &walls.lines, walls.opacity);
    }
    frame::cut_off(&mut pen, &view);
    frame::axes(&mut pen, &view, picture.axes);
    let [left, top, right, bottom] = view.edges();
    if matches!(key, Key::Nothing) {
        let text = legend::without_path(picture, &cells, &key);
        pen.text(text, [(left + right) / 2.0, (top + bottom) / 2.0], Align::Centre, FAINT);
    }
    inside.iter().for_each(|(_, at)| triangle(&mut pen, *at));
    names.iter().for_each(|(name, at)| pen.outlined(name, *at, INK, PAPER));
    pen.title(&cut(picture.title, Pen::letters_of_title(right - left + RIGHT as f32 - 20.0)), [left, 28.0], INK);
    legend::draw(&mut pen, &rows, &key, [right + 20.0, top + 10.0]);
    Ok(pen)
}

fn paint(pen: &mut Pen, picture: &MapPicture, view: &View, cells: &Cells, key: &Key) {
    let [left, top] = view.corner;
    for row in 0..view.height {
        for column in 0..view.width {
            pen.pixel(left + column, top + row, key.colour(cells.at(picture, view, [column, row])));
        }
    }
}

/// Lines that are seen on every colour: dark on a light ground.
fn draw_walls(pen: &mut Pen, lines: &[Line], opacity: f32) {
    // Above 1, so that pieces that meet or lie on each other do not add up.
    const WIDTH: f32 = 1.1;
    pen.lines(lines, PAPER, 2.6, 0.45 * opacity);
    pen.lines(lines, INK, WIDTH, 0.8 * opacity);
}

/// The mark and its place in the picture [pixel], if it lies on the map.
fn on_map<'a>(view: &View, mark: &'a Mark) -> Option<(&'a Mark, [f32; 2])> {
    let high = view.high();
    let inside = (0..2).all(|axis| mark.at_m[axis] >= view.low[axis] && mark.at_m[axis] <= high[axis]);
    inside.then(|| (mark, view.place(mark.at_m[0], mark.at_m[1])))
}

/// Names with their left ends [pixel]: beside their marks, on the map, over no other mark or name. A name that finds no
/// such place is left out.
fn places_of_names(view: &View, marks: &[(&Mark, [f32; 2])]) -> Vec<(String, [f32; 2])> {
    let [left, top, right, bottom] = view.edges();
    let mut taken: Vec<[f32; 4]> = marks.iter().map(|(_, [x, y])| [x - 10.0, y - 11.0, x + 10.0, y + 7.0]).collect();
    let mut placed = Vec::new();
    for (mark, [x, y]) in marks {
        let name = cut(&mark.name, LONGEST_NAME);
        let width = Pen::width_of(&name);
        let (after, before, centred) = (x + 12.0, x - 12.0 - width, x - width / 2.0);
        let (above, below) = (y - 7.0, y + 8.0);
        let places = [[after, above], [before, above], [after, below], [before, below]];
        let with_outline = |[x, y]: [f32; 2]| [x - 2.0, y - 9.0, x + width + 2.0, y + 9.0];
        let free = |at: &[f32; 2]| {
            let own = with_outline(*at);
            let apart = |b: &[f32; 4]| own[2] <= b[0] || own[0] >= b[2] || own[3] <= b[1] || own[1] >= b[3];
            let on_map = own[0] >= left && own[1] >= top && own[2] <= right && own[3] <= bottom;
            on_map && taken.iter().all(apart)
        };
        if let Some(at) = places.into_iter().chain([[centred, y - 20.0], [centred, y + 18.0]]).find(free) {
            taken.push(with_outline(at));
            placed.push((name, at));
        }
    }
    placed
}

/// The text, or its beginning if it has more than `letters` (at least three) letters.
fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_string();
    }
    text.chars().take(letters - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests;
