#include "ops/plan/diagnostics.h"

#include <utility>

namespace ktstr {
namespace {

// The parts are joined by a byte that no path, code or message contains.
std::string Identity(const Diagnostic& d) {
  std::string id = d.path;
  id += d.on_key ? "\x01k\x01" : "\x01v\x01";
  if (d.at) id += std::to_string(d.at->line) + ":" + std::to_string(d.at->column) + "\x01";
  return id + d.code + "\x01" + d.message;
}

}  // namespace

void Diagnostics::Add(Diagnostic diagnostic) {
  if (!seen_.insert(Identity(diagnostic)).second) return;
  if (diagnostic.severity == Severity::kError) has_errors_ = true;
  items_.push_back(std::move(diagnostic));
}

void Diagnostics::Error(std::string path, std::string code, std::string message, std::string hint) {
  Add({Severity::kError, std::move(code), std::move(path), false, std::move(message), std::move(hint)});
}

void Diagnostics::Warning(std::string path, std::string code, std::string message, std::string hint) {
  Add({Severity::kWarning, std::move(code), std::move(path), false, std::move(message), std::move(hint)});
}

void Diagnostics::ErrorOnKey(std::string path, std::string code, std::string message, std::string hint) {
  Add({Severity::kError, std::move(code), std::move(path), true, std::move(message), std::move(hint)});
}

std::string JoinPath(std::string_view base, std::string_view key) {
  std::string path(base);
  if (!path.empty()) path += '/';
  for (const char c : key) {
    if (c == '~') {
      path += "~0";
    } else if (c == '/') {
      path += "~1";
    } else {
      path += c;
    }
  }
  return path;
}

std::string JoinPath(std::string_view base, std::size_t index) {
  return JoinPath(base, std::string_view(std::to_string(index)));
}

std::string JoinPath(std::string_view base, int index) {
  return JoinPath(base, std::string_view(std::to_string(index)));
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  if (path.empty()) return parts;
  parts.emplace_back();
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/') {
      parts.emplace_back();
    } else if (path[i] == '~' && i + 1 < path.size()) {
      ++i;
      parts.back() += path[i] == '1' ? '/' : '~';
    } else {
      parts.back() += path[i];
    }
  }
  return parts;
}

}  // namespace ktstr
