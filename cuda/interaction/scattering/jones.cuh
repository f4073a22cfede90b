// Fields scattered at one point: diffuse (T67, T68) and by a lobe (T73): the twin of src/interaction/scattering/jones.rs.
#pragma once
#include "interaction/reflection.cuh"
#include "interaction/scattering/pattern.cuh"
#include "math/frame.cuh"

// f [1/sr] of a pattern (T60-T66): the mean of its parts by weight.
DEVICE double density(const ScatteringAt& scattering, const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  const Directions at = directions_of(k_i, n, k_s);
  double sum = 0.0;
  for (uint32_t i = 0; i < scattering.part_count; ++i) {
    const PartAt& part = scattering.parts[i];
    sum += part.weight * part_density(part, at);
  }
  return sum / scattering.total_weight;
}

// The adjoint of `density` of a pattern; adds to `directions_bar` and `parts_bar` `[part]`.
DEVICE void density_vjp(const ScatteringAt& scattering, const Vec3& k_i, const Vec3& n, const Vec3& k_s, double f_bar,
                        DirectionsBar& directions_bar, PartBar* parts_bar) {
  const Directions at = directions_of(k_i, n, k_s);
  const double f = density(scattering, k_i, n, k_s);
  Directions at_bar = {};
  for (uint32_t i = 0; i < scattering.part_count; ++i) {
    const PartAt& part = scattering.parts[i];
    parts_bar[i].weight += f_bar * (part_density(part, at) - f) / scattering.total_weight;
    part_density_vjp(part, at, f_bar * part.weight / scattering.total_weight, at_bar, parts_bar[i]);
  }
  directions_of_vjp(k_i, n, k_s, at_bar, directions_bar);
}

// f [1/sr] of a lobe (T70-T72).
DEVICE double density(const PartAt& lobe, const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  return part_density(lobe, directions_of(k_i, n, k_s));
}

// The adjoint of `density` of a lobe; adds to `directions_bar` and to `sharpness_bar`.
DEVICE void density_vjp(const PartAt& lobe, const Vec3& k_i, const Vec3& n, const Vec3& k_s, double f_bar,
                        DirectionsBar& directions_bar, double& sharpness_bar) {
  Directions at_bar = {};
  PartBar part_bar = {};
  part_density_vjp(lobe, directions_of(k_i, n, k_s), f_bar, at_bar, part_bar);
  sharpness_bar += part_bar.forward;
  directions_of_vjp(k_i, n, k_s, at_bar, directions_bar);
}

// Gamma^2 = |E_r|^2/|E_i|^2 [-]: the share of the field's power that a smooth surface reflects (T67); 0 for no field.
DEVICE double reflected_share(const CVec3& field, const Vec3& k_i, const Vec3& n, const SurfaceAt& surface,
                              double frequency) {
  const double incident = norm_squared(field);
  if (incident == 0.0) return 0.0;
  const Coefficients c =
      slab({surface.eta[0], surface.eta[1]}, cos_incidence(k_i, n), surface.thickness, frequency);
  return norm_squared(reflect(field, k_i, n, c)) / incident;
}

// Bars of what a scattered field depends on, but for the parts of the pattern.
struct ScatterBar {
  CVec3 field;
  DirectionsBar directions;
  SurfaceBar surface;
  double frequency;
};

// The adjoint of `reflected_share`; adds to `bar`.
DEVICE void reflected_share_vjp(const CVec3& field, const Vec3& k_i, const Vec3& n, const SurfaceAt& surface,
                                double frequency, double share_bar, ScatterBar& bar) {
  const C64 eta{surface.eta[0], surface.eta[1]};
  const double cos_theta = cos_incidence(k_i, n), incident = norm_squared(field);
  const Coefficients c = slab(eta, cos_theta, surface.thickness, frequency);
  const CVec3 reflected = reflect(field, k_i, n, c);
  const double factor = 2.0 * share_bar / incident;
  ReflectBar own = {};
  own.field = field * -(factor * norm_squared(reflected) / incident);
  reflect_vjp(field, k_i, n, c, reflected * factor, own);
  // Put down before the slab asks for registers.
  bar.field += own.field;
  bar.directions.k_i += own.k;
  bar.directions.n += own.n;
  double cos_theta_bar = 0.0;
  slab_vjp(eta, cos_theta, surface.thickness, frequency, own.coefficients, bar.surface.eta, cos_theta_bar,
           bar.surface.thickness, bar.frequency);
  cos_incidence_vjp(k_i, n, cos_theta_bar, bar.directions.k_i, bar.directions.n);
}

// D^2 = 1 - (1 - S^2) rho^2 [-]: the share of the reflected power that is scattered (T69).
DEVICE double diffuse_share(const SurfaceAt& surface, double cos_theta, double frequency) {
  const double s = surface.scattering.coefficient, rho = roughness_factor(surface.roughness, cos_theta, frequency);
  return s * s + (1.0 - s * s) * (1.0 - rho * rho);
}

// The adjoint of the root D of `diffuse_share`; adds to the surface's bar and to those of the cosine and the frequency. A
// smooth surface has D = S down to S = 0, which is the limit that holds there.
DEVICE void root_of_share_vjp(const SurfaceAt& surface, double cos_theta, double frequency, double root_bar,
                              SurfaceBar& surface_bar, double& cos_theta_bar, double& frequency_bar) {
  const double root = sqrt(diffuse_share(surface, cos_theta, frequency));
  if (root == 0.0) {
    surface_bar.scattering += root_bar;
    return;
  }
  const double s = surface.scattering.coefficient, rho = roughness_factor(surface.roughness, cos_theta, frequency);
  surface_bar.scattering += root_bar * s * rho * rho / root;
  roughness_factor_vjp(surface.roughness, cos_theta, frequency, -root_bar * rho * (1.0 - s * s) / root,
                       surface_bar.roughness, cos_theta_bar, frequency_bar);
}

// The diffusely scattered field per root of solid angle [sr^-1/2] (T67, T68); `field` is transverse to `k_i`.
DEVICE CVec3 diffuse(const CVec3& field, const Vec3& k_i, const Vec3& n, const Vec3& k_s, const SurfaceAt& surface,
                     double frequency) {
  const double gain = reflected_share(field, k_i, n, surface, frequency);
  const double share = diffuse_share(surface, cos_incidence(k_i, n), frequency);
  const double amplitude = sqrt(density(surface.scattering, k_i, n, k_s) * gain * share);
  const Basis incident = spherical_basis(k_i), scattered = spherical_basis(k_s);
  const C64 along_theta = dot(incident.theta, field), along_phi = dot(incident.phi, field);
  const double kept = sqrt(1.0 - surface.scattering.xpd), crossed = sqrt(surface.scattering.xpd);
  const C64 theta = (along_theta * kept - along_phi * crossed) * amplitude;
  const C64 phi = (along_theta * crossed + along_phi * kept) * amplitude;
  return scaled(scattered.theta, theta) + scaled(scattered.phi, phi);
}

// Of the adjoint of `diffuse` all but what goes through the pattern, whose density's bar it returns; adds to `bar`.
DEVICE double but_for_pattern_vjp(const CVec3& field, const Vec3& k_i, const Vec3& n, const Vec3& k_s,
                                  const SurfaceAt& surface, double frequency, const CVec3& scattered_bar,
                                  ScatterBar& bar) {
  const double f = density(surface.scattering, k_i, n, k_s);
  const double gain = reflected_share(field, k_i, n, surface, frequency);
  const double cos_theta = cos_incidence(k_i, n);
  const double scattered_root = sqrt(diffuse_share(surface, cos_theta, frequency)), root = sqrt(f * gain);
  if (root == 0.0) return 0.0;
  const double amplitude = root * scattered_root;
  const Basis incident = spherical_basis(k_i), scattered = spherical_basis(k_s);
  const C64 along_theta = dot(incident.theta, field), along_phi = dot(incident.phi, field);
  const double kept = sqrt(1.0 - surface.scattering.xpd), crossed = sqrt(surface.scattering.xpd);
  const C64 theta = along_theta * kept - along_phi * crossed, phi = along_theta * crossed + along_phi * kept;
  const C64 theta_bar = dot(scattered.theta, scattered_bar), phi_bar = dot(scattered.phi, scattered_bar);
  spherical_basis_vjp(k_s, inner(scattered_bar, theta * amplitude), inner(scattered_bar, phi * amplitude),
                      bar.directions.k_s);
  const C64 along_theta_bar = (theta_bar * kept + phi_bar * crossed) * amplitude;
  const C64 along_phi_bar = (phi_bar * kept - theta_bar * crossed) * amplitude;
  bar.field += scaled(incident.theta, along_theta_bar) + scaled(incident.phi, along_phi_bar);
  spherical_basis_vjp(k_i, inner(field, along_theta_bar), inner(field, along_phi_bar), bar.directions.k_i);
  const double kept_bar = amplitude * (conj(along_theta) * theta_bar + conj(along_phi) * phi_bar).re;
  const double crossed_bar = amplitude * (conj(along_theta) * phi_bar - conj(along_phi) * theta_bar).re;
  if (kept > 0.0 && crossed > 0.0) bar.surface.xpd += 0.5 * (crossed_bar / crossed - kept_bar / kept);
  const double amplitude_bar = (conj(theta) * theta_bar + conj(phi) * phi_bar).re;
  const double relative = 0.5 * amplitude_bar * amplitude;
  reflected_share_vjp(field, k_i, n, surface, frequency, relative / gain, bar);
  double cos_theta_bar = 0.0;
  root_of_share_vjp(surface, cos_theta, frequency, amplitude_bar * root, bar.surface, cos_theta_bar, bar.frequency);
  cos_incidence_vjp(k_i, n, cos_theta_bar, bar.directions.k_i, bar.directions.n);
  return relative / f;
}

// The adjoint of `diffuse`; adds to `bar` and to `parts_bar` `[part]`. Coordinates count as free. Into the surface nothing
// gets anything. K_x = 0 and 1 get no bar of it; directions along z no bar from the basis.
DEVICE void diffuse_vjp(const CVec3& field, const Vec3& k_i, const Vec3& n, const Vec3& k_s, const SurfaceAt& surface,
                        double frequency, const CVec3& scattered_bar, ScatterBar& bar, PartBar* parts_bar) {
  const double f_bar = but_for_pattern_vjp(field, k_i, n, k_s, surface, frequency, scattered_bar, bar);
  if (f_bar != 0.0) density_vjp(surface.scattering, k_i, n, k_s, f_bar, bar.directions, parts_bar);
}

// The unit normal of the plane that mirrors `k_i` into `k_s` (T73); `n` where the wave goes straight on.
DEVICE Vec3 half_vector(const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  const Vec3 turn = k_s - k_i;
  const double length = norm(turn);
  return length > 0.0 ? turn / length : n;
}

// The field that a lobe scatters, per root of solid angle [sr^-1/2] (T73); 0 for a surface without a lobe.
DEVICE CVec3 lobe(const CVec3& field, const Vec3& k_i, const Vec3& n, const Vec3& k_s, const SurfaceAt& surface,
                  double frequency) {
  if (!surface.lobe) return {{0.0, 0.0}, {0.0, 0.0}, {0.0, 0.0}};
  const Vec3 h = half_vector(k_i, n, k_s);
  const Coefficients c = coefficients(surface, cos_incidence(k_i, h), frequency);
  return reflect(field, k_i, h, c) * sqrt(density(*surface.lobe, k_i, n, k_s));
}

// The adjoint of `lobe`; adds to `bar`. Coordinates count as free. Into the surface, and without a lobe, nothing gets
// anything.
DEVICE void lobe_vjp(const CVec3& field, const Vec3& k_i, const Vec3& n, const Vec3& k_s, const SurfaceAt& surface,
                     double frequency, const CVec3& scattered_bar, ScatterBar& bar) {
  if (!surface.lobe) return;
  const double root = sqrt(density(*surface.lobe, k_i, n, k_s));
  if (root == 0.0) return;
  const Vec3 h = half_vector(k_i, n, k_s);
  const double cos_theta = cos_incidence(k_i, h);
  const Coefficients c = coefficients(surface, cos_theta, frequency);
  const double root_bar = dotc(reflect(field, k_i, h, c), scattered_bar).re;
  density_vjp(*surface.lobe, k_i, n, k_s, 0.5 * root_bar / root, bar.directions, bar.surface.lobe);
  ReflectBar own = {};
  reflect_vjp(field, k_i, h, c, scattered_bar * root, own);
  double cos_theta_bar = 0.0;
  coefficients_vjp(surface, cos_theta, frequency, c, own.coefficients, bar.surface, cos_theta_bar, bar.frequency);
  cos_incidence_vjp(k_i, h, cos_theta_bar, own.k, own.n);
  bar.field += own.field;
  bar.directions.k_i += own.k;
  const double turn = norm(k_s - k_i);
  if (turn > 0.0) {
    const Vec3 turn_bar = normalized_vjp(h, turn, own.n);
    bar.directions.k_s += turn_bar;
    bar.directions.k_i -= turn_bar;
  } else {
    bar.directions.n += own.n;
  }
}
