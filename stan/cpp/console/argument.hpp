#ifndef HIERGLM_CONSOLE_ARGUMENT_HPP
#define HIERGLM_CONSOLE_ARGUMENT_HPP

#include <stan/callbacks/structured_writer.hpp>
#include <stan/callbacks/writer.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace console {

/** What is wrong with a command line, in words for whoever wrote it. */
class usage_error : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/** Which numbers an argument takes, and how to say so. */
struct Range {
  std::function<bool(double)> holds;
  std::string words;
};

inline Range at_least(long long least) {
  return {[=](double x) { return x >= least; }, std::to_string(least) + " or more"};
}

inline Range positive() {
  return {[](double x) { return x > 0 && x < std::numeric_limits<double>::infinity(); },
          "more than 0"};
}

/**
 * An argument of CmdStan's command line, with all that may stand below it.
 *
 * It is a value (`thin=2`), a group of arguments (`adapt delta=0.9`), or a choice of one
 * among several groups (`algorithm=hmc metric=dense_e`). The same tree reads the command
 * line, answers the methods, and is written at the top of each output file.
 */
class Argument {
 public:
  using Value = std::variant<bool, long long, double, std::string>;

  static Argument flag(std::string name, bool standard) {
    return {std::move(name), standard, {{}, "0, 1, false, true"}};
  }

  static Argument integer(std::string name, long long standard, Range range) {
    range.words = "an integer, " + range.words;
    return {std::move(name), standard, std::move(range)};
  }

  static Argument real(std::string name, double standard, Range range) {
    range.words = "a number, " + range.words;
    return {std::move(name), standard, std::move(range)};
  }

  static Argument text(std::string name, std::string standard) {
    return {std::move(name), std::move(standard), {{}, "any text"}};
  }

  static Argument group(std::string name, std::vector<Argument> parts) {
    Argument group(std::move(name), {}, {});
    group.kind_ = Kind::group;
    group.parts_ = std::move(parts);
    return group;
  }

  /** An option of a choice with nothing below it, of which CmdStan only writes the name. */
  static Argument mark(std::string name) {
    Argument mark(std::move(name), {}, {});
    mark.kind_ = Kind::mark;
    return mark;
  }

  /** A choice; each option is a group or a mark. */
  static Argument choice(std::string name, std::string standard, std::vector<Argument> options) {
    std::string names;
    for (const Argument& option : options)
      names += (names.empty() ? "" : ", ") + option.name_;
    Argument choice(std::move(name), std::move(standard), {{}, std::move(names)});
    choice.kind_ = Kind::choice;
    choice.parts_ = std::move(options);
    return choice;
  }

  const std::string& name() const { return name_; }

  /** The argument of this name directly below. */
  const Argument& operator[](const std::string& name) const {
    const Argument* found = find(name);
    if (found == nullptr)
      throw std::logic_error("there is no argument " + name_ + " " + name);
    return *found;
  }

  /** The option taken of a choice. */
  const Argument& taken() const { return (*this)[text()]; }

  bool flag() const { return std::get<bool>(value_); }
  long long integer() const { return std::get<long long>(value_); }
  double real() const { return std::get<double>(value_); }

  /** The text given; of a choice, the name of the option taken. */
  const std::string& text() const { return std::get<std::string>(value_); }

  bool is(const std::string& option) const { return text() == option; }

  /** Whether this choice has such an option. */
  bool offers(const std::string& option) const { return find(option) != nullptr; }

  /**
   * Takes from a command line what belongs below this group, in any order.
   *
   * @param words what is left of the command line, first word last
   */
  void take(std::vector<std::string>& words) {
    while (!words.empty()) {
      const std::string word = words.back();
      const std::size_t equals = word.find('=');
      Argument* part = find(word.substr(0, equals));
      if (part == nullptr)
        return;
      words.pop_back();
      const bool grouped = part->kind_ == Kind::group;
      if (grouped != (equals == std::string::npos))
        throw usage_error("\"" + part->name_ + "\" is written "
                          + (grouped ? "without a value" : part->name_ + "=VALUE") + ", not \""
                          + word + "\"");
      if (!grouped)
        part->read(word.substr(equals + 1));
      if (part->kind_ == Kind::choice)
        part = part->find(part->text());
      part->take(words);
    }
  }

  /** The ways in which an argument of this name may be written, from here. */
  std::vector<std::string> places(const std::string& name, const std::string& above = "") const {
    std::vector<std::string> found;
    for (const Argument& part : parts_) {
      const std::string here = above + part.name_;
      if (part.name_ == name && kind_ == Kind::group)
        found.push_back(here + (part.kind_ == Kind::group ? "" : "=VALUE"));
      const std::string below = here + (part.kind_ == Kind::choice ? "=" : " ");
      for (std::string& place : part.places(name, below))
        found.push_back(std::move(place));
    }
    return found;
  }

  /** Writes this argument and those below as lines, as at the top of CmdStan's CSV files. */
  void write(stan::callbacks::writer& lines, std::size_t depth = 0) const {
    if (kind_ == Kind::mark)
      return;
    std::string line(2 * depth, ' ');
    line += name_;
    if (kind_ != Kind::group)
      line += " = " + words() + (value_ == standard_ ? " (Default)" : "");
    lines(line);
    write_parts(lines, depth + 1);
  }

  /** Writes the arguments below: all of a group, those of the option taken of a choice. */
  void write_parts(stan::callbacks::writer& lines, std::size_t depth = 0) const {
    for (const Argument& part : parts_)
      if (kind_ == Kind::group || is(part.name_))
        part.write(lines, depth);
  }

  /** Writes this argument and those below as a member of a JSON object. */
  void write(stan::callbacks::structured_writer& json) const {
    if (kind_ == Kind::mark)
      return;
    if (kind_ == Kind::value) {
      std::visit([&](const auto& value) { json.write(name_, value); }, value_);
      return;
    }
    json.begin_record(name_);
    if (kind_ == Kind::choice)
      json.write("value", text());
    write_parts(json);
    json.end_record();
  }

  void write_parts(stan::callbacks::structured_writer& json) const {
    for (const Argument& part : parts_)
      if (kind_ == Kind::group || is(part.name_))
        part.write(json);
  }

 private:
  enum class Kind { value, group, choice, mark };

  Argument(std::string name, Value standard, Range range)
      : name_(std::move(name)), value_(standard), standard_(std::move(standard)),
        range_(std::move(range)) {}

  const Argument* find(const std::string& name) const {
    const auto found = std::find_if(parts_.begin(), parts_.end(),
                                    [&](const Argument& part) { return part.name_ == name; });
    return found == parts_.end() ? nullptr : &*found;
  }

  Argument* find(const std::string& name) {
    return const_cast<Argument*>(std::as_const(*this).find(name));
  }

  void read(const std::string& text) {
    if (!accept(text))
      throw usage_error("\"" + text + "\" is not a valid value for \"" + name_
                        + "\"\n  Valid values: " + range_.words);
  }

  bool accept(const std::string& text) {
    if (std::holds_alternative<bool>(value_)) {
      value_ = text == "1" || text == "true";
      return flag() || text == "0" || text == "false";
    }
    if (std::holds_alternative<std::string>(value_)) {
      value_ = text;
      return kind_ != Kind::choice || find(text) != nullptr;
    }
    try {
      std::size_t read = 0;
      if (std::holds_alternative<double>(value_))
        value_ = std::stod(text, &read);
      else
        value_ = static_cast<long long>(std::stoll(text, &read));
      return read == text.size() && range_.holds(number());
    } catch (const std::logic_error&) {  // not a number, or too large for one
      return false;
    }
  }

  double number() const {
    return std::holds_alternative<double>(value_) ? real()
                                                  : static_cast<double>(std::get<long long>(value_));
  }

  std::string words() const {
    std::ostringstream text;
    text << std::boolalpha;
    std::visit([&](const auto& value) { text << value; }, value_);
    return text.str();
  }

  Kind kind_ = Kind::value;
  std::string name_;
  Value value_;
  Value standard_;
  Range range_;
  std::vector<Argument> parts_;
};

}  // namespace console

#endif
