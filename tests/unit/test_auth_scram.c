/* SCRAM-SHA-256 on the server's side: the vector of RFC 7677 3, and what is refused. */
#include "auth/scram.h"
#include "base/codec.h"
#include "base/err.h"
#include "check.h"

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define PROOF        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static void vector_verifier(struct password_verifier *out)
{
    struct buf salt;
    buf_init(&salt, 0);
    check_int(codec_base64_decode(span_of("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt), 0);
    password_derive(span_of("pencil"), buf_span(&salt), 4096, out);
    buf_release(&salt);
}

TEST(test_the_vector_of_rfc_7677)
{
    struct password_verifier verifier;
    struct scram scram;
    struct buf out;
    vector_verifier(&verifier);
    scram_init(&scram);
    buf_init(&out, 0);
    check_int(scram_take_first(&scram, span_of("n,,n=user,r=" CLIENT_NONCE)), 0);
    check_span(buf_span(&scram.name), "user");
    scram_challenge(&scram, &verifier, span_of(SERVER_NONCE), &out);
    check_span(buf_span(&out), "r=" CLIENT_NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    buf_clear(&out);
    check_int(scram_take_final(&scram, span_of("c=biws,r=" CLIENT_NONCE SERVER_NONCE ",p=" PROOF),
                               &verifier, &out),
              0);
    check_span(buf_span(&out), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    buf_release(&out);
    scram_deinit(&scram);
}

TEST(test_first_messages)
{
    static const struct {
        const char *text;
        int wanted;
        const char *name, *authzid;
    } cases[] = {
        {"n,,n=user,r=abc", 0, "user", ""},
        {"y,,n=user,r=abc", 0, "user", ""},
        {"n,a=boss,n=user,r=abc", 0, "user", "boss"},
        {"n,a=b=2Cc,n=a=3Db=2C,r=abc", 0, "a=b,", "b,c"},
        {"n,,n=user,r=abc,x=ext", 0, "user", ""},
        {"p=tls-exporter,,n=user,r=abc", ERR_SYNTAX, NULL, NULL},
        {"N,,n=user,r=abc", ERR_SYNTAX, NULL, NULL},
        {"", ERR_SYNTAX, NULL, NULL},
        {"n", ERR_SYNTAX, NULL, NULL},
        {"n,", ERR_SYNTAX, NULL, NULL},
        {"n,,", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user,r=", ERR_SYNTAX, NULL, NULL},
        {"n,,n=,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,,r=abc,n=user", ERR_SYNTAX, NULL, NULL},
        {"n,,m=x,n=user,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user,r=abc,m=ext", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user,r=abc,", ERR_SYNTAX, NULL, NULL},
        {"n,,n=us=er,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user=2,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user=2c,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,b=x,n=user,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,a=,n=user,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user,r=a b", ERR_SYNTAX, NULL, NULL},
        {"n,,n=us\xff,r=abc", ERR_SYNTAX, NULL, NULL},
        {"n,,n=user,r=a\x7f", ERR_SYNTAX, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scram scram;
        scram_init(&scram);
        check_case = cases[i].text;
        check_int(scram_take_first(&scram, span_of(cases[i].text)), cases[i].wanted);
        if (cases[i].wanted == 0) {
            check_span(buf_span(&scram.name), cases[i].name);
            check_span(buf_span(&scram.authzid), cases[i].authzid);
        }
        scram_deinit(&scram);
    }
}

static int take_nonce(size_t len)
{
    struct scram scram;
    struct buf text;
    scram_init(&scram);
    buf_init(&text, 0);
    buf_puts(&text, "n,,n=user,r=");
    for (size_t i = 0; i < len; i++)
        buf_put_byte(&text, 'n');
    int err = scram_take_first(&scram, buf_span(&text));
    buf_release(&text);
    scram_deinit(&scram);
    return err;
}

TEST(test_client_nonce_has_a_limit)
{
    check_int(take_nonce(SCRAM_NONCE_MAX - 1), 0);
    check_int(take_nonce(SCRAM_NONCE_MAX), 0);
    check_int(take_nonce(SCRAM_NONCE_MAX + 1), ERR_SYNTAX);
    check_int(take_nonce(SCRAM_MESSAGE_MAX), ERR_SYNTAX);
}

TEST(test_final_messages)
{
#define NONCE CLIENT_NONCE SERVER_NONCE
    static const struct {
        const char *text;
        int wanted;
    } cases[] = {
        {"c=biws,r=" NONCE ",p=" PROOF, 0},
        /* The proof covers extensions, so one that was put in makes it wrong. */
        {"c=biws,r=" NONCE ",x=1,p=" PROOF, ERR_REFUSED},
        {"c=biws,r=" NONCE ",p=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", ERR_REFUSED},
        {"c=biws,r=" NONCE ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ERR_REFUSED},
        {"c=eSws,r=" NONCE ",p=" PROOF, ERR_SYNTAX},
        {"c=biws,r=" CLIENT_NONCE ",p=" PROOF, ERR_SYNTAX},
        {"c=biws,r=" NONCE "x,p=" PROOF, ERR_SYNTAX},
        {"c=biws,r=" SERVER_NONCE CLIENT_NONCE ",p=" PROOF, ERR_SYNTAX},
        {"c=biws,r=" NONCE, ERR_SYNTAX},
        {"c=biws,r=" NONCE ",p=", ERR_SYNTAX},
        {"c=biws,r=" NONCE ",p=" PROOF ",x=1", ERR_SYNTAX},
        {"c=biws,r=" NONCE ",m=1,p=" PROOF, ERR_SYNTAX},
        {"r=" NONCE ",c=biws,p=" PROOF, ERR_SYNTAX},
        {"c=biws,p=" PROOF, ERR_SYNTAX},
        {"c=,r=" NONCE ",p=" PROOF, ERR_SYNTAX},
        {"", ERR_SYNTAX},
        {",p=" PROOF, ERR_SYNTAX},
    };
    struct password_verifier verifier;
    vector_verifier(&verifier);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scram scram;
        struct buf out;
        scram_init(&scram);
        buf_init(&out, 0);
        check_int(scram_take_first(&scram, span_of("n,,n=user,r=" CLIENT_NONCE)), 0);
        scram_challenge(&scram, &verifier, span_of(SERVER_NONCE), &out);
        buf_clear(&out);
        check_case = cases[i].text;
        check_int(scram_take_final(&scram, span_of(cases[i].text), &verifier, &out),
                  cases[i].wanted);
        check(cases[i].wanted == 0 || out.len == 0);
        buf_release(&out);
        scram_deinit(&scram);
    }
}

CHECK_MAIN({"test_the_vector_of_rfc_7677", test_the_vector_of_rfc_7677},
           {"test_first_messages", test_first_messages},
           {"test_client_nonce_has_a_limit", test_client_nonce_has_a_limit},
           {"test_final_messages", test_final_messages})
