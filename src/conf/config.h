/*
 * pawl.conf, the environment and flags, as one set of values with their origins.
 *
 * Every setting is one row of one table (conf/settings.c): section, name, type, unit, range,
 * default, text. The parser, `pawl config`, --help and the docs read that table. Ranking:
 * default < file < environment (PAWL_…) < flag.
 */
#ifndef PAWL_CONF_CONFIG_H
#define PAWL_CONF_CONFIG_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum setting_type {
    SETTING_TEXT,
    SETTING_DURATION,
    SETTING_NUMBER,
    SETTING_SIZE,
    SETTING_PERCENT,
    SETTING_CHOICE,
};

enum setting_id {
    SETTING_MIGRATIONS,          /* [pawl] migrations = migrations */
    SETTING_NAMING,              /* [pawl] naming = timestamp */
    SETTING_DIALECT,             /* [pawl] dialect = auto | postgres | sqlite */
    SETTING_OUT_OF_ORDER,        /* [pawl] out_of_order = refuse | apply */
    SETTING_MISSING,             /* [pawl] missing = refuse | allow */
    SETTING_LOCK_TIMEOUT,        /* [deploy] lock_timeout = 400ms */
    SETTING_LOCK_BUDGET,         /* [deploy] lock_budget = 5m */
    SETTING_BLOCK_BUDGET,        /* [deploy] block_budget = 5s */
    SETTING_WAIT,                /* [deploy] wait = 10m */
    SETTING_CONNECT_TIMEOUT,     /* [deploy] connect_timeout = 10s */
    SETTING_BLACK_BOX,           /* [deploy] black_box = auto */
    SETTING_PREFLIGHT,           /* [deploy] preflight = on */
    SETTING_DATA_ROWS,           /* [deploy] data_rows = 100000; 0 is no limit */
    SETTING_BACKUP_WHEN,         /* [backup] when = never | risky | always */
    SETTING_BACKUP_COMMAND,      /* [backup] command = auto | restore_point | a command line */
    SETTING_BACKUP_RESTORE,      /* [backup] restore, how such a file is restored; "" not known */
    SETTING_BACKUP_DIRECTORY,    /* [backup] directory = auto */
    SETTING_BACKUP_MAX_AGE,      /* [backup] max_age = 0 */
    SETTING_BACKUP_MIN_SIZE,     /* [backup] min_size = 50% */
    SETTING_BACKUP_MAX_DATABASE, /* [backup] max_database_size = 2GB */
    SETTING_BATCH_TIMEOUT,       /* [backfill] batch_timeout = 5s */
    SETTING_BATCH_TIME,          /* [backfill] batch_time = 50ms */
    SETTING_REST,                /* [backfill] rest = 100, percent of the batch's time */
    SETTING_MAX_LAG,             /* [backfill] max_lag = 10s; 0 looks at no standby */
    SETTING_MAX_WAL_RATE,        /* [backfill] max_wal_rate, bytes a second; 0 is no limit */
    SETTING_THROTTLE_QUERY,      /* [backfill] throttle_query; "" is none */
    SETTING_SHADOW,              /* [check] shadow, a URL, local or target; "" is none */
    SETTING_QUERIES,             /* [check] queries = queries, a folder */
    SETTING_PROBE_TIMEOUT,       /* [check] probe_timeout */
    SETTING_URL,                 /* [target.NAME] url */
    SETTING_LEDGER,              /* [target.NAME] ledger = pawl */
    SETTING_SCHEMA,              /* [target.NAME] schema, the search_path; "" leaves it alone */
    SETTING_ROLE,                /* [target.NAME] role, SET ROLE before a migration */
    SETTING_APP_ROLE,            /* [target.NAME] app_role */
    SETTING_RESERVE_ROLE,        /* [target.NAME] reserve_role */
    SETTING_RELEASES_NAME,       /* [releases] application_name, a pattern; "" is none */
    SETTING_RELEASES_OTHERS,     /* [releases] others, a pattern; "" is none */
    SETTING_SOAK,                /* [releases] soak = 24h */
    SETTING_SETTLE,              /* [releases] settle = 1s */
    SETTING_GATE_REQUIRE,        /* [gate] require, kinds of attestations; "" is none */
    SETTING_GATE_PUBLIC_KEY,     /* [gate] public_key, a file; "" is none */
    SETTING_ATTESTATIONS,        /* [gate] attestations = attestations, a folder */
    SETTING_GATE_MAX_AGE,        /* [gate] max_age = 24h */
    SETTING_COUNT,
};

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct setting {
    enum setting_id id;
    const char *section; /* "pawl", "deploy", ... "target" (one section a target) */
    const char *name;
    enum setting_type type;
    const char *unit;        /* "duration", "number", "path", "url" … for help */
    int64_t min, max;        /* of a duration in milliseconds, of a text or size in bytes */
    const char *choices;     /* "refuse|apply" */
    const char *initial;     /* the default as written in a file */
    const char *environment; /* "PAWL_NAMING"; NULL when there is none */
    const char *text;        /* one sentence */
};

/* Rows whose choices a command offers too. */
#define NAMING_CHOICES  "timestamp|epoch|logto|flyway|sequence|folder"
#define DIALECT_CHOICES "auto|postgres|sqlite"

/* Read from the current folder when --config names no other. */
#define CONFIG_FILE_NAME "pawl.conf"

extern const struct setting settings[SETTING_COUNT];

struct value {
    const char *text;
    int64_t number; /* duration in ms, size in bytes, percent, or index of the choice */
    enum origin origin;
    int line;           /* in the file */
    const char *source; /* the variable or flag that gave it; NULL for a default or the file */
};

struct target {
    const char *name;
    struct value values[SETTING_COUNT]; /* only the rows of section "target" are meaningful */
};

struct config {
    const char *path;   /* of the file read; NULL when there is none */
    const char *folder; /* that relative paths start from: the file's, or "." */
    struct value values[SETTING_COUNT];
    struct {
        struct target *items;
        size_t count, capacity;
    } targets;
};

/*
 * Reads path; with path NULL, pawl.conf in the current folder when it exists. Then the environment,
 * where an empty variable counts as not set; settings of targets are not read from it (PAWL_URL is
 * config_target()'s). A [target.NAME] without url is refused. Errors: ERR_USAGE with file, line and
 * column, and a suggestion for an unknown name.
 */
bool config_load(struct arena *arena, const char *path, struct config *ret,
                 struct err *err) MUST_CHECK;

/* Sets one value from a flag, with the table's checks; a setting of section "target" then counts
 * for whatever target config_target() chooses. flag ("--naming") is for
 * messages and stays in the value, so it must live as long. */
bool config_set(struct arena *arena, struct config *config, enum setting_id id, const char *text,
                const char *flag, struct err *err) MUST_CHECK;

/* What a relative path in this value starts from: the file's folder for a value of the file or a
 * default, the current one for the environment and flags. */
const char *config_folder_of(const struct config *config, const struct value *value);

/* The migrations folder, joined to the folder that it is relative to; NULL when memory is out. */
const char *config_migrations(struct arena *arena, const struct config *config) MUST_CHECK;

/*
 * The target a command works on: --target NAME, --url URL (a target "url" with defaults), PAWL_URL
 * (a target "env" with defaults), the only configured one, or DATABASE_URL (again "env") where none
 * is named or configured. ERR_USAGE when there is none, or several and no choice, or both flags.
 */
bool config_target(struct arena *arena, const struct config *config, const char *target,
                   const char *url, struct target *ret, struct err *err) MUST_CHECK;

const char *origin_name(enum origin origin); /* "default", "file", "environment", "flag" */

#endif
