// kmem completion: what a shell may offer behind `kmem`, written from CLI11's own tables, so that it never says anything else.

#include "completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>
#include <vector>

#include "failure.h"

namespace kmem::tool {
namespace {

using Words = std::vector<std::string>;

struct Choice {
  Words names;  // --report, or -o and --output; none of a positional
  std::string description, type;
  Words values;  // all that it may be, where they are few
  bool takes_value = false;

  bool is_file() const { return type.find("FILE") != type.npos || type == "PAGE" || type.find("CORE") != type.npos; }
};

struct Command {
  std::string name, description;
  std::vector<Choice> options, positionals;
};

/// CLI11 writes the values that an option may have as TYPE:{a,b,c}.
Words values_in(const std::string& type) {
  const size_t from = type.find('{'), to = type.find('}');
  Words values;
  if (from == type.npos || to == type.npos) return values;
  std::istringstream list(type.substr(from + 1, to - from - 1));
  for (std::string value; std::getline(list, value, ',');) values.push_back(value);
  return values;
}

Choice choice_of(const CLI::Option& option) {
  Choice choice;
  for (const std::string& name : option.get_snames()) choice.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) choice.names.push_back("--" + name);
  choice.description = option.get_description();
  choice.type = option.get_type_name().substr(0, option.get_type_name().find(':'));
  choice.values = values_in(option.get_type_name());
  choice.takes_value = option.get_type_size() != 0 && option.get_items_expected_max() != 0;
  return choice;
}

std::vector<const CLI::App*> all_below(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

bool has(const std::vector<Choice>& options, const CLI::Option& option) {
  const std::string name = option.get_lnames().empty() ? "" : "--" + option.get_lnames().front();
  for (const Choice& one : options)
    for (const std::string& its : one.names)
      if (its == name) return true;
  return false;
}

Command command_of(const CLI::App& app) {
  Command command{app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? command.positionals : command.options).push_back(choice_of(*option));
  Choice further;  // kmem driver build: a command's own commands are words, and their options are its options
  for (const CLI::App* sub : app.get_parent() ? all_below(app) : std::vector<const CLI::App*>{}) {
    further.values.push_back(sub->get_name());
    for (const CLI::Option* option : sub->get_options())
      if (!option->get_positional() && !has(command.options, *option)) command.options.push_back(choice_of(*option));
  }
  if (!further.values.empty()) command.positionals.insert(command.positionals.begin(), further);
  return command;
}

std::vector<Command> commands_of(const CLI::App& app) {
  std::vector<Command> commands;
  for (const CLI::App* sub : all_below(app)) commands.push_back(command_of(*sub));
  return commands;
}

std::string with(std::string text, const std::string& what, const std::string& instead) {
  for (size_t at = 0; (at = text.find(what, at)) != text.npos; at += instead.size()) text.replace(at, what.size(), instead);
  return text;
}

std::string quoted(const std::string& text) { return "'" + with(text, "'", "'\\''") + "'"; }

Words names_of(const std::vector<Choice>& options) {
  Words names;
  for (const Choice& option : options) names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

Words values_of(const std::vector<Choice>& options) {
  Words values;
  for (const Choice& option : options) values.insert(values.end(), option.values.begin(), option.values.end());
  return values;
}

// ---- bash ----

constexpr char kBashBegin[] = R"(# bash completion for kmem, as `kmem completion bash` prints it.
_kmem() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      # A program and its arguments: with the package bash-completion as at the prompt.
      if declare -F _command_offset >/dev/null; then _command_offset $((i + 1)); return; fi
      if ((i + 1 == COMP_CWORD)); then mapfile -t COMPREPLY < <(compgen -c -- "$current"); else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
      fi
      return
    fi
    [[ -n $command || ${COMP_WORDS[i]} == -* ]] || command=${COMP_WORDS[i]}
  done
  case $command,$previous in
)";

constexpr char kBashEnd[] = R"(  esac
  if [[ $current == -* ]]; then mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current"); return; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current"; [[ -z $files ]] || compgen -f -- "$current")
}
complete -o filenames -F _kmem kmem
)";

std::string bash_value(const Command& command, const Choice& option) {
  std::string out;
  for (const std::string& name : option.names) out += (out.empty() ? "" : "|") + command.name + "," + name;
  const std::string offer = option.is_file() ? "-f" : "-W " + quoted(fmt::format("{}", fmt::join(option.values, " ")));
  return fmt::format("    {}) mapfile -t COMPREPLY < <(compgen {} -- \"$current\"); return ;;\n", out, offer);
}

std::string bash(const CLI::App& app) {
  std::string out = kBashBegin, lines;
  Words names;
  for (const Command& command : commands_of(app)) {
    names.push_back(command.name);
    for (const Choice& option : command.options)
      if (option.takes_value) out += bash_value(command, option);
    bool files = false;
    for (const Choice& one : command.positionals) files = files || one.is_file();
    lines += fmt::format("    {}) options={} words={} files={} ;;\n", command.name,
                         quoted(fmt::format("{}", fmt::join(names_of(command.options), " "))),
                         quoted(fmt::format("{}", fmt::join(values_of(command.positionals), " "))), files ? "yes" : "");
  }
  out += "  esac\n  local options words files=\n  case $command in\n";
  out += fmt::format("    '') options={} words={} ;;\n",
                     quoted(fmt::format("{}", fmt::join(names_of(command_of(app).options), " "))),
                     quoted(fmt::format("{}", fmt::join(names, " "))));
  return out + lines + kBashEnd;
}

// ---- zsh ----

/// Brackets and colons mean something in the words of _arguments.
std::string zsh_text(const std::string& text) {
  return with(with(with(with(text, "\\", "\\\\"), "[", "\\["), "]", "\\]"), ":", "\\:");
}

std::string zsh_value(const Choice& choice) {
  const std::string type = choice.type.empty() ? "value" : zsh_text(choice.type);
  if (!choice.values.empty()) return fmt::format(":{}:({})", type, fmt::join(choice.values, " "));
  return fmt::format(":{}:{}", type, choice.is_file() ? "_files" : " ");
}

std::string zsh_options(const Command& command) {
  std::string out;
  for (const Choice& option : command.options)
    for (const std::string& name : option.names)
      out += " \\\n        " +
             quoted(fmt::format("{}[{}]{}", name, zsh_text(option.description), option.takes_value ? zsh_value(option) : ""));
  int at = 0;
  for (const Choice& one : command.positionals) out += " \\\n        " + quoted(fmt::format("{}:{}", ++at, zsh_value(one)));
  return out;
}

std::string zsh(const CLI::App& app) {
  std::string names, cases;
  for (const Command& command : commands_of(app)) {
    names += "    " + quoted(command.name + ":" + zsh_text(command.description)) + "\n";
    cases += fmt::format("    {})\n      _arguments -S{}{} ;;\n", command.name, zsh_options(command),
                         command.positionals.empty() ? " \\\n        '*::command: _normal'" : "");
  }
  return "#compdef kmem\n# zsh completion for kmem, as `kmem completion zsh` prints it.\n_kmem() {\n  local -a commands=(\n" +
         names +
         "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    _arguments '--help[help]' '--version[version]'\n"
         "    return\n  fi\n  local command=$words[2]\n  shift words; (( CURRENT-- ))\n  case $command in\n" +
         cases + "  esac\n}\n_kmem \"$@\"\n";
}

// ---- fish ----

std::string fish_text(const std::string& text) { return "'" + with(with(text, "\\", "\\\\"), "'", "\\'") + "'"; }

std::string fish_option(const Command& command, const Choice& option) {
  std::string out = fmt::format("complete -c kmem -n '__fish_seen_subcommand_from {}'", command.name);
  for (const std::string& name : option.names)
    out += name.compare(0, 2, "--") == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (option.takes_value) out += option.is_file() ? " -r -F" : " -x";
  if (!option.values.empty()) out += fmt::format(" -a '{}'", fmt::join(option.values, " "));
  return out + " -d " + fish_text(option.description) + "\n";
}

std::string fish(const CLI::App& app) {
  std::string out =
      "# fish completion for kmem, as `kmem completion fish` prints it.\n"
      "complete -c kmem -n __fish_use_subcommand -f -l help -d 'print help'\n"
      "complete -c kmem -n __fish_use_subcommand -f -l version -d 'print the version'\n";
  for (const Command& command : commands_of(app)) {
    out +=
        fmt::format("complete -c kmem -n __fish_use_subcommand -f -a {} -d {}\n", command.name, fish_text(command.description));
    for (const Choice& option : command.options) out += fish_option(command, option);
    for (const Choice& one : command.positionals)
      if (!one.values.empty())
        out += fmt::format("complete -c kmem -n '__fish_seen_subcommand_from {}' -f -a '{}'\n", command.name,
                           fmt::join(one.values, " "));
  }
  return out;
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash(app);
  if (shell == "zsh") return zsh(app);
  if (shell == "fish") return fish(app);
  throw Failure(fmt::format("there are completions for bash, zsh and fish, none for {}", shell));
}

}  // namespace kmem::tool
