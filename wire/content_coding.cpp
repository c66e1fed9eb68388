#include "wire/content_coding.hpp"

#include "wire/octets.hpp"

namespace understudy::wire {

namespace {

BodyCoding coding_named(std::string_view name) {
    if (iequals(name, "gzip") || iequals(name, "x-gzip")) return BodyCoding::gzip;
    if (iequals(name, "zstd")) return BodyCoding::zstd;
    if (iequals(name, "identity")) return BodyCoding::identity;
    return BodyCoding::unsupported;
}

}  // namespace

BodyCoding body_coding(const Fields& fields) {
    if (!fields.contains(FieldId::content_encoding)) return BodyCoding::identity;
    auto coding = BodyCoding::identity;
    bool named = false;
    for (const auto& field : fields) {
        if (field.id != FieldId::content_encoding) continue;
        for_each_element(field.value, [&](std::string_view name) {
            coding = named ? BodyCoding::unsupported : coding_named(name);
            named = true;
            return coding != BodyCoding::unsupported;
        });
        if (coding == BodyCoding::unsupported) break;
    }
    return coding;
}

std::string_view name_of(BodyCoding coding) {
    switch (coding) {
        case BodyCoding::identity:
            return "identity";
        case BodyCoding::gzip:
            return "gzip";
        case BodyCoding::zstd:
            return "zstd";
        case BodyCoding::unsupported:
            break;
    }
    return "unsupported";
}

}  // namespace understudy::wire
