/* The floor: a relay that looks at nothing. Every connection to PORT is tied to one to BACKEND_PORT on loopback, and bytes are
 * copied both ways: one wake-up, one read and one write for each piece, which no proxy in user space can do without.
 * Single-threaded, level-triggered epoll. Usage: floor PORT BACKEND_PORT */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST = 1 << 17, PIECE = 1 << 18, BATCH = 256 };

struct side {
    int other;       /* descriptor of the other side, -1: not in use */
    char *rest;      /* bytes that this side did not take yet */
    size_t begin, end;
};
static struct side sides[MOST];
static int epoll_fd;

static void watch(int how, int fd, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    epoll_ctl(epoll_fd, how, fd, &e);
}

static void end_both(int fd) {
    int other = sides[fd].other;
    for (int i = 0; i < 2; i++) {
        int each = i ? other : fd;
        free(sides[each].rest);
        sides[each] = (struct side){.other = -1};
        close(each);
    }
}

static void take_client(int client, const struct sockaddr_in *backend) {
    int on = 1, up = socket(AF_INET, SOCK_STREAM, 0);
    if (up < 0 || up >= MOST || client >= MOST || connect(up, (const void *)backend, sizeof *backend) < 0) {
        if (up >= 0) close(up);
        close(client);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(up, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sides[client] = (struct side){.other = up};
    sides[up] = (struct side){.other = client};
    watch(EPOLL_CTL_ADD, client, EPOLLIN);
    watch(EPOLL_CTL_ADD, up, EPOLLIN);
}

/* Send the rest that `fd` did not take; then its other side is read again. */
static int flush_rest(int fd) {
    struct side *s = &sides[fd];
    ssize_t n = send(fd, s->rest + s->begin, s->end - s->begin, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    s->begin += (size_t)n;
    if (s->begin == s->end) {
        free(s->rest);
        s->rest = NULL;
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
        watch(EPOLL_CTL_MOD, s->other, sides[s->other].rest ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return 0;
}

static int pass_on(int fd) {
    static char buffer[PIECE];
    int other = sides[fd].other;
    ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
    ssize_t sent = send(other, buffer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) sent = 0;
    if (sent < n) { /* keep the rest, and read no more until it is gone */
        struct side *s = &sides[other];
        s->rest = malloc((size_t)(n - sent));
        if (!s->rest) return -1;
        memcpy(s->rest, buffer + sent, (size_t)(n - sent));
        s->begin = 0;
        s->end = (size_t)(n - sent);
        watch(EPOLL_CTL_MOD, fd, sides[fd].rest ? EPOLLOUT : 0);
        watch(EPOLL_CTL_MOD, other, EPOLLIN | EPOLLOUT);
    }
    return 0;
}

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "usage: floor PORT BACKEND_PORT\n");
        return 2;
    }
    struct rlimit files = {MOST, MOST};
    setrlimit(RLIMIT_NOFILE, &files);
    for (int i = 0; i < MOST; i++) sides[i].other = -1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, backend = here;
    here.sin_port = htons((uint16_t)atoi(words[1]));
    backend.sin_port = htons((uint16_t)atoi(words[2]));
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (void *)&here, sizeof here) < 0 || listen(listener, 4096) < 0) {
        perror("floor");
        return 1;
    }
    epoll_fd = epoll_create1(0);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN);
    for (;;) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(epoll_fd, events, BATCH, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                for (int client; (client = accept(listener, NULL, NULL)) >= 0;) take_client(client, &backend);
            } else if (sides[fd].other >= 0) {
                uint32_t what = events[i].events;
                if ((what & EPOLLOUT && flush_rest(fd) < 0) ||
                    (sides[fd].other >= 0 && what & (EPOLLIN | EPOLLHUP | EPOLLERR) && pass_on(fd) < 0))
                    end_both(fd);
            }
        }
    }
}
