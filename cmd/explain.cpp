// `understudy explain`: what would happen to a request, known by its model or by its whole body.
#include "cmd/commands.hpp"
#include "cmd/configured.hpp"
#include "config/describe.hpp"
#include "config/files.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace understudy::cmd {
namespace {

constexpr std::size_t kMaxRequest = std::size_t{64} << 20U;

struct Question {
    std::string model;
    std::string request;  // path of a file with a request's body
};

// Reads the body in the file as the proxy would; nullopt when it is none, and stderr says why.
std::optional<config::RequestSample> read_request(const std::string& path) {
    const auto file = config::read_file(path, kMaxRequest);
    if (!file.text) {
        std::fprintf(stderr, "the file %s %s\n", path.c_str(), file.error.c_str());
        return std::nullopt;
    }
    wire::RequestFacts facts;
    if (const auto problem = wire::scan_request(*file.text, facts)) {
        std::fprintf(stderr, "%s is not one JSON object: %s at byte %zu\n", path.c_str(),
                     problem->what, problem->offset);
        return std::nullopt;
    }
    return config::RequestSample{facts.model, wire::read_content(*file.text, facts)};
}

std::optional<std::string> answer(const config::Config& config, const Question& question,
                                  const std::optional<config::RequestSample>& request) {
    const bool colour = wants_colour(STDOUT_FILENO);
    if (request) return config::explain_request(config, *request, colour);
    return config::explain(config, question.model, colour);
}

}  // namespace

Run add_explain(CLI::App& app) {
    const auto options = add_config_options(app);
    const auto question = std::make_shared<Question>();
    auto* const model =
        app.add_option("-m,--model", question->model, "The model that the client asks for")
            ->type_name("NAME");
    app.add_option("-r,--request", question->request,
                   "A file with a request's JSON body: routes may depend on what it holds; --model "
                   "goes before the model in it")
        ->type_name("FILE");
    return [options, question, model]() -> int {
        if (model->count() == 0 && question->request.empty()) {
            std::fputs("explain needs --model NAME or --request FILE\n", stderr);
            return kUsage;
        }
        const auto config = load_or_explain(*options);
        if (!config) return kUsage;
        std::optional<config::RequestSample> request;
        if (!question->request.empty()) {
            request = read_request(question->request);
            if (!request) return kUsage;
            if (model->count() > 0) request->model = question->model;
        }
        const auto text = answer(*config, *question, request);
        if (!text) {
            const auto& asked = request ? request->model : question->model;
            std::fprintf(stderr, "%s\n", config::no_route(*config, asked).c_str());
            return kUsage;
        }
        std::fputs(text->c_str(), stdout);
        return kOk;
    };
}

}  // namespace understudy::cmd
