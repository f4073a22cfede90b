//! The sites of a job (`place.sites`): polygons of the plan, roofs and facades, checked and found in its scene.

use super::PlaceDescription;
use super::written::{FreeDescription, SiteDescription};
use crate::calibrate::patterns::is_match;
use crate::error::{Error, Fault, Result, did_you_mean};
use crate::io::job::meant::within;
use crate::optimise::scene::Freedom;
use crate::optimise::sites::{Piece, Sites, Surveyor};
use crate::scene::radio::Radios;
use crate::scene::{MAX_COORDINATE_M, Scene};
use std::ops::Deref;

/// How far from a roof and from a facade antennas stand where a job does not say [m].
const ABOVE_ROOF_M: f64 = 2.0;
const BEFORE_FACADE_M: f64 = 0.5;

/// The sites of a job whose transmitters are moved in what is `free`.
pub(super) fn sites_of(
    place: &PlaceDescription,
    free: &[(usize, Freedom)],
    (scene, surveyor): (&Scene, &dyn Deref<Target = Surveyor>),
    radios: &Radios,
) -> Result<Sites> {
    if place.sites.is_empty() {
        return Ok(Sites::default());
    }
    let sites: Vec<Site> =
        place.sites.iter().enumerate().map(|(i, written)| Site::new(i, written)).collect::<Result<_>>()?;
    check_what_goes_together(place, &sites, radios)?;
    let mut pieces = Vec::new();
    for site in &sites {
        pieces.extend(match site.kind {
            Kind::Polygon(corners) => vec![site.column(corners)?],
            Kind::Roof(pattern) => {
                let offset = site.offset(ABOVE_ROOF_M)?;
                site.faces("roof", pattern, scene, |object| surveyor.roofs(object, offset))?
            }
            Kind::Facade(pattern) => {
                let offset = site.offset(BEFORE_FACADE_M)?;
                site.faces("facade", pattern, scene, |object| surveyor.facades(object, offset))?
            }
        });
    }
    let place_of =
        |transmitter: usize, axis: usize| free.iter().position(|f| *f == (transmitter, Freedom::Position(axis)));
    let places = (0..radios.transmitters.len()).map(|t| [0, 1, 2].map(|axis| place_of(t, axis))).collect();
    Ok(Sites::new(pieces, places, radios.transmitters.iter().map(|radio| radio.position).collect()))
}

/// What sites need of the rest of a placement.
fn check_what_goes_together(place: &PlaceDescription, sites: &[Site], radios: &Radios) -> Result<()> {
    let moves = |what: FreeDescription| place.free.contains(&what);
    let needs_height = sites.iter().any(|site| !matches!(site.kind, Kind::Polygon(_)));
    let is_free =
        moves(FreeDescription::X) && moves(FreeDescription::Y) && (!needs_height || moves(FreeDescription::Z));
    if !is_free {
        let needed = if needs_height { "[\"x\", \"y\", \"z\"]" } else { "[\"x\", \"y\"]" };
        let fault = Fault::new("place.free", "must let transmitters reach place.sites");
        return Err(Error::job(
            fault.value(format!("{:?}", place.free).to_lowercase()).remedy(format!("give free = {needed}")),
        ));
    }
    let only_positions = !moves(FreeDescription::Yaw) && !moves(FreeDescription::Pitch);
    if place.restarts.is_some() && !(radios.transmitters.len() == 1 && only_positions) {
        let bound = "beside place.sites is there for one transmitter that is not turned so far";
        return Err(Error::job(Fault::new("place.restarts", bound).remedy("remove it, or place.sites")));
    }
    if place.study.is_some() {
        let fault = Fault::new("place.study", "beside place.sites is not there yet");
        return Err(Error::job(fault.remedy("remove place.sites")));
    }
    Ok(())
}

/// A site, what it is, and how its field is called.
struct Site<'a> {
    field: String,
    kind: Kind<'a>,
    offset_m: Option<f64>,
}

enum Kind<'a> {
    Polygon(&'a [[f64; 2]]),
    Roof(&'a str),
    Facade(&'a str),
}

impl<'a> Site<'a> {
    fn new(place: usize, written: &'a SiteDescription) -> Result<Site<'a>> {
        let field = format!("place.sites[{place}]");
        let kind = match (&written.polygon_m, &written.roof, &written.facade) {
            (Some(corners), None, None) => Kind::Polygon(corners),
            (None, Some(pattern), None) => Kind::Roof(pattern),
            (None, None, Some(pattern)) => Kind::Facade(pattern),
            _ => {
                let fault = Fault::new(field, "must have one of polygon_m, roof, facade");
                return Err(Error::job(fault.remedy("give one, as { roof = \"house_1\", offset_m = 2 }")));
            }
        };
        Ok(Site { field, kind, offset_m: written.offset_m })
    }

    fn column(&self, corners: &[[f64; 2]]) -> Result<Piece> {
        let field = format!("{}.polygon_m", self.field);
        for x in corners.iter().flatten() {
            within(&field, *x, -MAX_COORDINATE_M..=MAX_COORDINATE_M, "give metres of the scene")?;
        }
        if self.offset_m.is_some() {
            let fault = Fault::new(format!("{}.offset_m", self.field), "is of roofs and facades alone");
            return Err(Error::job(fault.remedy("remove it: polygons are met as they are")));
        }
        Piece::column(corners).ok_or_else(|| {
            let fault = Fault::new(field, "must have three corners or more that enclose an area");
            Error::job(fault.value(format!("{corners:?}")).remedy("give [[x, y], [x, y], [x, y]] in metres"))
        })
    }

    fn offset(&self, usual: f64) -> Result<f64> {
        let field = format!("{}.offset_m", self.field);
        within(&field, self.offset_m.unwrap_or(usual), 1e-3..=1e3, "0.5 serves at a facade, 2 on a roof")
    }

    /// The faces of all objects that a pattern names.
    fn faces(
        &self,
        what: &str,
        pattern: &str,
        scene: &Scene,
        find: impl Fn(usize) -> Vec<Piece>,
    ) -> Result<Vec<Piece>> {
        let field = format!("{}.{what}", self.field);
        let named = |object: &usize| is_match(pattern, &scene.objects[*object].name);
        let objects: Vec<usize> = (0..scene.objects.len()).filter(named).collect();
        if objects.is_empty() {
            let near = did_you_mean(pattern, scene.objects.iter().map(|object| object.name.as_str()));
            let fault = Fault::new(field, "names no object of the scene").value(pattern);
            return Err(Error::job(fault.remedy(format!("{near} `raylobe scene info` lists them").trim())));
        }
        let found: Vec<Piece> = objects.into_iter().flat_map(find).collect();
        if found.is_empty() {
            let fault = Fault::new(field, format!("finds no {what} outside of what these objects close in"));
            return Err(Error::job(fault.value(pattern).remedy("name other objects, or give another offset_m")));
        }
        Ok(found)
    }
}
