// The screen of kmem top: ncurses, keys, and nothing of what the numbers mean.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "failure.h"
#include "top.h"

#ifdef KMEM_HAS_NCURSES

#define NCURSES_NOMACROS 1
#include <ncurses.h>

namespace kmem::tool {
namespace {

constexpr const char* kSorts[] = {"held", "grown", "rate", "use", "misses", "name"};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The terminal is as it was before, whatever happens.
class Curses {
 public:
  Curses() {
    if (!isatty(0) || !isatty(1)) throw Failure("kmem top needs a terminal; kmem top --batch does not");
    screen_ = newterm(nullptr, stdout, stdin);
    if (!screen_) throw Failure("this terminal is not known (TERM); kmem top --batch needs none");
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
  }
  ~Curses() {
    endwin();
    delscreen(screen_);
  }
  Curses(const Curses&) = delete;
  Curses& operator=(const Curses&) = delete;

 private:
  SCREEN* screen_;
};

attr_t attributes(Look look) {
  switch (look) {
    case Look::Bold: return A_BOLD;
    case Look::Title: return A_REVERSE;
    case Look::Chosen: return A_STANDOUT;
    case Look::Help: return A_DIM;
    case Look::Plain: break;
  }
  return A_NORMAL;
}

void put(int y, int width, const ScreenLine& line) {
  wattrset(stdscr, static_cast<int>(attributes(line.look)));
  std::string text = line.text;
  if (line.look == Look::Title || line.look == Look::Chosen) text.resize(static_cast<size_t>(width), ' ');
  mvwaddnstr(stdscr, y, 0, text.c_str(), width);
}

void draw(const Top& top, const std::string& sort) {
  const int width = getmaxx(stdscr), height = getmaxy(stdscr);
  werase(stdscr);
  int y = 0;
  for (const ScreenLine& line : top.lines(static_cast<size_t>(width), static_cast<size_t>(height))) put(y++, width, line);
  put(height - 1, width, {"q quit  s sort:" + sort + "  / filter  space freeze  enter open  esc back  +- time", Look::Help});
  wrefresh(stdscr);
}

void next_sort(TopView& view) {
  const auto at = std::find(std::begin(kSorts), std::end(kSorts), view.sort);
  view.sort = at == std::end(kSorts) || at + 1 == std::end(kSorts) ? kSorts[0] : *(at + 1);
}

void type(TopView& view, int key) {
  if (key == '\n' || key == KEY_ENTER || key == 27) view.typing = false;
  else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && !view.filter.empty()) view.filter.pop_back();
  else if (key >= ' ' && key < 127) view.filter += static_cast<char>(key);
}

/// What a key asks for besides drawing.
enum class Then { Draw, Look, Quit };

Then press(Top& top, double& interval, int key) {
  TopView& view = top.view();
  if (view.typing) return type(view, key), Then::Draw;
  switch (key) {
    case 'q': return Then::Quit;
    case 's': next_sort(view); break;
    case '/': view.typing = true; break;
    case ' ':
    case 'f': view.frozen = !view.frozen; break;
    case KEY_UP:
    case 'k': top.choose(-1); break;
    case KEY_DOWN:
    case 'j': top.choose(1); break;
    case KEY_PPAGE: top.choose(-10); break;
    case KEY_NPAGE: top.choose(10); break;
    case '\n':
    case KEY_ENTER: top.enter(); return Then::Look;
    case 27:
    case KEY_LEFT: return top.back() ? Then::Look : Then::Draw;
    case '+': interval = std::min(60.0, interval * 2); break;
    case '-': interval = std::max(0.125, interval / 2); break;
    default: break;
  }
  top.set_interval(interval);
  return Then::Draw;
}

/// Waits for a key until the next look is due, and takes all that were pressed: a look can last longer than people wait for
/// what they typed.
Then press_all(Top& top, double& interval, double last) {
  const double left = last + interval - now();
  wtimeout(stdscr, std::max(1, static_cast<int>(left * 1000)));
  for (int key = wgetch(stdscr); key != ERR; key = wgetch(stdscr)) {
    const Then then = press(top, interval, key);
    if (then != Then::Draw) return then;
    wtimeout(stdscr, 0);
  }
  return Then::Draw;
}

}  // namespace

void run_screen(Top& top, const TopOptions& options) {
  top.look(now());  // a failure is said on a terminal that is as it was
  const Curses curses;
  double interval = options.interval, last = now();
  for (unsigned looks = 1; !options.count || looks <= options.count;) {
    draw(top, top.view().sort);
    const Then then = press_all(top, interval, last);
    if (then == Then::Quit) return;
    const bool due = now() >= last + interval;
    if ((due && !top.view().frozen) || then == Then::Look) top.look(now());
    if (due) last = now(), ++looks;
  }
}

}  // namespace kmem::tool

#else

namespace kmem::tool {
void run_screen(Top&, const TopOptions&) { throw Failure("this kmem was built without ncurses; kmem top --batch needs none"); }
}  // namespace kmem::tool

#endif
