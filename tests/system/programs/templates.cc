#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

template <int N>
struct Chain : Chain<N - 1> {
  std::map<int, std::string> names;
  int sum() const { return static_cast<int>(names.size()) + Chain<N - 1>::sum(); }
};
template <>
struct Chain<0> {
  int sum() const { return 0; }
};

int main() {
  Chain<40> chain;
  std::unordered_map<std::string, std::vector<std::function<int(int)>>> table;
  for (int i = 0; i < 10; ++i) table[std::to_string(i)].push_back([i](int x) { return x * i; });
  std::vector<int> sums;
  for (auto& [name, functions] : table) sums.push_back(functions.front()(std::stoi(name)));
  std::sort(sums.begin(), sums.end());
  std::cout << chain.sum() << ' ' << sums.back() << '\n';
}
