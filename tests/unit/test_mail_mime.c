/* The scanner on valid and damaged messages: ENVELOPE, BODYSTRUCTURE and BODY. */
#include "mail/mime.h"

#include "mime_scan.h"

#define NO_ENVELOPE "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

static const struct {
    const char *header, *envelope;
} envelopes[] = {
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
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
        check_case = envelopes[i].header;
        check_scan(span_of(envelopes[i].header), envelopes[i].envelope, NULL);
    }
}

static const struct {
    const char *message, *structure, *body;
} structures[] = {
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
    for (size_t i = 0; i < sizeof structures / sizeof *structures; i++) {
        struct buf body, again;
        check_case = structures[i].message;
        check_scan(span_of(structures[i].message), NULL, structures[i].structure);
        buf_init(&body, 0);
        buf_init(&again, 0);
        mime_body_from_structure(span_of(structures[i].structure), &body);
        if (structures[i].body != NULL)
            check_span(buf_span(&body), structures[i].body);
        check(body.len < strlen(structures[i].structure));
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

CHECK_MAIN({"test_envelopes", test_envelopes}, {"test_structures", test_structures},
           {"test_damaged_structures_give_an_empty_part",
            test_damaged_structures_give_an_empty_part})
