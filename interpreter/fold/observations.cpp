#include "interpreter/fold/observations.h"

namespace ktstr {

const StructDecl& ReadRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ReadRecord::tag>("tag", ""),
      Required<&ReadRecord::place>("place", "\"jiffies_64\""),
      Required<&ReadRecord::phase>("phase", ""),
      Required<&ReadRecord::elapsed_ms>("elapsed_ms", ""),
      Required<&ReadRecord::text>("text", "the value: decimal, or hex bytes"),
      Optional<&ReadRecord::value>("value", "none: not a number"),
      Required<&ReadRecord::path>("path", "document path of the Op"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ReadRecord>("ReadRecord", "", kFields);
  return kDecl;
}

const StructDecl& FileRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&FileRecord::tag>("tag", ""),
      Required<&FileRecord::file>("file", "as the guest sees it"),
      Required<&FileRecord::phase>("phase", ""),
      Required<&FileRecord::elapsed_ms>("elapsed_ms", ""),
      Required<&FileRecord::text>("text", "its first 64 KiB"),
      Required<&FileRecord::cut>("cut", "there was more"),
      Required<&FileRecord::path>("path", "document path of the Op"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<FileRecord>("FileRecord", "", kFields);
  return kDecl;
}

const StructDecl& FireRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&FireRecord::phase>("phase", ""),
      Required<&FireRecord::elapsed_ms>("elapsed_ms", ""),
      Required<&FireRecord::cpu>("cpu", ""),
      Required<&FireRecord::instruction>("instruction",
                                         "\"tick_do_update_jiffies64+0x5c\"; empty when QEMU did not report "
                                         "the write, which a pause then found"),
      Required<&FireRecord::old_value>("old_value", ""),
      Required<&FireRecord::new_value>("new_value", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<FireRecord>("FireRecord", "", kFields);
  return kDecl;
}

const StructDecl& WatchRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&WatchRecord::tag>("tag", ""),
      Required<&WatchRecord::place>("place", ""),
      Required<&WatchRecord::address>("address", ""),
      Required<&WatchRecord::bytes>("bytes", ""),
      Required<&WatchRecord::writes>("writes", "seen, whatever `when` and `every` say"),
      Required<&WatchRecord::fires>("fires", "that fulfilled `when`"),
      Required<&WatchRecord::lower_bound>("lower_bound",
                                          "it was suspended to let the guest go on: there were more"),
      Required<&WatchRecord::suspended>("suspended", "how often"),
      Required<&WatchRecord::paused_ms>("paused_ms", "host time the guest was paused for it"),
      Required<&WatchRecord::kept>("kept", "each `every`-th fire, at most `max`"),
      Required<&WatchRecord::path>("path", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<WatchRecord>("WatchRecord", "", kFields);
  return kDecl;
}

const StructDecl& PauseRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PauseRecord::reason>("reason", "\"snapshot before\", \"cold read x\", \"watch x\""),
      Required<&PauseRecord::phase>("phase", ""),
      Required<&PauseRecord::count>("count", "how many; of a watch all of a phase are one entry"),
      Required<&PauseRecord::at_ms>("at_ms", "host time"),
      Required<&PauseRecord::ms>("ms", "host time"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PauseRecord>("PauseRecord", "", kFields);
  return kDecl;
}

const StructDecl& MonitorRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&MonitorRecord::verdict>("verdict", ""),
      Required<&MonitorRecord::text>("text", "\"monitor OK\", \"monitor FAILED: 2 violation(s)\""),
      Required<&MonitorRecord::violations>("violations", ""),
      Required<&MonitorRecord::enforce>("enforce", ""),
      Required<&MonitorRecord::samples>("samples", ""),
      Required<&MonitorRecord::dropped>("dropped", "CPUs' parts of samples that were torn"),
      Required<&MonitorRecord::max_imbalance>("max_imbalance", ""),
      Required<&MonitorRecord::avg_imbalance>("avg_imbalance", ""),
      Required<&MonitorRecord::avg_nr_running>("avg_nr_running", ""),
      Required<&MonitorRecord::max_local_dsq_depth>("max_local_dsq_depth", ""),
      Required<&MonitorRecord::events>("events", "sched_ext's event counters: growth, over all CPUs"),
      Required<&MonitorRecord::cost_ms>("cost_ms", "host CPU time it took"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<MonitorRecord>("MonitorRecord", "", kFields);
  return kDecl;
}

const StructDecl& SnapshotEntry::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SnapshotEntry::tag>("tag", ""),
      Required<&SnapshotEntry::phase>("phase", ""),
      Required<&SnapshotEntry::elapsed_ms>("elapsed_ms", ""),
      Optional<&SnapshotEntry::boundary_ms>("boundary_ms", ""),
      Required<&SnapshotEntry::placeholder>("placeholder", ""),
      Required<&SnapshotEntry::reason>("reason", "of a placeholder"),
      Required<&SnapshotEntry::maps>("maps", ""),
      Required<&SnapshotEntry::tasks>("tasks", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SnapshotEntry>("SnapshotEntry", "", kFields);
  return kDecl;
}

const StructDecl& EvictionRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&EvictionRecord::tag>("tag", ""),
      Required<&EvictionRecord::made_room_for>("made_room_for", "tag of the later one"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<EvictionRecord>("EvictionRecord", "", kFields);
  return kDecl;
}

const StructDecl& ProcsRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ProcsRecord::tag>("tag", ""),
      Required<&ProcsRecord::cgroup>("cgroup", ""),
      Required<&ProcsRecord::pids>("pids", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ProcsRecord>("ProcsRecord", "", kFields);
  return kDecl;
}

const StructDecl& Observations::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Observations::taken>("taken", "the snapshots there are, in short"),
      Required<&Observations::evicted>("evicted", "taken and then dropped, as more came than are kept"),
      Required<&Observations::periodic_target>("periodic_target", ""),
      Required<&Observations::periodic_fired>("periodic_fired", "placeholders included"),
      Required<&Observations::periodic_real>("periodic_real", ""),
      Required<&Observations::reads>("reads", ""),
      Required<&Observations::cgroup_procs>("cgroup_procs", ""),
      Required<&Observations::files>("files", "of the guest, that were read"),
      Required<&Observations::watches>("watches", ""),
      Optional<&Observations::monitor>("monitor", ""),
      Required<&Observations::pauses>("pauses", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Observations>("Observations", "", kFields);
  return kDecl;
}

const StoredSnapshot* Observations::FindSnapshot(std::string_view tag) const {
  for (const StoredSnapshot& snapshot : snapshots)
    if (snapshot.tag == tag) return &snapshot;
  return nullptr;
}

const EvictionRecord* Observations::FindEvicted(std::string_view tag) const {
  for (const EvictionRecord& record : evicted)
    if (record.tag == tag) return &record;
  return nullptr;
}

double Observations::PausedMs() const {
  double total = 0;
  for (const PauseRecord& pause : pauses) total += pause.ms;
  return total;
}

}  // namespace ktstr
