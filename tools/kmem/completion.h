#pragma once
#include <CLI/App.hpp>
#include <string>

namespace kmem::tool {

/// The completions of `app` for bash, zsh or fish, from the options that the tool itself reads.
std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace kmem::tool
