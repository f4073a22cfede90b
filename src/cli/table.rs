//! The table of links on stdout.

use crate::io::links::{Link, Totals};
use std::fmt::Write;

/// One row for each of the first links, for one carrier; how many of `all` links are not among them is said.
pub fn links(links: &[Link], all: usize) -> String {
    let width = |name: fn(&Link) -> &str, head: &str| {
        links.iter().map(|link| name(link).chars().count()).max().unwrap_or(0).max(head.len())
    };
    let (tx, rx) = (width(|link| &link.transmitter, "tx"), width(|link| &link.receiver, "rx"));
    let mut text = format!(
        "{:tx$}  {:rx$}  {:>5}  {:>12}  {:>15}  {:>7}  LOS\n",
        "tx", "rx", "paths", "path gain dB", "delay spread ns", "K dB"
    );
    for link in links {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
        let _ = writeln!(
            text,
            "{:tx$}  {:rx$}  {:>5}  {:>12}  {:>15}  {:>7}  {}",
            link.transmitter,
            link.receiver,
            link.paths,
            number(link.path_gain_db),
            number(link.rms_delay_spread_ns),
            number(link.k_factor_db),
            if link.line_of_sight { "yes" } else { "no" },
        );
    }
    if all > links.len() {
        let _ = writeln!(text, "... and {} links more: see links.csv", all - links.len());
    }
    text
}

/// One line that sums all links up.
pub fn summary(totals: &Totals) -> String {
    let Totals { links, reached, line_of_sight, paths, .. } = totals;
    let median = totals.median_gain_db().map_or(String::new(), |gain| format!(", median path gain {gain:.2} dB"));
    format!("{links} links, {reached} reached, {line_of_sight} with line of sight, {paths} paths{median}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(i: usize) -> Link {
        Link { transmitter: "bs".into(), receiver: format!("rx{i}"), paths: i, ..Link::default() }
    }

    #[test]
    fn many_links_are_cut_and_counted() {
        let all: Vec<Link> = (0..100).map(link).collect();
        let text = links(&all[..40], all.len());
        assert_eq!(text.lines().count(), 1 + 40 + 1);
        assert!(text.contains("60 links more"), "{text}");
        let mut totals = Totals::default();
        all.iter().for_each(|link| totals.add(link));
        assert!(summary(&totals).starts_with("100 links, 99 reached, 0 with line of sight, 4950 paths\n"));
    }

    #[test]
    fn the_median_is_that_of_all_gains() {
        let mut totals = Totals::default();
        for gain in [None, Some(-80.0), Some(-100.006), Some(-120.0)] {
            totals.add(&Link { path_gain_db: gain, ..Link::default() });
        }
        assert!(summary(&totals).ends_with(", median path gain -100.01 dB\n"), "{}", summary(&totals));
    }

    #[test]
    fn what_is_undefined_is_a_dash() {
        let text = links(&[link(0)], 1);
        assert_eq!(text.lines().nth(1).map(|row| row.matches(" -").count()), Some(3), "{text}");
    }
}
