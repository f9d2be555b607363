// The wire encoding of declared structs, derived from their declarations. No tags and no versions inside:
// the handshake compares DeclHash, so both ends are known to hold the same declarations.
//
// bool: 1 byte; integers: their own size, little endian; double: 8 bytes; string and scalar text: u32 length
// and bytes; enum: i64; optional: 1 byte presence; list and map: u32 count, then elements (a map's key as a
// string before each); struct: its fields in declared order; choice: the alternative's name, then its fields
// (an empty name for none).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/result.h"

namespace ktstr {

void EncodeStruct(const StructDecl& decl, const void* object, std::vector<std::byte>& out);
void EncodeAny(const AnyStruct& value, std::vector<std::byte>& out);

/// Fills `object` (default-constructed) from `in` and advances `in`. kProtocol errors name the field.
/// A count is believed only as far as bytes for it have arrived.
Result<> DecodeStruct(const StructDecl& decl, std::span<const std::byte>& in, void* object);
/// Reads one of `alternatives`.
Result<AnyStruct> DecodeAny(std::span<const StructDecl* const> alternatives, std::span<const std::byte>& in);

template <typename T>
std::vector<std::byte> Encode(const T& value) {
  std::vector<std::byte> out;
  EncodeStruct(T::Decl(), &value, out);
  return out;
}
/// Decodes a whole buffer; bytes left over are an error.
template <typename T>
Result<T> Decode(std::span<const std::byte> in) {
  T value;
  TRY(DecodeStruct(T::Decl(), in, &value));
  if (!in.empty())
    return Error{ErrorKind::kProtocol, "bytes are left over after a " + std::string(T::Decl().name)};
  return value;
}

/// A hash over the shape (names, types, order) of the given structs and all they contain.
std::uint64_t DeclHash(std::span<const StructDecl* const> roots);

}  // namespace ktstr
