// BARs: a driver's claims and mappings.

#include <linux/kernel.h>
#include <linux/slab.h>

#include "pci/function.h"

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
