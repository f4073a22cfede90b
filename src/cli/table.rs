//! The table of links on stdout.

use crate::io::links::Link;
use std::fmt::Write;

/// More links than this are summed up rather than listed.
const MAX_ROWS: usize = 40;

/// One row for each link, for one carrier; above [`MAX_ROWS`] links, the first of them and a summary.
pub fn links(links: &[Link]) -> String {
    let width = |name: fn(&Link) -> &str, head: &str| {
        links.iter().take(MAX_ROWS).map(|link| name(link).chars().count()).max().unwrap_or(0).max(head.len())
    };
    let (tx, rx) = (width(|link| &link.transmitter, "tx"), width(|link| &link.receiver, "rx"));
    let mut text = format!(
        "{:tx$}  {:rx$}  {:>5}  {:>12}  {:>15}  {:>7}  LOS\n",
        "tx", "rx", "paths", "path gain dB", "delay spread ns", "K dB"
    );
    for link in links.iter().take(MAX_ROWS) {
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
    if links.len() > MAX_ROWS {
        let _ = writeln!(text, "... and {} links more: see links.csv", links.len() - MAX_ROWS);
    }
    text
}

/// One line that sums all links up.
pub fn summary(links: &[Link]) -> String {
    let reached = links.iter().filter(|link| link.paths > 0).count();
    let line_of_sight = links.iter().filter(|link| link.line_of_sight).count();
    let paths: usize = links.iter().map(|link| link.paths).sum();
    let mut gains: Vec<f64> = links.iter().filter_map(|link| link.path_gain_db).collect();
    gains.sort_by(f64::total_cmp);
    let median = gains.get(gains.len() / 2).map_or(String::new(), |gain| format!(", median path gain {gain:.2} dB"));
    format!("{} links, {reached} reached, {line_of_sight} with line of sight, {paths} paths{median}\n", links.len())
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
        let text = links(&all);
        assert_eq!(text.lines().count(), 1 + MAX_ROWS + 1);
        assert!(text.contains("60 links more"), "{text}");
        assert!(summary(&all).starts_with("100 links, 99 reached, 0 with line of sight, 4950 paths"));
    }

    #[test]
    fn what_is_undefined_is_a_dash() {
        let text = links(&[link(0)]);
        assert_eq!(text.lines().nth(1).map(|row| row.matches(" -").count()), Some(3), "{text}");
    }
}
