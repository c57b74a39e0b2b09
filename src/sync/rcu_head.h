#pragma once

namespace kmem {

/// A callback that waits for a grace period; it lies in the memory that the callback will free. As the kernel's struct
/// callback_head.
struct RcuHead {
  RcuHead* next;
  void (*function)(RcuHead* head);
};

}  // namespace kmem
