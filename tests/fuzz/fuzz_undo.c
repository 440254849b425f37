/* sql/undo: what undoes any text is statements, each of one piece, with a reason where in doubt. */
#include <string.h>

#include "fuzz.h"
#include "sql/undo.h"

/* A statement for the file that undoes: one, without its semicolon. */
static void check_step(struct fuzz *fuzz, enum dialect dialect, const struct undo_step *step)
{
    struct statements statements;
    if (step->why == NULL)
        HOLDS(step->sql != NULL);
    if (step->sql == NULL)
        return;
    HOLDS(sql_split(&fuzz->arena, dialect, step->sql, strlen(step->sql), &statements, &fuzz->err));
    HOLDS(statements.count == 1 && statements.items[0].text.len == strlen(step->sql));
}

static void check(struct fuzz *fuzz, enum dialect dialect, const struct undo_list *list)
{
    HOLDS(list->head + list->tail <= list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct undo *const undo = &list->items[i];
        bool marked = false;
        for (size_t k = 0; k < undo->steps.count; k++) {
            check_step(fuzz, dialect, &undo->steps.items[k]);
            marked = marked || undo->steps.items[k].why != NULL;
        }
        HOLDS((undo->outcome == UNDO_MARKED) == marked);
        HOLDS(undo->outcome != UNDO_DERIVED || undo->steps.count > 0);
        (void)sql_breaks_code(dialect, undo->statement.text);
    }
}

/* The first byte says the dialect. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct undo_list list = {0};
    if (size == 0)
        return 0;
    const enum dialect dialect = fuzz_dialect(data[0]);
    char *const text = fuzz_bytes(data + 1, size - 1);
    if (sql_undo(&fuzz.arena, dialect, text, size - 1, &list, &fuzz.err))
        check(&fuzz, dialect, &list);
    else
        HOLDS(fuzz.err.code == ERR_REFUSED);
    free(text);
    fuzz_end(&fuzz);
    return 0;
}
