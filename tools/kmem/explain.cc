// `kmem explain`: what a message of kmem's means.  The catalogue is docs/messages.md itself, read as it stands.

#include "explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
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

/// How many characters of the message's head, down to its last part that the line has, are no values; and whether that is all.
struct Likeness {
  size_t characters = 0;
  bool whole = true;
};

Likeness likeness(std::string_view message, std::string_view line) {
  message = message.substr(0, message.find('\n'));
  Likeness like;
  for (size_t at = 0; !message.empty();) {
    const size_t end = std::min(message.find(kValue), message.size());
    const size_t found = line.find(message.substr(0, end), at);
    if (found == std::string_view::npos) {
      like.whole = false;
      break;
    }
    like.characters += end;
    at = found + end;
    message.remove_prefix(std::min(end + kValue.size(), message.size()));
  }
  if (like.characters < kFewestLetters) like = {0, false};
  return like;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

struct Answer {
  const Row* row = nullptr;
  std::string message;
};

enum class Of : uint8_t { Whole, Head };  // what of a message the line must have

Answer best(const std::vector<Row>& rows, std::string_view line, Of of) {
  Answer answer;
  size_t most = 0;
  for (const Row& row : rows)
    for (const std::string& message : row.messages)
      if (const Likeness like = likeness(message, line); (like.whole || of == Of::Head) && like.characters > most)
        most = like.characters, answer = {&row, message};
  return answer;
}

/// The rows of which a message has these words in it.
std::vector<Answer> that_contain(const std::vector<Row>& rows, std::string_view words) {
  std::vector<Answer> found;
  const std::string wanted = lower(words);
  if (wanted.size() < kFewestLetters) return found;
  for (const Row& row : rows) {
    const auto has = [&](const std::string& message) { return lower(message).find(wanted) != std::string::npos; };
    const auto message = std::find_if(row.messages.begin(), row.messages.end(), has);
    if (message != row.messages.end()) found.push_back({&row, *message});
  }
  return found;
}

/// Of a whole message, or of a part of it that somebody remembers.
std::vector<Answer> answers_for(const std::vector<Row>& rows, std::string_view message) {
  for (const Of of : {Of::Whole, Of::Head})
    if (const Answer answer = best(rows, message, of); answer.row) return {answer};
  return that_contain(rows, message);
}

void print(const Answer& answer) {
  fmt::print("{}\n  cause: {}\n  what to do: {}\n", answer.message, answer.row->cause, answer.row->cure);
}

}  // namespace

int explain(const std::string& message) {
  const std::vector<Row> rows = catalogue();
  std::set<const Row*> told;
  const auto tell = [&](const Answer& answer) {
    if (answer.row && told.insert(answer.row).second) print(answer);
  };
  if (!message.empty())
    for (const Answer& answer : answers_for(rows, message)) tell(answer);
  // Of what a program was told only whole messages count: most of its lines are its own.
  for (std::string line; message.empty() && std::getline(std::cin, line);) tell(best(rows, line, Of::Whole));
  if (told.empty()) fmt::print(stderr, "kmem: no message in the catalogue is like that\n");
  return told.empty();
}

}  // namespace kmem::tool
