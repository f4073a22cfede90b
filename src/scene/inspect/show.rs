//! A report as tables of text.

use super::{Faults, ObjectReport, Report};
use std::fmt;

/// Objects with faults that the table lists one by one; the serialised report has all.
const LISTED_OBJECTS: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some([low, high]) = self.bounds_m {
            for (axis, name) in ["x", "y", "z"].iter().enumerate() {
                let (low, high) = (low[axis], high[axis]);
                writeln!(f, "{name} from {low:.3} to {high:.3} m: {:.3} m", high - low)?;
            }
        }
        let mut rows = vec![
            row("objects", self.objects.len(), "meshes, each of one material"),
            row("  isolated", self.isolated_objects, "share no vertex position with another object"),
        ];
        rows.extend(
            self.facets.map(|facets| row("facets", facets, "flat pieces of one material: what waves reflect off")),
        );
        rows.extend(rows_of(&self.total));
        let meaning = "of facets' normals about each axis, standard deviation; -: too few facets to compare";
        rows.push(row("normal noise [deg]", degrees(self.normal_noise_rad), meaning));
        table(f, &rows)?;
        writeln!(f)?;
        let mut rows =
            vec![["material", "meaning", "objects", "triangles", "area [m^2]", "noise [deg]"].map(str::to_string)];
        for m in &self.materials {
            let numbers = [m.objects.to_string(), m.triangles.to_string(), format!("{:.1}", m.area_m2)];
            let [objects, triangles, area] = numbers;
            let noise = degrees(m.normal_noise_rad);
            rows.push([m.name.clone(), m.meaning.clone(), objects, triangles, area, noise]);
        }
        table(f, &rows)?;
        self.write_objects(f)?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

impl Report {
    /// The objects with faults, the first of them one by one.
    fn write_objects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faulty: Vec<&ObjectReport> = self.objects.iter().filter(|o| o.faults.any()).collect();
        if faulty.is_empty() {
            return Ok(());
        }
        let heads = ["object with faults", "triangles", "degenerate", "duplicate", "dup. vertices", "unused", "open"];
        let mut rows = vec![
            [&heads[..], &["non-manifold", "winding", "noise [deg]"]].concat().iter().map(|h| h.to_string()).collect(),
        ];
        for object in faulty.iter().take(LISTED_OBJECTS) {
            let o = &object.faults;
            let degenerate = o.degenerate_faces + o.bad_indices;
            let counts = [o.triangles, degenerate, o.duplicate_faces, o.duplicate_vertices, o.unused_vertices];
            let edges = [o.open_edges, o.non_manifold_edges, o.inconsistent_edges];
            let numbers = counts.iter().chain(&edges).map(usize::to_string);
            let noise = std::iter::once(degrees(object.normal_noise_rad));
            rows.push(std::iter::once(object.name.clone()).chain(numbers).chain(noise).collect::<Vec<String>>());
        }
        writeln!(f)?;
        table(f, &rows)?;
        match faulty.len().saturating_sub(LISTED_OBJECTS) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more objects with faults"),
        }
    }
}

/// The counts of a set of triangles with their names and what each means to a user.
fn rows_of(faults: &Faults) -> [[String; 3]; 12] {
    [
        row("triangles", faults.triangles, "as written"),
        row("vertices", faults.vertices, "as written"),
        row("edges", faults.edges, "sides of triangles, each place once"),
        row("area [m^2]", format!("{:.1}", faults.area_m2), "of all triangles, one side each"),
        row("bad indices", faults.bad_indices, "triangles with a corner that is no vertex: a job refuses the scene"),
        row("degenerate faces", faults.degenerate_faces, "triangles without area: left out"),
        row("duplicate faces", faults.duplicate_faces, "triangles at the place of another: one of them counts"),
        row("duplicate vertices", faults.duplicate_vertices, "at the position of another: no harm"),
        row("unused vertices", faults.unused_vertices, "of no triangle: no harm"),
        row("open edges", faults.open_edges, "of one triangle only: rims of holes and of open surfaces"),
        row("non-manifold edges", faults.non_manifold_edges, "of three or more triangles: walls that meet inside"),
        row("inconsistent edges", faults.inconsistent_edges, "between triangles that face opposite sides: no harm"),
    ]
}

fn degrees(noise: Option<f64>) -> String {
    noise.map_or("-".into(), |noise| format!("{:.3}", noise.to_degrees()))
}

fn row(name: &str, value: impl ToString, meaning: &str) -> [String; 3] {
    [name.to_string(), value.to_string(), meaning.to_string()]
}

/// Columns as wide as their widest cell: words to the left, numbers to the right.
fn table<R: AsRef<[String]>>(f: &mut fmt::Formatter<'_>, rows: &[R]) -> fmt::Result {
    let columns = rows.first().map_or(0, |r| r.as_ref().len());
    let width = |c: usize| rows.iter().map(|r| r.as_ref()[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let is_number = |c: usize| rows.last().is_some_and(|r| r.as_ref()[c].starts_with(|c: char| c.is_ascii_digit()));
    for row in rows {
        let cells = row.as_ref().iter().enumerate().map(|(c, cell)| match (is_number(c), widths[c]) {
            (true, width) if columns > 2 => format!("{cell:>width$}"),
            (_, width) => format!("{cell:<width$}"),
        });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
