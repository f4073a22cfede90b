// Densities of one lobe and of one part of a pattern (T60-T66, T70-T72): the twin of
// src/interaction/scattering/pattern.rs, without adjoints.
#pragma once
#include "constants.cuh"
#include "interaction/scattering/normaliser.cuh"

// The directions at a point as patterns need them.
struct Directions {
  // cos theta_i, 0 or above, and cos theta_s, 0 or below into the surface.
  double cos_i, cos_s;
  // 1 - cos psi_r and 1 - cos psi_i: the scattered wave against the mirror direction and against the way back.
  double off_forward, off_backward;
};

// Folds the normal to the side that the wave comes from (T60).
DEVICE Directions directions_of(const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  const double along = dot(k_i, n), side = along > 0.0 ? -1.0 : 1.0;
  // Half the squared distance of unit vectors is 1 - cos without its cancellation, which a sharp lobe would feel.
  const Vec3 forward = k_i - n * (2.0 * along) - k_s, backward = k_i + k_s;
  return {fabs(along), side * dot(k_s, n), 0.5 * dot(forward, forward), 0.5 * dot(backward, backward)};
}

// src/scene/scattering/mod.rs, Shape.
enum Shape : uint32_t { VON_MISES_FISHER, COSINE_POWER };

// The distance of 1 from the next f64.
constexpr double EPSILON = 2.220446049250313e-16;

// h at `off` = 1 - c, from 0 to 2 (T70, T71).
DEVICE double lobe_at(uint32_t shape, double sharpness, double off) {
  if (shape == VON_MISES_FISHER) return exp(-sharpness * off);
  // At the far pole the slope of a small power has no bound: the last of f64 stands for it.
  const double base = larger(1.0 - off / 2.0, EPSILON);
  return exp(sharpness * (off < 1.0 ? log1p(-off / 2.0) : log(base)));
}

DEVICE bool is_there(const SingleLobeAt& lobe) { return lobe.full > 0.0; }

// The sum over the lobes of a part of what `of` makes of its share, the lobe and 1 - c.
template <class Of>
DEVICE double over_lobes(const PartAt& part, const Directions& at, const Of& of) {
  const double forward = is_there(part.forward) ? of(part.forward_share, part.forward, at.off_forward) : 0.0;
  if (!is_there(part.backward)) return forward;
  return forward + of(1.0 - part.forward_share, part.backward, at.off_backward);
}

// sqrt(cos_i) max(1, E) for the part, E at the angle whose cosine is `y`, `whole` its A_0 (T66).
DEVICE double root_of_furnace(const PartAt& part, const Directions& at, double whole, double y) {
  const auto of = [y](double share, const SingleLobeAt& lobe, double) {
    return share * lobe.normal * furnace(lobe, y);
  };
  return over_lobes(part, at, of) / whole;
}

// f [1/sr] of one part, normalised by itself; 0 into the surface.
DEVICE double part_density(const PartAt& part, const Directions& at) {
  if (at.cos_s <= 0.0) return 0.0;
  if (!is_there(part.forward) && !is_there(part.backward)) return at.cos_s / PI;
  const double numerator = over_lobes(part, at, [](double share, const SingleLobeAt& lobe, double off) {
    return share * lobe_at(lobe.shape, lobe.sharpness, off);
  });
  if (part.reciprocal) {
    const double whole = over_lobes(
        part, at, [](double share, const SingleLobeAt& lobe, double) { return share * lobe.normal; });
    const double incident = root_of_furnace(part, at, whole, at.cos_i);
    const double scattered = root_of_furnace(part, at, whole, at.cos_s) * sqrt(at.cos_i / at.cos_s);
    return numerator * sqrt(at.cos_s) / (whole * larger(incident, scattered));
  }
  const double area = over_lobes(part, at, [&](double share, const SingleLobeAt& lobe, double) {
    return share * normaliser(lobe, at.cos_i);
  });
  return numerator / area;
}
