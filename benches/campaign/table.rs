//! The tables, and the exponents with which cost grows.

use super::job::Measured;

/// One line of a table.
pub struct Row {
    /// What was run.
    pub name: String,
    /// The quantity that grows.
    pub size: u64,
    /// What it cost.
    pub measured: Measured,
}

/// A column of cost.
type Cost = fn(&Measured) -> f64;

/// The line above all rows.
pub fn print_head() {
    println!(
        "{:26} {:>10} {:>10} {:>9} {:>9} {:>11} {:>11} {:>11} {:>11} {:>9}",
        "job", "process s", "solve s", "paths", "MB", "k rays/s", "k segm/s", "M pairs/s", "k paths/s", "launch s"
    );
}

/// A row; rays and segments per second of the launch, pairs of the connection, paths of the whole solution.
pub fn print_row(row: &Row) {
    let m = &row.measured;
    println!(
        "{:26} {:>10.3} {:>10.3} {:>9} {:>9.0} {:>11.1} {:>11.1} {:>11.1} {:>11.2} {:>9.3}",
        row.name,
        m.process_s,
        m.solve_s,
        m.paths,
        m.memory / 1e6,
        m.rays / m.launch_s / 1e3,
        m.segments / m.launch_s / 1e3,
        m.pairs / m.connect_s / 1e6,
        m.paths / m.solve_s / 1e3,
        m.launch_s,
    );
}

/// The exponents of cost over size: over all rows, and over the last two, where fixed costs weigh least.
pub fn print_slopes(rows: &[Row]) {
    if rows.len() < 2 {
        return;
    }
    let columns: [(&str, Cost); 4] =
        [("process", |m| m.process_s), ("solve", |m| m.solve_s), ("launch", |m| m.launch_s), ("memory", |m| m.memory)];
    for (name, of) in columns {
        let (all, last) = (slope(rows, of), slope(&rows[rows.len() - 2..], of));
        println!("exponent of {name:8} {all:6.2} over all rows, {last:6.2} over the last two");
    }
}

/// The slope of the least-squares line through (log size, log cost).
fn slope(rows: &[Row], of: Cost) -> f64 {
    let points = || rows.iter().map(|row| ((row.size as f64).ln(), of(&row.measured).ln()));
    let count = rows.len() as f64;
    let mean_x = points().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = points().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    covariance / points().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}
