// Walking the hierarchy: the twin of src/geometry/traverse.rs.
//
// The stack holds one entry a level: a node, and those of its children that still wait. Eight times fewer entries than
// children keep it small and near; a child that is taken up again is tested against its box once more, alone.
#pragma once
#include "geometry/lanes.cuh"

constexpr float FARTHEST = 3.4028235e38f;

// A node and its children that wait: eight lanes of three bits, nearest first, and their number above them.
struct Waiting {
  uint32_t node;
  uint32_t lanes;
};
constexpr uint32_t LANE_BITS = 3;
constexpr uint32_t LANES_BITS = LANE_BITS * NODE_WIDTH;

// Puts the smaller of two numbers first.
DEVICE void put_in_order(uint32_t& a, uint32_t& b) {
  const uint32_t low = a < b ? a : b;
  b = a < b ? b : a;
  a = low;
}

// Sorts eight numbers by a network of 19 exchanges (Knuth, The Art of Computer Programming 3, 5.3.4).
DEVICE void sort_eight(uint32_t* k) {
  put_in_order(k[0], k[1]), put_in_order(k[2], k[3]), put_in_order(k[4], k[5]), put_in_order(k[6], k[7]);
  put_in_order(k[0], k[2]), put_in_order(k[1], k[3]), put_in_order(k[4], k[6]), put_in_order(k[5], k[7]);
  put_in_order(k[1], k[2]), put_in_order(k[5], k[6]), put_in_order(k[0], k[4]), put_in_order(k[3], k[7]);
  put_in_order(k[1], k[5]), put_in_order(k[2], k[6]);
  put_in_order(k[1], k[4]), put_in_order(k[3], k[6]);
  put_in_order(k[2], k[4]), put_in_order(k[3], k[5]);
  put_in_order(k[3], k[4]);
}

// The lanes of the children that a ray enters, nearest first, and their number. The lane takes the place of the last bits
// of the entry: the order need not be exact.
DEVICE uint32_t lanes_in_order(const Entered& entered) {
  uint32_t key[NODE_WIDTH];
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) {
    const uint32_t entry = bits_of(entered.entry[lane]) & ~(NODE_WIDTH - 1);
    key[lane] = (entered.mask >> lane & 1 ? entry : ~(NODE_WIDTH - 1)) | lane;
  }
  sort_eight(key);
  uint32_t lanes = count_bits(entered.mask) << LANES_BITS;
  for (uint32_t place = 0; place < NODE_WIDTH; ++place) {
    lanes |= (key[place] & (NODE_WIDTH - 1)) << (LANE_BITS * place);
  }
  return lanes;
}

// The same lanes without the first.
DEVICE uint32_t without_first(uint32_t lanes) {
  const uint32_t others = lanes >> LANES_BITS;
  return (lanes & ((1u << LANES_BITS) - 1)) >> LANE_BITS | (others - 1) << LANES_BITS;
}

DEVICE void meet_block(const Ray& ray, const TriangleBlock& block, uint32_t skip, Hit& hit) {
  const Met met = meet(ray, block, hit.t);
  for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
    if (!(met.mask >> lane & 1)) continue;
    const uint32_t triangle = block.triangle[lane], patch = block.patch[lane];
    // Equal distances go to the lower triangle, whatever the order of the walk.
    if (patch != skip && (met.t[lane] < hit.t || (met.t[lane] == hit.t && triangle < hit.triangle))) {
      hit = Hit{met.t[lane], triangle, patch};
    }
  }
}

// The first triangle that `ray` meets, other than those of patch `skip`.
DEVICE Hit closest_hit(const GeometryView& geometry, const Ray& ray, uint32_t skip) {
  Hit hit{FARTHEST, NONE, NONE};
  Waiting stack[LEVELS_AT_MOST];
  uint32_t waiting = 0, child = 0;
  for (;;) {
    if (!(child & LEAF_BIT)) {
      const WideNode& node = geometry.nodes[child];
      const Entered entered = enter(ray.slabs, node, hit.t);
      if (entered.mask) {
        const uint32_t lanes = lanes_in_order(entered);
        if (lanes >> LANES_BITS > 1) stack[waiting++] = {child, without_first(lanes)};
        child = node.child[lanes & (NODE_WIDTH - 1)];
        continue;
      }
    } else {
      meet_block(ray, geometry.blocks[child & ~LEAF_BIT], skip, hit);
    }
    for (;;) {
      if (waiting == 0) return hit;
      Waiting& last = stack[waiting - 1];
      const uint32_t lane = last.lanes & (NODE_WIDTH - 1);
      const WideNode& node = geometry.nodes[last.node];
      last.lanes = without_first(last.lanes);
      if (!(last.lanes >> LANES_BITS)) --waiting;
      if (enters_child(ray.slabs, node, lane, hit.t)) {
        child = node.child[lane];
        break;
      }
    }
  }
}

// Walks the hierarchy in no particular order: `enter(node)` yields a bit for each child to go on with, `visit(block)`
// whether the walk ends at a leaf. Tells whether it ended so.
template <class Enter, class Visit>
DEVICE bool walk(const GeometryView& geometry, const Enter& enter, const Visit& visit) {
  // A node, and in `lanes` a bit for each child that waits.
  Waiting stack[LEVELS_AT_MOST];
  uint32_t waiting = 0, child = 0;
  for (;;) {
    if (!(child & LEAF_BIT)) {
      const uint32_t entered = enter(geometry.nodes[child]);
      if (entered) stack[waiting++] = {child, entered};
    } else if (visit(geometry.blocks[child & ~LEAF_BIT])) {
      return true;
    }
    if (waiting == 0) return false;
    Waiting& last = stack[waiting - 1];
    child = geometry.nodes[last.node].child[lowest_bit(last.lanes)];
    last.lanes &= last.lanes - 1;
    if (!last.lanes) --waiting;
  }
}

struct Segment {
  Vec3 from, along;
  // Parameters between which a crossing counts.
  double first, last;
  // Patches that the ends lie on, or NONE.
  uint32_t skip[2];
  Ray ray;
  float margin;
};

// Whether the segment crosses a triangle at a parameter that counts. Decided in f64.
DEVICE bool crosses(const GeometryView& geometry, const Segment& segment, uint32_t triangle) {
  const double t = intersect_segment(segment.from, segment.along, corners_of(geometry, triangle));
  return t != MISSED && segment.first <= t && t <= segment.last;
}

DEVICE bool is_blocked_by_one_of(const GeometryView& geometry, const Segment& segment, const TriangleBlock& block) {
  const Crossing crossing = cross(segment.ray, segment.margin, block);
  for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
    if (!(crossing.perhaps >> lane & 1)) continue;
    if (block.patch[lane] == segment.skip[0] || block.patch[lane] == segment.skip[1]) continue;
    if (crossing.surely >> lane & 1) {
      const double t = crossing.t[lane], slack = crossing.slack[lane];
      if (t - slack > segment.first && t + slack < segment.last) return true;
      if (t + slack < segment.first || t - slack > segment.last) continue;
    }
    if (crosses(geometry, segment, block.triangle[lane])) return true;
  }
  return false;
}

// Whether a triangle stands between `from` and `to`, other than those of the two patches `skip`. As if decided in f64
// throughout.
DEVICE bool is_blocked(const GeometryView& geometry, const Vec3& from, const Vec3& to, uint32_t skip_from,
                       uint32_t skip_to) {
  const Vec3 along = to - from;
  const double touch = TOUCH_M / norm(along);
  // Both ends touch the same spot, or there is no segment.
  if (!(touch < 0.5)) return false;
  const float reach = larger(geometry.reach, float(larger(largest_of(from), largest_of(to))));
  const Segment segment{from,  along, touch, 1.0 - touch, {skip_from, skip_to}, ray_along_segment(from, along, reach),
                        margin_of(reach)};
  return walk(
      geometry, [&](const WideNode& node) { return enter(segment.ray.slabs, node, 1.0f).mask; },
      [&](const TriangleBlock& block) { return is_blocked_by_one_of(geometry, segment, block); });
}
