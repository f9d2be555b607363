// The requests that change workers while they live.
#include "guest-init/request_handlers.h"

namespace ktstr::guest {

Step On(GuestState& guest, const MoveWorkers& request) {
  Result<PhaseMark> moved = guest.tasks.Move(request);
  if (!moved.ok()) return Now(moved.error());
  guest.mark = *moved;
  return Now({});
}

Step On(GuestState& guest, const AdjustWorkers& request) { return Now(guest.tasks.Adjust(request)); }

}  // namespace ktstr::guest
