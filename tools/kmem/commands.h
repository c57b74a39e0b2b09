#pragma once
// The words of the tool (`kmem WORD ...`): what each has for options, and what it does.

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace kmem::tool {

/// What CLI11 shall read, and what lies behind "--".
struct Arguments {
  std::vector<std::string> own, behind;
  bool separated = false;

  Arguments(int argc, char** argv);
};

class Commands {
 public:
  using Action = std::function<int(const Arguments&)>;

  explicit Commands(CLI::App& app) : app_(app) {}
  CLI::App& app() { return app_; }
  CLI::App& add(const std::string& name, const std::string& description) { return *app_.add_subcommand(name, description); }
  /// What is done where this word was given; it returns the exit status.
  void on(const CLI::App& word, Action action) { actions_[&word] = std::move(action); }
  /// Does what the words that were parsed ask for.
  int run(const Arguments& given) const { return actions_.at(app_.get_subcommands().front())(given); }

 private:
  CLI::App& app_;
  std::map<const CLI::App*, Action> actions_;
};

void add_running(Commands& all);
void add_looking(Commands& all);
void add_recording(Commands& all);
void add_helping(Commands& all);

/// Of commands that look into a process or a core: which kmem in it.
void add_module(CLI::App& word, std::string& module);
/// --boot, which may be given several times.
void add_boot(CLI::App& word, std::string& boot_words, const char* about);
/// Of commands that run a program on kmem's malloc.
void add_preload(CLI::App& word, std::string& boot_words, std::string& library);

/// The program and its arguments: behind "--", or from the first word on that is no option of ours.
std::vector<std::string> command_of(const CLI::App& word, const Arguments& given);
/// Of a single word that is a number; 0 for all else.
int process_number(const std::vector<std::string>& words);

}  // namespace kmem::tool
