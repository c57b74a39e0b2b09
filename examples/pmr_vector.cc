// Standard containers in kmem's memory, by an allocator and by std::pmr; and objects of one type from their own slabs.

#include <kmem/kmem.hpp>

#include <iostream>
#include <memory_resource>
#include <string>
#include <unordered_map>
#include <vector>

struct Order {
  Order(int its_number, int its_amount) : number(its_number), amount(its_amount) {}
  int number, amount;
};

int main() {
  std::vector<int, kmem::allocator<int>> primes{2};
  for (int candidate = 3; primes.size() < 1000; candidate += 2) {
    bool prime = true;
    for (const int p : primes) {
      if (p * p > candidate) break;
      if (candidate % p == 0) prime = false;
    }
    if (prime) primes.push_back(candidate);
  }
  std::cout << "the 1000th prime is " << primes.back() << "; its vector has room for " << ksize(primes.data()) / sizeof(int)
            << " numbers\n";

  kmem::memory_resource memory;
  std::pmr::unordered_map<int, std::pmr::string> names(&memory);
  for (int i = 0; i < 1000; ++i) names.emplace(i, "a name that is too long for the string object, number " + std::to_string(i));
  std::cout << names.size() << " names, the last: " << names.at(999) << "\n";

  kmem::cache<Order> orders("orders");
  std::vector<kmem::cache<Order>::handle> open;
  for (int i = 1; i <= 100; ++i) open.push_back(orders.make(i, 10 * i));
  int sum = 0;
  for (const auto& order : open) sum += order->amount;
  std::cout << "100 orders over " << sum << " in all\n";
  return sum == 50500 && primes.back() == 7919 ? 0 : 1;
}
