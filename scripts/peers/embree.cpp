// Times Embree 3 on the triangles and rays that `cargo bench --bench export` writes: robust mode, single rays.
//
//     embree DIR [THREADS]
//
// DIR holds triangles.f32 (nine floats each: three corners) and camera.f32, random.f32, shadow.f32 (eight floats a ray:
// origin, start, direction, end). Prints a JSON line for the build and for each kind of ray: median, least and largest
// seconds, and what was hit. Rays are set up anew in each run, as raylobe does it in its own timing.
#include <embree3/rtcore.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kRuns = 7;
constexpr size_t kTile = 4096;

std::vector<float> floats_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        std::exit(1);
    }
    std::vector<float> values(static_cast<size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    return values;
}

template <typename Work>
double seconds_of(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void report(const char* stage, size_t items, size_t found, std::vector<double> seconds) {
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    std::printf(
        "{\"stage\": \"%s\", \"items\": %zu, \"found\": %zu, \"median_s\": %.6f, \"least_s\": %.6f, "
        "\"largest_s\": %.6f, \"per_s\": %.6g, \"runs\": %zu}\n",
        stage, items, found, median, seconds.front(), seconds.back(), static_cast<double>(items) / median,
        seconds.size());
}

RTCScene build(RTCDevice device, const std::vector<float>& triangles) {
    RTCScene scene = rtcNewScene(device);
    rtcSetSceneFlags(scene, RTC_SCENE_FLAG_ROBUST);
    rtcSetSceneBuildQuality(scene, RTC_BUILD_QUALITY_MEDIUM);
    RTCGeometry geometry = rtcNewGeometry(device, RTC_GEOMETRY_TYPE_TRIANGLE);
    const size_t corners = triangles.size() / 3;
    auto* vertices = static_cast<float*>(rtcSetNewGeometryBuffer(
        geometry, RTC_BUFFER_TYPE_VERTEX, 0, RTC_FORMAT_FLOAT3, 3 * sizeof(float), corners));
    auto* indices = static_cast<unsigned*>(rtcSetNewGeometryBuffer(
        geometry, RTC_BUFFER_TYPE_INDEX, 0, RTC_FORMAT_UINT3, 3 * sizeof(unsigned), corners / 3));
    std::copy(triangles.begin(), triangles.end(), vertices);
    for (size_t i = 0; i < corners; ++i) indices[i] = static_cast<unsigned>(i);
    rtcCommitGeometry(geometry);
    rtcAttachGeometry(scene, geometry);
    rtcReleaseGeometry(geometry);
    rtcCommitScene(scene);
    return scene;
}

RTCRay ray_of(const float* r) {
    RTCRay ray{};
    ray.org_x = r[0], ray.org_y = r[1], ray.org_z = r[2], ray.tnear = r[3];
    ray.dir_x = r[4], ray.dir_y = r[5], ray.dir_z = r[6], ray.tfar = r[7];
    ray.mask = ~0u;
    return ray;
}

size_t closest(RTCScene scene, const float* rays, size_t count) {
    size_t hits = 0;
    for (size_t i = 0; i < count; ++i) {
        RTCIntersectContext context;
        rtcInitIntersectContext(&context);
        RTCRayHit query{};
        query.ray = ray_of(rays + 8 * i);
        query.hit.geomID = RTC_INVALID_GEOMETRY_ID;
        rtcIntersect1(scene, &context, &query);
        hits += query.hit.geomID != RTC_INVALID_GEOMETRY_ID;
    }
    return hits;
}

size_t blocked(RTCScene scene, const float* rays, size_t count) {
    size_t hits = 0;
    for (size_t i = 0; i < count; ++i) {
        RTCIntersectContext context;
        rtcInitIntersectContext(&context);
        RTCRay ray = ray_of(rays + 8 * i);
        rtcOccluded1(scene, &context, &ray);
        hits += ray.tfar < 0;
    }
    return hits;
}

// Interleaved tiles, so that threads have the same load.
template <typename Trace>
size_t on_threads(size_t threads, const std::vector<float>& rays, Trace trace) {
    const size_t count = rays.size() / 8;
    std::vector<size_t> hits(threads);
    std::vector<std::thread> pool;
    for (size_t t = 0; t < threads; ++t) {
        pool.emplace_back([&, t] {
            for (size_t first = t * kTile; first < count; first += threads * kTile) {
                hits[t] += trace(rays.data() + 8 * first, std::min(kTile, count - first));
            }
        });
    }
    size_t sum = 0;
    for (size_t t = 0; t < threads; ++t) {
        pool[t].join();
        sum += hits[t];
    }
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: embree DIR [THREADS]\n");
        return 2;
    }
    const std::string folder = argv[1];
    const size_t threads = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1;
    RTCDevice device = rtcNewDevice(("threads=" + std::to_string(threads)).c_str());
    const std::vector<float> triangles = floats_of(folder + "/triangles.f32");
    std::vector<double> seconds;
    RTCScene scene = build(device, triangles);
    for (int run = 0; run < kRuns; ++run) {
        rtcReleaseScene(scene);
        seconds.push_back(seconds_of([&] { scene = build(device, triangles); }));
    }
    report("bvh_build", triangles.size() / 9, 0, seconds);
    for (const char* kind : {"camera", "random", "shadow"}) {
        const std::vector<float> rays = floats_of(folder + "/" + kind + ".f32");
        const bool any = std::string(kind) == "shadow";
        size_t found = 0;
        seconds.clear();
        for (int run = 0; run <= kRuns; ++run) {
            const double taken = seconds_of([&] {
                found = on_threads(threads, rays, [&](const float* first, size_t count) {
                    return any ? blocked(scene, first, count) : closest(scene, first, count);
                });
            });
            if (run > 0) seconds.push_back(taken);
        }
        report(kind, rays.size() / 8, found, seconds);
    }
    rtcReleaseScene(scene);
    rtcReleaseDevice(device);
}
