// Radix trees, as sparse arrays: <linux/radix-tree.h>. The caller uses its own lock. The array's flags are allocation flags
// here, so that a store never drops a lock: it allocates at once, as those flags allow.
#include <cerrno>

#include <linux/radix-tree.h>

int radix_tree_insert(xarray* root, unsigned long index, void* item) noexcept {
  xarray plain{};
  plain.xa_head = root->xa_head;
  int error = __xa_insert(&plain, index, item, root->xa_flags & ~__GFP_DIRECT_RECLAIM);
  // No atomic memory is left, and the root's flags allow sleeping, so the caller holds no spin lock.
  if (error == -ENOMEM && gfpflags_allow_blocking(root->xa_flags)) error = xa_insert(&plain, index, item, root->xa_flags);
  rcu_assign_pointer(root->xa_head, plain.xa_head);
  return error == -EBUSY ? -EEXIST : error;
}

void* radix_tree_delete_item(xarray* root, unsigned long index, void* item) noexcept {
  if (item && xa_load(root, index) != item) return nullptr;
  return __xa_erase(root, index);
}
