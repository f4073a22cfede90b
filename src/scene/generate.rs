//! Deterministic synthetic scenes.
