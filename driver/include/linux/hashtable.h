#ifndef KMEM_LINUX_HASHTABLE_H
#define KMEM_LINUX_HASHTABLE_H
/* Hash tables of a fixed size, 2^bits chains.  Nothing is locked. */
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/rculist.h>

#define DECLARE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)]
#define DEFINE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)] = {{NULL}}
#define HASH_SIZE(table) (sizeof(table) / sizeof(table[0]))
#define HASH_BITS(table) ((unsigned int)ilog2(HASH_SIZE(table)))
#define hash_min(value, bits) (sizeof(value) <= 4 ? hash_32((u32)(value), bits) : hash_long((unsigned long)(value), bits))
#define kmem_hash_chain(table, key) (&(table)[hash_min(key, HASH_BITS(table))])

static inline void __hash_init(struct hlist_head* table, unsigned int n) {
  while (n--) INIT_HLIST_HEAD(&table[n]);
}
static inline bool __hash_empty(const struct hlist_head* table, unsigned int n) {
  while (n--)
    if (!hlist_empty(&table[n])) return false;
  return true;
}
#define hash_init(table) __hash_init((table), HASH_SIZE(table))
#define hash_empty(table) __hash_empty((table), HASH_SIZE(table))
#define hash_add(table, node, key) hlist_add_head((node), kmem_hash_chain(table, key))
#define hash_add_rcu(table, node, key) hlist_add_head_rcu((node), kmem_hash_chain(table, key))
static inline bool hash_hashed(const struct hlist_node* node) { return !hlist_unhashed(node); }
static inline void hash_del(struct hlist_node* node) { hlist_del_init(node); }
static inline void hash_del_rcu(struct hlist_node* node) { hlist_del_init_rcu(node); }

/** All entries, chain by chain; and the entries of the key's chain, among which the caller must compare keys. */
#define hash_for_each(table, bucket, entry, member)                                                      \
  for ((bucket) = 0, (entry) = NULL; (entry) == NULL && (size_t)(bucket) < HASH_SIZE(table); ++(bucket)) \
  hlist_for_each_entry(entry, &(table)[bucket], member)
#define hash_for_each_safe(table, bucket, following, entry, member)                                      \
  for ((bucket) = 0, (entry) = NULL; (entry) == NULL && (size_t)(bucket) < HASH_SIZE(table); ++(bucket)) \
  hlist_for_each_entry_safe(entry, following, &(table)[bucket], member)
#define hash_for_each_rcu(table, bucket, entry, member)                                                  \
  for ((bucket) = 0, (entry) = NULL; (entry) == NULL && (size_t)(bucket) < HASH_SIZE(table); ++(bucket)) \
  hlist_for_each_entry_rcu(entry, &(table)[bucket], member)
#define hash_for_each_possible(table, entry, member, key) hlist_for_each_entry(entry, kmem_hash_chain(table, key), member)
#define hash_for_each_possible_safe(table, entry, following, member, key) \
  hlist_for_each_entry_safe(entry, following, kmem_hash_chain(table, key), member)
#define hash_for_each_possible_rcu(table, entry, member, key) \
  hlist_for_each_entry_rcu(entry, kmem_hash_chain(table, key), member)
#endif
