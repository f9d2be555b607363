// "did you mean ...?" for names of types and members: the one most like a wrong one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ktstr::vmm {

/// "; did you mean 'x'?" with the first of the names nearest to `wrong`, or "" when none is near: at most
/// AllowedSlips() of TypingSlips.
std::string DidYouMean(std::string_view wrong, std::span<const std::string_view> names);

}  // namespace ktstr::vmm
