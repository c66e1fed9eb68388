// Copies fields of a head that was read into a head that is being written.
#pragma once

#include "wire/append.hpp"
#include "wire/head.hpp"

#include <string>
#include <string_view>

namespace understudy::wire {

/// Appends fields as they came, byte for byte. Neighbours that are all kept lie side by side in the
/// head they come from: they are copied as one. That head must stay in place until finish().
class LineCopier {
  public:
    explicit LineCopier(std::string& out) : out_(out) {}

    void add(const HeaderField& field) {
        const auto line = field.line();
        if (line.empty()) {  // made by hand, not read
            finish();
            append_field(out_, field.name, field.value);
        } else if (!run_.empty() && run_.data() + run_.size() == line.data()) {
            run_ = {run_.data(), run_.size() + line.size()};
        } else {
            finish();
            run_ = line;
        }
    }
    /// Writes what is due: before anything else goes to the same text, and at the end.
    void finish() {
        out_.append(run_);
        run_ = {};
    }

  private:
    std::string& out_;
    std::string_view run_;
};

}  // namespace understudy::wire
