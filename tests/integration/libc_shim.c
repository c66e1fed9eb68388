/* Under the daemon by LD_PRELOAD, for tests.
 *
 * clock_gettime(CLOCK_REALTIME) is off by the seconds in the file $FAKE_CLOCK; the steady clock is
 * left alone.
 *
 * connect() to an IPv4 address and port of the file $FAKE_PORTS, a line "127.0.0.2:443 40123" each,
 * goes to that port of 127.0.0.1 instead: a provider's own address can be played by a test.
 *
 * pwrite() to a file whose name has "ledger.db" in it fails with the errno of the file $FAKE_DISK, a
 * number; a negative one: it takes so many milliseconds longer; 0 or nothing: it is left alone.
 *
 * getaddrinfo(): names come from the file $FAKE_NAMES, one per line, as
 * "name address[,address...]" or "name NXDOMAIN|SERVFAIL|HANG". Names that are not in it go to the
 * real resolver. The answer is built by the real one from numeric addresses, so that freeaddrinfo()
 * stays the real one too. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off64_t);
typedef int (*connect_fn)(int, const struct sockaddr *, socklen_t);
typedef int (*resolve_fn)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int look_up(const char *variable, const char *name, char *answer, size_t size) {
    const char *path = getenv(variable);
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
    if (!node || !look_up("FAKE_NAMES", node, answer, sizeof answer)) return real(node, service, hints, result);
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
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && path) {
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

int connect(int socket, const struct sockaddr *address, socklen_t size) {
    connect_fn real = (connect_fn)dlsym(RTLD_NEXT, "connect");
    char ip[INET_ADDRSTRLEN], key[64], port[256];
    if (address->sa_family != AF_INET) return real(socket, address, size);
    struct sockaddr_in to = *(const struct sockaddr_in *)address;
    inet_ntop(AF_INET, &to.sin_addr, ip, sizeof ip);
    snprintf(key, sizeof key, "%s:%d", ip, ntohs(to.sin_port));
    if (!look_up("FAKE_PORTS", key, port, sizeof port)) return real(socket, address, size);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((unsigned short)atoi(port));
    return real(socket, (const struct sockaddr *)&to, sizeof to);
}

/* What is wrong with the disk under this file; 0: nothing. */
static int disk_fault(int file) {
    const char *path = getenv("FAKE_DISK");
    char link[64], name[512];
    ssize_t size;
    FILE *script;
    int fault = 0;
    if (!path) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    size = readlink(link, name, sizeof name - 1);
    if (size < 0) return 0;
    name[size] = 0;
    if (!strstr(name, "ledger.db")) return 0;
    script = fopen(path, "r");
    if (!script) return 0;
    if (fscanf(script, "%d", &fault) != 1) fault = 0;
    fclose(script);
    return fault;
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    pwrite_fn real = (pwrite_fn)dlsym(RTLD_NEXT, "pwrite64");
    int fault = disk_fault(file);
    if (fault > 0) {
        errno = fault;
        return -1;
    }
    if (fault < 0) usleep((useconds_t)-fault * 1000);
    return real(file, data, size, at);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    return pwrite64(file, data, size, at);
}
