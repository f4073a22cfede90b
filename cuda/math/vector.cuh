// Points and directions in f64. Operations in the order of nalgebra's, so that host and device compute the same bits.
#pragma once
#include "portable.cuh"

struct Vec3 {
  double x, y, z;
};

DEVICE Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
DEVICE Vec3 operator-(const Vec3& a, const Vec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
DEVICE Vec3 operator-(const Vec3& a) { return {-a.x, -a.y, -a.z}; }
DEVICE Vec3 operator*(const Vec3& a, double s) { return {a.x * s, a.y * s, a.z * s}; }
DEVICE Vec3 operator/(const Vec3& a, double s) { return {a.x / s, a.y / s, a.z / s}; }
DEVICE Vec3& operator+=(Vec3& a, const Vec3& b) { return a = a + b; }
DEVICE Vec3& operator-=(Vec3& a, const Vec3& b) { return a = a - b; }

DEVICE double dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
DEVICE Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
DEVICE double norm(const Vec3& a) { return sqrt(dot(a, a)); }
// The unit vector along `a`, or zero if that has no length.
DEVICE Vec3 direction_or_zero(const Vec3& a) {
  const double length = norm(a);
  return length > 0.0 ? a / length : Vec3{0.0, 0.0, 0.0};
}

DEVICE double larger(double a, double b) { return b > a ? b : a; }
DEVICE double smaller(double a, double b) { return b < a ? b : a; }
// The largest coordinate without its sign.
DEVICE double largest_of(const Vec3& a) { return larger(larger(fabs(a.x), fabs(a.y)), fabs(a.z)); }

DEVICE Vec3 vec3(const double* xyz) { return {xyz[0], xyz[1], xyz[2]}; }
