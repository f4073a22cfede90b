//! What serde and the TOML reader say, as a [`Fault`] that a user can act on.

use crate::error::{Fault, did_you_mean};
use serde::de::DeserializeOwned;

/// Deserializes TOML text; a fault names the path of the field and its line.
pub fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    let syntax = |error: toml::de::Error| {
        let field = line_of(text, &error).unwrap_or_else(|| "TOML".into());
        let bound = format!("is not TOML: {}", error.message());
        Fault::new(field, bound).remedy("mend this line; strings stand in quotes, tables in [brackets]")
    };
    let deserializer = toml::Deserializer::parse(text).map_err(syntax)?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let line = line_of(text, error.inner());
        fault_of(&error.path().to_string(), error.inner().message(), line)
    })
}

/// Deserializes a TOML table; a fault names the path of the field.
pub fn from_table<T: DeserializeOwned>(table: toml::Table) -> Result<T, Fault> {
    serde_path_to_error::deserialize(toml::Value::Table(table))
        .map_err(|error| fault_of(&error.path().to_string(), error.inner().message(), None))
}

fn line_of(text: &str, error: &toml::de::Error) -> Option<String> {
    let before = text.as_bytes().get(..error.span()?.start)?;
    Some(format!("line {}", before.iter().filter(|byte| **byte == b'\n').count() + 1))
}

/// Turns serde's sentence into a fault of `path`: the field that is meant, the rule in a user's words, a suggestion.
fn fault_of(path: &str, message: &str, line: Option<String>) -> Fault {
    let path = if path == "." { "" } else { path };
    let sentence = message.lines().next().unwrap_or(message);
    let words = quoted(sentence);
    let (field, bound, remedy) = if sentence.starts_with("unknown field") && !words.is_empty() {
        (joined(path, words[0]), "is not a known key".to_string(), suggestion(words[0], &words[1..]))
    } else if sentence.starts_with("unknown variant") && !words.is_empty() {
        (path.to_string(), format!("'{}' is not a known value", words[0]), suggestion(words[0], &words[1..]))
    } else if sentence.starts_with("missing field") && !words.is_empty() {
        (joined(path, words[0]), "is missing".to_string(), format!("add {} to the job", joined(path, words[0])))
    } else {
        (path.to_string(), in_plain_words(sentence), "give a value of this kind".to_string())
    };
    let field = match (field.is_empty(), line) {
        (true, line) => line.unwrap_or_else(|| "job".into()),
        (false, Some(line)) => format!("{field} ({line})"),
        (false, None) => field,
    };
    Fault::new(field, bound).remedy(remedy)
}

/// The key may or may not be the end of the path already, by where serde noticed the fault.
fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_string()
    } else if path == key || path.ends_with(&format!(".{key}")) {
        path.to_string()
    } else {
        format!("{path}.{key}")
    }
}

fn quoted(sentence: &str) -> Vec<&str> {
    sentence.split('`').skip(1).step_by(2).collect()
}

fn suggestion(word: &str, known: &[&str]) -> String {
    let list = format!("known here: {}", known.join(", "));
    match did_you_mean(word, known.iter().copied()) {
        near if near.is_empty() => list,
        near => format!("{near} {list}"),
    }
}

/// Rust's names of types mean nothing to a user.
fn in_plain_words(sentence: &str) -> String {
    let Some((found, expected)) = sentence.split_once(", expected ") else { return sentence.to_string() };
    let expected = match expected {
        "f64" | "f32" => "a number",
        "u64" | "usize" => "a whole number, 0 or above",
        "u32" => "a whole number from 0 to 4294967295",
        "i64" => "a whole number",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "a boolean" | "bool" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        "a borrowed string" | "string" => "a text in quotes",
        "path string" => "a path in quotes",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("an array of length") => {
            return format!("{found}, expected {}", other.replace("an array of length", "a list of length"));
        }
        other => other,
    };
    format!("{found}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        height_m: f64,
        position_m: Option<[f64; 3]>,
    }

    fn fault(text: &str) -> Fault {
        from_text::<Outer>(text).expect_err("the text is wrong")
    }

    #[test]
    fn an_unknown_key_has_its_path_its_line_and_a_suggestion() {
        let fault = fault("[[inner]]\nheight_m = 1\n[[inner]]\nheigth_m = 2.0\n");
        assert_eq!(fault.field, "inner[1].heigth_m (line 4)");
        assert!(fault.remedy.contains("did you mean 'height_m'?"), "{fault}");
    }

    #[test]
    fn a_wrong_type_is_said_in_plain_words() {
        let fault = fault("[[inner]]\nheight_m = \"tall\"\n");
        assert_eq!(fault.field, "inner[0].height_m (line 2)");
        assert!(fault.bound.ends_with("expected a number"), "{fault}");
    }

    #[test]
    fn a_missing_key_and_a_short_list_are_named() {
        assert_eq!(fault("[[inner]]\n").field, "inner[0].height_m (line 1)");
        let fault = fault("[[inner]]\nheight_m = 1\nposition_m = [1, 2]\n");
        assert!(fault.field.starts_with("inner[0].position_m"), "{fault}");
        assert!(fault.bound.contains("list of length 3"), "{fault}");
    }

    #[test]
    fn a_broken_line_is_named() {
        let fault = fault("[[inner]]\nheight_m = \n");
        assert_eq!(fault.field, "line 2");
    }
}
