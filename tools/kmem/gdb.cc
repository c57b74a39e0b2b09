// kmem gdb: the questions of kmem inspect as commands of gdb, about the process or the core that gdb looks at.

#include "gdb.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "failure.h"

namespace kmem::tool {
namespace {

// Each command calls the tool, which reads the process itself: gdb's expressions become addresses before.
constexpr char kCommands[] = R"(
import os, re, subprocess
import gdb

_TOOL = os.environ.get("KMEM_GDB_TOOL", "kmem")
_QUESTIONS = {
    "status": "what kmem holds: memory, the largest caches, zones",
    "caches": "all caches, those with the most memory first",
    "cache": "the objects of a cache: kmem cache NAME [OPTIONS of kmem inspect]",
    "whatis": "what an address is: kmem whatis EXPRESSION",
    "refs": "who points to a block: kmem refs EXPRESSION",
    "leaks": "blocks to which nobody has a pointer left",
    "dump": "the bytes of a block: kmem dump EXPRESSION [BYTES]",
    "frame": "a page frame by its number: kmem frame EXPRESSION",
    "vmalloc": "the areas of the vmalloc window",
    "percpu": "the chunks of per-CPU memory",
    "pools": "the memory pools",
    "verify": "are all structures whole?",
}
_OF_NUMBERS = ("whatis", "refs", "dump", "frame")

def _target():
    found = re.search(r"core dump file:\s*[`'\u2018](.+?)['\u2019], file type", gdb.execute("info target", to_string=True))
    if found:
        return found.group(1)
    pid = gdb.selected_inferior().pid
    if not pid:
        raise gdb.GdbError("there is neither a process nor a core file")
    return str(pid)

class _Kmem(gdb.Command):
    """kmem QUESTION ...: looks into the heap (kmem inspect).  help kmem lists the questions."""
    def __init__(self):
        super().__init__("kmem", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

class _Question(gdb.Command):
    def __init__(self, name):
        self.__doc__ = _QUESTIONS[name]
        self.name = name
        super().__init__("kmem " + name, gdb.COMMAND_DATA)

    def invoke(self, text, from_tty):
        words = gdb.string_to_argv(text)
        options = [w for w in words if w.startswith("--")]
        words = [w for w in words if not w.startswith("--")]
        if self.name in _OF_NUMBERS:
            words = [str(int(gdb.parse_and_eval(w)) & (2**64 - 1)) for w in words]
        done = subprocess.run([_TOOL, "inspect", _target(), self.name, *words, *options], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
        gdb.write(done.stdout)

_Kmem()
for _name in _QUESTIONS:
    _Question(_name)
)";

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : "kmem";
}

/// A file in memory that gdb still has open.
int commands_file() {
  const int file = memfd_create("kmem-gdb", 0);
  if (file < 0 || write(file, kCommands, sizeof kCommands - 1) != sizeof kCommands - 1)
    throw Failure(fmt::format("a file in memory: {}", std::strerror(errno)));
  return file;
}

}  // namespace

const char* gdb_commands() { return kCommands; }

void run_gdb(const std::vector<std::string>& arguments) {
  setenv("KMEM_GDB_TOOL", own_path().c_str(), 0);
  const std::string load = fmt::format("python exec(open('/proc/self/fd/{}').read())", commands_file());
  std::vector<std::string> words = {"gdb", "-iex", load};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execvp("gdb", argv.data());
  throw Failure(errno == ENOENT ? kNotFound : kNotExecutable, fmt::format("gdb: {}", std::strerror(errno)));
}

}  // namespace kmem::tool
