/* What every face of pawl prepares alike for a deploy: options from settings, and a pawl.sum that
 * fits. */
#ifndef PAWL_DEPLOY_PREPARE_H
#define PAWL_DEPLOY_PREPARE_H

#include "check/probe/probe.h"
#include "conf/config.h"
#include "conf/url.h"
#include "deploy/deploy.h"

/* How to connect to the target. write: for a deploy that is no dry run. Points into its arguments.
 */
void prepare_target(const struct config *config, const struct target *target, const struct url *url,
                    bool write, struct ledger_options *ret);

/* Where deploys leave their black boxes. Points into its argument. */
struct black_box_options prepare_black_box(const struct config *config);

/* What [backup] says. Points into its argument. */
struct backup_options prepare_backup(const struct config *config);

/* The members of deploy_options that are settings, wait_ms among them; the rest is zero, the
 * current time filled in. Points into its arguments. */
void prepare_deploy(const struct config *config, const struct target *target,
                    struct deploy_options *ret);

/* What [releases] says. Points into its argument. */
struct presence_options prepare_presence(const struct config *config);

/* What [gate] says. Points into its argument. */
struct gate_options prepare_gate(const struct config *config);

/* What the questions to the data of the target take. Points into its arguments. */
void prepare_probe(const struct config *config, const struct target *target,
                   struct probe_options *ret);

/* ERR_REFUSED when the pawl.sum at sum_path does not say what the set says, as a start-up check
 * would then answer for another set. No file at all is fine. */
bool prepare_sum(struct arena *arena, const struct set *set, const char *sum_path,
                 struct err *err) MUST_CHECK;

#endif
