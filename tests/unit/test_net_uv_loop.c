/* The libuv loop: timers, posts, watches, signals. No sleeping, bounded by a guard. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "net/uv_run.h"

enum { GUARD_MS = 10000 };

static void give_up(void *owner)
{
    (void)owner;
    (void)fprintf(stderr, "the loop did not come to an end in time\n");
    abort();
}

/* Runs until an end's stop, at most GUARD_MS. */
static void run(struct loop *loop)
{
    struct timer *guard = loop_timer_create(loop, give_up, NULL);
    loop_timer_start(guard, GUARD_MS);
    uv_run_loop(loop);
    loop_timer_free(&guard);
}

struct ticker {
    struct loop *loop;
    struct timer *timer;
    struct timer *other;
    unsigned ticks;
    int64_t delay_ms;
};

static void on_tick(void *owner)
{
    struct ticker *self = owner;
    self->ticks++;
    if (self->ticks < 5)
        loop_timer_start(self->timer, self->delay_ms);
    else
        uv_run_stop(self->loop);
    if (self->other != NULL)
        loop_timer_free(&self->other);
}

static void never(void *owner)
{
    bool is_called = owner == NULL;
    check(!is_called);
}

TEST(test_timers_restart_stop_and_free_inside_callbacks)
{
    for (int64_t delay_ms = 0; delay_ms <= 1; delay_ms++) {
        struct ticker ticker = {.loop = uv_run_create(0), .delay_ms = delay_ms};
        ticker.timer = loop_timer_create(ticker.loop, on_tick, &ticker);
        ticker.other = loop_timer_create(ticker.loop, never, NULL);
        struct timer *stopped = loop_timer_create(ticker.loop, never, NULL);
        loop_timer_start(ticker.timer, delay_ms);
        loop_timer_start(ticker.other, delay_ms);
        loop_timer_start(stopped, 0);
        loop_timer_stop(stopped);
        int64_t before_ms = loop_now_ms(ticker.loop);
        run(ticker.loop);
        check_int(ticker.ticks, 5);
        check(loop_now_ms(ticker.loop) - before_ms >= 5 * delay_ms);
        loop_timer_free(&ticker.timer);
        loop_timer_free(&stopped);
        loop_timer_free(&stopped);
        uv_run_free(&ticker.loop);
    }
}

struct posted {
    struct post post;
    struct loop *loop;
    unsigned *seen;
    unsigned number;
};

enum { POSTS = 1000 };

static void on_posted(struct post *post)
{
    struct posted *self = list_entry(post, struct posted, post);
    check_int(*self->seen, self->number);
    if (++*self->seen == POSTS)
        uv_run_stop(self->loop);
}

static void *post_many(void *arg)
{
    struct posted *posts = arg;
    for (unsigned i = 0; i < POSTS; i++)
        loop_post(posts[i].loop, &posts[i].post);
    return NULL;
}

TEST(test_posts_of_another_thread_come_in_order)
{
    struct loop *loop = uv_run_create(0);
    struct posted *posts = mem_zalloc(POSTS, sizeof *posts);
    unsigned seen = 0;
    for (unsigned i = 0; i < POSTS; i++)
        posts[i] = (struct posted){{{0}, on_posted}, loop, &seen, i};
    pthread_t thread;
    require(pthread_create(&thread, NULL, post_many, posts) == 0);
    run(loop);
    require(pthread_join(thread, NULL) == 0);
    check_int(seen, POSTS);
    uv_run_free(&loop);
    mem_free(posts);
}

TEST(test_posts_left_over_run_when_the_loop_is_freed)
{
    struct loop *loop = uv_run_create(0);
    unsigned seen = 0;
    struct posted posted = {{{0}, on_posted}, loop, &seen, 0};
    loop_post(loop, &posted.post);
    uv_run_free(&loop);
    check_int(seen, 1);
}

struct watcher {
    struct loop *loop;
    struct watch *watch;
    int fd;
    unsigned calls;
};

static void on_ready(void *owner, unsigned ready)
{
    struct watcher *self = owner;
    char byte;
    check_int(ready, WATCH_READ);
    check_int(read(self->fd, &byte, 1), 1);
    if (++self->calls < 2)
        return;
    loop_watch_free(&self->watch);
    (void)close(self->fd);
    uv_run_stop(self->loop);
}

TEST(test_watch_calls_again_while_readable)
{
    int fds[2];
    require(pipe(fds) == 0);
    struct watcher watcher = {.loop = uv_run_create(0), .fd = fds[0]};
    watcher.watch = loop_watch_create(watcher.loop, fds[0], WATCH_READ, on_ready, &watcher);
    check_int(write(fds[1], "ab", 2), 2);
    run(watcher.loop);
    check_int(watcher.calls, 2);
    (void)close(fds[1]);
    uv_run_free(&watcher.loop);
}

static void on_signal(void *owner, int number)
{
    check_int(number, SIGUSR1);
    uv_run_stop(owner);
}

TEST(test_signals_come_on_the_loop)
{
    struct loop *loop = uv_run_create(0);
    uv_run_on_signal(loop, SIGUSR1, on_signal, loop);
    require(raise(SIGUSR1) == 0);
    run(loop);
    uv_run_free(&loop);
}

CHECK_MAIN({"timers", test_timers_restart_stop_and_free_inside_callbacks},
           {"posts", test_posts_of_another_thread_come_in_order},
           {"posts_left", test_posts_left_over_run_when_the_loop_is_freed},
           {"watch", test_watch_calls_again_while_readable},
           {"signals", test_signals_come_on_the_loop})
