/*
 * runner: one file in one mode: header lines first, then a world, then line by line. What lines do
 * is in steps.c.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "tests/dialogue/runner_internal.h"

enum { FILE_MAX = 1 << 20, TRANSCRIPT_TAIL = 3000 };

const char *const dialogue_mode_names[DIALOGUE_MODE_COUNT] = {"whole", "bytes", "cuts", "tls"};

/* Words of a header line; false: a mere comment. */
struct header {
    struct span word, first, second;
};

static struct header header_split(struct span line)
{
    struct span rest = span_trim(span_from(line, 1));
    struct header header;

    header.word = span_cut(&rest, ' ');
    struct span all = span_trim(rest.ptr == NULL ? span_of("") : rest);
    header.second = all;
    header.first = span_cut(&header.second, ' ');
    header.second = span_trim(header.second.ptr == NULL ? span_of("") : header.second);
    return header;
}

static bool names_mode(struct span line, const char *mode)
{
    struct span rest = line;

    while (rest.len > 0)
        if (span_is(span_cut(&rest, ' '), mode))
            return true;
    return false;
}

/* Before the world starts: settings. Returns DIALOGUE_LEFT_OUT when the mode is not for this file.
 */
static enum dialogue_result header_early(struct runner *runner, struct span line)
{
    struct header header = header_split(line);
    struct world *world = &runner->world;
    bool is_good = true;

    if (span_is(header.word, "set"))
        is_good = world_set(world, header.first, header.second);
    else if (span_is(header.word, "domain"))
        world_add_domain(world, header.first);
    else if (span_is(header.word, "refuse"))
        world_refuse(world, header.first, header.second);
    else if (span_is(header.word, "relay-network"))
        is_good = world_add_network(world, header.first);
    else if (span_is(header.word, "peer"))
        is_good = endpoint_parse(header.first, 40000, &world->client) == 0;
    else if (span_is(header.word, "no-starttls"))
        world->offers_starttls = false;
    else if (span_is(header.word, "plain") && header.first.len == 0)
        return runner->mode == DIALOGUE_TLS ? DIALOGUE_LEFT_OUT : DIALOGUE_PASSED;
    else if (span_is(header.word, "modes"))
        return names_mode(line, dialogue_mode_names[runner->mode]) ? DIALOGUE_PASSED
                                                                   : DIALOGUE_LEFT_OUT;
    else if (span_is(header.word, "role"))
        runner->role = NULL;
    for (size_t i = 0; runner->role == NULL && i < runner->dialogue->role_count; i++)
        if (span_is(header.first, runner->dialogue->roles[i].name))
            runner->role = &runner->dialogue->roles[i];
    return is_good && runner->role != NULL ? DIALOGUE_PASSED : DIALOGUE_FAILED;
}

static void add_mail(struct runner *runner, struct span address, struct span text)
{
    struct buf message;

    buf_init(&message, 0);
    pattern_expand(text, &runner->variables, &message);
    world_add_mail(&runner->world, address, buf_span(&message));
    buf_release(&message);
}

static void header_late(struct runner *runner, struct span line)
{
    struct header header = header_split(line);

    if (span_is(header.word, "user"))
        world_add_user(&runner->world, header.first, header.second);
    else if (span_is(header.word, "alias"))
        world_add_alias(&runner->world, header.first, header.second);
    else if (span_is(header.word, "route"))
        world_add_route(&runner->world, header.first, header.second);
    else if (span_is(header.word, "mail"))
        add_mail(runner, header.first, header.second);
}

static struct span next_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');

    if (rest->ptr == NULL)
        *rest = span_of("");
    return line;
}

static bool is_header(struct span line)
{
    return line.len > 0 && line.ptr[0] == '#';
}

/* All header lines; also looks for "== TLS", which the mode tls leaves out. */
static enum dialogue_result read_headers(struct runner *runner, struct span text)
{
    struct span rest = text;

    runner->line_number = 0;
    while (rest.len > 0) {
        struct span line = next_line(&rest);
        enum dialogue_result result = DIALOGUE_PASSED;
        runner->line_number++;
        if (is_header(line))
            result = header_early(runner, line);
        else if (runner->mode == DIALOGUE_TLS && span_starts(line, span_of("==")) &&
                 span_is(span_trim(span_from(line, line.len > 3 ? 3 : 2)), "TLS"))
            return DIALOGUE_LEFT_OUT;
        if (result == DIALOGUE_FAILED)
            runner_fail(runner, "bad header line", span_of("see tests/dialogue/README.md"), line);
        if (result != DIALOGUE_PASSED)
            return result;
    }
    return DIALOGUE_PASSED;
}

static void play(struct runner *runner, struct span text)
{
    struct span rest = text;

    world_start(&runner->world);
    while (rest.len > 0) {
        struct span line = next_line(&rest);
        if (is_header(line))
            header_late(runner, line);
    }
    runner->world.is_implicit = runner->mode == DIALOGUE_TLS;
    runner->service = runner->role->make_service(&runner->world);
    runner->line_number = 0;
    for (rest = text; rest.len > 0 && !runner->has_failed;) {
        struct span line = next_line(&rest);
        runner->line_number++;
        if (line.len > 0 && !is_header(line))
            runner_step(runner, line);
    }
    if (!runner->has_failed)
        runner_flush(runner);
    for (size_t i = 0; i < RUNNER_PEERS_MAX; i++)
        if (runner->peers[i].is_open)
            peer_deinit(&runner->peers[i]);
    conn_env_close(&runner->world.env);
    sim_advance_ms(runner->world.sim, 1000);
    runner->role->free_service(runner->service);
}

/* FNV-1a: the same seed for the same file on every machine. */
static uint64_t seed_of(const char *path)
{
    const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    uint64_t hash = 0xcbf29ce484222325U;

    while (*name != '\0')
        hash = (hash ^ (unsigned char)*name++) * 0x100000001b3U;
    return hash;
}

static void tell(const struct runner *runner)
{
    struct span text = buf_span(&runner->transcript);

    if (!runner->dialogue->is_verbose && text.len > TRANSCRIPT_TAIL)
        text = span_from(text, text.len - TRANSCRIPT_TAIL);
    (void)fprintf(stderr, "%.*s", (int)text.len, text.ptr);
}

enum dialogue_result dialogue_run(const struct dialogue *dialogue, enum dialogue_mode mode)
{
    struct runner *runner = mem_new(struct runner);
    enum dialogue_result result;
    struct fault fault;
    char *bytes;
    size_t len;

    fault_clear(&fault);
    if (file_read_all(dialogue->path, FILE_MAX, &bytes, &len, &fault) < 0) {
        (void)fprintf(stderr, "%s: %s\n", dialogue->path, fault.text);
        mem_free(runner);
        return DIALOGUE_FAILED;
    }
    runner->dialogue = dialogue;
    runner->mode = mode;
    for (size_t i = 0; i < dialogue->role_count; i++)
        if (strcmp(dialogue->roles[i].name, dialogue->default_role) == 0)
            runner->role = &dialogue->roles[i];
    world_init(&runner->world, seed_of(dialogue->path));
    result = read_headers(runner, span_make(bytes, len));
    if (result == DIALOGUE_PASSED)
        play(runner, span_make(bytes, len));
    world_stop(&runner->world);
    if (runner->has_failed)
        result = DIALOGUE_FAILED;
    if (runner->has_failed || dialogue->is_verbose)
        tell(runner);
    pattern_variables_deinit(&runner->variables);
    buf_release(&runner->unsent);
    buf_release(&runner->message);
    buf_release(&runner->transcript);
    mem_free(runner);
    mem_free(bytes);
    return result;
}
