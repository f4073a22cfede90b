//! Physical constants, SI (CODATA 2018, exact where the SI makes them so).

/// Speed of light in vacuum [m/s].
pub const SPEED_OF_LIGHT: f64 = 299_792_458.0;
/// Vacuum permeability mu_0 [H/m].
pub const VACUUM_PERMEABILITY: f64 = 1.256_637_062_12e-6;
/// Vacuum permittivity eps_0 = 1/(mu_0 c^2) [F/m].
pub const VACUUM_PERMITTIVITY: f64 = 1.0 / (VACUUM_PERMEABILITY * SPEED_OF_LIGHT * SPEED_OF_LIGHT);
