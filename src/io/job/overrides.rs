//! What the command line puts over a job file: `--set a.b=c`, `--seed`, `--out`.

use super::JobDescription;
use crate::error::Fault;
use std::path::PathBuf;
use toml::{Table, Value};

/// Options of the command line that change a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `key=value` each: the key as in TOML with indices for lists (`transmitters.0.power_dbm=20`), the value as in
    /// TOML, or a text without quotes.
    pub set: Vec<String>,
    /// In place of `seed`.
    pub seed: Option<u64>,
    /// In place of `output.dir`; relative to the working folder.
    pub out: Option<PathBuf>,
}

impl Overrides {
    /// Puts the seed and the folder over a job.
    pub(super) fn apply_to(&self, description: &mut JobDescription) {
        if let Some(seed) = self.seed {
            description.seed = seed;
        }
        if let Some(out) = &self.out {
            // An absolute path, since those in a job count from its own folder.
            description.output.dir = std::path::absolute(out).unwrap_or_else(|_| out.clone());
        }
    }
}

/// Puts one `key=value` into `table`. Missing tables are made; a list must have the element.
pub fn apply(table: &mut Table, set: &str) -> Result<(), Fault> {
    let wrong =
        |bound: String| Fault::new("--set", bound).value(set).remedy("write --set key=value, as solver.rays=1000");
    let (key, value) = set.split_once('=').ok_or_else(|| wrong("has no '='".into()))?;
    let keys = keys_of(key.trim()).ok_or_else(|| wrong("the key is not one of TOML".into()))?;
    let (last, parents) = keys.split_last().ok_or_else(|| wrong("the key is empty".into()))?;
    let value = value_of(value.trim());
    let Some((first, rest)) = parents.split_first() else {
        table.insert(last.clone(), value);
        return Ok(());
    };
    let mut place = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
    for key in rest {
        place = child(place, key).map_err(&wrong)?;
    }
    *child(place, last).map_err(&wrong)? = value;
    Ok(())
}

fn child<'a>(place: &'a mut Value, key: &str) -> Result<&'a mut Value, String> {
    match place {
        Value::Table(table) => Ok(table.entry(key).or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(list) => {
            let length = list.len();
            let index: usize = key.parse().map_err(|_| format!("'{key}' stands where a list needs an index"))?;
            list.get_mut(index).ok_or_else(|| format!("index {index} is beyond the list of {length}"))
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            Err(format!("'{key}' stands below a value that is neither a table nor a list"))
        }
    }
}

/// The parts of a dotted key, as TOML itself reads it (quoted parts may hold dots).
fn keys_of(key: &str) -> Option<Vec<String>> {
    if key.contains(['\n', '\r', '=', '#']) {
        return None;
    }
    let table: Table = format!("{key} = 0").parse().ok()?;
    let (mut keys, mut place) = (Vec::new(), Value::Table(table));
    while let Value::Table(table) = place {
        let (key, next) = table.into_iter().next()?;
        keys.push(key);
        place = next;
    }
    Some(keys)
}

/// A TOML value; what is none is a text, so that names need no quotes within those of the shell.
fn value_of(text: &str) -> Value {
    let single_value = |mut table: Table| if table.len() == 1 { table.remove("v") } else { None };
    format!("v = {text}").parse().ok().and_then(single_value).unwrap_or_else(|| Value::String(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        "seed = 1\n[[transmitters]]\nname = 'a'\n".parse().expect("TOML")
    }

    #[test]
    fn values_tables_and_list_elements_are_set() {
        let mut table = table();
        for set in ["seed=7", "solver.rays = 1_000", "transmitters.0.name=west", "materials.\"a.b\".itu='glass'"] {
            apply(&mut table, set).expect(set);
        }
        assert_eq!(table["seed"].as_integer(), Some(7));
        assert_eq!(table["solver"]["rays"].as_integer(), Some(1000));
        assert_eq!(table["transmitters"][0]["name"].as_str(), Some("west"));
        assert_eq!(table["materials"]["a.b"]["itu"].as_str(), Some("glass"));
    }

    #[test]
    fn what_cannot_be_set_is_an_error() {
        for set in ["seed", "=1", "transmitters.3.name=x", "transmitters.name=x", "seed.x=1", "a b=1", "a\nb=1"] {
            assert!(apply(&mut table(), set).is_err(), "{set}");
        }
    }

    #[test]
    fn a_value_cannot_smuggle_in_other_keys() {
        let mut table = table();
        apply(&mut table, "name=1\nseed=9").expect("a text");
        assert_eq!(table["seed"].as_integer(), Some(1));
    }
}
