// Scattering at one point of a surface: diffuse patterns and directional lobes (theory.md, "Diffuse scattering", "Lobes"):
// the twin of src/interaction/scattering, which says what a density and a field are. Nothing here writes memory.
#pragma once
#include "interaction/scattering/jones.cuh"
#include "interaction/scattering/sampling.cuh"
