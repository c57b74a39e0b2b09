#include "commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "failure.h"

namespace kmem::tool {

Arguments::Arguments(int argc, char** argv) {
  const auto end = argv + argc;
  const auto dashes = std::find(argv + 1, end, std::string("--"));
  own.assign(argv + 1, dashes);
  separated = dashes != end;
  if (separated) behind.assign(dashes + 1, end);
  std::reverse(own.begin(), own.end());  // CLI11 takes them from the back
}

void add_module(CLI::App& word, std::string& module) {
  word.add_option("--module", module, "of several kmems in it, the one in the file whose name has this in it")
      ->type_name("NAME");
}

void add_boot(CLI::App& word, std::string& boot_words, const char* about) {
  word.add_option("--boot", boot_words, about)
      ->type_name("WORDS")
      ->delimiter(' ')
      ->multi_option_policy(CLI::MultiOptionPolicy::Join);
}

void add_preload(CLI::App& word, std::string& boot_words, std::string& library) {
  add_boot(word, boot_words, "boot words, added to those in the variable KMEM");
  word.add_option("--library", library, "the libkmem-malloc.so to use")->type_name("FILE");
}

std::vector<std::string> command_of(const CLI::App& word, const Arguments& given) {
  std::vector<std::string> command = word.remaining();
  if (!command.empty() && command[0][0] == '-')
    throw Failure(fmt::format("{0} has no option {1}; see kmem {0} --help", word.get_name(), command[0]));
  if (!command.empty() && given.separated) command.emplace_back("--");
  command.insert(command.end(), given.behind.begin(), given.behind.end());
  return command;
}

int process_number(const std::vector<std::string>& words) {
  const bool is_number = words.size() == 1 && !words[0].empty() && words[0].size() < 10 &&
                         std::all_of(words[0].begin(), words[0].end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? std::stoi(words[0]) : 0;
}

}  // namespace kmem::tool
