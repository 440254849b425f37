/* From settings to what connecting and deploying take. */
#include "deploy/prepare.h"

#include <string.h>

#include "base/clock.h"
#include "history/sum.h"

/* An empty text leaves the thing alone. */
static const char *or_none(const struct value *value)
{
    return value->text != NULL && value->text[0] != '\0' ? value->text : NULL;
}

void prepare_target(const struct config *config, const struct target *target, const struct url *url,
                    bool write, struct ledger_options *ret)
{
    *ret = (struct ledger_options){
        .name = target->values[SETTING_LEDGER].text,
        .location = url->location,
        .display = url->display,
        .sqlite = url->engine == ENGINE_SQLITE,
        .write = write,
        .connect_timeout_ms = config->values[SETTING_CONNECT_TIMEOUT].number,
    };
}

struct black_box_options prepare_black_box(const struct config *config)
{
    const struct value *const value = &config->values[SETTING_BLACK_BOX];
    return (struct black_box_options){value->text, config_folder_of(config, value)};
}

struct backup_options prepare_backup(const struct config *config)
{
    const struct value *const values = config->values;
    return (struct backup_options){
        .when = (enum backup_when)values[SETTING_BACKUP_WHEN].number,
        .command = values[SETTING_BACKUP_COMMAND].text,
        .restore = or_none(&values[SETTING_BACKUP_RESTORE]),
        .directory = values[SETTING_BACKUP_DIRECTORY].text,
        .base = config_folder_of(config, &values[SETTING_BACKUP_DIRECTORY]),
        .max_age_ms = values[SETTING_BACKUP_MAX_AGE].number,
        .min_percent = values[SETTING_BACKUP_MIN_SIZE].number,
        .max_database_bytes = values[SETTING_BACKUP_MAX_DATABASE].number,
    };
}

struct presence_options prepare_presence(const struct config *config)
{
    const struct value *const values = config->values;
    return (struct presence_options){
        .application_name = or_none(&values[SETTING_RELEASES_NAME]),
        .others = or_none(&values[SETTING_RELEASES_OTHERS]),
        .soak_ms = values[SETTING_SOAK].number,
        .settle_ms = values[SETTING_SETTLE].number,
    };
}

struct gate_options prepare_gate(const struct config *config)
{
    const struct value *const values = config->values;
    return (struct gate_options){
        .require = or_none(&values[SETTING_GATE_REQUIRE]),
        .public_key = or_none(&values[SETTING_GATE_PUBLIC_KEY]),
        .key_base = config_folder_of(config, &values[SETTING_GATE_PUBLIC_KEY]),
        .folder = values[SETTING_ATTESTATIONS].text,
        .base = config_folder_of(config, &values[SETTING_ATTESTATIONS]),
        .max_age_ms = values[SETTING_GATE_MAX_AGE].number,
    };
}

void prepare_probe(const struct config *config, const struct target *target,
                   struct probe_options *ret)
{
    enum { COUNT_MAX = 1000000, SAMPLES = 5 };
    *ret = (struct probe_options){
        .search_path = or_none(&target->values[SETTING_SCHEMA]),
        .timeout_ms = config->values[SETTING_PROBE_TIMEOUT].number,
        .lock_timeout_ms = config->values[SETTING_LOCK_TIMEOUT].number,
        .count_max = COUNT_MAX,
        .sample_max = SAMPLES,
    };
}

void prepare_deploy(const struct config *config, const struct target *target,
                    struct deploy_options *ret)
{
    const struct value *const values = config->values;
    *ret = (struct deploy_options){
        .plan = {.apply_out_of_order = strcmp(values[SETTING_OUT_OF_ORDER].text, "apply") == 0,
                 .allow_missing = strcmp(values[SETTING_MISSING].text, "allow") == 0,
                 .now_epoch_s = clock_utc_us() / 1000000},
        .limits = {.lock_timeout_ms = values[SETTING_LOCK_TIMEOUT].number,
                   .search_path = or_none(&target->values[SETTING_SCHEMA]),
                   .role = or_none(&target->values[SETTING_ROLE])},
        .lock_budget_ms = values[SETTING_LOCK_BUDGET].number,
        .block_budget_ms = values[SETTING_BLOCK_BUDGET].number,
        .throttle = {.target_ms = values[SETTING_BATCH_TIME].number,
                     .rest_percent = values[SETTING_REST].number,
                     .max_lag_ms = values[SETTING_MAX_LAG].number,
                     .max_wal_bytes_per_s = values[SETTING_MAX_WAL_RATE].number,
                     .query = or_none(&values[SETTING_THROTTLE_QUERY])},
        .wait_ms = values[SETTING_WAIT].number,
        .data_rows = values[SETTING_DATA_ROWS].number,
        .batch_timeout_ms = values[SETTING_BATCH_TIMEOUT].number,
        .app_role = or_none(&target->values[SETTING_APP_ROLE]),
        .reserve_role = or_none(&target->values[SETTING_RESERVE_ROLE]),
        .backup = prepare_backup(config),
        .black_box = prepare_black_box(config),
        .presence = prepare_presence(config),
        .gate = prepare_gate(config),
        .preflight = strcmp(values[SETTING_PREFLIGHT].text, "on") == 0,
    };
    prepare_probe(config, target, &ret->probe);
}

bool prepare_sum(struct arena *arena, const struct set *set, const char *sum_path, struct err *err)
{
    struct findings findings = {0};
    if (!sum_check(arena, set, sum_path, &findings, err))
        return false;
    if (findings.failed)
        return err_nomem(err);
    if (findings.count == 0)
        return true;
    (void)err_set(err, ERR_REFUSED, "%s does not fit the migrations", sum_path);
    err_state(err, "Nothing was changed.");
    err_hint(err, "`pawl check` shows the differences; `pawl sum` writes it anew.");
    return false;
}
