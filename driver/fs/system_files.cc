// Files of /proc that say what drivers have: their numbers, modules and interrupts.

#include <kmem/driver.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "fs/nodes.h"
#include "irq/lines.h"
#include "module/module_list.h"
#include "tree/xarray_nodes.h"

namespace {

using namespace kmem_driver;

void show_region(unsigned major, const char* name, void* data) {
  seq_printf(static_cast<seq_file*>(data), "%3u %s\n", major, name);
}

int show_devices(seq_file* m, void*) {
  seq_puts(m, "Character devices:\n");
  for (unsigned major = 1; major < 512; ++major) each_region(major, show_region, m);
  seq_puts(m, "\nBlock devices:\n");
  return 0;
}

int show_modules(seq_file* m, void*) {
  constexpr const char* kStates[] = {"Live", "Loading", "Unloading"};
  for (module* of = modules().loaded; of; of = of->kmem_next)
    seq_printf(m, "%s 0 %d - %s 0x%px\n", of->name, module_refcount(of), kStates[of->state], static_cast<void*>(of));
  return 0;
}

void show_line(seq_file* m, int irq, const Line& line) {
  constexpr const char* kKinds[] = {"level", "edge", "message"};
  seq_printf(m, "%4d: %10lu  %-8s  %s", irq, line.calls, kKinds[line.kind], line.name);
  const char* before = "  ";
  for (const irqaction* a = line.actions; a; a = a->next, before = ", ") seq_printf(m, "%s%s", before, a->name);
  seq_putc(m, '\n');
}

int show_interrupts(seq_file* m, void*) {
  Quietly hold(lines().lock);
  for (int irq = 1; irq < Lines::kNr; ++irq)
    if (const Line* line = lines().at(irq); line && line->actions) show_line(m, irq, *line);
  return 0;
}

}  // namespace

extern "C" int kmem_driver_show_system() noexcept {
  prepare_xarrays();
  const bool all = proc_create_single("devices", 0444, nullptr, show_devices) &&
                   proc_create_single("modules", 0444, nullptr, show_modules) &&
                   proc_create_single("interrupts", 0444, nullptr, show_interrupts);
  return all ? 0 : -ENOMEM;
}
