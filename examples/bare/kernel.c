/* A kernel on kmem: bare_kernel_main() is called as the first task, with all CPUs up; what it returns is the machine's status.
 *
 * It counts words of a text, with objects of a cache in lists, a table by kvmalloc, and a page for the report.
 * tests/bare/run builds it from an installation with gcc alone, and boots it:
 *
 *   gcc -O2 -ffreestanding -fno-pic -mno-red-zone -fcf-protection=none -fno-stack-protector -DKMEM_BARE
 *       -Iinstalled/include -nostdlib -static -no-pie -Wl,-T,installed/share/kmem-bare/kernel.ld -Wl,-u,bare_entry32
 *       kernel.c installed/lib/libkmem-bare.a -lgcc -o kernel.elf
 *   qemu-system-x86_64 -nographic -kernel kernel.elf
 *
 * On arm64: aarch64-linux-gnu-gcc with -mno-outline-atomics in place of the two options of x86-64 and -u,bare_header, then
 *
 *   aarch64-linux-gnu-objcopy -O binary kernel.elf kernel.img
 *   qemu-system-aarch64 -machine virt -cpu cortex-a72 -nographic -semihosting -kernel kernel.img
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define NR_BUCKETS 4096

struct word {
  struct hlist_node node;
  unsigned int nr;
  unsigned int length;
  char text[48];
};

static const char text[] =
    "a kernel asks for memory by the page and by the object and gives it back by the page and by the object "
    "and what it asks for in an interrupt it gets in an interrupt or not at all";

static struct kmem_cache* words;
static struct hlist_head* buckets;

static unsigned int hash(const char* at, unsigned int length) {
  unsigned int h = 5381;

  while (length--) h = h * 33 + (unsigned char)*at++;
  return h % NR_BUCKETS;
}

static int same(const struct word* word, const char* at, unsigned int length) {
  unsigned int i;

  if (word->length != length) return 0;
  for (i = 0; i < length; i++)
    if (word->text[i] != at[i]) return 0;
  return 1;
}

static int count(const char* at, unsigned int length) {
  struct hlist_head* bucket = &buckets[hash(at, length)];
  struct word* word;
  unsigned int i;

  hlist_for_each_entry(word, bucket, node) if (same(word, at, length)) {
    word->nr++;
    return 0;
  }
  if (length >= sizeof(word->text)) return -1;
  word = kmem_cache_zalloc(words, GFP_KERNEL);
  if (!word) return -1;
  for (i = 0; i < length; i++) word->text[i] = at[i];
  word->length = length;
  word->nr = 1;
  hlist_add_head(&word->node, bucket);
  return 0;
}

static int count_all(void) {
  const char *at = text, *end;

  for (; *at; at = *end ? end + 1 : end) {
    for (end = at; *end && *end != ' '; end++)
      ;
    if (count(at, end - at)) return -1;
  }
  return 0;
}

/* The most frequent one; all of them go back. */
static void report_and_free(void) {
  struct word *word, *most = NULL;
  struct hlist_node* next;
  unsigned int i, nr = 0;

  for (i = 0; i < NR_BUCKETS; i++) hlist_for_each_entry(word, &buckets[i], node) {
      nr++;
      if (!most || word->nr > most->nr) most = word;
    }
  if (most) printk("%u words, most often '%s': %u times\n", nr, most->text, most->nr);
  for (i = 0; i < NR_BUCKETS; i++) hlist_for_each_entry_safe(word, next, &buckets[i], node) {
      hlist_del(&word->node);
      kmem_cache_free(words, word);
    }
}

int bare_kernel_main(void) {
  int failed;

  words = kmem_cache_create("words", sizeof(struct word), 0, 0, NULL);
  buckets = kvcalloc(NR_BUCKETS, sizeof(*buckets), GFP_KERNEL);
  failed = !words || !buckets || count_all();
  if (!failed) report_and_free();
  kvfree(buckets);
  kmem_cache_destroy(words);
  printk("%lu pages are free\n", nr_free_pages());
  return failed;
}
