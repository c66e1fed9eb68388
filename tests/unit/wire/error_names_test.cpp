#include "wire/error_names.hpp"

#include <catch2/catch.hpp>

using namespace understudy::wire;

TEST_CASE("The names of an error go with its status in each dialect") {
    struct Row {
        unsigned status;
        const char* anthropic;
        const char* google;
    };
    for (const Row& row :
         {Row{0, "api_error", "UNAVAILABLE"}, Row{200, "api_error", "UNAVAILABLE"},
          Row{400, "invalid_request_error", "INVALID_ARGUMENT"},
          Row{401, "authentication_error", "UNAUTHENTICATED"},
          Row{402, "billing_error", "RESOURCE_EXHAUSTED"},
          Row{403, "permission_error", "PERMISSION_DENIED"},
          Row{404, "not_found_error", "NOT_FOUND"},
          Row{413, "request_too_large", "INVALID_ARGUMENT"},
          Row{415, "invalid_request_error", "INVALID_ARGUMENT"},
          Row{429, "rate_limit_error", "RESOURCE_EXHAUSTED"}, Row{500, "api_error", "INTERNAL"},
          Row{502, "api_error", "UNAVAILABLE"}, Row{503, "overloaded_error", "UNAVAILABLE"},
          Row{408, "invalid_request_error", "DEADLINE_EXCEEDED"},
          Row{499, "invalid_request_error", "CANCELLED"}, Row{501, "api_error", "UNIMPLEMENTED"},
          Row{504, "timeout_error", "DEADLINE_EXCEEDED"},
          Row{529, "overloaded_error", "UNAVAILABLE"}, Row{599, "api_error", "UNAVAILABLE"}}) {
        INFO(row.status);
        CHECK(anthropic_error_type(row.status) == row.anthropic);
        CHECK(google_error_status(row.status) == row.google);
    }
}
