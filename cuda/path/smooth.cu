// Soft paths: chains are numbered, those that may be paths listed and judged, and the adjoint of what was found is taken. Lists
// grow by atomics, in no particular order; a list that is full only counts on, and the host comes again with fewer chains.
#include "path/smooth.cuh"
#include "search.cuh"

// The facet at a place of chain number `chain` of a link: the last facet counts fastest.
DEVICE uint32_t facet_in_chain(const SoftAt& at, const SoftLink& link, uint64_t chain, uint32_t place) {
  if (at.depth > 1) {
    if (place + 1 == at.depth) return at.seen[link.last + chain % link.lasts];
    chain /= link.lasts;
    for (uint32_t i = at.depth - 2; i > place; --i) chain /= at.facet_count;
    if (place > 0) return uint32_t(chain % at.facet_count);
  }
  return at.seen[link.first + chain];
}

// The link of a chain among all, whose number becomes that among the link's own.
DEVICE uint32_t link_of(const SoftAt& at, uint64_t& chain) {
  const uint32_t link =
      last_beginning_by(chain, at.link_count, [&](uint32_t i) { return at.links[i].first_chain; });
  chain -= at.links[link].first_chain;
  return link;
}

// Lists those of the chains `first` to `first + count` whose last facet could send something to the receiver, and in which no
// two facets in a row lie in one plane.
KERNEL void list_chains(SoftAt at, uint64_t first, uint32_t count, uint64_t* RESTRICT listed, uint32_t capacity,
                        uint32_t* RESTRICT listed_count) {
  const uint64_t i = global_id();
  if (i >= count) return;
  uint64_t chain = first + i;
  const SoftLink& link = at.links[link_of(at, chain)];
  Vec3 image = vec3(link.from);
  uint32_t before = NONE, facet = NONE;
  for (uint32_t place = 0; place < at.depth; ++place) {
    facet = facet_in_chain(at, link, chain, place);
    const uint32_t patch = at.geometry.patch_of_facet[facet];
    if (patch == before) return;
    before = patch;
    image = mirror(image, plane_of(at.geometry, facet));
  }
  if (at.depth > 0 && distance_to_ball({{image, vec3(link.to)}}, outline_of_facet(at, facet)) > over(at.reach, at.on_facet)) {
    return;
  }
  const uint32_t place = atomic_add(listed_count, 1);
  if (place < capacity) listed[place] = first + i;
}

// Judges listed chains: keeps the facets and vertices `[found, depth]` and the visibilities of those that are nearly paths.
// `facets` and `vertices` `[listed, depth]` and `images` `[listed, depth + 1]` are scratch.
KERNEL void judge_chains(SoftAt at, const uint64_t* RESTRICT listed, uint32_t count, uint32_t* RESTRICT facets,
                         Vec3* RESTRICT images, Vec3* RESTRICT vertices, uint32_t* RESTRICT found_facets,
                         Vec3* RESTRICT found_vertices, SoftVisibility* RESTRICT found, uint32_t* RESTRICT found_count) {
  const uint64_t i = global_id();
  if (i >= count) return;
  uint64_t number = listed[i];
  const uint32_t link_number = link_of(at, number), depth = at.depth;
  const SoftLink& link = at.links[link_number];
  uint32_t* own_facets = facets + i * depth;
  Vec3 *own_images = images + i * (depth + 1), *own_vertices = vertices + i * depth;
  own_images[0] = vec3(link.from);
  for (uint32_t place = 0; place < depth; ++place) {
    own_facets[place] = facet_in_chain(at, link, number, place);
    own_images[place + 1] = mirror(own_images[place], plane_of(at.geometry, own_facets[place]));
  }
  const SoftChain chain{own_facets, depth, own_images, vec3(link.to)};
  SoftVisibility visibility;
  if (!visibility_of(at, chain, own_vertices, visibility)) return;
  visibility.link = link_number;
  const uint64_t place = atomic_add(found_count, 1);
  found[place] = visibility;
  for (uint32_t k = 0; k < depth; ++k) {
    found_facets[place * depth + k] = own_facets[k];
    found_vertices[place * depth + k] = own_vertices[k];
  }
}

// The adjoint of visibilities: from `facets` and `vertices` `[path, depth]` to the bars of planes `[path, depth]` and the others.
// `images` and `images_bar` `[path, depth + 1]`, `vertices_bar` and `scratch` are scratch: one thread for a path.
KERNEL void pull_visibilities(SoftAt at, const SoftVisibility* RESTRICT visibilities, const double* RESTRICT values_bar,
                              uint32_t count, const uint32_t* RESTRICT facets, const Vec3* RESTRICT vertices,
                              Vec3* RESTRICT images, Vec3* RESTRICT images_bar, Vec3* RESTRICT vertices_bar,
                              Image* RESTRICT scratch, PlaneBar* RESTRICT planes_bar, SoftBar* RESTRICT bars) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const uint32_t depth = at.depth;
  const SoftLink& link = at.links[visibilities[i].link];
  const uint32_t* own = facets + i * depth;
  Vec3* own_images = images + i * (depth + 1);
  own_images[0] = vec3(link.from);
  for (uint32_t k = 0; k < depth; ++k) own_images[k + 1] = mirror(own_images[k], plane_of(at.geometry, own[k]));
  const SoftChain chain{own, depth, own_images, vec3(link.to)};
  const SoftBars on_the_way{images_bar + i * (depth + 1), vertices_bar + i * depth, planes_bar + i * depth};
  bars[i] = visibility_vjp(at, chain, vertices + i * depth, visibilities[i], values_bar[i], on_the_way,
                           scratch + i * (depth + 1));
}
