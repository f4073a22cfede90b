//! The picture of a fit: its loss, its parameters, and what was measured against what is computed.

use super::colour::NAMES;
use super::frame::{self, View};
use super::pen::{Align, Pen, Rgb};
use super::{FAINT, INK, PAPER, save};
use crate::calibrate::Plan;
use crate::calibrate::fit::Outcome;
use crate::calibrate::loss::DECIBEL;
use crate::calibrate::measurement::{Part, Quantity};
use crate::calibrate::scale::factor;
use crate::error::Result;
use std::path::Path;

/// Sides of each of the three panels [pixel].
const PANEL: [usize; 2] = [440, 400];
/// Blank on the left of a panel, above, right and below it [pixel].
const MARGIN: [usize; 4] = [88, 52, 24, 62];
/// Height of a row of names [pixel].
const ROW: usize = 20;
/// Names of parameters in the picture; the others are told in fit.json.
const NAMED: usize = 20;
/// Columns of names.
const COLUMNS: usize = 2;
/// Points along a curve.
const POINTS: usize = 2000;

const TRAIN: Rgb = [22, 105, 200];
const VALIDATION: Rgb = [250, 150, 0];
const HELD_OUT: Rgb = [214, 40, 40];
const BEFORE: Rgb = [200, 204, 210];

/// Draws a fit into the PNG `file`.
///
/// # Errors
/// [`crate::error::Error::Write`] if the file cannot be written.
pub fn calibration(plan: &Plan, outcome: &Outcome, file: &Path) -> Result<()> {
    save(draw(plan, outcome), file)
}

fn draw(plan: &Plan, outcome: &Outcome) -> std::result::Result<Pen, String> {
    let [left, top, right, bottom] = MARGIN;
    let rows = plan.parameters.len().min(NAMED).div_ceil(COLUMNS);
    let width = 3 * (left + PANEL[0] + right);
    let mut pen = Pen::new(width, top + PANEL[1] + bottom + (rows + 1) * ROW, PAPER)?;
    losses(&mut pen, plan, outcome);
    parameters(&mut pen, plan, outcome);
    comparison(&mut pen, plan, outcome);
    Ok(pen)
}

/// Panel number `index`, showing x and y from `low` to `high`.
fn panel(index: usize, low: [f64; 2], high: [f64; 2]) -> View {
    let [left, top, right, _] = MARGIN;
    let side = |axis: usize| (high[axis] - low[axis]).max(1e-12);
    View {
        low,
        pixel: [side(0) / PANEL[0] as f64, side(1) / PANEL[1] as f64],
        width: PANEL[0],
        height: PANEL[1],
        corner: [left + index * (left + PANEL[0] + right), top],
    }
}

/// Bounds of values with some room; of none or one, a unit about it.
fn bounds(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let start = [f64::INFINITY, f64::NEG_INFINITY];
    let [low, high] = values.filter(|x| x.is_finite()).fold(start, |[low, high], x| [low.min(x), high.max(x)]);
    if low > high {
        return [0.0, 1.0];
    }
    let room = (0.05 * (high - low)).max(if high > low { 0.0 } else { 0.5 });
    [low - room, high + room]
}

fn title(pen: &mut Pen, view: &View, text: &str) {
    let [left, top, right, _] = view.edges();
    pen.text(text, [(left + right) / 2.0, top - 36.0], Align::Centre, INK);
}

fn curve(pen: &mut Pen, view: &View, points: &[[f64; 2]], colour: Rgb) {
    let every = points.len().div_ceil(POINTS).max(1);
    let places: Vec<[f32; 2]> = points.iter().step_by(every).map(|[x, y]| view.place(*x, *y)).collect();
    match places.as_slice() {
        [] => {}
        [only] => pen.disc(*only, 3.0, colour, None, 1.0),
        several => pen.line(several, colour, 1.6, 0.9),
    }
}

fn losses(pen: &mut Pen, plan: &Plan, outcome: &Outcome) {
    let history = || outcome.state.history.iter().enumerate();
    let point = |step: usize, loss: f64| [step as f64, libm::log10(loss.max(f64::MIN_POSITIVE))];
    let train: Vec<[f64; 2]> = history().map(|(step, entry)| point(step, entry.loss)).collect();
    let validation: Vec<[f64; 2]> =
        history().filter_map(|(step, entry)| Some(point(step, entry.validation?))).collect();
    let [low, high] = bounds(train.iter().chain(&validation).map(|point| point[1]));
    let view = panel(0, [0.0, low], [(plan.steps.max(1)) as f64, high]);
    curve(pen, &view, &train, TRAIN);
    curve(pen, &view, &validation, VALIDATION);
    frame::axes(pen, &view, ["step", "lg loss"]);
    title(pen, &view, "loss");
    let [_, top, right, _] = view.edges();
    for (k, (name, colour)) in [("training", TRAIN), ("validation", VALIDATION)].into_iter().enumerate() {
        if k == 0 || !validation.is_empty() {
            pen.text(name, [right - 10.0, top + 16.0 + 20.0 * k as f32], Align::Right, colour);
        }
    }
}

/// Trained numbers, less what came out: logarithms of what is above 0, so that curves of all kinds go side by side.
fn parameters(pen: &mut Pen, plan: &Plan, outcome: &Outcome) {
    let off = |k: usize| {
        let map = plan.parameters[k].map;
        let end = map.x_of(outcome.values[k]);
        let history = outcome.state.history.iter().enumerate();
        history.map(|(step, entry)| [step as f64, map.x_of(entry.values[k]) - end]).collect::<Vec<_>>()
    };
    let curves: Vec<Vec<[f64; 2]>> = (0..plan.parameters.len()).map(off).collect();
    let [low, high] = bounds(curves.iter().flatten().map(|point| point[1]));
    let view = panel(1, [0.0, low], [(plan.steps.max(1)) as f64, high]);
    let zero = view.place(0.0, 0.0)[1];
    let [left, _, right, bottom] = view.edges();
    pen.line(&[[left, zero], [right, zero]], FAINT, 1.0, 0.6);
    for (k, points) in curves.iter().enumerate().rev() {
        curve(pen, &view, points, NAMES[k % NAMES.len()]);
    }
    frame::axes(pen, &view, ["step", "x - x end"]);
    title(pen, &view, "parameters, as they are trained");
    let first = [MARGIN[0] as f32, bottom + MARGIN[3] as f32 + 4.0];
    let width = (pen.size()[0] - MARGIN[0]) as f32 / COLUMNS as f32;
    for (k, parameter) in plan.parameters.iter().enumerate().take(NAMED) {
        let (column, row) = (k % COLUMNS, k / COLUMNS);
        let [x, y] = [first[0] + column as f32 * width, first[1] + (row * ROW) as f32];
        let (unit, size) = parameter.target.unit();
        let doubt = if outcome.errors.of[k].is_unidentifiable { ", unidentifiable" } else { "" };
        let error = outcome.errors.of[k].value / size;
        let error = if error.is_finite() { format!(" +- {}", digits(error)) } else { String::new() };
        let unit = if unit == "-" { "" } else { unit };
        let text = format!("{} = {}{error} {unit}{doubt}", parameter.name, digits(outcome.values[k] / size));
        pen.line(&[[x, y], [x + 20.0, y]], NAMES[k % NAMES.len()], 3.0, 1.0);
        pen.text(text.trim_end(), [x + 28.0, y], Align::Left, INK);
    }
    if plan.parameters.len() > NAMED {
        let y = first[1] + (NAMED / COLUMNS * ROW) as f32;
        pen.text(
            &format!("and {} more: see fit.json", plan.parameters.len() - NAMED),
            [first[0], y],
            Align::Left,
            FAINT,
        );
    }
}

/// Four digits, whatever the size.
fn digits(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || (1e-3..1e4).contains(&size) {
        let before = if size >= 1.0 { libm::log10(size) as usize } else { 0 };
        format!("{x:.*}", 4usize.saturating_sub(before))
    } else {
        format!("{x:.3e}")
    }
}

fn comparison(pen: &mut Pen, plan: &Plan, outcome: &Outcome) {
    let wanted = Quantity::ALL.into_iter().find(|quantity| {
        plan.instrument.wants[*quantity as usize]
            && plan.rows.iter().any(|row| row.values[*quantity as usize].is_some())
    });
    let Some(quantity) = wanted else {
        let view = panel(2, [0.0, 0.0], [1.0, 1.0]);
        frame::axes(pen, &view, ["", ""]);
        title(pen, &view, "frequency responses alone were measured");
        return;
    };
    let (unit, shown): (&str, fn(f64) -> f64) =
        if quantity.is_power() { ("dB", |x| DECIBEL * libm::log(x)) } else { ("ns", |x| x * 1e9) };
    let mut points = Vec::new();
    let all = plan.rows.iter().zip(outcome.predicted_before.iter().zip(&outcome.predicted));
    for (row, (before, after)) in all {
        let scale = if quantity.is_power() { factor(&outcome.scales, row.group) } else { 1.0 };
        let Some(measured) = row.values[quantity as usize].map(|x| shown(x * scale)) else { continue };
        let colour = match plan.parts[row.receiver] {
            Part::Train => TRAIN,
            Part::Validation => VALIDATION,
            Part::HeldOut => HELD_OUT,
        };
        for (computed, colour) in [(before, BEFORE), (after, colour)] {
            let computed = computed[quantity as usize].map(shown);
            points.extend(computed.filter(|x| x.is_finite() && measured.is_finite()).map(|x| ([measured, x], colour)));
        }
    }
    points.sort_by_key(|(_, colour)| *colour != BEFORE);
    let [low, high] = bounds(points.iter().flat_map(|(point, _)| *point));
    let view = panel(2, [low, low], [high, high]);
    pen.line(&[view.place(low, low), view.place(high, high)], FAINT, 1.0, 0.8);
    for ([measured, computed], colour) in &points {
        pen.disc(view.place(*measured, *computed), 2.5, *colour, None, 0.7);
    }
    let name = quantity.name().replace('_', " ");
    frame::axes(pen, &view, [&format!("measured [{unit}]"), &format!("computed [{unit}]")]);
    title(pen, &view, &name);
    let [left, top, ..] = view.edges();
    let names = [("before", FAINT), ("after: training", TRAIN), ("validation", VALIDATION), ("held out", HELD_OUT)];
    let is_there = |colour: Rgb| points.iter().any(|(_, own)| *own == colour) || colour == FAINT;
    for (k, (name, colour)) in names.into_iter().filter(|(_, colour)| is_there(*colour)).enumerate() {
        pen.text(name, [left + 10.0, top + 16.0 + 20.0 * k as f32], Align::Left, colour);
    }
}
