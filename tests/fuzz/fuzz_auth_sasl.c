/*
 * Any responses into an exchange of any mechanism. The first byte chooses the mechanism and whether
 * there is an initial response; responses end with the byte 0xFE. Nonces are fixed, so a corpus can
 * reach the last step of SCRAM; the store is made at the first run and knows nobody.
 */
#include <stdlib.h>

#include "auth/auth.h"
#include "base/require.h"

static void fill_fixed(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    memset(bytes, 'x', size);
}

static const struct entropy fixed = {.fill = fill_fixed};
static struct store_options options;
static struct auth *auth;

static void begin(void)
{
    static const struct settings_auth settings = {.iteration_count = 4096};
    static const struct settings_store store_settings = {.segment_size = 1 << 20};
    static char dir[] = "/tmp/postern-fuzz-XXXXXX";
    struct fault fault;
    require(mkdtemp(dir) != NULL && store_make(dir, NULL, &fault) == 0);
    options = (struct store_options){dir,           &store_settings, jobs_create_inline(),
                                     &clock_system, &fixed,          NULL};
    auth = auth_create(&settings, store_open(&options, &fault), span_of("example.org"),
                       &clock_system, &fixed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (auth == NULL)
        begin();
    if (size == 0)
        return 0;
    struct endpoint peer = {0};
    struct auth_client client = {.peer = &peer, .tls = NULL};
    struct span rest = span_make((const char *)data + 1, size - 1);
    struct buf challenge;
    struct job *job;
    buf_init(&challenge, 0);
    struct auth_exchange *exchange =
        auth_exchange_create(auth, data[0] % AUTH_MECHANISM_COUNT, &client);
    struct span response = span_cut(&rest, '\xfe');
    enum auth_state state =
        auth_exchange_start(exchange, data[0] < 128 ? &response : NULL, &challenge, &job);
    while (state == AUTH_CHALLENGE && rest.ptr != NULL)
        state = auth_exchange_feed(exchange, span_cut(&rest, '\xfe'), &challenge, &job);
    if (job != NULL) /* PBKDF2 would only slow this down: an exchange may go before its job */
        job->free(job);
    require(state != AUTH_SUCCESS);
    auth_exchange_free(&exchange);
    buf_release(&challenge);
    return 0;
}
