#ifndef KMEM_SCOPES_HPP
#define KMEM_SCOPES_HPP
/// \file
/// Contexts as objects: each is in effect from its declaration to the end of its block. They nest, apply to the thread that
/// constructs them, cost a call or two, and may be used in any context; see docs/contexts.md.
///
///   void on_signal(int) {
///     const kmem::interrupt_scope interrupt;        // this is a handler: GFP_KERNEL here would be a mistake
///     queue.push(kmalloc(64, GFP_ATOMIC));
///   }
///   kmem::noio_scope noio;                          // no allocation below starts I/O, whatever its flags say
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched/mm.h>

namespace kmem {

/// The base of scopes: not copyable or movable.
class scope {
 public:
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;

 protected:
  scope() = default;
  ~scope() = default;
};

/// The block must not sleep: preempt_disable().
class [[maybe_unused]] atomic_scope : scope {
 public:
  atomic_scope() noexcept { preempt_disable(); }
  ~atomic_scope() { preempt_enable(); }
};

/// The block is a signal handler: irq_enter(). To be declared first in the handler.
class [[maybe_unused]] interrupt_scope : scope {
 public:
  interrupt_scope() noexcept { irq_enter(); }
  ~interrupt_scope() { irq_exit(); }
};

/// No signal handler runs on this thread: local_irq_save().  A system call at each end.
class [[maybe_unused]] irqs_off_scope : scope {
 public:
  irqs_off_scope() noexcept : were_on_(kmem_irq_save()) {}
  ~irqs_off_scope() { kmem_irq_restore(were_on_); }

 private:
  unsigned long were_on_;
};

/// Allocations start no I/O: memalloc_noio_save().
class [[maybe_unused]] noio_scope : scope {
 public:
  noio_scope() noexcept : saved_(memalloc_noio_save()) {}
  ~noio_scope() { memalloc_noio_restore(saved_); }

 private:
  unsigned saved_;
};

/// Allocations do not call into a file system: memalloc_nofs_save().
class [[maybe_unused]] nofs_scope : scope {
 public:
  nofs_scope() noexcept : saved_(memalloc_nofs_save()) {}
  ~nofs_scope() { memalloc_nofs_restore(saved_); }

 private:
  unsigned saved_;
};

/// This code frees memory: its allocations may use all reserves and do not reclaim.  memalloc_noreclaim_save().
class [[maybe_unused]] noreclaim_scope : scope {
 public:
  noreclaim_scope() noexcept : saved_(memalloc_noreclaim_save()) {}
  ~noreclaim_scope() { memalloc_noreclaim_restore(saved_); }

 private:
  unsigned saved_;
};

}  // namespace kmem

#endif
