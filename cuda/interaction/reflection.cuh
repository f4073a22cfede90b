// Specular reflection of a field vector at a plane (T16-T19): the twin of src/interaction/reflection.rs, which says why the
// s/p decomposition is written without its basis.
#pragma once
#include "interaction/fresnel.cuh"
#include "layout.cuh"
#include "math/vector.cuh"

// A complex field vector in space.
struct CVec3 {
  C64 x, y, z;
};

DEVICE CVec3 complexified(const Vec3& v) { return {{v.x, 0.0}, {v.y, 0.0}, {v.z, 0.0}}; }
DEVICE CVec3 scaled(const Vec3& v, const C64& factor) { return {factor * v.x, factor * v.y, factor * v.z}; }
DEVICE CVec3 operator+(const CVec3& a, const CVec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
DEVICE CVec3 operator-(const CVec3& a, const CVec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
DEVICE CVec3 operator*(const CVec3& a, const C64& s) { return {a.x * s, a.y * s, a.z * s}; }
DEVICE CVec3 operator*(const CVec3& a, double s) { return {a.x * s, a.y * s, a.z * s}; }
DEVICE CVec3& operator+=(CVec3& a, const CVec3& b) { return a = a + b; }
DEVICE double norm_squared(const CVec3& a) { return norm_squared(a.x) + norm_squared(a.y) + norm_squared(a.z); }

// The product of a real and a complex vector, without conjugation.
DEVICE C64 dot(const Vec3& real, const CVec3& field) { return field.x * real.x + field.y * real.y + field.z * real.z; }

// The direction `k` mirrored at a plane of unit normal `n` (T16).
DEVICE Vec3 mirror(const Vec3& k, const Vec3& n) { return k - n * (2.0 * dot(k, n)); }

// Re(conj(factor) v), of each coordinate: the bar of a real vector from that of its product with `factor`.
DEVICE Vec3 inner(const CVec3& v, const C64& factor) {
  return {factor.re * v.x.re + factor.im * v.x.im, factor.re * v.y.re + factor.im * v.y.im,
          factor.re * v.z.re + factor.im * v.z.im};
}

// The product of two complex vectors, the first conjugated.
DEVICE C64 dotc(const CVec3& a, const CVec3& b) { return conj(a.x) * b.x + conj(a.y) * b.y + conj(a.z) * b.z; }

// The adjoint of `mirror`; adds to `k_bar` and `n_bar`, whose coordinates count as free.
DEVICE void mirror_vjp(const Vec3& k, const Vec3& n, const Vec3& mirrored_bar, Vec3& k_bar, Vec3& n_bar) {
  const double across = dot(n, mirrored_bar);
  k_bar += mirrored_bar - n * (2.0 * across);
  n_bar -= (mirrored_bar * dot(k, n) + k * across) * 2.0;
}

// The cosine of the angle of incidence, from 0 to 1.
DEVICE double cos_incidence(const Vec3& k, const Vec3& n) { return smaller(fabs(dot(k, n)), 1.0); }

// The adjoint of `cos_incidence`; adds to `k_bar` and `n_bar`.
DEVICE void cos_incidence_vjp(const Vec3& k, const Vec3& n, double cos_theta_bar, Vec3& k_bar, Vec3& n_bar) {
  const double along = cos_theta_bar * copysign(1.0, dot(k, n));
  k_bar += n * along;
  n_bar += k * along;
}

// Coefficients of a surface, with roughness and the share of diffuse scattering taken off (T12-T15, T19).
DEVICE Coefficients coefficients(const SurfaceAt& surface, double cos_theta, double frequency) {
  const Coefficients found = slab({surface.eta[0], surface.eta[1]}, cos_theta, surface.thickness, frequency);
  const double share = surface.specular_share * roughness_factor(surface.roughness, cos_theta, frequency);
  return {found.r_s * share, found.r_p * share, found.excess * share};
}

// Bars of what one surface is at one frequency (src/interaction/mod.rs).
struct SurfaceBar {
  C64 eta;
  double thickness, specular_share, roughness, scattering, xpd, lobe;
};
static_assert(sizeof(SurfaceBar) == sizeof(double) * SURFACE_BAR, "SURFACE_BAR");

// The adjoint of `coefficients`, which are `found`, for `cos_theta` above 0; adds to the bars of surface, cosine and
// frequency.
DEVICE void coefficients_vjp(const SurfaceAt& surface, double cos_theta, double frequency, const Coefficients& found,
                             const Coefficients& bar, SurfaceBar& surface_bar, double& cos_theta_bar,
                             double& frequency_bar) {
  const C64 eta{surface.eta[0], surface.eta[1]};
  const double rho = roughness_factor(surface.roughness, cos_theta, frequency);
  const double share = surface.specular_share * rho;
  const auto along = [&](const Coefficients& c) {
    return (conj(c.r_s) * bar.r_s + conj(c.r_p) * bar.r_p + conj(c.excess) * bar.excess).re;
  };
  // What the share leaves nothing of is looked at without it.
  const double share_bar =
      share > 0.0 ? along(found) / share : along(slab(eta, cos_theta, surface.thickness, frequency));
  const Coefficients whole = {bar.r_s * share, bar.r_p * share, bar.excess * share};
  slab_vjp(eta, cos_theta, surface.thickness, frequency, whole, surface_bar.eta, cos_theta_bar, surface_bar.thickness,
           frequency_bar);
  surface_bar.specular_share += rho * share_bar;
  if (surface.roughness > 0.0) {
    roughness_factor_vjp(surface.roughness, cos_theta, frequency, surface.specular_share * share_bar,
                         surface_bar.roughness, cos_theta_bar, frequency_bar);
  }
}

// The field vector after reflection (T17); `field` is transverse to the unit direction `k` of the incident wave.
DEVICE CVec3 reflect(const CVec3& field, const Vec3& k, const Vec3& n, const Coefficients& c) {
  const Vec3 w = cross(k, n);
  const CVec3 mirrored = field - scaled(n, dot(n, field) * 2.0);
  return scaled(w, c.excess * dot(w, field)) - mirrored * c.r_p;
}

// Bars of the arguments of `reflect`.
struct ReflectBar {
  CVec3 field;
  Vec3 k, n;
  Coefficients coefficients;
};

// The adjoint of `reflect`; adds to `bar`. Coordinates count as free.
DEVICE void reflect_vjp(const CVec3& field, const Vec3& k, const Vec3& n, const Coefficients& c,
                        const CVec3& reflected_bar, ReflectBar& bar) {
  const Vec3 w = cross(k, n);
  const C64 along = dot(n, field), across = dot(w, field);
  // G (w . E) w.
  const C64 w_dot_bar = dot(w, reflected_bar);
  bar.coefficients.excess += conj(across) * w_dot_bar;
  const C64 across_bar = conj(c.excess) * w_dot_bar;
  const Vec3 w_bar = inner(reflected_bar, c.excess * across) + inner(field, across_bar);
  bar.field += scaled(w, across_bar);
  bar.k += cross(n, w_bar);
  bar.n += cross(w_bar, k);
  // -R_p (E - 2 n (n . E)).
  const CVec3 mirrored = field - scaled(n, along * 2.0);
  bar.coefficients.r_p += -dotc(mirrored, reflected_bar);
  const CVec3 mirrored_bar = reflected_bar * -conj(c.r_p);
  const C64 n_dot_bar = dot(n, mirrored_bar);
  bar.field += mirrored_bar - scaled(n, n_dot_bar * 2.0);
  bar.n -= (inner(mirrored_bar, along) + inner(field, n_dot_bar)) * 2.0;
}
