/* What start_kernel() calls: the first steps of libraries that are no modules.  Only of those that are linked in. */
extern void radix_tree_init(void) __attribute__((__weak__));
extern void maple_tree_init(void) __attribute__((__weak__));

static void __attribute__((__constructor__(200))) start_kernel_libraries(void) {
  if (radix_tree_init) radix_tree_init();
  if (maple_tree_init) maple_tree_init();
}

/* Parts of the kernel that are not there. */
void __attribute__((__weak__)) dump_stack(void) {}
void __attribute__((__weak__)) kmemleak_update_trace(const void* pointer) { (void)pointer; }
