/* Files of /proc and debugfs, in each way that drivers make them. */
#include <linux/debugfs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

struct record {
  struct list_head list;
  int number;
};
static LIST_HEAD(records);
static DEFINE_MUTEX(records_lock);
int nr_records = 3, record_width = 8, seq_starts;

static void* records_start(struct seq_file* m, loff_t* at) {
  (void)m;
  ++seq_starts;
  mutex_lock(&records_lock);
  return seq_list_start(&records, *at);
}
static void* records_next(struct seq_file* m, void* record, loff_t* at) {
  (void)m;
  return seq_list_next(record, &records, at);
}
static void records_stop(struct seq_file* m, void* record) {
  (void)m;
  (void)record;
  mutex_unlock(&records_lock);
}
static int records_show(struct seq_file* m, void* at) {
  const struct record* record = list_entry((struct list_head*)at, struct record, list);
  if (record->number == 1) return SEQ_SKIP;
  seq_setwidth(m, record_width - 1);
  seq_printf(m, "r%d", record->number);
  seq_pad(m, '\n');
  return 0;
}
static const struct seq_operations records_sops = {
    .start = records_start, .next = records_next, .stop = records_stop, .show = records_show};

static int one_show(struct seq_file* m, void* unused) {
  (void)unused;
  seq_printf(m, "single %d\n", *(int*)m->private);
  return 0;
}
static int a_number = 5;
DEFINE_PROC_SHOW_ATTRIBUTE(one);

static int old_read(char* page, char** start, off_t offset, int count, int* eof, void* data) {
  (void)start;
  (void)offset;
  (void)count;
  *eof = 1;
  return sprintf(page, "old %s\n", (char*)data);
}

static u64 simple = 7;
static int simple_get(void* data, u64* value) {
  *value = *(u64*)data;
  return 0;
}
static int simple_set(void* data, u64 value) {
  *(u64*)data = value;
  return value > 100 ? -EINVAL : 0;
}
DEFINE_SIMPLE_ATTRIBUTE(simple_fops, simple_get, simple_set, "%llu\n");

static u32 a_u32 = 0xbeef;
static u8 a_u8 = 3;
static bool a_bool = true;
static struct proc_dir_entry* folder;
static struct dentry* debug;

static int __init text_init(void) {
  int i;
  for (i = 0; i < nr_records; ++i) {
    struct record* record = kmalloc(sizeof(*record), GFP_KERNEL);
    if (!record) return -ENOMEM;
    record->number = i;
    list_add_tail(&record->list, &records);
  }
  folder = proc_mkdir("text", NULL);
  if (!proc_create_seq("records", 0, folder, &records_sops)) return -ENOMEM;
  if (!proc_create_data("single", 0444, folder, &one_proc_ops, &a_number)) return -ENOMEM;
  create_proc_read_entry("old", 0, NULL, old_read, "times");
  debug = debugfs_create_dir("text", NULL);
  debugfs_create_file("simple", 0644, debug, &simple, &simple_fops);
  debugfs_create_x32("word", 0644, debug, &a_u32);
  debugfs_create_u8("byte", 0644, debug, &a_u8);
  debugfs_create_bool("flag", 0644, debug, &a_bool);
  return 0;
}
static void __exit text_exit(void) {
  struct record *record, *next;
  remove_proc_entry("old", NULL);
  proc_remove(folder);
  debugfs_remove_recursive(debug);
  list_for_each_entry_safe(record, next, &records, list) {
    list_del(&record->list);
    kfree(record);
  }
}
module_init(text_init);
module_exit(text_exit);
MODULE_LICENSE("GPL");
