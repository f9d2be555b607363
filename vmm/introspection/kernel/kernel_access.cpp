// What is done with a place once it is found: the width is agreed on, the range checked, the bytes moved.
#include "vmm/introspection/kernel/kernel_access.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace ktstr::vmm {
namespace {

bool IsNumber(const ResolvedPlace& place) { return place.type && place.type->is_number; }

/// "rq.clock of CPU 0: 0xffff888010000108"; of an address that the author gave, only that.
std::string At(const ResolvedPlace& place) {
  return place.authored ? place.name : fmt::format("{}: {:#x}", place.name, place.address);
}

/// "an unsigned integer of 4 bytes", "struct sched_entity of 320 bytes".
std::string Describe(const PlaceType& type) {
  if (!type.is_number) return fmt::format("{} of {} bytes", type.type_name, type.size);
  const std::string_view kind = type.is_signed ? "a signed integer" : "an unsigned integer";
  if (type.bit_size != 0)
    return fmt::format("{} of {} bit{}", kind, type.bit_size, type.bit_size == 1 ? "" : "s");
  return fmt::format("{} of {} byte{}", kind, type.size, type.size == 1 ? "" : "s");
}

/// A number of `size` bytes, in either direction and of any mode.
Result<> CheckNumber(const ResolvedPlace& place, std::uint32_t size, std::string_view width) {
  if (!place.type || (place.type->size == size && place.type->bit_size == 0)) return {};
  return InputError(fmt::format("{} is {}; {} does not fit it, leave the width out", place.name,
                                Describe(*place.type), width));
}

Result<> CheckBytes(const ResolvedPlace& place, std::size_t count) {
  if (count == 0) return InputError(fmt::format("{}: no bytes are asked for", place.name));
  if (count > KernelWidth::kMaxBytes)
    return InputError(fmt::format("{}: {} bytes are more than the {} of one access", place.name, count,
                                  KernelWidth::kMaxBytes));
  if (place.type && count > place.type->size)
    return InputError(
        fmt::format("{} is {}; {} bytes go beyond it", place.name, Describe(*place.type), count));
  return {};
}

Result<> CheckRange(const ResolvedPlace& place, std::size_t count) {
  if (place.address <= place.end && count <= place.end - place.address) return {};
  return InputError(fmt::format("{}: {} bytes from there go beyond {:#x}", place.name, count, place.end - 1));
}

/// The guest runs while a number is read or written, so it must be one load or store.
Result<> CheckAlignment(const ResolvedPlace& place, std::size_t size, KernelMode mode,
                        std::string_view cold_op) {
  if (mode == KernelMode::kCold || place.address % size == 0) return {};
  return InputError(
      fmt::format("{} is not aligned to {} bytes, so a running guest and we could see half of "
                  "a change: use {}",
                  At(place), size, cold_op));
}

Error Unmapped(const KernelView& view, const ResolvedPlace& place, std::size_t count) {
  std::vector<std::byte> probe(count);
  const std::size_t mapped = view.memory().ReadSome(place.address, probe);
  const ErrorKind kind = place.authored ? ErrorKind::kInput : ErrorKind::kGuest;
  if (mapped > 0) return {kind, fmt::format("{}: only {} of {} bytes are mapped", place.name, mapped, count)};
  return {kind, fmt::format("{} is not mapped", At(place))};
}

Result<> ReadAll(const KernelView& view, const ResolvedPlace& place, std::span<std::byte> into) {
  TRY(CheckRange(place, into.size()));
  if (!view.memory().Read(place.address, into)) return Unmapped(view, place, into.size());
  return {};
}

Result<> WriteAll(const KernelView& view, const ResolvedPlace& place, std::span<const std::byte> from) {
  TRY(CheckRange(place, from.size()));
  if (!view.memory().Write(place.address, from)) return Unmapped(view, place, from.size());
  return {};
}

std::uint64_t LittleEndian(std::span<const std::byte> bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return number;
}

std::uint64_t Mask(std::uint32_t bits) { return bits >= 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1; }

std::uint32_t BitsOf(const PlaceType& type) { return type.bit_size != 0 ? type.bit_size : type.size * 8; }

/// The number in the bytes of a typed place: bitfields extracted, signs extended.
std::uint64_t Decode(const PlaceType& type, std::uint64_t raw) {
  const std::uint32_t bits = BitsOf(type);
  const std::uint64_t number = (raw >> type.bit_offset) & Mask(bits);
  const bool negative = type.is_signed && (number >> (bits - 1) & 1) != 0;
  return negative ? number | ~Mask(bits) : number;
}

Result<KernelReadValue> ReadNumber(const KernelView& view, const ResolvedPlace& place, std::uint32_t size,
                                   KernelMode mode) {
  TRY(CheckAlignment(place, size, mode, "ReadKernelCold"));
  std::array<std::byte, sizeof(std::uint64_t)> raw{};
  TRY(ReadAll(view, place, std::span(raw).first(size)));
  KernelReadValue value;
  value.size = size;
  value.number = LittleEndian(std::span(raw).first(size));
  return value;
}

Result<KernelReadValue> ReadBytes(const KernelView& view, const ResolvedPlace& place, std::uint32_t count) {
  TRY(CheckBytes(place, count));
  KernelReadValue value;
  value.size = count;
  value.bytes.resize(count);
  TRY(ReadAll(view, place, value.bytes));
  return value;
}

Result<KernelReadValue> ReadTyped(const KernelView& view, const ResolvedPlace& place, KernelMode mode) {
  if (!place.type)
    return InputError(
        fmt::format("{} has no known type; say how much to read: u32, u64 or bytes", place.name));
  if (!IsNumber(place)) return ReadBytes(view, place, place.type->size);
  KernelReadValue value = TRY(ReadNumber(view, place, place.type->size, mode));
  value.number = Decode(*place.type, value.number);
  value.is_signed = place.type->is_signed;
  return value;
}

/// A value that was given for a typed place fits in there.
Result<> CheckFits(const ResolvedPlace& place, const KernelValue& value) {
  const PlaceType& type = *place.type;
  const std::uint32_t bits = BitsOf(type);
  bool fits = false;
  if (type.is_signed) {
    // The bits from the sign upwards are all equal to it.
    const std::uint64_t upper = value.number >> (bits - 1);
    fits = value.negative ? upper == Mask(64 - bits + 1) : upper == 0;
  } else {
    fits = !value.negative && (value.number & ~Mask(bits)) == 0;
  }
  if (fits) return {};
  const std::string text = value.negative ? fmt::format("{}", static_cast<std::int64_t>(value.number))
                                          : fmt::format("{}", value.number);
  return InputError(fmt::format("{} is {}; {} does not fit", place.name, Describe(type), text));
}

Result<> WriteTyped(const KernelView& view, const ResolvedPlace& place, const KernelValue& value,
                    KernelMode mode) {
  if (!place.type)
    return InputError(fmt::format("{} has no known type; give the value as u32, u64 or bytes", place.name));
  const PlaceType& type = *place.type;
  if (!type.is_number)
    return InputError(
        fmt::format("{} is {}; write one of its members, or bytes", place.name, Describe(type)));
  TRY(CheckFits(place, value));
  if (type.bit_size != 0 && mode == KernelMode::kHot)
    return InputError(
        fmt::format("{} is a bitfield, which needs the guest paused: use WriteKernelCold", place.name));
  TRY(CheckAlignment(place, type.size, mode, "WriteKernelCold"));
  std::array<std::byte, sizeof(std::uint64_t)> raw{};
  const auto bytes = std::span(raw).first(type.size);
  std::uint64_t number = value.number;
  if (type.bit_size != 0) {
    TRY(ReadAll(view, place, bytes));
    const std::uint64_t field = Mask(type.bit_size) << type.bit_offset;
    number = (LittleEndian(bytes) & ~field) | (number << type.bit_offset & field);
  }
  std::memcpy(raw.data(), &number, bytes.size());
  return WriteAll(view, place, bytes);
}

Result<> WriteNumber(const KernelView& view, const ResolvedPlace& place, std::uint64_t number,
                     std::uint32_t size, KernelMode mode) {
  TRY(CheckNumber(place, size, size == 4 ? "u32" : "u64"));
  TRY(CheckAlignment(place, size, mode, "WriteKernelCold"));
  return WriteAll(view, place, std::as_bytes(std::span(&number, 1)).first(size));
}

Result<> WriteOrMask(const KernelView& view, const ResolvedPlace& place, std::uint32_t mask,
                     KernelMode mode) {
  if (mode == KernelMode::kHot) return InputError("or_mask needs the guest paused: use WriteKernelCold");
  TRY(CheckNumber(place, sizeof(mask), "or_mask (a u32)"));
  std::uint32_t number = 0;
  TRY(ReadAll(view, place, std::as_writable_bytes(std::span(&number, 1))));
  return WriteNumber(view, place, number | mask, sizeof(mask), mode);
}

Error InEntry(const Error& error, std::size_t index) { return error.Within(fmt::format("entry[{}]", index)); }

}  // namespace

Result<KernelReadValue> ReadKernel(const KernelView& view, const KernelTarget& target, KernelWidth width,
                                   KernelMode mode) {
  const ResolvedPlace place = TRY(Resolve(view, target, KernelIntent::kRead));
  switch (width.kind) {
    case KernelWidth::Kind::kU32:
      TRY(CheckNumber(place, 4, "u32"));
      return ReadNumber(view, place, 4, mode);
    case KernelWidth::Kind::kU64:
      TRY(CheckNumber(place, 8, "u64"));
      return ReadNumber(view, place, 8, mode);
    case KernelWidth::Kind::kBytes:
      return ReadBytes(view, place, width.bytes);
    case KernelWidth::Kind::kTyped:
      break;
  }
  return ReadTyped(view, place, mode);
}

Result<> WriteKernel(const KernelView& view, const KernelTarget& target, const KernelValue& value,
                     KernelMode mode) {
  const ResolvedPlace place = TRY(Resolve(view, target, KernelIntent::kWrite));
  switch (value.kind) {
    case KernelValue::Kind::kU32:
      return WriteNumber(view, place, value.number, 4, mode);
    case KernelValue::Kind::kU64:
      return WriteNumber(view, place, value.number, 8, mode);
    case KernelValue::Kind::kBytes:
      TRY(CheckBytes(place, value.bytes.size()));
      return WriteAll(view, place, value.bytes);
    case KernelValue::Kind::kOrMask:
      return WriteOrMask(view, place, static_cast<std::uint32_t>(value.number), mode);
    case KernelValue::Kind::kTyped:
      break;
  }
  return WriteTyped(view, place, value, mode);
}

Result<std::vector<KernelReadValue>> ReadBatch(const KernelView& view, std::span<const KernelRead> entries,
                                               KernelMode mode) {
  std::vector<KernelReadValue> values;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto value = ReadKernel(view, entries[i].target, entries[i].width, mode);
    if (!value) return InEntry(value.error(), i);
    values.push_back(std::move(value).value());
  }
  return values;
}

Result<> WriteBatch(const KernelView& view, std::span<const KernelWrite> entries, KernelMode mode) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto written = WriteKernel(view, entries[i].target, entries[i].value, mode);
    if (!written) return InEntry(written.error(), i);
  }
  return {};
}

}  // namespace ktstr::vmm
