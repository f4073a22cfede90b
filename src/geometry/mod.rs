//! Geometry: facets, bounding volumes and intersections, in the scene's local coordinates.
