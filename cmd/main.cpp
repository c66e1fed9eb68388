// Chooses the subcommand. Everything else is in the file named after it.
#include "understudy_version.hpp"

#include <cstdio>

int main() {
    std::printf("understudy %s (%s)\n", UNDERSTUDY_VERSION, UNDERSTUDY_COMMIT);
    return 0;
}
