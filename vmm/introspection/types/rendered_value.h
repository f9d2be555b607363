// A value of the guest's memory after BTF has said what its bytes mean: what snapshots keep, checks address
// and `snapshot show` prints.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

struct RenderedMember;

/// One value; which fields mean something depends on `kind`. Values are trees: pointers that were followed
/// hold what they point to.
struct RenderedValue {
  enum class Kind : std::uint8_t {
    kInt,          // number (as int64), bits
    kUint,         // number, bits
    kBool,         // number: 0 or 1
    kChar,         // number: the byte
    kFloat,        // real, bits
    kEnum,         // number (as int64), bits, text: the enumerator's name or empty
    kStruct,       // text: type name or empty; members (a union lists all its members; anonymous: name empty)
    kArray,        // length; members: the first kMaxElements elements, without names
    kCpuList,      // text: "0-2,5"
    kPtr,          // number; members: none or the one value it points to; reason: why it was not followed
    kBytes,        // text: hex, two digits per byte, no spaces
    kTruncated,    // needed, had; members: none or what could be made of the part
    kUnsupported,  // reason
  };
  static constexpr std::size_t kMaxElements = 4096;

  Kind kind = Kind::kUnsupported;
  std::uint32_t bits = 0;
  std::uint64_t number = 0;
  double real = 0;
  std::uint64_t length = 0;  // of kArray: all elements, shown or not
  std::uint64_t needed = 0;
  std::uint64_t had = 0;
  std::string text;
  std::string reason;
  std::vector<RenderedMember> members;

  /// All fields; floats by value, NaN equals NaN.
  bool operator==(const RenderedValue& other) const;
};
struct RenderedMember {
  std::string name;
  RenderedValue value;
  bool operator==(const RenderedMember& other) const = default;
};

/// The JSON form, an object tagged by "kind" in snake_case: {"kind":"uint","bits":64,"value":7},
/// {"kind":"struct","type_name":"rq","members":[{"name":..,"value":..}]},
/// {"kind":"array","len":..,"elements":[..]},
/// {"kind":"ptr","value":..,"deref":..,"deref_skipped_reason":..}, {"kind":"enum",..,"variant":..},
/// {"kind":"cpu_list","cpus":..}, {"kind":"bytes","hex":..},
/// {"kind":"truncated","needed":..,"had":..,"partial":..},
/// {"kind":"unsupported","reason":..}. What is empty and optional is left out. Floats that are no number are
/// the strings "nan", "inf" and "-inf".
nlohmann::json ToJson(const RenderedValue& value);
/// The way back; keys it does not know are skipped. Errors (kInput): "a rendered value has no kind 'x'", "a
/// rendered uint has no 'value'", "'value' of a rendered uint is not ...", "a rendered value is nested more
/// than 200 deep".
Result<RenderedValue> RenderedFromJson(const nlohmann::json& json);

/// For people: one line for a scalar ("7", "0xffff888003a1c000 -> {...}", "SCX_EXIT_ERROR (1024)"), an
/// indented block else. Text-like 8-bit arrays as quoted strings, "[all 64 zero]" for zeros. Lines after the
/// first begin with at least `indent` spaces; no line break at the end.
std::string FormatRendered(const RenderedValue& value, std::size_t indent = 0);

}  // namespace ktstr::vmm
