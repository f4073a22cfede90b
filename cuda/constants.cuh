// Constants of nature and of the circle: the twin of src/constants.rs.
#pragma once

// Vacuum speed of light [m/s], exact.
constexpr double SPEED_OF_LIGHT = 299792458.0;
constexpr double PI = 3.141592653589793;
constexpr double TAU = 2.0 * PI;
// The natural logarithm of 10.
constexpr double LN_10 = 2.302585092994046;
