#pragma once
// What the files of the test kernel have in common.

#include <stddef.h>
#include <stdint.h>

#include "bare.h"

/// The number behind `name=` among the kernel's words, or `otherwise`.
uint64_t word_number(const char* name, uint64_t otherwise);
/// The text behind `name=`, or null.
const char* word_text(const char* name, char* out, size_t bytes);
bool has_word(const char* name);

/// Calls a function that writes a text of unknown length, and shows it.
void show_text(size_t (*text)(char* buffer, size_t size));
/// The machine as it came up: zones, nodes, CPUs.
void show_machine();
/// Instructions of each call, where the machine counts them as time; false: one took more than is written down.
bool run_bench(bool check);
/// Makes a mistake, for its report: the name is one of those in mistakes.cc.
void make_mistake(const char* name);
void run_monitor();
