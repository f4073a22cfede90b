//! Positions of many devices: `.npy` arrays [n, 3] and `.csv` tables with x_m, y_m, z_m.

use super::npy::{self, fixed};
use crate::error::{Error, Fault, Result};
use crate::io::csv::cells_of;
use crate::io::read::regular_file;
use crate::scene::MAX_COORDINATE_M;
use std::path::Path;

/// Reads the positions in `file`, `.npy` or `.csv` [m].
///
/// # Errors
/// [`Error::Input`]: a file that cannot be read, of another kind, or as [`read_positions`].
pub fn read_positions_file(file: &Path) -> Result<Vec<[f64; 3]>> {
    let extension = file.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
    let read = match extension.as_str() {
        "npy" => read_positions,
        "csv" => read_position_table,
        _ => {
            let fault = Fault::new("positions", "must be a .npy or .csv file").file(file).value(extension);
            return Err(Error::input(fault.remedy("save the positions with numpy.save")));
        }
    };
    let bytes = regular_file(file).map_err(|error| {
        let fault = Fault::new("positions", format!("cannot be read: {error}")).file(file);
        Error::input(fault.remedy("paths in a job count from the folder of the job file"))
    })?;
    let positions = read(&bytes, file)?;
    if positions.is_empty() {
        let fault = Fault::new("positions", "must hold at least one row").file(file).value("0 rows");
        return Err(Error::input(fault.remedy("give one row x, y, z for each device, or drop this entry of the job")));
    }
    Ok(positions)
}

/// Reads a `.npy` array [n, 3] of f32 or f64 [m]; `file` is named in errors only.
///
/// # Errors
/// [`Error::Input`]: not such an array, cut off, or a coordinate that is not finite or out of bounds.
pub fn read_positions(bytes: &[u8], file: &Path) -> Result<Vec<[f64; 3]>> {
    let (header, data) = npy::read_header(bytes, file)?;
    let fault = |field: &str, value: &str, bound: &str, remedy: &str| {
        Error::input(Fault::new(field, bound).file(file).value(value).remedy(remedy))
    };
    let shape = format!("{:?}", header.shape);
    let &[rows, 3] = header.shape.as_slice() else {
        return Err(fault("shape", &shape, "must be [n, 3]", "give one row x, y, z for each device"));
    };
    let (size, number): (usize, fn(&[u8]) -> f64) = match header.descr.as_str() {
        "<f8" => (8, |b| f64::from_le_bytes(fixed(b))),
        ">f8" => (8, |b| f64::from_be_bytes(fixed(b))),
        "<f4" => (4, |b| f64::from(f32::from_le_bytes(fixed(b)))),
        ">f4" => (4, |b| f64::from(f32::from_be_bytes(fixed(b)))),
        other => return Err(fault("dtype", other, "must be float32 or float64", "use array.astype(float)")),
    };
    // Checked against the bytes that are there before anything is allocated: a header may claim any number.
    if rows.checked_mul(3 * size as u64) != Some(data.len() as u64) {
        let bound = format!("needs another number of bytes than the {} that follow", data.len());
        return Err(fault("shape", &shape, &bound, "the file is cut off or damaged: write it again"));
    }
    let rows = rows as usize;
    let at = |i: usize, k: usize| {
        let element = if header.fortran_order { k * rows + i } else { 3 * i + k };
        number(&data[element * size..(element + 1) * size])
    };
    (0..rows).map(|i| checked([at(i, 0), at(i, 1), at(i, 2)], i, file)).collect()
}

/// Reads a table (CSV as of RFC 4180, UTF-8) with the columns x_m, y_m, z_m [m] and any others; `file` is named in
/// errors only. A cell may stand in quotes, but spans no lines.
///
/// # Errors
/// [`Error::Input`]: not such a table, a row of another length, or a coordinate that is not finite or out of bounds.
pub fn read_position_table(bytes: &[u8], file: &Path) -> Result<Vec<[f64; 3]>> {
    let fault = |field: String, value: &str, bound: &str| {
        let remedy = "the first line names the columns, x_m,y_m,z_m; each other line is one device";
        Error::input(Fault::new(field, bound).file(file).value(value).remedy(remedy))
    };
    let text = std::str::from_utf8(bytes).map_err(|_| fault("table".into(), "", "is not UTF-8 text"))?;
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let (_, head) = lines.next().ok_or_else(|| fault("line 1".into(), "", "is missing"))?;
    let head = cells_of(head);
    let mut columns = [0; 3];
    for (column, name) in columns.iter_mut().zip(["x_m", "y_m", "z_m"]) {
        let mut found = head.iter().enumerate().filter(|(_, cell)| *cell == name);
        *column = found.next().ok_or_else(|| fault(format!("column {name}"), "", "is missing"))?.0;
        if found.next().is_some() {
            return Err(fault(format!("column {name}"), "", "stands twice"));
        }
    }
    let mut positions = Vec::new();
    for (i, line) in lines {
        let cells = cells_of(line);
        if cells.len() != head.len() {
            let bound = format!("must have the {} cells of the first line", head.len());
            return Err(fault(format!("line {}", i + 1), &format!("{} cells", cells.len()), &bound));
        }
        let mut position = [0.0; 3];
        for (x, &column) in position.iter_mut().zip(&columns) {
            let cell = cells[column].as_str();
            let field = || format!("line {}, column {}", i + 1, head[column]);
            *x = cell.parse().map_err(|_| fault(field(), cell, "must be a number"))?;
        }
        positions.push(checked(position, positions.len(), file)?);
    }
    Ok(positions)
}

fn checked(position: [f64; 3], row: usize, file: &Path) -> Result<[f64; 3]> {
    if position.iter().all(|x| x.abs() <= MAX_COORDINATE_M) {
        return Ok(position);
    }
    let bound = format!("coordinates must be finite and within {MAX_COORDINATE_M:e} m");
    let value = format!("{position:?}");
    Err(Error::input(Fault::new(format!("row {row}"), bound).file(file).value(value).remedy("mend or drop this row")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
        let mut bytes = npy::header(descr, shape);
        bytes.extend(data);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<[f64; 3]>> {
        read_positions(bytes, Path::new("rx.npy"))
    }

    #[test]
    fn both_precisions_and_both_byte_orders_are_read() {
        let values = [1.5f64, -2.0, 3.0, 4.0, 5.0, 6.25];
        let expected = vec![[1.5, -2.0, 3.0], [4.0, 5.0, 6.25]];
        let bytes = |put: fn(f64) -> Vec<u8>| values.iter().copied().flat_map(put).collect::<Vec<u8>>();
        let cases = [
            ("<f8", bytes(|x| x.to_le_bytes().to_vec())),
            (">f8", bytes(|x| x.to_be_bytes().to_vec())),
            ("<f4", bytes(|x| (x as f32).to_le_bytes().to_vec())),
            (">f4", bytes(|x| (x as f32).to_be_bytes().to_vec())),
        ];
        for (descr, data) in cases {
            assert_eq!(read(&array(descr, &[2, 3], &data)).expect(descr), expected, "{descr}");
        }
    }

    #[test]
    fn fortran_order_is_transposed() {
        let mut bytes = array("<f8", &[2, 3], &[]);
        let place = bytes.windows(5).position(|w| w == b"False").expect("the key");
        bytes[place..place + 5].copy_from_slice(b"True ");
        bytes.extend([1.0f64, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|x| x.to_le_bytes()));
        assert_eq!(read(&bytes).expect("an array"), vec![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    }

    #[test]
    fn absurd_shapes_wrong_types_and_bad_numbers_are_errors() {
        let nan = [1.0, f64::NAN, 0.0].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let cases: [(Vec<u8>, &str); 7] = [
            (array("<f8", &[usize::MAX, 3], &[0; 24]), "shape"),
            (array("<f8", &[1 << 60, 3], &[]), "shape"),
            (array("<f8", &[2, 3], &[0; 47]), "shape"),
            (array("<f8", &[2, 2], &[0; 32]), "[n, 3]"),
            (array("<i8", &[1, 3], &[0; 24]), "dtype"),
            (array("<f8", &[1, 3], &nan), "row 0"),
            (b"PK\x03\x04".to_vec(), "not a .npy"),
        ];
        for (bytes, part) in cases {
            let text = read(&bytes).expect_err(part).to_string();
            assert!(text.contains(part) && text.contains("rx.npy"), "{text} lacks {part}");
        }
    }

    #[test]
    fn tables_are_read_by_the_names_of_their_columns() {
        let read = |text: &str| read_position_table(text.as_bytes(), Path::new("rx.csv"));
        assert_eq!(read("id,z_m,x_m,y_m\na,3,1,2\n\nb, 6,4,5\n").expect("a table"), vec![[1., 2., 3.], [4., 5., 6.]]);
        let quoted = "\u{feff}\"x_m\", y_m ,\"a, \"\"b\"\"\",\"z_m\"\r\n\"1\",2,\"c,d\" , 3\r\n";
        assert_eq!(read(quoted).expect("a table"), vec![[1., 2., 3.]]);
        for (text, part) in [
            ("x_m,y_m\n1,2\n", "z_m"),
            ("x_m,y_m,z_m\n1,2\n", "line 2"),
            ("x_m,y_m,z_m\n1,2,3,4\n", "4 cells"),
            ("x_m,y_m,z_m\n1,2,\"3\n", "\"3"),
            ("x_m,x_m,y_m,z_m\n1,1,2,3\n", "stands twice"),
            ("", "line 1"),
            ("x_m,y_m,z_m\n1,2,inf\n", "row 0"),
        ] {
            let text = read(text).expect_err(part).to_string();
            assert!(text.contains(part), "{text} lacks {part}");
        }
    }
}
