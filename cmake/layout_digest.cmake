cmake_minimum_required(VERSION 3.25)
# Writes OUT: a digest of the headers in HEADERS, without comments and white space, as a constant.  Whoever reads a process from
# outside was compiled from the same declarations where the digests are equal.  cmake/made.cmake says when this is used.
set(all "")
foreach(header ${HEADERS})
  file(READ "${header}" text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "[ \t\r\n]+" "" text "${text}")
  string(SHA256 one "${text}")
  string(APPEND all "${one}")
endforeach()
string(SHA256 digest "${all}")
string(SUBSTRING "${digest}" 0 16 digest)
file(CONFIGURE OUTPUT "${OUT}" CONTENT "#pragma once
// Made by cmake/layout_digest.cmake.
#include \"base/types.h\"
namespace kmem {
inline constexpr uint64_t kLayoutDigest = 0x@digest@ull;
inline constexpr uint32_t kLayoutOfTypes[] = {0};
inline constexpr const char* kLayoutNames[] = {\"headers\"};
}
" @ONLY)
