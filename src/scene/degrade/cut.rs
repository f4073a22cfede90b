//! One face cut along the lines of its grid, by places alone: each piece of the outline belongs to exactly one cell, and
//! each piece of a line to the two cells beside it, so that the pieces close up whatever the rounding.

use super::grid::{Lift, Place, lines_between, ordered};
use super::{Facet, Receiver};
use crate::math::Vec3;

/// A point of an outline or of the grid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Where it is [m].
    pub(super) position: Vec3,
    /// Where it is in the grid.
    pub(super) place: Place,
    /// Its vertex, by the receiver's count.
    pub(super) vertex: u32,
}

/// Scratch of [`Cutter::cut`], kept from face to face.
#[derive(Default)]
pub(super) struct Cutter {
    rows: Strips,
    columns: Strips,
    indices: Vec<u32>,
    row: Vec<Node>,
    piece: Vec<Node>,
    lines: [Line; 2],
}

impl Cutter {
    /// Gives each cell's piece of the convex face with this `outline` to the receiver, row by row.
    pub(super) fn cut(
        &mut self,
        outline: &[Node],
        lift: &Lift,
        facet: impl Fn([u32; 2]) -> Facet,
        receiver: &mut impl Receiver,
    ) {
        self.lines.iter_mut().for_each(|line| line.vertices.clear());
        self.rows.sort(outline, 1);
        for row in 0..self.rows.len() {
            self.rows.polygon(row, outline.len(), &mut self.indices);
            self.close_row(outline, lift, receiver);
            self.columns.sort(&self.row, 0);
            for column in 0..self.columns.len() {
                self.columns.polygon(column, self.row.len(), &mut self.indices);
                if self.indices.len() >= 3 {
                    self.piece.clear();
                    self.piece.extend(self.indices.iter().map(|i| self.row[*i as usize]));
                    receiver.face(&facet([self.columns.first + column, self.rows.first + row]), &self.piece);
                }
            }
        }
    }

    /// Makes `row` of the outline's points in `indices`, with the points of the grid on the lines that close it.
    fn close_row(&mut self, outline: &[Node], lift: &Lift, receiver: &mut impl Receiver) {
        self.row.clear();
        for (k, i) in self.indices.iter().enumerate() {
            let node = outline[*i as usize];
            let next = outline[self.indices[(k + 1) % self.indices.len()] as usize];
            self.row.push(node);
            let row = node.place[1];
            if row != next.place[1] || row % 2 == 1 {
                continue;
            }
            let (low, high) = ordered(node.place[0], next.place[0]);
            let columns = lines_between(low, high);
            if columns.is_empty() {
                continue;
            }
            // Two lines are alive at a time, the lower and the upper one of this row.
            let line = &mut self.lines[row as usize / 2 % 2];
            line.make(row / 2, &columns, |column| receiver.vertex(&lift.point(column, row / 2)));
            let point = |column: u32| Node {
                position: lift.point(column, row / 2),
                place: [2 * column, row],
                vertex: line.vertices[(column - line.first) as usize],
            };
            if next.place[0] > node.place[0] {
                self.row.extend(columns.map(point));
            } else {
                self.row.extend(columns.rev().map(point));
            }
        }
    }
}

/// The vertices on one line between rows.
#[derive(Default)]
struct Line {
    number: u32,
    first: u32,
    vertices: Vec<u32>,
}

impl Line {
    /// Makes the vertices unless the row below has made them.
    fn make(&mut self, number: u32, columns: &std::ops::RangeInclusive<u32>, vertex: impl FnMut(u32) -> u32) {
        let count = (columns.end() - columns.start() + 1) as usize;
        if self.number != number || self.first != *columns.start() || self.vertices.len() != count {
            (self.number, self.first) = (number, *columns.start());
            self.vertices.clear();
            self.vertices.extend(columns.clone().map(vertex));
        }
    }
}

/// The sides of a polygon sorted into the strips between lines.
#[derive(Default)]
struct Strips {
    /// Number of the first strip.
    first: u32,
    /// First side `[strip + 1]` in `sides`.
    offsets: Vec<u32>,
    /// Sides, by the index of their first point, strip by strip in the order of the polygon.
    sides: Vec<u32>,
}

impl Strips {
    fn sort(&mut self, points: &[Node], axis: usize) {
        let last = points.iter().map(|p| p.place[axis]).max().unwrap_or(0);
        let strip = |side: usize| {
            let next = if side + 1 == points.len() { 0 } else { side + 1 };
            let (low, high) = ordered(points[side].place[axis], points[next].place[axis]);
            // A side on a line belongs to the strip above, but for the last line, above which there is nothing.
            if low == high && low % 2 == 0 && low == last { (low / 2).saturating_sub(1) } else { low / 2 }
        };
        let strips = || (0..points.len()).map(strip);
        self.first = strips().min().unwrap_or(0);
        let count = strips().max().map_or(0, |last| last - self.first + 1);
        self.offsets.clear();
        self.offsets.resize(count as usize + 2, 0);
        strips().for_each(|strip| self.offsets[(strip - self.first) as usize + 2] += 1);
        for strip in 2..self.offsets.len() {
            self.offsets[strip] += self.offsets[strip - 1];
        }
        self.sides.clear();
        self.sides.resize(points.len(), 0);
        for side in 0..points.len() {
            let end = &mut self.offsets[(strip(side) - self.first) as usize + 1];
            self.sides[*end as usize] = side as u32;
            *end += 1;
        }
        self.offsets.pop();
    }

    fn len(&self) -> u32 {
        self.offsets.len().saturating_sub(1) as u32
    }

    /// The points of a strip's sides in order, each once; `count` is the number of points of the polygon.
    fn polygon(&self, strip: u32, count: usize, points: &mut Vec<u32>) {
        let strip = strip as usize;
        points.clear();
        for side in &self.sides[self.offsets[strip] as usize..self.offsets[strip + 1] as usize] {
            if points.last() != Some(side) {
                points.push(*side);
            }
            points.push(if *side as usize + 1 == count { 0 } else { side + 1 });
        }
        if points.len() > 1 && points.first() == points.last() {
            points.pop();
        }
    }
}
