// Densities of one lobe and of one part of a pattern (T60-T66, T70-T72): the twin of
// src/interaction/scattering/pattern.rs.
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

// Bars of the three directions at a point.
struct DirectionsBar {
  Vec3 k_i, n, k_s;
};

// The adjoint of `directions_of`; adds to `bar`. Coordinates count as free.
DEVICE void directions_of_vjp(const Vec3& k_i, const Vec3& n, const Vec3& k_s, const Directions& at_bar,
                              DirectionsBar& bar) {
  const double along = dot(k_i, n), side = along > 0.0 ? -1.0 : 1.0;
  bar.k_i -= n * (side * at_bar.cos_i);
  bar.n -= k_i * (side * at_bar.cos_i);
  bar.k_s += n * (side * at_bar.cos_s);
  bar.n += k_s * (side * at_bar.cos_s);
  const Vec3 forward_bar = (k_i - n * (2.0 * along) - k_s) * at_bar.off_forward;
  const double across = dot(forward_bar, n);
  bar.k_i += forward_bar - n * (2.0 * across);
  bar.n -= (forward_bar * along + k_i * across) * 2.0;
  bar.k_s -= forward_bar;
  const Vec3 backward_bar = (k_i + k_s) * at_bar.off_backward;
  bar.k_i += backward_bar;
  bar.k_s += backward_bar;
}

// src/scene/scattering/mod.rs, Shape.
enum Shape : uint32_t { VON_MISES_FISHER, COSINE_POWER };

// The distance of 1 from the next f64.
constexpr double EPSILON = 2.220446049250313e-16;

// h off a lobe's axis, dh/de, e = 1 - c, and dh/d ln sharpness.
struct LobeAt {
  double value, by_off, by_log;
};

// h and its derivatives at `off` = 1 - c, from 0 to 2 (T70, T71).
DEVICE LobeAt lobe_at(uint32_t shape, double sharpness, double off) {
  if (shape == VON_MISES_FISHER) {
    const double value = exp(-sharpness * off);
    return {value, -sharpness * value, -sharpness * off * value};
  }
  // At the far pole the slope of a small power has no bound: the last of f64 stands for it.
  const double base = larger(1.0 - off / 2.0, EPSILON);
  const double log_base = off < 1.0 ? log1p(-off / 2.0) : log(base);
  const double value = exp(sharpness * log_base);
  return {value, -0.5 * sharpness * value / base, sharpness * log_base * value};
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
    return share * lobe.normal * furnace(lobe, y).root;
  };
  return over_lobes(part, at, of) / whole;
}

// f [1/sr] of one part, normalised by itself; 0 into the surface.
DEVICE double part_density(const PartAt& part, const Directions& at) {
  if (at.cos_s <= 0.0) return 0.0;
  if (!is_there(part.forward) && !is_there(part.backward)) return at.cos_s / PI;
  const double numerator = over_lobes(part, at, [](double share, const SingleLobeAt& lobe, double off) {
    return share * lobe_at(lobe.shape, lobe.sharpness, off).value;
  });
  if (part.reciprocal) {
    const double whole = over_lobes(
        part, at, [](double share, const SingleLobeAt& lobe, double) { return share * lobe.normal; });
    const double incident = root_of_furnace(part, at, whole, at.cos_i);
    const double scattered = root_of_furnace(part, at, whole, at.cos_s) * sqrt(at.cos_i / at.cos_s);
    return numerator * sqrt(at.cos_s) / (whole * larger(incident, scattered));
  }
  const double area = over_lobes(part, at, [&](double share, const SingleLobeAt& lobe, double) {
    return share * normaliser(lobe, at.cos_i).area;
  });
  return numerator / area;
}

// Bars of what a part is made of: the weight as written, the share of the forward lobe, and both sharpnesses.
struct PartBar {
  double weight, forward_share, forward, backward;
};
static_assert(sizeof(PartBar) == sizeof(double) * PART_BAR, "PART_BAR");

// What f depends on, as bars: the sum over lobes above, the integral below, and for a reciprocal part the furnace; `y` is
// the cosine at which integral and furnace are taken.
struct Terms {
  double numerator_bar, area_bar, root_bar, y, y_bar;
};

// Bars of one lobe of a part.
struct LobeBar {
  double share, off, sharpness;
};

// The bars of one lobe; adds to the bar of the cosine.
DEVICE LobeBar lobe_terms_vjp(const PartAt& part, const SingleLobeAt& lobe, double share, double off, Terms& terms) {
  if (!is_there(lobe)) return {0.0, 0.0, 0.0};
  const LobeAt h = lobe_at(lobe.shape, lobe.sharpness, off);
  double by_share, by_log, by_cosine;
  if (part.reciprocal) {
    const FurnaceAt q = furnace(lobe, terms.y);
    const double both = terms.area_bar + terms.root_bar * q.root;
    by_share = lobe.normal * both;
    by_log = lobe.normal * (lobe.normal_slope * both + terms.root_bar * q.by_log);
    by_cosine = lobe.normal * terms.root_bar * q.by_cosine;
  } else {
    const NormaliserAt area = normaliser(lobe, terms.y);
    by_share = terms.area_bar * area.area;
    by_log = terms.area_bar * area.by_log;
    by_cosine = terms.area_bar * area.by_cosine;
  }
  terms.y_bar += share * by_cosine;
  return {terms.numerator_bar * h.value + by_share, terms.numerator_bar * share * h.by_off,
          share * (terms.numerator_bar * h.by_log + by_log) / lobe.sharpness};
}

// The terms of f = numerator sqrt(cos_s)/(whole root), root the larger of the two of the furnace.
DEVICE Terms reciprocal_terms(const PartAt& part, const Directions& at, double f_bar, double f, Directions& at_bar) {
  const double whole =
      over_lobes(part, at, [](double share, const SingleLobeAt& lobe, double) { return share * lobe.normal; });
  const double incident = root_of_furnace(part, at, whole, at.cos_i), tilt = sqrt(at.cos_i / at.cos_s);
  const double own = root_of_furnace(part, at, whole, at.cos_s), scattered = own * tilt;
  const double root = larger(incident, scattered);
  const bool is_scattered = scattered > incident;
  double root_bar = -f_bar * f / root;
  at_bar.cos_s += 0.5 * f_bar * f / at.cos_s;
  if (is_scattered) {
    at_bar.cos_i += 0.5 * root_bar * root / at.cos_i;
    at_bar.cos_s -= 0.5 * root_bar * root / at.cos_s;
    root_bar *= tilt;
  }
  // The root is a mean over lobes: numbers times their integrals, over `whole`.
  const double own_root = is_scattered ? own : incident;
  return {f_bar * sqrt(at.cos_s) / (whole * root), -f_bar * f / whole - root_bar * own_root / whole, root_bar / whole,
          is_scattered ? at.cos_s : at.cos_i, 0.0};
}

// The adjoint of `part_density`; adds to `at_bar` and, but for the weight, to `part_bar`. Where the larger of two terms
// counts, the other gets nothing; into the surface nothing gets anything.
DEVICE void part_density_vjp(const PartAt& part, const Directions& at, double f_bar, Directions& at_bar,
                             PartBar& part_bar) {
  if (at.cos_s <= 0.0) return;
  if (!is_there(part.forward) && !is_there(part.backward)) {
    at_bar.cos_s += f_bar / PI;
    return;
  }
  const double f = part_density(part, at);
  Terms terms;
  if (part.reciprocal) {
    terms = reciprocal_terms(part, at, f_bar, f, at_bar);
  } else {
    const double area = over_lobes(part, at, [&](double share, const SingleLobeAt& lobe, double) {
      return share * normaliser(lobe, at.cos_i).area;
    });
    terms = {f_bar / area, -f_bar * f / area, 0.0, at.cos_i, 0.0};
  }
  const LobeBar forward = lobe_terms_vjp(part, part.forward, part.forward_share, at.off_forward, terms);
  const LobeBar backward = lobe_terms_vjp(part, part.backward, 1.0 - part.forward_share, at.off_backward, terms);
  if (terms.y == at.cos_i) {
    at_bar.cos_i += terms.y_bar;
  } else {
    at_bar.cos_s += terms.y_bar;
  }
  if (is_there(part.forward) && is_there(part.backward)) part_bar.forward_share += forward.share - backward.share;
  at_bar.off_forward += forward.off;
  at_bar.off_backward += backward.off;
  part_bar.forward += forward.sharpness;
  part_bar.backward += backward.sharpness;
}
