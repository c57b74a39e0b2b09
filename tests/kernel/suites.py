"""The suites: what each is built of, and how its checks are counted."""
import re


class Suite:
    """sources: the kernel's, compiled as kernel code; harness: its tests that are programs, with tools/testing/radix-tree;
    inside, glue: ours, as kernel code and as a program.  words: what KMEM says."""

    def __init__(self, name, what, count, **rest):
        self.name, self.what, self.count = name, what, count
        self.sources = self.inside = self.flags = self.libraries = self.arguments = ()
        self.harness = None
        self.glue = ("load.c",)
        self.words, self.seconds, self.left_out = "", 60, ""
        for key, value in rest.items():
            assert hasattr(self, key), key
            setattr(self, key, value)


def of_pattern(pattern, swapped=False):
    """Counts what a suite says as 'N of M', the last time it does."""
    def count(suite, status, said):
        found = re.findall(pattern, said)
        if not found or status != 0:
            return 0, max([int(f[1]) for f in found], default=1), f"ended with status {status}"
        passed, total = map(int, found[-1])
        return passed, total, "" if passed == total else "some fail"
    return count


def ktap(suite, status, said):
    """Counts the results of the cases, not of the suites around them."""
    lines = re.findall(r"^ +(not ok|ok) \d+", said, re.M)
    passed = lines.count("ok")
    why = "" if passed == len(lines) and status == 0 else f"{len(lines) - passed} cases fail, status {status}"
    return passed, len(lines) or 1, why


def slub(suite, status, said):
    passed, total, why = ktap(suite, 0, said)
    left_out = "    not ok 2 test_next_pointer" in said
    return passed, total - left_out, f"{total - left_out - passed} cases fail" if passed < total - left_out else ""


def maple(suite, status, said):
    """In 6.1.192 one check of next_prev_test fails with the kernel's own allocator too."""
    passed, total, why = of_pattern(r"maple_tree: (\d+) of (\d+) tests passed")(suite, status, said)
    known = re.findall(r"BUG at (\w+:\d+)", said) == ["next_prev_test:1991"]
    if known and total - passed == 1:
        return passed, passed, "next_prev_test:1991 fails with the kernel's own allocator as well, and is not counted"
    return passed, total, why


def whole(suite, status, said):
    """A program that stops at what fails: one check."""
    return (1, 1, "") if status == 0 else (0, 1, f"ended with status {status}")


def meminit(suite, status, said):
    """Each of its test functions counts: "test_x: all N tests passed", or "n of N" failed."""
    total = passed = 0
    for n in re.findall(r"all (\d+) tests", said):
        total, passed = total + int(n), passed + int(n)
    for bad, n in re.findall(r"(\d+)(?: out)? of (\d+)", said):
        total, passed = total + int(n), passed + int(n) - int(bad)
    return passed, total, "" if passed == total and total else said.strip()[-200:].replace("\n", " ")


def vmalloc(suite, status, said):
    """It sums up for each test how often it passed and failed; the module then refuses to load, on purpose."""
    passed = sum(map(int, re.findall(r"passed: (\d+)", said)))
    failed = sum(map(int, re.findall(r"(?<!align_shift_alloc_test passed: 0 )failed: (\d+)", said)))
    why = "align_shift_alloc_test can't: it wants alignments up to 2^63, which no window of a process has"
    return passed, passed + failed, f"{failed} fail" if failed else why


def percpu(suite, status, said):
    """It warns for each check that fails, and then refuses to load, on purpose."""
    return (0, 1, "a check fails") if "WARN" in said or "raw " in said or "percpu test done" not in said else (1, 1, "")


def free_pages(suite, status, said):
    leaks = "loaded: -11" in said and "Exiting" in said or "Testing" in said
    return (1, 1, "") if leaks else (0, 1, "it did not run")


def lkdtm(suite, status, said):
    """Each test is done: what it looks for is found, or reported, or ends the process; an expected failure counts too, where the
    kernel says itself that it takes another configuration to find it."""
    tests = re.findall(r"BEGIN (\w+)\n(.*?)END \1 (\w+)", said, re.S)
    missed = {name: text for name, text, end in tests if re.search(r"\bFAIL\b", text)}
    bad = [name for name, text in missed.items() if "This is probably expected" not in text]
    why = "not found: " + ", ".join(bad) if bad else ""
    if missed and not bad:
        why = "as expected in this configuration, not found: " + ", ".join(missed)
    return len(tests) - len(bad), len(tests) or 1, why


def kfifo(suite, status, said):
    return (1, 1, "") if "test passed" in said else (0, 1, "the example says that it failed")


def checks(suite, status, said):
    """Ours of kernel code that has no suite: the glue counts."""
    return of_pattern(r"checks: (\d+) of (\d+) passed")(suite, status, said)


# What kernel code takes for granted: the kernel's own libraries of numbers, bits and trees.
LIBRARY = ["lib/bitmap.c", "lib/find_bit.c", "lib/radix-tree.c", "lib/xarray.c", "lib/idr.c", "lib/maple_tree.c", "lib/rbtree.c",
           "lib/list_sort.c", "lib/string.c", "lib/string_helpers.c", "lib/kstrtox.c", "lib/hexdump.c", "lib/kfifo.c", "lib/genalloc.c",
           "lib/scatterlist.c", "lib/sort.c", "lib/llist.c", "lib/ctype.c", "lib/rhashtable.c"]

HARNESS = {"glue": ["harness_slab.c"], "libraries": ["-lurcu"]}

SUITES = [
    Suite("xarray", "lib/test_xarray.c over the slab", of_pattern(r"XArray: (\d+) of (\d+) tests passed"),
          sources=["lib/test_xarray.c"]),
    Suite("ida", "lib/test_ida.c over the slab", of_pattern(r"IDA: (\d+) of (\d+) tests passed"),
          sources=["lib/test_ida.c"]),
    Suite("maple-tree", "lib/test_maple_tree.c over the slab", maple,
          sources=["lib/maple_tree.c", "lib/test_maple_tree.c"], flags=["-DCONFIG_DEBUG_MAPLE_TREE=1", "-include", "linux/atomic.h"],
          seconds=180),
    Suite("meminit init_on_alloc", "lib/test_meminit.c: fresh memory is zero", meminit, sources=["lib/test_meminit.c"],
          words="init_on_alloc=1", seconds=120),
    Suite("meminit init_on_free", "lib/test_meminit.c: freed memory is zeroed", meminit, sources=["lib/test_meminit.c"],
          words="init_on_free=1", seconds=120),
    Suite("vmalloc", "lib/test_vmalloc.c, one thread", vmalloc, sources=["lib/test_vmalloc.c"],
          arguments=["nr_threads=1", "test_loop_count=500"], seconds=120),
    Suite("vmalloc 4 threads", "lib/test_vmalloc.c, four threads", vmalloc, sources=["lib/test_vmalloc.c"],
          arguments=["nr_threads=4", "test_loop_count=200"], seconds=120),
    Suite("percpu", "lib/percpu_test.c: each step on a per-CPU variable", percpu, sources=["lib/percpu_test.c"]),
    Suite("free-pages", "lib/test_free_pages.c: a reference is held while a block is freed", free_pages,
          sources=["lib/test_free_pages.c"], seconds=120),
    Suite("overflow_kunit", "lib/overflow_kunit.c: arithmetic on sizes, and allocations of sizes that overflow", ktap,
          sources=["lib/overflow_kunit.c"], flags=["-I{glue}", "-include", "root_device.h"]),
    Suite("slub_kunit", "lib/slub_kunit.c: what the checks of a cache find", slub, sources=["lib/slub_kunit.c"],
          glue=["load.c", "slub_count.c"], flags=["-DMM_SLAB_H", "-I{glue}", "-include", "slub_inside.h"],
          left_out="test_next_pointer can't: kmem keeps no pointers in free objects"),
    Suite("kmemleak", "samples/kmemleak/kmemleak-test.c", whole, sources=["samples/kmemleak/kmemleak-test.c"]),
    Suite("kfifo bytestream", "samples/kfifo/bytestream-example.c", kfifo, sources=["samples/kfifo/bytestream-example.c"]),
    Suite("kfifo inttype", "samples/kfifo/inttype-example.c", kfifo, sources=["samples/kfifo/inttype-example.c"]),
    Suite("kfifo record", "samples/kfifo/record-example.c", kfifo, sources=["samples/kfifo/record-example.c"]),
    Suite("kfifo dma", "samples/kfifo/dma-example.c", kfifo, sources=["samples/kfifo/dma-example.c"]),
    *[Suite(f"lkdtm heap {name}", "drivers/misc/lkdtm/heap.c: overruns, use after free, double frees", lkdtm,
            sources=["drivers/misc/lkdtm/heap.c"], inside=["lkdtm_inside.c"], glue=["lkdtm.c"], words=words)
      for name, words in [("plain", ""), ("FZP", "slub_debug=FZP"), ("init_on_alloc", "init_on_alloc=1"),
                          ("init_on_free", "init_on_free=1")]],
    Suite("cpuhotplug", "driver/kernel-tree: callbacks for each CPU", checks, sources=["lib/llist.c"],
          inside=["cpuhotplug_inside.c"], flags=["-I{glue}"]),
    Suite("zbud", "mm/zbud.c behind mm/zpool.c: two blocks a page, eviction", checks, sources=["mm/zpool.c", "mm/zbud.c"],
          inside=["zbud_inside.c"], flags=["-I{glue}"]),
    Suite("zsmalloc", "mm/zsmalloc.c behind mm/zpool.c: blocks that cross pages, compaction", checks,
          sources=["mm/zpool.c", "mm/zsmalloc.c"], inside=["zsmalloc_inside.c"],
          flags=["-I{glue}", "-DCONFIG_ZPOOL=1", "-include", "zsmalloc_before.h"],
          left_out="moving pages (CONFIG_COMPACTION) can't: kmem moves no page"),
    Suite("stackdepot", "lib/stackdepot.c: two threads store the same stacks", checks, sources=["lib/stackdepot.c"],
          inside=["stackdepot_inside.c"], flags=["-I{glue}", "-DCONFIG_STACKDEPOT=1", "-DCONFIG_STACK_HASH_ORDER=16",
                                                   "-DHASH_EARLY=1", "-DHASH_ZERO=4"]),
    Suite("list_lru", "mm/list_lru.c over kmem's slab, instead of kmem's own", checks, sources=["mm/list_lru.c"],
          inside=["list_lru_inside.c"],
          flags=["-I{glue}", "-I{tree}", "-DMM_SLAB_H", "-D__MM_INTERNAL_H", "-include", "list_lru_before.h"],
          left_out="lists of memory groups (CONFIG_MEMCG_KMEM) can't: kmem has no such groups"),
    Suite("idr-test", "tools/testing/radix-tree/idr-test.c", of_pattern(r"IDA: (\d+) of (\d+) tests passed"), **HARNESS,
          harness=["tools/testing/radix-tree/idr-test.c"], seconds=180),
    Suite("multiorder", "tools/testing/radix-tree/multiorder.c", whole, **HARNESS,
          harness=["tools/testing/radix-tree/multiorder.c"]),
    Suite("xarray harness", "tools/testing/radix-tree/xarray.c", of_pattern(r"XArray: (\d+) of (\d+) tests passed"), **HARNESS,
          harness=[]),
]
