#include "proxy/rescue/continuation.hpp"

namespace understudy::proxy::rescue {

std::string comment_of(const ContinuationOptions& options) {
    std::string out = "understudy rescue ";
    out.append(options.upstream);
    if (!options.model.empty()) out.append("/").append(options.model);
    out.append(" after ").append(options.failure).append(", ").append(name_of(options.rung));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    return out;
}

}  // namespace understudy::proxy::rescue
