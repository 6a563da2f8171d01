#include "mail/mime.h"

#include <stdlib.h>

#include "base/mem.h"
#include "check.h"

#define NO_EXT " NIL NIL NIL NIL"
#define PLAIN(octets, lines)                                                                       \
    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" " octets " " lines NO_EXT ")"
#define NO_ENVELOPE "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

/* The four results as one text. */
static void scan_whole(struct span message, size_t piece_max, unsigned seed, unsigned parts_max,
                       struct buf *out)
{
    struct mime_scan *scan = mime_scan_create(parts_max);
    struct mime_result result;

    srand(seed); /* NOLINT: cuts, not secrets */
    for (struct span rest = message; rest.len > 0;) {
        size_t len = seed == 0 ? piece_max : 1 + (size_t)rand() % piece_max; /* NOLINT */
        struct span piece = span_first(rest, len);
        char *copy = mem_strndup(piece.ptr, piece.len); /* so that ASan sees what is read too far */
        mime_scan_feed(scan, span_make(copy, piece.len));
        mem_free(copy);
        rest = span_from(rest, piece.len);
    }
    mime_scan_finish(scan, &result);
    buf_put(out, result.envelope);
    buf_put_byte(out, '\n');
    buf_put(out, result.structure);
    buf_put_byte(out, '\n');
    buf_put(out, result.parts);
    buf_printf(out, "\n%lld %u", (long long)result.sent_s, result.received_count);
    mime_scan_free(&scan);
}

/* Whole, byte by byte and at random cuts: all the same. Returns the whole's result, owned. */
static struct buf scan_all_ways(struct span message, unsigned parts_max)
{
    struct buf whole, other;

    buf_init(&whole, 0);
    buf_init(&other, 0);
    scan_whole(message, message.len + 1, 0, parts_max, &whole);
    scan_whole(message, 1, 0, parts_max, &other);
    check(span_equal(buf_span(&whole), buf_span(&other)));
    for (unsigned seed = 1; seed < 12; seed++) {
        buf_clear(&other);
        scan_whole(message, seed * 7, seed, parts_max, &other);
        check(span_equal(buf_span(&whole), buf_span(&other)));
    }
    buf_release(&other);
    return whole;
}

static void check_scan(struct span message, const char *envelope, const char *structure)
{
    struct buf result = scan_all_ways(message, 1000);
    struct span rest = buf_span(&result);
    struct span line;

    /* Literals hold line ends of their own: compare as prefixes. */
    if (envelope != NULL) {
        line = span_first(rest, strlen(envelope));
        check_span(line, envelope);
        check(rest.len > line.len && rest.ptr[line.len] == '\n');
    }
    if (structure != NULL) {
        const char *newline = strstr(rest.ptr, ")\n(");
        check(newline != NULL);
        if (newline != NULL) {
            rest = span_from(rest, (size_t)(newline - rest.ptr) + 2);
            check_span(span_first(rest, strlen(structure)), structure);
            check(rest.len > strlen(structure) && rest.ptr[strlen(structure)] == '\n');
        }
    }
    buf_release(&result);
}

static const struct {
    const char *header, *envelope;
} ENVELOPES[] = {
    {"", NO_ENVELOPE},
    {"Subject:\r\n\r\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"Date: Sat, 21 Nov 2026 10:22:07 +0000\r\nSubject: a \"b\" \\ c\r\n d\r\nFrom: A <a@b>\r\n"
     "To: c@d, E <e@f>\r\nMessage-ID: <1@b>\r\nIn-Reply-To: <0@b>\r\n\r\n",
     "(\"Sat, 21 Nov 2026 10:22:07 +0000\" \"a \\\"b\\\" \\\\ c d\" ((\"A\" NIL \"a\" \"b\")) "
     "((\"A\" NIL \"a\" \"b\")) ((\"A\" NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")(\"E\" NIL \"e\" "
     "\"f\")) NIL NIL \"<0@b>\" \"<1@b>\")"},
    {"From: a@b\r\nSender: s@b\r\nReply-To: r@b\r\nCc: c@b\r\nBcc: d@b\r\n\r\n",
     "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"s\" \"b\")) ((NIL NIL \"r\" \"b\")) NIL ((NIL "
     "NIL \"c\" \"b\")) ((NIL NIL \"d\" \"b\")) NIL NIL)"},
    {"From: a@b\r\nSender:\r\nReply-To: ,\r\n\r\n",
     "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL "
     "NIL NIL)"},
    {"To: g:a@b;\r\n\r\n",
     "(NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)) NIL NIL NIL "
     "NIL)"},
    {"To: alice\r\nTo: b@c\r\n\r\n",
     "(NIL NIL NIL NIL NIL ((NIL NIL \"alice\" \"\")(NIL NIL \"b\" \"c\")) NIL NIL NIL NIL)"},
    {"Subject: j\xc3\xb6rg\r\n\tx\r\n\r\n",
     "(NIL {7}\r\nj\xc3\xb6rg\tx NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"From: \"\xf6\" <\xe4@b>\r\n\r\n",
     "(NIL NIL (({1}\r\n\xf6 NIL {1}\r\n\xe4 \"b\")) (({1}\r\n\xf6 NIL {1}\r\n\xe4 \"b\")) "
     "(({1}\r\n\xf6 NIL {1}\r\n\xe4 \"b\")) NIL NIL NIL NIL NIL)"},
    {"From ubuntu Sat Nov 21\r\nSubject: x\r\nSubject: y\r\n\r\nSubject: body",
     "(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"Subject: lf\n\nbody\n", "(NIL \"lf\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
    {"Subject: no end", "(NIL \"no end\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
};

TEST(test_envelopes)
{
    for (size_t i = 0; i < sizeof ENVELOPES / sizeof *ENVELOPES; i++) {
        check_case = ENVELOPES[i].header;
        check_scan(span_of(ENVELOPES[i].header), ENVELOPES[i].envelope, NULL);
    }
}

static const struct {
    const char *message, *structure, *body;
} STRUCTURES[] = {
    {"", PLAIN("0", "0"), "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)"},
    {"Subject: x\r\n\r\nhello\r\nworld\r\n", PLAIN("14", "2"), NULL},
    {"Subject: x\r\n\r\nhello", PLAIN("5", "0"), NULL},
    {"\r\n\r\n\r\n", PLAIN("4", "2"), NULL},
    {"Content-Type: Text/HTML; Charset=\"UTF-8\"; format=flowed\r\n"
     "Content-Transfer-Encoding: Quoted-Printable\r\nContent-ID: <1@x>\r\n"
     "Content-Description: a \"d\"\r\nContent-MD5: Q2hlY2s=\r\n"
     "Content-Disposition: Inline; filename=\"a b.txt\"\r\nContent-Language: en, de\r\n"
     "Content-Location: http://x/\r\n\r\nx\r\n",
     "(\"text\" \"html\" (\"charset\" \"UTF-8\" \"format\" \"flowed\") \"<1@x>\" \"a \\\"d\\\"\" "
     "\"quoted-printable\" 3 1 \"Q2hlY2s=\" (\"inline\" (\"filename\" \"a b.txt\")) (\"en\" "
     "\"de\") \"http://x/\")",
     "(\"text\" \"html\" (\"charset\" \"UTF-8\" \"format\" \"flowed\") \"<1@x>\" \"a \\\"d\\\"\" "
     "\"quoted-printable\" 3 1)"},
    {"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
     "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 6" NO_EXT ")",
     "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 6)"},
    {"Content-Type: nonsense\r\n\r\nx", PLAIN("1", "0"), NULL},
    {"Content-Type: \r\n\r\nx", PLAIN("1", "0"), NULL},
    {"Content-Type: text/plain\r\n\r\nx", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 0" NO_EXT ")",
     NULL},
    /* multiparts */
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\none\r\n--b \t\r\n"
     "Content-Type: image/png; name=x\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno\r\n",
     "(" PLAIN("3", "0") "(\"image\" \"png\" (\"name\" \"x\") NIL NIL \"7bit\" 5" NO_EXT
                         ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
     "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)(\"image\" \"png\" "
     "(\"name\" \"x\") NIL NIL \"7bit\" 5) \"mixed\")"},
    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\ntwo\n--b--\n",
     "(" PLAIN("7", "1") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)", NULL},
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--",
     "(" PLAIN("3", "0") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)", NULL},
    /* never ended */
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n",
     "(" PLAIN("5", "1") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)", NULL},
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n",
     "(" PLAIN("0", "0") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
     "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) \"mixed\")"},
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n",
     "(" PLAIN("0", "0") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)", NULL},
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b--\r\n",
     "(" PLAIN("0", "0") PLAIN("0", "0") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)", NULL},
    /* a header cut off by a delimiter */
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-ID: <1>\r\n--b--\r\n",
     "((\"text\" \"plain\" (\"charset\" \"us-ascii\") \"<1>\" NIL \"7bit\" 0 0" NO_EXT
     ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
     NULL},
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
     "message/rfc822\r\n--b--",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 " NO_ENVELOPE
     " " PLAIN("0", "0") " 0" NO_EXT ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
     NULL},
    /* no boundary, an unusable one */
    {"Content-Type: multipart/mixed\r\n\r\nx\r\n", PLAIN("3", "1"), NULL},
    {"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n", PLAIN("4", "1"), NULL},
    /* an inner multipart that the outer delimiter ends */
    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
     "Content-Type: multipart/alternative; boundary=bc\r\n\r\n--bc\r\n\r\none\r\n--bcd\r\n"
     "--b\r\n\r\ntwo\r\n--bc\r\n--b--\r\n",
     "((" PLAIN("10", "1") " \"alternative\" (\"boundary\" \"bc\") NIL NIL NIL)" PLAIN(
         "9", "1") " \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
     NULL},
    {"Content-Type: multipart/mixed; boundary=\"b--\"\r\n\r\n--b--\r\n\r\none\r\n--b----\r\n",
     "(" PLAIN("3", "0") " \"mixed\" (\"boundary\" \"b--\") NIL NIL NIL)", NULL},
    {"Content-Type: multipart/mixed; boundary=b\r\n"
     "Content-Disposition: inline\r\nContent-Language: en\r\nContent-Location: l\r\n\r\n"
     "--b\r\n\r\n\r\n--b--\r\n",
     "(" PLAIN("0", "0") " \"mixed\" (\"boundary\" \"b\") (\"inline\" NIL) (\"en\") \"l\")", NULL},
    /* messages in messages */
    {"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL "
     "NIL) " PLAIN("6", "1") " 3" NO_EXT ")",
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL "
     "NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 6 1) 3)"},
    {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA",
     "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 4" NO_EXT ")", NULL},
    {"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\nx\r\n--b\r\n"
     "Content-Type: text/plain\r\n\r\ny\r\n--b--\r\n",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL "
     "NIL) " PLAIN("1", "0") " 2" NO_EXT ")(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 0" NO_EXT
                             ") \"digest\" (\"boundary\" \"b\") NIL NIL NIL)",
     NULL},
    {"Content-Type: message/delivery-status\r\n\r\nx",
     "(\"message\" \"delivery-status\" NIL NIL NIL \"7bit\" 1" NO_EXT ")", NULL},
    /* parameters */
    {"Content-Type: text/plain (c); (c) charset (c) = (c) utf-8 (c) ; x=\"a\\\"b\r\n c\"; y; z=;"
     " =q; name=foo(1).txt bar\r\n\r\n",
     "(\"text\" \"plain\" (\"charset\" \"utf-8\" \"x\" \"a\\\"b c\" \"z\" \"\" \"name\" "
     "\"foo(1).txt\") NIL NIL \"7bit\" 0 0" NO_EXT ")",
     NULL},
    {"Content-Type: a/b; name*0=one; name*1=\"two \"; name*2=three\r\n\r\n",
     "(\"a\" \"b\" (\"name\" \"onetwo three\") NIL NIL \"7bit\" 0" NO_EXT ")", NULL},
    {"Content-Type: a/b; name*1*=%c3; x=y; name*0*=utf-8''; name*2=\"a b\"; name*4=z\r\n\r\n",
     "(\"a\" \"b\" (\"x\" \"y\" \"name*\" \"utf-8''%c3a%20b\" \"name*4\" \"z\") NIL NIL \"7bit\" "
     "0" NO_EXT ")",
     NULL},
    {"Content-Type: a/b; name*0=x; name*1*=%41\r\n\r\n",
     "(\"a\" \"b\" (\"name*\" \"''x%41\") NIL NIL \"7bit\" 0" NO_EXT ")", NULL},
    {"Content-Type: a/b; name*=utf-8'en'%41\r\nContent-Disposition: attachment; "
     "filename*=utf-8''x\r\n\r\n",
     "(\"a\" \"b\" (\"name*\" \"utf-8'en'%41\") NIL NIL \"7bit\" 0 NIL (\"attachment\" "
     "(\"filename*\" \"utf-8''x\")) NIL NIL)",
     NULL},
    {"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\nx\r\n--ab--\r\n",
     "(" PLAIN("1", "0") " \"mixed\" (\"boundary\" \"ab\") NIL NIL NIL)", NULL},
    {"Content-Type: a/b; n=\"\xc3\xb6\"\r\n\r\n",
     "(\"a\" \"b\" (\"n\" {2}\r\n\xc3\xb6) NIL NIL \"7bit\" 0" NO_EXT ")", NULL},
    {"Content-Type: text/plain; charset=\"unterminated\r\n\r\n",
     "(\"text\" \"plain\" (\"charset\" \"unterminated\") NIL NIL \"7bit\" 0 0" NO_EXT ")", NULL},
    {"Content-Disposition: ; x=y\r\nContent-Transfer-Encoding: (c) 8BIT (c)\r\n\r\n",
     "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"8bit\" 0 0" NO_EXT ")", NULL},
};

TEST(test_structures)
{
    for (size_t i = 0; i < sizeof STRUCTURES / sizeof *STRUCTURES; i++) {
        struct buf body, again;
        check_case = STRUCTURES[i].message;
        check_scan(span_of(STRUCTURES[i].message), NULL, STRUCTURES[i].structure);
        buf_init(&body, 0);
        buf_init(&again, 0);
        mime_body_from_structure(span_of(STRUCTURES[i].structure), &body);
        if (STRUCTURES[i].body != NULL)
            check_span(buf_span(&body), STRUCTURES[i].body);
        check(body.len < strlen(STRUCTURES[i].structure));
        /* What has no extension data stays as it is. */
        mime_body_from_structure(buf_span(&body), &again);
        check(span_equal(buf_span(&again), buf_span(&body)));
        buf_release(&again);
        buf_release(&body);
    }
}

TEST(test_damaged_structures_give_an_empty_part)
{
    static const char *const cases[] = {
        "",
        "(",
        ")",
        "((",
        "(()",
        "x",
        "(\"text\" \"plain\")",
        "(\"text\" \"plain\" NIL NIL NIL",
        "(\"a\" \"b\" ({99}\r\nx) NIL NIL \"7bit\" 0)",
        "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0))",
        "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 NIL)",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf body;
        buf_init(&body, 0);
        check_case = cases[i];
        mime_body_from_structure(span_of(cases[i]), &body);
        check_span(buf_span(&body), "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)");
        buf_release(&body);
    }
}

/* RFC 3501 6.4.5's own example. */
static const char TREE[] =
    "Content-Type: multipart/mixed; boundary=A\r\n\r\n"
    "--A\r\nContent-Type: text/plain; charset=KOI8-R\r\n\r\npart 1\r\n"
    "--A\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "part 2\r\n"
    "--A\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    "--B\r\n\r\npart 3.1\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\npart 3.2\r\n"
    "--B--\r\n"
    "--A\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n"
    "--C\r\nContent-Type: image/gif\r\n\r\npart 4.1\r\n"
    "--C\r\nContent-Type: message/rfc822\r\n\r\n"
    "Content-Type: multipart/mixed; boundary=D\r\n\r\n"
    "--D\r\n\r\npart 4.2.1\r\n--D\r\nContent-Type: multipart/alternative; boundary=E\r\n\r\n"
    "--E\r\n\r\npart 4.2.2.1\r\n--E\r\nContent-Type: text/richtext\r\n\r\npart 4.2.2.2\r\n--E--\r\n"
    "--D--\r\n--C--\r\n"
    "--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain\r\n\r\npart 5.1\r\n"
    "--A--\r\n";

TEST(test_sections_of_the_standards_example)
{
    static const struct {
        const char *section;
        bool is_inner, is_found;
        const char *header, *body; /* NULL: not looked at; body: its beginning */
    } cases[] = {
        {"1", false, true, "Content-Type: text/plain; charset=KOI8-R\r\n\r\n", "part 1"},
        {"2", false, true, NULL, "part 2"},
        {"3", false, true, "Content-Type: message/rfc822\r\n\r\n", "Subject: inner\r\n"},
        {"3", true, true, "Subject: inner\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n",
         "--B\r\n"},
        {"3.1", false, true, "\r\n", "part 3.1"},
        {"3.2", false, true, NULL, "part 3.2"},
        {"4", false, true, "Content-Type: multipart/mixed; boundary=C\r\n\r\n", "--C\r\n"},
        {"4.1", false, true, NULL, "part 4.1"},
        {"4.2", false, true, NULL, "Content-Type: multipart/mixed; boundary=D"},
        {"4.2", true, true, "Content-Type: multipart/mixed; boundary=D\r\n\r\n", "--D\r\n"},
        {"4.2.1", false, true, "\r\n", "part 4.2.1"},
        {"4.2.2", false, true, NULL, "--E\r\n"},
        {"4.2.2.1", false, true, "\r\n", "part 4.2.2.1"},
        {"4.2.2.2", false, true, NULL, "part 4.2.2.2"},
        {"5.1", false, true, "Subject: plain\r\n\r\n", "part 5.1"},
        {"5", true, true, "Subject: plain\r\n\r\n", "part 5.1"},
        {"", false, true, "Content-Type: multipart/mixed; boundary=A\r\n\r\n", "--A\r\n"},
        {"6", false, false, NULL, NULL},
        {"1.1", false, false, NULL, NULL},
        {"1", true, false, NULL, NULL},
        {"3.3", false, false, NULL, NULL},
        {"3.1.1", false, false, NULL, NULL},
        {"5.2", false, false, NULL, NULL},
        {"4", true, false, NULL, NULL},
        {"0", false, false, NULL, NULL},
        {"01", false, false, NULL, NULL},
        {"1.", false, false, NULL, NULL},
        {".1", false, false, NULL, NULL},
        {"3..1", false, false, NULL, NULL},
        {"99999999999999999999", false, false, NULL, NULL},
        {"x", false, false, NULL, NULL},
    };
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    mime_scan_feed(scan, span_of(TREE));
    mime_scan_finish(scan, &result);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mime_part part;
        check_case = cases[i].section;
        bool is_found =
            mime_part_find(result.parts, span_of(cases[i].section), cases[i].is_inner, &part);
        check_int(is_found, cases[i].is_found);
        if (!is_found)
            continue;
        if (cases[i].header != NULL)
            check_span(span_make(TREE + part.header_offset, part.header_len), cases[i].header);
        check(part.body_offset + part.body_len < sizeof TREE);
        check_span(
            span_first(span_make(TREE + part.body_offset, part.body_len), strlen(cases[i].body)),
            cases[i].body);
    }
    mime_scan_free(&scan);
}

TEST(test_leaves_are_walked_in_order)
{
    static const char *const leaves[] = {"part 1",       "part 2",       "part 3.1",
                                         "part 3.2",     "part 4.1",     "part 4.2.1",
                                         "part 4.2.2.1", "part 4.2.2.2", "part 5.1"};
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    struct mime_part part;
    size_t position = 0, count = 0;

    mime_scan_feed(scan, span_of(TREE));
    mime_scan_finish(scan, &result);
    while (mime_part_next(result.parts, &position, &part)) {
        check(count < sizeof leaves / sizeof *leaves);
        check_span(span_make(TREE + part.body_offset, part.body_len), leaves[count]);
        count++;
    }
    check_int(count, sizeof leaves / sizeof *leaves);
    check(mime_part_find(result.parts, span_of("1"), false, &part));
    check_text(part.charset, "koi8-r");
    check(part.is_text && !part.is_message && !part.is_multipart);
    check(mime_part_find(result.parts, span_of("2"), false, &part));
    check_int(part.encoding, MIME_BASE64);
    check(mime_part_find(result.parts, span_of("3"), false, &part));
    check(part.is_message);

    /* Damaged rows find nothing, or what still stands there, and read nothing else. */
    for (size_t len = 0; len < result.parts.len; len++) {
        char *copy = mem_strndup(result.parts.ptr, len);
        (void)mime_part_find(span_make(copy, len), span_of("5.1"), false, &part);
        for (position = 0; mime_part_next(span_make(copy, len), &position, &part);)
            ;
        mem_free(copy);
    }
    mime_scan_free(&scan);
}

TEST(test_single_part_message_is_part_one)
{
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    struct mime_part part;
    static const char message[] = "Received: a\r\nReceived: b\r\nDate: Sat, 21 Nov 2026 23:30:00 "
                                  "-0500\r\n\r\nbody\r\n";

    mime_scan_feed(scan, span_of(message));
    mime_scan_finish(scan, &result);
    check_int(result.received_count, 2);
    check_int(result.sent_s / 86400, 1795219200 / 86400);
    check(mime_part_find(result.parts, span_of("1"), false, &part));
    check_span(span_make(message + part.body_offset, part.body_len), "body\r\n");
    check(!mime_part_find(result.parts, span_of("2"), false, &part));
    check(!mime_part_find(result.parts, span_of("1.1"), false, &part));
    mime_scan_free(&scan);
}

/* Scans with a limit of time in mind: the harness would not return from quadratic work. */
static struct buf scan_hostile(struct span message, unsigned parts_max)
{
    struct buf whole, other;

    buf_init(&whole, 0);
    buf_init(&other, 0);
    scan_whole(message, message.len + 1, 0, parts_max, &whole);
    scan_whole(message, 1000, 7, parts_max, &other);
    check(span_equal(buf_span(&whole), buf_span(&other)));
    buf_release(&other);
    return whole;
}

TEST(test_nesting_is_bounded)
{
    struct buf message, result;

    buf_init(&message, 0);
    for (unsigned i = 0; i < 1000; i++)
        buf_printf(&message, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
    buf_puts(&message, "\r\ndeep\r\n");
    result = scan_hostile(buf_span(&message), 10000);
    char *structure = strchr(result.data, '\n') + 1;
    check_int(strspn(structure, "("), MIME_DEPTH_MAX + 1);
    check(span_find(buf_span(&result), span_of("\"application\" \"octet-stream\"")) > 0);
    struct buf body;
    buf_init(&body, 0);
    mime_body_from_structure(span_make(structure, (size_t)(strchr(structure, '\n') - structure)),
                             &body);
    check(span_starts(buf_span(&body), span_of("((((")));
    buf_release(&body);
    buf_release(&result);

    buf_clear(&message);
    for (unsigned i = 0; i < 1000; i++)
        buf_puts(&message, "Content-Type: message/rfc822\r\n\r\n");
    result = scan_hostile(buf_span(&message), 10000);
    buf_release(&result);
    buf_release(&message);
}

TEST(test_parts_are_bounded)
{
    struct buf message;

    buf_init(&message, 0);
    buf_puts(&message, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "--b\r\n\r\nx\r\n");
    buf_puts(&message, "--b--\r\n");
    for (unsigned parts_max = 0; parts_max < 6; parts_max++) {
        struct buf result = scan_hostile(buf_span(&message), parts_max);
        unsigned count = 0;
        struct span rest = buf_span(&result);
        for (ptrdiff_t at; (at = span_find(rest, span_of("\"text\""))) >= 0; count++)
            rest = span_from(rest, (size_t)at + 1);
        check_int(count, parts_max < 2 ? 0 : parts_max - 1);
        buf_release(&result);
    }
    buf_release(&message);
}

TEST(test_long_headers_are_bounded)
{
    struct buf message, result;

    buf_init(&message, 0);
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, i % 3 == 0 ? "To: a@b,c@d\r\n" : "X-Y: z\r\n (\r\n");
    buf_puts(&message, "\r\nbody\r\n");
    result = scan_hostile(buf_span(&message), 1000);
    check(span_find(buf_span(&result), span_of("\"7bit\" 6 1")) > 0);
    buf_release(&result);

    buf_clear(&message);
    buf_puts(&message, "Subject: ");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "\xf6((((\"\\");
    result = scan_hostile(buf_span(&message), 1000);
    buf_release(&result);

    buf_clear(&message);
    buf_puts(&message, "To: ");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "a:b;,<\"");
    result = scan_hostile(buf_span(&message), 1000);
    buf_release(&result);
    buf_release(&message);
}

TEST(test_long_lines_and_odd_bytes)
{
    struct buf message, result;

    buf_init(&message, 0);
    buf_puts(&message, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "   ");
    buf_puts(&message, "\r\n");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "--");
    result = scan_hostile(buf_span(&message), 1000);
    buf_release(&result);
    buf_release(&message);

    static const char nuls[] = "Subject: a\0b\r\nContent-Type: text/plain; charset=\"x\0y\"; "
                               "z\0=\0\r\n\0: \0\r\n\r\n\0\r\n--\0\r\n";
    check_case = "NULs";
    check_scan(span_make(nuls, sizeof nuls - 1), "(NIL \"a?b\" NIL NIL NIL NIL NIL NIL NIL NIL)",
               "(\"text\" \"plain\" (\"charset\" \"x?y\" \"z?\" \"?\") NIL NIL \"7bit\" 8 2" NO_EXT
               ")");
    check_scan(span_of("Subject: a\rb\r\r\n\rX: y\r\n\r\nbody\r"),
               "(NIL \"ab\" NIL NIL NIL NIL NIL NIL NIL NIL)", PLAIN("5", "0"));
}

TEST(test_random_messages_scan_the_same_in_any_pieces)
{
    static const char *const atoms[] = {"\r\n",
                                        "\n",
                                        "\r",
                                        "--b",
                                        "--bb",
                                        "--b--",
                                        "--",
                                        " ",
                                        "\r\n\r\n",
                                        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
                                        "text",
                                        "\r\n--b\r\n",
                                        "\r\n--bb\r\n",
                                        "Content-Type: multipart/digest; boundary=\"bb\"\r\n\r\n",
                                        "Subject: x\r\n",
                                        "(\"",
                                        "Content-Type: message/rfc822\r\n\r\n",
                                        "\r\n--bb--\r\n",
                                        "To: a@b (c), d;\r\n",
                                        "\xf6"};

    for (unsigned round = 0; round < 400; round++) {
        struct buf message, result;
        buf_init(&message, 0);
        srand(round);                           /* NOLINT */
        unsigned count = (unsigned)rand() % 40; /* NOLINT */
        for (unsigned i = 0; i < count; i++)
            buf_puts(&message, atoms[(size_t)rand() % (sizeof atoms / sizeof *atoms)]); /* NOLINT */
        char *text = mem_strndup(buf_span(&message).ptr, message.len);
        check_case = text;
        result = scan_all_ways(buf_span(&message), 1 + round % 20);
        buf_release(&result);
        check_case = "";
        mem_free(text);
        buf_release(&message);
    }
}

CHECK_MAIN({"test_envelopes", test_envelopes}, {"test_structures", test_structures},
           {"test_damaged_structures_give_an_empty_part",
            test_damaged_structures_give_an_empty_part},
           {"test_sections_of_the_standards_example", test_sections_of_the_standards_example},
           {"test_leaves_are_walked_in_order", test_leaves_are_walked_in_order},
           {"test_single_part_message_is_part_one", test_single_part_message_is_part_one},
           {"test_nesting_is_bounded", test_nesting_is_bounded},
           {"test_parts_are_bounded", test_parts_are_bounded},
           {"test_long_headers_are_bounded", test_long_headers_are_bounded},
           {"test_long_lines_and_odd_bytes", test_long_lines_and_odd_bytes},
           {"test_random_messages_scan_the_same_in_any_pieces",
            test_random_messages_scan_the_same_in_any_pieces})
