/* Who lives on a target, for programs; and what to do about sessions that nobody knows. */
#include "cli/presence_text.h"

#include "base/clock.h"

static json_t *json_time(int64_t at_us)
{
    char text[CLOCK_ISO_BYTES];
    clock_format_us(at_us, text);
    return cli_json_text(at_us != 0 ? text : NULL);
}

json_t *live_release_json(const struct live_release *live)
{
    return json_pack("{so so sI sI so so so so}", "release", cli_json_text(live->name), "how",
                     cli_json_text(presence_how_name(live->how)), "instances",
                     (json_int_t)live->instances, "sessions", (json_int_t)live->sessions, "seen",
                     json_time(live->seen_us), "until", json_time(live->until_us), "example",
                     cli_json_text(live->example), "others", cli_json_text(live->others));
}

json_t *presence_json(const struct presence *presence)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < presence->releases.count; i++)
        (void)json_array_append_new(array, live_release_json(&presence->releases.items[i]));
    return array;
}

json_t *presence_instances_json(const struct presence *presence)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < presence->instances.count; i++) {
        const struct live_instance *const item = &presence->instances.items[i];
        (void)json_array_append_new(
            array, json_pack("{so so so so so so so sI}", "release", cli_json_text(item->release),
                             "instance", cli_json_text(item->instance), "user",
                             cli_json_text(item->user), "host", cli_json_text(item->host),
                             "application", cli_json_text(item->application), "registered",
                             json_time(item->registered_us), "seen", json_time(item->seen_us),
                             "ttl_ms", (json_int_t)item->ttl_ms));
    }
    return array;
}

void live_release_say_advice(struct cli *cli, const struct live_release *live)
{
    const char *const advice = live_release_advice(&cli->arena, live);
    cli->output.failed = cli->output.failed || advice == NULL;
    if (advice != NULL)
        output_chat(&cli->output, "next: %s", advice);
}
