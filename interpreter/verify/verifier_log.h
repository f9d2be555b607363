// What the kernel's verifier said, out of the output of a scheduler's program, and made short. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ktstr {

/// A BPF program that the kernel did not load.
struct RejectedProgram {
  std::string name;                        // of its function
  std::string error;                       // as libbpf says it: "Permission denied"; "" when it did not
  std::string reason;                      // the verifier's last word: "R1 invalid mem access 'scalar'"
  std::optional<std::uint64_t> processed;  // instructions, until it gave up
  bool cut = false;                        // the end of the log is missing
  std::vector<std::string> log;            // line by line
};

/// Every log between libbpf's marks, "prog 'x': -- BEGIN PROG LOAD LOG --" and its end, in their order.
std::vector<RejectedProgram> FindRejectedPrograms(std::string_view output);

/// A loop makes the verifier say the same for each round. At least three rounds of the same five lines or
/// more become a line that says how many there are, the first round, and a line that says how much was left
/// out. Rounds are the same when they differ only in what the registers hold. What is folded may be part of a
/// larger round: at most five times over.
std::vector<std::string> FoldCycles(std::vector<std::string> lines);

}  // namespace ktstr
