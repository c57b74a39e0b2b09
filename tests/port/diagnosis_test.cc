// The contract of every port, names, stacks, what can be looked at.

#include <cstring>

#include "port/contract.h"
#include "port/saved_stack.h"

namespace kmem {
namespace {

TEST_F(Contract, names_fit_or_are_cut) {
  char name[200];
  const size_t n = kmem_port_name_code(reinterpret_cast<const void*>(&kmem_port_now_ns), name, sizeof name);
  EXPECT_EQ(strlen(name), n);
  EXPECT_TRUE(n == 0 || strncmp(name, "kmem_port_now_ns+0x0/0x", 23) == 0) << name;
  EXPECT_EQ(kmem_port_name_code(nullptr, name, sizeof name), 0u);
  char task[8];
  const size_t length = kmem_port_task_name(task, sizeof task);
  EXPECT_EQ(strlen(task), length);
  EXPECT_NE(kmem_port_task_id(), 0u);
  EXPECT_NE(kmem_port_process_id(), 0u);
  EXPECT_EQ(kmem_port_process_id(), kmem_port_process_id());
}

TEST_F(Contract, code_is_found_in_its_file_or_nowhere) {
  char file[512];
  uint64_t offset = 0;
  if (kmem_port_locate(reinterpret_cast<const void*>(&kmem_port_boot), file, sizeof file, &offset)) {
    EXPECT_EQ(file[0], '/');
    EXPECT_NE(offset, 0u);
    EXPECT_FALSE(kmem_port_locate(reinterpret_cast<const void*>(&kmem_port_boot), file, 4, &offset)) << "the name must fit";
  }
  EXPECT_FALSE(kmem_port_locate(reinterpret_cast<const void*>(16), file, sizeof file, &offset));
}

TEST_F(Contract, what_is_constant_is_no_variable) {
  static int variable = 1;
  EXPECT_FALSE(kmem_port_is_constant(&variable));
  EXPECT_FALSE(kmem_port_is_constant(nullptr));
  const char* literal = "a literal";
  if (kmem_port_is_constant(literal)) {
    EXPECT_TRUE(kmem_port_is_constant(literal + 5));
  }
}

TEST_F(Contract, a_stack_that_is_saved_is_the_callers) {
  static SavedStack saved;
  uint64_t here = 0x1234567890abcdef;
  asm volatile("" : : "r"(&here) : "memory");
  if (!kmem_port_save_stack(&saved)) return;
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps variables on a stack of its own";
#endif
  const uint64_t offset = reinterpret_cast<uint64_t>(&here) - saved.stack_start;
  ASSERT_LT(offset, saved.stack_bytes);
  EXPECT_EQ(memcmp(saved.stack + offset, &here, sizeof here), 0);
  EXPECT_NE(strstr(saved.mappings, "[stack]"), nullptr);
}

}  // namespace
}  // namespace kmem
