/*
 * Which names a certificate may be asked for, and how their forms are told apart.
 */
#include "base/mem.h"
#include "check.h"
#include "pki/name.h"

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"
#define LOCAL_64 LABEL_63 "x"

TEST(test_names_of_each_form_are_accepted)
{
    static const struct {
        const char *name;
        enum pki_name_form form;
    } rows[] = {
        {"mail.example.org", PKI_NAME_DNS},
        {"localhost", PKI_NAME_DNS},
        {"*.example.org", PKI_NAME_DNS},
        {"xn--bcher-kva.example", PKI_NAME_DNS},
        {"4.example", PKI_NAME_DNS},
        {"MAIL.Example.ORG", PKI_NAME_DNS},
        {LABEL_63 ".example.org", PKI_NAME_DNS},
        {LABEL_63 "." LABEL_63 "." LABEL_63 ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                  "abcdefghi",
         PKI_NAME_DNS}, /* 253 characters */
        {"127.0.0.1", PKI_NAME_ADDRESS},
        {"::1", PKI_NAME_ADDRESS},
        {"2001:db8::25", PKI_NAME_ADDRESS},
        {"alice@example.org", PKI_NAME_EMAIL},
        {"a.b+c@localhost", PKI_NAME_EMAIL},
        {LOCAL_64 "@example.org", PKI_NAME_EMAIL},
    };
    struct fault fault;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_case = rows[i].name;
        fault_clear(&fault);
        check_int(pki_name_check(span_of(rows[i].name), &fault), 0);
        check_text(fault.text, "");
        check_int(pki_name_form(rows[i].name), rows[i].form);
    }
}

TEST(test_names_that_no_certificate_should_say_are_refused)
{
    static const struct {
        const char *name, *reason;
    } rows[] = {
        {"", "it is empty"},
        {".", "leave the dot"},
        {"mail.example.org.", "leave the dot"},
        {".example.org", "write a host name"},
        {"mail..example.org", "write a host name"},
        {"-mail.example.org", "write a host name"},
        {"mail-.example.org", "write a host name"},
        {"mail_1.example.org", "write a host name"},
        {"ma*l.example.org", "write a host name"},
        {"mail.*.org", "write a host name"},
        {"*", "write a host name"},
        {"*.org", "at least two labels"},
        {"*.", "leave the dot"},
        {"a b.org", "spaces or control"},
        {"a\n.org", "spaces or control"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--"},
        {"1.2.3", "last label must not be a number"},
        {"256.1.1.1", "last label must not be a number"},
        {"[::1]", "write a host name"},
        {LOCAL_64 ".example.org", "write a host name"},
        {LABEL_63 "." LABEL_63 "." LABEL_63 ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                  "abcdefghij",
         "at most 253"},
        {"@example.org", "1 to 64 characters"},
        {LOCAL_64 "x@example.org", "1 to 64 characters"},
        {"alice@", "write a domain behind"},
        {"alice@*.example.org", "write a domain behind"},
        {"alice@b@example.org", "write a host name"},
        {"\"al ice\"@example.org", "spaces or control"},
        {"al\"ice@example.org", "must be letters"},
    };
    struct fault fault;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_case = rows[i].name;
        fault_clear(&fault);
        check_int(pki_name_check(span_of(rows[i].name), &fault), ERR_SYNTAX);
        if (strstr(fault.text, rows[i].reason) == NULL)
            CHECK_FAILED("wanted \"%s\" in \"%s\"", rows[i].reason, fault.text);
    }
    check_case = "a NUL inside";
    check_int(pki_name_check(span_make("a\0.org", 6), &fault), ERR_SYNTAX);
}

CHECK_MAIN({"test_names_of_each_form_are_accepted", test_names_of_each_form_are_accepted},
           {"test_names_that_no_certificate_should_say_are_refused",
            test_names_that_no_certificate_should_say_are_refused})
