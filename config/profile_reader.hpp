// Typed access to the members of one profile, as config/profile_fields.hpp declares them.
#pragma once

#include "config/profile.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace understudy::config {

/// Collects problems; a member that is absent, null or of a wrong type reads as null. Lives as long
/// as the document and the notes do.
class ProfileReader {
  public:
    ProfileReader(const nlohmann::json& document, std::vector<ProfileNote>& notes)
        : document_(&document), notes_(&notes) {}

    /// Notes the members that no known version writes.
    void check_names();

    std::optional<std::string> text(const char* member);  // not empty
    std::optional<double> number(const char* member);     // not negative
    std::optional<std::uint64_t> whole(const char* member);
    std::optional<bool> boolean(const char* member);
    const nlohmann::json* map(const char* member);

    void problem(std::string member, std::string message);
    void note(std::string member, std::string message);
    const std::vector<ProfileNote>& problems() const { return problems_; }

  private:
    const nlohmann::json* find(const char* member) const;
    void mistyped(const char* member);

    const nlohmann::json* document_;
    std::vector<ProfileNote>* notes_;
    std::vector<ProfileNote> problems_;
};

}  // namespace understudy::config
