/* SPDX-License-Identifier: MIT
 *
 * fds.c - the descriptors that packetdrill holds
 */
#include "packetdrill/fds.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

struct la_pd_fd *
la_pd_fd_of(const struct la_pd *pd, int fd)
{
    struct la_pd_fd *f = pd->fds;
    while (f != NULL && f->fd != fd)
        f = f->next;
    return f;
}

struct la_pd_fd *
la_pd_fd_new(struct la_pd *pd)
{
    struct la_pd_fd *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    f->fd = eventfd(0, EFD_CLOEXEC);
    if (f->fd < 0) {
        free(f);
        errno = EMFILE;
        return NULL;
    }
    la_option_kept_init(f->kept);
    f->next = pd->fds;
    pd->fds = f;
    return f;
}

void
la_pd_fd_attach(struct la_pd *pd, struct la_pd_fd *f, la_sock sock)
{
    f->sock = sock;
    la_err err = la_sock_user_set(pd->socks, sock, (uint64_t)(uintptr_t)f);
    (void)err; /* the socket was just made */
}

void
la_pd_fd_close(struct la_pd *pd, struct la_pd_fd *f)
{
    struct la_pd_fd **at = &pd->fds;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    if (f->sock != 0) {
        la_err err = la_sock_close(pd->socks, f->sock, pd->now);
        (void)err; /* it was open */
    }
    for (struct la_pd_fd *other = pd->fds; other != NULL; other = other->next)
        la_interest_drop(&other->interests, f->fd);
    la_interest_drop(&f->interests, -1);
    la_errqueue_fini(&f->errors);
    /* Not close(), which the interface interposes. */
    (void)syscall(SYS_close, f->fd);
    free(f);
}

bool
la_pd_fd_status(const struct la_pd *pd, const struct la_pd_fd *f, struct la_conn_status *out)
{
    la_handle conn = la_sock_conn(pd->socks, f->sock);
    return conn != 0 && la_conn_status(pd->stack, conn, out) == LA_OK;
}

void
la_pd_fds_free(struct la_pd *pd)
{
    while (pd->fds != NULL)
        la_pd_fd_close(pd, pd->fds);
}

static void
refresh(const struct la_pd *pd, int fd)
{
    for (struct la_pd_fd *f = pd->fds; f != NULL; f = f->next)
        la_interest_touch(f->interests, fd);
}

void
la_pd_fds_event(struct la_pd *pd, const struct la_sock_event *event)
{
    const struct la_pd_fd *of = (const struct la_pd_fd *)(uintptr_t)event->user;
    if (of != NULL)
        refresh(pd, of->fd);
}

void
la_pd_fds_look(struct la_pd *pd)
{
    struct la_conn_status status;
    for (struct la_pd_fd *f = pd->fds; f != NULL; f = f->next) {
        if (f->errors.sends == NULL)
            continue;
        bool has = la_pd_fd_status(pd, f, &status);
        if (la_errqueue_look(&f->errors, has ? &status : NULL, pd->now))
            refresh(pd, f->fd);
    }
}
