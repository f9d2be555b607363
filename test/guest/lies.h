// The lies of the fake guest, by what they are about. Each has a row in test_lies.cpp that says what becomes
// of it; that none is missing there is tested.
#pragma once

#include <vector>

#include "test/guest/fake_guest.h"

namespace ktstr::test {

/// Frames, lengths, types, and what may be said when.
std::vector<Lie> LiesOfForm();
/// What the guest is: its Ready.
std::vector<Lie> LiesOfReady();
/// What it did and saw: replies, reports, payloads, files, the kernel's log.
std::vector<Lie> LiesOfContent();
/// The same without end.
std::vector<Lie> Floods();

}  // namespace ktstr::test
