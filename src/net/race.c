/*
 * race.c: several connects side by side behind one transport. Before there is a winner its owner
 * can do nothing but give up; from then on every call and event goes through to the winner. The
 * losers are closed at once and the race is gone when the last of them is. Tests:
 * tests/unit/test_net_race.c.
 */
#include "net/race.h"

#include <stdio.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/require.h"

struct racer {
    struct race *race;
    struct transport *transport; /* NULL: not begun, or gone */
    bool is_out;                 /* closing */
};

struct race {
    struct transport base;
    struct loop *loop;
    struct transport_maker *maker;
    struct timer *stagger;
    struct post post; /* tells that it is closed when no racer is left to tell it */
    struct endpoint to[RACE_MAX];
    size_t count, begun;
    bool has_source;
    struct endpoint source;
    int64_t stagger_ms;
    struct racer racers[RACE_MAX];
    struct racer *winner;
    bool is_closed; /* by the owner */
    struct fault fault;
};

static const struct transport_ops race_ops;
static const struct transport_events racer_events;

static struct race *as_race(const struct transport *transport)
{
    require(transport->ops == &race_ops);
    return (struct race *)(void *)(uintptr_t)transport;
}

/* ---- Running -------------------------------------------------------------------------------- */

static void begin_next(struct race *race)
{
    struct racer *racer = &race->racers[race->begun];

    require(race->begun < race->count);
    racer->race = race;
    racer->transport =
        race->maker->connect(race->maker, &race->to[race->begun],
                             race->has_source ? &race->source : NULL, &racer_events, racer);
    race->begun++;
    /* One that failed may have called the last in before the time did. */
    if (race->begun < race->count)
        loop_timer_start(race->stagger, race->stagger_ms);
    else
        loop_timer_stop(race->stagger);
}

static void on_stagger(void *owner)
{
    begin_next(owner);
}

static void leave(struct racer *racer)
{
    if (racer->transport == NULL || racer->is_out)
        return;
    racer->is_out = true;
    transport_close(racer->transport);
}

static void end_race(struct race *race)
{
    loop_timer_stop(race->stagger);
    for (size_t i = 0; i < race->begun; i++) {
        if (&race->racers[i] != race->winner)
            leave(&race->racers[i]);
    }
}

static bool is_anybody_running(const struct race *race)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (race->racers[i].transport != NULL && !race->racers[i].is_out)
            return true;
    }
    return false;
}

/* What the last one says stands behind what was said before. */
static void keep_fault(struct race *race, int err, const struct fault *fault)
{
    size_t len = strlen(race->fault.text);

    race->fault.err = err;
    (void)snprintf(race->fault.text + len, sizeof race->fault.text - len, "%s%s",
                   len > 0 ? "; " : "", fault->text);
}

static void on_racer_connected(void *owner, int err, const struct fault *fault)
{
    struct racer *racer = owner;
    struct race *race = racer->race;

    if (racer->is_out)
        return;
    if (err == 0) {
        race->winner = racer;
        race->base.peer = racer->transport->peer;
        race->base.local = racer->transport->local;
        end_race(race);
        race->base.events->on_connected(race->base.owner, 0, fault);
        return;
    }
    keep_fault(race, err, fault);
    leave(racer);
    if (race->begun < race->count) {
        begin_next(race);
    } else if (!is_anybody_running(race)) {
        end_race(race);
        race->base.events->on_connected(race->base.owner, err, &race->fault);
    }
}

/* ---- The winner's events -------------------------------------------------------------------- */

static void on_racer_read(void *owner, struct span bytes)
{
    const struct racer *racer = owner;
    struct transport *base = &racer->race->base;

    if (!racer->race->is_closed)
        base->events->on_read(base->owner, bytes);
}

static void on_racer_end(void *owner, int err)
{
    const struct racer *racer = owner;
    struct transport *base = &racer->race->base;

    if (racer == racer->race->winner && !racer->race->is_closed)
        base->events->on_end(base->owner, err);
}

static void on_racer_written(void *owner)
{
    const struct racer *racer = owner;
    struct transport *base = &racer->race->base;

    if (!racer->race->is_closed)
        base->events->on_written(base->owner);
}

/* ---- The end -------------------------------------------------------------------------------- */

static bool is_anybody_left(const struct race *race)
{
    for (size_t i = 0; i < race->begun; i++) {
        if (race->racers[i].transport != NULL)
            return true;
    }
    return false;
}

static void tell_closed(struct race *race)
{
    const struct transport_events *events = race->base.events;
    void *owner = race->base.owner;

    loop_timer_free(&race->stagger);
    mem_free(race);
    events->on_closed(owner);
}

static void on_post(struct post *post)
{
    tell_closed(list_entry(post, struct race, post));
}

static void on_racer_closed(void *owner)
{
    struct racer *racer = owner;
    struct race *race = racer->race;

    racer->transport = NULL;
    if (race->is_closed && !is_anybody_left(race))
        tell_closed(race);
}

static const struct transport_events racer_events = {
    .on_connected = on_racer_connected,
    .on_read = on_racer_read,
    .on_end = on_racer_end,
    .on_written = on_racer_written,
    .on_closed = on_racer_closed,
};

/* ---- The owner's calls ---------------------------------------------------------------------- */

static void race_read_on(struct transport *transport)
{
    if (as_race(transport)->winner != NULL)
        transport_read_on(as_race(transport)->winner->transport);
}

static void race_read_off(struct transport *transport)
{
    if (as_race(transport)->winner != NULL)
        transport_read_off(as_race(transport)->winner->transport);
}

static void race_write(struct transport *transport, const struct span *parts, size_t count)
{
    if (as_race(transport)->winner != NULL)
        transport_write(as_race(transport)->winner->transport, parts, count);
}

static size_t race_pending(const struct transport *transport)
{
    const struct racer *winner = as_race(transport)->winner;

    return winner != NULL ? transport_pending(winner->transport) : 0;
}

static void race_shutdown(struct transport *transport)
{
    if (as_race(transport)->winner != NULL)
        transport_shutdown(as_race(transport)->winner->transport);
}

/* All of them end; whoever is told last tells the owner. */
static void give_up(struct race *race, void (*how)(struct transport *transport))
{
    race->is_closed = true;
    end_race(race);
    if (race->winner != NULL) {
        race->winner->is_out = true;
        how(race->winner->transport);
    }
    if (is_anybody_left(race))
        return;
    race->post.run = on_post;
    loop_post(race->loop, &race->post);
}

static void race_close(struct transport *transport)
{
    give_up(as_race(transport), transport_close);
}

static void race_reset(struct transport *transport)
{
    give_up(as_race(transport), transport_reset);
}

static const struct transport_ops race_ops = {
    .read_on = race_read_on,
    .read_off = race_read_off,
    .write = race_write,
    .pending = race_pending,
    .shutdown = race_shutdown,
    .close = race_close,
    .reset = race_reset,
};

struct transport *race_start(struct loop *loop, struct transport_maker *maker,
                             const struct race_field *field, const struct transport_events *events,
                             void *owner)
{
    struct race *race = mem_new(struct race);

    require(field->count >= 1 && field->count <= RACE_MAX && field->stagger_ms > 0);
    race->base = (struct transport){.ops = &race_ops, .events = events, .owner = owner};
    race->base.peer = field->to[0];
    race->loop = loop;
    race->maker = maker;
    race->count = field->count;
    memcpy(race->to, field->to, field->count * sizeof *field->to);
    race->has_source = field->source != NULL;
    if (race->has_source)
        race->source = *field->source;
    race->stagger_ms = field->stagger_ms;
    race->stagger = loop_timer_create(loop, on_stagger, race);
    begin_next(race);
    return &race->base;
}
