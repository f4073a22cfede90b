//! Fields scattered at one point: diffuse (T67, T68) and by a lobe (T73).

use super::super::SurfaceBar;
use super::super::fresnel::{roughness_factor, roughness_factor_vjp, slab_reflection, slab_vjp};
use super::super::reflection::{self, ReflectBar, inner};
use super::pattern::{DirectionsBar, PartBar};
use crate::math::frame::{normalized_vjp, spherical_basis, spherical_basis_vjp};
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

/// Bars of what a scattered field depends on, but for the parts of the pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScatterBar {
    /// Of the incident field.
    pub field: CVec3,
    /// Of the directions.
    pub directions: DirectionsBar,
    /// Of the surface.
    pub surface: SurfaceBar,
    /// Of the frequency [Hz].
    pub frequency: f64,
}

impl ScatterBar {
    /// Nothing yet.
    pub fn zero() -> ScatterBar {
        let (directions, surface) = (DirectionsBar::zero(), SurfaceBar::default());
        ScatterBar { field: CVec3::zeros(), directions, surface, frequency: 0.0 }
    }
}

/// The adjoint of [`diffuse`]; adds to `bar` and to `parts_bar` `[part]`. Coordinates count as free. Into the surface
/// nothing gets anything. K_x = 0 and 1, where its root has no derivative, get no bar of it; directions along z, where the
/// basis has none, no bar from the basis ([`crate::math::frame::is_pole`]).
#[expect(clippy::too_many_arguments, reason = "the forward arguments, the bar of the result, the bars of the inputs")]
pub fn diffuse_vjp(
    field: &CVec3,
    k_i: &Vec3,
    n: &Vec3,
    k_s: &Vec3,
    surface: &Surface,
    frequency: f64,
    scattered_bar: &CVec3,
    bar: &mut ScatterBar,
    parts_bar: &mut [PartBar],
) {
    let density = surface.scattering.density(k_i, n, k_s);
    let gain = reflected_share(field, k_i, n, surface, frequency);
    let cos_theta = reflection::cos_incidence(k_i, n);
    let scattered_root = diffuse_share(surface, cos_theta, frequency).sqrt();
    let root = (density * gain).sqrt();
    if root == 0.0 {
        return;
    }
    let amplitude = root * scattered_root;
    let (theta_i, phi_i) = spherical_basis(k_i);
    let (theta_s, phi_s) = spherical_basis(k_s);
    let (along_theta, along_phi) = (reflection::dot(&theta_i, field), reflection::dot(&phi_i, field));
    let (kept, crossed) = ((1.0 - surface.scattering.xpd).sqrt(), surface.scattering.xpd.sqrt());
    let (theta, phi) = (along_theta * kept - along_phi * crossed, along_theta * crossed + along_phi * kept);
    let (theta_bar, phi_bar) = (reflection::dot(&theta_s, scattered_bar), reflection::dot(&phi_s, scattered_bar));
    let basis_bar = [theta, phi].map(|value| inner(scattered_bar, value * amplitude));
    spherical_basis_vjp(k_s, &basis_bar[0], &basis_bar[1], &mut bar.directions.k_s);
    let along_theta_bar = (theta_bar * kept + phi_bar * crossed) * amplitude;
    let along_phi_bar = (phi_bar * kept - theta_bar * crossed) * amplitude;
    bar.field += reflection::scaled(&theta_i, along_theta_bar) + reflection::scaled(&phi_i, along_phi_bar);
    let basis_bar = [inner(field, along_theta_bar), inner(field, along_phi_bar)];
    spherical_basis_vjp(k_i, &basis_bar[0], &basis_bar[1], &mut bar.directions.k_i);
    let kept_bar = amplitude * (along_theta.conj() * theta_bar + along_phi.conj() * phi_bar).re;
    let crossed_bar = amplitude * (along_theta.conj() * phi_bar - along_phi.conj() * theta_bar).re;
    if kept > 0.0 && crossed > 0.0 {
        bar.surface.xpd += 0.5 * (crossed_bar / crossed - kept_bar / kept);
    }
    let amplitude_bar = (theta.conj() * theta_bar + phi.conj() * phi_bar).re;
    let relative = 0.5 * amplitude_bar * amplitude;
    surface.scattering.density_vjp(k_i, n, k_s, relative / density, &mut bar.directions, parts_bar);
    reflected_share_vjp(field, [k_i, n], surface, frequency, relative / gain, bar);
    let mut cos_theta_bar = 0.0;
    let share_bars = [&mut cos_theta_bar, &mut bar.frequency];
    root_of_share_vjp(surface, cos_theta, frequency, amplitude_bar * root, &mut bar.surface, share_bars);
    reflection::cos_incidence_vjp(k_i, n, cos_theta_bar, &mut bar.directions.k_i, &mut bar.directions.n);
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

/// The adjoint of [`lobe`]; adds to `bar`. Coordinates count as free. Into the surface, and without a lobe, nothing gets
/// anything.
#[expect(clippy::too_many_arguments, reason = "the forward arguments, the bar of the result, the bars of the inputs")]
pub fn lobe_vjp(
    field: &CVec3,
    k_i: &Vec3,
    n: &Vec3,
    k_s: &Vec3,
    surface: &Surface,
    frequency: f64,
    scattered_bar: &CVec3,
    bar: &mut ScatterBar,
) {
    let Some(lobe) = &surface.lobe else { return };
    let root = lobe.density(k_i, n, k_s).sqrt();
    if root == 0.0 {
        return;
    }
    let h = half_vector(k_i, n, k_s);
    let cos_theta = reflection::cos_incidence(k_i, &h);
    let coefficients = reflection::coefficients(surface, cos_theta, frequency);
    let reflected = reflection::reflect(field, k_i, &h, &coefficients);
    let root_bar = reflected.dotc(scattered_bar).re;
    let mut part_bar = PartBar::default();
    lobe.density_vjp(k_i, n, k_s, 0.5 * root_bar / root, &mut bar.directions, &mut part_bar);
    bar.surface.lobe += part_bar.forward;
    let mut own = ReflectBar::default();
    reflection::reflect_vjp(field, k_i, &h, &coefficients, &(scattered_bar * C64::from(root)), &mut own);
    let mut cos_theta_bar = 0.0;
    reflection::coefficients_vjp(
        surface,
        cos_theta,
        frequency,
        &coefficients,
        &own.coefficients,
        &mut bar.surface,
        &mut cos_theta_bar,
        &mut bar.frequency,
    );
    reflection::cos_incidence_vjp(k_i, &h, cos_theta_bar, &mut own.k, &mut own.n);
    bar.field += own.field;
    bar.directions.k_i += own.k;
    let turn = (k_s - k_i).norm();
    if turn > 0.0 {
        let turn_bar = normalized_vjp(&h, turn, &own.n);
        bar.directions.k_s += turn_bar;
        bar.directions.k_i -= turn_bar;
    } else {
        bar.directions.n += own.n;
    }
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
    let coefficients = slab_reflection(surface.eta, reflection::cos_incidence(k_i, n), surface.thickness, frequency);
    reflection::reflect(field, k_i, n, &coefficients).norm_squared() / incident
}

/// The adjoint of [`reflected_share`], of the direction and the normal; adds to `bar`.
fn reflected_share_vjp(
    field: &CVec3,
    [k_i, n]: [&Vec3; 2],
    surface: &Surface,
    frequency: f64,
    share_bar: f64,
    bar: &mut ScatterBar,
) {
    let cos_theta = reflection::cos_incidence(k_i, n);
    let (eta, thickness) = (surface.eta, surface.thickness);
    let coefficients = slab_reflection(eta, cos_theta, thickness, frequency);
    let reflected = reflection::reflect(field, k_i, n, &coefficients);
    let factor = 2.0 * share_bar / field.norm_squared();
    bar.field -= field * C64::from(factor * reflected.norm_squared() / field.norm_squared());
    let mut own = ReflectBar::default();
    reflection::reflect_vjp(field, k_i, n, &coefficients, &(reflected * C64::from(factor)), &mut own);
    let (mut cos_theta_bar, SurfaceBar { eta: eta_bar, thickness: thickness_bar, .. }) = (0.0, &mut bar.surface);
    let (c_bar, frequency_bar) = (&own.coefficients, &mut bar.frequency);
    slab_vjp(eta, cos_theta, thickness, frequency, c_bar, eta_bar, &mut cos_theta_bar, thickness_bar, frequency_bar);
    reflection::cos_incidence_vjp(k_i, n, cos_theta_bar, &mut own.k, &mut own.n);
    bar.field += own.field;
    bar.directions.k_i += own.k;
    bar.directions.n += own.n;
}

/// D^2 = 1 - (1 - S^2) rho^2 [-]: the share of the reflected power that is scattered, S^2 and what roughness takes off
/// the rest (T69).
pub fn diffuse_share(surface: &Surface, cos_theta: f64, frequency: f64) -> f64 {
    let (s, rho) = (surface.scattering.coefficient, roughness_factor(surface.roughness, cos_theta, frequency));
    s * s + (1.0 - s * s) * (1.0 - rho * rho)
}

/// The adjoint of the root D of [`diffuse_share`]; adds to the surface's bar and to those of the cosine and the frequency.
/// A smooth surface has D = S down to S = 0, which is the limit that holds there.
fn root_of_share_vjp(
    surface: &Surface,
    cos_theta: f64,
    frequency: f64,
    root_bar: f64,
    surface_bar: &mut SurfaceBar,
    [cos_theta_bar, frequency_bar]: [&mut f64; 2],
) {
    let root = diffuse_share(surface, cos_theta, frequency).sqrt();
    if root == 0.0 {
        surface_bar.scattering += root_bar;
        return;
    }
    let (s, rho) = (surface.scattering.coefficient, roughness_factor(surface.roughness, cos_theta, frequency));
    surface_bar.scattering += root_bar * s * rho * rho / root;
    let rho_bar = -root_bar * rho * (1.0 - s * s) / root;
    let bars = [&mut surface_bar.roughness, cos_theta_bar, frequency_bar];
    roughness_factor_vjp(surface.roughness, cos_theta, frequency, rho_bar, bars);
}
