#include "cpu/isa.h"

#include <cstdint>
#include <cstring>

#if defined(SAMBAY_X86)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace sambay {
namespace {

#if defined(SAMBAY_X86)

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);  // leaves zeros for a leaf the CPU lacks
  return r;
}

constexpr bool bit(uint32_t value, int index) { return (value >> index & 1u) != 0; }

// Which register states the operating system saves at a context switch; an instruction set whose registers are not
// among them faults although CPUID lists it.
uint64_t saved_states() {
  if (!bit(cpuid(1, 0).ecx, 27)) {  // OSXSAVE
    return 0;
  }
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool saves(uint64_t mask) { return (saved_states() & mask) == mask; }

constexpr uint64_t kYmmState = 0x6;       // SSE, AVX
constexpr uint64_t kZmmState = 0xe6;      // and opmask, upper halves of zmm0-15, zmm16-31
constexpr uint64_t kTileState = 0x60000;  // tile configuration, tile data

bool has_avx2() {
  Registers basic = cpuid(1, 0);
  return bit(basic.ecx, 28) && bit(basic.ecx, 12) && bit(basic.ecx, 29)  // AVX, FMA, F16C
         && bit(cpuid(7, 0).ebx, 5) && saves(kYmmState);
}

bool has_avx512() {
  uint32_t features = cpuid(7, 0).ebx;
  return has_avx2() && bit(features, 16) && bit(features, 17) && bit(features, 30) && bit(features, 31)  // F DQ BW VL
         && saves(kZmmState);
}

bool has_vnni() { return bit(cpuid(7, 0).ecx, 11); }

// vdpbf16ps at the rate of the fp32 FMA: AMD's cores from Zen 4 on. On Intel's it takes twice as long, and nothing is
// won.
bool has_fast_bf16() {
  const Registers vendor = cpuid(0, 0);
  const bool amd = vendor.ebx == 0x68747541 && vendor.edx == 0x69746e65 && vendor.ecx == 0x444d4163;  // AuthenticAMD
  return amd && bit(cpuid(7, 1).eax, 5);
}

const Ops& best_avx512_ops() {
  return !has_vnni() ? avx512_ops() : has_fast_bf16() ? avx512bf16_ops() : avx512vnni_ops();
}

// Linux keeps tile registers only for processes that asked (x86/xstate.rst in the kernel's documentation).
bool tiles_permitted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool has_amx() {
  uint32_t features = cpuid(7, 0).edx;
  return has_avx512() && has_vnni() && bit(cpuid(7, 1).eax, 5)           // AVX512_BF16
         && bit(features, 24) && bit(features, 22) && bit(features, 25)  // AMX-TILE, AMX-BF16, AMX-INT8
         && saves(kTileState) && tiles_permitted();
}

#endif

struct Target {
  const char* name;
  bool (*supported)();
  const Ops& (*ops)();
};

constexpr Target kTargets[] = {
    {"scalar", [] { return true; }, scalar_ops},
#if defined(SAMBAY_X86)
    {"avx2", has_avx2, avx2_ops},
    {"avx512", has_avx512, best_avx512_ops},
    {"amx", has_amx, amx_ops},
#endif
};
constexpr const char* kNames[] = {"scalar",
#if defined(SAMBAY_X86)
                                  "avx2", "avx512", "amx",
#endif
                                  nullptr};

const Target* find(const char* name) {
  for (const Target& target : kTargets) {
    if (std::strcmp(target.name, name) == 0) {
      return &target;
    }
  }
  return nullptr;
}

}  // namespace

const char* const* target_names() { return kNames; }

bool target_known(const char* name) { return std::strcmp(name, "auto") == 0 || find(name) != nullptr; }

bool target_supported(const char* name) {
  const Target* target = find(name);
  return target != nullptr && target->supported();
}

const Ops* find_ops(const char* name) {
  if (std::strcmp(name, "auto") != 0) {
    return target_supported(name) ? &find(name)->ops() : nullptr;
  }
  const Ops* best = nullptr;
  for (const Target& target : kTargets) {
    if (target.supported()) {
      best = &target.ops();
    }
  }
  return best;
}

}  // namespace sambay
