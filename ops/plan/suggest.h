// "did you mean ...?": the one name close enough to a wrong one to be worth offering.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ktstr {

/// The candidate nearest to `wrong`, ignoring ASCII case, or nothing when none is near: at most one typing
/// slip (a letter missing, extra, wrong, or two neighbours swapped) for names up to 4 letters, two up to 8,
/// three beyond; and never as many slips as the name has letters. Also offered: the only candidate that
/// `wrong` begins (3 letters or more). Of equally near ones, the first.
std::optional<std::string> ClosestName(std::string_view wrong, std::span<const std::string_view> candidates);
std::optional<std::string> ClosestName(std::string_view wrong, std::span<const std::string> candidates);

/// "did you mean 'x'?", or "" when ClosestName finds nothing; ready to be a Diagnostic's hint.
std::string DidYouMean(std::string_view wrong, std::span<const std::string_view> candidates);
std::string DidYouMean(std::string_view wrong, std::span<const std::string> candidates);

/// How messages write a name: "'x'".
inline std::string Quote(std::string_view name) { return "'" + std::string(name) + "'"; }

}  // namespace ktstr
