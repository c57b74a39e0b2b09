#pragma once
// Regions of planned addresses, which are not reserved: they are mapped step by step, as the heap grows, so that unused parts
// do not count against any limit.
#include <stddef.h>

#include "base/atomic.h"
#include "port/port.h"

namespace linux_port {

/// How a step is mapped.
struct StepKind {
  int file = -1;             // a memory file, of which the region is the beginning; -1: private memory
  bool plain_pages = false;  // the host must not choose huge pages by itself
};

/// Lock-free, any context.
class Region {
 public:
  /// `states`: zeroed, a byte for each step.
  void init(char* start, size_t bytes, size_t step, kmem::Atomic<unsigned char>* states, StepKind kind = {});
  bool contains(const void* address) const { return static_cast<size_t>(static_cast<const char*>(address) - start_) < bytes_; }
  /// Maps all steps that the range touches and that are not mapped yet.
  kmem::Online open(const void* address, size_t bytes);
  static size_t nr_steps(size_t bytes, size_t step) { return (bytes + step - 1) / step; }

 private:
  enum State : unsigned char { Closed, Opening, Open, Taken };
  kmem::Online open_step(size_t i);
  bool map(size_t i) const;

  char* start_ = nullptr;
  size_t bytes_ = 0, step_ = 1;
  kmem::Atomic<unsigned char>* states_ = nullptr;
  StepKind kind_;
};

}  // namespace linux_port
