/*
 * index: the register's lines, parsed and printed. Its file is authority_dir.c's. Tests:
 * test_pki_index.c.
 */
#include "pki/index.h"

#include <time.h>

#include "base/codec.h"
#include "base/mem.h"

enum { FIELD_COUNT = 6, DATE_SIZE = 24 };

static const char heading[] = "# The certificates that this authority has signed. Written by "
                              "postern cert; do not edit.\n"
                              "# serial state not-after revoked reason names \"subject\"\n";

void pki_index_deinit(struct pki_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        mem_free(index->entries[i].names);
        mem_free(index->entries[i].subject);
    }
    mem_free(index->entries);
    *index = (struct pki_index){0};
}

static struct pki_index_entry *append(struct pki_index *index)
{
    if (index->count == index->capacity) {
        index->capacity = index->capacity == 0 ? 16 : 2 * index->capacity;
        index->entries = mem_realloc(index->entries, index->capacity * sizeof *index->entries);
    }
    struct pki_index_entry *entry = &index->entries[index->count++];
    *entry = (struct pki_index_entry){0};
    return entry;
}

struct pki_index_entry *pki_index_find(const struct pki_index *index, const char *serial)
{
    for (size_t i = 0; i < index->count; i++) {
        if (strcmp(index->entries[i].serial, serial) == 0)
            return &index->entries[i];
    }
    return NULL;
}

static char *join_names(const struct pki_certificate_facts *facts)
{
    struct buf text;

    buf_init(&text, 0);
    for (size_t i = 0; i < facts->name_count; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : ",", facts->names[i]);
    if (facts->name_count == 0)
        buf_puts(&text, "-");
    char *joined = span_dup(buf_span(&text));
    buf_release(&text);
    return joined;
}

void pki_index_add(struct pki_index *index, const struct pki_certificate_facts *facts)
{
    struct pki_index_entry *entry = append(index);

    memcpy(entry->serial, facts->serial, sizeof entry->serial);
    entry->not_after_s = facts->not_after_s;
    entry->names = join_names(facts);
    entry->subject = mem_strdup(facts->subject);
}

/* ---- Printing ------------------------------------------------------------------------------- */

static const char *date_text(int64_t when_s, char text_out[DATE_SIZE])
{
    time_t when = (time_t)when_s;
    struct tm tm;

    if (when_s == 0 || gmtime_r(&when, &tm) == NULL ||
        strftime(text_out, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return "-";
    return text_out;
}

void pki_index_print(const struct pki_index *index, struct buf *text_out)
{
    buf_puts(text_out, heading);
    for (size_t i = 0; i < index->count; i++) {
        const struct pki_index_entry *entry = &index->entries[i];
        char ends[DATE_SIZE], revoked[DATE_SIZE];
        bool is_revoked = entry->revoked_s != 0;
        buf_printf(text_out, "%-40s %-7s %s %-20s %-20s %s \"%s\"\n", entry->serial,
                   is_revoked ? "revoked" : "good", date_text(entry->not_after_s, ends),
                   date_text(entry->revoked_s, revoked),
                   is_revoked ? pki_reason_word(entry->reason) : "-", entry->names, entry->subject);
    }
}

/* ---- Parsing -------------------------------------------------------------------------------- */

static bool parse_date(struct span text, int64_t *when_s_out)
{
    char copy[DATE_SIZE];
    struct tm tm = {0};

    *when_s_out = 0;
    if (span_is(text, "-"))
        return true;
    if (text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL || *end != '\0')
        return false;
    *when_s_out = timegm(&tm);
    return true;
}

static bool is_serial(struct span text)
{
    unsigned char bytes[PKI_SERIAL_SIZE / 2];

    return text.len > 0 && text.len < PKI_SERIAL_SIZE && codec_hex_decode(text, bytes) == 0;
}

/* What stands behind the six fields: a quoted text, which escaping has freed of quotes. */
static bool parse_subject(struct span rest, struct span *subject_out)
{
    if (rest.len < 2 || rest.ptr[0] != '"' || rest.ptr[rest.len - 1] != '"')
        return false;
    *subject_out = span_make(rest.ptr + 1, rest.len - 2);
    return span_find_byte(*subject_out, 0, '"') < 0;
}

static bool parse_line(struct span line, struct pki_index *index)
{
    struct span fields[FIELD_COUNT], subject;
    struct pki_index_entry read = {0};

    if (span_has_nul(line))
        return false;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        line = span_trim(line);
        fields[i] = span_cut(&line, ' ');
    }
    if (line.ptr == NULL || !is_serial(fields[0]) || !parse_subject(span_trim(line), &subject))
        return false;
    bool is_revoked = span_is(fields[1], "revoked");
    if (!is_revoked && !span_is(fields[1], "good"))
        return false;
    if (!parse_date(fields[2], &read.not_after_s) || !parse_date(fields[3], &read.revoked_s))
        return false;
    read.reason = is_revoked ? pki_reason_of(fields[4]) : PKI_REASON_UNSPECIFIED;
    if (is_revoked != (read.revoked_s != 0) || read.reason == PKI_REASON_COUNT)
        return false;
    memcpy(read.serial, fields[0].ptr, fields[0].len);
    read.names = span_dup(fields[5]);
    read.subject = span_dup(subject);
    *append(index) = read;
    return true;
}

int pki_index_parse(struct span text, struct pki_index *index_out, struct fault *fault)
{
    struct span rest = text;

    *index_out = (struct pki_index){0};
    for (unsigned number = 1; rest.len > 0; number++) {
        struct span line = span_trim(span_cut(&rest, '\n'));
        if (line.len == 0 || line.ptr[0] == '#' || parse_line(line, index_out))
            continue;
        pki_index_deinit(index_out);
        return fault_set(fault, ERR_CORRUPT,
                         "line %u is not a certificate's entry: take the file back from a backup",
                         number);
    }
    return 0;
}
