/* The table of events. */
#include "ledger/event.h"

#include <stddef.h>
#include <string.h>

struct event_row {
    const char *name;
    bool changes_set;
    const char *meaning;
};

static const struct event_row rows[] = {
#define X(id, name, changes, meaning) {name, changes, meaning},
    LEDGER_EVENTS(X)
#undef X
};

const char *event_name(enum ledger_event event)
{
    return rows[event].name;
}

const char *event_meaning(enum ledger_event event)
{
    return rows[event].meaning;
}

enum ledger_event event_parse(const char *name)
{
    for (int event = 0; event < EVENT_UNKNOWN; event++)
        if (strcmp(rows[event].name, name) == 0)
            return (enum ledger_event)event;
    return EVENT_UNKNOWN;
}

bool event_changes_set(enum ledger_event event)
{
    return event != EVENT_UNKNOWN && rows[event].changes_set;
}
