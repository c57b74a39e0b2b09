#ifndef KMEM_PER_CPU_HPP
#define KMEM_PER_CPU_HPP
#include <linux/percpu.h>

#include <cstdint>
#include <iterator>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace kmem {

/// During its lifetime this thread exclusively owns a CPU number, and with it a copy of every per-CPU variable. Nests.  The
/// thread must not sleep meanwhile.
class cpu_section {
 public:
  cpu_section() noexcept : cpu_(static_cast<unsigned>(get_cpu())) {}
  cpu_section(const cpu_section&) = delete;
  cpu_section& operator=(const cpu_section&) = delete;
  ~cpu_section() { put_cpu(); }
  unsigned cpu() const noexcept { return cpu_; }

 private:
  unsigned cpu_;
};

/// One T for each CPU.  Made at run time, or as an object of static storage in a program or a shared object.
///
///   kmem::per_cpu<long> hits;                   ++hits; hits += 3; hits.sum()
///   kmem::per_cpu<Statistics> statistics;       statistics.mine()->bytes += n;
///   for (Statistics& each : statistics) ...
///
/// Steps on integers (++, +=, read() ...) and mine() are thread-safe, and may be used in a signal handler.  Iteration over the
/// copies is not ordered with them.
template <typename T>
class per_cpu {
 public:
  /// This CPU's copy, exclusively owned for the lifetime of this object.
  class section {
   public:
    explicit section(T* variable) noexcept : mine_(per_cpu_ptr(variable, here_.cpu())) {}
    T& operator*() const noexcept { return *mine_; }
    T* operator->() const noexcept { return mine_; }

   private:
    cpu_section here_;
    T* mine_;
  };

  /// Iterates over the copies of all possible CPUs.
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = T&;
    using pointer = T*;
    using iterator_category = std::forward_iterator_tag;
    iterator() noexcept = default;
    iterator(T* variable, unsigned cpu) noexcept : variable_(variable), cpu_(cpu) {}
    T& operator*() const noexcept { return *per_cpu_ptr(variable_, cpu_); }
    T* operator->() const noexcept { return per_cpu_ptr(variable_, cpu_); }
    iterator& operator++() noexcept { return ++cpu_, *this; }
    iterator operator++(int) noexcept { return iterator(variable_, cpu_++); }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.cpu_ == b.cpu_; }

   private:
    T* variable_ = nullptr;
    unsigned cpu_ = 0;
  };

  /// T(arguments...) for each CPU; throws std::bad_alloc if there is no memory, or what T's constructor throws.
  template <typename... Arguments>
  explicit per_cpu(const Arguments&... arguments) : variable_(static_cast<T*>(__alloc_percpu(sizeof(T), alignof(T)))) {
    static_assert(alignof(T) <= KMEM_PERCPU_MAX_ALIGN && sizeof(T) <= PCPU_MIN_UNIT_SIZE,
                  "a per-CPU variable has up to 64 KiB");
    if (!variable_) throw std::bad_alloc();
    undo guard{this};
    for (; guard.made < size(); ++guard.made) ::new (static_cast<void*>(per_cpu_ptr(variable_, guard.made))) T(arguments...);
    guard.owner = nullptr;
  }
  per_cpu(per_cpu&& other) noexcept : variable_(std::exchange(other.variable_, nullptr)) {}
  per_cpu& operator=(per_cpu&& other) noexcept {
    std::swap(variable_, other.variable_);
    return *this;
  }
  ~per_cpu() { destroy(size()); }

  /// Begins a section and returns this CPU's copy.
  section mine() noexcept { return section(variable_); }
  T& on(unsigned cpu) noexcept { return *per_cpu_ptr(variable_, cpu); }
  const T& on(unsigned cpu) const noexcept { return *per_cpu_ptr(variable_, cpu); }
  static unsigned size() noexcept { return nr_cpu_ids; }
  iterator begin() const noexcept { return iterator(variable_, 0); }
  iterator end() const noexcept { return iterator(variable_, size()); }
  /// For the kernel's functions; this object keeps ownership.
  T* native() const noexcept { return variable_; }

  /// The sum of all copies.
  T sum() const {
    T total{};
    for (const T& each : *this) total += each;
    return total;
  }

  // One step on this CPU's copy, for integers and pointers.
  T read() const noexcept { return this_cpu_read(*variable_); }
  void write(T value) noexcept { this_cpu_write(*variable_, value); }
  T exchange(T value) noexcept { return this_cpu_xchg(*variable_, value); }
  per_cpu& operator+=(T n) noexcept { return add(n), *this; }
  per_cpu& operator-=(T n) noexcept { return this_cpu_sub(*variable_, n), *this; }
  per_cpu& operator&=(T n) noexcept { return this_cpu_and(*variable_, n), *this; }
  per_cpu& operator|=(T n) noexcept { return this_cpu_or(*variable_, n), *this; }
  per_cpu& operator++() noexcept { return this_cpu_inc(*variable_), *this; }
  per_cpu& operator--() noexcept { return this_cpu_dec(*variable_), *this; }
  void add(T n) noexcept { this_cpu_add(*variable_, n); }

 private:
  struct undo {
    per_cpu* owner;
    unsigned made = 0;
    explicit undo(per_cpu* of) noexcept : owner(of) {}
    undo(const undo&) = delete;
    undo& operator=(const undo&) = delete;
    ~undo() {
      if (owner) owner->destroy(made);
    }
  };
  void destroy(unsigned nr) noexcept {
    if (!variable_) return;
    while (nr) std::destroy_at(per_cpu_ptr(variable_, --nr));
    free_percpu(std::exchange(variable_, nullptr));
  }

  T* variable_;
};

}  // namespace kmem

#endif
