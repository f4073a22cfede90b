//! `<transform name="to_world">`: translate, rotate, scale, matrix and lookat, applied in the order of the file.

use super::parameter::{Parameters, fault, numbers_of};
use crate::error::Result;
use crate::math::Vec3;
use crate::scene::mesh::Mesh;
use nalgebra::{Matrix4, Rotation3, Unit};
use roxmltree::Node;

/// The matrix of a `<transform>` element, from the shape's to the scene's coordinates [m].
pub(super) fn matrix_of(transform: Node, parameters: &Parameters) -> Result<Matrix4<f64>> {
    let mut matrix = Matrix4::identity();
    for step in transform.children().filter(Node::is_element) {
        matrix = step_of(step, parameters)? * matrix;
    }
    if matrix.iter().all(|x| x.is_finite()) {
        return Ok(matrix);
    }
    Err(fault(transform, "every number of a transform is finite", "", "mend its steps"))
}

/// Applies `matrix` to every vertex of `mesh`.
pub(super) fn apply(matrix: &Matrix4<f64>, mesh: &mut Mesh) {
    for vertex in &mut mesh.vertices {
        let moved = matrix * Vec3::from(*vertex).push(1.0);
        *vertex = [moved.x, moved.y, moved.z];
    }
}

fn step_of(step: Node, parameters: &Parameters) -> Result<Matrix4<f64>> {
    match step.tag_name().name() {
        "translate" => Ok(Matrix4::new_translation(&vector(step, parameters, 0.0)?)),
        "scale" => Ok(Matrix4::new_nonuniform_scaling(&vector(step, parameters, 1.0)?)),
        "rotate" => rotation(step, parameters),
        "matrix" => matrix(step, parameters),
        "lookat" | "look_at" => look_at(step, parameters),
        other => {
            let remedy = "bake the transform into the mesh when exporting";
            Err(fault(step, "a transform is made of translate, rotate, scale, matrix and lookat", other, remedy))
        }
    }
}

/// `x`, `y`, `z` with `absent` for those that are not there, or `value` with one number for all or three.
fn vector(step: Node, parameters: &Parameters, absent: f64) -> Result<Vec3> {
    if let Some(text) = parameters.attribute(step, "value")? {
        return match numbers_of(step, "value", &text)?[..] {
            [all] => Ok(Vec3::repeat(all)),
            [x, y, z] => Ok(Vec3::new(x, y, z)),
            _ => Err(fault(step, "'value' holds one number or three", text, "write one number or three")),
        };
    }
    let [x, y, z] = ["x", "y", "z"].map(|axis| parameters.number(step, axis));
    Ok(Vec3::new(x?.unwrap_or(absent), y?.unwrap_or(absent), z?.unwrap_or(absent)))
}

fn rotation(step: Node, parameters: &Parameters) -> Result<Matrix4<f64>> {
    let axis = vector(step, parameters, 0.0)?;
    let Some(axis) = Unit::try_new(axis, 0.0).filter(|a| a.norm().is_finite()) else {
        return Err(fault(step, "a rotation has an axis that is not zero", "", "set x, y or z to 1"));
    };
    let Some(angle_deg) = parameters.number(step, "angle")? else {
        return Err(fault(step, "<rotate> needs the attribute 'angle'", "", "add it, in degrees"));
    };
    Ok(Rotation3::from_axis_angle(&axis, angle_deg.to_radians()).to_homogeneous())
}

fn matrix(step: Node, parameters: &Parameters) -> Result<Matrix4<f64>> {
    let text = parameters.required(step, "value")?;
    let numbers = numbers_of(step, "value", &text)?;
    let matrix = match numbers.len() {
        16 => Matrix4::from_row_slice(&numbers),
        9 => nalgebra::Matrix3::from_row_slice(&numbers).to_homogeneous(),
        count => return Err(fault(step, "a matrix has 16 or 9 numbers, row by row", count, "write all of them")),
    };
    if matrix.row(3) == Matrix4::<f64>::identity().row(3) {
        return Ok(matrix);
    }
    Err(fault(step, "the last row of a matrix is 0 0 0 1", text, "use an affine matrix"))
}

/// The frame at `origin` whose z axis points at `target` and whose y axis is near `up`.
fn look_at(step: Node, parameters: &Parameters) -> Result<Matrix4<f64>> {
    let point = |name: &str| -> Result<Vec3> {
        let text = parameters.required(step, name)?;
        match numbers_of(step, name, &text)?[..] {
            [x, y, z] => Ok(Vec3::new(x, y, z)),
            _ => Err(fault(step, format!("'{name}' holds three numbers"), text, "write three numbers")),
        }
    };
    let (origin, target, up) = (point("origin")?, point("target")?, point("up")?);
    let forward = (target - origin).try_normalize(0.0);
    let left = forward.and_then(|f| up.cross(&f).try_normalize(0.0));
    let (Some(forward), Some(left)) = (forward, left) else {
        return Err(fault(step, "target differs from origin and up is not along the view", "", "change one of them"));
    };
    let rotation = nalgebra::Matrix3::from_columns(&[left, forward.cross(&left), forward]);
    Ok(Matrix4::new_translation(&origin) * rotation.to_homogeneous())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(steps: &str, point: [f64; 3]) -> Result<[f64; 3]> {
        let text = format!("<transform name='to_world'>{steps}</transform>");
        let document = roxmltree::Document::parse(&text).unwrap();
        let matrix = matrix_of(document.root_element(), &Parameters::default())?;
        let mut mesh = Mesh { vertices: vec![point], triangles: vec![] };
        apply(&matrix, &mut mesh);
        Ok(mesh.vertices[0])
    }

    #[test]
    fn steps_apply_in_the_order_of_the_file() {
        for (steps, expected) in [
            ("<translate x='1'/><scale value='2'/>", [4.0, 0.0, 0.0]),
            ("<scale x='2'/><translate value='1, 0 5'/>", [3.0, 0.0, 5.0]),
            ("<rotate z='3' angle='90'/><translate y='1'/>", [0.0, 2.0, 0.0]),
            ("<matrix value='1 0 0 7 0 1 0 8 0 0 1 9 0 0 0 1'/>", [8.0, 8.0, 9.0]),
            ("<matrix value='0 1 0 1 0 0 0 0 1'/>", [0.0, 1.0, 0.0]),
            ("<lookat origin='0 0 5' target='0 9 5' up='0 0 1'/>", [-1.0, 0.0, 5.0]),
        ] {
            let result = moved(steps, [1.0, 0.0, 0.0]).unwrap();
            assert!((Vec3::from(result) - Vec3::from(expected)).norm() < 1e-12, "{steps}: {result:?}");
        }
    }

    #[test]
    fn steps_without_meaning_are_errors() {
        for steps in [
            "<rotate angle='3'/>",
            "<rotate x='1'/>",
            "<matrix value='1 2 3'/>",
            "<matrix value='1 0 0 0 0 1 0 0 0 0 1 0 0 0 1 1'/>",
            "<scale value='1 2'/>",
            "<scale value='inf'/>",
            "<translate x='nan'/>",
            "<lookat origin='0 0 0' target='0 0 0' up='0 0 1'/>",
            "<shear x='1'/>",
        ] {
            assert!(matches!(moved(steps, [1.0; 3]), Err(crate::error::Error::Input(_))), "{steps}");
        }
    }
}
