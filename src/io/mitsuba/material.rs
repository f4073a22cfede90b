//! `<bsdf>` elements as radio materials: those of Sionna RT by their type, visual ones by their name.

use super::parameter::{Parameters, fault, place};
use crate::error::Result;
use crate::io::material_name::{material_of, name_of};
use crate::scene::description::{MaterialDescription, PatternDescription};
use roxmltree::Node;

/// The material of a `<bsdf>` called `id`, and a warning if its name alone says what it is.
pub(super) fn read(
    bsdf: Node,
    id: &str,
    parameters: &Parameters,
    warnings: &mut Vec<String>,
) -> Result<MaterialDescription> {
    let mut material = MaterialDescription { name: name_of(id).into(), ..MaterialDescription::default() };
    let properties = Properties { bsdf, parameters };
    match parameters.required(bsdf, "type")?.as_str() {
        "itu-radio-material" => {
            material.itu = Some(properties.text("type")?.ok_or_else(|| {
                fault(
                    bsdf,
                    "an itu-radio-material has a string 'type'",
                    "",
                    "add <string name=\"type\" value=\"...\"/>",
                )
            })?);
        }
        "radio-material" => {
            material.relative_permittivity = Some(properties.number("relative_permittivity")?.unwrap_or(1.0));
            material.conductivity_s_per_m = Some(properties.number("conductivity")?.unwrap_or(0.0));
        }
        visual => {
            let (by_name, warning) = material_of(id);
            warnings.extend(warning.map(|w| format!("{}: {w} (bsdf type '{visual}')", place(bsdf))));
            material.itu = by_name.itu;
            if material.itu.is_some() {
                material.itu = properties.text("type")?.or(material.itu);
            } else {
                return Ok(material);
            }
        }
    }
    material.thickness_m = properties.number("thickness")?;
    material.scattering = properties.number("scattering_coefficient")?;
    material.xpd = properties.number("xpd_coefficient")?;
    material.pattern = properties.pattern()?;
    Ok(material)
}

/// The `<string>` and `<float>` children of a bsdf.
struct Properties<'a, 'input> {
    bsdf: Node<'a, 'input>,
    parameters: &'a Parameters,
}

impl<'a, 'input> Properties<'a, 'input> {
    fn find(&self, tags: &[&str], name: &str) -> Option<Node<'a, 'input>> {
        let is_it = |n: &Node| tags.contains(&n.tag_name().name()) && n.attribute("name") == Some(name);
        self.bsdf.children().find(is_it)
    }

    fn text(&self, name: &str) -> Result<Option<String>> {
        self.find(&["string"], name).map(|n| self.parameters.required(n, "value")).transpose()
    }

    fn number(&self, name: &str) -> Result<Option<f64>> {
        let Some(node) = self.find(&["float", "integer"], name) else { return Ok(None) };
        self.parameters.required(node, "value")?;
        self.parameters.number(node, "value")
    }

    fn pattern(&self) -> Result<Option<PatternDescription>> {
        let needed = |name: &str| -> Result<f64> {
            self.number(name)?.ok_or_else(|| {
                fault(
                    self.bsdf,
                    format!("this scattering pattern needs '{name}'"),
                    "",
                    format!("add <float name=\"{name}\"/>"),
                )
            })
        };
        let Some(kind) = self.text("scattering_pattern")? else { return Ok(None) };
        Ok(Some(match kind.as_str() {
            "lambertian" => PatternDescription::Lambertian {},
            "directive" => PatternDescription::Directive { alpha: needed("alpha_r")?, reciprocal: false },
            "backscattering" => PatternDescription::Backscattering {
                alpha_r: needed("alpha_r")?,
                alpha_i: needed("alpha_i")?,
                lambda: needed("lambda_")?,
                reciprocal: false,
            },
            _ => {
                let bound = "the scattering pattern is lambertian, directive or backscattering";
                return Err(fault(self.bsdf, bound, kind, "choose one of them"));
            }
        }))
    }
}
