/*
 * SEARCH: each key on its own, joined ones, slices, and text in every encoding.
 */
#include "store_fixture.h"

static const char *const messages[] = {
    /* 1 */ "From: Alice <alice@example.org>\r\nTo: bob@example.org\r\n"
            "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nSubject: Plain Hello\r\n\r\n"
            "The quick brown fox.\r\n",
    /* 2 */
    "From: b@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Tage=\r\n buch\r\n",
    /* 3 */
    "From: c@example.org\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\naGlkZGVuIHRyZWFzdXJl\r\n--b\r\n"
    "Content-Type: application/octet-stream; name=fox.bin\r\n\r\nquick\r\n--b--\r\n",
    /* 4 */ "\r\n",
    /* 5 */
    "From: d@example.net\r\nContent-Type: multipart/report; boundary=r\r\n\r\n--r\r\n"
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; zebra\r\n--r\r\n"
    "Content-Type: message/rfc822\r\nContent-Description: enclosed yak\r\n\r\n"
    "Subject: inner walrus\r\nContent-Type: multipart/mixed; boundary=s\r\n\r\n--s\r\n"
    "Content-Type: multipart/related; boundary=t; x=heron\r\n\r\n--t\r\n"
    "Content-Type: application/pdf\r\n\r\n%PDF\r\n--t--\r\n--s--\r\n--r--\r\n",
};
enum { COUNT = sizeof messages / sizeof *messages };

static void fill(struct fixture *fixture)
{
    static const uint64_t flags[COUNT] = {STORE_SEEN, STORE_SEEN | STORE_FLAGGED, 0, STORE_DRAFT,
                                          0};
    for (int i = 0; i < COUNT; i++)
        (void)fixture_append(fixture, "INBOX", messages[i], flags[i]);
}

/* "1 3" */
static void check_search(struct fixture *fixture, const struct search_node *root,
                         const char *wanted)
{
    char text[128] = "";
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    struct store_search *search =
        store_search_create(fixture->store, inbox.mailbox, inbox.view, root, 0);
    fixture_run(fixture, &search->job);
    check_int(search->status, 0);
    check_int(search->next_uid, 0);
    for (size_t i = 0; i < search->count; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s%u", i > 0 ? " " : "", search->uids[i]);
    }
    check_text(text, wanted);
    search->job.free(&search->job);
    store_view_unref(&inbox.view);
}

struct search_case {
    const char *name;
    enum search_kind kind;
    const char *field, *text;
    const char *wanted;
};

TEST(text_keys_find_decoded_text)
{
    static const struct search_case cases[] = {
        {"subject without case", SEARCH_HEADER, "subject", "pLAIN", "1"},
        {"encoded word", SEARCH_HEADER, "SUBJECT", "grüße", "2"},
        {"encoded word in capitals", SEARCH_HEADER, "Subject", "GRÜ", "2"},
        {"field is there", SEARCH_HEADER, "Date", "", "1"},
        {"no such field", SEARCH_HEADER, "X-None", "", ""},
        {"from", SEARCH_HEADER, "From", "@example.org", "1 2 3"},
        {"body", SEARCH_BODY, "", "QUICK brown", "1"},
        {"body looks not into the header", SEARCH_BODY, "", "Plain Hello", ""},
        {"text looks into the header", SEARCH_TEXT, "", "Plain Hello", "1"},
        {"quoted-printable latin-1", SEARCH_BODY, "", "schöne tage buch", "2"},
        {"base64", SEARCH_BODY, "", "Hidden Treasure", "3"},
        {"not inside an attachment", SEARCH_BODY, "", "quick", "1"},
        {"header of a part", SEARCH_TEXT, "", "fox.bin", "3"},
        {"nowhere", SEARCH_TEXT, "", "unicorn", ""},
        {"empty", SEARCH_TEXT, "", "", "1 2 3 4 5"},
        {"empty body", SEARCH_BODY, "", "", "1 2 3 4 5"},
        {"delivery report", SEARCH_BODY, "", "dns; zebra", "5"},
        {"header of an enclosed message", SEARCH_TEXT, "", "inner walrus", "5"},
        {"header of a part that encloses a message", SEARCH_TEXT, "", "yak", "5"},
        {"header of an inner multipart", SEARCH_TEXT, "", "heron", "5"},
    };
    struct fixture fixture;
    fixture_make(&fixture);
    fill(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct search_node node = {.kind = cases[i].kind,
                                   .field = span_of(cases[i].field),
                                   .text = span_of(cases[i].text)};
        check_case = cases[i].name;
        check_search(&fixture, &node, cases[i].wanted);
    }
    fixture_free(&fixture);
}

TEST(text_behind_a_large_attachment_is_found)
{
    struct fixture fixture;
    fixture_make(&fixture);
    char *filler = mem_alloc(2000001);
    memset(filler, 'x', 2000000);
    filler[2000000] = '\0';
    char *text = mem_printf("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
                            "Content-Type: application/pdf\r\n\r\n%s\r\n--b\r\n"
                            "Content-Type: text/plain\r\n\r\nneedle\r\n--b--\r\n",
                            filler);
    (void)fixture_append(&fixture, "INBOX", text, 0);
    struct search_node node = {.kind = SEARCH_BODY, .text = span_of("needle")};
    check_search(&fixture, &node, "1");
    node.text = span_of("xxx");
    check_search(&fixture, &node, "");
    mem_free(text);
    mem_free(filler);
    fixture_free(&fixture);
}

TEST(row_keys_and_their_joins)
{
    struct fixture fixture;
    fixture_make(&fixture);
    fill(&fixture);
    struct search_node all = {.kind = SEARCH_ALL};
    check_search(&fixture, &all, "1 2 3 4 5");
    struct search_node seen = {.kind = SEARCH_FLAGS_SET, .flags = STORE_SEEN};
    check_search(&fixture, &seen, "1 2");
    struct search_node unseen = {.kind = SEARCH_NOT, .children = &seen};
    check_search(&fixture, &unseen, "3 4 5");
    struct uid_range ranges[] = {{2, 3}, {9, UINT32_MAX}};
    struct search_node uids = {.kind = SEARCH_UIDS, .ranges = ranges, .range_count = 2};
    check_search(&fixture, &uids, "2 3");
    struct search_node larger = {.kind = SEARCH_LARGER, .number = 100};
    check_search(&fixture, &larger, "1 2 3 5");
    struct search_node smaller = {.kind = SEARCH_SMALLER, .number = 3};
    check_search(&fixture, &smaller, "4");
    struct search_node sent = {.kind = SEARCH_SENT_ON, .number = 1793577600}; /* 2026-11-02 */
    check_search(&fixture, &sent, "1");
    struct search_node since = {.kind = SEARCH_SINCE, .number = 1800000000 - 86400};
    check_search(&fixture, &since, "1 2 3 4 5");

    struct search_node fox = {.kind = SEARCH_TEXT, .text = span_of("fox")};
    struct search_node seen_again = seen;
    seen_again.next = &fox;
    struct search_node both = {.kind = SEARCH_AND, .children = &seen_again};
    check_search(&fixture, &both, "1");
    both.kind = SEARCH_OR;
    check_search(&fixture, &both, "1 2 3");
    struct search_node neither = {.kind = SEARCH_NOT, .children = &both};
    check_search(&fixture, &neither, "4 5");
    fixture_free(&fixture);
}

CHECK_MAIN({"text_keys_find_decoded_text", text_keys_find_decoded_text},
           {"text_behind_a_large_attachment_is_found", text_behind_a_large_attachment_is_found},
           {"row_keys_and_their_joins", row_keys_and_their_joins})
