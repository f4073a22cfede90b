//! PLY meshes: ascii and binary of both byte orders, coordinates of any type, extra properties skipped, polygons cut
//! into fans. Written as little-endian binary, in f32 where that keeps a micrometre and in f64 elsewhere.

use super::{check_not_empty, check_vertex, push_polygon, read_bytes};
use crate::error::{Error, Fault, Result};
use crate::scene::mesh::Mesh;
use ply_rs_bw::parser::{ParseError, Parser, Reader};
use ply_rs_bw::ply::{
    BeginList, ElementDef, Encoding, Header, PropertyAccess, PropertyAccessResult, PropertyType, ScalarType,
};
use std::borrow::Cow;
use std::io::{self, BufRead, Write};
use std::path::Path;

/// A coordinate that f32 moves by more than this is written as f64 [m].
pub const MAX_ROUNDING_M: f64 = 1e-6;

/// Reads the mesh of a PLY file.
///
/// # Errors
/// [`Error::Input`] with the file, the element and the rule that it breaks.
pub fn read(path: &Path) -> Result<Mesh> {
    parse(&read_bytes(path)?).map_err(|e| e.in_file(path))
}

/// The mesh in the bytes of a PLY file.
///
/// # Errors
/// As [`read`], without the file.
pub fn parse(bytes: &[u8]) -> Result<Mesh> {
    let parser = Parser::<Row>::new();
    let mut reader = Reader::new(bytes);
    let header = parser.read_header(&mut reader).map_err(|e| malformed("header", &e))?;
    check_header(&header, &bytes[..bytes.len() - reader.get_ref().len()], reader.get_ref().len())?;
    let mut mesh = Mesh::default();
    for element in header.elements.values() {
        for i in 0..element.count {
            let row = read_row(&parser, &mut reader, element, header.encoding, i)?;
            keep(&mut mesh, row, &element.name, i)?;
        }
    }
    check_not_empty(mesh.triangles.len(), "element face")?;
    let rest = reader.get_ref().iter().filter(|b| !b.is_ascii_whitespace() && **b != 0).count();
    if rest > 0 {
        let bound = "the header counts every element of the file";
        let fault = Fault::new("end of file", bound).value(format!("{rest} bytes more"));
        return Err(Error::input(fault.remedy("mend the counts in the header, or re-export the mesh")));
    }
    Ok(mesh)
}

/// One element of any kind: the coordinates if it is a vertex, the corners if it is a face.
#[derive(Default)]
struct Row {
    position: [f64; 3],
    signed: Vec<i32>,
    unsigned: Vec<u32>,
}

impl Row {
    fn put(&mut self, name: &str, value: f64) -> PropertyAccessResult {
        match name {
            "x" => self.position[0] = value,
            "y" => self.position[1] = value,
            "z" => self.position[2] = value,
            _ => return PropertyAccessResult::Ignored,
        }
        PropertyAccessResult::Set
    }

    fn put_corners<T: Into<i32>>(&mut self, name: &str, corners: Vec<T>) -> PropertyAccessResult {
        if !is_corners(name) {
            return PropertyAccessResult::Ignored;
        }
        self.signed = corners.into_iter().map(Into::into).collect();
        PropertyAccessResult::Set
    }
}

fn is_corners(name: &str) -> bool {
    name == "vertex_indices" || name == "vertex_index"
}

impl PropertyAccess for Row {
    fn new() -> Self {
        Row::default()
    }
    fn set_char(&mut self, name: &str, value: i8) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_uchar(&mut self, name: &str, value: u8) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_short(&mut self, name: &str, value: i16) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_ushort(&mut self, name: &str, value: u16) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_int(&mut self, name: &str, value: i32) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_uint(&mut self, name: &str, value: u32) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_float(&mut self, name: &str, value: f32) -> PropertyAccessResult {
        self.put(name, value.into())
    }
    fn set_double(&mut self, name: &str, value: f64) -> PropertyAccessResult {
        self.put(name, value)
    }
    fn set_list_char(&mut self, name: &str, value: Vec<i8>) -> PropertyAccessResult {
        self.put_corners(name, value)
    }
    fn set_list_uchar(&mut self, name: &str, value: Vec<u8>) -> PropertyAccessResult {
        self.put_corners(name, value)
    }
    fn set_list_short(&mut self, name: &str, value: Vec<i16>) -> PropertyAccessResult {
        self.put_corners(name, value)
    }
    fn set_list_ushort(&mut self, name: &str, value: Vec<u16>) -> PropertyAccessResult {
        self.put_corners(name, value)
    }
    fn begin_list_int(&mut self, name: &str, _len: usize) -> BeginList<'_, i32> {
        if is_corners(name) { BeginList::Fill(&mut self.signed) } else { BeginList::UseSetter }
    }
    fn begin_list_uint(&mut self, name: &str, _len: usize) -> BeginList<'_, u32> {
        if is_corners(name) { BeginList::Fill(&mut self.unsigned) } else { BeginList::UseSetter }
    }
    fn begin_list_float(&mut self, name: &str, _len: usize) -> BeginList<'_, f32> {
        if is_corners(name) { BeginList::UnsupportedType } else { BeginList::UseSetter }
    }
    fn begin_list_double(&mut self, name: &str, _len: usize) -> BeginList<'_, f64> {
        if is_corners(name) { BeginList::UnsupportedType } else { BeginList::UseSetter }
    }
}

fn malformed(field: impl Into<String>, error: &ParseError) -> Error {
    let bound = format!("is not what a PLY file holds here: {}", one_line(&error.to_string()));
    Error::input(Fault::new(field, bound).remedy("re-export the mesh; the file may be cut off or not a PLY file"))
}

/// The first 200 characters without line breaks: a parser's message may repeat a whole broken line.
fn one_line(text: &str) -> String {
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    spaced.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Finds what would make reading wrong or endless before any element is read: `head` is the header as written and
/// `rest` the number of bytes after it.
fn check_header(header: &Header, head: &[u8], rest: usize) -> Result<()> {
    let fault = |field: String, bound: String| Fault::new(field, bound).remedy("mend the header or re-export the mesh");
    let declared = head.split(|b| *b == b'\n').filter(|l| l.starts_with(b"element") || l.starts_with(b"property"));
    let kept: usize = header.elements.values().map(|e| 1 + e.properties.len()).sum();
    if declared.count() != kept {
        return Err(Error::input(fault("header".into(), "no element and no property is declared twice".into())));
    }
    let mut needed = 0usize;
    for element in header.elements.values() {
        needed = needed.saturating_add(element.count.saturating_mul(smallest_row(element, header.encoding)));
        if needed > rest.saturating_add(1) || element.count >= u32::MAX as usize {
            let bound = format!("the {rest} bytes after the header hold that many elements");
            return Err(Error::input(fault(format!("element {}", element.name), bound).value(element.count)));
        }
    }
    let has = |element: &str, properties: &[&str]| {
        header.elements.get(element).is_some_and(|e| properties.iter().any(|p| e.properties.contains_key(*p)))
    };
    for axis in ["x", "y", "z"] {
        if !has("vertex", &[axis]) {
            let bound = format!("has the property {axis}");
            return Err(Error::input(fault("element vertex".into(), bound)));
        }
    }
    if !has("face", &["vertex_indices", "vertex_index"]) {
        let bound = "has the property list vertex_indices";
        return Err(Error::input(fault("element face".into(), bound.into())));
    }
    let order = |name| header.elements.get_index_of(name);
    if order("face") < order("vertex") {
        return Err(Error::input(fault("element face".into(), "comes after element vertex".into())));
    }
    Ok(())
}

/// The least number of bytes that one element takes; at least 1, so that counts are bounded by the file's length.
fn smallest_row(element: &ElementDef, encoding: Encoding) -> usize {
    let sizes = element.properties.values().map(|property| match (&property.data_type, encoding) {
        (PropertyType::Scalar(_) | PropertyType::List(..), Encoding::Ascii) => 2,
        (PropertyType::Scalar(kind) | PropertyType::List(kind, _), _) => match kind {
            ScalarType::Char | ScalarType::UChar => 1,
            ScalarType::Short | ScalarType::UShort => 2,
            ScalarType::Int | ScalarType::UInt | ScalarType::Float => 4,
            ScalarType::Double => 8,
        },
    });
    sizes.sum::<usize>().max(1)
}

fn read_row<T: BufRead>(
    parser: &Parser<Row>,
    reader: &mut Reader<T>,
    element: &ElementDef,
    encoding: Encoding,
    i: usize,
) -> Result<Row> {
    let inner = reader.get_mut();
    let row = match encoding {
        Encoding::BinaryLittleEndian => parser.read_little_endian_element(inner, element),
        Encoding::BinaryBigEndian => parser.read_big_endian_element(inner, element),
        Encoding::Ascii => read_line(inner).and_then(|line| {
            let row = parser.read_ascii_element(&with_digits(&line), element)?;
            check_words(&line, element).map(|()| row)
        }),
    };
    row.map_err(|e| malformed(format!("{} {i} of {}", element.name, element.count), &e))
}

/// The parser knows neither `.5` nor `1.`, which other programs write: a point gets a digit on either side.
fn with_digits(line: &str) -> Cow<'_, str> {
    let bytes = line.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let sides = |at: usize| [is_digit(at.checked_sub(1)), is_digit(at.checked_add(1))];
    // A point with a digit on no side is no number, and stays none.
    let lacks_one = |at: usize| bytes[at] == b'.' && sides(at)[0] != sides(at)[1];
    if !(0..bytes.len()).any(lacks_one) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len() + 8);
    for (at, character) in line.char_indices() {
        let lacks = lacks_one(at);
        if lacks && !sides(at)[0] {
            text.push('0');
        }
        text.push(character);
        if lacks && !sides(at)[1] {
            text.push('0');
        }
    }
    Cow::Owned(text)
}

/// Refuses words after the last property, which the parser drops: the counts in the header are wrong then.
fn check_words(line: &str, element: &ElementDef) -> std::result::Result<(), ParseError> {
    let mut words = line.split_whitespace();
    for property in element.properties.values() {
        let word = words.next();
        if let PropertyType::List(..) = property.data_type {
            let count: usize = word.and_then(|w| w.parse().ok()).unwrap_or_default();
            words.by_ref().take(count).for_each(drop);
        }
    }
    match words.count() {
        0 => Ok(()),
        more => {
            let message = format!("{more} numbers more than it has properties: '{}'", line.trim());
            Err(io::Error::new(io::ErrorKind::InvalidData, message).into())
        }
    }
}

/// The next line that is not blank.
fn read_line(reader: &mut impl BufRead) -> std::result::Result<String, ParseError> {
    let mut line = String::new();
    while line.trim().is_empty() {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends").into());
        }
    }
    Ok(line)
}

fn keep(mesh: &mut Mesh, row: Row, element: &str, i: usize) -> Result<()> {
    match element {
        "vertex" => mesh.vertices.push(check_vertex(row.position, || format!("vertex {i}"))?),
        "face" => {
            let corners = row.signed.into_iter().map(i64::from).chain(row.unsigned.into_iter().map(i64::from));
            push_polygon(mesh, corners, || format!("face {i}"))?;
        }
        _ => {}
    }
    Ok(())
}

/// Writes a mesh as little-endian binary PLY.
///
/// # Errors
/// What `out` says.
pub fn write(mesh: &Mesh, out: &mut impl Write) -> io::Result<()> {
    let double = mesh.vertices.iter().flatten().any(|x| (f64::from(*x as f32) - x).abs() > MAX_ROUNDING_M);
    let kind = if double { "double" } else { "float" };
    writeln!(out, "ply\nformat binary_little_endian 1.0\nelement vertex {}", mesh.vertices.len())?;
    writeln!(out, "property {kind} x\nproperty {kind} y\nproperty {kind} z")?;
    writeln!(out, "element face {}\nproperty list uchar int vertex_indices\nend_header", mesh.triangles.len())?;
    for x in mesh.vertices.iter().flatten() {
        if double {
            out.write_all(&x.to_le_bytes())?;
        } else {
            out.write_all(&(*x as f32).to_le_bytes())?;
        }
    }
    for triangle in &mesh.triangles {
        let mut row = [3u8; 13];
        for (bytes, corner) in row[1..].chunks_exact_mut(4).zip(triangle) {
            bytes.copy_from_slice(&corner.to_le_bytes());
        }
        out.write_all(&row)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "element vertex 4\nproperty float x\nproperty double y\nproperty float z\nproperty uchar red\n\
        element face 1\nproperty uchar flags\nproperty list uchar uint vertex_index\nend_header\n";

    fn quad() -> Mesh {
        let vertices = vec![[0.0, 0.1, 0.0], [1.0, 0.1, 0.0], [1.0, 1.1, 0.0], [0.0, 1.1, 0.5]];
        Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3]] }
    }

    fn binary(big: bool) -> Vec<u8> {
        let order = if big { "big" } else { "little" };
        let mut bytes = format!("ply\nformat binary_{order}_endian 1.0\ncomment a quad\n{HEADER}").into_bytes();
        let mut put = |mut value: Vec<u8>| {
            if big {
                value.reverse();
            }
            bytes.extend(value);
        };
        for v in quad().vertices {
            put((v[0] as f32).to_le_bytes().to_vec());
            put(v[1].to_le_bytes().to_vec());
            put((v[2] as f32).to_le_bytes().to_vec());
            put(vec![200]);
        }
        put(vec![7]);
        put(vec![4]);
        (0..4u32).for_each(|i| put(i.to_le_bytes().to_vec()));
        bytes
    }

    #[test]
    fn three_encodings_hold_the_same_mesh() {
        let ascii = format!(
            "ply\r\nformat ascii 1.0\n{HEADER}0 0.1 0 1\n1 0.1 0 1\n\n1 1.1 0 1\n0 1.1 5e-1 1\n7 4 0 1 2 3\n\n"
        );
        assert_eq!(parse(ascii.as_bytes()).unwrap(), quad());
        assert_eq!(parse(&binary(false)).unwrap(), quad());
        assert_eq!(parse(&binary(true)).unwrap(), quad());
    }

    #[test]
    fn numbers_may_lack_a_digit_beside_their_point() {
        let vertices = ["0 .1 0 1", "1. +.1 -0. 1", "1.e0 1.1 .0 1", "0 11.E-1 5.e-1 1"].join("\n");
        let ascii = format!("ply\nformat ascii 1.0\n{HEADER}{vertices}\n7 4 0 1 2 3\n");
        assert_eq!(parse(ascii.as_bytes()).unwrap(), quad());
        for wrong in [".", "-.", "1..", "..1", "1.2.", "a."] {
            let broken = ascii.replace(" .1 0", &format!(" {wrong} 0"));
            assert!(parse(broken.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_cut_of_a_file_is_an_error() {
        let bytes = binary(false);
        for length in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..length]), Err(Error::Input(_))), "cut at {length}");
        }
    }

    #[test]
    fn map_coordinates_survive_writing() {
        let mut mesh = quad();
        mesh.vertices[2] = [4_433_123.123_456, 5_400_000.654_321, 500.1];
        let mut bytes = Vec::new();
        write(&mesh, &mut bytes).unwrap();
        assert_eq!(parse(&bytes).unwrap(), mesh);
        bytes.clear();
        let near = Mesh { vertices: vec![[0.5; 3], [1.25; 3], [-8.0; 3]], triangles: vec![[0, 1, 2]] };
        write(&near, &mut bytes).unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("property float x"));
        assert_eq!(parse(&bytes).unwrap(), near);
    }
}
