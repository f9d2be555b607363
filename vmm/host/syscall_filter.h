// The seccomp filter of a confined program. It stands beside QEMU's own (-sandbox on), which forbids other
// calls: starting programs, changing users, obsolete ones.
#pragma once

#include <linux/filter.h>

#include <vector>

namespace ktstr::vmm {

/// Refuses (EPERM) what a running QEMU never needs: sockets, names, links and permissions of files, other
/// processes, namespaces, keys, tracing; and (ENOSYS, so that it takes another way) io_uring, whose calls no
/// filter sees. `brokered`: an open for writing is not carried out but put to whoever holds the listener;
/// else it is allowed.
std::vector<sock_filter> MakeSyscallFilter(bool brokered);

}  // namespace ktstr::vmm
