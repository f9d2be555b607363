// Answers a confined program's opens for writing: of the files it was given it gets the descriptors that we
// hold, of all others "Permission denied".
#pragma once

#include <memory>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// Serves one program and its children by a thread of its own, from Start() to the object's end or the
/// program's, whichever comes first. Afterwards such an open fails at once.
class OpenBroker {
 public:
  /// `listener`: see Confinement::Enter. `opened`: descriptors of ours that the program knows by the same
  /// numbers and opens as /proc/self/fd/N; they are duplicated. `kvm`: /dev/kvm too. Error (kEnvironment): we
  /// have no descriptor or no thread left.
  static Result<std::unique_ptr<OpenBroker>> Start(Fd listener, const std::vector<int>& opened, bool kvm);

  OpenBroker(const OpenBroker&) = delete;
  OpenBroker& operator=(const OpenBroker&) = delete;
  ~OpenBroker();

 private:
  class Server;
  explicit OpenBroker(std::unique_ptr<Server> server);

  std::unique_ptr<Server> server_;
};

}  // namespace ktstr::vmm
