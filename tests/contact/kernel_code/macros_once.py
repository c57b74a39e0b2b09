#!/usr/bin/env python3
"""No macro of the public headers evaluates an argument twice, but for those that are named here with the reason.

  macros_once.py INCLUDE CC CXX

Each function-like macro is expanded with marks for arguments; what is left of the text without what is never evaluated
(sizeof, types, the constant branch of a choice) holds each mark once at most."""
import glob
import os
import re
import subprocess
import sys

# Variables that the macro assigns to.  Loops, whose condition and step are evaluated each time round, are the kernel's way too.
LOOP = re.compile(r'(h?list_)?for_each_\w+|h?list_for_each')
ALLOWED = {
    'spin_trylock_irqsave': 'a variable, saved and restored',
    'swap': 'two variables', 'LIST_HEAD': 'a variable', 'LIST_HEAD_INIT': 'a variable',
    'DEFINE_FLEX': 'a constant', 'DEFINE_RES_NAMED': 'an initialiser',
    'DEFINE_RES_MEM': 'an initialiser', 'DEFINE_RES_MEM_NAMED': 'an initialiser',
    'DEFINE_RES_IO': 'an initialiser', 'DEFINE_RES_IO_NAMED': 'an initialiser',
    'DEFINE_RES_IRQ': 'an initialiser', 'DEFINE_RES_IRQ_NAMED': 'an initialiser',
    'kfree_rcu': "a member's name", 'kvfree_rcu': "a member's name",
    'BUILD_BUG_ON_NOT_POWER_OF_2': 'never runs', '__BUILD_BUG_ON_NOT_POWER_OF_2': 'never runs',
}
NAMES = ('type', 'member', 'field')  # arguments that are none
UNEVALUATED = ('sizeof', '__typeof__', '__alignof__', 'decltype', '__builtin_constant_p',
               '__builtin_types_compatible_p', '_Static_assert', 'static_assert')


def closing(text, start):
    """Behind the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] in '([{') - (text[i] in ')]}')
        if not depth:
            return i + 1
    return len(text)


def parts(text):
    """A list at its commas outside of brackets."""
    depth, last, out = 0, 0, []
    for i, c in enumerate(text):
        depth += (c in '([{') - (c in ')]}')
        if c == ',' and not depth:
            out.append(text[last:i])
            last = i + 1
    return out + [text[last:]]


def evaluated(text):
    text = re.sub(r'"(\\.|[^"\\])*"', '', text)
    while True:
        m = re.search(r'\b(' + '|'.join(UNEVALUATED) + r'|__builtin_choose_expr|_Generic)\s*\(', text)
        if not m:
            return text
        end = closing(text, m.end() - 1)
        inside = parts(text[m.end():end - 1])
        rest = ''
        if m.group(1) == '__builtin_choose_expr':
            rest = '(' + inside[2] + ')'  # what is taken where the arguments are no constants
        elif m.group(1) == '_Generic':
            rest = '(' + max((p.partition(':')[2] for p in inside[1:]), key=lambda p: p.count('zzq')) + ')'
        text = text[:m.start()] + rest + text[end:]


def macros_of(include, compiler, options):
    headers = [os.path.relpath(h, include) for h in sorted(glob.glob(include + '/**/*.h', recursive=True))
               if 'system_linux' not in h]
    source = ''.join(f'#include <{h}>\n' for h in headers)
    command = [compiler, '-E', '-I' + include, *options]
    found, mine = {}, False
    for line in subprocess.run(command + ['-dD', '-'], input=source, capture_output=True, text=True, check=True).stdout.splitlines():
        if m := re.match(r'# \d+ "([^"]*)"', line):
            mine = m.group(1).startswith(include)
        elif m := re.match(r'#undef (\w+)', line):
            found.pop(m.group(1), None)
        elif mine and (m := re.match(r'#define (\w+)\(([^)]*)\)', line)) and not m.group(1).startswith('KMEM_'):
            found[m.group(1)] = [a.strip() for a in m.group(2).split(',') if a.strip()]
    return source, command, found


def main():
    if '--help' in sys.argv or '-h' in sys.argv:
        print(__doc__)
        return
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    include, bad, seen = os.path.abspath(sys.argv[1]), [], set()
    for compiler, options in ((sys.argv[2], ['-x', 'c', '-std=gnu11']), (sys.argv[3], ['-x', 'c++', '-std=c++20'])):
        for extra in ([], ['-O2']):
            source, command, found = macros_of(include, compiler, options + extra)
            for name, arguments in found.items():
                # With ... of one to six arguments: some choose by their number.
                lengths = range(1, 7) if '...' in arguments else [len(arguments)]
                for n in lengths:
                    marks = [a if a in NAMES else f'zzq{i}' for i, a in enumerate((arguments + ['...'] * n)[:n])]
                    source += f'\n@@{name}@@ {name}({",".join(marks)})\n'
            text = subprocess.run(command + ['-P', '-'], input=source, capture_output=True, text=True).stdout
            pieces = re.split(r'@@(\w+)@@', text)
            seen |= set(pieces[1::2])
            for name, expansion in zip(pieces[1::2], pieces[2::2]):
                marks = re.findall(r'\bzzq\d+\b', evaluated(expansion))
                takes_this_many = '...' not in found.get(name, '') or not re.search(r'\bzzq\d+\s*\(', expansion)
                if len(marks) != len(set(marks)) and takes_this_many and not LOOP.fullmatch(name):
                    bad.append(name)
    for name in sorted(set(bad) - set(ALLOWED)):
        print(f'FAILED: {name}() evaluates an argument twice')
    for name in sorted(set(ALLOWED) - set(bad)):
        print(f'FAILED: {name}() is allowed to, and does not')
    print(f'{len(seen)} macros')
    sys.exit(set(bad) != set(ALLOWED) or len(seen) < 200)


main()
