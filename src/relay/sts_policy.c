/*
 * sts_policy.c: the grammars of RFC 8461 3.1 and 3.2. Strict, but for empty lines in a policy: the
 * grammar has none, many policies end in one, and to refuse those would leave their domains with no
 * protection at all. Tests: tests/unit/test_sts_policy.c, tests/fuzz/fuzz_sts.c.
 */
#include "relay/sts_policy.h"

#include "base/mem.h"

enum { EXTENSION_NAME_MAX = 32, DOMAIN_MAX = 253, LABEL_MAX = 63, TXT_MAX = 4096 };

static bool is_alnum(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

/* sts-ext-name and sts-policy-ext-name; the known names are of this form too. */
static bool is_name(struct span name)
{
    if (name.len == 0 || name.len > EXTENSION_NAME_MAX || !is_alnum(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char byte = name.ptr[i];
        if (!is_alnum(byte) && byte != '_' && byte != '-' && byte != '.')
            return false;
    }
    return true;
}

/* ---- Policies ------------------------------------------------------------------------------- */

static const char *const mode_names[] = {
    [STS_MODE_NONE] = "none", [STS_MODE_TESTING] = "testing", [STS_MODE_ENFORCE] = "enforce"};
enum { MODE_COUNT = sizeof mode_names / sizeof *mode_names };

const char *sts_mode_name(enum sts_mode mode)
{
    return mode_names[mode];
}

/* A policy that is being read. */
struct reading {
    struct sts_policy *policy;
    struct buf mx;
    bool has_version, has_mode, has_max_age;
    unsigned line;
    struct fault *fault;
};

static int wrong(const struct reading *reading, const char *what)
{
    return fault_set(reading->fault, ERR_SYNTAX, "the policy's line %u %s", reading->line, what);
}

static int take_version(struct reading *reading, struct span value)
{
    if (reading->has_version)
        return 0;
    reading->has_version = true;
    return span_is(value, "STSv1") ? 0 : wrong(reading, "has another version than STSv1");
}

static int take_mode(struct reading *reading, struct span value)
{
    if (reading->has_mode)
        return 0;
    reading->has_mode = true;
    for (size_t i = 0; i < MODE_COUNT; i++) {
        if (!span_is(value, mode_names[i]))
            continue;
        reading->policy->mode = (enum sts_mode)i;
        return 0;
    }
    return wrong(reading, "has a mode that is none of \"enforce\", \"testing\" and \"none\"");
}

static int take_max_age(struct reading *reading, struct span value)
{
    uint64_t seconds = 0;
    if (reading->has_max_age)
        return 0;
    reading->has_max_age = true;
    if (value.len > 10 || !span_to_u64(value, UINT64_MAX, &seconds))
        return wrong(reading, "has a max_age that is no number of seconds of 1 to 10 digits");
    reading->policy->max_age_s = seconds > STS_MAX_AGE_MAX_S ? STS_MAX_AGE_MAX_S : (int64_t)seconds;
    return 0;
}

/* sub-domain of RFC 5321 4.1.2. */
static bool is_label(struct span label)
{
    if (label.len == 0 || label.len > LABEL_MAX || !is_alnum(label.ptr[0]) ||
        !is_alnum(label.ptr[label.len - 1]))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_alnum(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    }
    return true;
}

bool sts_is_domain(struct span domain)
{
    if (domain.len == 0 || domain.len > DOMAIN_MAX)
        return false;
    do {
        if (!is_label(span_cut(&domain, '.')))
            return false;
    } while (domain.ptr != NULL);
    return true;
}

static int take_mx(struct reading *reading, struct span value)
{
    const struct span wildcard = {"*.", 2};
    struct span domain = span_starts(value, wildcard) ? span_from(value, wildcard.len) : value;
    if (!sts_is_domain(domain))
        return wrong(reading, "has an mx that is neither a host name nor \"*.\" and a domain");
    if (reading->policy->mx_count == STS_PATTERNS_MAX)
        return fault_set(reading->fault, ERR_LIMIT, "the policy has more than %d lines of mx",
                         STS_PATTERNS_MAX);
    if (reading->policy->mx_count++ > 0)
        buf_put_byte(&reading->mx, '\n');
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i];
        buf_put_byte(&reading->mx, byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte);
    }
    return 0;
}

static const struct field {
    const char *name; /* RFC 8461 3.2 writes them in this case, and no other (RFC 7405) */
    int (*take)(struct reading *reading, struct span value);
} fields[] = {
    {"version", take_version},
    {"mode", take_mode},
    {"max_age", take_max_age},
    {"mx", take_mx},
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

/* What an unknown key may say: no controls; UTF-8 is not looked into. */
static bool is_text(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (byte < ' ' || byte == 0x7f)
            return false;
    }
    return value.len > 0;
}

static int read_line(struct reading *reading, struct span line)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');
    if (value.ptr == NULL || !is_name(name))
        return wrong(reading, "is not \"key: value\"");
    value = span_trim(value);
    if (!is_text(value))
        return wrong(reading, "has no value, or one with control characters");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (span_is(name, fields[i].name))
            return fields[i].take(reading, value);
    }
    return 0;
}

static int read_lines(struct reading *reading, struct span text)
{
    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');
        reading->line++;
        if (text.ptr != NULL && line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        int err = span_trim(line).len == 0 ? 0 : read_line(reading, line);
        if (err != 0)
            return err;
    }
    return 0;
}

static int check_whole(const struct reading *reading)
{
    const char *missing = NULL;
    if (!reading->has_version)
        missing = "version";
    else if (!reading->has_mode)
        missing = "mode";
    else if (!reading->has_max_age)
        missing = "max_age";
    else if (reading->policy->mx_count == 0 && reading->policy->mode != STS_MODE_NONE)
        missing = "mx";
    if (missing == NULL)
        return 0;
    return fault_set(reading->fault, ERR_SYNTAX, "the policy has no line \"%s\"", missing);
}

int sts_policy_parse(struct span text, struct sts_policy **policy_out, struct fault *fault)
{
    struct reading reading = {.policy = mem_new(struct sts_policy), .fault = fault};
    *policy_out = NULL;
    reading.policy->refs = 1;
    buf_init(&reading.mx, 0);
    int err = 0;
    if (text.len > STS_TEXT_MAX)
        err = fault_set(fault, ERR_LIMIT, "the policy has more than %d bytes", STS_TEXT_MAX);
    if (err == 0)
        err = read_lines(&reading, text);
    if (err == 0)
        err = check_whole(&reading);
    reading.policy->mx = span_dup(buf_span(&reading.mx));
    buf_release(&reading.mx);
    if (err == 0)
        *policy_out = reading.policy;
    else
        sts_policy_unref(&reading.policy);
    return err;
}

void sts_policy_write(const struct sts_policy *policy, struct buf *out)
{
    struct span rest = span_of(policy->mx);
    buf_printf(out, "version: STSv1\nmode: %s\n", sts_mode_name(policy->mode));
    while (rest.len > 0) {
        struct span pattern = span_cut(&rest, '\n');
        buf_printf(out, "mx: %.*s\n", (int)pattern.len, pattern.ptr);
    }
    buf_printf(out, "max_age: %lld\n", (long long)policy->max_age_s);
}

struct sts_policy *sts_policy_ref(struct sts_policy *policy)
{
    if (policy != NULL)
        policy->refs++;
    return policy;
}

void sts_policy_unref(struct sts_policy **policy)
{
    struct sts_policy *old = *policy;
    *policy = NULL;
    if (old == NULL || --old->refs > 0)
        return;
    mem_free(old->mx);
    mem_free(old);
}

/* ---- Hosts ---------------------------------------------------------------------------------- */

/* A wildcard stands for one whole label, the leftmost (RFC 8461 4.1). */
static bool fits(struct span pattern, struct span host)
{
    if (pattern.len < 2 || pattern.ptr[0] != '*')
        return span_equal_nocase(pattern, host);
    ptrdiff_t dot = span_find_byte(host, 0, '.');
    return dot > 0 && span_equal_nocase(span_from(pattern, 1), span_from(host, (size_t)dot));
}

bool sts_policy_allows(const struct sts_policy *policy, struct span host)
{
    struct span rest = span_of(policy->mx);
    while (rest.len > 0) {
        if (fits(span_cut(&rest, '\n'), host))
            return true;
    }
    return false;
}

/* ---- TXT records ---------------------------------------------------------------------------- */

/* The character-strings of the RDATA, joined with nothing between them (RFC 8461 3.1). Whether the
 * lengths are true. */
static bool join_strings(struct span rdata, struct buf *out)
{
    while (rdata.len > 0) {
        size_t len = (unsigned char)rdata.ptr[0];
        if (len + 1 > rdata.len || buf_append(out, span_make(rdata.ptr + 1, len)) != 0)
            return false;
        rdata = span_from(rdata, len + 1);
    }
    return true;
}

static bool is_id(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (!is_alnum(value.ptr[i]))
            return false;
    }
    return value.len > 0 && value.len < STS_ID_SIZE;
}

/* sts-ext-value. */
static bool is_extension_value(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i];
        if (byte < '!' || byte > '~' || byte == '=' || byte == ';')
            return false;
    }
    return value.len > 0;
}

/* What stands behind "v=STSv1;". */
static int read_fields(struct span rest, char id_out[STS_ID_SIZE], struct fault *fault)
{
    id_out[0] = '\0';
    while (rest.len > 0) {
        struct span value = span_trim(span_cut(&rest, ';'));
        if (value.len == 0 && span_trim(rest).len == 0)
            break; /* behind the last semicolon */
        struct span name = span_cut(&value, '=');
        bool is_id_field = span_is(name, "id");
        bool is_good = is_id_field ? is_id(value) : is_name(name) && is_extension_value(value);
        if (value.ptr == NULL || !is_good)
            return fault_set(fault, ERR_SYNTAX,
                             "the TXT record has a field that is not \"name=value\", or an id that "
                             "is not 1 to 32 letters and digits");
        if (!is_id_field || id_out[0] != '\0')
            continue;
        memcpy(id_out, value.ptr, value.len);
        id_out[value.len] = '\0';
    }
    return id_out[0] != '\0' ? 0 : fault_set(fault, ERR_SYNTAX, "the TXT record has no id");
}

/* Those that begin otherwise are other people's (RFC 8461 3.1). */
int sts_txt_find(const struct span *records, size_t count, char id_out[STS_ID_SIZE],
                 struct fault *fault)
{
    const struct span begin = span_of("v=STSv1;");
    struct buf text;
    size_t found = 0;
    int err = 0;
    id_out[0] = '\0';
    buf_init(&text, TXT_MAX);
    for (size_t i = 0; i < count && found < 2; i++) {
        buf_clear(&text);
        bool is_whole = join_strings(records[i], &text);
        if (!span_starts(buf_span(&text), begin))
            continue;
        found++;
        err = is_whole ? read_fields(span_from(buf_span(&text), begin.len), id_out, fault)
                       : fault_set(fault, ERR_SYNTAX, "the TXT record is cut or too long");
    }
    buf_release(&text);
    if (found == 0)
        err = ERR_NOT_FOUND;
    else if (found > 1)
        err = fault_set(fault, ERR_SYNTAX, "there is more than one TXT record of MTA-STS");
    if (err != 0)
        id_out[0] = '\0';
    return err;
}
