/*
 * require: what must hold, checked in release builds too. A failed require is our mistake, never
 * the peer's: it prints the place and the condition and aborts; the store survives that.
 */
#ifndef POSTERN_BASE_REQUIRE_H
#define POSTERN_BASE_REQUIRE_H

void require_failed(const char *condition, const char *file, int line)
    __attribute__((noreturn, cold));

#define require(condition) ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))

#endif
