/* The client's SCRAM: RFC 7677 3's numbers cannot be had (our nonce is ours), so it is tried
 * against the server's side, with every way to lie to it. */
#include "auth/scram.h"
#include "auth/scram_client.h"
#include "base/err.h"
#include "check.h"

static void fill_fixed(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    memset(bytes, 'q', size);
}

static const struct entropy fixed = {fill_fixed};

static struct scram_client *client_make(void)
{
    return scram_client_create(span_of("us,er=1"), span_of("pencil"), &fixed);
}

TEST(test_names_are_escaped)
{
    struct scram_client *client = client_make();
    struct buf first;

    buf_init(&first, 0);
    scram_client_first(client, &first);
    check_span(buf_span(&first), "n,,n=us=2Cer=3D1,r=cXFxcXFxcXFxcXFxcXFxcXFx");
    buf_release(&first);
    scram_client_free(&client);
}

static const struct first_case {
    const char *name, *message;
    bool is_good;
} firsts[] = {
    {"good", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=4096", true},
    {"extension behind", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=4096,x=y", true},
    {"nonce not continued", "r=cXFxcXFxcXFxcXFxcXFxcXFx,s=c2FsdA==,i=4096", false},
    {"other nonce", "r=aXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=4096", false},
    {"too few iterations", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=4095", false},
    {"too many iterations", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=1000001", false},
    {"no number", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=x", false},
    {"salt not base64", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2F,i=4096", false},
    {"no salt", "r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=,i=4096", false},
    {"mandatory extension", "m=x,r=cXFxcXFxcXFxcXFxcXFxcXFxabc,s=c2FsdA==,i=4096", false},
    {"error", "e=unknown-user", false},
    {"empty", "", false},
};

TEST(test_server_first_is_checked)
{
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct scram_client *client = client_make();
        check_case = firsts[i].name;
        struct job *job = scram_client_salt(client, span_of(firsts[i].message));
        check_int(job != NULL, firsts[i].is_good);
        if (job != NULL)
            job->free(job);
        scram_client_free(&client);
    }
}

TEST(test_server_without_the_password_is_not_believed)
{
    struct scram_client *client = client_make();
    struct buf final;

    buf_init(&final, 0);
    struct job *job = scram_client_salt(client, span_of(firsts[0].message));
    job->run(job);
    scram_client_final(client, job, &final);
    job->free(job);
    check(span_starts(buf_span(&final), span_of("c=biws,r=cXFxcXFxcXFxcXFxcXFxcXFxabc,p=")));
    check(!scram_client_is_proved(client, span_of("v=AAAA")));
    check(!scram_client_is_proved(client, span_of("e=invalid-proof")));
    check(!scram_client_is_proved(client, span_of("")));
    buf_release(&final);
    scram_client_free(&client);
}

static int run_against_server(const char *stored_password, bool *is_proved_out)
{
    struct scram_client *client = client_make();
    struct password_verifier verifier;
    struct buf message, answer;
    struct scram server;

    buf_init(&message, 0);
    buf_init(&answer, 0);
    scram_init(&server);
    password_derive(span_of(stored_password), span_of("salt"), 4096, &verifier);
    scram_client_first(client, &message);
    check_int(scram_take_first(&server, buf_span(&message)), 0);
    check_span(buf_span(&server.name), "us,er=1");
    scram_challenge(&server, &verifier, span_of("servernonce"), &answer);
    struct job *job = scram_client_salt(client, buf_span(&answer));
    job->run(job);
    buf_clear(&message);
    buf_clear(&answer);
    scram_client_final(client, job, &message);
    job->free(job);
    int err = scram_take_final(&server, buf_span(&message), &verifier, &answer);
    *is_proved_out = err == 0 && scram_client_is_proved(client, buf_span(&answer));
    scram_deinit(&server);
    buf_release(&message);
    buf_release(&answer);
    scram_client_free(&client);
    return err;
}

TEST(test_both_sides_agree)
{
    bool is_proved;

    check_int(run_against_server("pencil", &is_proved), 0);
    check(is_proved);
    check_int(run_against_server("pencil2", &is_proved), ERR_REFUSED);
}

CHECK_MAIN({"test_names_are_escaped", test_names_are_escaped},
           {"test_server_first_is_checked", test_server_first_is_checked},
           {"test_server_without_the_password_is_not_believed",
            test_server_without_the_password_is_not_believed},
           {"test_both_sides_agree", test_both_sides_agree})
