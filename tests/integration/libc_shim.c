/* Under the daemon by LD_PRELOAD, for tests.
 *
 * clock_gettime(CLOCK_REALTIME) is off by the seconds in the file $FAKE_CLOCK; the steady clock is
 * left alone.
 *
 * getaddrinfo(): names come from the file $FAKE_NAMES, one per line, as
 * "name address[,address...]" or "name NXDOMAIN|SERVFAIL|HANG". Names that are not in it go to the
 * real resolver. The answer is built by the real one from numeric addresses, so that freeaddrinfo()
 * stays the real one too. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef int (*resolve_fn)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int look_up(const char *name, char *answer, size_t size) {
    const char *path = getenv("FAKE_NAMES");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[512], key[256], value[256];
    int found = 0;
    if (!file) return 0;
    while (!found && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%255s %255s", key, value) == 2 && strcmp(key, name) == 0) {
            snprintf(answer, size, "%s", value);
            found = 1;
        }
    }
    fclose(file);
    return found;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
    resolve_fn real = (resolve_fn)dlsym(RTLD_NEXT, "getaddrinfo");
    char answer[256];
    if (!node || !look_up(node, answer, sizeof answer)) return real(node, service, hints, result);
    if (strcmp(answer, "NXDOMAIN") == 0) return EAI_NONAME;
    if (strcmp(answer, "SERVFAIL") == 0) return EAI_AGAIN;
    if (strcmp(answer, "HANG") == 0) {
        sleep(20);
        return EAI_AGAIN;
    }
    struct addrinfo *first = NULL, *last = NULL;
    char *rest = NULL;
    for (char *address = strtok_r(answer, ",", &rest); address;
         address = strtok_r(NULL, ",", &rest)) {
        struct addrinfo *one = NULL;
        int error = real(address, service, hints, &one);
        if (error) return error;
        if (!first) first = one;
        if (last) last->ai_next = one;
        for (last = one; last->ai_next;) last = last->ai_next;
    }
    *result = first;
    return first ? 0 : EAI_NONAME;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    const char *path = getenv("FAKE_CLOCK");
    if (result == 0 && clock == CLOCK_REALTIME && path) {
        FILE *file = fopen(path, "r");
        long offset = 0;
        if (file) {
            if (fscanf(file, "%ld", &offset) != 1) offset = 0;
            fclose(file);
        }
        now->tv_sec += offset;
    }
    return result;
}
