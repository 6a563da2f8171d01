/*
 * reply: every reply that the SMTP server gives, in one list: code, enhanced status (RFC 2034,
 * 3463, 5248) and text. No reply repeats a byte of the client's (ALPACA and kin use reflections).
 */
#ifndef POSTERN_PROTOCOLS_SMTP_REPLY_H
#define POSTERN_PROTOCOLS_SMTP_REPLY_H

#include "net/out.h"

/* name, code, status, text */
#define SMTP_REPLY_LIST(X)                                                                         \
    X(REPLY_OK, 250, "2.0.0", "Ok")                                                                \
    X(REPLY_ACCEPTED, 250, "2.0.0", "Accepted as") /* and the message's id */                      \
    X(REPLY_CHUNK_OK, 250, "2.0.0", "Chunk taken")                                                 \
    X(REPLY_SENDER_OK, 250, "2.1.0", "Sender ok")                                                  \
    X(REPLY_RECIPIENT_OK, 250, "2.1.5", "Recipient ok")                                            \
    X(REPLY_CANNOT_VERIFY, 252, "2.5.2", "Cannot verify, send the mail and see")                   \
    X(REPLY_BYE, 221, "2.0.0", "Bye")                                                              \
    X(REPLY_LOGGED_IN, 235, "2.7.0", "Welcome")                                                    \
    X(REPLY_GO_ON, 354, "", "Send the message, end with a dot on a line of its own")               \
    X(REPLY_TIMEOUT, 421, "4.4.2", "Timeout, closing the connection")                              \
    X(REPLY_STOPPING, 421, "4.3.2", "Server stops, try again later")                               \
    X(REPLY_LIMIT, 421, "4.3.2", "A limit was reached, closing the connection")                    \
    X(REPLY_TOO_MANY_ERRORS, 421, "4.7.0", "Too many errors, closing the connection")              \
    X(REPLY_TOO_IDLE, 421, "4.7.0", "Too many commands without a message, closing the connection") \
    X(REPLY_AUTH_TEMPORARY, 454, "4.7.0", "Could not check the login now, try again later")        \
    X(REPLY_AUTH_THROTTLED, 454, "4.7.0", "Too many failed logins, try again later")               \
    X(REPLY_AUTH_TOO_MANY, 421, "4.7.0", "Too many failed logins, closing the connection")         \
    X(REPLY_STORE_FULL, 452, "4.3.1", "No room left for the message, try again later")             \
    X(REPLY_PACE_MESSAGES, 450, "4.7.1", "This login has sent all messages that an hour allows")   \
    X(REPLY_PACE_RECIPIENTS, 450, "4.7.1",                                                         \
      "This login has named all recipients that an hour allows")                                   \
    X(REPLY_LISTED_LATER, 450, "4.7.1", "Your address is on the list")                             \
    X(REPLY_PEER_NAME_LATER, 450, "4.7.25", "Could not confirm the name of your address now")      \
    X(REPLY_ALIAS_TOO_FAR, 450, "4.2.4",                                                           \
      "The alias leads too far: to 200 addresses and over 10 aliases at most")                     \
    X(REPLY_STORE_ERROR, 451, "4.3.0", "Could not keep the message, try again later")              \
    X(REPLY_TOO_MANY_RECIPIENTS, 452, "4.5.3", "Too many recipients, send again to the others")    \
    X(REPLY_UNKNOWN_COMMAND, 500, "5.5.1", "Unknown command")                                      \
    X(REPLY_LINE_TOO_LONG, 500, "5.5.6", "Line too long")                                          \
    X(REPLY_BARE_CR, 500, "5.5.2", "Bare CR in a command: lines end with CRLF")                    \
    X(REPLY_BARE_LF, 500, "5.5.2", "Bare LF in a command: lines end with CRLF")                    \
    X(REPLY_NUL, 500, "5.5.2", "NUL in a command")                                                 \
    X(REPLY_SYNTAX, 501, "5.5.4", "Syntax error in the argument")                                  \
    X(REPLY_NO_ARGUMENT, 501, "5.5.4", "This command takes no argument")                           \
    X(REPLY_HELO_SYNTAX, 501, "5.5.4", "Say your host name or address literal")                    \
    X(REPLY_SENDER_SYNTAX, 501, "5.1.7", "Bad sender address")                                     \
    X(REPLY_RECIPIENT_SYNTAX, 501, "5.1.3", "Bad recipient address")                               \
    X(REPLY_PARAM_SYNTAX, 501, "5.5.4", "Bad parameter")                                           \
    X(REPLY_BDAT_SYNTAX, 501, "5.5.4", "Bad chunk size, closing the connection")                   \
    X(REPLY_BASE64, 501, "5.5.2", "Not base64")                                                    \
    X(REPLY_AUTH_MALFORMED, 501, "5.5.2", "Malformed login")                                       \
    X(REPLY_AUTH_CANCELLED, 501, "5.7.0", "Login cancelled")                                       \
    X(REPLY_NOT_IMPLEMENTED, 502, "5.5.1", "Not implemented")                                      \
    X(REPLY_HELLO_FIRST, 503, "5.5.1", "Say EHLO first")                                           \
    X(REPLY_LHLO_FIRST, 503, "5.5.1", "Say LHLO first")                                            \
    X(REPLY_MAIL_FIRST, 503, "5.5.1", "MAIL first")                                                \
    X(REPLY_RCPT_FIRST, 503, "5.5.1", "RCPT first")                                                \
    X(REPLY_MAIL_NESTED, 503, "5.5.1", "There is a transaction already, RSET ends it")             \
    X(REPLY_CHUNKS_BEGUN, 503, "5.5.1", "BDAT has begun, end it with LAST or RSET")                \
    X(REPLY_BINARY_NEEDS_BDAT, 503, "5.5.1", "BODY=BINARYMIME comes by BDAT, not DATA")            \
    X(REPLY_CHUNK_REFUSED, 503, "5.5.1", "Chunk skipped: there is no transaction for it")          \
    X(REPLY_NOT_IN_MAIL, 503, "5.5.1", "Not during a mail transaction")                            \
    X(REPLY_LOGGED_IN_ALREADY, 503, "5.5.1", "Logged in already")                                  \
    X(REPLY_TLS_ALREADY, 503, "5.5.1", "TLS is active already")                                    \
    X(REPLY_DATA_BEHIND, 503, "5.5.1", "Data behind a refused DATA, closing the connection")       \
    X(REPLY_PARAM_VALUE, 504, "5.5.4", "Parameter value not offered")                              \
    X(REPLY_MECHANISM, 504, "5.5.4", "Mechanism not offered")                                      \
    X(REPLY_LOGIN_FIRST, 530, "5.7.0", "Log in first")                                             \
    X(REPLY_REQUIRETLS_PLAIN, 530, "5.7.10", "REQUIRETLS begins here: say STARTTLS first")         \
    X(REPLY_AUTH_FAILED, 535, "5.7.8", "Wrong user or password")                                   \
    X(REPLY_TLS_FIRST, 538, "5.7.11", "Only under TLS, say STARTTLS first")                        \
    X(REPLY_NO_SUCH_USER, 550, "5.1.1", "No such user here")                                       \
    X(REPLY_ALIAS_CIRCLE, 550, "5.4.6", "The aliases of this address lead in a circle")            \
    X(REPLY_RELAY_DENIED, 550, "5.7.1", "Not a domain of this server, and relaying needs a login") \
    X(REPLY_SENDER_DENIED, 550, "5.7.1", "Not a sender address of this login, which may use")      \
    X(REPLY_LISTED, 550, "5.7.1", "Your address is on the list")                                   \
    X(REPLY_NO_PEER_NAME, 550, "5.7.25", "Your address has no name that leads back to it")         \
    X(REPLY_NOT_LOCAL, 550, "5.7.1", "Not a domain of this server")                                \
    X(REPLY_ROUTE_REFUSES, 550, "5.7.1", "Refused by a route of this server")                      \
    X(REPLY_TOO_LARGE, 552, "5.3.4", "Message too large")                                          \
    X(REPLY_TOO_LARGE_CLOSING, 552, "5.3.4", "Message far too large, closing the connection")      \
    X(REPLY_NEEDS_UTF8, 553, "5.6.7", "Address needs SMTPUTF8")                                    \
    X(REPLY_NO_RECIPIENTS, 554, "5.5.1", "No valid recipients")                                    \
    X(REPLY_TOO_MANY_HOPS, 554, "5.4.6", "Too many Received fields, this looks like a loop")       \
    X(REPLY_FORWARD_LOOP, 554, "5.4.6", "Forwarded by this server before, this is a loop")         \
    X(REPLY_MESSAGE_BARE_CR, 554, "5.6.0", "Bare CR in the message: lines end with CRLF")          \
    X(REPLY_MESSAGE_BARE_LF, 554, "5.6.0", "Bare LF in the message: lines end with CRLF")          \
    X(REPLY_MESSAGE_NUL, 554, "5.6.0", "NUL in the message")                                       \
    X(REPLY_BINARY_LINES, 554, "5.6.0",                                                            \
      "Bare CR, bare LF or NUL outside the parts that are declared binary")                        \
    X(REPLY_BINARY_HEADER, 554, "5.6.0", "A part's header is too long or contradicts itself")      \
    X(REPLY_BINARY_DEPTH, 554, "5.6.0", "Multiparts are nested too deep")                          \
    X(REPLY_BINARY_SIGNED, 554, "5.6.3", "A signed part cannot be encoded: send it in base64")     \
    X(REPLY_PARAM_UNKNOWN, 555, "5.5.4", "Unknown parameter")

enum smtp_server_reply {
    REPLY_NONE,
#define REPLY_ENUM(name, code, status, text) name,
    SMTP_REPLY_LIST(REPLY_ENUM)
#undef REPLY_ENUM
};

void smtp_reply_put(struct out *out, enum smtp_server_reply reply);
/* detail: words of our own, put behind the text ("Bad sender address: why"). */
void smtp_reply_put_detail(struct out *out, enum smtp_server_reply reply, const char *detail);
/* ... "Accepted as 00000000000004f2". */
void smtp_reply_put_id(struct out *out, enum smtp_server_reply reply, uint64_t id);
unsigned smtp_reply_code(enum smtp_server_reply reply);
const char *smtp_reply_text(enum smtp_server_reply reply);

#endif
