//! Lines of tables (CSV as of RFC 4180): read, without cells that span lines, and written.

/// The cells of a line; a cell in quotes may hold commas, and quotes that are doubled.
pub fn cells_of(line: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start();
        let quoted = trimmed.strip_prefix('"').and_then(|inside| {
            let end = closing_quote(inside)?;
            let after = inside[end + 1..].trim_start();
            (after.is_empty() || after.starts_with(',')).then(|| (inside[..end].replace("\"\"", "\""), after))
        });
        let (cell, after) = quoted.unwrap_or_else(|| {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim().to_string(), &rest[end..])
        });
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return cells,
        }
    }
}

/// Where the quote stands that ends a cell: the first that is not doubled.
fn closing_quote(inside: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += inside[at..].find('"')?;
        if !inside[at + 1..].starts_with('"') {
            return Some(at);
        }
        at += 2;
    }
}

/// A text as a cell: in quotes where it holds what separates cells.
pub fn cell_of(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_stays_one_cell() {
        assert_eq!(cell_of("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(cells_of(&cell_of("a, \"b\"")), ["a, \"b\""]);
    }
}
