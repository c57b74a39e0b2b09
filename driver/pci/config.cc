// Configuration space, as drivers read and write it.

#include <linux/kernel.h>

#include "pci/machine.h"

namespace kmem_driver::pci {
namespace {

bool fits(int where, int bytes) { return where >= 0 && where + bytes <= kConfigBytes && !(where % bytes); }

template <typename T>
int read(const pci_dev* pdev, int where, T* value) {
  *value = static_cast<T>(~T{0});
  if (!fits(where, sizeof(T))) return PCIBIOS_BAD_REGISTER_NUMBER;
  Function& f = function_of(pdev);
  Quietly hold(f.lock);
  *value = static_cast<T>(read_config(f, where, sizeof(T)));
  return PCIBIOS_SUCCESSFUL;
}

template <typename T>
int write(const pci_dev* pdev, int where, T value) {
  if (!fits(where, sizeof(T))) return PCIBIOS_BAD_REGISTER_NUMBER;
  Function& f = function_of(pdev);
  Quietly hold(f.lock);
  write_config(f, where, sizeof(T), value);
  return PCIBIOS_SUCCESSFUL;
}

}  // namespace

u16 command_of(const Function& f) { return static_cast<u16>(read_config(f, PCI_COMMAND, 2)); }

void set_command(Function& f, u16 set, u16 clear) {
  Quietly hold(f.lock);
  write_config(f, PCI_COMMAND, 2, (command_of(f) | set) & ~u32{clear});
}

}  // namespace kmem_driver::pci

using namespace kmem_driver::pci;

extern "C" {

int pci_read_config_byte(const pci_dev* pdev, int where, u8* value) noexcept { return read(pdev, where, value); }
int pci_read_config_word(const pci_dev* pdev, int where, u16* value) noexcept { return read(pdev, where, value); }
int pci_read_config_dword(const pci_dev* pdev, int where, u32* value) noexcept { return read(pdev, where, value); }
int pci_write_config_byte(const pci_dev* pdev, int where, u8 value) noexcept { return write(pdev, where, value); }
int pci_write_config_word(const pci_dev* pdev, int where, u16 value) noexcept { return write(pdev, where, value); }
int pci_write_config_dword(const pci_dev* pdev, int where, u32 value) noexcept { return write(pdev, where, value); }

u8 pci_find_capability(pci_dev* pdev, int capability) noexcept {
  const Function& f = function_of(pdev);
  if (!(read_config(f, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST)) return 0;
  int most = kConfigBytes / 4;  // a list that goes round in a circle ends here
  for (u32 at = read_config(f, PCI_CAPABILITY_LIST, 1) & ~3u; at && most--;
       at = read_config(f, static_cast<int>(at) + 1, 1) & ~3u)
    if (read_config(f, static_cast<int>(at), 1) == static_cast<u32>(capability)) return static_cast<u8>(at);
  return 0;
}

}  // extern "C"
