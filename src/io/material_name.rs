//! What a material is by its name alone: scenes for viewers say `itu_concrete` where they mean the radio material.

use crate::scene::description::MaterialDescription;
use crate::scene::itu;

/// Name of the material of objects that have none.
pub const UNASSIGNED: &str = "unassigned";

/// The name of a material, without the leading `mat-` of Blender's exporter.
pub fn name_of(id: &str) -> &str {
    id.strip_prefix("mat-").filter(|rest| !rest.is_empty()).unwrap_or(id)
}

/// The material that a name means, and a warning where it is a guess or means nothing: `itu_X`, `itu-X` and
/// `mat-itu_X` are the ITU material X, whatever X is; `X` and `mat-X` are if the table has X; others stay undefined.
pub fn material_of(id: &str) -> (MaterialDescription, Option<String>) {
    let name = name_of(id);
    let undefined = MaterialDescription { name: name.into(), ..MaterialDescription::default() };
    let lower = name.to_lowercase();
    if let Some(itu) = lower.strip_prefix("itu_").or_else(|| lower.strip_prefix("itu-")) {
        return (MaterialDescription::itu(name, itu), None);
    }
    if name == UNASSIGNED {
        return (undefined, None);
    }
    if itu::names().contains(&lower.as_str()) {
        let warning = format!("material '{name}' is taken for the ITU-R P.2040 material of that name");
        return (MaterialDescription::itu(name, &lower), Some(warning));
    }
    let warning = format!("material '{name}' has no radio properties in the scene; define it in [materials.{name}]");
    (undefined, Some(warning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_names_mean_itu_materials_and_others_stay_undefined() {
        for (id, name, itu, warns) in [
            ("mat-itu_concrete", "itu_concrete", Some("concrete"), false),
            ("itu_wet_ground", "itu_wet_ground", Some("wet_ground"), false),
            ("itu-metal", "itu-metal", Some("metal"), false),
            ("mat-glass", "glass", Some("glass"), true),
            ("Brick", "Brick", Some("brick"), true),
            ("asphalt_concrete", "asphalt_concrete", Some("asphalt_concrete"), true),
            ("mat-Material.001", "Material.001", None, true),
            ("mat-", "mat-", None, true),
        ] {
            let (material, warning) = material_of(id);
            assert_eq!((material.name.as_str(), material.itu.as_deref()), (name, itu));
            assert_eq!(warning.is_some(), warns, "{id}");
        }
    }
}
