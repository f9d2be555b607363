// A sched_ext scheduler without clang: a dozen instructions written by hand.
#pragma once

namespace ktstr::test {

/// Attaches the scheduler "truth", which queues all tasks on the user DSQ kTruthDsq and counts in the first 8
/// bytes of `bss` how often one ran; `types` is the descriptor of any BTF. Says "scheduler" or "no scheduler:
/// why" on stdout. It stays until the machine ends.
void AttachTruthScheduler(int bss, int types);

}  // namespace ktstr::test
