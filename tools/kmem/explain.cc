// `kmem explain`: what a message of kmem's means.  The catalogue is docs/messages.md itself, read as it stands.

#include "explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kmem::tool {
namespace {

constexpr std::string_view kPage =
#include "kmem_tool/messages.inc"
    ;
constexpr std::string_view kValue = "…";  // stands for a value in the catalogue
/// A message with fewer letters between its values fits everything, and so tells nothing.
constexpr size_t kFewestLetters = 5;

struct Row {
  std::vector<std::string> messages;
  std::string cause, cure;
};

/// The text without Markdown's marks; a link is followed by its page.
std::string plain(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t close = text[i] == '[' ? text.find("](", i) : std::string_view::npos;
    const size_t end = close == std::string_view::npos ? close : text.find(')', close);
    if (end != std::string_view::npos) {
      out += fmt::format("{} (docs/{})", text.substr(i + 1, close - i - 1), text.substr(close + 2, end - close - 2));
      i = end;
    } else if (text[i] != '`') {
      out += text[i];
    }
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const size_t from = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(from, text.find_last_not_of(' ') + 1 - from);
}

/// The cells of a row of a table; a bar inside of backticks belongs to the cell.
std::vector<std::string_view> cells_of(std::string_view row) {
  std::vector<std::string_view> cells;
  bool quoted = false;
  size_t from = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    quoted ^= row[i] == '`';
    if (row[i] != '|' || quoted) continue;
    cells.push_back(trimmed(row.substr(from, i - from)));
    from = i + 1;
  }
  return cells;
}

std::vector<std::string> quoted_in(std::string_view cell) {
  std::vector<std::string> found;
  for (size_t open = cell.find('`'), close; open != std::string_view::npos; open = cell.find('`', close + 1)) {
    close = cell.find('`', open + 1);
    if (close == std::string_view::npos) break;
    found.emplace_back(cell.substr(open + 1, close - open - 1));
  }
  return found;
}

std::vector<Row> catalogue() {
  std::vector<Row> rows;
  constexpr std::string_view kBegin = "\n| `", kEnd = " |\n";
  for (size_t at = kPage.find(kBegin); at != std::string_view::npos; at = kPage.find(kBegin, at)) {
    const size_t end = kPage.find(kEnd, at);
    if (end == std::string_view::npos) break;
    const auto cells = cells_of(kPage.substr(at + 2, end + 2 - at - 2));
    if (cells.size() == 3) rows.push_back({quoted_in(cells[0]), plain(cells[1]), plain(cells[2])});
    at = end + kEnd.size() - 1;
  }
  return rows;
}

/// How many characters of the message are no values, if the line has them all in their order; else 0.
size_t likeness(std::string_view message, std::string_view line) {
  message = message.substr(0, message.find('\n'));
  size_t characters = 0, at = 0;
  while (!message.empty()) {
    const size_t end = std::min(message.find(kValue), message.size());
    const size_t found = line.find(message.substr(0, end), at);
    if (found == std::string_view::npos) return 0;
    characters += end;
    at = found + end;
    message.remove_prefix(std::min(end + kValue.size(), message.size()));
  }
  return characters >= kFewestLetters ? characters : 0;
}

struct Answer {
  const Row* row = nullptr;
  std::string message;
};

Answer best(const std::vector<Row>& rows, std::string_view line) {
  Answer answer;
  size_t most = 0;
  for (const Row& row : rows)
    for (const std::string& message : row.messages)
      if (const size_t like = likeness(message, line); like > most) most = like, answer = {&row, message};
  return answer;
}

void print(const Answer& answer) {
  fmt::print("{}\n  cause: {}\n  what to do: {}\n", answer.message, answer.row->cause, answer.row->cure);
}

}  // namespace

int explain(const std::string& message) {
  const std::vector<Row> rows = catalogue();
  std::set<const Row*> told;
  const auto tell = [&](const std::string& line) {
    const Answer answer = best(rows, line);
    if (answer.row && told.insert(answer.row).second) print(answer);
  };
  if (!message.empty()) tell(message);
  for (std::string line; message.empty() && std::getline(std::cin, line);) tell(line);
  if (told.empty()) fmt::print(stderr, "kmem: no message in the catalogue is like that\n");
  return told.empty();
}

}  // namespace kmem::tool
