// BARs of simulated functions: the addresses of their registers, and accesses to them.

#include <linux/kernel.h>

#include "lock/queued.h"
#include "pci/simulated/simulated.h"
#include "port/ports.h"

namespace kmem_driver::pci {
namespace {

/// Below 4 GiB as on a machine, and above for BARs that find no room there.
constexpr phys_addr_t kLow = 0xe000'0000, kLowEnd = 0xfec0'0000, kHigh = 0x4000'0000'0000;
constexpr unsigned long kFirstPort = 0xc000;

/// Is decoding on? Reports once if not.
bool answers(Bar* bar, const char* what) {
  Simulated& f = *bar->of;
  const u16 needed = bar->what.flags & IORESOURCE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
  if (command_of(f.function) & needed) return true;
  if (__atomic_exchange_n(&f.told_disabled, true, __ATOMIC_RELAXED)) return false;
  pci_err(&f.function.pdev, "%s of a register while the function is not enabled: pci_enable_device() is missing\n", what);
  return false;
}

unsigned long long read(void* data, size_t offset, unsigned bytes) {
  auto* bar = static_cast<Bar*>(data);
  if (!answers(bar, "read") || !bar->what.ops || !bar->what.ops->read) return ~0ull;
  return bar->what.ops->read(bar->of->device, offset, bytes);
}
void write(void* data, size_t offset, unsigned bytes, unsigned long long value) {
  auto* bar = static_cast<Bar*>(data);
  if (!answers(bar, "write") || !bar->what.ops || !bar->what.ops->write) return;
  bar->what.ops->write(bar->of->device, offset, bytes, value);
}
constexpr kmem_device_ops kOps = {read, write};

/// Rounds up to a multiple of a power of 2.
unsigned long multiple(unsigned long at, size_t of) { return (at + of - 1) & ~(of - 1); }

phys_addr_t next(phys_addr_t at, size_t bytes) {
  at += bytes;
  return at < kHigh && at + bytes > kLowEnd ? kHigh : at;
}

constinit unsigned guard_word = 0;
constinit Bar* placed = nullptr;  // memory BARs

bool is_free(phys_addr_t at, size_t bytes) {
  for (const Bar* b = placed; b; b = b->next_placed)
    if (at < b->start + b->what.bytes && b->start < at + bytes) return false;
  return true;
}
void take(Bar* bar, phys_addr_t from, size_t step) {
  Guard hold(guard_word);
  phys_addr_t at = multiple(from, step);
  while (!is_free(at, step)) at = next(at, step);
  bar->start = at;
  bar->next_placed = placed;
  placed = bar;
}
void give(Bar* bar) {
  Guard hold(guard_word);
  Bar** at = &placed;
  while (*at && *at != bar) at = &(*at)->next_placed;
  if (*at) *at = bar->next_placed;
}

/// Places the BAR at the first multiple of its size that is free of other BARs; far above all memory if there is none.
int place_memory(Bar* bar, resource* r) {
  const size_t step = bar->what.bytes < PAGE_SIZE ? PAGE_SIZE : bar->what.bytes;
  constexpr phys_addr_t kFrom[] = {kLow, kHigh};
  int error = 0;
  for (const phys_addr_t from : kFrom) {
    take(bar, from, step);
    error = kmem_register_simulated_device(bar->of->function.name, bar->start, bar->what.bytes, &kOps, bar);
    if (!error) return r->start = bar->start, 0;
    give(bar);
  }
  return error;
}
int place_ports(Bar* bar, resource* r) {
  for (unsigned long at = multiple(kFirstPort, bar->what.bytes); at + bar->what.bytes <= kNrPorts; at += bar->what.bytes) {
    const int error = kmem_register_simulated_ports(bar->of->function.name, at, bar->what.bytes, &kOps, bar);
    if (!error) return r->start = at, 0;
    if (error != -EBUSY) return error;
  }
  return -ENOSPC;
}

int place(Simulated& f, int n) {
  Bar* bar = &f.bars[n];
  resource* r = &f.function.pdev.resource[n];
  bar->of = &f;
  bar->what = f.what->bars[n];
  if (!bar->what.bytes) return 0;
  if (bar->what.bytes & (bar->what.bytes - 1) || bar->what.bytes < 16) return -EINVAL;
  const bool io = bar->what.flags & IORESOURCE_IO;
  if (const int error = io ? place_ports(bar, r) : place_memory(bar, r)) return error;
  r->end = r->start + bar->what.bytes - 1;
  r->name = dev_name(&f.function.pdev.dev);
  r->flags = bar->what.flags | (io ? IORESOURCE_IO : IORESOURCE_MEM) | IORESOURCE_SIZEALIGN;
  return 0;
}

}  // namespace

int map_bars(Simulated& f) {
  for (int n = 0; n < kBars; ++n)
    if (const int error = place(f, n)) return error;
  return 0;
}

void unmap_bars(Simulated& f) {
  for (int n = 0; n < kBars; ++n) {
    resource& r = f.function.pdev.resource[n];
    if (!r.flags) continue;
    give(&f.bars[n]);
    const int error = r.flags & IORESOURCE_IO ? kmem_unregister_simulated_ports(r.start) : kmem_unregister_device(r.start);
    WARN(error, "%s: registers at %#llx are still mapped: iounmap() is missing", dev_name(&f.function.pdev.dev),
         static_cast<unsigned long long>(r.start));
    r.flags = 0;
  }
}

}  // namespace kmem_driver::pci
