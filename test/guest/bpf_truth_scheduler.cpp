#include "test/guest/bpf_truth_scheduler.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "test/guest/bpf_truth.h"

namespace ktstr::test {
namespace {

constexpr std::uint64_t kSliceNs = 5'000'000;

bpf_insn Instruction(int code, unsigned into, unsigned from, std::int16_t offset, int value) {
  bpf_insn one = {};
  one.code = static_cast<__u8>(code);
  one.dst_reg = into & 15U;
  one.src_reg = from & 15U;
  one.off = offset;
  one.imm = value;
  return one;
}
bpf_insn Move(unsigned into, int value) {
  return Instruction(BPF_ALU64 | BPF_MOV | BPF_K, into, 0, 0, value);
}
/// The operation's arguments are 8 bytes each behind R1.
bpf_insn Argument(unsigned into, int index) {
  return Instruction(BPF_LDX | BPF_MEM | BPF_DW, into, BPF_REG_1, static_cast<std::int16_t>(8 * index), 0);
}
constexpr bpf_insn kExit = {BPF_JMP | BPF_EXIT, 0, 0, 0, 0};

class Scheduler {
 public:
  Scheduler() : kernel_(btf__load_vmlinux_btf(), &btf__free) {}

  bool Attach(int bss, int types) {
    wrapper_ = Id("bpf_struct_ops_sched_ext_ops", BTF_KIND_STRUCT);
    ops_ = Id("sched_ext_ops", BTF_KIND_STRUCT);
    if (wrapper_ < 0 || ops_ < 0) {
      errno = ENOSYS;
      return false;
    }
    const btf_type* type = btf__type_by_id(kernel_.get(), static_cast<__u32>(wrapper_));
    value_.resize(type->size);
    data_ = Offset(wrapper_, "data");
    const std::string name = "truth";
    std::memcpy(value_.data() + data_ + Offset(ops_, "name"), name.data(), name.size());

    Set("init", {Move(1, static_cast<int>(kTruthDsq)), Move(2, -1), Kernel("scx_bpf_create_dsq"), kExit},
        true);
    Set("enqueue", {Argument(4, 1), Argument(1, 0), Move(2, static_cast<int>(kTruthDsq)),
                    Move(3, static_cast<int>(kSliceNs)), Kernel("scx_bpf_dispatch"), kExit});
    Set("dispatch", {Move(1, static_cast<int>(kTruthDsq)), Kernel("scx_bpf_consume"), Move(0, 0), kExit});
    Set("running", {{BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_VALUE, 0, bss},
                    {},
                    Move(2, 1),
                    {BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD},
                    kExit});
    if (failed_) return false;

    LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = static_cast<__u32>(types),
                .btf_vmlinux_value_type_id = static_cast<__u32>(wrapper_));
    const int map = bpf_map_create(BPF_MAP_TYPE_STRUCT_OPS, "truth_ops", 4, type->size, 1, &opts);
    const std::uint32_t zero = 0;
    return map >= 0 && bpf_map_update_elem(map, &zero, value_.data(), 0) == 0;
  }

 private:
  [[nodiscard]] int Id(const char* name, std::uint32_t kind) const {
    return kernel_ ? btf__find_by_name_kind(kernel_.get(), name, kind) : -1;
  }
  [[nodiscard]] int Member(int type, const std::string& name) const {
    const btf_type* t = btf__type_by_id(kernel_.get(), static_cast<__u32>(type));
    for (int i = 0; i < btf_vlen(t); ++i)
      if (name == btf__name_by_offset(kernel_.get(), btf_members(t)[i].name_off)) return i;
    return 0;
  }
  [[nodiscard]] std::size_t Offset(int type, const char* name) const {
    const btf_type* t = btf__type_by_id(kernel_.get(), static_cast<__u32>(type));
    return btf_member_bit_offset(t, static_cast<__u32>(Member(type, name))) / 8;
  }
  [[nodiscard]] bpf_insn Kernel(const char* function) const {
    return {BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, Id(function, BTF_KIND_FUNC)};
  }

  /// Loads the program for one of the scheduler's operations.
  void Set(const char* operation, const std::vector<bpf_insn>& code, bool sleeps = false) {
    const int member = Member(ops_, operation);
    char log[4096] = "";
    LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = static_cast<bpf_attach_type>(member),
                .attach_btf_id = static_cast<__u32>(ops_), .log_level = 1, .log_size = sizeof(log),
                .log_buf = log);
    if (sleeps) opts.prog_flags = BPF_F_SLEEPABLE;
    const std::string name = std::string("truth_") + operation;
    const std::int64_t fd =
        bpf_prog_load(BPF_PROG_TYPE_STRUCT_OPS, name.c_str(), "GPL", code.data(), code.size(), &opts);
    if (fd < 0) {
      std::printf("no program %s: %s\n%s\n", operation, std::strerror(errno), log);
      failed_ = true;
    }
    std::memcpy(value_.data() + data_ + Offset(ops_, operation), &fd, sizeof(fd));
  }

  std::unique_ptr<btf, decltype(&btf__free)> kernel_;
  std::vector<std::byte> value_;
  std::size_t data_ = 0;
  int wrapper_ = -1;
  int ops_ = -1;
  bool failed_ = false;
};

}  // namespace

void AttachTruthScheduler(int bss, int types) {
  bpf_enable_stats(BPF_STATS_RUN_TIME);  // the descriptor stays open to the end
  if (Scheduler().Attach(bss, types))
    std::printf("scheduler\n");
  else
    std::printf("no scheduler: %s\n", std::strerror(errno));
}

}  // namespace ktstr::test
