#include "stack_trace.h"

#ifdef KMEM_HAS_LIBDW

#include <cxxabi.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "../look/source_line.h"

namespace kmem::tool {
namespace {

/// What libdw asks about the process that is gone.
struct Remains {
  const SavedStack& stack;
  std::vector<Frame> frames;
};

constexpr pid_t kTheThread = 1;
constexpr size_t kMostFrames = 64;

pid_t next_thread(Dwfl*, void* arg, void** thread_arg) {
  if (*thread_arg) return 0;
  *thread_arg = arg;
  return kTheThread;
}

bool read_memory(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* arg) {
  const SavedStack& stack = static_cast<Remains*>(arg)->stack;
  const uint64_t offset = address - stack.stack_start;
  if (address < stack.stack_start || offset + sizeof *result > stack.stack_bytes) return false;
  memcpy(result, stack.stack + offset, sizeof *result);
  return true;
}

bool set_registers(Dwfl_Thread* thread, void* arg) {
  const SavedStack& stack = static_cast<Remains*>(arg)->stack;
  Dwarf_Word registers[SavedStack::kMaxRegisters];
  for (unsigned i = 0; i < stack.nr_registers; ++i) registers[i] = stack.registers[i];
  dwfl_thread_state_register_pc(thread, stack.pc);
  return dwfl_thread_state_registers(thread, 0, stack.nr_registers, registers);
}

constexpr Dwfl_Thread_Callbacks kThread = {next_thread, nullptr, read_memory, set_registers, nullptr, nullptr};

std::string readable(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  return status == 0 ? plain.get() : symbol;
}

/// Names of functions and lines, from the module that covers the address.
Frame name_frame(Dwfl* dwfl, uint64_t address, bool after_call) {
  Frame frame;
  frame.address = address;
  const Dwarf_Addr at = address - after_call;  // the call, not what comes back from it
  Dwfl_Module* module = dwfl_addrmodule(dwfl, at);
  if (!module) return frame;
  Dwarf_Addr bias = 0;
  const char* name = dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  if (name) frame.module = name;
  dwfl_module_getelf(module, &bias);
  frame.offset = address - bias;
  if (const char* symbol = dwfl_module_addrname(module, at)) frame.function = readable(symbol);
  const SourceLine source = source_line(module, at);
  frame.file = source.file, frame.line = source.line;
  return frame;
}

int take_frame(Dwfl_Frame* state, void* arg) {
  auto& remains = *static_cast<Remains*>(arg);
  Dwarf_Addr pc = 0;
  bool is_activation = false;
  if (!dwfl_frame_pc(state, &pc, &is_activation) || !pc) return DWARF_CB_ABORT;
  Dwfl* dwfl = dwfl_thread_dwfl(dwfl_frame_thread(state));
  remains.frames.push_back(name_frame(dwfl, pc, !is_activation));
  return remains.frames.size() < kMostFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

bool is_ours(const Frame& frame) {
  const size_t slash = frame.module.rfind('/');
  return frame.module.compare(slash == std::string::npos ? 0 : slash + 1, 7, "libkmem") == 0;
}

}  // namespace

std::vector<Frame> walk_stack(const SavedStack& stack) {
  static std::mutex one_at_a_time;  // libdw is for one thread
  const std::lock_guard lock(one_at_a_time);
  if (!stack.machine || !stack.stack_bytes) return {};
  static const Dwfl_Callbacks kCallbacks = {dwfl_linux_proc_find_elf, dwfl_standard_find_debuginfo, nullptr, nullptr};
  const std::unique_ptr<Dwfl, void (*)(Dwfl*)> dwfl(dwfl_begin(&kCallbacks), dwfl_end);
  if (!dwfl) return {};
  std::FILE* mappings = fmemopen(const_cast<char*>(stack.mappings), stack.mappings_bytes, "r");
  if (!mappings) return {};
  dwfl_linux_proc_maps_report(dwfl.get(), mappings);
  dwfl_report_end(dwfl.get(), nullptr, nullptr);
  std::fclose(mappings);
  Remains remains{stack, {}};
  if (!dwfl_attach_state(dwfl.get(), nullptr, kTheThread, &kThread, &remains)) return {};
  dwfl_getthread_frames(dwfl.get(), kTheThread, take_frame, &remains);
  size_t ours = 0;
  while (ours < remains.frames.size() && is_ours(remains.frames[ours])) ++ours;
  if (ours < remains.frames.size())
    remains.frames.erase(remains.frames.begin(), remains.frames.begin() + static_cast<long>(ours));
  return remains.frames;
}

}  // namespace kmem::tool

#else

namespace kmem::tool {
std::vector<Frame> walk_stack(const SavedStack&) { return {}; }
}  // namespace kmem::tool

#endif
