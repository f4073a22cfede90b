//! The physics of one interaction: pure functions. Nothing here allocates or knows of paths.
