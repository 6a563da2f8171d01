/*
 * cert_print.c: draws certificates and checks. All texts of certificates come escaped from
 * pki/portrait.h and pki/judge.h. Tests: tests/clients/test_cert_check.py.
 */
#include "cli/cert_print.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pki/portrait.h"

enum { DAY_S = 24 * 60 * 60, SOON_DAYS = 30 };

enum ink { INK_PLAIN, INK_GOOD, INK_BAD, INK_DIM, INK_STRONG };

void cert_print_init(struct cert_print *print, FILE *to, int64_t now_s)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    bool is_dumb = term == NULL || strcmp(term, "dumb") == 0;

    *print = (struct cert_print){.to = to, .is_all_well = true, .now_s = now_s};
    print->has_colour =
        isatty(fileno(to)) && !is_dumb && (no_colour == NULL || no_colour[0] == '\0');
}

static void put(const struct cert_print *print, enum ink ink, const char *text)
{
    static const char *const codes[] = {[INK_GOOD] = "\033[32m",
                                        [INK_BAD] = "\033[1;31m",
                                        [INK_DIM] = "\033[2m",
                                        [INK_STRONG] = "\033[1m"};

    if (print->has_colour && ink != INK_PLAIN)
        (void)fprintf(print->to, "%s%s\033[0m", codes[ink], text);
    else
        (void)fputs(text, print->to);
}

/* ---- certificates --------------------------------------------------------------------------- */

static void put_fact(const struct cert_print *print, const char *label, const char *value)
{
    (void)fprintf(print->to, "  %-12s %s\n", label, value);
}

static void date_text(int64_t when_s, char out[32])
{
    time_t when = (time_t)when_s;
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        (void)snprintf(out, 32, "(no date)");
}

static void put_dates(const struct cert_print *print, const struct pki_portrait *portrait)
{
    char date[32], left[80];
    int64_t days = (portrait->until_s - print->now_s) / DAY_S;

    date_text(portrait->from_s, date);
    put_fact(print, "valid from", date);
    date_text(portrait->until_s, date);
    (void)fprintf(print->to, "  %-12s %s, ", "valid until", date);
    if (print->now_s < portrait->from_s)
        (void)snprintf(left, sizeof left, "not valid yet");
    else if (print->now_s > portrait->until_s)
        (void)snprintf(left, sizeof left, "expired %lld days ago", (long long)-days);
    else
        (void)snprintf(left, sizeof left, "%lld days left", (long long)days);
    bool is_bad = print->now_s < portrait->from_s || print->now_s > portrait->until_s;
    put(print, is_bad || days < SOON_DAYS ? INK_BAD : INK_PLAIN, left);
    (void)fputs("\n", print->to);
}

static void put_names(const struct cert_print *print, const struct pki_portrait *portrait)
{
    if (portrait->name_count == 0 && portrait->is_authority)
        return; /* authorities need none */
    if (portrait->name_count == 0)
        put_fact(print, "names", "none");
    for (size_t i = 0; i < portrait->name_count; i++)
        put_fact(print, i == 0 ? "names" : "", portrait->names[i]);
    if (portrait->names_left)
        put_fact(print, "", "... and more");
}

static void put_certificate(const struct cert_print *print, const struct pki_portrait *portrait)
{
    put_fact(print, "subject", portrait->subject);
    put_names(print, portrait);
    put_fact(print, "issuer", portrait->is_self_issued ? "itself (self-signed)" : portrait->issuer);
    put_dates(print, portrait);
    put_fact(print, "serial", portrait->serial);
    put_fact(print, "key", portrait->key);
    put_fact(print, "signed with", portrait->signature);
    if (portrait->is_authority)
        put_fact(print, "authority", "yes: it may issue certificates");
    if (portrait->purposes[0] != '\0' || !portrait->is_authority)
        put_fact(print, "purposes",
                 portrait->purposes[0] != '\0' ? portrait->purposes : "any: it names none");
    if (portrait->must_staple)
        put_fact(print, "must-staple", "yes: the server must send an OCSP response with it");
    put_fact(print, "SHA-256", portrait->sha256);
    put_fact(print, "key pin", portrait->pin);
    (void)fputs("\n", print->to);
}

/* ---- the way -------------------------------------------------------------------------------- */

static void put_branch(const struct cert_print *print, size_t depth, const char *subject,
                       const char *note)
{
    (void)fprintf(print->to, "  %*s%s%s ", (int)(3 * (depth > 0 ? depth - 1 : 0)), "",
                  depth > 0 ? "`- " : "", subject);
    put(print, INK_DIM, note);
    (void)fputs("\n", print->to);
}

static const char *subject_of(const struct span *chain, size_t index,
                              char out[PKI_PORTRAIT_TEXT_SIZE])
{
    struct pki_portrait *portrait = pki_portrait_create(chain[index]);

    (void)snprintf(out, PKI_PORTRAIT_TEXT_SIZE, "%s",
                   portrait != NULL ? portrait->subject : "(cannot be parsed)");
    pki_portrait_free(&portrait);
    return out;
}

static bool is_on_way(const struct pki_findings *findings, size_t index)
{
    for (size_t i = 0; i < findings->way_len; i++)
        if (findings->way[i] == index)
            return true;
    return false;
}

static void put_way(const struct cert_print *print, const struct span *chain, size_t count,
                    const struct pki_findings *findings)
{
    char subject[PKI_PORTRAIT_TEXT_SIZE], note[80];
    bool is_trusted = findings->steps[PKI_STEP_CHAIN].verdict == PKI_CHECK_GOOD;
    bool is_last_trusted = is_trusted && findings->authority[0] == '\0';

    put(print, INK_STRONG, "chain, from the certificate to its authority\n");
    for (size_t i = 0; i < findings->way_len; i++) {
        bool is_end = is_last_trusted && i + 1 == findings->way_len;
        (void)snprintf(note, sizeof note, "(certificate %u%s)", findings->way[i] + 1U,
                       is_end ? ", trusted" : "");
        put_branch(print, i, subject_of(chain, findings->way[i], subject), note);
    }
    if (findings->authority[0] != '\0')
        put_branch(print, findings->way_len, findings->authority, "(trusted authority)");
    else if (!is_last_trusted)
        put_branch(print, findings->way_len, "?", "(no trusted authority)");
    for (size_t i = 0; i < count && i < PKI_CHAIN_MAX; i++) {
        if (is_on_way(findings, i) || findings->way_len == 0)
            continue;
        (void)fprintf(print->to, "  beside it, not needed: %s ", subject_of(chain, i, subject));
        (void)snprintf(note, sizeof note, "(certificate %zu)", i + 1);
        put(print, INK_DIM, note);
        (void)fputs("\n", print->to);
    }
    (void)fputs("\n", print->to);
}

void cert_print_chain(struct cert_print *print, const struct span *chain, size_t count,
                      const struct pki_findings *findings)
{
    char title[64];

    for (size_t i = 0; i < count && i < PKI_CHAIN_MAX; i++) {
        struct pki_portrait *portrait = pki_portrait_create(chain[i]);
        (void)snprintf(title, sizeof title, "certificate %zu of %zu\n", i + 1, count);
        put(print, INK_STRONG, title);
        if (portrait != NULL)
            put_certificate(print, portrait);
        else
            (void)fputs("  it cannot be parsed\n\n", print->to);
        pki_portrait_free(&portrait);
    }
    if (findings != NULL)
        put_way(print, chain, count, findings);
}

/* ---- checks --------------------------------------------------------------------------------- */

void cert_print_line(struct cert_print *print, enum pki_check verdict, const char *what,
                     const char *sentence, const char *advice)
{
    bool is_good = verdict == PKI_CHECK_GOOD, is_done = verdict != PKI_CHECK_NOT_DONE;
    const char *todo = advice != NULL ? advice : pki_check_advice(verdict);

    put(print,
        is_good   ? INK_GOOD
        : is_done ? INK_BAD
                  : INK_DIM,
        is_good   ? "ok          "
        : is_done ? "WRONG       "
                  : "not checked ");
    (void)fprintf(print->to, " %-11s %s\n", what, sentence);
    if (is_good || !is_done)
        return;
    print->is_all_well = false;
    if (todo[0] != '\0')
        (void)fprintf(print->to, "%25swhat to do: %s\n", "", todo);
}

void cert_print_findings(struct cert_print *print, const struct pki_findings *findings)
{
    char sentence[PKI_SENTENCE_SIZE];

    for (int i = 0; i < PKI_STEP_COUNT; i++) {
        const struct pki_finding *finding = &findings->steps[i];
        if (!pki_step_is_told((enum pki_step)i, finding))
            continue;
        pki_finding_sentence(finding, sentence);
        cert_print_line(print, finding->verdict, pki_step_name((enum pki_step)i), sentence, NULL);
    }
    if (findings->is_out_of_order)
        cert_print_line(print, PKI_CHECK_OTHER, "order",
                        "the certificates are not in order: some clients give up then",
                        "put the server's own first, behind it each one's issuer, as the tree "
                        "has it");
}
