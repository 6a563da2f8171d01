/* A route from words: what each complaint is, which is the configuration's own, and what of a route
 * is shown. */
#include "check.h"
#include "conf/route.h"

struct complaints {
    unsigned count;
    char text[400];
};

static void on_complaint(void *owner, const char *file, int line, const char *sentence)
{
    struct complaints *complaints = owner;
    (void)file;
    check_int(line, 0);
    complaints->count++;
    (void)snprintf(complaints->text, sizeof complaints->text, "%s", sentence);
}

static const struct {
    const char *domain, *words, *shown; /* or the beginning of the complaint */
    bool is_good;
} cases[] = {
    {"a.test", "via=mx", " via=mx", true},
    {".a.test", "via=host\nhost=h.test", " via=host host=h.test port=25", true},
    {"*", "via=host\nhost=h.test\ntls=implicit", " via=host host=h.test port=465 tls=implicit",
     true},
    {"a.test", "via=lmtp\nhost=/run/x", " via=lmtp host=/run/x port=24 tls=off verify=off", true},
    {"a.test", "via=host\nhost=h\nuser=u\npassword=pass=word",
     " via=host host=h port=25 user=u password=(hidden)", true},
    {"a.test", "via=refuse\ntext=moved away", " via=refuse text=\"moved away\"", true},
    {"a.test", "via=mx\naccept_from=anyone", " via=mx accept_from=anyone", true},
    {"*", "via=mx\naccept_from=anyone", "routes.accept_from is \"anyone\" for \"*\"", false},
    {"a.test", "", "routes.via is not set", false},
    {"a.test", "via", "\"via\" is no key with its value", false},
    {"a.test", "=mx", "\"\" is no key with its value", false},
    {"a.test", "via=mx\nvia=mx", "routes.via is given a second time", false},
    {"a.test", "via=mx\ndomains=b.test", "routes.domains is given a second time", false},
    {"a.test", "via=xm", "routes.via is \"xm\": must be one of", false},
    {"a.test", "via=mx\nhots=h", "routes.hots is not a key: did you mean routes.host?", false},
    {"a.test", "via=host", "routes.via is \"host\" or \"lmtp\" without routes.host", false},
    {"a.test", "via=mx\nport=ab", "routes.port is a text", false},
    {"a.test", "via=mx\nport=65536", "routes.port is 65536: must be between", false},
    {"a.test", "via=mx\nport=-1", "routes.port is a text", false},
    {"a.test", "via=host\nhost=h\nuser=u", "routes.user and routes.password belong", false},
    {"a.test", "via=host\nhost=h\ntls=may\nuser=u\npassword=p",
     "routes.tls would send the password in plaintext", false},
    {"a.test", "via=refuse\ntext=a\rb", "routes.text \"a\rb\" does not fit a reply", false},
    {"a b", "via=mx", "routes.domains \"a b\" is no domain of a route", false},
    {"", "via=mx", "routes.domains \"\" is no domain of a route", false},
    {"a.test", "a=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1\nj=1\nk=1\nl=1\nm=1",
     "there are more words than a route has keys", false},
};

TEST(words_become_a_route_or_a_complaint)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct complaints complaints = {0};
        const struct conf_route_report report = {on_complaint, &complaints};
        struct settings_route route;
        struct arena arena;
        struct buf text;
        check_case = cases[i].words;
        arena_init(&arena);
        buf_init(&text, 0);
        int err = conf_route_read(span_of(cases[i].domain), span_of(cases[i].words), &arena,
                                  &report, &route);
        check_int(err, cases[i].is_good ? 0 : ERR_CONFIG);
        check_int(complaints.count, !cases[i].is_good);
        if (err == 0) {
            conf_route_put(&route, &text);
            check_span(buf_span(&text), cases[i].shown);
            check_text(route.domains[0], cases[i].domain);
        } else {
            complaints.text[strlen(cases[i].shown)] = '\0';
            check_text(complaints.text, cases[i].shown);
        }
        buf_release(&text);
        arena_reset(&arena);
    }
}

/* At n and n+1; what is too long may be a password, so nothing of it is shown. */
TEST(a_word_has_so_many_bytes)
{
    enum { WORD_MAX = 1024 };
    for (int len = WORD_MAX; len <= WORD_MAX + 1; len++) {
        struct complaints complaints = {0};
        const struct conf_route_report report = {on_complaint, &complaints};
        struct settings_route route;
        struct arena arena;
        char words[2 * WORD_MAX] = "via=host\nhost=h\nuser=u\npassword=";
        size_t before = strlen(words);
        arena_init(&arena);
        memset(words + before, 'p', (size_t)len - strlen("password="));
        int err = conf_route_read(span_of("a.test"), span_of(words), &arena, &report, &route);
        check_int(err, len == WORD_MAX ? 0 : ERR_CONFIG);
        check_text(complaints.text,
                   len == WORD_MAX ? "" : "a word of 1025 bytes is too long: at most 1024");
        arena_reset(&arena);
    }
}

TEST(nobody_need_be_told)
{
    struct settings_route route;
    struct arena arena;
    arena_init(&arena);
    check_int(conf_route_read(span_of("a.test"), span_of("via=no"), &arena, NULL, &route),
              ERR_CONFIG);
    check_int(conf_route_read(span_of("a.test"), span_make("via=m\0x", 7), &arena, NULL, &route),
              ERR_CONFIG);
    arena_reset(&arena);
}

CHECK_MAIN({"words_become_a_route_or_a_complaint", words_become_a_route_or_a_complaint},
           {"a_word_has_so_many_bytes", a_word_has_so_many_bytes},
           {"nobody_need_be_told", nobody_need_be_told})
