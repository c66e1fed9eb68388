#include "dialects/gemini/media_type.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace understudy::dialects::gemini {
namespace {

using Row = std::pair<std::string_view, std::string_view>;

constexpr std::array<std::string_view, 5> kImages{"image/png", "image/jpeg", "image/webp",
                                                  "image/heic", "image/heif"};

constexpr std::array<std::string_view, 5> kOwn{
    "gs://", "https://generativelanguage.googleapis.com/", "https://www.youtube.com/",
    "https://youtube.com/", "https://youtu.be/"};

constexpr std::array kEndings{
    Row{".png", "image/png"},       Row{".jpg", "image/jpeg"},  Row{".jpeg", "image/jpeg"},
    Row{".webp", "image/webp"},     Row{".heic", "image/heic"}, Row{".heif", "image/heif"},
    Row{".pdf", "application/pdf"}, Row{".txt", "text/plain"},  Row{".csv", "text/csv"},
    Row{".html", "text/html"},      Row{".mp3", "audio/mp3"},   Row{".wav", "audio/wav"},
};

}  // namespace

bool takes_type(Media::Kind kind, std::string_view type) {
    switch (kind) {
        case Media::Kind::image:
            return std::find(kImages.begin(), kImages.end(), type) != kImages.end();
        case Media::Kind::document:
            return type == "application/pdf" || type.starts_with("text/");
        case Media::Kind::audio:
            return type.starts_with("audio/");
    }
    return false;
}

bool is_googles_own(std::string_view url) {
    return std::any_of(kOwn.begin(), kOwn.end(),
                       [&](std::string_view place) { return url.starts_with(place); });
}

std::string_view type_of_url(std::string_view url) {
    const auto path = url.substr(0, url.find_first_of("?#"));
    const auto row = std::find_if(kEndings.begin(), kEndings.end(),
                                  [&](const Row& one) { return path.ends_with(one.first); });
    return row == kEndings.end() ? std::string_view() : row->second;
}

}  // namespace understudy::dialects::gemini
