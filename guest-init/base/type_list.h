// Lists of types: a table and a dispatch that come from one list cannot disagree.
#pragma once

#include <span>

#include "guest-init/base/decl.h"

namespace ktstr {

/// Carries types only; as a value it is empty.
template <typename... T>
struct TypeList {};

/// The declarations of a list of declared structs, in its order.
template <typename... T>
std::span<const StructDecl* const> DeclsOf(TypeList<T...>) {
  static const StructDecl* const kDecls[] = {&T::Decl()...};
  return kDecls;
}

/// Calls `visit` with what `any` holds, as the type of the list that it is. False when it is none of them.
template <typename... T, typename Visit>
bool VisitAs(TypeList<T...>, const AnyStruct& any, const Visit& visit) {
  return ((any.Is<T>() && (visit(any.As<T>()), true)) || ...);
}

}  // namespace ktstr
