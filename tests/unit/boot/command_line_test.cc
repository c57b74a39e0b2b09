#include "boot/command_line.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "port/machine.h"
#include "unit/stub_port.h"

namespace kmem {
namespace {

using test::stub;

std::string text_of(Slice s) { return std::string(s.data, s.size); }
Slice slice_of(const std::string& s) { return {s.data(), s.size()}; }

/// What a line sets, and what it complains of, as "word:U", "word:M" or "word:N".
struct Parsed {
  BootOptions options;
  std::string complaints;

  explicit Parsed(const char* line) { parse_command_line(line, options, complain, this); }

 private:
  static void complain(void* self, WordFault fault, const BootWord& word) {
    std::string& list = static_cast<Parsed*>(self)->complaints;
    if (!list.empty()) list += ' ';
    list += text_of(word.whole) + ":" + (fault == WordFault::Unknown ? "U" : fault == WordFault::Malformed ? "M" : "N");
  }
};

bool any_fault(const FaultOptions& faults) {
  bool any = faults.nth.on;
  for (const FaultSettings& point : faults.points) any |= point.on;
  return any;
}

bool untouched(const BootOptions& o) {
  const BootOptions d;
  return o.mem == d.mem && o.nr_cpus == d.nr_cpus && o.min_free_kbytes == d.min_free_kbytes && o.numa_fake == d.numa_fake &&
         o.slab_nomerge == d.slab_nomerge && o.init_on_alloc == d.init_on_alloc && o.init_on_free == d.init_on_free &&
         o.panic_on_warn == d.panic_on_warn && o.stats == d.stats && o.rseq == d.rseq && o.thp == d.thp &&
         o.highmem == d.highmem && o.vmalloc == d.vmalloc && o.alias == d.alias && o.kswapd == d.kswapd &&
         o.panic_on_oom == d.panic_on_oom && o.psi == d.psi && o.cgroup == d.cgroup && o.cgroup_poll == d.cgroup_poll &&
         o.membarrier == d.membarrier && !any_fault(o.faults);
}

std::vector<std::string> words_of(const char* line) {
  std::vector<std::string> found;
  BootWords words(line);
  for (BootWord word; words.next(word);)
    found.push_back(text_of(word.name) + (word.has_value ? "=" + text_of(word.value) : ""));
  return found;
}

using Words = std::vector<std::string>;

// ---- words ----

TEST(BootWords, blanks_of_any_kind_and_number_separate) {
  EXPECT_EQ(words_of("  a=1\t b \n c=2 "), (Words{"a=1", "b", "c=2"}));
  EXPECT_EQ(words_of(""), Words{});
  EXPECT_EQ(words_of("   "), Words{});
  EXPECT_EQ(words_of(nullptr), Words{});
}

TEST(BootWords, the_first_equals_sign_ends_the_name) {
  EXPECT_EQ(words_of("numa=fake=2"), (Words{"numa=fake=2"}));
  BootWords words("numa=fake=2");
  BootWord word;
  ASSERT_TRUE(words.next(word));
  EXPECT_EQ(text_of(word.name), "numa");
  EXPECT_EQ(text_of(word.value), "fake=2");
  EXPECT_EQ(text_of(word.whole), "numa=fake=2");
}

TEST(BootWords, an_empty_value_is_a_value) {
  BootWords words("a= b");
  BootWord word;
  ASSERT_TRUE(words.next(word));
  EXPECT_TRUE(word.has_value);
  EXPECT_EQ(word.value.size, 0u);
  ASSERT_TRUE(words.next(word));
  EXPECT_FALSE(word.has_value);
}

TEST(BootWords, quotes_keep_blanks_and_go_away) {
  EXPECT_EQ(words_of(R"(a="1 2" b)"), (Words{"a=1 2", "b"}));
  EXPECT_EQ(words_of(R"("a=1 2" b)"), (Words{"a=1 2", "b"}));
  EXPECT_EQ(words_of(R"(a="" b)"), (Words{"a=", "b"}));
}

TEST(BootWords, a_quote_that_is_never_closed_reaches_to_the_end) {
  EXPECT_EQ(words_of(R"(a="1 2 b)"), (Words{"a=1 2 b"}));
  EXPECT_EQ(words_of(R"(")"), (Words{""}));
}

TEST(BootWords, what_follows_two_dashes_is_not_ours) {
  EXPECT_EQ(words_of("a=1 -- b=2"), (Words{"a=1"}));
  EXPECT_EQ(words_of("a=1 --b c"), (Words{"a=1", "--b", "c"}));
}

// ---- values ----

TEST(BootValues, sizes_have_units) {
  const auto size = [](const std::string& s) {
    uint64_t value = 77;
    return parse_size(slice_of(s), value) ? value : 77;
  };
  EXPECT_EQ(size("0"), 0u);
  EXPECT_EQ(size("4096"), 4096u);
  EXPECT_EQ(size("512M"), uint64_t{512} << 20);
  EXPECT_EQ(size("512m"), uint64_t{512} << 20);
  EXPECT_EQ(size("3K"), 3072u);
  EXPECT_EQ(size("2G"), uint64_t{2} << 30);
  EXPECT_EQ(size("1T"), uint64_t{1} << 40);
  EXPECT_EQ(size("1P"), uint64_t{1} << 50);
  EXPECT_EQ(size("15E"), uint64_t{15} << 60);
  EXPECT_EQ(size("0x10K"), uint64_t{16} << 10);
  EXPECT_EQ(size("0X1f"), 31u);
  EXPECT_EQ(size("010"), 8u) << "as in C";
  EXPECT_EQ(size("18446744073709551615"), ~uint64_t{0});
}

TEST(BootValues, a_malformed_size_changes_nothing) {
  for (const char* text : {"", "M", "1MM", "1 M", "-1", "+1", "1.5G", "12x", "0x", "0xM", "08", "1B", "16E", "1e3",
                           "18446744073709551616", "99999999999999999999999", "18446744073709551615K"}) {
    uint64_t value = 77;
    EXPECT_FALSE(parse_size(slice_of(text), value)) << text;
    EXPECT_EQ(value, 77u) << text;
  }
}

TEST(BootValues, numbers_are_decimal_and_nothing_else) {
  uint64_t value = 0;
  EXPECT_TRUE(parse_number(slice_of("0042"), value));
  EXPECT_EQ(value, 42u);
  for (const char* text : {"", "1K", "0x1", "-1", " 1", "18446744073709551616"})
    EXPECT_FALSE(parse_number(slice_of(text), value)) << text;
  EXPECT_EQ(value, 42u);
}

TEST(BootValues, booleans_have_many_names) {
  for (const char* text : {"1", "on", "ON", "On", "y", "Y", "yes", "true"}) {
    bool value = false;
    EXPECT_TRUE(parse_bool(slice_of(text), value) && value) << text;
  }
  for (const char* text : {"0", "off", "OFF", "n", "N", "no", "false"}) {
    bool value = true;
    EXPECT_TRUE(parse_bool(slice_of(text), value) && !value) << text;
  }
  for (const char* text : {"", "2", "o", "onn", "maybe", "01", "yes please and thank you"}) {
    bool value = true;
    EXPECT_FALSE(parse_bool(slice_of(text), value)) << text;
    EXPECT_TRUE(value);
  }
}

TEST(BootValues, random_sizes_come_back_as_they_were_written) {
  std::mt19937_64 random(20260421);
  for (int round = 0; round < 20'000; ++round) {
    const unsigned unit = static_cast<unsigned>(random() % 7);
    const uint64_t number = (random() >> (10 * unit)) >> (random() % 20);
    const std::string text = std::to_string(number) + (unit ? std::string(1, "KMGTPE"[unit - 1]) : "");
    uint64_t value = ~number;
    ASSERT_TRUE(parse_size(slice_of(text), value)) << text;
    ASSERT_EQ(value, number << (10 * unit)) << text;
  }
}

// ---- the line ----

TEST(CommandLine, no_words_set_nothing) {
  EXPECT_TRUE(untouched(Parsed("").options));
  EXPECT_TRUE(untouched(Parsed(nullptr).options));
}

TEST(CommandLine, huge_pages_are_never_where_the_use_is_dense_or_everywhere) {
  EXPECT_TRUE(Parsed("").options.thp);
  EXPECT_FALSE(Parsed("").options.thp_everywhere);
  EXPECT_TRUE(Parsed("thp=off thp=always").options.thp);
  EXPECT_TRUE(Parsed("thp=always").options.thp_everywhere);
  EXPECT_FALSE(Parsed("thp=always thp=on").options.thp_everywhere) << "the last word counts";
}

TEST(CommandLine, hardened_is_a_level_and_the_word_alone_is_the_second) {
  EXPECT_EQ(Parsed("").options.hardened, 0);
  EXPECT_EQ(Parsed("hardened").options.hardened, 2);
  for (unsigned level = 0; level <= 3; ++level)
    EXPECT_EQ(Parsed(("hardened=" + std::to_string(level)).c_str()).options.hardened, level);
  EXPECT_EQ(Parsed("hardened=on").options.hardened, 2);
  EXPECT_EQ(Parsed("hardened=3 hardened=off").options.hardened, 0) << "the last word counts";
  EXPECT_NE(Parsed("hardened=4").complaints, "");
  EXPECT_NE(Parsed("hardened=much").complaints, "");
}

TEST(CommandLine, oops_says_whether_a_bug_ends_the_program) {
  EXPECT_FALSE(Parsed("").options.oops_set);
  EXPECT_TRUE(Parsed("oops=panic").options.oops_panics);
  EXPECT_TRUE(Parsed("oops=panic oops=continue").options.oops_set);
  EXPECT_FALSE(Parsed("oops=panic oops=continue").options.oops_panics);
  EXPECT_NE(Parsed("oops").complaints, "");
}

TEST(CommandLine, every_word_that_is_built_sets_its_field) {
  const Parsed p(
      "mem=512M nr_cpus=4 min_free_kbytes=1024 numa=fake=2 slab_nomerge init_on_alloc=1 init_on_free=on "
      "panic_on_warn=1 stats rseq=off thp=0 kswapd=1 might_sleep debug_preempt panic_on_oom psi=1 cgroup=off "
      "cgroup_poll membarrier=on");
  EXPECT_EQ(p.complaints, "");
  EXPECT_EQ(p.options.mem, uint64_t{512} << 20);
  EXPECT_EQ(p.options.nr_cpus, 4u);
  EXPECT_EQ(p.options.min_free_kbytes, 1024u);
  EXPECT_EQ(p.options.numa_fake, 2u);
  EXPECT_TRUE(p.options.slab_nomerge);
  EXPECT_TRUE(p.options.init_on_alloc);
  EXPECT_TRUE(p.options.init_on_free);
  EXPECT_TRUE(p.options.panic_on_warn);
  EXPECT_TRUE(p.options.stats);
  EXPECT_FALSE(p.options.rseq);
  EXPECT_FALSE(p.options.thp);
  EXPECT_TRUE(p.options.kswapd);
  EXPECT_TRUE(p.options.might_sleep);
  EXPECT_TRUE(p.options.debug_preempt);
  EXPECT_TRUE(p.options.panic_on_oom);
  EXPECT_TRUE(p.options.psi);
  EXPECT_TRUE(p.options.cgroup_poll);
  EXPECT_TRUE(p.options.membarrier);
  EXPECT_FALSE(p.options.cgroup);
}

TEST(CommandLine, the_last_of_several_counts) {
  EXPECT_EQ(Parsed("nr_cpus=4 nr_cpus=2").options.nr_cpus, 2u);
  EXPECT_EQ(Parsed("nr_cpus=4 nr_cpus=x").options.nr_cpus, 4u) << "a malformed one doesn't";
}

TEST(CommandLine, dashes_and_underscores_are_one_letter) { EXPECT_TRUE(Parsed("slab-nomerge").options.slab_nomerge); }

TEST(CommandLine, numa_off_is_one_node) { EXPECT_EQ(Parsed("numa=off").options.numa_fake, 1u); }

TEST(CommandLine, an_unknown_word_is_named_and_changes_nothing) {
  const Parsed p("foo foo=1 memx=1 me=1 Mem=1 =1 -");
  EXPECT_EQ(p.complaints, "foo:U foo=1:U memx=1:U me=1:U Mem=1:U =1:U -:U");
  EXPECT_TRUE(untouched(p.options));
}

TEST(CommandLine, a_malformed_word_is_named_and_changes_nothing) {
  for (const char* word : {"mem",
                           "mem=",
                           "mem=0",
                           "mem=12Q",
                           "mem=-1",
                           "nr_cpus",
                           "nr_cpus=0",
                           "nr_cpus=4097",
                           "nr_cpus=2x",
                           "nr_cpus=99999999999",
                           "min_free_kbytes=",
                           "min_free_kbytes=1K",
                           "min_free_kbytes",
                           "numa",
                           "numa=",
                           "numa=fake",
                           "numa=fake=",
                           "numa=fake=0",
                           "numa=fake=9",
                           "numa=fake=x",
                           "numa=real",
                           "slab_nomerge=2",
                           "init_on_alloc=maybe",
                           "init_on_free=",
                           "panic_on_warn=2",
                           "validate_signal",
                           "validate_signal=9",
                           "validate_signal=33",
                           "validate_signal=65",
                           "profile_signal",
                           "profile_signal=11",
                           "stats=x",
                           "rseq=",
                           "rseq=offf",
                           "thp=sometimes",
                           "highmem=x",
                           "vmalloc=",
                           "alias=2",
                           "kswapd=maybe",
                           "panic_on_oom=x",
                           "psi=2",
                           "cgroup_poll=files",
                           "membarrier=never"}) {
    const Parsed p(word);
    EXPECT_EQ(p.complaints, std::string(word) + ":M");
    EXPECT_TRUE(untouched(p.options)) << word;
  }
}

TEST(CommandLine, the_limits_themselves_are_fine) {
  EXPECT_EQ(Parsed("nr_cpus=4096").options.nr_cpus, kMaxCpus);
  EXPECT_EQ(Parsed("validate_signal=10").options.validate_signal, 10u);
  EXPECT_EQ(Parsed("profile_signal=12").options.profile_signal, 12u);
  EXPECT_EQ(Parsed("validate_signal=12").options.validate_signal, 12u);
  EXPECT_EQ(Parsed("validate_signal=34").options.validate_signal, 34u);
  EXPECT_EQ(Parsed("validate_signal=64").options.validate_signal, 64u);
  EXPECT_EQ(Parsed("numa=fake=8").options.numa_fake, kMaxNodes);
  EXPECT_EQ(Parsed("mem=16777215T").options.mem, uint64_t{16777215} << 40);
}

TEST(CommandLine, a_word_that_is_not_built_yet_is_not_taken_in_silence) {
  for (const char* word : {"numa=fake=512M"}) {
    const Parsed p(word);
    EXPECT_EQ(p.complaints, std::string(word) + ":N");
    EXPECT_TRUE(untouched(p.options)) << word;
  }
}

TEST(CommandLine, the_words_of_the_window_and_of_high_memory_are_read) {
  const Parsed p("highmem=64M vmalloc=128M alias=1");
  EXPECT_EQ(p.complaints, "");
  EXPECT_EQ(p.options.highmem, uint64_t{64} << 20);
  EXPECT_EQ(p.options.vmalloc, uint64_t{128} << 20);
  EXPECT_TRUE(p.options.alias);
}

// ---- fault injection ----

const FaultSettings& at(const Parsed& p, FaultPoint point) { return p.options.faults.points[static_cast<unsigned>(point)]; }

TEST(FaultWords, the_kernels_four_numbers_are_interval_probability_space_and_times) {
  const Parsed p("failslab=3,10,64K,-1 fail_page_alloc=1,100,0,7");
  EXPECT_EQ(p.complaints, "");
  const FaultSettings &slab = at(p, FaultPoint::Slab), &pages = at(p, FaultPoint::Pages);
  EXPECT_TRUE(slab.on && pages.on);
  EXPECT_EQ(slab.interval, 3u);
  EXPECT_EQ(slab.probability, 10u);
  EXPECT_EQ(slab.space, 65536u);
  EXPECT_EQ(slab.times, -1);
  EXPECT_EQ(pages.times, 7);
  EXPECT_FALSE(at(p, FaultPoint::Sheaf).on);
}

TEST(FaultWords, attributes_follow_by_name) {
  const Parsed p(
      "failslab=1,50,0,1,seed=0x2a,verbose=1,cache=kmalloc-64,cache=dentry,ignore-gfp-wait=Y,"
      "stacktrace-depth=8,gfp=GFP_ATOMIC|__GFP_ZERO,not-gfp=0x400,require=0x400000-0x401000,"
      "require=libfoo.so.1,reject=python3,task_filter=1 fail_page_alloc=1,1,0,1,min-order=3,ignore_gfp_highmem=1");
  EXPECT_EQ(p.complaints, "");
  const FaultSettings& s = at(p, FaultPoint::Slab);
  EXPECT_EQ(s.seed, 42u);
  EXPECT_EQ(s.verbose, 1u);
  EXPECT_STREQ(s.caches[0], "kmalloc-64");
  EXPECT_STREQ(s.caches[1], "dentry");
  EXPECT_TRUE(s.ignore_gfp_wait && s.task_filter);
  EXPECT_EQ(s.stacktrace_depth, 8u);
  EXPECT_EQ(s.gfp_required, 0x4220u);
  EXPECT_EQ(s.gfp_rejected, 0x400u);
  ASSERT_EQ(s.nr_required, 2u);
  EXPECT_EQ(s.required[0].start, 0x400000u);
  EXPECT_EQ(s.required[0].end, 0x401000u);
  EXPECT_STREQ(s.required[1].module, "libfoo.so.1");
  ASSERT_EQ(s.nr_rejected, 1u);
  EXPECT_STREQ(s.rejected[0].module, "python3");
  EXPECT_EQ(at(p, FaultPoint::Pages).min_order, 3u);
  EXPECT_TRUE(at(p, FaultPoint::Pages).ignore_gfp_highmem);
}

TEST(FaultWords, fail_function_reaches_every_point_by_its_functions_name) {
  for (unsigned i = 0; i < kNrFaultPoints; ++i) {
    const auto point = static_cast<FaultPoint>(i);
    const Parsed p((std::string("fail_function=") + fault_function_name(point) + ",1,100,0,-1").c_str());
    EXPECT_EQ(p.complaints, "");
    EXPECT_TRUE(at(p, point).on);
  }
}

TEST(FaultWords, fail_nth_takes_a_number_and_how_long) {
  EXPECT_EQ(Parsed("fail_nth=12").options.faults.nth.n, 12u);
  EXPECT_FALSE(Parsed("fail_nth=12,once").options.faults.nth.forever);
  const Parsed p("fail_nth=0x1,forever");
  EXPECT_EQ(p.complaints, "fail_nth=0x1,forever:M");
  const Parsed q("fail-nth=3,forever,verbose=0,record=/tmp/x y");
  EXPECT_TRUE(q.options.faults.nth.on && q.options.faults.nth.forever);
  EXPECT_EQ(q.options.faults.nth.verbose, 0u);
  EXPECT_STREQ(q.options.faults.nth.record, "/tmp/x");
}

TEST(FaultWords, a_malformed_one_changes_nothing) {
  for (const char* word : {"failslab",
                           "failslab=",
                           "failslab=1",
                           "failslab=1,10,0",
                           "failslab=0,10,0,1",
                           "failslab=1,101,0,1",
                           "failslab=1,1,0,-2",
                           "failslab=1,1,0,1,",
                           "failslab=1,1,0,1,foo=1",
                           "failslab=1,1,0,1,cache=",
                           "failslab=1,1,0,1,seed=0",
                           "failslab=1,1,0,1,gfp=GFP_WRONG",
                           "failslab=1,1,0,1,require=0x2000-0x1000",
                           "failslab=1,1,0,1,verbose=3",
                           "failslab=1,1,0,1,cache=a,cache=b,cache=c,cache=d,cache=e",
                           "failslab=1,1,0,1,min-order=11",
                           "fail_function=foo,1,1,0,1",
                           "fail_function=alloc_pages",
                           "fail_nth=",
                           "fail_nth=-1",
                           "fail_nth=1,twice",
                           "fail_nth=1,record="}) {
    const Parsed p(word);
    EXPECT_EQ(p.complaints, std::string(word) + ":M");
    EXPECT_TRUE(untouched(p.options)) << word;
  }
}

TEST(CommandLine, a_bad_word_does_not_stop_the_good_ones) {
  const Parsed p("foo mem=1G numa=fake=512M rseq=? nr_cpus=3");
  EXPECT_EQ(p.complaints, "foo:U numa=fake=512M:N rseq=?:M");
  EXPECT_EQ(p.options.mem, uint64_t{1} << 30);
  EXPECT_EQ(p.options.nr_cpus, 3u);
}

TEST(CommandLine, complaints_go_to_the_log) {
  stub = {};
  BootOptions options;
  parse_command_line("foo=1 mem=x nr_cpus=2 numa=fake=512M", options);
  EXPECT_EQ(stub.log,
            "kmem: boot word 'foo=1' is unknown, ignored\n"
            "kmem: boot word 'mem=x' is malformed, ignored\n"
            "kmem: boot word 'numa=fake=512M' is not supported yet, ignored\n");
  EXPECT_EQ(options.nr_cpus, 2u);
}

TEST(CommandLine, a_word_of_any_length_is_survived) {
  stub = {};
  const std::string line(100'000, 'a');
  BootOptions options;
  parse_command_line(line.c_str(), options);
  EXPECT_EQ(stub.log, "kmem: boot word '" + std::string(200, 'a') + "' is unknown, ignored\n");
}

TEST(CommandLine, nobody_need_listen_to_complaints) {
  BootOptions options;
  parse_command_line("foo mem=1G", options, nullptr, nullptr);
  EXPECT_EQ(options.mem, uint64_t{1} << 30);
}

/// Any bytes at all: every word is told once, and nothing is read past the end.
TEST(CommandLine, random_bytes_are_survived) {
  static const std::string kParts[] = {"mem", "=", "\"", " ", "numa", "fake=", "1", "M", "0x", "--", "-", "on", "\xff"};
  std::mt19937_64 random(20260422);
  for (int round = 0; round < 20'000; ++round) {
    std::string line;
    for (size_t i = random() % 12; i > 0; --i) line += kParts[random() % std::size(kParts)];
    const std::vector<char> exact(line.c_str(), line.c_str() + line.size() + 1);
    const Parsed p(exact.data());
    ASSERT_LE(p.options.numa_fake, kMaxNodes) << line;
  }
}

}  // namespace
}  // namespace kmem
