// layout OBJECT HEADER: writes digests of what lies where in the types of OBJECT, which is tools/layout/reached.cc compiled
// with debug information.  Names of members, their offsets and sizes, enumerators and constants of classes count.  Functions,
// names of types and comments do not: two versions that differ in those alone can look at each other's processes.  With `text`
// the layout itself is written, for people who ask why two digests differ.

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

uint64_t number(Dwarf_Die& die, unsigned what, uint64_t otherwise = 0) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  Dwarf_Sword is_signed = 0;
  if (!dwarf_attr_integrate(&die, what, &attribute)) return otherwise;
  if (dwarf_formudata(&attribute, &value) == 0) return value;
  return dwarf_formsdata(&attribute, &is_signed) == 0 ? static_cast<uint64_t>(is_signed) : otherwise;
}

std::string name_of(Dwarf_Die& die) {
  const char* name = dwarf_diename(&die);
  return name ? name : "";
}

template <typename F>
void each_child(Dwarf_Die die, F visit) {
  Dwarf_Die child;
  if (dwarf_child(&die, &child) != 0) return;
  do visit(child);
  while (dwarf_siblingof(&child, &child) == 0);
}

/// Of a member or another type, without const and typedef.  False: void.
bool type_of(Dwarf_Die& die, Dwarf_Die& type) {
  Dwarf_Attribute attribute;
  if (!dwarf_attr_integrate(&die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type)) return false;
  switch (dwarf_tag(&type)) {
    case DW_TAG_typedef:
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_atomic_type: {
      Dwarf_Die outer = type;
      return type_of(outer, type);
    }
    default: return true;
  }
}

bool is_class(Dwarf_Die& die) {
  const int tag = dwarf_tag(&die);
  return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/// The text of some types: each class once, in the order in which they are met, and by its number elsewhere.
class Layout {
 public:
  using Known = std::map<Dwarf_Off, size_t>;
  /// `apart`: classes that have texts of their own; here they are a number.  `far`: pointers are followed.
  Layout(const Known& apart, bool far) : apart_(apart), far_(far) {}

  std::string text_from(Dwarf_Die first) {
    std::string text = is_class(first) ? "" : of_type(first);
    if (is_class(first)) begin(first);
    for (size_t i = 0; i < todo_.size(); ++i) text += "#" + std::to_string(i) + of_class(todo_[i]) + "\n";
    return text;
  }

 private:
  void begin(Dwarf_Die& die) {
    if (ids_.emplace(dwarf_dieoffset(&die), todo_.size()).second) todo_.push_back(die);
  }

  std::string of_type(Dwarf_Die die) {
    Dwarf_Die inner;
    switch (dwarf_tag(&die)) {
      case DW_TAG_base_type:
        return "b" + std::to_string(number(die, DW_AT_encoding)) + ":" + std::to_string(number(die, DW_AT_byte_size));
      case DW_TAG_enumeration_type: return of_enumeration(die);
      case DW_TAG_array_type: return type_of(die, inner) ? of_bounds(die) + of_type(inner) : "?";
      case DW_TAG_pointer_type:
      case DW_TAG_reference_type:
        return far_ && type_of(die, inner) && dwarf_tag(&inner) != DW_TAG_subroutine_type ? "*" + of_type(inner) : "*";
      case DW_TAG_structure_type:
      case DW_TAG_class_type:
      case DW_TAG_union_type: return of_known(die);
      default: return "?" + std::to_string(dwarf_tag(&die));
    }
  }

  std::string of_known(Dwarf_Die& die) {
    if (dwarf_hasattr(&die, DW_AT_declaration)) return "?";
    if (const auto it = apart_.find(dwarf_dieoffset(&die)); it != apart_.end()) return "@" + std::to_string(it->second);
    begin(die);
    return "#" + std::to_string(ids_[dwarf_dieoffset(&die)]);
  }

  static std::string of_bounds(Dwarf_Die& die) {
    std::string text;
    each_child(die, [&](Dwarf_Die& range) {
      const uint64_t count = number(range, DW_AT_count, number(range, DW_AT_upper_bound, ~uint64_t{0}) + 1);
      if (dwarf_tag(&range) == DW_TAG_subrange_type) text += "[" + std::to_string(count) + "]";
    });
    return text;
  }

  static std::string of_enumeration(Dwarf_Die& die) {
    std::string text = "e" + std::to_string(number(die, DW_AT_byte_size)) + "{";
    each_child(die, [&](Dwarf_Die& one) { text += name_of(one) + "=" + std::to_string(number(one, DW_AT_const_value)) + ","; });
    return text + "}";
  }

  std::string of_class(Dwarf_Die die) {
    std::string text = (dwarf_tag(&die) == DW_TAG_union_type ? "u" : "s") + std::to_string(number(die, DW_AT_byte_size)) + "{";
    each_child(die, [&](Dwarf_Die& child) { text += of_child(child); });
    return text + "}";
  }

  std::string of_child(Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    Dwarf_Die type;
    if ((tag != DW_TAG_member && tag != DW_TAG_inheritance && tag != DW_TAG_variable) || !type_of(child, type)) return {};
    if (tag == DW_TAG_variable || dwarf_hasattr(&child, DW_AT_external)) {
      if (!dwarf_hasattr(&child, DW_AT_const_value)) return {};  // a static one: not part of an object
      return name_of(child) + "=" + std::to_string(number(child, DW_AT_const_value)) + ";";
    }
    std::string text = name_of(child) + "@" + std::to_string(number(child, DW_AT_data_member_location));
    if (const uint64_t bits = number(child, DW_AT_bit_size))
      text += "." + std::to_string(number(child, DW_AT_data_bit_offset, number(child, DW_AT_bit_offset))) + ":" +
              std::to_string(bits);
    return text + " " + of_type(type) + ";";
  }

  const Known& apart_;
  const bool far_;
  std::vector<Dwarf_Die> todo_;
  Known ids_;
};

uint64_t digest(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

struct Named {
  std::string name;  // as in Reached
  Dwarf_Die type;
};

bool find_reached(Dwarf_Die die, Dwarf_Die& found) {
  bool done = false;
  each_child(die, [&](Dwarf_Die& child) {
    if (done) return;
    if (dwarf_tag(&child) == DW_TAG_namespace && name_of(child) == "kmem") done = find_reached(child, found);
    else if (is_class(child) && name_of(child) == "Reached" && !dwarf_hasattr(&child, DW_AT_declaration))
      found = child, done = true;
  });
  return done;
}

/// The debug information of an object file, with its relocations done.
class Object {
 public:
  explicit Object(const char* path) {
    static const Dwfl_Callbacks kCallbacks = {dwfl_build_id_find_elf, dwfl_standard_find_debuginfo,
                                              dwfl_offline_section_address, nullptr};
    dwfl_.reset(dwfl_begin(&kCallbacks));
    if (!dwfl_ || !dwfl_report_offline(dwfl_.get(), "", path, -1)) throw std::runtime_error("it cannot be read");
    dwfl_report_end(dwfl_.get(), nullptr, nullptr);
  }
  Dwarf_Die reached() const {
    Dwarf_Addr bias = 0;
    Dwarf_Die found;
    for (Dwarf_Die* unit = nullptr; (unit = dwfl_nextcu(dwfl_.get(), unit, &bias));)
      if (find_reached(*unit, found)) return found;
    throw std::runtime_error("it has no kmem::Reached with debug information");
  }

 private:
  struct End {
    void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
  };
  std::unique_ptr<Dwfl, End> dwfl_;
};

std::string hex(uint64_t value, int digits) {
  char text[17];
  std::snprintf(text, sizeof text, "%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

std::string whole_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Only what has changed, so that nothing is compiled anew for nothing.
void write(const char* path, const std::string& text) {
  if (whole_of(path) == text) return;
  std::ofstream file(path, std::ios::binary);
  if (!(file << text).flush()) throw std::runtime_error(std::string(path) + " cannot be written");
}

struct Texts {
  std::string name, text;
};

/// Of each type without those that have a text of their own.
std::vector<Texts> texts_of(const std::vector<Named>& types) {
  Layout::Known apart;
  for (size_t i = 0; i < types.size(); ++i)
    if (Dwarf_Die type = types[i].type; is_class(type)) apart.emplace(dwarf_dieoffset(&type), i);
  std::vector<Texts> all;
  for (const Named& one : types) {
    Dwarf_Die type = one.type;
    Layout::Known others = apart;
    others.erase(dwarf_dieoffset(&type));
    all.push_back({one.name, Layout(others, false).text_from(type)});
  }
  return all;
}

std::string header_of(const std::vector<Texts>& types, const std::string& whole) {
  std::string digests, names;
  for (const Texts& one : types)
    digests += "0x" + hex(static_cast<uint32_t>(digest(one.text)), 8) + ", ", names += '"' + one.name + "\", ";
  return "#pragma once\n// Made by tools/layout/layout.cc.\n#include \"base/types.h\"\nnamespace kmem {\n"
         "inline constexpr uint64_t kLayoutDigest = 0x" +
         hex(digest(whole), 16) +
         ";\n"
         "inline constexpr uint32_t kLayoutOfTypes[] = {" +
         digests +
         "};\n"
         "inline constexpr const char* kLayoutNames[] = {" +
         names + "};\n}\n";
}

std::vector<Named> members_of(Dwarf_Die reached) {
  std::vector<Named> types;
  each_child(reached, [&](Dwarf_Die& member) {
    Named one{name_of(member), {}};
    if (dwarf_tag(&member) == DW_TAG_member && type_of(member, one.type)) types.push_back(one);
  });
  return types;
}

}  // namespace

int main(int argc, char** argv) {
  const bool as_text = argc == 4 && argv[3] == std::string("text");
  if (argc != 3 && !as_text) return std::fprintf(stderr, "layout OBJECT HEADER, or layout OBJECT FILE text\n"), 2;
  try {
    const Object object(argv[1]);
    const Dwarf_Die reached = object.reached();
    const std::vector<Texts> types = texts_of(members_of(reached));
    const std::string whole = Layout({}, true).text_from(reached);
    std::string text;
    for (const Texts& one : types) text += one.name + ":\n" + one.text;
    write(argv[2], as_text ? text + "all:\n" + whole : header_of(types, whole));
  } catch (const std::exception& wrong) {
    return std::fprintf(stderr, "layout: %s: %s\n", argv[1], wrong.what()), 1;
  }
  return 0;
}
