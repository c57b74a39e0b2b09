// The IO-APICs: controllers to whose inputs devices' pins are wired, each input with a vector of the first CPU.

#include "bare.h"
#include "x86/x86.h"

namespace bare {

namespace {

// A window on the registers: the number is written to one word, the value is in the other.
constexpr unsigned kNumber = 0, kValue = 0x10 / 4;
constexpr unsigned kVersion = 1, kFirstEntry = 0x10;
constexpr uint32_t kActiveLow = 1 << 13, kLevel = 1 << 15, kMasked = 1 << 16;

struct Controller {
  volatile uint32_t* at = nullptr;
  uint32_t first = 0, nr = 0;
};
Controller controllers[IoApics::kMost];

constexpr unsigned kMostInputs = 32;
struct Input {
  unsigned number = kNoInput;
  void (*call)(void*) = nullptr;
  void* argument = nullptr;
};
Input inputs[kMostInputs];
unsigned nr_inputs = 0;
SpinLock lock;

uint32_t read_register(const Controller& c, unsigned number) {
  c.at[kNumber] = number;
  return c.at[kValue];
}
void write_register(const Controller& c, unsigned number, uint32_t value) {
  c.at[kNumber] = number;
  c.at[kValue] = value;
}

const Controller* controller_of(unsigned input) {
  for (const Controller& c : controllers)
    if (c.at && input - c.first < c.nr) return &c;
  return nullptr;
}

void mask(unsigned input, bool on) {
  const Locked locked(lock);
  const Controller* c = controller_of(input);
  if (!c) return;
  const unsigned entry = kFirstEntry + 2 * (input - c->first);
  const uint32_t low = read_register(*c, entry);
  write_register(*c, entry, on ? low | kMasked : low & ~kMasked);
}

/// PCI's pins are levels, and active low, where ACPI does not say otherwise of an old interrupt's input.
uint32_t manner_of(unsigned input) {
  uint32_t polarity = kActiveLow, trigger = kLevel;
  for (const IoApics::Old& old : io_apics.of_old) {
    if (old.input != input) continue;
    if ((old.flags & 3) == 1) polarity = 0;
    if ((old.flags >> 2 & 3) == 1) trigger = 0;
  }
  return polarity | trigger;
}

/// It is masked until its devices were served, so that it does not come again at once.
void arrived(void* p) {
  const Input& input = *static_cast<Input*>(p);
  mask(input.number, true);
  input.call(input.argument);
}

}  // namespace

void init_io_apics() {
  for (unsigned i = 0; i < io_apics.nr; ++i) {
    Controller& c = controllers[i];
    c.at = static_cast<volatile uint32_t*>(map_fixed(io_apics.all[i].phys));
    if (!c.at) return;
    c.first = io_apics.all[i].first;
    c.nr = (read_register(c, kVersion) >> 16 & 0xff) + 1;
    for (unsigned n = 0; n < c.nr; ++n) write_register(c, kFirstEntry + 2 * n, kMasked);
  }
}

bool take_input(unsigned number, void (*handler)(void*), void* argument) {
  const Controller* c = controller_of(number);
  if (!c || nr_inputs == kMostInputs) return false;
  Input& input = inputs[nr_inputs];
  input = {number, handler, argument};
  const unsigned vector = take_vector(Raiser::Pin, arrived, &input);
  if (!vector) return false;
  ++nr_inputs;
  const Locked locked(lock);
  const unsigned entry = kFirstEntry + 2 * (number - c->first);
  write_register(*c, entry, kMasked);
  write_register(*c, entry + 1, cpus[0].hardware_id << 24);
  write_register(*c, entry, kMasked | manner_of(number) | vector);
  return true;
}

void open_input(unsigned input) { mask(input, false); }

}  // namespace bare
