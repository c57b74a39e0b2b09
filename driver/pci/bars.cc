// BARs: the addresses of a function's registers, and accesses to them.

#include <linux/kernel.h>
#include <linux/slab.h>

#include "lock/queued.h"
#include "pci/function.h"
#include "port/ports.h"

namespace kmem_driver::pci {
namespace {

/// Below 4 GiB as on a machine, and above for BARs that find no room there.
constexpr phys_addr_t kLow = 0xe000'0000, kLowEnd = 0xfec0'0000, kHigh = 0x4000'0000'0000;
constexpr unsigned long kFirstPort = 0xc000;

/// Is decoding on? Reports once if not.
bool answers(Bar* bar, const char* what) {
  Function& f = *bar->of;
  const u16 needed = bar->what.flags & IORESOURCE_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
  if (command_of(f) & needed) return true;
  if (__atomic_exchange_n(&f.told_disabled, true, __ATOMIC_RELAXED)) return false;
  pci_err(&f.pdev, "%s of a register while the function is not enabled: pci_enable_device() is missing\n", what);
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
    error = kmem_register_simulated_device(bar->of->what->name, bar->start, bar->what.bytes, &kOps, bar);
    if (!error) return r->start = bar->start, 0;
    give(bar);
  }
  return error;
}
int place_ports(Bar* bar, resource* r) {
  for (unsigned long at = multiple(kFirstPort, bar->what.bytes); at + bar->what.bytes <= kNrPorts; at += bar->what.bytes) {
    const int error = kmem_register_simulated_ports(bar->of->what->name, at, bar->what.bytes, &kOps, bar);
    if (!error) return r->start = at, 0;
    if (error != -EBUSY) return error;
  }
  return -ENOSPC;
}

int place(Function& f, int n) {
  Bar* bar = &f.bars[n];
  resource* r = &f.pdev.resource[n];
  bar->of = &f;
  bar->what = f.what->bars[n];
  if (!bar->what.bytes) return 0;
  if (bar->what.bytes & (bar->what.bytes - 1) || bar->what.bytes < 16) return -EINVAL;
  const bool io = bar->what.flags & IORESOURCE_IO;
  if (const int error = io ? place_ports(bar, r) : place_memory(bar, r)) return error;
  r->end = r->start + bar->what.bytes - 1;
  r->name = dev_name(&f.pdev.dev);
  r->flags = bar->what.flags | (io ? IORESOURCE_IO : IORESOURCE_MEM) | IORESOURCE_SIZEALIGN;
  return 0;
}

}  // namespace

int map_bars(Function& f) {
  for (int n = 0; n < kBars; ++n)
    if (const int error = place(f, n)) return error;
  return 0;
}

void unmap_bars(Function& f) {
  for (int n = 0; n < kBars; ++n) {
    resource& r = f.pdev.resource[n];
    if (!r.flags) continue;
    give(&f.bars[n]);
    const int error = r.flags & IORESOURCE_IO ? kmem_unregister_simulated_ports(r.start) : kmem_unregister_device(r.start);
    WARN(error, "%s: registers at %#llx are still mapped: iounmap() is missing", dev_name(&f.pdev.dev),
         static_cast<unsigned long long>(r.start));
    r.flags = 0;
  }
}

}  // namespace kmem_driver::pci

using namespace kmem_driver::pci;

namespace {

int request(pci_dev* pdev, int bar, const char* name) {
  const resource& r = pdev->resource[bar];
  if (!r.flags) return 0;
  const resource_size_t bytes = resource_size(&r);
  const resource* had =
      r.flags & IORESOURCE_IO ? request_region(r.start, bytes, name) : request_mem_region(r.start, bytes, name);
  if (had) return function_of(pdev).claimed |= 1u << bar, 0;
  pci_warn(pdev, "BAR %d: can't reserve [%s %#010llx-%#010llx]\n", bar, r.flags & IORESOURCE_IO ? "io" : "mem",
           static_cast<unsigned long long>(r.start), static_cast<unsigned long long>(r.end));
  return -EBUSY;
}

bool is_bar(int bar) { return bar >= 0 && bar < kBars; }

/// The addresses of pcim_iomap() by BAR; one managed resource of the device.
struct Table {
  void* at[kBars];
};
void release_table(device* dev, void* block) {
  for (void* address : static_cast<Table*>(block)->at)
    if (address) pci_iounmap(to_pci_dev(dev), address);
}
Table* table_of(pci_dev* pdev) {
  if (void* found = devres_find(&pdev->dev, release_table, nullptr, nullptr)) return static_cast<Table*>(found);
  void* fresh = devres_alloc(release_table, sizeof(Table), GFP_KERNEL);
  return fresh ? static_cast<Table*>(devres_get(&pdev->dev, fresh, nullptr, nullptr)) : nullptr;
}

int claim_and_map(pci_dev* pdev, int bar, const char* name) {
  if (!pci_resource_len(pdev, bar)) return -EINVAL;
  if (const int error = pci_request_region(pdev, bar, name)) return error;
  if (pcim_iomap(pdev, bar, 0)) return 0;
  pci_release_region(pdev, bar);
  return -ENOMEM;
}

}  // namespace

extern "C" {

int pci_request_region(pci_dev* pdev, int bar, const char* name) noexcept {
  return is_bar(bar) ? request(pdev, bar, name) : -EINVAL;
}
void pci_release_region(pci_dev* pdev, int bar) noexcept {
  const resource& r = pdev->resource[is_bar(bar) ? bar : 0];
  if (!is_bar(bar) || !r.flags) return;
  function_of(pdev).claimed &= ~(1u << bar);
  if (r.flags & IORESOURCE_IO) release_region(r.start, resource_size(&r));
  else release_mem_region(r.start, resource_size(&r));
}
int pci_request_selected_regions(pci_dev* pdev, int bars, const char* name) noexcept {
  for (int bar = 0; bar < kBars; ++bar) {
    if (!(bars >> bar & 1)) continue;
    const int error = request(pdev, bar, name);
    if (!error) continue;
    while (bar--)
      if (bars >> bar & 1) pci_release_region(pdev, bar);
    return error;
  }
  return 0;
}
void pci_release_selected_regions(pci_dev* pdev, int bars) noexcept {
  for (int bar = 0; bar < kBars; ++bar)
    if (bars >> bar & 1) pci_release_region(pdev, bar);
}
int pci_select_bars(pci_dev* pdev, unsigned long flags) noexcept {
  int bars = 0;
  for (int bar = 0; bar < kBars; ++bar)
    if (pdev->resource[bar].flags & flags) bars |= 1 << bar;
  return bars;
}

void* pci_iomap_range(pci_dev* pdev, int bar, unsigned long offset, unsigned long most) noexcept {
  if (!is_bar(bar) || offset >= pci_resource_len(pdev, bar)) return nullptr;
  const resource& r = pdev->resource[bar];
  size_t bytes = resource_size(&r) - offset;
  if (most && bytes > most) bytes = most;
  if (r.flags & IORESOURCE_IO) return ioport_map(r.start + offset, static_cast<unsigned>(bytes));
  return ioremap(r.start + offset, bytes);
}
void* pci_iomap(pci_dev* pdev, int bar, unsigned long most) noexcept { return pci_iomap_range(pdev, bar, 0, most); }
void pci_iounmap(pci_dev*, void* address) noexcept { iounmap(address); }

void* pcim_iomap(pci_dev* pdev, int bar, unsigned long most) noexcept {
  Table* table = is_bar(bar) ? table_of(pdev) : nullptr;
  if (!table || WARN_ON(table->at[bar])) return nullptr;
  return table->at[bar] = pci_iomap(pdev, bar, most);
}
void pcim_iounmap(pci_dev* pdev, void* address) noexcept {
  pci_iounmap(pdev, address);
  Table* table = table_of(pdev);
  for (int bar = 0; table && bar < kBars; ++bar)
    if (table->at[bar] == address) return void(table->at[bar] = nullptr);
  WARN_ON(1);
}
void* const* pcim_iomap_table(pci_dev* pdev) noexcept {
  Table* table = table_of(pdev);
  return table ? table->at : nullptr;
}
int pcim_iomap_regions(pci_dev* pdev, int bars, const char* name) noexcept {
  for (int bar = 0; bar < kBars; ++bar) {
    if (!(bars >> bar & 1)) continue;
    const int error = claim_and_map(pdev, bar, name);
    if (!error) continue;
    pcim_iounmap_regions(pdev, bars & ((1 << bar) - 1));
    return error;
  }
  return 0;
}
void pcim_iounmap_regions(pci_dev* pdev, int bars) noexcept {
  void* const* table = pcim_iomap_table(pdev);
  for (int bar = 0; table && bar < kBars; ++bar) {
    if (!(bars >> bar & 1)) continue;
    if (table[bar]) pcim_iounmap(pdev, table[bar]);
    pci_release_region(pdev, bar);
  }
}

}  // extern "C"
