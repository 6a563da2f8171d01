/*
 * show: the schema as documents: conf/reference.conf, which loads and sets every key to its
 * default, and the manual page. Both are generated (scripts/regenerate); a test compares them with
 * what is in the repository. Tests: test_conf_show.c.
 */
#include "conf/lists_internal.h"
#include "conf/value.h"

enum { COMMENT_WIDTH = 96, MANUAL_WIDTH = 78 };

static bool is_quoted(const struct conf_row *row)
{
    return row->type != CONF_BOOL && row->type != CONF_COUNT && row->type != CONF_LIST;
}

static void put_list(struct buf *out, const char *text)
{
    struct span rest = span_of(text);

    buf_puts(out, "[");
    for (size_t i = 0; rest.len > 0; i++) {
        struct span item = span_cut(&rest, ',');
        buf_printf(out, "%s\"%.*s\"", i > 0 ? ", " : " ", (int)item.len, item.ptr);
    }
    buf_puts(out, text[0] != '\0' ? " ]" : "]");
}

static void put_value(struct buf *out, const struct conf_row *row)
{
    if (row->type == CONF_LIST)
        put_list(out, row->initial);
    else
        buf_printf(out, is_quoted(row) ? "\"%s\"" : "%s", row->initial);
}

static void put_number(struct buf *out, const struct conf_row *row, int64_t value)
{
    if (row->type == CONF_SIZE)
        conf_put_size(out, value);
    else if (row->type == CONF_TIME)
        conf_put_time(out, value);
    else
        buf_printf(out, "%lld", (long long)value);
}

/* "(100 to 50000; restart)": what may be written, in few words. */
static void put_range(struct buf *out, const struct conf_row *row)
{
    if (row->choices != NULL) {
        struct span rest = span_of(row->choices);
        buf_puts(out, "one of");
        while (rest.ptr != NULL) {
            struct span choice = span_cut(&rest, '|');
            buf_printf(out, " \"%.*s\"", (int)choice.len, choice.ptr);
        }
    } else if (row->type == CONF_COUNT || row->type == CONF_SIZE || row->type == CONF_TIME) {
        put_number(out, row, row->min);
        buf_puts(out, " to ");
        put_number(out, row, row->max);
    } else {
        buf_puts(out, row->type == CONF_BOOL   ? "true or false"
                      : row->type == CONF_LIST ? "list of texts"
                                               : "text");
    }
    if ((row->flags & CONF_REQUIRED) != 0)
        buf_puts(out, "; must be set");
    if ((row->flags & CONF_RESTART) != 0)
        buf_puts(out, "; a change needs a restart");
}

/* text as comment lines, broken at spaces. */
static void put_comment(struct buf *out, const char *indent, struct span text)
{
    while (text.len > 0) {
        size_t len = text.len;
        if (len > COMMENT_WIDTH) {
            len = COMMENT_WIDTH;
            while (len > 0 && text.ptr[len] != ' ')
                len--;
            if (len == 0)
                len = COMMENT_WIDTH;
        }
        buf_printf(out, "%s# %.*s\n", indent, (int)len, text.ptr);
        text = span_trim(span_from(text, len));
    }
}

static void put_row(struct buf *out, const struct conf_row *row, const char *indent)
{
    struct buf text;

    buf_init(&text, 0);
    buf_printf(&text, "%s (", row->sentence);
    put_range(&text, row);
    buf_puts(&text, ")");
    put_comment(out, indent, buf_span(&text));
    buf_printf(out, "%s%s = ", indent, row->name);
    put_value(out, row);
    buf_puts(out, ";\n");
    buf_release(&text);
}

static void put_rows(struct buf *out, const char *group, const char *indent)
{
    const char *separator = "";

    for (size_t i = 0; i < conf_row_count; i++) {
        if (strcmp(conf_rows[i].group, group) != 0)
            continue;
        buf_puts(out, separator);
        put_row(out, &conf_rows[i], indent);
        separator = "\n";
    }
}

static void put_member_rows(struct buf *out, const char *head, const struct conf_row *rows,
                            size_t count)
{
    struct buf text;

    buf_puts(out, head);
    for (size_t i = 0; i < count; i++) {
        buf_init(&text, 0);
        buf_printf(&text, "%s: %s (", rows[i].name, rows[i].sentence);
        put_range(&text, &rows[i]);
        buf_puts(&text, ")");
        put_comment(out, "", buf_span(&text));
        buf_release(&text);
    }
}

static void put_lists(struct buf *out)
{
    put_member_rows(
        out, "\n# Where connections are taken: a list of groups. Without the key these seven.\n",
        conf_listener_rows, conf_listener_row_count);
    conf_put_listeners(out);
    put_member_rows(
        out,
        "\n# Certificates beside tls.certificate, which is the default: a list of groups.\n"
        "# Several for one name, say ECDSA and RSA: a client gets the one that it can verify.\n",
        conf_certificate_rows, conf_certificate_row_count);
    buf_puts(out, "certificates = ( );\n");
    put_member_rows(out,
                    "\n# Mail that goes another way than group relay says: a list of groups.\n",
                    conf_route_rows, conf_route_row_count);
    buf_puts(out, "routes = ( );\n");
}

void conf_write_reference(struct buf *text_out)
{
    buf_puts(text_out,
             "# Every key of postern.conf with its default. Generated from src/conf/schema.c: do "
             "not edit.\n"
             "# Sizes are written with B, K, M or G, times with ms, s, m, h or d: \"25M\", "
             "\"30s\".\n"
             "# Paths are relative to the directory of the file that names them.\n\n");
    put_rows(text_out, "", "");
    put_lists(text_out);
    for (size_t i = 0; i < conf_group_count; i++) {
        buf_puts(text_out, "\n");
        put_comment(text_out, "", span_of(conf_groups[i].sentence));
        buf_printf(text_out, "%s = {\n", conf_groups[i].name);
        put_rows(text_out, conf_groups[i].name, "    ");
        buf_puts(text_out, "};\n");
    }
}

/* --- the manual page --- */

/* A backslash, or a dot or quote at the start of a line, would be a command. */
static void put_mdoc_word(struct buf *out, struct span word, bool is_first)
{
    if (is_first && word.len > 0 && (word.ptr[0] == '.' || word.ptr[0] == '\''))
        buf_puts(out, "\\&");
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\\')
            buf_puts(out, "\\e");
        else
            buf_put_byte(out, word.ptr[i]);
    }
}

/* Text for mdoc, which wants each sentence to begin a line. */
static void put_mdoc(struct buf *out, const char *text)
{
    struct span rest = span_of(text);
    size_t width = 0;

    while (rest.len > 0) {
        struct span word = span_cut(&rest, ' ');
        bool is_first = width == 0 || width + 1 + word.len > MANUAL_WIDTH;
        if (width > 0)
            buf_put_byte(out, is_first ? '\n' : ' ');
        put_mdoc_word(out, word, is_first);
        width = (is_first ? 0 : width + 1) + word.len;
        if (word.len > 0 && word.ptr[word.len - 1] == '.')
            width = MANUAL_WIDTH;
    }
    buf_puts(out, "\n");
}

/* A plain quote would group words in a macro's line, and vanish. */
static void put_manual_value(struct buf *out, const struct conf_row *row)
{
    struct buf value;

    buf_init(&value, 0);
    put_value(&value, row);
    struct span text = buf_span(&value);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_puts(out, "\\(dq");
        else
            buf_put_byte(out, text.ptr[i]);
    }
    buf_puts(out, "\n");
    buf_release(&value);
}

static void put_manual_row(struct buf *out, const struct conf_row *row)
{
    buf_printf(out, ".It Ic %s%s%s No = ", row->group, row->group[0] != '\0' ? "." : "", row->name);
    put_manual_value(out, row);
    put_mdoc(out, row->sentence);
    buf_puts(out, "(");
    put_range(out, row);
    buf_puts(out, ")\n");
}

static void put_manual_group(struct buf *out, const char *group)
{
    buf_puts(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < conf_row_count; i++)
        if (strcmp(conf_rows[i].group, group) == 0)
            put_manual_row(out, &conf_rows[i]);
    buf_puts(out, ".El\n");
}

static const char manual_head[] =
    ".\\\" Generated from src/conf/schema.c: do not edit.\n"
    ".Dd November 21, 2026\n"
    ".Dt POSTERN.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm postern.conf\n"
    ".Nd configuration of the Postern mail server\n"
    ".Sh DESCRIPTION\n"
    "The file is in the syntax of libconfig:\n"
    ".Ic name = value ;\n"
    "with texts in quotes, lists in [ ] or ( ), groups in { } and comments behind #.\n"
    "A size is a text with a unit out of B, K, M and G;\n"
    "a time one with ms, s, m, h or d.\n"
    "Paths are relative to the directory of the file.\n"
    ".Pp\n"
    ".Xr postern 1\n"
    "check reads the file and tells all that is wrong with it, by line.\n"
    "SIGHUP makes a running server read it again;\n"
    "a change that needs a restart is refused then.\n"
    "Each key is given here with its default.\n"
    ".Sh GENERAL KEYS\n";

static const char manual_tail[] = ".Sh EXAMPLES\n"
                                  "A server for one domain with all seven listeners:\n"
                                  ".Bd -literal -offset indent\n"
                                  "hostname = \"mail.example.org\";\n"
                                  "domains = [ \"example.org\" ];\n"
                                  "data_dir = \"/var/lib/postern\";\n"
                                  "user = \"postern\";\n"
                                  "tls = {\n"
                                  "    certificate = \"/etc/postern/fullchain.pem\";\n"
                                  "    key = \"/etc/postern/privkey.pem\";\n"
                                  "};\n"
                                  ".Ed\n"
                                  ".Sh SEE ALSO\n"
                                  ".Xr postern 1\n";

void conf_write_manual(struct buf *text_out)
{
    buf_puts(text_out, manual_head);
    put_manual_group(text_out, "");
    buf_puts(text_out, ".Sh LISTENERS\n.Ic listeners\n"
                       "is a list of groups with these keys; without it all seven usual ones are "
                       "served.\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < conf_listener_row_count; i++)
        put_manual_row(text_out, &conf_listener_rows[i]);
    buf_puts(text_out, ".El\n.Sh CERTIFICATES\n.Ic certificates\n"
                       "is a list of groups with these keys, beside the certificate of group tls, "
                       "which is the default.\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < conf_certificate_row_count; i++)
        put_manual_row(text_out, &conf_certificate_rows[i]);
    buf_puts(text_out, ".El\n.Sh ROUTES\n.Ic routes\n"
                       "is a list of groups with these keys: mail that goes another way than group "
                       "relay says.\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < conf_route_row_count; i++)
        put_manual_row(text_out, &conf_route_rows[i]);
    buf_puts(text_out, ".El\n.Sh GROUPS\n");
    for (size_t i = 0; i < conf_group_count; i++) {
        buf_printf(text_out, ".Ss %s\n", conf_groups[i].name);
        put_mdoc(text_out, conf_groups[i].sentence);
        put_manual_group(text_out, conf_groups[i].name);
    }
    buf_puts(text_out, manual_tail);
}
