// Runs in guests: makes the kernel refuse what workers ask for before they begin, by programs for the hooks
// of its security modules, until it is killed. Arguments: names of hooks, "task_setnice" for one. It says
// "refusing" once all are in place, or what went wrong.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

bool Refuse(const char* hook) {
  // return -EPERM
  const std::array<bpf_insn, 2> code = {
      {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, -EPERM}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  const int id = libbpf_find_vmlinux_btf_id(hook, BPF_LSM_MAC);
  if (id < 0) return false;
  LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_MAC,
              .attach_btf_id = static_cast<__u32>(id));
  const int program = bpf_prog_load(BPF_PROG_TYPE_LSM, "refuse", "GPL", code.data(), code.size(), &opts);
  return program >= 0 && bpf_raw_tracepoint_open(nullptr, program) >= 0;  // kept open: it holds as long
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (Refuse(argv[i])) continue;
    std::printf("%s: %s\n", argv[i], std::strerror(errno));
    return 1;
  }
  std::puts("refusing");
  std::fflush(stdout);
  for (;;) pause();
}
