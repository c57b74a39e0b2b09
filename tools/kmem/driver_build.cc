#include "driver_build.h"

#include <fmt/format.h>

#include <cctype>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <sstream>

#include "failure.h"
#include "launch.h"
#include "program.h"

#ifndef KMEM_INSTALLED_LIBDIR
#define KMEM_INSTALLED_LIBDIR "lib"
#endif
#ifndef KMEM_INSTALLED_HEADERS
#define KMEM_INSTALLED_HEADERS "include/kmem-0"
#endif
#ifndef KMEM_SOURCE_FOLDER
#define KMEM_SOURCE_FOLDER ""
#endif

#ifdef __x86_64__
#define KMEM_MACHINE "x86_64"
#else
#define KMEM_MACHINE "aarch64"
#endif

extern char** environ;

namespace kmem::tool {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

fs::path own_folder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) throw Failure("cannot tell where kmem itself is (/proc is not mounted?)");
  return self.parent_path();
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// A build tree has its libraries beside the tool.
bool in_build_tree() { return is_there(own_folder() / "kmem.pc") && is_there(own_folder() / "libkmem-driver.so"); }

fs::path installed_folder() {
  const std::string libdir = KMEM_INSTALLED_LIBDIR;
  return libdir[0] == '/' ? fs::path(libdir) : (own_folder() / ".." / libdir).lexically_normal();
}

fs::path library_folder() {
  const fs::path here = own_folder();
  if (in_build_tree()) return here;
  const fs::path folder = installed_folder();
  if (is_there(folder / "libkmem-driver.so")) return folder;
  throw Failure(fmt::format("libkmem-driver.so is neither in {} nor in {}", here.string(), folder.string()));
}

/// The folders of headers, those of drivers first.
Words header_folders() {
  if (in_build_tree()) return {KMEM_SOURCE_FOLDER "/driver/include", KMEM_SOURCE_FOLDER "/include"};
  const fs::path installed = (own_folder() / ".." / KMEM_INSTALLED_HEADERS).lexically_normal();
  if (!is_there(installed / "driver/linux/module.h"))
    throw Failure(fmt::format("kmem's headers are not in {}", installed.string()));
  return {(installed / "driver").string(), installed.string()};
}

std::string module_name(const std::string& output) {
  std::string name = fs::path(output).stem().string();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

Words sanitizers(const BuildOptions& options) {
  Words words;
  if (options.asan) words.emplace_back("-fsanitize=address");
  if (options.tsan) words.emplace_back("-fsanitize=thread");
  if (options.ubsan) words.emplace_back("-fsanitize=undefined");
  if (options.coverage) words.emplace_back("--coverage");
  return words;
}

void append(Words& to, const Words& words) { to.insert(to.end(), words.begin(), words.end()); }

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream content;
  content << stream.rdbuf();
  return content.str();
}

/// Does the source, or a header beside it that it includes, give the name jiffies to something of its own, such as a member?
/// Then the kernel's must be a variable, and no macro that calls a function.
bool declares_jiffies(const fs::path& source, std::set<fs::path>& seen) {
  if (!seen.insert(source).second) return false;
  static const std::regex declared(R"(\b(\w+_t|[us](8|16|32|64)|long|int|short|char|unsigned)\s+\**\s*jiffies\s*[;,=:)\[])");
  static const std::regex included(R"re(#\s*include\s+"([^"]+)")re");
  const std::string text = text_of(source);
  if (std::regex_search(text, declared)) return true;
  for (std::sregex_iterator at(text.begin(), text.end(), included), end; at != end; ++at)
    if (declares_jiffies(source.parent_path() / (*at)[1].str(), seen)) return true;
  return false;
}

bool declares_jiffies(const Words& sources) {
  std::set<fs::path> seen;
  for (const std::string& source : sources)
    if (fs::path(source).extension() == ".c" && declares_jiffies(source, seen)) return true;
  return false;
}

bool is_module(const fs::path& file) { return file.extension() == ".kmo"; }

std::string output_of(const BuildOptions& options) {
  if (!options.output.empty()) return options.output;
  return fs::path(options.sources[0]).stem().string() + ".kmo";
}

}  // namespace

std::vector<std::string> compile_words(const BuildOptions& options) {
  Words words = {"-std=gnu11",
                 "-O1",
                 "-g",
                 "-fPIC",
                 "-fno-strict-aliasing",
                 "-fno-omit-frame-pointer",
                 "-fvisibility=hidden",
                 "-D__KERNEL__",
                 "-DMODULE",
                 "-Werror=implicit-function-declaration"};
  append(words, sanitizers(options));
  for (const std::string& folder : header_folders()) words.push_back("-I" + folder);
  if (!options.output.empty()) words.push_back(fmt::format("-DKBUILD_MODNAME=\"{}\"", module_name(options.output)));
  return words;
}

std::vector<std::string> link_words(const BuildOptions& options) {
  const std::string folder = library_folder().string();
  // A module's own functions come before libc's of the same name, also those that other modules see.
  Words words = {"-shared", "-pthread", "-Wl,-Bsymbolic"};
  append(words, sanitizers(options));
  // A name that nobody has is found here and not when the module is loaded; the sanitizers' own come later.
  if (!options.asan && !options.tsan && !options.ubsan) words.emplace_back("-Wl,--no-undefined");
  append(words, {"-L" + folder, "-Wl,-rpath," + folder, "-lkmem-driver", "-lkmem"});
  return words;
}

std::string quoted(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += line.empty() ? "" : " ";
    const bool plain = word.find_first_of(" \t\n\"'\\$`*?[]();&|<>~#") == std::string::npos && !word.empty();
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

/// Where the compiler has its sanitizers' shared libraries, if it is clang, which links others unless told; else nothing.
std::string folder_of_clangs(const std::string& compiler) {
  const std::string command = quoted({compiler, "-print-file-name=libclang_rt.asan-" KMEM_MACHINE ".so"});
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  char line[PATH_MAX] = {};
  if (!pipe || !fgets(line, sizeof line, pipe.get()) || line[0] != '/') return {};
  return fs::path(line).parent_path().string();
}

/// The process that loads a module has the sanitizer, and not the module.
Words shared_sanitizers(const BuildOptions& options, const std::string& compiler) {
  if (!options.asan && !options.tsan && !options.ubsan) return {};
  const std::string folder = folder_of_clangs(compiler);
  if (folder.empty()) return {};
  return {"-shared-libsan", "-Wl,-rpath," + folder};
}

int build_module(const BuildOptions& options) {
  if (options.sources.empty()) throw Failure("no source given; try: kmem driver build scull.c -o scull.kmo");
  BuildOptions named = options;
  named.output = output_of(options);
  const char* cc = std::getenv("CC");
  Words words = {!named.compiler.empty() ? named.compiler : cc && *cc ? cc : "cc"};
  append(words, compile_words(named));
  if (declares_jiffies(named.sources)) words.emplace_back("-DKMEM_JIFFIES_VARIABLE");
  append(words, named.more);
  append(words, {"-o", named.output});
  // Another module whose functions this one calls; by its whole path, by which it is found when it is loaded.
  for (const std::string& source : named.sources) words.push_back(is_module(source) ? fs::absolute(source).string() : source);
  append(words, link_words(named));
  append(words, shared_sanitizers(named, words[0]));
  Words environment;
  for (char** variable = environ; *variable; ++variable) environment.emplace_back(*variable);
  const Ended ended = run_and_wait(find_program(words[0]), words, environment);
  if (ended.wait_status) end_like(ended.wait_status);
  return 0;
}

std::string find_host() {
  const fs::path here = own_folder();
  for (const fs::path& place : {here / "kmem-driver-host", installed_folder() / "kmem" / "kmem-driver-host"})
    if (is_there(place)) return place.string();
  throw Failure("kmem-driver-host is not found, beside kmem or in the folder kmem of its libraries");
}

}  // namespace kmem::tool
