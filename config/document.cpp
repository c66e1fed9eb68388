#include "config/document.hpp"

#include "config/text.hpp"
#include "config/yaml_hint.hpp"

#include <openssl/crypto.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <utility>

namespace understudy::config {
namespace {

constexpr std::size_t kNodeWeight = 64;  // of a node beside its text

Mark to_mark(const YAML::Mark& mark) {
    return {mark.line + 1, mark.column + 1};
}

// Ends parsing: what comes after has no meaning any more.
struct Refused {
    Mark mark;
    std::string path;
    std::string message;
};

// Turns yaml-cpp's events into nodes. yaml-cpp's own tree is not used because it drops duplicate
// keys, shares aliased nodes (an alias bomb then explodes when it is walked) and costs more memory.
class Builder : public YAML::EventHandler {
  public:
    Builder(std::string file, std::vector<Problem>& problems)
        : file_(std::move(file)), problems_(problems) {}

    Element take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Element node;
        node.mark = to_mark(mark);
        node.weight = kNodeWeight;
        add(std::move(node), anchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Element node;
        node.kind = Element::Kind::scalar;
        node.mark = to_mark(mark);
        node.plain = tag == "?" || tag.empty();
        check_tag(tag, node.mark);
        if (node.plain && (value == "~" || value == "null" || value == "Null" || value == "NULL")) {
            node.kind = Element::Kind::null;
        }
        node.text = value;
        node.weight = kNodeWeight + value.size();
        add(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            throw Refused{to_mark(mark), next_path(), "this alias stands inside its own anchor"};
        }
        Element copy = found->second;
        add(std::move(copy), 0);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Element::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Element::Kind::map, mark, tag, anchor);
    }
    void OnMapEnd() override {
        merge(stack_.back());
        close();
    }

  private:
    struct Frame {
        Element node;
        std::string path;
        YAML::anchor_t anchor = 0;
        bool has_key = false;  // a key was read, its value comes next
        bool drop = false;     // ... but the pair is not kept (duplicate or unusable key)
        std::string key;
        Mark key_mark;
    };

    std::string next_path() const {
        if (stack_.empty()) return {};
        const Frame& frame = stack_.back();
        if (frame.node.kind == Element::Kind::list) {
            return frame.path + "[" + std::to_string(frame.node.items.size()) + "]";
        }
        if (!frame.has_key) return frame.path;
        return frame.path.empty() ? frame.key : frame.path + "." + frame.key;
    }

    void problem(Mark mark, std::string path, std::string message) {
        problems_.push_back({file_, mark.line, mark.column, std::move(path), std::move(message)});
    }

    void check_tag(const std::string& tag, Mark mark) {
        // "?" and "!" are yaml-cpp's words for "plain" and "quoted".
        if (tag.empty() || tag == "?" || tag == "!") return;
        constexpr std::string_view kCore = "tag:yaml.org,2002:";
        if (tag.starts_with(kCore)) {
            const std::string_view type = std::string_view(tag).substr(kCore.size());
            for (const std::string_view known : {"str", "int", "float", "bool", "map", "seq"}) {
                if (type == known) return;
            }
        }
        problem(mark, next_path(), "YAML tags have no meaning here; remove " + in_quotes(tag));
    }

    void open(Element::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        Frame frame;
        frame.node.kind = kind;
        frame.node.mark = to_mark(mark);
        frame.node.weight = kNodeWeight;
        frame.path = next_path();
        frame.anchor = anchor;
        if (stack_.size() >= kMaxDepth) {
            throw Refused{frame.node.mark, frame.path,
                          "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
        }
        check_tag(tag, frame.node.mark);
        stack_.push_back(std::move(frame));
    }

    void close() {
        Frame frame = std::move(stack_.back());
        stack_.pop_back();
        add(std::move(frame.node), frame.anchor, frame.path);
    }

    void add(Element node, YAML::anchor_t anchor) { add(std::move(node), anchor, next_path()); }

    void add(Element node, YAML::anchor_t anchor, const std::string& path) {
        total_ += node.kind == Element::Kind::list || node.kind == Element::Kind::map
                      ? kNodeWeight
                      : node.weight + kNodeWeight;
        if (node.weight > kMaxExpandedBytes || total_ > kMaxExpandedBytes) {
            throw Refused{node.mark, path, "anchors and aliases expand to more than 16 MiB"};
        }
        if (anchor != 0) {
            // The anchored copy is kept for aliases, so it counts as well.
            total_ += node.weight;
            anchors_[anchor] = node;
        }
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        Frame& frame = stack_.back();
        if (frame.node.kind == Element::Kind::list) {
            check_room(frame, frame.node.items.size());
            frame.node.weight += node.weight;
            frame.node.items.push_back(std::move(node));
        } else if (!frame.has_key) {
            take_key(frame, node);
        } else {
            take_value(frame, std::move(node));
        }
    }

    static void check_room(const Frame& frame, std::size_t count) {
        if (count < kMaxEntries) return;
        throw Refused{frame.node.mark, frame.path,
                      "has more than " + std::to_string(kMaxEntries) + " entries"};
    }

    void take_key(Frame& frame, const Element& node) {
        frame.has_key = true;
        frame.drop = node.kind != Element::Kind::scalar;
        frame.key_mark = node.mark;
        if (frame.drop) {
            // `{{ env.NAME }}` without quotes is a map whose key is a map.
            const bool braces = node.kind == Element::Kind::map;
            if (braces) frame.node.broken = true;
            problem(node.mark, frame.path,
                    braces ? "a key must be a plain word; if {{ ... }} is meant, it is a template "
                             "that nothing fills in: write ${NAME} to read the environment "
                             "variable, in quotes inside { } and [ ]"
                           : "a key must be a plain word");
            frame.key = "?";
            return;
        }
        frame.key = node.text;
        const auto& members = frame.node.members;
        check_room(frame, members.size());
        const auto same = std::find_if(members.begin(), members.end(),
                                       [&](const Member& m) { return m.key == node.text; });
        if (same != members.end()) {
            frame.drop = true;
            problem(node.mark, next_path(),
                    "this key is already given in line " + std::to_string(same->mark.line) +
                        "; keep one of the two");
        }
    }

    void take_value(Frame& frame, Element node) {
        frame.has_key = false;
        if (frame.drop) return;
        frame.node.weight += kNodeWeight + frame.key.size() + node.weight;
        total_ += frame.key.size();
        frame.node.members.push_back({std::move(frame.key), frame.key_mark, std::move(node)});
    }

    // `<<: *defaults` takes over the keys that the map itself does not have (YAML 1.1 merge).
    void merge(Frame& frame) {
        auto& members = frame.node.members;
        const auto at = std::find_if(members.begin(), members.end(),
                                     [](const Member& m) { return m.key == "<<"; });
        if (at == members.end()) return;
        const Member merged = std::move(*at);
        members.erase(at);
        if (merged.value.kind == Element::Kind::map) {
            merge_from(frame, merged.value);
            return;
        }
        const auto& items = merged.value.items;
        if (items.empty() || !std::all_of(items.begin(), items.end(), [](const Element& n) {
                return n.kind == Element::Kind::map;
            })) {
            problem(merged.mark, frame.path, "<< takes a map or a list of maps to merge");
            return;
        }
        for (const Element& source : items) merge_from(frame, source);
    }

    void merge_from(Frame& frame, const Element& source) {
        for (const Member& member : source.members) {
            if (frame.node.find(member.key) != nullptr) continue;
            const std::size_t weight = kNodeWeight + member.key.size() + member.value.weight;
            total_ += weight;
            frame.node.weight += weight;
            if (total_ > kMaxExpandedBytes) {
                throw Refused{source.mark, frame.path,
                              "anchors and aliases expand to more than 16 MiB"};
            }
            check_room(frame, frame.node.members.size());
            frame.node.members.push_back(member);
        }
    }

    std::string file_;
    std::vector<Problem>& problems_;
    std::vector<Frame> stack_;
    std::map<YAML::anchor_t, Element> anchors_;
    std::size_t total_ = 0;
    Element root_;
};

int line_of(std::string_view text, std::size_t offset) {
    return 1 + static_cast<int>(std::count(text.begin(), text.begin() + offset, '\n'));
}

// What must hold before yaml-cpp sees the text. Returns false if it must not.
bool check_bytes(std::string_view text, const std::string& file, std::vector<Problem>& problems) {
    if (text.size() > kMaxDocumentBytes) {
        problems.push_back({file, 0, 0, "",
                            "is larger than 1 MiB (" + std::to_string(text.size()) +
                                " bytes); a configuration is much smaller than that"});
        return false;
    }
    const std::size_t control = text.find('\0');
    if (control != std::string_view::npos || !is_utf8(text)) {
        const int line = control == std::string_view::npos ? 0 : line_of(text, control);
        problems.push_back({file, line, 0, "", "is not UTF-8 text; save it as UTF-8"});
        return false;
    }
    return true;
}

const Element* child(const Element& node, std::string_view step) {
    if (step.empty() || step.front() != '[') return node.find(step);
    std::size_t index = 0;
    std::from_chars(step.data() + 1, step.data() + step.size(), index);
    return index < node.items.size() ? &node.items[index] : nullptr;
}

}  // namespace

const Element* Element::find(std::string_view key) const {
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const Member& member) { return member.key == key; });
    return at == members.end() ? nullptr : &at->value;
}

// Whether a quoted value begins on this line.
static bool quoted_at(const Element& node, int line) {
    if (node.kind == Element::Kind::scalar) return !node.plain && node.mark.line == line;
    return std::any_of(node.items.begin(), node.items.end(),
                       [&](const Element& item) { return quoted_at(item, line); }) ||
           std::any_of(node.members.begin(), node.members.end(),
                       [&](const Member& member) { return quoted_at(member.value, line); });
}

bool parse_document(std::string_view text, const std::string& file, Element& root,
                    std::vector<Problem>& problems) {
    if (!check_bytes(text, file, problems)) return false;
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        Builder builder(file, problems);
        if (!parser.HandleNextDocument(builder)) {
            problems.push_back({file, 0, 0, "",
                                "is empty; it needs at least `upstreams` "
                                "(docs/configuration.md has a minimal example)"});
            return false;
        }
        root = builder.take_root();
        if (const int line = unclosed_quote(text); line > 0 && quoted_at(root, line)) {
            problems.push_back({file, line, 1, "",
                                "line " + std::to_string(line) +
                                    " opens a quote that is not closed; all that follows was "
                                    "taken for its value"});
            return false;
        }
        std::vector<Problem> unread;
        Builder second(file, unread);
        if (parser.HandleNextDocument(second)) {
            problems.push_back({file, 0, 0, "", "has more than one YAML document; keep one"});
        }
        return true;
    } catch (const YAML::Exception& e) {
        const Mark mark = e.mark.is_null() ? Mark{} : to_mark(e.mark);
        problems.push_back({file, mark.line, mark.column, "",
                            "is not valid YAML: " + e.msg + yaml_hint(text, mark.line)});
    } catch (const Refused& e) {
        problems.push_back({file, e.mark.line, e.mark.column, e.path, e.message});
    }
    return false;
}

Mark locate(const Element& root, std::string_view path) {
    const Element* node = &root;
    Mark mark = root.mark;
    while (!path.empty()) {
        const std::size_t end = path.find_first_of(".[", path.front() == '[' ? 1 : 0);
        node = child(*node, path.substr(0, end));
        if (node == nullptr) break;
        mark = node->mark;
        path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
        if (path.starts_with('.')) path.remove_prefix(1);
    }
    return mark;
}

void wipe(Element& node) {
    if (!node.text.empty()) OPENSSL_cleanse(node.text.data(), node.text.size());
    for (Element& item : node.items) wipe(item);
    for (Member& member : node.members) wipe(member.value);
}

}  // namespace understudy::config
