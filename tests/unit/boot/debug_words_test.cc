// slub_debug=: which cache gets which checks.

#include "boot/debug_words.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "unit/stub_port.h"

namespace kmem {
namespace {

using namespace debug;

DebugWords words_of(const char* text) {
  DebugWords words;
  EXPECT_TRUE(words.parse({text, strlen(text)})) << text;
  return words;
}

TEST(DebugWords, without_a_word_nothing_is_debugged) {
  const DebugWords none;
  EXPECT_FALSE(none.any());
  EXPECT_EQ(none.flags_for("kmalloc-64"), 0u);
}

TEST(DebugWords, the_word_alone_means_the_kernels_default_for_all) { EXPECT_EQ(words_of("").flags_for("anything"), kDefault); }

TEST(DebugWords, each_letter_is_one_check_in_either_case) {
  EXPECT_EQ(words_of("F").flags_for("c"), kChecks);
  EXPECT_EQ(words_of("z").flags_for("c"), kRedZone);
  EXPECT_EQ(words_of("P").flags_for("c"), kPoison);
  EXPECT_EQ(words_of("u").flags_for("c"), kOwner);
  EXPECT_EQ(words_of("T").flags_for("c"), kTrace);
  EXPECT_EQ(words_of("FZPU").flags_for("c"), kDefault);
}

TEST(DebugWords, a_dash_is_none) { EXPECT_EQ(words_of("-").flags_for("c"), 0u); }

TEST(DebugWords, names_narrow_the_letters_to_some_caches) {
  const DebugWords words = words_of("FZ,kmalloc-64,dentry*");
  EXPECT_EQ(words.flags_for("kmalloc-64"), kChecks | kRedZone);
  EXPECT_EQ(words.flags_for("kmalloc-640"), 0u);
  EXPECT_EQ(words.flags_for("kmalloc-6"), 0u);
  EXPECT_EQ(words.flags_for("dentry"), kChecks | kRedZone);
  EXPECT_EQ(words.flags_for("dentry_negative"), kChecks | kRedZone);
  EXPECT_EQ(words.flags_for("inode"), 0u);
}

TEST(DebugWords, names_without_letters_get_the_default) {
  EXPECT_EQ(words_of(",inode").flags_for("inode"), kDefault);
  EXPECT_EQ(words_of(",inode").flags_for("other"), 0u);
}

TEST(DebugWords, the_first_block_that_names_a_cache_counts_before_those_for_all) {
  const DebugWords words = words_of("P;FZ,kmalloc-*;-,kmalloc-64;U,inode");
  EXPECT_EQ(words.flags_for("kmalloc-64"), kChecks | kRedZone);
  EXPECT_EQ(words.flags_for("inode"), kOwner);
  EXPECT_EQ(words.flags_for("other"), kPoison);
}

TEST(DebugWords, some_caches_can_be_spared) {
  const DebugWords words = words_of("FZPU;-,buffer*");
  EXPECT_EQ(words.flags_for("buffer_head"), 0u);
  EXPECT_EQ(words.flags_for("other"), kDefault);
}

TEST(DebugWords, o_spares_caches_whose_slabs_would_grow) {
  EXPECT_TRUE(words_of("FZO").spares_large());
  EXPECT_FALSE(words_of("FZ").spares_large());
}

TEST(DebugWords, other_letters_change_nothing) {
  DebugWords words = words_of("Z");
  for (const char* bad : {"X", "FZA", "FZ1", "F Z", "F,a;Q,b"}) EXPECT_FALSE(words.parse({bad, strlen(bad)})) << bad;
  const std::string longer(DebugWords::kRoom, 'F');
  EXPECT_FALSE(words.parse({longer.data(), longer.size()}));
  EXPECT_EQ(words.flags_for("c"), kRedZone);
}

TEST(DebugWords, what_is_for_all_is_added_to_everything) {
  DebugWords words = words_of("Z,one");
  words.add_for_all(kPoison);
  EXPECT_EQ(words.flags_for("one"), kRedZone | kPoison);
  EXPECT_EQ(words.flags_for("two"), kPoison);
}

}  // namespace
}  // namespace kmem
