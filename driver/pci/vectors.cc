// A function's interrupts: its pin, and messages.

#include <linux/kernel.h>
#include <linux/slab.h>

#include <kmem/simulated.h>

#include "pci/machine.h"

namespace {

using namespace kmem_driver;
using namespace kmem_driver::pci;

void free_vectors(Function& f, int n) {
  while (n--) kmem_irq_free(f.vectors[n]);
}

int alloc_vectors(Function& f, int n) {
  for (int i = 0; i < n; ++i) {
    f.vectors[i] = kmem_irq_alloc(f.name, KMEM_IRQ_MESSAGE);
    if (f.vectors[i] >= 0) continue;
    const int error = f.vectors[i];
    free_vectors(f, i);
    return error;
  }
  return n;
}

/// Enables messages of one kind, as many as exist, up to `most`.
int enable_messages(pci_dev* pdev, int there, int fewest, int most, const msix_entry* entries) {
  Function& f = function_of(pdev);
  int n = there < most ? there : most;
  if (n > kMostVectors) n = kMostVectors;
  if (!n || n < fewest) return -ENOSPC;
  if (pci_dev_msi_enabled(pdev)) return -EINVAL;
  n = alloc_vectors(f, n);
  if (n < 0) return n;
  if (const int error = connect_messages(f, n)) return free_vectors(f, n), error;
  {
    Quietly hold(f.lock);
    for (int i = 0; i < n; ++i) f.messages[i] = entries ? entries[i].entry : static_cast<u16>(i);
    f.nr_vectors = n;
  }
  pci_intx(pdev, 0);
  return n;
}

void set_enabled(pci_dev* pdev, int capability, int flags_at, u16 bit, bool on) {
  const int at = pci_find_capability(pdev, capability) + flags_at;
  u16 flags;
  pci_read_config_word(pdev, at, &flags);
  pci_write_config_word(pdev, at, static_cast<u16>(on ? flags | bit : flags & ~bit));
}

/// Does each of them name an entry of the table, and no two the same?
bool are_sound(const msix_entry* entries, int n, int there) {
  for (int i = 0; i < n; ++i) {
    if (entries[i].entry >= there) return false;
    for (int k = 0; k < i; ++k)
      if (entries[k].entry == entries[i].entry) return false;
  }
  return true;
}

int enable_msix(pci_dev* pdev, int fewest, int most, const msix_entry* entries) {
  const int there = nr_messages(function_of(pdev), Messages::MsiX);
  if (entries && !are_sound(entries, most < there ? most : there, there)) return -EINVAL;
  const int n = enable_messages(pdev, there, fewest, most, entries);
  if (n < 0) return n;
  pdev->msix_enabled = 1;
  set_enabled(pdev, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, true);
  return n;
}
int enable_msi(pci_dev* pdev, int fewest, int most) {
  const int n = enable_messages(pdev, nr_messages(function_of(pdev), Messages::Msi), fewest, most, nullptr);
  if (n < 0) return n;
  pdev->msi_enabled = 1;
  pdev->irq = static_cast<unsigned>(function_of(pdev).vectors[0]);
  set_enabled(pdev, PCI_CAP_ID_MSI, PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE, true);
  return n;
}

}  // namespace

extern "C" {

int pci_alloc_irq_vectors(pci_dev* pdev, unsigned fewest, unsigned most, unsigned flags) noexcept {
  const int least = static_cast<int>(fewest), max = static_cast<int>(most);
  if (least > max || least < 1) return -ERANGE;
  int n = -ENOSPC;
  if (flags & PCI_IRQ_MSIX) n = enable_msix(pdev, least, max, nullptr);
  if (n < 0 && flags & PCI_IRQ_MSI) n = enable_msi(pdev, least, max);
  if (n > 0 || !(flags & PCI_IRQ_INTX) || least > 1 || !pdev->irq || pci_dev_msi_enabled(pdev)) return n;
  pci_intx(pdev, 1);
  return 1;
}

void pci_free_irq_vectors(pci_dev* pdev) noexcept {
  if (!pci_dev_msi_enabled(pdev)) return;
  Function& f = function_of(pdev);
  if (pdev->msix_enabled) set_enabled(pdev, PCI_CAP_ID_MSIX, PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, false);
  else set_enabled(pdev, PCI_CAP_ID_MSI, PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE, false);
  const int n = f.nr_vectors;
  {
    Quietly hold(f.lock);
    f.nr_vectors = 0;
  }
  disconnect_messages(f, n);
  free_vectors(f, n);
  pdev->msi_enabled = pdev->msix_enabled = 0;
  pdev->irq = static_cast<unsigned>(f.pin_irq);
  pci_intx(pdev, 1);
}

int pci_irq_vector(pci_dev* pdev, unsigned n) noexcept {
  const Function& f = function_of(pdev);
  if (pci_dev_msi_enabled(pdev)) return n < static_cast<unsigned>(f.nr_vectors) ? f.vectors[n] : -EINVAL;
  return n || !pdev->irq ? -EINVAL : static_cast<int>(pdev->irq);
}
int pci_msi_vec_count(pci_dev* pdev) noexcept { return nr_messages(function_of(pdev), Messages::Msi) ?: -EINVAL; }
int pci_msix_vec_count(pci_dev* pdev) noexcept { return nr_messages(function_of(pdev), Messages::MsiX) ?: -EINVAL; }

int pci_enable_msix_range(pci_dev* pdev, msix_entry* entries, int fewest, int most) noexcept {
  if (fewest > most) return -ERANGE;
  const int n = enable_msix(pdev, fewest, most, entries);
  for (int i = 0; entries && i < n; ++i) entries[i].vector = static_cast<u32>(function_of(pdev).vectors[i]);
  return n;
}

int pci_request_irq(pci_dev* pdev, unsigned n, irq_handler_t handler, irq_handler_t thread_fn, void* dev_id, const char* format,
                    ...) noexcept {
  va_list arguments;
  va_start(arguments, format);
  char* name = kmem_driver_kvasprintf(GFP_KERNEL, format, arguments);
  va_end(arguments);
  if (!name) return -ENOMEM;
  const unsigned long flags = IRQF_SHARED | (handler ? 0 : IRQF_ONESHOT);
  const int irq = pci_irq_vector(pdev, n);
  const int error = irq < 0 ? irq : request_threaded_irq(static_cast<unsigned>(irq), handler, thread_fn, flags, name, dev_id);
  if (error) kfree(name);
  return error;
}
void pci_free_irq(pci_dev* pdev, unsigned n, void* dev_id) noexcept {
  kfree(free_irq(static_cast<unsigned>(pci_irq_vector(pdev, n)), dev_id));
}

}  // extern "C"
