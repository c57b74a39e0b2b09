// vmalloc() and its kin by their names: addresses in a row over frames that are real.

#include <kmem/stats.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "port/port.h"
#include "system/system.h"
#include "unit/kernel_face/log.h"
#include "unit/kernel_face/run_again.h"

namespace {

using kmem::test::log_of;
using kmem::test::mentions;
using kmem::test::run_with;

constexpr unsigned long kMiB = 1UL << 20;

kmem::Vmap& areas() { return kmem::system().vmap; }

void expect_sound() {
  const kmem::Fault fault = kmem::check_system();
  EXPECT_FALSE(fault) << fault.rule << " at " << std::hex << fault.where << " want " << fault.want << " got " << fault.got;
}

uint64_t frames_in_use() {
  uint64_t sum = 0;
  kmem::PageAllocator& pages = kmem::system().pages;
  for (unsigned i = 0; i < pages.nr_zones(); ++i) sum += pages.zone(i).nr_in_use();
  return sum;
}

class Vmalloc : public testing::Test {
 protected:
  void TearDown() override { expect_sound(); }
};

TEST_F(Vmalloc, every_size_is_in_the_window_and_can_be_written_to_its_last_byte) {
  for (const unsigned long bytes : {1UL, 4095UL, 4096UL, 4097UL, 65536UL, 1000000UL, 2 * kMiB, 2 * kMiB + 1, 9 * kMiB}) {
    auto* p = static_cast<unsigned char*>(vmalloc(bytes));
    ASSERT_TRUE(p) << bytes;
    EXPECT_EQ(offset_in_page(p), 0u);
    EXPECT_GE(reinterpret_cast<unsigned long>(p), VMALLOC_START);
    EXPECT_LE(reinterpret_cast<unsigned long>(p) + bytes, VMALLOC_END);
    EXPECT_TRUE(is_vmalloc_addr(p));
    EXPECT_TRUE(is_vmalloc_addr(p + bytes - 1));
    memset(p, 0xa5, bytes);
    EXPECT_EQ(p[0] & p[bytes - 1], 0xa5);
    vfree(p);
  }
  int on_the_stack;
  EXPECT_FALSE(is_vmalloc_addr(&on_the_stack));
}

TEST_F(Vmalloc, each_page_has_a_frame_of_its_own_that_the_page_allocator_gave) {
  const uint64_t before = frames_in_use();
  auto* p = static_cast<char*>(vmalloc(100 * PAGE_SIZE));
  ASSERT_TRUE(p);
  std::set<unsigned long> frames;
  for (unsigned i = 0; i < 100; ++i) {
    const unsigned long pfn = vmalloc_to_pfn(p + i * PAGE_SIZE);
    EXPECT_TRUE(pfn_valid(pfn));
    EXPECT_TRUE(frames.insert(pfn).second);
    EXPECT_EQ(page_to_pfn(vmalloc_to_page(p + i * PAGE_SIZE + 17)), pfn);
    if (!areas().can_alias()) {
      EXPECT_EQ(page_address(vmalloc_to_page(p + i * PAGE_SIZE)), p + i * PAGE_SIZE) << "where it is";
    }
  }
  EXPECT_GE(frames_in_use(), before + 100);
  EXPECT_EQ(vmalloc_to_pfn(p + 100 * PAGE_SIZE), 0u) << "the guard has none";
  vfree(p);
  vm_unmap_aliases();
  EXPECT_LE(frames_in_use(), before + 8);
}

TEST_F(Vmalloc, cleared_forms_are_clear_also_where_an_area_is_used_again) {
  for (int round = 0; round < 4; ++round) {
    for (const unsigned long bytes : {5000UL, 70000UL, 3 * kMiB}) {
      auto* p = static_cast<unsigned char*>(round % 2 ? vzalloc(bytes) : vmalloc_user(bytes));
      ASSERT_TRUE(p);
      for (unsigned long i = 0; i < bytes; ++i) ASSERT_EQ(p[i], 0) << i;
      memset(p, 0xff, bytes);
      vfree(p);
    }
  }
}

TEST_F(Vmalloc, a_size_freed_lately_is_served_again_without_a_new_area) {
  void* first = vmalloc(50 * PAGE_SIZE);
  vfree(first);
  const uint64_t reused = areas().nr_reused();
  void* second = vmalloc(50 * PAGE_SIZE);
  EXPECT_EQ(second, first);
  EXPECT_EQ(areas().nr_reused(), reused + 1);
  vfree(second);
}

TEST_F(Vmalloc, a_large_area_goes_back_at_once_unless_it_was_wanted_again) {
  vm_unmap_aliases();
  void* p = vmalloc(64 * kMiB);
  vfree(p);
  EXPECT_EQ(areas().lazy_pages(), 0u) << "the first time nobody knows";
  vfree(vmalloc(64 * kMiB));
  EXPECT_EQ(areas().lazy_pages(), 64 * kMiB / PAGE_SIZE) << "the second time it is kept";
  const uint64_t reused = areas().nr_reused();
  vfree(vmalloc(64 * kMiB));
  EXPECT_EQ(areas().nr_reused(), reused + 1);
  vm_unmap_aliases();
  EXPECT_EQ(areas().lazy_pages(), 0u);
}

TEST_F(Vmalloc, what_cannot_be_is_null) {
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(vmalloc(0), nullptr); }), "vmalloc"));
  volatile unsigned long most = ~0UL;  // the compiler knows that such a size cannot be
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(vmalloc(most), nullptr); }), "vmalloc"));
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(vmalloc(most - 8192), nullptr); }), "vmalloc"));
  EXPECT_EQ(log_of([] { EXPECT_EQ(__vmalloc(1UL << 62, GFP_KERNEL | __GFP_NOWARN), nullptr); }), "");
  EXPECT_EQ(vmalloc_array(~0UL / 2, 4), nullptr);
  EXPECT_EQ(vcalloc(~0UL, 2), nullptr);
  vfree(nullptr);
}

TEST_F(Vmalloc, arrays_nodes_and_flags_are_served) {
  for (void* p :
       {vmalloc_array(100, 100), vcalloc(100, 100), vmalloc_node(9000, 0), vzalloc_node(9000, 0),
        __vmalloc(9000, GFP_KERNEL | __GFP_ZERO), vmalloc_huge(9000, GFP_KERNEL), __vmalloc(9000, GFP_KERNEL, PAGE_KERNEL)}) {
    ASSERT_TRUE(p);
    memset(p, 1, 9000);
    vfree(p);
  }
  auto* low = static_cast<char*>(vmalloc_32(20 * PAGE_SIZE));
  ASSERT_TRUE(low);
  for (unsigned i = 0; i < 20; ++i) EXPECT_LT(vmalloc_to_pfn(low + i * PAGE_SIZE) << PAGE_SHIFT, 1UL << 32);
  vfree(low);
  void* aligned = __vmalloc_node(9000, kMiB, GFP_KERNEL, NUMA_NO_NODE, nullptr);
  EXPECT_EQ(reinterpret_cast<unsigned long>(aligned) % kMiB, 0u);
  vfree(aligned);
}

TEST_F(Vmalloc, where_the_caller_must_not_sleep_that_is_reported_and_served) {
  kmem::add_preempt_count(1);
  const std::string log = log_of([] {
    void* p = vmalloc(3 * PAGE_SIZE);
    EXPECT_TRUE(p);
    vfree(p);
  });
  kmem::add_preempt_count(-1u);
  EXPECT_TRUE(mentions(log, "sleeping function called from invalid context")) << log;
}

TEST_F(Vmalloc, a_free_in_an_interrupt_is_finished_by_the_next_task) {
  void* p = vmalloc(100 * kMiB);
  vfree_atomic(p);
  EXPECT_GE(areas().lazy_pages(), 100 * kMiB / PAGE_SIZE);
  vfree(vmalloc(PAGE_SIZE));
  EXPECT_LT(areas().lazy_pages(), 100 * kMiB / PAGE_SIZE);
}

TEST_F(Vmalloc, another_size_keeps_the_contents) {
  auto* p = static_cast<unsigned char*>(vrealloc(nullptr, 5000, GFP_KERNEL));
  memset(p, 7, 5000);
  for (const unsigned long bytes : {6000UL, 50000UL, 3 * kMiB, 400000UL, 1UL, 5000UL}) {
    p = static_cast<unsigned char*>(vrealloc(p, bytes, GFP_KERNEL));
    ASSERT_TRUE(p) << bytes;
    EXPECT_EQ(p[0], 7);
    if (bytes > 1) memset(p, 7, bytes);
    EXPECT_EQ(p[bytes - 1], 7);
    expect_sound();
  }
  EXPECT_EQ(vrealloc(p, 0, GFP_KERNEL), nullptr);
}

TEST_F(Vmalloc, it_grows_in_place_where_the_addresses_behind_are_free) {
  vm_unmap_aliases();
  void* p = vmalloc(700 * PAGE_SIZE);
  auto* q = static_cast<char*>(vrealloc(p, 900 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO));
  EXPECT_EQ(q, p);
  for (unsigned long i = 700 * PAGE_SIZE; i < 900 * PAGE_SIZE; ++i) ASSERT_EQ(q[i], 0);
  vfree(q);
}

TEST_F(Vmalloc, a_page_that_somebody_holds_survives_the_area_with_its_contents) {
  auto* p = static_cast<char*>(vmalloc(10 * PAGE_SIZE));
  memset(p, 0x3c, 10 * PAGE_SIZE);
  struct page* page = vmalloc_to_page(p + 4 * PAGE_SIZE);
  get_page(page);
  vfree(p);
  const auto* bytes = static_cast<const char*>(kmap(page));
  for (unsigned i = 0; i < PAGE_SIZE; ++i) ASSERT_EQ(bytes[i], 0x3c);
  kunmap(page);
  EXPECT_EQ(page_count(page), 1);
  put_page(page);
}

TEST_F(Vmalloc, a_page_freed_by_itself_is_reported_and_not_lost) {
  auto* p = static_cast<char*>(vmalloc(10 * PAGE_SIZE));
  __free_page(vmalloc_to_page(p + 4 * PAGE_SIZE));
  p[4 * PAGE_SIZE] = 1;
  EXPECT_TRUE(mentions(log_of([&] { vfree(p); }), "was freed separately"));
}

// Bad input -----------------------------------------------------------------------------------------------------------

TEST_F(Vmalloc, a_wrong_address_is_named_and_changes_nothing) {
  auto* p = static_cast<char*>(vmalloc(10000));
  std::string log = log_of([&] { vfree(p + 4096); });
  EXPECT_TRUE(mentions(log, "vmalloc area 0x")) << log;
  EXPECT_TRUE(mentions(log, "does not begin there")) << log;
  log = log_of([&] { vfree(p + 1); });
  EXPECT_TRUE(mentions(log, "of 10000 bytes")) << log;
  log = log_of([&] { vunmap(p); });
  EXPECT_TRUE(mentions(log, "of another kind")) << log;
  log = log_of([&] { kfree(p); });
  EXPECT_TRUE(mentions(log, "use vfree")) << log;
  p[9999] = 1;
  vfree(p);
  log = log_of([&] { vfree(p); });
  EXPECT_TRUE(mentions(log, "freed vmalloc area")) << log;
  EXPECT_TRUE(mentions(log, "a second free")) << log;
  vm_unmap_aliases();
  log = log_of([&] { vfree(p); });
  EXPECT_TRUE(mentions(log, "where no area is")) << log;
}

TEST_F(Vmalloc, memory_of_others_is_refused) {
  void* k = kmalloc(100, GFP_KERNEL);
  EXPECT_TRUE(mentions(log_of([&] { vfree(k); }), "kmalloc-128"));
  kfree(k);
  int local;
  EXPECT_TRUE(mentions(log_of([&] { vfree(&local); }), "nothing of kmem's"));
}

/// The signal that ended a child which did that; what it said goes to `log`.
template <typename F>
int signal_of(F f, std::string* log = nullptr) {
  fflush(nullptr);
  int ends[2];
  if (pipe(ends)) return -1;
  const pid_t child = fork();
  if (!child) {
    dup2(ends[1], STDERR_FILENO);
    f();
    _exit(0);
  }
  close(ends[1]);
  char text[8192];
  for (ssize_t n; (n = read(ends[0], text, sizeof text)) > 0;)
    if (log) log->append(text, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  // A sanitizer has a handler of its own, and ends the program itself.
  return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

TEST_F(Vmalloc, a_write_into_the_guard_page_faults) {
  for (const unsigned long bytes : {PAGE_SIZE, 200 * PAGE_SIZE, 2 * kMiB}) {
    auto* p = static_cast<char*>(vmalloc(bytes));
    EXPECT_EQ(signal_of([&] { p[bytes - 1] = 1; }), 0);
    if (areas().window().find(p)->has(kmem::area::kSoftGuard)) GTEST_SKIP() << "this host has no guard pages to spare";
    std::string log;
    EXPECT_NE(signal_of([&] { p[bytes] = 1; }, &log), 0) << bytes;
    if (kmem_port_catches_accesses()) {
      EXPECT_TRUE(mentions(log, "in the guard page behind vmalloc area")) << log;
    }
    kmem::TextOf<192> name;
    EXPECT_TRUE(areas().describe(p + bytes, name));
    EXPECT_TRUE(mentions(name.data(), "the guard page behind vmalloc area"));
    vfree(p);
  }
}

// vmap ----------------------------------------------------------------------------------------------------------------

std::vector<struct page*> some_pages(unsigned n) {
  std::vector<struct page*> pages;
  for (unsigned i = 0; i < n; ++i) {
    pages.push_back(alloc_page(GFP_KERNEL));
    *static_cast<unsigned*>(page_address(pages.back())) = i;
  }
  return pages;
}

TEST_F(Vmalloc, vmap_shows_pages_with_what_is_in_them_and_they_come_home_with_what_was_written) {
  for (const unsigned n : {1u, 7u, 300u}) {
    auto pages = some_pages(n);
    auto* p = static_cast<char*>(vmap(pages.data(), n, VM_MAP, PAGE_KERNEL));
    ASSERT_TRUE(p);
    for (unsigned i = 0; i < n; ++i) {
      EXPECT_EQ(*reinterpret_cast<unsigned*>(p + i * PAGE_SIZE), i);
      *reinterpret_cast<unsigned*>(p + i * PAGE_SIZE) = 1000 + i;
      EXPECT_EQ(vmalloc_to_page(p + i * PAGE_SIZE), pages[i]);
      if (!areas().can_alias()) {
        EXPECT_EQ(page_address(pages[i]), p + i * PAGE_SIZE);
      }
    }
    vunmap(p);
    for (unsigned i = 0; i < n; ++i) {
      EXPECT_EQ(*static_cast<unsigned*>(page_address(pages[i])), 1000 + i);
      EXPECT_EQ(page_count(pages[i]), 1);
      __free_page(pages[i]);
    }
  }
}

TEST_F(Vmalloc, vmap_of_a_block_moves_it_whole) {
  struct page* block = alloc_pages(GFP_KERNEL, 6);
  memset(page_address(block), 0x77, PAGE_SIZE << 6);
  struct page* pages[64];
  for (unsigned i = 0; i < 64; ++i) pages[i] = block + i;
  auto* p = static_cast<char*>(vmap(pages, 64, VM_MAP, PAGE_KERNEL));
  ASSERT_TRUE(p);
  for (size_t i = 0; i < PAGE_SIZE << 6; ++i) ASSERT_EQ(p[i], 0x77);
  p[5] = 1;
  vunmap(p);
  EXPECT_EQ(static_cast<char*>(page_address(block))[5], 1);
  EXPECT_EQ(static_cast<char*>(page_address(block))[6], 0x77);
  __free_pages(block, 6);
}

TEST_F(Vmalloc, a_page_that_is_freed_while_it_is_mapped_goes_back_at_vunmap) {
  auto pages = some_pages(3);
  void* p = vmap(pages.data(), 3, VM_MAP, PAGE_KERNEL);
  __free_page(pages[1]);
  EXPECT_EQ(page_count(pages[1]), 1);
  *static_cast<char*>(p) = 1;
  vunmap(p);
  EXPECT_EQ(page_count(pages[1]), 0);
  __free_page(pages[0]);
  __free_page(pages[2]);
}

TEST_F(Vmalloc, the_same_page_twice_is_refused_without_aliases_and_nothing_is_lost) {
  if (areas().can_alias()) GTEST_SKIP() << "here it can be";
  auto pages = some_pages(2);
  struct page* twice[] = {pages[0], pages[1], pages[0]};
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(vmap(twice, 3, VM_MAP, PAGE_KERNEL), nullptr); }), "alias=1"));
  for (unsigned i = 0; i < 2; ++i) {
    EXPECT_EQ(*static_cast<unsigned*>(page_address(pages[i])), i);
    EXPECT_EQ(page_count(pages[i]), 1);
    __free_page(pages[i]);
  }
}

TEST_F(Vmalloc, what_is_no_page_of_alloc_pages_is_not_mapped) {
  void* k = kmalloc(64, GFP_KERNEL);
  struct page* pages[] = {virt_to_page(k)};
  EXPECT_TRUE(mentions(log_of([&] { EXPECT_EQ(vmap(pages, 1, VM_MAP, PAGE_KERNEL), nullptr); }), "not a page of alloc_pages"));
  kfree(k);
}

TEST_F(Vmalloc, a_mapping_for_reading_cannot_be_written) {
  auto pages = some_pages(2);
  auto* p = static_cast<char*>(vmap(pages.data(), 2, VM_MAP, PAGE_KERNEL_RO));
  EXPECT_EQ(*p, 0);
  EXPECT_NE(signal_of([&] { *p = 1; }), 0);
  vunmap(p);
  *static_cast<char*>(page_address(pages[0])) = 1;
  for (struct page* page : pages) __free_page(page);
}

TEST_F(Vmalloc, vmap_can_own_its_pages) {
  auto** pages = static_cast<struct page**>(kvmalloc_array(5, sizeof(struct page*), GFP_KERNEL));
  for (int i = 0; i < 5; ++i) pages[i] = alloc_page(GFP_KERNEL);
  const std::vector<struct page*> copy(pages, pages + 5);
  void* p = vmap(pages, 5, VM_MAP | VM_MAP_PUT_PAGES, PAGE_KERNEL);
  ASSERT_TRUE(p);
  for (struct page* page : copy) EXPECT_EQ(page_count(page), 2) << "the area's, and its mapping's";
  vfree(p);
  for (struct page* page : copy) EXPECT_EQ(page_count(page), 0);
}

TEST_F(Vmalloc, ram_mappings_are_checked_for_their_number_of_pages) {
  auto pages = some_pages(4);
  void* p = vm_map_ram(pages.data(), 4, NUMA_NO_NODE);
  ASSERT_TRUE(p);
  EXPECT_TRUE(mentions(log_of([&] { vm_unmap_ram(p, 3); }), "another size"));
  vm_unmap_ram(p, 4);
  for (struct page* page : pages) __free_page(page);
}

TEST_F(Vmalloc, with_aliases_a_ring_can_be_mapped_twice_in_a_row) {
  if (!areas().can_alias()) GTEST_SKIP() << "run with KMEM=alias=1";
  auto pages = some_pages(4);
  std::vector<struct page*> twice = pages;
  twice.insert(twice.end(), pages.begin(), pages.end());
  auto* ring = static_cast<char*>(vmap(twice.data(), 8, VM_MAP, PAGE_KERNEL));
  ASSERT_TRUE(ring);
  strcpy(ring + 4 * PAGE_SIZE - 5, "across the end");
  EXPECT_STREQ(ring, "s the end");
  EXPECT_STREQ(static_cast<char*>(page_address(pages[0])), "s the end") << "and at home";
  vunmap(ring);
  for (struct page* page : pages) __free_page(page);
}

TEST_F(Vmalloc, an_area_for_user_space_is_shown_where_aliases_are) {
  auto* p = static_cast<char*>(vmalloc_user(3 * PAGE_SIZE));
  auto* place = static_cast<char*>(mmap(nullptr, 2 * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  struct vm_area_struct vma = {};
  vma.vm_start = reinterpret_cast<unsigned long>(place);
  vma.vm_end = vma.vm_start + 2 * PAGE_SIZE;
  const auto refusal = [&](void* address, unsigned long pgoff, int error) {
    return log_of([&] { EXPECT_EQ(remap_vmalloc_range(&vma, address, pgoff), error); });
  };
  EXPECT_TRUE(mentions(refusal(p, 2, -22), "longer than what is left of the area"));
  EXPECT_TRUE(mentions(refusal(p, ~0ul, -22), "longer than what is left of the area"));
  EXPECT_TRUE(mentions(refusal(p + 3 * PAGE_SIZE, 0, -22), "longer than what is left")) << "the guard page";
  EXPECT_TRUE(mentions(refusal(&vma, 0, -22), "no area is there"));
  void* other = vmalloc(PAGE_SIZE);
  EXPECT_TRUE(mentions(refusal(other, 0, -22), "not of vmalloc_user()"));
  vfree(other);
  std::swap(vma.vm_end, vma.vm_start);
  EXPECT_TRUE(mentions(refusal(p, 0, -22), "is empty, or begins within a page"));
  std::swap(vma.vm_end, vma.vm_start);
  vma.vm_end = ~0ul;
  EXPECT_TRUE(mentions(refusal(p, 0, -22), "longer than what is left"));
  vma.vm_end = vma.vm_start + 2 * PAGE_SIZE;
  if (areas().can_alias()) {
    EXPECT_EQ(remap_vmalloc_range(&vma, p, 1), 0);
    p[PAGE_SIZE] = 5;
    EXPECT_EQ(place[0], 5);
  } else {
    EXPECT_TRUE(mentions(refusal(p, 1, -95), "memory is private, and can be seen at one address only: boot with KMEM=alias=1"));
  }
  munmap(place, 2 * PAGE_SIZE);
  vfree(p);
}

// High memory ---------------------------------------------------------------------------------------------------------

TEST_F(Vmalloc, a_page_of_high_memory_is_reached_by_mapping_it) {
  if (!totalhigh_pages()) GTEST_SKIP() << "run with KMEM=highmem=1G";
  struct page* page = alloc_page(GFP_HIGHUSER | __GFP_ZERO);
  ASSERT_TRUE(PageHighMem(page));
  EXPECT_LT(nr_free_highpages(), totalhigh_pages());
  EXPECT_EQ(page_address(page), nullptr);
  auto* at = static_cast<char*>(kmap(page));
  EXPECT_EQ(page_address(page), at);
  EXPECT_EQ(kmap_to_page(at), page);
  at[7] = 7;
  kunmap(page);
  EXPECT_EQ(page_address(page), nullptr);
  at = static_cast<char*>(kmap_atomic(page));
  EXPECT_EQ(at[7], 7);
  EXPECT_TRUE(mentions(log_of([] { vfree(vmalloc(1)); }), "sleeping function")) << "between these nobody sleeps";
  kunmap_atomic(at);
  struct page* copy = alloc_page(GFP_HIGHUSER);
  copy_highpage(copy, page);
  zero_user(copy, 0, 7);
  char byte = 0;
  memcpy_from_page(&byte, copy, 7, 1);
  EXPECT_EQ(byte, 7);
  clear_highpage(copy);
  memcpy_from_page(&byte, copy, 7, 1);
  EXPECT_EQ(byte, 0);
  EXPECT_TRUE(mentions(log_of([&] { kunmap(page); }), "is not mapped"));
  __free_page(page);
  __free_page(copy);
  const unsigned long low = __get_free_page(GFP_KERNEL);
  EXPECT_FALSE(PageHighMem(virt_to_page(low)));
  EXPECT_EQ(kmap(virt_to_page(low)), reinterpret_cast<void*>(low));
  free_page(low);
}

TEST_F(Vmalloc, an_atomic_mapping_is_undone_once) {
  struct page* page = alloc_page(GFP_KERNEL);
  void* at = kmap_atomic(page);
  kunmap_atomic(at);
  EXPECT_TRUE(mentions(log_of([&] { kunmap_atomic(at); }), "no kmap_atomic() is in effect"));
  __free_page(page);
}

// Areas ---------------------------------------------------------------------------------------------------------------

TEST_F(Vmalloc, areas_are_found_from_their_addresses) {
  auto* p = static_cast<char*>(vmalloc(10000));
  const struct vm_struct* area = find_vm_area(p + 5000);
  ASSERT_TRUE(area);
  EXPECT_EQ(area->addr, p);
  EXPECT_EQ(area->size, 4 * PAGE_SIZE) << "the guard counts";
  EXPECT_EQ(area->nr_pages, 3u);
  EXPECT_EQ(area->flags, VM_ALLOC);
  vfree(p);
  EXPECT_EQ(find_vm_area(p), nullptr);

  struct vm_struct* bare = get_vm_area(8192, VM_IOREMAP);
  ASSERT_TRUE(bare);
  EXPECT_EQ(find_vm_area(bare->addr)->flags, VM_IOREMAP);
  EXPECT_TRUE(mentions(log_of([&] { vfree(bare->addr); }), "ioremap area"));
  free_vm_area(bare);
}

TEST_F(Vmalloc, eight_threads_neither_lose_a_frame_nor_share_one) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 8; ++t)
    threads.emplace_back([t] {
      std::map<char*, unsigned> mine;
      uint64_t draw = t + 1;
      for (int i = 0; i < 1500; ++i) {
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        if (draw >> 63 && !mine.empty()) {
          auto at = mine.begin();
          EXPECT_EQ(*at->first, static_cast<char>(t));
          EXPECT_EQ(at->first[at->second * PAGE_SIZE - 1], static_cast<char>(t));
          vfree(at->first);
          mine.erase(at);
        } else {
          const unsigned n = 1 + (draw >> 33) % (i % 50 ? 20 : 700);
          auto* p = static_cast<char*>(vmalloc(n * PAGE_SIZE));
          ASSERT_TRUE(p);
          p[0] = p[n * PAGE_SIZE - 1] = static_cast<char>(t);
          mine[p] = n;
        }
      }
      for (const auto& [p, n] : mine) vfree(p);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Vmalloc, a_child_of_a_fork_in_the_middle_goes_on) {
  if (areas().can_alias()) GTEST_SKIP() << "with aliases the child's memory is its parent's";
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    for (unsigned i = 0; !stop; ++i) vfree(vmalloc((1 + i % 300) * PAGE_SIZE));
  });
  auto* kept = static_cast<char*>(vmalloc(30000));
  kept[0] = 1;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (!child) {
      auto* p = static_cast<char*>(vmalloc(1000000));
      if (!p || kept[0] != 1) _exit(1);
      p[999999] = kept[0] = 2;
      vfree(p);
      vfree(kept);
      _exit(areas().window().check() ? 2 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(kept[0], 1);
  stop = true;
  busy.join();
  vfree(kept);
}

// Addresses that are reserved count for RLIMIT_AS as memory does.

unsigned long addresses_in_use() {
  std::ifstream file("/proc/self/statm");
  unsigned long pages = 0;
  file >> pages;
  return pages * static_cast<unsigned long>(sysconf(_SC_PAGESIZE));
}

bool reserves_by_steps() { return kmem::system().machine.table_step && VMALLOC_END - VMALLOC_START >= 1024 * kMiB; }

/// In a child: a limit stays.  The status that it ends with.
int status_of_child(int (*run)()) {
  const pid_t child = fork();
  if (!child) _exit(run());
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST_F(Vmalloc, little_more_of_the_window_is_reserved_than_is_used) {
  if (!reserves_by_steps()) GTEST_SKIP() << "here the addresses are reserved at once, or are few";
  const unsigned long before = addresses_in_use();
  std::vector<void*> held;
  for (int i = 0; i < 64; ++i) held.push_back(vmalloc(kMiB));
  // The frames have addresses of their own, and are mapped by sections.
  EXPECT_LT(addresses_in_use(), before + 300 * kMiB);
  for (void* p : held) vfree(p);
}

TEST_F(Vmalloc, a_limit_on_addresses_is_shared_with_others) {
  if (!reserves_by_steps()) GTEST_SKIP() << "here the addresses are reserved at once, or are few";
  const int status = status_of_child([] {
    const rlim_t limit = addresses_in_use() + 200 * kMiB;
    const rlimit both = {limit, limit};
    void* first = setrlimit(RLIMIT_AS, &both) ? nullptr : vmalloc(1000);
    if (!first) return 1;
    void* other = mmap(nullptr, 100 * kMiB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (other == MAP_FAILED) return 2;
    munmap(other, 100 * kMiB);
    int nr = 0;
    while (nr < 60 && __vmalloc(kMiB, GFP_KERNEL | __GFP_NOWARN)) ++nr;
    if (nr < 60) return 3;  // each takes a MiB of the window, and one where its frames are
    vfree(first);
    return kmem::check_system() ? 4 : 0;
  });
  EXPECT_EQ(status, 0) << "exit status " << WEXITSTATUS(status);
}

TEST_F(Vmalloc, vmallocinfo_lists_the_areas) {
  vm_unmap_aliases();
  auto* p = static_cast<char*>(vmalloc(3 * PAGE_SIZE));
  char text[4096] = "";
  EXPECT_LT(kmem_vmallocinfo(text, sizeof text), sizeof text);
  char want[128];
  snprintf(want, sizeof want, "0x%016lx-0x%016lx   16384 0x", reinterpret_cast<unsigned long>(p),
           reinterpret_cast<unsigned long>(p) + 4 * PAGE_SIZE);
  EXPECT_TRUE(mentions(text, want)) << text << want;
  EXPECT_TRUE(mentions(text, " pages=3 vmalloc N0=3\n")) << text;
  vfree(p);
  kmem_vmallocinfo(text, sizeof text);
  EXPECT_TRUE(mentions(text, "unpurged vm_area")) << text;
}

// kvmalloc ------------------------------------------------------------------------------------------------------------

TEST_F(Vmalloc, kvmalloc_takes_small_from_kmalloc_and_large_from_here) {
  void* small = kvmalloc(100, GFP_KERNEL);
  EXPECT_FALSE(is_vmalloc_addr(small));
  kvfree(small);
  auto* large = static_cast<char*>(kvzalloc(20 * kMiB, GFP_KERNEL));
  EXPECT_TRUE(is_vmalloc_addr(large));
  EXPECT_EQ(large[20 * kMiB - 1], 0);
  kvfree_sensitive(large, 20 * kMiB);
  EXPECT_EQ(kvmalloc(20 * kMiB, GFP_ATOMIC | __GFP_NOWARN), nullptr) << "vmalloc may sleep";
  EXPECT_TRUE(mentions(log_of([] { EXPECT_EQ(kvmalloc(1UL << 32, GFP_KERNEL), nullptr); }), "INT_MAX"));
  EXPECT_EQ(kvcalloc(~0UL, 3, GFP_KERNEL), nullptr);
  kvfree(nullptr);
}

TEST_F(Vmalloc, kvrealloc_crosses_from_one_to_the_other) {
  auto* p = static_cast<char*>(kvmalloc(1000, GFP_KERNEL));
  memset(p, 9, 1000);
  p = static_cast<char*>(kvrealloc(p, 8 * kMiB, GFP_KERNEL));
  ASSERT_TRUE(is_vmalloc_addr(p));
  EXPECT_EQ(p[0] & p[999], 9);
  p = static_cast<char*>(kvrealloc(p, 9 * kMiB, GFP_KERNEL));
  EXPECT_EQ(p[0] & p[999], 9);
  kvfree(p);
}

/// Takes every frame and gives every other one back.
void leave_single_frames() {
  std::vector<unsigned long> frames;
  constexpr gfp_t kLightly = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
  while (const unsigned long frame = __get_free_page(kLightly)) frames.push_back(frame);
  for (const unsigned long frame : frames)
    if (frame / PAGE_SIZE % 2) free_page(frame);
  for (unsigned order = 10; order >= 3; --order)
    while (__get_free_pages(kLightly, order)) {
    }
}

TEST_F(Vmalloc, DISABLED_in_single_frames_what_must_not_fail_falls_over_to_vmalloc) {
  auto* p = static_cast<char*>(kmalloc(8192, GFP_KERNEL));
  memset(p, 7, 8192);
  leave_single_frames();
  alarm(300);  // for ever is not the answer
  void* fresh = kvmalloc(256 << 10, GFP_KERNEL | __GFP_NOFAIL);
  EXPECT_TRUE(is_vmalloc_addr(fresh));
  p = static_cast<char*>(kvrealloc(p, 256 << 10, GFP_KERNEL | __GFP_NOFAIL));
  EXPECT_TRUE(is_vmalloc_addr(p));
  EXPECT_EQ(p[0] & p[8191], 7);
}

TEST(VmallocInLittleMemory, in_single_frames_what_must_not_fail_falls_over_to_vmalloc) {
  const std::string text = run_with("mem=64M", "Vmalloc.DISABLED_in_single_frames_what_must_not_fail_falls_over_to_vmalloc");
  EXPECT_TRUE(mentions(text, "[  PASSED  ] 1 test")) << text;
}

}  // namespace
