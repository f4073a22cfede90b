//! Attributes of a Mitsuba scene: `$name` substitution, numbers, and the place that an error names.

use crate::error::{Error, Fault, Result, did_you_mean};
use roxmltree::Node;
use std::collections::BTreeMap;

/// The `<default>` parameters of a scene: name -> value.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a `<default>` element; the first definition of a name stays, as in Mitsuba.
    pub(super) fn define(&mut self, node: Node) -> Result<()> {
        let name = self.required(node, "name")?;
        let value = self.required(node, "value")?;
        self.0.entry(name).or_insert(value);
        Ok(())
    }

    /// The attribute `name` with every `$parameter` in it replaced.
    pub(super) fn attribute(&self, node: Node, name: &str) -> Result<Option<String>> {
        node.attribute(name).map(|text| self.substitute(node, text)).transpose()
    }

    /// The attribute `name`, which must be there.
    pub(super) fn required(&self, node: Node, name: &str) -> Result<String> {
        self.attribute(node, name)?.ok_or_else(|| {
            let bound = format!("<{}> needs the attribute '{name}'", node.tag_name().name());
            fault(node, bound, "", "add it")
        })
    }

    /// The attribute `name` as finite or infinite number; `None` where it is absent.
    pub(super) fn number(&self, node: Node, name: &str) -> Result<Option<f64>> {
        let Some(text) = self.attribute(node, name)? else { return Ok(None) };
        let numbers = numbers_of(node, name, &text)?;
        match numbers[..] {
            [number] => Ok(Some(number)),
            _ => Err(fault(node, format!("attribute '{name}' is one number"), text, "write one number")),
        }
    }

    fn substitute(&self, node: Node, text: &str) -> Result<String> {
        let mut parts = text.split('$');
        let mut result = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            let Some(value) = self.0.get(name) else {
                let near = did_you_mean(name, self.0.keys().map(String::as_str));
                let remedy = format!("add <default name=\"{name}\" value=\"...\"/> before it; {near}");
                return Err(fault(
                    node,
                    "the parameter is defined by an earlier <default>",
                    format!("${name}"),
                    remedy,
                ));
            };
            result.push_str(value);
            result.push_str(rest);
        }
        Ok(result)
    }
}

/// The numbers in `text`, separated by spaces or commas; infinities are allowed, NaN is not.
pub(super) fn numbers_of(node: Node, attribute: &str, text: &str) -> Result<Vec<f64>> {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| word.parse::<f64>().ok().filter(|x| !x.is_nan()))
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| fault(node, format!("attribute '{attribute}' holds numbers"), text, "write numbers"))
}

/// Where a node is: its line and title. Finding the line reads the text up to there, so this is for errors.
pub(super) fn place(node: Node) -> String {
    format!("line {}, {}", node.document().text_pos_at(node.range().start).row, title(node))
}

/// A node and the nearest element above it that has an id: `float 'thickness' of bsdf 'wall'`.
pub(super) fn title(node: Node) -> String {
    let own = match node.attribute("id").or(node.attribute("name")) {
        Some(name) => format!("{} '{name}'", node.tag_name().name()),
        None => format!("<{}>", node.tag_name().name()),
    };
    let above = node.ancestors().skip(1).find_map(|n| Some((n.tag_name().name(), n.attribute("id")?)));
    above.map_or(own.clone(), |(tag, id)| format!("{own} of {tag} '{id}'"))
}

/// An error at `node`.
pub(super) fn fault(
    node: Node,
    bound: impl Into<String>,
    value: impl std::fmt::Display,
    remedy: impl Into<String>,
) -> Error {
    Error::input(Fault::new(place(node), bound).value(value).remedy(remedy))
}
