/* check/captured: whatever a log holds, what comes out are statements that the parser reads. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check/captured.h"
#include "fuzz.h"
#include "sql/parser.h"

/* The first byte says whether there is a prefix, and who is asked for. */
static struct captured_options options_of(struct fuzz *fuzz, uint8_t byte,
                                          struct server_log_prefix *prefix)
{
    struct captured_options options = {.ledger = "pawl"};
    HOLDS(server_log_prefix_read(&fuzz->arena, "%m [%p] %q%u@%d/%a ", prefix, &fuzz->err));
    if ((byte & 1) != 0)
        options.prefix = prefix;
    if ((byte & 2) != 0)
        options.user = "shop";
    return options;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct captured captured = {0};
    struct server_log_prefix prefix;
    if (size == 0)
        return 0;
    const struct captured_options options = options_of(&fuzz, data[0], &prefix);
    const int fd = open(fuzz_file(data + 1, size - 1), O_RDONLY | O_CLOEXEC);
    HOLDS(fd >= 0);
    if (!captured_add_log(fd, "log", &options, &captured, &fuzz.err))
        HOLDS(fuzz.err.code == ERR_USAGE && options.user != NULL && options.prefix == NULL);
    (void)close(fd);
    HOLDS(captured.lines.unread <= captured.lines.lines && captured.lines.lines <= size);
    captured_sort(&captured);
    for (size_t i = 0; i < captured.count; i++) {
        struct tree tree;
        struct err err = {0};
        const char *const sql = captured.items[i].sql;
        HOLDS(parser_read((struct span){sql, strlen(sql)}, &tree, &err) && tree.statement != NULL);
        HOLDS(i == 0 || strcmp(captured.items[i - 1].sql, sql) <= 0);
        tree_release(&tree);
    }
    captured_release(&captured);
    fuzz_end(&fuzz);
    return 0;
}
