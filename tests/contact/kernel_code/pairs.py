#!/usr/bin/env python3
"""Headers alone and in every ordered pair, as users compile them: warnings are errors, and the headers are no system's.

  pairs.py INCLUDE CC CXX         those that documents name, as gnu11 C and C++20; all of them alone, and in two orders, also as
                                  gnu89 and gnu17
  pairs.py INCLUDE CC CXX --all   every pair of all, in all four languages (some minutes)

What a document says that a header has is used after it alone."""
import concurrent.futures
import os
import subprocess
import sys
import tempfile

# Linux Device Drivers, 3rd edition, chapter 8; the kernel's memory-allocation.rst, mm-api.rst, this_cpu_ops.rst, boot-time-mm.rst.
NAMED = {
    'linux/slab.h': 'kfree(kmalloc(8, GFP_KERNEL)); kfree(kzalloc(8, GFP_ATOMIC | __GFP_NOWARN)); '
                    'kmem_cache_destroy(kmem_cache_create("a", 8, 0, SLAB_HWCACHE_ALIGN, NULL)); '
                    '{ kmem_cache_t *c = kmem_cache_create("b", 8, 0, 0, NULL, NULL); kmem_cache_free(c, kmem_cache_alloc(c, SLAB_KERNEL)); }',
    'linux/gfp.h': 'free_pages(__get_free_pages(GFP_USER, 1), 1); __free_page(alloc_page(GFP_DMA)); free_page(get_zeroed_page(GFP_NOIO)); '
                   '__free_pages(alloc_pages_node(0, GFP_HIGHUSER, 2), 2);',
    'linux/mm.h': '{ struct page *p = alloc_pages(GFP_KERNEL, 0); (void)page_address(p); (void)virt_to_page((void *)0); put_page(p); } '
                  '(void)get_order(PAGE_SIZE); (void)GFP_NOFS; free_hot_page(alloc_page(GFP_KERNEL)); kvfree(kvmalloc(8, GFP_KERNEL)); '
                  '(void)is_vmalloc_addr(NULL); (void)vmalloc_to_page(NULL);',
    'linux/highmem.h': '{ struct page *p = alloc_page(GFP_HIGHUSER); (void)kmap(p); kunmap(p); kunmap_local(kmap_local_page(p)); }',
    'linux/mempool.h': '{ mempool_t *p = mempool_create(1, mempool_alloc_slab, mempool_free_slab, NULL); '
                       'mempool_free(mempool_alloc(p, GFP_NOIO), p); (void)mempool_resize(p, 2, GFP_KERNEL); mempool_destroy(p); }',
    'linux/vmalloc.h': 'vfree(vmalloc(8)); vunmap(vmap(NULL, 0, VM_MAP, PAGE_KERNEL)); (void)VMALLOC_END;',
    'linux/percpu.h': '{ long *v = alloc_percpu(long); *per_cpu_ptr(v, 0) = 1; ++*get_cpu_ptr(v); put_cpu_ptr(v); this_cpu_inc(*v); free_percpu(v); }',
    'linux/bootmem.h': 'free_bootmem((unsigned long)__pa(alloc_bootmem_low_pages(8)), 8);',
    'linux/memblock.h': 'memblock_free(memblock_alloc(8, 8), 8);',
    'linux/kernel.h': '(void)ALIGN(5, 8); (void)min_t(int, 1, 2); (void)kasprintf(0, "%d", 1); printk(KERN_INFO "a\\n");',
    'linux/string.h': '(void)kstrdup("a", 0); (void)kmemdup("a", 1, 0); (void)strlen("a");',
    'asm/page.h': '(void)get_order(8); (void)PAGE_SHIFT; (void)__pa(NULL); (void)__va(0);',
    'asm/io.h': 'iounmap(ioremap(0, 8)); (void)virt_to_phys(NULL);',
    'asm/pgtable.h': '(void)(VMALLOC_END - VMALLOC_START);',
}
C, CXX = 0, 1
MODES = [(CXX, 'c++20'), (C, 'gnu11'), (C, 'gnu17'), (C, 'gnu89')]
failures = []


class Compiler:
    def __init__(self, include, compilers, folder):
        self.include, self.compilers, self.folder, self.n = include, compilers, folder, 0
        # A program that gives u8 ... u64 another meaning.
        os.mkdir(os.path.join(folder, 'kmem'))
        with open(os.path.join(folder, 'kmem', 'no_kernel_types'), 'w', encoding='ascii') as f:
            f.write('#define KMEM_NO_KERNEL_TYPES\n')

    def command(self, mode, headers, uses=''):
        language, standard = mode
        self.n += 1
        source = os.path.join(self.folder, f'{self.n}.{"cc" if language else "c"}')
        with open(source, 'w', encoding='ascii') as f:
            f.writelines(f'#include <{h}>\n' for h in headers)
            f.write(f'void use(void);\nvoid use(void) {{ {uses} }}\n')
        return [self.compilers[language], f'-std={standard}', '-Wall', '-Wextra', '-Werror', '-fsyntax-only',
                '-I' + self.include, '-I' + self.folder, source], headers, standard


def run(work):
    command, headers, standard = work
    done = subprocess.run(command, capture_output=True, text=True)
    os.unlink(command[-1])
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if 'error' in line]
        failures.append(f'FAILED: {" then ".join(headers)} as {standard}: {(errors or ["?"])[0]}')


def main():
    if '--help' in sys.argv or '-h' in sys.argv:
        print(__doc__)
        return
    everything = '--all' in sys.argv
    arguments = [a for a in sys.argv[1:] if a != '--all']
    if len(arguments) != 3:
        sys.exit(__doc__)
    include = os.path.abspath(arguments[0])
    headers = sorted(os.path.relpath(os.path.join(at, f), include) for at, _, files in os.walk(include)
                     for f in files if f.endswith('.h') and not f.startswith('system_linux'))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        compiler = Compiler(include, arguments[1:], folder)
        work = []
        for mode in MODES:
            work += [compiler.command(mode, [h], NAMED.get(h, '')) for h in headers]
            work += [compiler.command(mode, headers), compiler.command(mode, headers[::-1])]
            if mode in MODES[:2]:
                work += [compiler.command(mode, ['kmem/no_kernel_types', h]) for h in headers]
        for mode in MODES if everything else MODES[:2]:
            of = headers if everything else list(NAMED)
            # What the second one has must be there still.
            work += [compiler.command(mode, [a, b], NAMED.get(b, '')) for a in of for b in of if a != b]
        list(pool.map(run, work))
    for failure in failures[:40]:
        print(failure)
    print(f'{len(headers)} headers, {len(work)} files compiled, {len(failures)} failed')
    sys.exit(bool(failures) or set(NAMED) - set(headers) != set())


main()
