/* What is left of recipes, on a line each. */
#include "cli/recipe_text.h"

#include "base/clock.h"
#include "base/fs.h"

bool recipes_say(struct cli *cli, const struct recipe_debts *recipes)
{
    char since[CLOCK_ISO_BYTES];
    for (size_t i = 0; i < recipes->count; i++) {
        const struct recipe_debt *const item = &recipes->items[i];
        const char *const name = fs_printable(&cli->arena, item->name);
        const char *const id = fs_printable(&cli->arena, item->id);
        if (name == NULL || id == NULL)
            return false;
        clock_format_s(item->since_us, since);
        output_result(&cli->output, "unfinished: recipe %s %s, %u of %u steps, since %s; %s%s\n",
                      name, id, item->done, item->steps, since,
                      item->next != NULL ? "next: " : "its next file is not in the set",
                      item->next != NULL ? item->next : "");
    }
    return true;
}

json_t *recipes_json(const struct recipe_debts *recipes)
{
    json_t *const array = json_array();
    char since[CLOCK_ISO_BYTES];
    for (size_t i = 0; array != NULL && i < recipes->count; i++) {
        const struct recipe_debt *const item = &recipes->items[i];
        clock_format_us(item->since_us, since);
        (void)json_array_append_new(
            array, json_pack("{so so sI sI so so}", "recipe", cli_json_text(item->name), "id",
                             cli_json_text(item->id), "done", (json_int_t)item->done, "steps",
                             (json_int_t)item->steps, "since", cli_json_text(since), "next",
                             cli_json_text(item->next)));
    }
    return array;
}
