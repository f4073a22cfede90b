//! The picture of a plane: values as colours, walls, radios, and the ways that transmitters took.

use super::colour::{NO_PATH, Scale};
use super::frame::{self, View};
use super::pen::{Align, Pen, Rgb};
use super::{FAINT, INK, PAPER, RECEIVER, save, triangle};
use crate::error::Result;
use crate::planar::{Vec2, Wall};
use std::path::Path;

/// Larger side of the map [pixel].
const SIDE: f64 = 640.0;
/// Blank on the left of the map, above, right and below [pixel].
const MARGIN: [usize; 4] = [84, 56, 150, 62];
/// Length of the bar of colours [pixel].
const BAR: usize = 240;
/// Colour of ways, and of those of further starts.
const WAY: Rgb = [214, 40, 40];
const OTHER_WAYS: Rgb = [250, 150, 0];

/// What a picture of a plane shows.
pub struct PlanePicture<'a> {
    /// The line above it.
    pub title: &'a str,
    /// Values [dB] of cells `[row, column]`, row 0 at the bottom; those that are not finite have nothing.
    pub values: &'a [f64],
    /// Cells along each side.
    pub cells: usize,
    /// Lower left and upper right corner [m].
    pub area: [Vec2; 2],
    /// Walls.
    pub walls: &'a [Wall],
    /// Receivers [m].
    pub receivers: &'a [Vec2],
    /// Transmitters [m].
    pub transmitters: Vec<Vec2>,
    /// Ways, the first one in front [m].
    pub tracks: &'a [Vec<Vec2>],
}

/// Draws a plane into the PNG `file`.
///
/// # Errors
/// [`crate::error::Error::Write`] if the file cannot be written; [`crate::error::Error::Internal`] if it cannot be drawn.
pub fn plane(picture: &PlanePicture, file: &Path) -> Result<()> {
    save(draw(picture), file)
}

fn draw(picture: &PlanePicture) -> std::result::Result<Pen, String> {
    let [left, top, right, bottom] = MARGIN;
    let [low, high] = picture.area;
    let size = high - low;
    let pixel = size.max() / SIDE;
    let [width, height] = [size.x, size.y].map(|side| (side / pixel).round().max(1.0) as usize);
    let view = View { low: [low.x, low.y], pixel: [pixel; 2], width, height, corner: [left, top] };
    let mut pen = Pen::new(left + width + right, top + height.max(BAR + 40) + bottom, PAPER)?;
    let scale = Scale::of(picture.values);
    let n = picture.cells;
    for row in 0..height {
        for column in 0..width {
            let cell = (height - 1 - row) * n / height * n + column * n / width;
            let value = picture.values[cell];
            let colour = scale.as_ref().filter(|_| value.is_finite()).map_or(NO_PATH, |scale| scale.colour(value));
            pen.pixel(left + column, top + row, colour);
        }
    }
    let place = |at: &Vec2| view.place(at.x, at.y);
    for (colour, width) in [(PAPER, 5.0), (INK, 2.6)] {
        picture
            .walls
            .iter()
            .for_each(|wall| pen.line(&[place(&wall.ends[0]), place(&wall.ends[1])], colour, width, 1.0));
    }
    for (i, track) in picture.tracks.iter().enumerate().rev() {
        let points: Vec<[f32; 2]> = track.iter().map(place).collect();
        let colour = if i == 0 { WAY } else { OTHER_WAYS };
        if points.len() > 1 {
            pen.line(&points, colour, 1.8, 0.9);
        }
        points.iter().for_each(|at| pen.disc(*at, 1.6, colour, None, 0.9));
        points.first().into_iter().for_each(|at| pen.disc(*at, 4.0, colour, Some(PAPER), 1.0));
    }
    picture.receivers.iter().for_each(|at| pen.disc(place(at), 5.0, RECEIVER, Some(PAPER), 1.0));
    picture.transmitters.iter().for_each(|at| triangle(&mut pen, place(at)));
    frame::cut_off(&mut pen, &view);
    frame::axes(&mut pen, &view, ["x [m]", "y [m]"]);
    pen.title(picture.title, [left as f32, 22.0], INK);
    let x = (left + width) as f32 + 24.0;
    match &scale {
        Some(scale) => {
            frame::bar(&mut pen, [x, top as f32 + 10.0], BAR, scale.ends(), |v| scale.colour(v), &scale.ticks());
        }
        None => pen.text("nothing", [x, top as f32 + 10.0], Align::Left, FAINT),
    }
    Ok(pen)
}
