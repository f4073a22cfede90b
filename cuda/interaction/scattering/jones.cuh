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

// f [1/sr] of a lobe (T70-T72).
DEVICE double density(const PartAt& lobe, const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  return part_density(lobe, directions_of(k_i, n, k_s));
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

// D^2 = 1 - (1 - S^2) rho^2 [-]: the share of the reflected power that is scattered (T69).
DEVICE double diffuse_share(const SurfaceAt& surface, double cos_theta, double frequency) {
  const double s = surface.scattering.coefficient, rho = roughness_factor(surface.roughness, cos_theta, frequency);
  return s * s + (1.0 - s * s) * (1.0 - rho * rho);
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
