// The words of kmem that help: completion, explain.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.h"
#include "completion.h"
#include "explain.h"

namespace kmem::tool {
namespace {

void add_completion(Commands& all) {
  const auto shell = std::make_shared<std::string>();
  CLI::App& sub = all.add("completion", "print what a shell needs to complete the words of kmem");
  sub.add_option("shell", *shell, "the shell")->required()->type_name("SHELL")->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub.footer(
      "Examples:\n  kmem completion bash > ~/.local/share/bash-completion/completions/kmem\n"
      "  kmem completion fish > ~/.config/fish/completions/kmem.fish");
  all.on(sub, [shell, &all](const Arguments&) { return fmt::print("{}", completion(all.app(), *shell)), 0; });
}

void add_explain(Commands& all) {
  const auto message = std::make_shared<std::vector<std::string>>();
  CLI::App& sub = all.add("explain", "what a message of kmem's means, and what to do about it");
  sub.add_option("message", *message,
                 "the message, or a part of it; else standard input is read, and each message in it explained")
      ->type_name("MESSAGE");
  sub.footer(
      "Examples:\n  kmem explain 'double free of 0x00007f4bb4400040'\n  ./program 2>&1 | kmem explain\n"
      "Exit status: 1 where nothing in the catalogue (kmem-messages(7)) is like it.");
  all.on(sub, [message](const Arguments& given) {
    message->insert(message->end(), given.behind.begin(), given.behind.end());
    return explain(fmt::format("{}", fmt::join(*message, " ")));
  });
}

}  // namespace

void add_helping(Commands& all) {
  add_completion(all);
  add_explain(all);
}

}  // namespace kmem::tool
