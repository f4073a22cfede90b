//! The house's own rules, read from its sources: a file uses its own floor and those below, never above; files and
//! functions stay small; nothing unfinished is left; each physics function has its twin on the device.

use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules and the floor that they stand on.
const FLOORS: [(&str, u32); 22] = [
    ("main", 9),
    ("cli", 9),
    ("io", 8),
    ("solve", 7),
    ("bench", 7),
    ("calibrate", 7),
    ("optimise", 7),
    ("backend", 6),
    ("path", 5),
    ("channel", 5),
    ("planar", 5),
    ("map", 5),
    ("interaction", 4),
    ("geometry", 3),
    ("scene", 2),
    ("layout", 1),
    ("math", 1),
    ("constants", 0),
    ("error", 0),
    ("progress", 0),
    ("theory", 0),
    ("lib", 10),
];
/// Longest file, tests excluded [lines].
const MAX_FILE_LINES: usize = 600;
/// Longest function, tests excluded [lines].
const MAX_FUNCTION_LINES: usize = 80;

#[test]
fn nobody_uses_a_floor_above_his_own() {
    let mut faults = Vec::new();
    for source in sources() {
        let own = floor_of(&source.module[0]).unwrap_or_else(|| panic!("{}: no floor is known for it", source.name()));
        for used in source.uses() {
            match floor_of(&used) {
                Some(floor) if floor > own => {
                    faults.push(format!("{} (floor {own}) uses {used} ({floor})", source.name()))
                }
                Some(_) => {}
                None => faults.push(format!("{} uses {used}, whose floor is not known", source.name())),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_backends_never_see_each_other() {
    for source in sources().iter().filter(|s| s.module[0] == "backend" && s.module.len() > 1) {
        let other = if source.module[1] == "cpu" { "cuda" } else { "cpu" };
        for path in [format!("backend::{other}"), format!("super::{other}::")] {
            assert!(!source.code.contains(&path), "{} mentions {path}", source.name());
        }
    }
}

#[test]
fn files_and_functions_stay_small() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.code.lines().count();
        if lines > MAX_FILE_LINES {
            faults.push(format!("{}: {lines} lines, at most {MAX_FILE_LINES}", source.name()));
        }
        for (name, lines) in functions(&source.code) {
            if lines > MAX_FUNCTION_LINES {
                faults.push(format!("{}: fn {name}: {lines} lines, at most {MAX_FUNCTION_LINES}", source.name()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_unfinished_is_left() {
    // Spelled in two halves, so that a search for them does not find this list.
    let forbidden = [["todo", "!("], ["unimplemented", "!("], [".unwrap", "()"], ["dbg", "!("]].map(|w| w.concat());
    let mut faults = Vec::new();
    for source in sources() {
        for word in &forbidden {
            if source.code.contains(word.as_str()) {
                faults.push(format!("{}: {word}", source.name()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_interaction_has_its_twin_on_the_device() {
    let twins = repository().join("cuda/interaction");
    if !twins.is_dir() {
        return;
    }
    for source in sources().iter().filter(|s| s.module[0] == "interaction" && s.module.len() > 1) {
        let twin = twins.join(format!("{}.cuh", source.module[1..].join("/")));
        assert!(twin.exists(), "{} has no twin {}", source.name(), twin.display());
    }
}

/// A source file: comments, strings and tests blanked out, lines kept.
struct Source {
    file: PathBuf,
    module: Vec<String>,
    code: String,
}

impl Source {
    fn name(&self) -> String {
        self.file.display().to_string()
    }

    /// Top-level modules that this file names, by `crate::x`, `raylobe::x` (the binary) or enough `super::`.
    fn uses(&self) -> Vec<String> {
        let mut used = Vec::new();
        for root in ["crate::".to_string(), "raylobe::".to_string(), "super::".repeat(self.module.len())] {
            for (at, _) in self.code.match_indices(&root) {
                let before = self.code[..at].chars().next_back();
                if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                    used.extend(first_names(&self.code[at + root.len()..]));
                }
            }
        }
        used.retain(|name| name.starts_with(|c: char| c.is_lowercase()));
        used
    }
}

/// The names that a path begins with: one, or those of a group `{a::b, c}`.
fn first_names(path: &str) -> Vec<String> {
    let identifier =
        |text: &str| -> String { text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(group) = path.strip_prefix('{') else {
        return vec![identifier(path)];
    };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(identifier(&group[start..i]));
                start = i + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn floor_of(module: &str) -> Option<u32> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let root = repository().join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let file = entry.expect("the entry can be read").path();
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&file).expect("the file can be read");
                let relative = file.strip_prefix(&root).expect("the file is under src").with_extension("");
                let mut module: Vec<String> = relative.iter().map(|p| p.to_string_lossy().into_owned()).collect();
                if module.len() > 1 && module.last().is_some_and(|m| m == "mod") {
                    module.pop();
                }
                found.push(Source { file: file.clone(), module, code: blanked(&text) });
            }
        }
    }
    // Modules that only tests have, in files of their own, are tests.
    let only_tests: Vec<Vec<String>> = found.iter().flat_map(files_of_tests).collect();
    found.retain(|source| !only_tests.contains(&source.module));
    found.iter_mut().for_each(|source| source.code = without_tests(&source.code));
    found.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(found.len() > 10, "too few sources were found for the rules to mean anything");
    found
}

fn files_of_tests(source: &Source) -> Vec<Vec<String>> {
    let own = test_modules(&source.code).into_iter().filter(|(_, rest)| rest.starts_with(';'));
    own.map(|(name, _)| source.module.iter().cloned().chain([name.to_string()]).collect()).collect()
}

/// Everything before the block of tests that ends a file.
fn without_tests(code: &str) -> String {
    let block = test_modules(code).into_iter().find(|(_, rest)| rest.starts_with('{'));
    block.map_or(code, |(_, rest)| &code[..code.len() - rest.len()]).to_string()
}

/// Name of each `#[cfg(test)] mod`, and the text after it: a block, or `;` where the module is a file of its own.
fn test_modules(code: &str) -> Vec<(&str, &str)> {
    let module = |after: &str| -> Option<(usize, usize)> {
        let at = after
            .find("mod ")
            .filter(|at| after[..*at].chars().all(|c| c.is_whitespace() || "pub(crate)".contains(c)))?;
        let end = after[at + 4..].find(|c: char| !c.is_alphanumeric() && c != '_')?;
        Some((at + 4, at + 4 + end))
    };
    let parts = code.match_indices("#[cfg(test)]").map(|(at, attribute)| &code[at + attribute.len()..]);
    parts.filter_map(|after| module(after).map(|(from, to)| (&after[from..to], after[to..].trim_start()))).collect()
}

/// The text with comments and the insides of strings and character literals blanked out; line breaks stay.
fn blanked(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < source.len() {
        let end = literal_end(&source, i);
        if end == i {
            out.push(source[i]);
            i += 1;
        } else {
            out.extend(source[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

/// Where the comment, string or character literal that begins at `i` ends; `i` if none begins there.
fn literal_end(source: &[char], i: usize) -> usize {
    let at = |k: usize| source.get(k).copied().unwrap_or('\0');
    let find =
        |from: usize, found: &dyn Fn(usize) -> bool| (from..source.len()).find(|k| found(*k)).unwrap_or(source.len());
    match (at(i), at(i + 1)) {
        ('/', '/') => find(i, &|k| at(k) == '\n'),
        ('/', '*') => (find(i + 2, &|k| at(k) == '*' && at(k + 1) == '/') + 2).min(source.len()),
        ('r', '"' | '#') if i == 0 || !(at(i - 1).is_alphanumeric() || at(i - 1) == '_') => {
            let hashes = (i + 1..source.len()).take_while(|k| at(*k) == '#').count();
            if at(i + 1 + hashes) != '"' {
                return i;
            }
            let closes = |k: usize| at(k) == '"' && (1..=hashes).all(|h| at(k + h) == '#');
            (find(i + 2 + hashes, &closes) + 1 + hashes).min(source.len())
        }
        ('"', _) => {
            let mut k = i + 1;
            while k < source.len() && at(k) != '"' {
                k += if at(k) == '\\' { 2 } else { 1 };
            }
            (k + 1).min(source.len())
        }
        ('\'', '\\') => (find(i + 3, &|k| at(k) == '\'') + 1).min(source.len()),
        ('\'', _) if at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

/// Name and number of lines of every function.
fn functions(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let starts = code[..at].chars().next_back().is_none_or(|c| c.is_whitespace());
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if starts && !name.is_empty() {
            found.extend(lines_of_body(&code[at..]).map(|lines| (name, lines)));
        }
    }
    found
}

/// Lines from here to the end of the first braced block; `None` where a `;` ends the item first.
fn lines_of_body(code: &str) -> Option<usize> {
    let (mut depth, mut brackets) = (0usize, 0usize);
    for (i, c) in code.char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            ';' if depth == 0 && brackets == 0 => return None,
            '{' => depth += 1,
            '}' if depth == 1 => return Some(code[..=i].lines().count()),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_single_names_are_read() {
        assert_eq!(first_names("scene::mesh::Mesh;"), ["scene"]);
        assert_eq!(first_names("{error::{Error, Fault}, math, solve::solve};"), ["error", "math", "solve"]);
    }

    #[test]
    fn comments_strings_and_characters_are_blanked() {
        let code =
            blanked("a // crate::io\nlet s = \"crate::cli {\"; let c = '{'; let l: &'a str = r#\"}\"#; /* } */ b");
        assert!(!code.contains("crate") && !code.contains('{') && !code.contains('}'), "{code}");
        assert!(code.starts_with('a') && code.ends_with('b') && code.contains("&'a str"), "{code}");
    }

    #[test]
    fn the_tests_of_a_file_are_left_out_and_its_other_modules_are_not() {
        let code = "#[cfg(test)]\npub(crate) mod testing;\nfn kept() {}\n#[cfg(test)]\nmod tests {\n fn gone() {}\n}\n";
        assert_eq!(test_modules(code)[0].0, "testing");
        let left = without_tests(code);
        assert!(left.contains("kept") && !left.contains("gone"), "{left}");
    }

    #[test]
    fn a_function_has_its_lines_counted() {
        let found = functions("fn one() -> [u8; 2] {\n  if x {\n  }\n}\ntrait T { fn none(&self);\n}\n");
        assert_eq!(found, [("one".to_string(), 4)]);
    }

    #[test]
    fn a_call_upwards_is_seen_through_super_and_crate() {
        let source = |module: &[&str], code: &str| Source {
            file: PathBuf::from("x.rs"),
            module: module.iter().map(|m| m.to_string()).collect(),
            code: code.into(),
        };
        assert_eq!(source(&["scene", "mesh"], "use super::super::io::atomic;").uses(), ["io"]);
        assert_eq!(source(&["scene", "mesh"], "use super::description::Mesh;").uses(), [""; 0]);
        assert_eq!(source(&["math"], "fn f() { crate::solve::solve() }").uses(), ["solve"]);
    }
}
