// Complex numbers in f64, operations in the order of num_complex's.
#pragma once
#include "portable.cuh"

struct C64 {
  double re, im;
};

DEVICE C64 operator+(const C64& a, const C64& b) { return {a.re + b.re, a.im + b.im}; }
DEVICE C64 operator-(const C64& a, const C64& b) { return {a.re - b.re, a.im - b.im}; }
DEVICE C64 operator-(const C64& a) { return {-a.re, -a.im}; }
DEVICE C64 operator*(const C64& a, const C64& b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
DEVICE C64 operator*(const C64& a, double s) { return {a.re * s, a.im * s}; }
DEVICE C64 operator+(const C64& a, double s) { return {a.re + s, a.im}; }
DEVICE C64 operator-(const C64& a, double s) { return {a.re - s, a.im}; }
DEVICE C64 operator/(const C64& a, const C64& b) {
  const double size = b.re * b.re + b.im * b.im;
  return {(a.re * b.re + a.im * b.im) / size, (a.im * b.re - a.re * b.im) / size};
}
DEVICE C64& operator+=(C64& a, const C64& b) { return a = a + b; }
DEVICE C64 conj(const C64& a) { return {a.re, -a.im}; }
// Of numbers whose squares neither vanish nor overflow: with one division.
DEVICE C64 inverse(const C64& a) {
  const double over = 1.0 / (a.re * a.re + a.im * a.im);
  return {a.re * over, -a.im * over};
}
DEVICE bool is_zero(const C64& a) { return a.re == 0.0 && a.im == 0.0; }
DEVICE double norm_squared(const C64& a) { return a.re * a.re + a.im * a.im; }
