#!/usr/bin/env python3
"""Which versions may look at each other's processes: layout_test.py KMEM LIBRARY LOOKED_AT STATIC READER COMPILER [unittest's
options].  READER is tools/layout/layout.cc; empty where it could not be built."""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

from looking import *

READER, COMPILER = sys.argv[5:7]
del sys.argv[5:7]

MAGIC = b"kmemlook" + struct.pack("<I", 3)
TYPES = """namespace kmem {
struct Node { Node* next; int value; };
enum class Color : unsigned char { Red, Green };
struct Zone { static constexpr int kMost = 4; Color color; unsigned bits : 3; Node nodes[kMost]; int size() const { return kMost; } };
struct Cache { Zone* zone; long count; };
struct Reached { Zone zone; Cache cache; };
}
const kmem::Reached* reached;
"""


class Table(unittest.TestCase):
    """A library whose table says something else: its magic word, its version and so on lie as system/look_table.h says."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.library = os.path.join(self.folder, "libkmem-malloc.so")

    def answer(self, change, at):
        with open(LIBRARY, "rb") as file:
            text = bytearray(file.read())
        table = text.index(MAGIC)
        text[table + at:table + at + len(change)] = change
        with open(self.library, "wb") as file:
            file.write(text)
        process = subprocess.Popen([LOOKED_AT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env={**environment(False), "LD_PRELOAD": self.library})
        process.stdout.readline()
        try:
            return kmem("json", process.pid, status=None)
        finally:
            process.communicate()

    def test_another_version_with_the_same_layout(self):
        done = self.answer(b"9.8.7\0", 24)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_another_layout(self):
        done = self.answer(b"12345678", 16)
        self.assertEqual(done.returncode, 125)
        self.assertIn("it is laid out otherwise than this tool's (it is kmem", done.stderr)

    @unittest.skipUnless(READER, "there is no reader of layouts")
    def test_another_layout_of_one_type_is_named(self):
        with open(LIBRARY, "rb") as file:
            text = file.read()
        table = text.index(MAGIC)
        # The digest of all, and of the sixth type.
        done = self.answer(bytes(8) + text[table + 24:table + 48] + text[table + 48:table + 68] + b"1234", 16)
        self.assertEqual(done.returncode, 125)
        self.assertIn("otherwise than this tool's in zone (it is kmem", done.stderr)

    def test_another_table(self):
        self.assertIn("its table has version 9, and this tool knows version 3", self.answer(struct.pack("<I", 9), 8).stderr)
        self.assertIn("its table is damaged", self.answer(b"X", 0).stderr)


@unittest.skipUnless(READER and COMPILER, "there is no reader of layouts")
class Layout(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)

    def digests(self, *changes):
        text = TYPES
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        source, out = os.path.join(self.folder, "types.cc"), os.path.join(self.folder, "types")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        whole_types = ["-fstandalone-debug"] * ("clang" in os.path.basename(COMPILER))
        subprocess.run([COMPILER, "-std=c++20", "-g", "-gdwarf-4", *whole_types, "-c", source, "-o", out + ".o"], check=True)
        subprocess.run([READER, out + ".o", out + ".h"], check=True)
        with open(out + ".h", encoding="utf-8") as file:
            header = file.read()
        whole, types, names = (re.search(pattern, header)[1] for pattern in ("kLayoutDigest = (0x[0-9a-f]+)", r"kLayoutOfTypes\[\] = {(.*)}",
                                                                             r"kLayoutNames\[\] = {(.*)}"))
        self.assertEqual(names, '"zone", "cache", ')
        return whole, *types.split(", ")[:2]

    def test_what_counts(self):
        plain = self.digests()
        self.assertEqual(self.digests(), plain)
        for same in ([("return kMost;", "return kMost + 1 - 1; ")], [("int size() const", "void grow(long); int size() const")],
                     [("Color", "Colour")], [("namespace kmem {", "namespace kmem { /* a word */ struct Other { int a; };")]):
            self.assertEqual(self.digests(*same), plain, same)
        for change, which in ((("bits : 3", "bits : 4"), 1), (("kMost = 4", "kMost = 5"), 1), (("Red, Green", "Green, Red"), 1),
                              (("Node nodes[kMost]", "char at; Node nodes[kMost]"), 1), (("long count", "long total"), 2),
                              (("Zone* zone; long count;", "long count; Zone* zone;"), 2), (("long count", "double count"), 2),
                              (("int value", "unsigned value"), 1)):
            changed = self.digests(change)
            self.assertEqual([a != b for a, b in zip(plain, changed)], [True, which == 1, which == 2], change)

    def test_what_only_a_pointer_leads_to_counts_in_the_whole(self):
        far = [("Node nodes[kMost];", "Node* nodes;")]
        plain, changed = self.digests(*far), self.digests(*far, ("int value;", "int value, more;"))
        self.assertEqual([a != b for a, b in zip(plain, changed)], [True, False, False])

    def test_what_is_no_object_is_refused(self):
        done = subprocess.run([READER, __file__, os.path.join(self.folder, "out.h")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("layout: ", done.stderr)


if __name__ == "__main__":
    run_tests()
