// yaml-cpp's syntax errors in words that help. Internal to document*.cpp.
#pragma once

#include <string>
#include <vector>

#include "interpreter/load/document_build.h"

namespace ktstr {

/// `message` is yaml-cpp's, `at` the offset it gives; `open` the collections still open there, the innermost
/// last.
Diagnostic ExplainSyntaxError(const std::string& message, std::size_t at, const SourceText& source,
                              const std::vector<DocumentBuilder::Open>& open);

}  // namespace ktstr
