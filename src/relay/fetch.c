/*
 * fetch.c: HTTPS with libcurl, each fetch a job of its own. Everything that libcurl would do by
 * itself is switched off: the address is given, so that it asks no resolver but ours; proxies and
 * authorities of its environment do not count. Tests: tests/clients/test_mta_sts.py.
 */
#include "relay/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/require.h"
#include "pki/trust.h"

enum {
    HEADERS_SIZE_MAX = 64 * 1024, /* of one answer, in all; libcurl itself has none for the sum */
    STATUS_OK = 200
};

struct https {
    struct fetcher fetcher;
    struct job_port *port;
};

struct fetch {
    struct job job;
    char *url, *trusted;
    char *where; /* as CURLOPT_RESOLVE wants it */
    int64_t timeout_ms;
    fetch_fn *on_answer;
    void *owner;
    /* What came. */
    struct buf body;
    size_t headers_size;
    bool is_too_large;
    char curl_error[CURL_ERROR_SIZE];
    struct fetch_answer answer;
};

/* ---- In the lane ---------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t one, size_t len, void *owner)
{
    struct fetch *fetch = owner;
    if (buf_append(&fetch->body, span_make(bytes, one * len)) == 0)
        return one * len;
    fetch->is_too_large = true;
    return 0;
}

static size_t on_header(char *bytes, size_t one, size_t len, void *owner)
{
    struct fetch *fetch = owner;
    (void)bytes;
    fetch->headers_size += one * len;
    if (fetch->headers_size <= HEADERS_SIZE_MAX)
        return one * len;
    fetch->is_too_large = true;
    return 0;
}

/* About once a second, and whenever something moves. */
static int on_progress(void *owner, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct fetch *fetch = owner;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return job_is_cancelled(&fetch->job) ? 1 : 0;
}

#define SET(option, value) (err = err != CURLE_OK ? err : curl_easy_setopt(curl, option, value))

static CURLcode set_security(CURL *curl, const struct fetch *fetch)
{
    CURLcode err = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* RFC 8461 3.3 */
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CAINFO, fetch->trusted);
    /* Else the system's directory of authorities counts beside that file. */
    SET(CURLOPT_CAPATH, NULL);
    return err;
}

static CURLcode set_limits(CURL *curl, struct fetch *fetch)
{
    CURLcode err = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, "postern");
    SET(CURLOPT_ERRORBUFFER, fetch->curl_error);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, fetch);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, fetch);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, fetch);
    return err;
}

#undef SET

static void tell(struct fetch *fetch, int err, const char *why)
{
    fetch->answer.err = err;
    (void)snprintf(fetch->answer.why, sizeof fetch->answer.why, "could not fetch %s: %s",
                   fetch->url, why);
}

/* RFC 8461 3.2: text/plain, with whatever parameters. */
static bool is_plain(const char *type)
{
    struct span rest = span_of(type == NULL ? "" : type);
    return span_is_nocase(span_trim(span_cut(&rest, ';')), "text/plain");
}

static void judge_answer(struct fetch *fetch, CURL *curl)
{
    char why[100];
    long status = 0;
    char *type = NULL;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)snprintf(why, sizeof why, "the answer has status %ld, only 200 counts", status);
    if (status != STATUS_OK)
        tell(fetch, ERR_REFUSED, why);
    else if (fetch->is_too_large)
        tell(fetch, ERR_LIMIT, "the answer is too large");
    else if (!is_plain(type))
        tell(fetch, ERR_REFUSED, "the answer is not of type text/plain");
}

static const struct {
    CURLcode code;
    int err;
} codes[] = {
    {CURLE_PEER_FAILED_VERIFICATION, ERR_TLS},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT},
    {CURLE_SSL_CACERT_BADFILE, ERR_CONFIG},
    {CURLE_ABORTED_BY_CALLBACK, ERR_CANCELLED},
};

static void judge_error(struct fetch *fetch, CURLcode code)
{
    int err = ERR_UNREACHABLE;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i].code == code)
            err = codes[i].err;
    }
    tell(fetch, err, fetch->curl_error[0] != '\0' ? fetch->curl_error : curl_easy_strerror(code));
}

static void perform(struct fetch *fetch, CURL *curl, struct curl_slist *where)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_RESOLVE, where);
    if (code == CURLE_OK)
        code = set_security(curl, fetch);
    if (code == CURLE_OK)
        code = set_limits(curl, fetch);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK || fetch->is_too_large)
        judge_answer(fetch, curl);
    else
        judge_error(fetch, code);
}

static void run(struct job *job)
{
    struct fetch *fetch = list_entry(job, struct fetch, job);
    CURL *curl = curl_easy_init();
    struct curl_slist *where = curl_slist_append(NULL, fetch->where);
    require(curl != NULL && where != NULL); /* no memory */
    perform(fetch, curl, where);
    curl_easy_cleanup(curl);
    curl_slist_free_all(where);
    fetch->answer.body = buf_span(&fetch->body);
}

/* ---- On the loop ---------------------------------------------------------------------------- */

static void on_done(struct job *job, void *owner)
{
    const struct fetch *fetch = list_entry(job, struct fetch, job);
    (void)owner;
    fetch->on_answer(fetch->owner, &fetch->answer);
}

static void free_fetch(struct job *job)
{
    struct fetch *fetch = list_entry(job, struct fetch, job);
    buf_release(&fetch->body);
    mem_free(fetch->url);
    mem_free(fetch->trusted);
    mem_free(fetch->where);
    mem_free(fetch);
}

/* "host:443:192.0.2.1,[2001:db8::1]" */
static char *write_where(const struct fetch_request *request)
{
    struct buf where;
    buf_init(&where, 0);
    buf_printf(&where, "%s:%u:", request->host, (unsigned)request->port);
    for (size_t i = 0; i < request->address_count; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        bool is_v6 = request->addresses[i].address.ss_family == AF_INET6;
        endpoint_host(&request->addresses[i], text);
        buf_printf(&where, is_v6 ? "%s[%s]" : "%s%s", i > 0 ? "," : "", text);
    }
    char *result = span_dup(buf_span(&where));
    buf_release(&where);
    return result;
}

static struct fetch *https_start(struct fetcher *fetcher, const struct fetch_request *request,
                                 fetch_fn *on_answer, void *owner)
{
    struct https *https = (struct https *)fetcher;
    struct fetch *fetch = mem_new(struct fetch);
    require(request->address_count > 0 && request->address_count <= FETCH_ADDRESSES_MAX);
    fetch->url =
        mem_printf("https://%s:%u%s", request->host, (unsigned)request->port, request->path);
    fetch->trusted =
        mem_strdup(request->trusted[0] != '\0' ? request->trusted : PKI_SYSTEM_AUTHORITIES);
    fetch->where = write_where(request);
    fetch->timeout_ms = request->timeout_ms;
    fetch->on_answer = on_answer;
    fetch->owner = owner;
    buf_init(&fetch->body, request->size_max);
    fetch->job.lane = JOB_DIRECTORY;
    fetch->job.run = run;
    fetch->job.free = free_fetch;
    job_submit(https->port, &fetch->job, on_done, NULL);
    return fetch;
}

static void https_cancel(struct fetch *fetch)
{
    job_cancel(&fetch->job);
}

static void https_free(struct fetcher *fetcher)
{
    mem_free(fetcher);
}

static const struct fetcher_ops https_ops = {https_start, https_cancel, https_free};

/* For all loops; it stays for the life of the process. */
static void init_curl(void)
{
    require(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct fetcher *fetcher_create(struct job_port *port)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct https *https = mem_new(struct https);
    require(pthread_once(&once, init_curl) == 0);
    https->fetcher.ops = &https_ops;
    https->port = port;
    return &https->fetcher;
}
