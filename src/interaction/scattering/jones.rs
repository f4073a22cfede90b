//! Fields scattered at one point: diffuse (T67, T68) and by a lobe (T73).

use super::super::fresnel::{roughness_factor, slab};
use super::super::reflection;
use crate::math::frame::spherical_basis;
use crate::math::{C64, CVec3, Vec3};
use crate::scene::material::Surface;

/// The diffusely scattered field per root of solid angle [sr^-1/2]: sqrt(f) D Gamma, turned by the cross-polarisation of
/// the surface from (theta, phi) at `k_i` to (theta, phi) at `k_s` (T67, T68).
///
/// `field` is transverse to `k_i`, `frequency` [Hz]. The phase is that of the incident field: scattered fields have none
/// that is known, and powers are to be added. A surface that does not scatter gives 0.
///
/// Source: Degli-Esposti et al. 2007, as Sionna RT 2.2.0 has it.
pub fn diffuse(field: &CVec3, k_i: &Vec3, n: &Vec3, k_s: &Vec3, surface: &Surface, frequency: f64) -> CVec3 {
    let density = surface.scattering.density(k_i, n, k_s);
    let gain = reflected_share(field, k_i, n, surface, frequency);
    let share = diffuse_share(surface, reflection::cos_incidence(k_i, n), frequency);
    let amplitude = (density * gain * share).sqrt();
    let (theta_i, phi_i) = spherical_basis(k_i);
    let (theta_s, phi_s) = spherical_basis(k_s);
    let (along_theta, along_phi) = (reflection::dot(&theta_i, field), reflection::dot(&phi_i, field));
    let (kept, crossed) = ((1.0 - surface.scattering.xpd).sqrt(), surface.scattering.xpd.sqrt());
    let theta = (along_theta * kept - along_phi * crossed) * amplitude;
    let phi = (along_theta * crossed + along_phi * kept) * amplitude;
    reflection::scaled(&theta_s, theta) + reflection::scaled(&phi_s, phi)
}

/// The field that a lobe scatters, per root of solid angle [sr^-1/2]: sqrt(f) times the specular reflection at the plane
/// that mirrors `k_i` into `k_s` (T73). 0 for a surface without a lobe.
///
/// `field` is transverse to `k_i`, `frequency` [Hz].
pub fn lobe(field: &CVec3, k_i: &Vec3, n: &Vec3, k_s: &Vec3, surface: &Surface, frequency: f64) -> CVec3 {
    let Some(lobe) = &surface.lobe else { return CVec3::zeros() };
    let h = half_vector(k_i, n, k_s);
    let coefficients = reflection::coefficients(surface, reflection::cos_incidence(k_i, &h), frequency);
    reflection::reflect(field, k_i, &h, &coefficients) * C64::from(lobe.density(k_i, n, k_s).sqrt())
}

/// The unit normal of the plane that mirrors `k_i` into `k_s` (T73); `n` where the wave goes straight on, which it does at
/// grazing incidence alone.
fn half_vector(k_i: &Vec3, n: &Vec3, k_s: &Vec3) -> Vec3 {
    let turn = k_s - k_i;
    let length = turn.norm();
    if length > 0.0 { turn / length } else { *n }
}

/// Gamma^2 = |E_r|^2/|E_i|^2 [-]: the share of the field's power that a smooth surface reflects (T67); 0 for no field.
pub fn reflected_share(field: &CVec3, k_i: &Vec3, n: &Vec3, surface: &Surface, frequency: f64) -> f64 {
    let incident = field.norm_squared();
    if incident == 0.0 {
        return 0.0;
    }
    let coefficients = slab(surface.eta, reflection::cos_incidence(k_i, n), surface.thickness, frequency);
    reflection::reflect(field, k_i, n, &coefficients).norm_squared() / incident
}

/// D^2 = 1 - (1 - S^2) rho^2 [-]: the share of the reflected power that is scattered, S^2 and what roughness takes off
/// the rest (T69).
pub fn diffuse_share(surface: &Surface, cos_theta: f64, frequency: f64) -> f64 {
    let (s, rho) = (surface.scattering.coefficient, roughness_factor(surface.roughness, cos_theta, frequency));
    s * s + (1.0 - s * s) * (1.0 - rho * rho)
}
