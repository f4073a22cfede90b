//! ITU-R P.2040-4 materials.
