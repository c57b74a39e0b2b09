/* Objects of one kind: a cache with a constructor, whose objects are constructed once and stay so while they are free. */
#include <linux/list.h>
#include <linux/slab.h>

#include <stdio.h>

struct inode {
  struct list_head users; /* empty whenever the inode is freed */
  long number;
};

static void make_inode(void* object) {
  struct inode* inode = object;
  INIT_LIST_HEAD(&inode->users);
}

int main(void) {
  struct kmem_cache_args args = {.align = 64, .ctor = make_inode};
  struct kmem_cache* inodes = kmem_cache_create("inodes", sizeof(struct inode), &args, SLAB_RECLAIM_ACCOUNT);
  if (!inodes) return 1;
  struct inode* inode = kmem_cache_alloc(inodes, GFP_KERNEL);
  if (!inode) return 1;
  inode->number = 11;
  printf("inode %ld has %s\n", inode->number, list_empty(&inode->users) ? "no users" : "BAD");
  kmem_cache_free(inodes, inode);
  return kmem_cache_destroy(inodes); /* not 0 while objects are out */
}
