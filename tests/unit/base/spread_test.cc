#include "base/spread.h"

#include <gtest/gtest.h>

#include <vector>

namespace kmem {
namespace {

/// The CPUs at each place.
std::vector<unsigned> places_of(const std::vector<uint32_t>& cpus, unsigned log2_places) {
  std::vector<unsigned> at(size_t{1} << log2_places);
  for (const uint32_t cpu : cpus) ++at[spread({cpu}, log2_places)];
  return at;
}

class Nodes : public testing::TestWithParam<unsigned> {};

TEST_P(Nodes, of_cpus_in_a_row_share_them_out_evenly) {
  const unsigned places = 1u << GetParam();
  std::vector<uint32_t> node;
  for (uint32_t cpu = 3 * places; cpu < 4 * places; ++cpu) node.push_back(cpu);
  EXPECT_EQ(places_of(node, GetParam()), std::vector<unsigned>(places, 1));
}

TEST_P(Nodes, of_cpus_in_turns_share_them_out_evenly) {
  constexpr uint32_t kNodes = 4;
  const unsigned places = 1u << GetParam();
  std::vector<uint32_t> node;
  for (uint32_t cpu = 1; cpu < kNodes * places; cpu += kNodes) node.push_back(cpu);
  EXPECT_EQ(places_of(node, GetParam()), std::vector<unsigned>(places, 1));
}

INSTANTIATE_TEST_SUITE_P(Spread, Nodes, testing::Values(2u, 4u));

TEST(Spread, has_one_place_where_there_is_one) {
  for (const uint32_t cpu : {0u, 1u, 5u, 4095u}) EXPECT_EQ(spread({cpu}, 0), 0u);
}

}  // namespace
}  // namespace kmem
