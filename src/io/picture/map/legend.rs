//! What the colours of a map mean, and the column right of the map that says so.

use super::cells::Cells;
use super::section::Walls;
use super::{MapPicture, Quantity, cut};
use crate::io::picture::colour::{NAMES, NO_PATH, OTHERS, Scale};
use crate::io::picture::frame::{self, BAR_WIDTH, View};
use crate::io::picture::pen::{Align, Pen, Rgb};
use crate::io::picture::{FAINT, INK, triangle};

/// Length of the bar of colours, and of the points at its ends where values lie beyond [pixel].
const BAR: usize = 240;
const POINT: f32 = 12.0;
/// Where texts begin and numbers end in the column [pixel].
const TEXT: f32 = 32.0;
const WIDTH: f32 = 204.0;
/// Longest name of a server [characters].
const LONGEST_NAME: usize = 17;

/// The colours of values.
pub(super) enum Key {
    /// Of values.
    Scale(Scale),
    /// Of servers.
    Servers(Vec<Server>),
    /// There are no values.
    Nothing,
}

/// A server and what it has of the map.
pub(super) struct Server {
    colour: Rgb,
    /// Number of blocks that it serves.
    blocks: usize,
}

impl Key {
    /// # Errors
    /// A value that is no index of a server where the map shows servers.
    pub fn new(picture: &MapPicture, cells: &Cells) -> Result<Key, String> {
        if picture.quantity != Quantity::BestServer {
            return Ok(Scale::of(&cells.values).map_or(Key::Nothing, Key::Scale));
        }
        let mut blocks = vec![0; picture.servers.len()];
        for value in cells.values.iter().filter(|value| !value.is_nan()) {
            let of_server = blocks.get_mut(*value as usize).filter(|_| *value >= 0.0 && value.fract() == 0.0);
            *of_server.ok_or_else(|| format!("{value} is none of {} servers", picture.servers.len()))? += 1;
        }
        if blocks.iter().all(|n| *n == 0) {
            return Ok(Key::Nothing);
        }
        Ok(Key::Servers(coloured(&blocks)))
    }

    /// The colour of a block's value; NaN is no path.
    pub fn colour(&self, value: f64) -> Rgb {
        match self {
            Key::Scale(scale) if !value.is_nan() => scale.colour(value),
            Key::Servers(servers) if !value.is_nan() => servers[value as usize].colour,
            Key::Scale(_) | Key::Servers(_) | Key::Nothing => NO_PATH,
        }
    }
}

/// Colours in the order of servers; where they are more than colours, for those that serve most.
fn coloured(blocks: &[usize]) -> Vec<Server> {
    let mut by_size: Vec<usize> = (0..blocks.len()).collect();
    by_size.sort_by_key(|i| std::cmp::Reverse(blocks[*i]));
    let mut named = by_size[..blocks.len().min(NAMES.len())].to_vec();
    named.sort_unstable();
    let mut servers: Vec<Server> = blocks.iter().map(|n| Server { colour: OTHERS, blocks: *n }).collect();
    for (i, colour) in named.into_iter().zip(NAMES) {
        servers[i].colour = colour;
    }
    servers
}

/// A row of the legend.
pub(super) enum Row {
    Transmitter,
    Walls,
    Gap,
    Heading(String),
    Bar,
    /// A colour, what it means, and its share of the map.
    Area(Rgb, String, String),
    Note(String),
}

impl Row {
    /// The rows that explain the map.
    pub fn of(picture: &MapPicture, cells: &Cells, key: &Key, walls: Option<&Walls>) -> Vec<Row> {
        let mut rows = Vec::new();
        if !picture.marks.is_empty() {
            rows.push(Row::Transmitter);
        }
        if walls.is_some_and(|walls| !walls.lines.is_empty()) {
            rows.push(Row::Walls);
        }
        if !rows.is_empty() {
            rows.push(Row::Gap);
        }
        rows.push(Row::Heading(picture.quantity.name().to_string()));
        match key {
            Key::Scale(_) => rows.extend([Row::Bar, Row::Gap]),
            Key::Servers(servers) => rows.extend(Row::servers(picture.servers, servers, cells.values.len())),
            Key::Nothing => {}
        }
        let share = percent(cells.without_path, picture.values.len());
        rows.push(Row::Area(NO_PATH, without_path(picture, cells, key).to_string(), share));
        rows
    }

    fn servers(names: &[String], servers: &[Server], total: usize) -> Vec<Row> {
        let (named, others): (Vec<_>, Vec<_>) =
            names.iter().zip(servers).partition(|(_, server)| server.colour != OTHERS);
        let area = |(name, server): &(&String, &Server)| {
            Row::Area(server.colour, cut(name, LONGEST_NAME), percent(server.blocks, total))
        };
        let mut rows: Vec<Row> = named.iter().map(area).collect();
        let blocks: usize = others.iter().map(|(_, server)| server.blocks).sum();
        if blocks > 0 {
            let count = others.iter().filter(|(_, server)| server.blocks > 0).count();
            rows.push(Row::Area(OTHERS, format!("{count} others"), percent(blocks, total)));
        }
        rows
    }

    /// What does not show in the picture itself; `marks` on the map and names at them.
    pub fn notes(
        picture: &MapPicture,
        view: &View,
        cells: &Cells,
        [marks, names]: [usize; 2],
        walls: Option<&Walls>,
    ) -> Vec<Row> {
        let mut notes = Vec::new();
        let mut note = |holds: bool, text: String| notes.extend(holds.then_some(Row::Note(text)));
        let [across, up] = cells.block;
        let of = if picture.quantity == Quantity::BestServer { "1 of" } else { "mean of" };
        note(across * up > 1, format!("pixel: {of} {across} x {up} cells"));
        note(view.pixel[0] != view.pixel[1], "axes differ in scale".to_string());
        note(walls.is_some_and(|walls| walls.opacity == 0.0), "walls left out: too many".to_string());
        let outside = picture.marks.len() - marks;
        note(outside > 0, format!("transmitters outside: {outside}"));
        note(marks > names, format!("names left out: {}", marks - names));
        if !notes.is_empty() {
            notes.insert(0, Row::Gap);
        }
        notes
    }

    /// Height of the row [pixel].
    fn height(&self) -> f32 {
        match self {
            Row::Gap => 14.0,
            Row::Transmitter | Row::Walls | Row::Heading(_) | Row::Area(..) => 24.0,
            Row::Note(_) => 20.0,
            Row::Bar => BAR as f32 + 2.0 * POINT,
        }
    }
}

/// What the grey means. Where most cells of every block have no path, the map is grey although some have one.
pub(super) fn without_path(picture: &MapPicture, cells: &Cells, key: &Key) -> &'static str {
    match key {
        Key::Scale(_) | Key::Servers(_) => "no path",
        Key::Nothing if cells.without_path < picture.values.len() => "hardly any path",
        Key::Nothing => "no path anywhere",
    }
}

/// Height of all rows with a margin below [pixel].
pub(super) fn height_of(rows: &[Row]) -> usize {
    rows.iter().map(Row::height).sum::<f32>() as usize + 30
}

/// Draws the rows below each other, the middle of the first one at `[x, y]` [pixel].
pub(super) fn draw(pen: &mut Pen, rows: &[Row], key: &Key, [x, mut y]: [f32; 2]) {
    for row in rows {
        match row {
            Row::Transmitter => {
                triangle(pen, [x + BAR_WIDTH / 2.0, y + 1.0]);
                pen.text("transmitter", [x + TEXT, y], Align::Left, INK);
            }
            Row::Walls => {
                super::draw_walls(pen, &[[[x, y], [x + BAR_WIDTH, y]]], 1.0);
                pen.text("walls", [x + TEXT, y], Align::Left, INK);
            }
            Row::Gap => {}
            Row::Heading(text) | Row::Note(text) => pen.text(text, [x, y], Align::Left, FAINT),
            Row::Bar => {
                if let Key::Scale(scale) = key {
                    bar(pen, scale, [x, y]);
                }
            }
            Row::Area(colour, name, share) => {
                pen.fill([x, y - 7.0], [BAR_WIDTH, 14.0], *colour);
                pen.text(name, [x + TEXT, y], Align::Left, INK);
                pen.text(share, [x + WIDTH, y], Align::Right, FAINT);
            }
        }
        y += row.height();
    }
}

/// The bar of colours; an end beyond which there are values is pointed.
fn bar(pen: &mut Pen, scale: &Scale, [x, y]: [f32; 2]) {
    let ([low, high], top) = (scale.ends(), y);
    let bottom = top + BAR as f32;
    frame::bar(pen, [x, top], BAR, [low, high], |value| scale.colour(value), &scale.ticks());
    for (beyond, value, base, tip) in
        [(scale.beyond[0], low, bottom, bottom + POINT), (scale.beyond[1], high, top, top - POINT)]
    {
        if beyond {
            let colour = scale.colour(value);
            pen.polygon(&[[x, base], [x + BAR_WIDTH, base], [x + BAR_WIDTH / 2.0, tip]], colour, colour);
        }
    }
}

/// Share of `count` in `total` (at least 1); a part is neither nothing nor all.
fn percent(count: usize, total: usize) -> String {
    match (100.0 * count as f64 / total as f64).round() {
        0.0 if count > 0 => "<1 %".to_string(),
        100.0 if count < total => ">99 %".to_string(),
        share => format!("{share} %"),
    }
}
