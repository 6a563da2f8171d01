/*
 * alias.c: postern alias add|delete|list.
 */
#include "cli/cli.h"

static const char help[] =
    "postern alias - addresses that lead to others\n"
    "\n"
    "  postern alias add ALIAS TARGET...       mail for ALIAS goes to each TARGET\n"
    "  postern alias delete ALIAS [TARGET]     one target, or the whole alias\n"
    "  postern alias list\n"
    "\n"
    "ALIAS and TARGET are addresses; without a domain they belong to the first domain of the\n"
    "configuration. A TARGET elsewhere is relayed. Circles of aliases are told. The ALIAS\n"
    "@example.org gets all mail for that domain that is nobody's.\n"
    "\n"
    "Works while the server runs and when it does not.\n"
    "\n"
    "Example: postern alias add info@example.org alice bob@example.net\n"
    "         postern alias add @example.org alice\n";

static int call(const struct settings *settings, const char *verb, const char *alias,
                const char *target)
{
    const char *domain = settings->server.domains[0];
    struct buf alias_key, target_key;
    buf_init(&alias_key, 0);
    buf_init(&target_key, 0);
    int status = CLI_COULD_NOT;
    bool is_new = span_is(span_of(verb), "add");
    if (cli_alias_address(alias, domain, &alias_key) == 0 &&
        (!is_new || cli_is_kept(buf_span(&alias_key), settings)) &&
        (target == NULL || cli_address(target, domain, &target_key) == 0)) {
        const struct span words[] = {span_of("alias"), span_of(verb), buf_span(&alias_key),
                                     buf_span(&target_key)};
        status = cli_call(settings, words, target == NULL ? 3 : 4);
    }
    buf_release(&alias_key);
    buf_release(&target_key);
    return status;
}

static int call_each(const struct settings *settings, const struct cli_common *common)
{
    if (common->word_count == 2)
        return call(settings, common->words[0], common->words[1], NULL);
    int worst = CLI_OK;
    for (int i = 2; i < common->word_count; i++) {
        int status = call(settings, common->words[0], common->words[1], common->words[i]);
        if (status != CLI_OK)
            worst = status;
    }
    return worst;
}

int cli_alias(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    struct span verb = common.word_count > 0 ? span_of(common.words[0]) : span_of("");
    if (!span_is(verb, "list") && !span_is(verb, "add") && !span_is(verb, "delete"))
        return cli_usage("alias", "expected add, delete or list");
    if (span_is(verb, "list") && common.word_count != 1)
        return cli_usage("alias", "list takes no name");
    if (span_is(verb, "add") && common.word_count < 3)
        return cli_usage("alias", "add needs ALIAS and at least one TARGET");
    if (span_is(verb, "delete") && (common.word_count < 2 || common.word_count > 3))
        return cli_usage("alias", "delete needs ALIAS and at most one TARGET");

    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    if (span_is(verb, "list")) {
        const struct span words[] = {span_of("alias"), span_of("list")};
        status = cli_call(settings, words, 2);
    } else {
        status = call_each(settings, &common);
    }
    conf_unref(&settings);
    return status;
}
