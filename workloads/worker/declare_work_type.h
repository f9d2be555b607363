// One work type = one file of its family's folder: a parameter struct with its declaration, and the loop that
// a worker runs in the guest. The host links the same files for their declarations; only the guest runs
// loops.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "guest-init/base/decl.h"
#include "guest-init/wire/messages.h"

namespace ktstr {

class WorkerContext;

/// What the members of a group share beside memory; made before the fork and inherited.
enum class GroupChannel : std::uint8_t {
  kNone,
  kPipes,   // a pipe per member, which all members can write to
  kEvents,  // an eventfd per member, as a semaphore that does not block: a read takes 1 off, or says EAGAIN
};

/// What a work type is beside its parameters and its loop.
struct WorkTypeTraits {
  /// `count` must be a non-zero multiple of this (pairs: 2). Of a type whose parameters decide (they have
  /// GroupSize()) it is left out, and `group_doc` says how they do.
  std::uint32_t group_size = 1;
  std::string_view group_doc = {};
  /// What goes into wake_latencies_ns, for `explain`; empty: the type takes no wake samples.
  std::string_view wake_sample = {};
  /// The same of timer_latencies_ns and of iteration_costs_ns.
  std::string_view timer_sample = {};
  std::string_view iteration_cost = {};
  GroupChannel channel = GroupChannel::kNone;
  /// The machine gets a disk, made for this run and thrown away after it.
  bool needs_disk = false;
  /// The machine gets two network cards, joined by a wire that leads nowhere else.
  bool needs_nics = false;
  /// The cgroup of its workers, nested or not, has the controller cpu.
  bool needs_cpu_controller = false;
  /// What the report's `refusals` are; empty: the type ends at the first call that is refused.
  std::string_view refusal = {};
};

/// What a member of a group is, by its position in it.
struct WorkerRole {
  /// In place of the policy that the author asked for; it is taken before the loop begins.
  std::optional<SchedPolicy> policy = {};
  std::uint32_t rt_priority = 0;    // of kFifo and kRr
  std::uint64_t dl_runtime_ns = 0;  // of kDeadline, in each period
  std::uint64_t dl_period_ns = 0;
  bool messenger = false;  // the one that wakes the others
};

/// How a type's parameters refer to a cgroup of the scenario other than the worker's own.
struct OtherCgroup {
  std::string_view field;  // the parameter
  std::string_view name;   // what it holds; as long-lived as the parameters
};

struct WorkTypeDecl : WorkTypeTraits {
  const StructDecl& (*params)();  // its name is the work type's name, its doc what it does
  /// Runs until WorkerContext::ShouldStop(). Called in the worker process. REQUIRES: `params` of its struct.
  void (*run)(const void* params, WorkerContext& context);
  std::uint32_t (*group_size_of)(const void* params);
  WorkerRole (*role_of)(const void* params, std::uint32_t position);
  /// Null: the type refers to no cgroup.
  OtherCgroup (*other_cgroup_of)(const void* params);
};

template <typename Params>
concept DecidesGroupSize = requires(const Params& params) {
  params.GroupSize();
};
template <typename Params>
concept RefersToCgroup = requires(const Params& params) {
  params.UsedCgroup();
};
template <typename Params>
concept GivesRoles = requires(const Params& params) {
  params.Role(std::uint32_t{});
};

/// `extern constexpr WorkTypeDecl work_type_bursty = DeclareWorkType<Bursty, Run>({...});` at the end of the
/// type's file, and its row in all_work_types.cpp. Params may have `std::uint32_t GroupSize() const`,
/// `WorkerRole Role(std::uint32_t position) const` and `OtherCgroup UsedCgroup() const`.
template <typename Params, void (*Run)(const Params&, WorkerContext&)>
constexpr WorkTypeDecl DeclareWorkType(WorkTypeTraits traits = {}) {
  WorkTypeDecl decl{
      traits,
      &Params::Decl,
      [](const void* params, WorkerContext& context) { Run(*static_cast<const Params*>(params), context); },
      nullptr,
      nullptr,
      nullptr};
  if constexpr (DecidesGroupSize<Params>)
    decl.group_size_of = [](const void* params) { return static_cast<const Params*>(params)->GroupSize(); };
  if constexpr (GivesRoles<Params>)
    decl.role_of = [](const void* params, std::uint32_t position) {
      return static_cast<const Params*>(params)->Role(position);
    };
  if constexpr (RefersToCgroup<Params>)
    decl.other_cgroup_of = [](const void* params) {
      return static_cast<const Params*>(params)->UsedCgroup();
    };
  return decl;
}

/// Of these parameters. REQUIRES: `params` of its struct.
inline std::uint32_t GroupSize(const WorkTypeDecl& type, const void* params) {
  return type.group_size_of != nullptr ? type.group_size_of(params) : type.group_size;
}
inline WorkerRole RoleOf(const WorkTypeDecl& type, const void* params, std::uint32_t position) {
  return type.role_of != nullptr ? type.role_of(params, position) : WorkerRole{};
}

}  // namespace ktstr
