/*
 * Prints what sql/facts says, for tests/test_facts.py: a JSON array of texts on stdin, an array of
 * {"statements": [...], "set": {...}} on stdout, one a text. With --tables: the rows of the forms,
 * and the queries that find objects.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "sql/facts.h"
#include "sql/facts_form.h"
#include "sql/split.h"

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *json_of_locks(const struct locked_list *locks)
{
    static const char *const descents[] = {"none", "partitions", "children"};
    static const char *const fates[] = {"stays", "created", "dropped", "renamed"};
    json_t *const rows = json_array();
    for (size_t i = 0; i < locks->count; i++) {
        const struct locked *const row = &locks->items[i];
        json_array_append_new(
            rows,
            json_pack("{s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:o,s:b,s:s,s:o,s:b}", "object",
                      lock_object_name(row->object), "name", row->name, "part",
                      text_or_null(row->part), "mode", lock_mode_name(row->mode), "descent",
                      descents[row->descent], "children", lock_mode_name(row->children), "effect",
                      lock_effect_name(row->effect), "unless", text_or_null(row->unless), "maybe",
                      row->maybe, "fate", fates[row->fate], "new_name", text_or_null(row->new_name),
                      "ours", row->ours));
    }
    return rows;
}

static bool has_text(const json_t *array, const char *text)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (strcmp(json_string_value(json_array_get(array, i)), text) == 0)
            return true;
    return false;
}

static json_t *json_of_facts(const struct facts *facts)
{
    json_t *const forms = json_array();
    for (size_t i = 0; i < facts->acts.count; i++)
        if (!has_text(forms, facts->acts.items[i].form->name))
            json_array_append_new(forms, json_string(facts->acts.items[i].form->name));
    return json_pack("{s:o,s:b,s:b,s:b,s:o,s:o}", "unknown", text_or_null(facts->unknown),
                     "in_transaction", facts->in_transaction, "renames_all", facts->renames_all,
                     "short", facts_is_short(facts), "forms", forms, "locks",
                     json_of_locks(&facts->locks));
}

static json_t *read_text(const char *text)
{
    struct arena arena = {0};
    struct err err = {0};
    struct statements statements = {0};
    struct facts_set set;
    json_t *result = NULL;
    json_t *const list = json_array();
    struct functions functions = {.arena = &arena};
    bool done = sql_split(&arena, DIALECT_POSTGRES, text, strlen(text), &statements, &err);
    struct facts *const facts = arena_alloc(&arena, (statements.count + 1) * sizeof *facts);
    for (size_t i = 0; done && facts != NULL && i < statements.count; i++) {
        done = facts_read(&arena, &functions, statements.items[i].text, &facts[i], &err);
        if (done)
            json_array_append_new(list, json_of_facts(&facts[i]));
    }
    if (done && facts != NULL && facts_of_set(&arena, facts, statements.count, &set, &err))
        result = json_pack("{s:O,s:{s:o,s:b,s:o}}", "statements", list, "set", "unknown",
                           text_or_null(set.unknown), "all_short", set.all_short, "locks",
                           json_of_locks(&set.locks));
    if (result == NULL)
        fprintf(stderr, "%s: %s\n", text, err.message != NULL ? err.message : "no memory");
    json_decref(list);
    err_release(&err);
    arena_release(&arena);
    return result;
}

static json_t *json_of_old_code(const struct form *form)
{
    json_t *const names = json_array();
    for (int bit = 0; bit < OLD_BITS; bit++)
        if (form_old_code(form) >> bit & 1)
            json_array_append_new(names, json_string(old_code_name((enum old_code_bit)bit)));
    return names;
}

static json_t *tables(void)
{
    json_t *const forms = json_array();
    json_t *const queries = json_object();
    for (size_t i = 0; form_at(i) != NULL; i++)
        json_array_append_new(
            forms, json_pack("{s:s,s:s,s:s,s:o,s:i,s:o}", "name", form_at(i)->name, "mode",
                             lock_mode_name(form_at(i)->mode), "effect",
                             lock_effect_name(form_at(i)->effect), "unless",
                             text_or_null(form_at(i)->unless), "since", form_at(i)->since,
                             "old_code", json_of_old_code(form_at(i))));
    for (int object = 0; object <= LOCKED_EXTENSION_MEMBERS; object++)
        json_object_set_new(queries, lock_object_name((enum lock_object)object),
                            json_string(lock_object_query((enum lock_object)object)));
    return json_pack("{s:o,s:o}", "forms", forms, "queries", queries);
}

static json_t *answers(void)
{
    json_t *const texts = json_loadf(stdin, 0, NULL);
    json_t *const found = json_array();
    for (size_t i = 0; i < json_array_size(texts); i++) {
        json_t *const answer = read_text(json_string_value(json_array_get(texts, i)));
        json_array_append_new(found, answer != NULL ? answer : json_null());
    }
    json_decref(texts);
    return found;
}

int main(int argc, char **argv)
{
    const bool wants_tables = argc == 2 && strcmp(argv[1], "--tables") == 0;
    json_t *const result = wants_tables ? tables() : answers();
    const bool printed = json_dumpf(result, stdout, JSON_INDENT(1)) == 0;
    json_decref(result);
    return printed ? 0 : 1;
}
