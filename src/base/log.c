/*
 * log.c: builds logfmt lines and hands them to a writer thread through a bounded ring. Owns levels,
 * quoting and escaping; what is worth a line is the caller's. Tests: tests/unit/test_base_log.c.
 */
#include "base/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/require.h"

enum { RING_SIZE = 1024 * 1024 };

/* The one mutable global of the program (STYLE 24): the sink. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t is_filled;
    pthread_t writer;
    bool is_running, is_stopping;
    int fd;
    char *ring;
    size_t used;
    uint64_t dropped;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .is_filled = PTHREAD_COND_INITIALIZER, .fd = 2};

static atomic_int current_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&current_level, (int)level);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* Nothing can be done about a log that cannot be written. */
static void write_out(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, bytes, len);
        if (written <= 0)
            return;
        bytes += written;
        len -= (size_t)written;
    }
}

static void write_dropped(int fd, uint64_t dropped)
{
    if (dropped == 0)
        return;
    struct log_line line;
    log_begin(&line, LOG_WARN, "log", "dropped");
    log_int(&line, "lines", (int64_t)dropped);
    if (line.len > 0) {
        line.text[line.len++] = '\n';
        write_out(fd, line.text, line.len);
    }
}

/* Takes the whole ring at once and writes it without the lock. */
static void *run_writer(void *ignored)
{
    (void)ignored;
    char *mine = mem_alloc(RING_SIZE);
    (void)pthread_mutex_lock(&sink.lock);
    for (;;) {
        while (sink.used == 0 && sink.dropped == 0 && !sink.is_stopping)
            (void)pthread_cond_wait(&sink.is_filled, &sink.lock);
        size_t used = sink.used;
        uint64_t dropped = sink.dropped;
        if (used == 0 && dropped == 0)
            break;
        char *full = sink.ring;
        sink.ring = mine;
        mine = full;
        sink.used = 0;
        sink.dropped = 0;
        (void)pthread_mutex_unlock(&sink.lock);
        write_out(sink.fd, mine, used);
        write_dropped(sink.fd, dropped);
        (void)pthread_mutex_lock(&sink.lock);
    }
    (void)pthread_mutex_unlock(&sink.lock);
    mem_free(mine);
    return NULL;
}

void log_start(int fd)
{
    require(!sink.is_running);
    sink.fd = fd;
    sink.is_stopping = false;
    sink.ring = mem_alloc(RING_SIZE);
    int err = pthread_create(&sink.writer, NULL, run_writer, NULL);
    require(err == 0);
    sink.is_running = true;
}

void log_stop(void)
{
    if (!sink.is_running)
        return;
    (void)pthread_mutex_lock(&sink.lock);
    sink.is_stopping = true;
    (void)pthread_cond_signal(&sink.is_filled);
    (void)pthread_mutex_unlock(&sink.lock);
    (void)pthread_join(sink.writer, NULL);
    (void)pthread_mutex_lock(&sink.lock);
    sink.is_running = false;
    mem_free(sink.ring);
    sink.ring = NULL;
    (void)pthread_mutex_unlock(&sink.lock);
}

static void send_line(const char *text, size_t len)
{
    (void)pthread_mutex_lock(&sink.lock);
    if (!sink.is_running) {
        write_out(sink.fd, text, len);
    } else if (sink.used + len > RING_SIZE) {
        sink.dropped++;
    } else {
        memcpy(sink.ring + sink.used, text, len);
        sink.used += len;
        (void)pthread_cond_signal(&sink.is_filled);
    }
    (void)pthread_mutex_unlock(&sink.lock);
}

static void add(struct log_line *line, const char *bytes, size_t len)
{
    size_t room = LOG_LINE_MAX - 1 - line->len; /* one for the newline */
    if (len > room)
        len = room;
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

static void add_time(struct log_line *line)
{
    int64_t now_us = clock_wall_us(&clock_system);
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    char text[40];
    (void)gmtime_r(&seconds, &parts);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    add(line, text, len);
    int more = snprintf(text, sizeof text, ".%03dZ ", (int)(now_us / 1000 % 1000));
    add(line, text, (size_t)more);
}

void log_begin(struct log_line *line, enum log_level level, const char *area, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    line->len = 0;
    line->level = level;
    if (level >= LOG_NONE || !log_is_on(level))
        return;
    add_time(line);
    add(line, names[level], strlen(names[level]));
    add(line, " ", 1);
    add(line, area, strlen(area));
    add(line, " ", 1);
    add(line, event, strlen(event));
}

static bool add_key(struct log_line *line, const char *key)
{
    if (line->len == 0)
        return false;
    add(line, " ", 1);
    add(line, key, strlen(key));
    add(line, "=", 1);
    return true;
}

static bool needs_quotes(struct span value)
{
    if (value.len == 0)
        return true;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (byte <= ' ' || byte == '"' || byte == '=' || byte == '\\' || byte >= 0x7F)
            return true;
    }
    return false;
}

/* A byte that could end the line, the value or confuse a terminal never gets through. */
static void add_escaped(struct log_line *line, unsigned char byte)
{
    char text[8];
    if (byte == '"' || byte == '\\') {
        text[0] = '\\';
        text[1] = (char)byte;
        add(line, text, 2);
    } else if (byte < ' ' || byte >= 0x7F) {
        int len = snprintf(text, sizeof text, "\\x%02x", byte);
        add(line, text, (size_t)len);
    } else {
        text[0] = (char)byte;
        add(line, text, 1);
    }
}

void log_span(struct log_line *line, const char *key, struct span value)
{
    if (!add_key(line, key))
        return;
    bool is_cut = value.len > LOG_VALUE_MAX;
    value = span_first(value, LOG_VALUE_MAX);
    if (!needs_quotes(value) && !is_cut) {
        add(line, value.ptr, value.len);
        return;
    }
    add(line, "\"", 1);
    for (size_t i = 0; i < value.len; i++)
        add_escaped(line, (unsigned char)value.ptr[i]);
    if (is_cut)
        add(line, "...", 3);
    add(line, "\"", 1);
}

void log_text(struct log_line *line, const char *key, const char *value)
{
    log_span(line, key, value == NULL ? span_of("-") : span_of(value));
}

void log_int(struct log_line *line, const char *key, int64_t value)
{
    char text[24];
    if (!add_key(line, key))
        return;
    int len = snprintf(text, sizeof text, "%" PRId64, value);
    add(line, text, (size_t)len);
}

void log_hex(struct log_line *line, const char *key, uint64_t value)
{
    char text[24];
    if (!add_key(line, key))
        return;
    int len = snprintf(text, sizeof text, "%" PRIx64, value);
    add(line, text, (size_t)len);
}

void log_id(struct log_line *line, const char *key, uint64_t id)
{
    char text[24];
    if (!add_key(line, key))
        return;
    int len = snprintf(text, sizeof text, "%016" PRIx64, id);
    add(line, text, (size_t)len);
}

void log_end(struct log_line *line)
{
    if (line->len == 0)
        return;
    line->text[line->len++] = '\n';
    send_line(line->text, line->len);
    line->len = 0;
}

void log_event(enum log_level level, const char *area, const char *event, const char *key,
               const char *value)
{
    struct log_line line;
    log_begin(&line, level, area, event);
    log_text(&line, key, value);
    log_end(&line);
}
