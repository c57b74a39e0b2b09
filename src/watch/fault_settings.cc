#include "watch/fault_settings.h"

namespace kmem {
namespace {

struct Names {
  const char* word;
  const char* function;
};
constexpr Names kNames[kNrFaultPoints] = {
    {"failslab", "kmem_cache_alloc"},   {"fail_page_alloc", "alloc_pages"},  {"fail_mapped", "map_block"},
    {"fail_section", "online_section"}, {"fail_discard", "discard_pages"},   {"fail_sheaf", "get_sheaf"},
    {"fail_map", "map_tables"},         {"fail_cache", "kmem_cache_create"}, {"fail_mempool", "mempool_alloc"},
    {"fail_vmalloc", "vmalloc"},        {"fail_percpu", "alloc_percpu"},     {"fail_boot", "memblock_alloc"},
};

}  // namespace

const char* fault_point_name(FaultPoint point) { return kNames[static_cast<unsigned>(point)].word; }
const char* fault_function_name(FaultPoint point) { return kNames[static_cast<unsigned>(point)].function; }

}  // namespace kmem
