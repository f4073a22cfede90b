// A mock CUDA driver: the functions of libcuda.so that cudarc calls, with the host as the device and the emulated kernels
// of this very library as its kernels. It is as strict as a driver is, and stricter: copies and fills must stay within one
// allocation, fresh memory is full of 0xCD. Faults are set by environment variables, read when the library is loaded.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace {

using Result = int;
using Address = unsigned long long;
using Handle = void*;
using Kernel = void (*)(uint32_t, uint32_t, void**);

enum : Result {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  NOT_FOUND = 500,
};

// The first words of images that are taken: the emulator's own, and nvcc's fatbins, whose kernels are found by name too.
constexpr uint32_t EMULATED_IMAGE = 0x55AA5500u;
constexpr uint32_t FATBIN_IMAGE = 0xBA55ED50u;

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

struct Device {
  Result init = Result(setting("MOCK_CUDA_INIT", SUCCESS));
  int count = int(setting("MOCK_CUDA_DEVICES", 1));
  int version = int(setting("MOCK_CUDA_VERSION", 13000));
  Result load = Result(setting("MOCK_CUDA_LOAD", SUCCESS));
  // What every launch answers, and from then on everything that asks for its outcome: a device that has failed.
  Result launch = Result(setting("MOCK_CUDA_LAUNCH", SUCCESS));
  Result broken = SUCCESS;
  uint64_t memory = setting("MOCK_CUDA_MEMORY", 16ull << 30);
  // The most that the host's memory is locked by at once.
  uint64_t locked = setting("MOCK_CUDA_LOCKED", 16ull << 30);
  std::mutex lock;
  std::map<uintptr_t, size_t> allocations;
  uint64_t used = 0, allocated = 0, launched = 0;
};
Device device;

thread_local Handle current = nullptr;

Result refuse(const char* what) {
  std::fprintf(stderr, "mock driver: %s\n", what);
  return INVALID_VALUE;
}

Result allocate(Address* place, size_t bytes) {
  if (bytes == 0) return refuse("an allocation of no bytes");
  const std::lock_guard<std::mutex> guard(device.lock);
  if (device.used + bytes > device.memory) return OUT_OF_MEMORY;
  // Aligned as a driver's memory is, and not a byte longer than asked for: sanitizers see an overrun of one byte.
  void* memory = nullptr;
  if (posix_memalign(&memory, 256, bytes) != 0) return OUT_OF_MEMORY;
  std::memset(memory, 0xCD, bytes);
  device.allocations[uintptr_t(memory)] = bytes;
  device.used += bytes;
  ++device.allocated;
  *place = Address(uintptr_t(memory));
  return SUCCESS;
}

Result release(Address place) {
  if (device.broken) return device.broken;
  const std::lock_guard<std::mutex> guard(device.lock);
  const auto found = device.allocations.find(uintptr_t(place));
  if (found == device.allocations.end()) return refuse("what is freed was not allocated");
  device.used -= found->second;
  device.allocations.erase(found);
  std::free(reinterpret_cast<void*>(uintptr_t(place)));
  return SUCCESS;
}

// Whether `bytes` from `place` on lie within one allocation.
bool is_within(Address place, size_t bytes) {
  const std::lock_guard<std::mutex> guard(device.lock);
  auto next = device.allocations.upper_bound(uintptr_t(place));
  if (next == device.allocations.begin()) return false;
  --next;
  return uintptr_t(place) + bytes <= next->first + next->second;
}

Result copy(Address to, const void* from, size_t bytes) {
  if (!is_within(to, bytes)) return refuse("a copy ends beyond an allocation");
  std::memcpy(reinterpret_cast<void*>(uintptr_t(to)), from, bytes);
  return SUCCESS;
}

Result copy_back(void* to, Address from, size_t bytes) {
  if (device.broken) return device.broken;
  if (!is_within(from, bytes)) return refuse("a copy begins beyond an allocation");
  std::memcpy(to, reinterpret_cast<const void*>(uintptr_t(from)), bytes);
  return SUCCESS;
}

Handle some_handle() { return reinterpret_cast<Handle>(uintptr_t(0x11)); }

}  // namespace

#define DRIVER extern "C" __attribute__((visibility("default"))) Result

// For tests: how often memory was allocated and kernels were launched, how much memory is used and how much there is.
extern "C" __attribute__((visibility("default"))) uint64_t mock_cuda_allocations() { return device.allocated; }
extern "C" __attribute__((visibility("default"))) uint64_t mock_cuda_launches() { return device.launched; }
extern "C" __attribute__((visibility("default"))) uint64_t mock_cuda_used() { return device.used; }
extern "C" __attribute__((visibility("default"))) void mock_cuda_set_memory(uint64_t bytes) { device.memory = bytes; }

DRIVER cuInit(unsigned) { return device.init ? device.init : device.count ? SUCCESS : NO_DEVICE; }
DRIVER cuDriverGetVersion(int* version) { return *version = device.version, SUCCESS; }
DRIVER cuDeviceGetCount(int* count) { return *count = device.count, SUCCESS; }
DRIVER cuDeviceGet(int* found, int ordinal) {
  return *found = ordinal, ordinal >= 0 && ordinal < device.count ? SUCCESS : INVALID_DEVICE;
}
DRIVER cuDeviceGetName(char* name, int length, int) {
  return std::snprintf(name, size_t(length), "mock device"), SUCCESS;
}
DRIVER cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = device.memory, SUCCESS; }
DRIVER cuDeviceGetAttribute(int* value, int attribute, int) {
  constexpr int MULTIPROCESSORS = 16, MAJOR = 75, MINOR = 76, MEMORY_POOLS = 115;
  switch (attribute) {
    case MAJOR: *value = 9; break;
    case MINOR: *value = 0; break;
    case MEMORY_POOLS:
    case MULTIPROCESSORS: *value = 1; break;
    default: *value = 0;
  }
  return SUCCESS;
}

DRIVER cuDevicePrimaryCtxRetain(Handle* context, int) { return *context = some_handle(), SUCCESS; }
DRIVER cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
DRIVER cuCtxGetCurrent(Handle* context) { return *context = current, SUCCESS; }
DRIVER cuCtxSetCurrent(Handle context) { return current = context, SUCCESS; }
DRIVER cuCtxSynchronize() { return SUCCESS; }

DRIVER cuStreamCreate(Handle* stream, unsigned) { return *stream = some_handle(), SUCCESS; }
DRIVER cuStreamDestroy_v2(Handle) { return SUCCESS; }
DRIVER cuStreamSynchronize(Handle) { return device.broken; }
DRIVER cuStreamWaitEvent(Handle, Handle, unsigned) { return SUCCESS; }
DRIVER cuEventCreate(Handle* event, unsigned) { return *event = some_handle(), SUCCESS; }
DRIVER cuEventDestroy_v2(Handle) { return SUCCESS; }
DRIVER cuEventRecord(Handle, Handle) { return SUCCESS; }
DRIVER cuEventSynchronize(Handle) { return device.broken; }
DRIVER cuEventQuery(Handle) { return SUCCESS; }
DRIVER cuEventElapsedTime_v2(float* milliseconds, Handle, Handle) { return *milliseconds = 1.0f, SUCCESS; }

DRIVER cuMemGetInfo_v2(size_t* free, size_t* total) {
  const std::lock_guard<std::mutex> guard(device.lock);
  *free = device.memory > device.used ? device.memory - device.used : 0;
  *total = device.memory;
  return SUCCESS;
}
DRIVER cuMemAlloc_v2(Address* place, size_t bytes) { return allocate(place, bytes); }
DRIVER cuMemAllocAsync(Address* place, size_t bytes, Handle) { return allocate(place, bytes); }
DRIVER cuMemFree_v2(Address place) { return release(place); }
DRIVER cuMemFreeAsync(Address place, Handle) { return release(place); }
DRIVER cuMemHostAlloc(void** place, size_t bytes, unsigned) {
  if (bytes > device.locked) return OUT_OF_MEMORY;
  *place = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  return *place ? SUCCESS : OUT_OF_MEMORY;
}
DRIVER cuMemFreeHost(void* place) { return std::free(place), SUCCESS; }
DRIVER cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, Handle) { return copy(to, from, bytes); }
DRIVER cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, Handle) { return copy_back(to, from, bytes); }
DRIVER cuMemsetD8Async(Address place, unsigned char value, size_t bytes, Handle) {
  if (!is_within(place, bytes)) return refuse("memory is filled beyond an allocation");
  return std::memset(reinterpret_cast<void*>(uintptr_t(place)), value, bytes), SUCCESS;
}

DRIVER cuModuleLoadData(Handle* module, const void* image) {
  if (device.load) return device.load;
  uint32_t first;
  std::memcpy(&first, image, sizeof first);
  if (first != EMULATED_IMAGE && first != FATBIN_IMAGE) return INVALID_IMAGE;
  return *module = some_handle(), SUCCESS;
}
DRIVER cuModuleUnload(Handle) { return SUCCESS; }
DRIVER cuModuleGetFunction(Handle* function, Handle, const char* name) {
  Dl_info own;
  dladdr(reinterpret_cast<void*>(&some_handle), &own);
  const Handle library = dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  *function = dlsym(library, ("emulated_" + std::string(name)).c_str());
  return *function ? SUCCESS : NOT_FOUND;
}
DRIVER cuLaunchKernel(Handle function, unsigned grid, unsigned grid_y, unsigned grid_z, unsigned block,
                      unsigned block_y, unsigned block_z, unsigned, Handle, void** arguments, void**) {
  if (grid_y != 1 || grid_z != 1 || block_y != 1 || block_z != 1) return refuse("a launch of several dimensions");
  if (device.launch) return device.broken = device.launch;
  if (grid == 0 || block == 0 || block > 1024) return refuse("a launch without threads, or with too many in a block");
  {
    const std::lock_guard<std::mutex> guard(device.lock);
    ++device.launched;
  }
  reinterpret_cast<Kernel>(function)(grid, block, arguments);
  return SUCCESS;
}

DRIVER cuGetErrorName(Result, const char** text) { return *text = "MOCK_ERROR", SUCCESS; }
DRIVER cuGetErrorString(Result, const char** text) { return *text = "an error of the mock driver", SUCCESS; }
