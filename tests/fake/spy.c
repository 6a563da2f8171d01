/*
 * The spy's session stands between pump and session: it keeps what the session wants and gives the
 * pump its own functions in their place, see spy.h.
 */
#include "tests/fake/spy.h"

#include "base/mem.h"

struct spy_session {
    struct spy *spy;
    void *inner;
    struct host *host;
    struct verdict want; /* of the session inside */
};

static struct verdict pass(struct spy_session *self, struct verdict want);

static struct buf *book_of(struct spy_session *self)
{
    return self->host->tls != NULL ? &self->spy->secure : &self->spy->plain;
}

static struct verdict spy_line(void *session, enum line_fault fault, struct span line)
{
    struct spy_session *self = session;
    buf_put(book_of(self), line);
    buf_puts(book_of(self), "\n");
    return pass(self, self->want.then.line(self->inner, fault, line));
}

static struct verdict spy_bytes(void *session, struct span bytes, size_t *taken_out)
{
    struct spy_session *self = session;
    buf_put(book_of(self), bytes);
    return pass(self, self->want.then.bytes(self->inner, bytes, taken_out));
}

static struct verdict spy_answer(void *session, struct job *job)
{
    struct spy_session *self = session;
    return pass(self, self->want.then.answer(self->inner, job));
}

static struct verdict spy_drain(void *session)
{
    struct spy_session *self = session;
    return pass(self, self->want.then.drain(self->inner));
}

static struct verdict pass(struct spy_session *self, struct verdict want)
{
    self->want = want;
    switch (want.want) {
    case WANT_LINE:
        want.then.line = spy_line;
        break;
    case WANT_BYTES:
        want.then.bytes = spy_bytes;
        break;
    case WANT_ANSWER:
        want.then.answer = spy_answer;
        break;
    case WANT_DRAIN:
        want.then.drain = spy_drain;
        break;
    case WANT_UPGRADE:
    case WANT_CLOSE:
        break;
    }
    return want;
}

static void *spy_open(void *service, struct host *host, enum session_start start)
{
    struct spy *spy = service;
    struct spy_session *self = mem_new(struct spy_session);
    *self = (struct spy_session){.spy = spy, .host = host};
    spy->secure_count += host->tls != NULL ? 1 : 0;
    self->inner = spy->inner->open(spy->service, host, start);
    return self;
}

static struct verdict spy_start(void *session)
{
    struct spy_session *self = session;
    return pass(self, self->spy->inner->start(self->inner));
}

static struct verdict spy_wake(void *session)
{
    struct spy_session *self = session;
    return pass(self, self->spy->inner->wake(self->inner));
}

static void spy_ending(void *session, enum ending why)
{
    struct spy_session *self = session;
    self->spy->inner->ending(self->inner, why);
}

static void spy_free(void *session)
{
    struct spy_session *self = session;
    self->spy->inner->free(self->inner);
    mem_free(self);
}

void spy_init(struct spy *spy, const struct session_type *inner, void *service)
{
    *spy = (struct spy){.type = {.name = inner->name,
                                 .open = spy_open,
                                 .start = spy_start,
                                 .wake = spy_wake,
                                 .ending = spy_ending,
                                 .free = spy_free,
                                 .crowded = inner->crowded},
                        .inner = inner,
                        .service = service};
    buf_init(&spy->plain, 0);
    buf_init(&spy->secure, 0);
}

void spy_deinit(struct spy *spy)
{
    buf_release(&spy->plain);
    buf_release(&spy->secure);
}

void spy_clear(struct spy *spy)
{
    buf_clear(&spy->plain);
    buf_clear(&spy->secure);
    spy->secure_count = 0;
}
