/* Copies of strings and of what a user passed; what a device holds. */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/vmalloc.h>

#include <sys/mman.h>

#include "check.h"

static const char kTable[] = "in a table";
static char variable[] = "may change";

static void constants(void) {
  const char* literal = "a literal";
  CHECK(kstrdup_const(literal, GFP_KERNEL) == literal && kstrdup_const(kTable + 3, GFP_KERNEL) == kTable + 3);
  const char* copy = kstrdup_const(variable, GFP_KERNEL);
  CHECK(copy != variable && strcmp(copy, variable) == 0 && kstrdup_const(NULL, GFP_KERNEL) == NULL);
  SAYS(NULL, {
    kfree_const(copy);
    kfree_const(literal);
    kfree_const(kTable + 3);
    kfree_const(NULL);
  });
  SAYS("kmem: BUG", kfree_const(variable)); /* neither constant nor kmalloc's */
  void* object = kmalloc(8, GFP_KERNEL);
  struct kmem_cache* cache = kmem_cache_create("const-copies", 40, 0, SLAB_NO_MERGE, NULL);
  kfree_const(object);
  kfree_const(kmem_cache_alloc(cache, GFP_KERNEL));
  CHECK(kmem_cache_destroy(cache) == 0);
}

static void copies(void) {
  char* p = (char*)kvmemdup("twice", 6, GFP_KERNEL);
  CHECK(strcmp(p, "twice") == 0);
  kvfree(p);
  static char large[6 << 20];
  memset(large, 3, sizeof large);
  p = (char*)kvmemdup(large, sizeof large, GFP_KERNEL);
  CHECK(is_vmalloc_addr(p) && memcmp(p, large, sizeof large) == 0);
  kvfree(p);
  p = kstrdup_quotable("a\n\"b\\", GFP_KERNEL);
  CHECK(strcmp(p, "a\\x0a\\x22b\\x5c") == 0 && kstrdup_quotable(NULL, GFP_KERNEL) == NULL);
  kfree(p);
  char** names = kasprintf_strarray(GFP_KERNEL, "cpu", 3);
  CHECK(strcmp(names[0], "cpu-0") == 0 && strcmp(names[2], "cpu-2") == 0 && names[3] == NULL);
  kfree_strarray(names, 3);
  kfree_strarray(NULL, 0);
}

static void from_users(void) {
  char* page = (char*)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  strcpy(page + 4096 - 6, "edge!"); /* its NUL is the last byte that is there */
  char* p = (char*)memdup_user(page + 4096 - 6, 6);
  CHECK(!IS_ERR(p) && strcmp(p, "edge!") == 0);
  kfree(p);
  CHECK(PTR_ERR(memdup_user(page + 4000, 100)) == -EFAULT && PTR_ERR(memdup_user((void*)8, 8)) == -EFAULT);
  CHECK(PTR_ERR(vmemdup_user(page + 4000, 100)) == -EFAULT);
  p = (char*)vmemdup_user(variable, sizeof variable);
  CHECK(strcmp(p, variable) == 0);
  kvfree(p);
  p = (char*)memdup_user_nul(variable, 3);
  CHECK(strcmp(p, "may") == 0);
  kfree(p);
  p = strndup_user(page + 4096 - 6, 6);
  CHECK(strcmp(p, "edge!") == 0);
  kfree(p);
  CHECK(PTR_ERR(strndup_user(page + 4096 - 6, 5)) == -EINVAL && PTR_ERR(strndup_user((char*)16, 100)) == -EFAULT);
  page[4095] = 'x'; /* no NUL any more */
  CHECK(PTR_ERR(strndup_user(page + 4096 - 6, 100)) == -EFAULT);
  CHECK(PTR_ERR(memdup_array_user(variable, SIZE_MAX / 2, 3)) == -EOVERFLOW);
  p = (char*)memdup_array_user(variable, 2, 3);
  CHECK(memcmp(p, variable, 6) == 0);
  kfree(p);
  p = (char*)vmemdup_array_user(variable, 2, 3);
  CHECK(memcmp(p, variable, 6) == 0);
  kvfree(p);
}

static void into_buffers(void) {
  char to[8] = "1234567";
  CHECK(strscpy(to, "abc") == 3 && strcmp(to, "abc") == 0 && to[5] == '6');
  CHECK(strscpy(to, "12345678") == -E2BIG && strcmp(to, "1234567") == 0);
  CHECK(strscpy(to, "xyz", 2) == -E2BIG && strcmp(to, "x") == 0 && to[2] == '3' && strscpy(to, "xyz", 0) == -E2BIG);
  CHECK(strscpy_pad(to, "ab") == 2 && to[7] == 0 && to[3] == 0 && to[5] == 0);
}

/* What the kernel has as s64 and u64 is long long here too: %lld and %llu print it, and pointers to it fit. */
static void wide_types(void) {
  struct percpu_counter counter;
  CHECK(percpu_counter_init(&counter, 5, GFP_KERNEL) == 0);
  s64* const count = &counter.count;
  char text[40];
  snprintf(text, sizeof text, "%lld %lld", percpu_counter_sum(&counter), percpu_counter_read(&counter));
  CHECK(strcmp(text, "5 5") == 0 && *count == 5);
  percpu_counter_destroy(&counter);
  u64 i, start = 0, end = 0, *const first = &start;
  int nr = 0;
  for_each_mem_range(i, first, &end)++ nr;
  CHECK(nr > 0 && end > 0);
  snprintf(text, sizeof text, "%llx", virt_to_phys(page_address(ZERO_PAGE(0))));
  CHECK(page_to_phys(ZERO_PAGE(0)) == strtoull(text, NULL, 16));
  uint64_t other;
  for_each_mem_range(other, &start, &end)-- nr;
  CHECK(nr == 0);
}

static int order[4], nr_order;
static void note(void* what) { order[nr_order++] = *(int*)what; }

static void devices(void) {
  static int one = 1, two = 2;
  struct device dev;
  memset(&dev, 0, sizeof dev);
  dev.init_name = "copies";
  char* p = (char*)devm_kmalloc(&dev, 10, GFP_KERNEL);
  CHECK(devm_add_action(&dev, note, &one) == 0);
  strcpy(p, "contents");
  p = (char*)devm_krealloc(&dev, p, 5000, GFP_KERNEL);
  CHECK(strcmp(p, "contents") == 0 && ksize(p) >= 5000 && devm_krealloc(&dev, p, 20, GFP_KERNEL) == p);
  CHECK(devm_add_action(&dev, note, &two) == 0);
  SAYS("is not noted with this device", CHECK(devm_krealloc(&dev, &one, 10000, GFP_KERNEL) == NULL));
  char* text = devm_kasprintf(&dev, GFP_KERNEL, "%s-%d", "eth", 7);
  CHECK(strcmp(text, "eth-7") == 0 && devm_kstrdup_const(&dev, kTable, GFP_KERNEL) == kTable);
  const char* copy = devm_kstrdup_const(&dev, variable, GFP_KERNEL);
  CHECK(copy != variable && strcmp(copy, variable) == 0);
  SAYS(NULL, {
    devm_kfree(&dev, kTable);
    devm_kfree(&dev, copy);
  });
  CHECK(devm_krealloc(&dev, devm_kmalloc(&dev, 8, GFP_KERNEL), 0, GFP_KERNEL) == ZERO_SIZE_PTR);
  CHECK(devm_krealloc_array(&dev, NULL, SIZE_MAX / 2, 3, GFP_KERNEL) == NULL);
  int* numbers = (int*)devm_kmemdup_array(&dev, order, 4, sizeof(int), GFP_KERNEL);
  CHECK(numbers && numbers[0] == 0);
  const unsigned long pages = devm_get_free_pages(&dev, GFP_KERNEL, 2), others = devm_get_free_pages(&dev, GFP_KERNEL, 0);
  struct page* page = virt_to_page(pages);
  CHECK(pages && others && page_count(page) == 1);
  devm_free_pages(&dev, others);
  SAYS("is not noted with this device", devm_free_pages(&dev, others));
  long __percpu* counts = devm_alloc_percpu(&dev, long);
  this_cpu_inc(*counts);
  long __percpu* early = devm_alloc_percpu(&dev, long);
  devm_free_percpu(&dev, early);
  SAYS("is not noted with this device", devm_free_percpu(&dev, early));
  /* The block that grew is where the first one was: two, its memory's neighbour, comes before one. */
  CHECK(devres_release_all(&dev) == 7 && nr_order == 2 && order[0] == 2 && order[1] == 1);
  CHECK(page_count(page) == 0 && pcpu_alloc_size(counts) == 0);
}

int main(void) {
  constants();
  copies();
  from_users();
  into_buffers();
  devices();
  wide_types();
  return failures != 0;
}
