//! Lines, areas and letters on a canvas. Positions are pixels from the upper left corner.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, PremultipliedColorU8, Rect, Stroke, Transform,
};

/// A colour: red, green, blue.
pub(super) type Rgb = [u8; 3];

/// Where a text stands about its position, which is always its middle in height.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

const SIZE: RasterHeight = RasterHeight::Size16;
/// Of titles.
const TITLE: RasterHeight = RasterHeight::Size20;
const WEIGHT: FontWeight = FontWeight::Regular;

/// The canvas, opaque everywhere.
pub(super) struct Pen {
    pixmap: Pixmap,
}

impl Pen {
    pub(super) fn new(width: usize, height: usize, paper: Rgb) -> Result<Pen, String> {
        let size = |length: usize| u32::try_from(length).map_err(|e| e.to_string());
        let mut pixmap = Pixmap::new(size(width)?, size(height)?).ok_or("the canvas has no area")?;
        pixmap.fill(colour(paper, 1.0));
        Ok(Pen { pixmap })
    }

    /// Width and height [pixel].
    pub(super) fn size(&self) -> [usize; 2] {
        [self.pixmap.width() as usize, self.pixmap.height() as usize]
    }

    pub(super) fn png(&self) -> Result<Vec<u8>, String> {
        self.pixmap.encode_png().map_err(|e| e.to_string())
    }

    /// Sets one pixel; those outside are left out.
    pub(super) fn pixel(&mut self, x: usize, y: usize, [r, g, b]: Rgb) {
        let width = self.pixmap.width() as usize;
        if let (true, Some(pixel)) = (x < width, self.pixmap.pixels_mut().get_mut(y * width + x)) {
            *pixel = opaque(r, g, b);
        }
    }

    pub(super) fn fill(&mut self, [x, y]: [f32; 2], [width, height]: [f32; 2], rgb: Rgb) {
        self.rectangle([x, y], [width, height], rgb, 1.0);
    }

    /// A light ground for what is written onto the map.
    pub(super) fn panel(&mut self, at: [f32; 2], size: [f32; 2]) {
        self.rectangle(at, size, [255, 255, 255], 0.75);
    }

    pub(super) fn line(&mut self, points: &[[f32; 2]], rgb: Rgb, width: f32, opacity: f32) {
        let mut builder = PathBuilder::new();
        trace(&mut builder, points);
        self.stroke(builder, rgb, width, opacity);
    }

    /// Many lines at once: where wide ones meet, they do not add up.
    pub(super) fn lines(&mut self, lines: &[[[f32; 2]; 2]], rgb: Rgb, width: f32, opacity: f32) {
        let mut builder = PathBuilder::new();
        lines.iter().for_each(|line| trace(&mut builder, line));
        self.stroke(builder, rgb, width, opacity);
    }

    fn stroke(&mut self, builder: PathBuilder, rgb: Rgb, width: f32, opacity: f32) {
        let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        // A path without extent (all points in one place) draws nothing.
        if let Some(path) = builder.finish() {
            self.pixmap.stroke_path(&path, &paint(rgb, opacity), &stroke, Transform::identity(), None);
        }
    }

    pub(super) fn polygon(&mut self, corners: &[[f32; 2]], rgb: Rgb, outline: Rgb) {
        let mut builder = PathBuilder::new();
        trace(&mut builder, corners);
        builder.close();
        self.area(builder, rgb, Some(outline), 1.0);
    }

    pub(super) fn disc(&mut self, [x, y]: [f32; 2], radius: f32, rgb: Rgb, outline: Option<Rgb>, opacity: f32) {
        let mut builder = PathBuilder::new();
        builder.push_circle(x, y, radius);
        self.area(builder, rgb, outline, opacity);
    }

    /// A text on a light ground, for names on the map; `at` is its left end.
    pub(super) fn label(&mut self, text: &str, [x, y]: [f32; 2], rgb: Rgb) {
        self.panel([x - 2.0, y - 8.0], [Pen::width_of(text) + 4.0, 15.0]);
        self.text(text, [x, y], Align::Left, rgb);
    }

    /// A text whose letters have an outline, for names on any colour; `at` is its left end.
    pub(super) fn outlined(&mut self, text: &str, [x, y]: [f32; 2], rgb: Rgb, outline: Rgb) {
        const REACH: i8 = 2;
        for (dx, dy) in (-REACH..=REACH).flat_map(|dx| (-REACH..=REACH).map(move |dy| (dx, dy))) {
            // The corners of the square are left out.
            if dx * dx + dy * dy < 2 * REACH * REACH {
                self.text(text, [x + f32::from(dx), y + f32::from(dy)], Align::Left, outline);
            }
        }
        self.text(text, [x, y], Align::Left, rgb);
    }

    /// A text in large letters; `at` is its left end.
    pub(super) fn title(&mut self, text: &str, at: [f32; 2], rgb: Rgb) {
        self.write(text, at, rgb, TITLE);
    }

    /// Number of a title's letters that go into `width` [pixel].
    pub(super) fn letters_of_title(width: f32) -> usize {
        (width / get_raster_width(WEIGHT, TITLE) as f32) as usize
    }

    /// A text whose middle in height is at y.
    pub(super) fn text(&mut self, text: &str, [x, y]: [f32; 2], align: Align, rgb: Rgb) {
        let start = match align {
            Align::Left => x,
            Align::Centre => x - Pen::width_of(text) / 2.0,
            Align::Right => x - Pen::width_of(text),
        };
        self.write(text, [start, y], rgb, SIZE);
    }

    /// Width of a text [pixel].
    pub(super) fn width_of(text: &str) -> f32 {
        (text.chars().count() * get_raster_width(WEIGHT, SIZE)) as f32
    }

    /// Letters that the font lacks become question marks.
    fn write(&mut self, text: &str, [x, y]: [f32; 2], rgb: Rgb, size: RasterHeight) {
        let top = y - size.val() as f32 / 2.0;
        for (i, letter) in text.chars().enumerate() {
            let left = x + (i * get_raster_width(WEIGHT, size)) as f32;
            if let Some(raster) = get_raster(letter, WEIGHT, size).or_else(|| get_raster('?', WEIGHT, size)) {
                self.letter(&raster, [left.round() as i64, top.round() as i64], rgb);
            }
        }
    }

    fn letter(&mut self, raster: &RasterizedChar, [left, top]: [i64; 2], rgb: Rgb) {
        let (width, height) = (i64::from(self.pixmap.width()), i64::from(self.pixmap.height()));
        for (y, row) in (top..).zip(raster.rows()) {
            for (x, coverage) in (left..).zip(row) {
                if (0..width).contains(&x) && (0..height).contains(&y) {
                    let pixel = &mut self.pixmap.pixels_mut()[(y * width + x) as usize];
                    let mix = |below: u8, ink: u8| {
                        let (below, ink, share) = (u32::from(below), u32::from(ink), u32::from(*coverage));
                        ((below * (255 - share) + ink * share + 127) / 255) as u8
                    };
                    *pixel = opaque(mix(pixel.red(), rgb[0]), mix(pixel.green(), rgb[1]), mix(pixel.blue(), rgb[2]));
                }
            }
        }
    }

    fn rectangle(&mut self, [x, y]: [f32; 2], [width, height]: [f32; 2], rgb: Rgb, opacity: f32) {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            self.pixmap.fill_rect(rect, &paint(rgb, opacity), Transform::identity(), None);
        }
    }

    fn area(&mut self, builder: PathBuilder, rgb: Rgb, outline: Option<Rgb>, opacity: f32) {
        let Some(path) = builder.finish() else { return };
        self.pixmap.fill_path(&path, &paint(rgb, opacity), FillRule::Winding, Transform::identity(), None);
        if let Some(outline) = outline {
            let stroke = Stroke { width: 1.4, line_join: LineJoin::Round, ..Stroke::default() };
            self.pixmap.stroke_path(&path, &paint(outline, opacity), &stroke, Transform::identity(), None);
        }
    }
}

fn trace(builder: &mut PathBuilder, points: &[[f32; 2]]) {
    for (i, [x, y]) in points.iter().enumerate() {
        if i == 0 { builder.move_to(*x, *y) } else { builder.line_to(*x, *y) }
    }
}

fn paint(rgb: Rgb, opacity: f32) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour(rgb, opacity));
    paint
}

fn colour([r, g, b]: Rgb, opacity: f32) -> Color {
    Color::from_rgba8(r, g, b, (opacity.clamp(0.0, 1.0) * 255.0).round() as u8)
}

fn opaque(r: u8, g: u8, b: u8) -> PremultipliedColorU8 {
    PremultipliedColorU8::from_rgba(r, g, b, 255).expect("no channel exceeds the opacity 255")
}
