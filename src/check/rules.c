/* The table of rules, by subject: names, the set, texts, pawl.sum, the ledger. */
#include "check/rules.h"

#include <string.h>

#include "base/macros.h"

const struct rule rules[] = {
    /* ---- names of files ---- */
    {"name-grammar", SEVERITY_ERROR, RULE_ANY, FIXER_NAME,
     "a file name breaks the grammar of its scheme",
     "The name decides where a migration stands in the order. A name that is nearly right is read "
     "differently by different tools, or skipped without a word.",
     "Rename the file as the finding says. `pawl new` gives names that are always right.",
     "20250703075850-add_users.sql", "20250703075850_add_users.sql"},
    {"name-precision", SEVERITY_ERROR, RULE_ANY, FIXER_NAME,
     "a version has the wrong number of digits",
     "A version in milliseconds among versions in seconds sorts after all of them, for ever: every "
     "migration written later is then out of order.",
     "Rename the file as the finding says, or type `pawl renumber FILE`.",
     "1751529530394_add_users.sql", "20250703075850_add_users.sql"},
    {"name-date", SEVERITY_ERROR, RULE_ANY, FIXER_NAME, "a version is not a date of the calendar",
     "Fourteen digits that are no date were typed by hand or mangled in a merge; nobody can say "
     "where they belong.",
     "Rename the file as the finding says, or type `pawl renumber FILE`.",
     "20250231000000_add_users.sql", "20250301000000_add_users.sql"},
    {"name-characters", SEVERITY_ERROR, RULE_ANY, FIXER_NAME,
     "a file name holds characters that do not travel",
     "Spaces, control characters and letters outside ASCII are changed by archives, by file "
     "systems that fold case or compose accents, and by shells.",
     "Use ASCII letters, digits and single underscores.", "20250703075850_add users.sql",
     "20250703075850_add_users.sql"},
    {"name-length", SEVERITY_ERROR, RULE_ANY, FIXER_NONE, "a file name is too long",
     "Long names are cut by archives and by some file systems, and a cut name is another name.",
     "Shorten the words after the version.", NULL, NULL},
    {"naming-scheme", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a file is named by another scheme than the configured one",
     "Two schemes in one folder have no common order: 1751529530 sorts before 20250703075850 "
     "although both are the same moment.",
     "Rename the file with `pawl renumber FILE`, or set `naming` in [pawl] to the scheme that the "
     "folder uses.",
     "V12__add_users.sql", "20250703075850_add_users.sql"},
    {"version-spelling", SEVERITY_NOTE, RULE_ANY, FIXER_NONE, "two spellings stand for one version",
     "1.2 and 1.02, or 42 and 000042, are equal as numbers. Tools that compare text see two "
     "versions, tools that compare numbers see one.",
     "Give one of the files a version of its own: `pawl renumber FILE`.",
     "42_a.sql beside 000042_b.sql", "000042_a.sql beside 000043_b.sql"},
    {"future-version", SEVERITY_ERROR, RULE_ANY, FIXER_VERSION,
     "a version lies more than a day in the future",
     "Until that day comes, every new migration sorts before it and is out of order. It is nearly "
     "always a slip: milliseconds, a wrong year, a wrong clock.",
     "Give the file a version of today: `pawl renumber FILE`.", "20520703075850_add_users.sql",
     "20250703075850_add_users.sql"},
    {"duplicate-version", SEVERITY_ERROR, RULE_ANY, FIXER_VERSION,
     "two migrations have the same version",
     "Two branches picked the same version. Their order then depends on the rest of the name, and "
     "many tools apply only one of them.",
     "Give the one that is not applied yet a new version: `pawl renumber FILE`. Where both are "
     "meant, say so in the file: -- pawl: allow=duplicate-version reason=\"...\".",
     "20250703075850_a.sql beside 20250703075850_b.sql",
     "20250703075850_a.sql beside 20250703075911_b.sql"},
    {"duplicate-id", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "two files are the same migration by name",
     "A file and a folder, or two endings, that differ in nothing but what an id leaves out are "
     "one migration with two texts.",
     "Delete or rename one of them.", "42_a.sql beside 42_a.up.sql", "42_a.up.sql alone"},

    /* ---- texts of files ---- */
    {"directive-syntax", SEVERITY_ERROR, RULE_ANY, FIXER_TEXT, "a directive cannot be read",
     "A directive changes how a migration runs. One that is skipped because of a slip changes it "
     "without anybody noticing.",
     "Write `-- pawl:` and then key=value pairs; values with blanks stand in double quotes.",
     "-- pawl: kind = backfill", "-- pawl: kind=backfill"},
    {"directive-unknown", SEVERITY_ERROR, RULE_ANY, FIXER_TEXT,
     "a directive has an unknown key or rule",
     "A mistyped key would be ignored, and the migration would run without it.",
     "Use the key that the finding suggests.", "-- pawl: phse=contract", "-- pawl: phase=contract"},
    {"directive-value", SEVERITY_ERROR, RULE_ANY, FIXER_TEXT,
     "a directive has a value that it cannot have",
     "The migration would run otherwise than its author meant.",
     "Use one of the values that the finding lists.", "-- pawl: lock_timeout=5",
     "-- pawl: lock_timeout=5s"},
    {"directive-late", SEVERITY_ERROR, RULE_ANY, FIXER_TEXT,
     "a directive stands below the first statement",
     "Directives are read in the head of a file only, so that a comment in a function body can "
     "never change how the migration runs.",
     "Move the line above the first statement.", "drop table t;\n-- pawl: phase=contract",
     "-- pawl: phase=contract\ndrop table t;"},
    {"unfinished", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a migration has a part that its author must write",
     "`pawl new` leaves the statements to its author, and a file deployed without any could not be "
     "completed later: that would be an edit. `pawl new --revert` undoes what it can tell from the "
     "statements alone, and marks the rest: what a DROP took away, what a replaced function was "
     "before.",
     "Write what belongs there. In place of a mark nothing may belong: then only remove its line.",
     "-- pawl: unfinished=\"what was dropped is not known\"\n-- | drop table t;",
     "create table t (id integer);"},
    {"allow-unknown", SEVERITY_ERROR, RULE_ANY, FIXER_TEXT,
     "a file allows a rule that does not exist",
     "A mistyped rule silences nothing, and the finding that was meant comes as a surprise.",
     "Use the rule that the finding suggests; `pawl explain --list` lists them all.",
     "-- pawl: allow=duplicate-versoin reason=\"...\"",
     "-- pawl: allow=duplicate-version reason=\"...\""},
    {"allow-unused", SEVERITY_WARNING, RULE_ANY, FIXER_NONE, "a file allows what is not there",
     "An allow that silences nothing today silences a real finding tomorrow.",
     "Remove it. A changed comment is no edit: the checksum stays.", NULL, NULL},
    {"statement", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a file cannot be taken apart into statements",
     "A quote or a comment never closes, or the file holds what only psql understands: a command "
     "that starts with a backslash, the data of COPY FROM STDIN. A deploy refuses it before "
     "anything runs.",
     "Close the quote, or write the commands as SQL: INSERT in place of COPY FROM STDIN.",
     "insert into t values ('open);", "insert into t values ('closed');"},
    {"annotation-syntax", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a marker of another tool cannot be read as that tool reads it",
     "dbmate and goose see `-- migrate:` and `-- +goose` at the start of a line only, and only as "
     "they spell them. A marker that one tool sees and the other does not moves the border between "
     "the forward and the backward part.",
     "Write the marker at the start of its line, as the finding says.", "  -- migrate:up",
     "-- migrate:up"},
    {"encoding", SEVERITY_ERROR, RULE_ANY, FIXER_NONE, "a file is not UTF-8, or holds a NUL",
     "Such bytes are stored differently, or refused half-way, depending on client_encoding.",
     "Save the file as UTF-8.", NULL, NULL},
    {"no-forward-part", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a file has a part to go back but none to go forward",
     "Only the part under `migrate:up` or `+goose Up` is run: with no such line in a file that has "
     "the other one, nothing would run and the migration would count as applied.",
     "Add the line above the forward part.", "-- migrate:down\ndrop table t;",
     "-- migrate:up\ncreate table t();\n-- migrate:down\ndrop table t;"},
    {"text-before-up", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "statements stand above the forward part",
     "What stands above `migrate:up` or `+goose Up` is never run, there or here.",
     "Move the statements below the line.", "create table t();\n-- migrate:up",
     "-- migrate:up\ncreate table t();"},
    {"checksum-bytes", SEVERITY_NOTE, RULE_ANY, FIXER_NONE,
     "a checksum is taken of the bytes as they are",
     "The text cannot be read by the lexical rules of its dialect (a quote that never closes, for "
     "one), so its checksum cannot leave out comments and white space: any change counts as an "
     "edit.",
     "Close the quote or the comment, or set `dialect` in [pawl].", "select 'open;",
     "select 'closed';"},

    /* ---- pawl.sum ---- */
    {"sum-format", SEVERITY_ERROR, RULE_ANY, FIXER_SUM, "pawl.sum cannot be read",
     "A merge conflict or an editor left lines that are not checksums.",
     "Type `pawl sum` and review what it changes.", NULL, NULL},
    {"sum-digest", SEVERITY_ERROR, RULE_ANY, FIXER_SUM,
     "the first line of pawl.sum does not fit the rest",
     "The start-up check reads the first line alone: it would wait for a set that nobody has.",
     "Type `pawl sum` and review what it changes.", NULL, NULL},
    {"sum-missing-line", SEVERITY_ERROR, RULE_ANY, FIXER_SUM, "pawl.sum lacks a migration",
     "A migration was added without its line, so a review of pawl.sum does not show it.",
     "Type `pawl sum`.", NULL, NULL},
    {"sum-extra-line", SEVERITY_ERROR, RULE_ANY, FIXER_SUM,
     "pawl.sum names a migration that is not there",
     "A file was deleted or renamed without a word in pawl.sum.",
     "Restore the file, or type `pawl sum` when it was meant.", NULL, NULL},
    {"sum-checksum", SEVERITY_ERROR, RULE_ANY, FIXER_SUM,
     "a migration differs from its line in pawl.sum",
     "The statements were changed after the line was written. Where the migration is applied "
     "already, the change never reaches that database.",
     "Restore the file and write a new migration; type `pawl sum` only if the file was never "
     "applied anywhere.",
     NULL, NULL},
    {"sum-mark", SEVERITY_ERROR, RULE_ANY, FIXER_SUM, "a migration has another mark in pawl.sum",
     "The mark says what a start-up check waits for. It changed because the file's kind or phase "
     "did.",
     "Type `pawl sum` when the change was meant.", NULL, NULL},

    /* ---- squashes ---- */
    {"squash-range", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a squash gives a range that it cannot stand for",
     "A squash stands where the migrations stood that it replaces, for all of them, and for no "
     "other: a database that ran the old files and one that ran the squash must end alike.",
     "Name the first and the last of the replaced migrations, and give the squash the version of "
     "the last one; `pawl new NAME --replaces FIRST..LAST` does both.",
     "-- pawl: replaces=20250703075911_b..20250703075850_a",
     "-- pawl: replaces=20250703075850_a..20250703075911_b"},
    {"squash-files", SEVERITY_ERROR, RULE_ANY, FIXER_NONE, "a replaced migration is still there",
     "An empty database would run both, the file and the squash that stands for it.",
     "Remove the file, then type `pawl sum`: it keeps the checksum.", NULL, NULL},
    {"squash-lines", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "pawl.sum says nothing of what a squash replaces",
     "The checksums of the replaced migrations are what older releases ask a database for, and by "
     "which a database that ran the old files is known. They are kept in pawl.sum alone.",
     "Bring the replaced files and their pawl.sum back, type `pawl sum`, remove the files, and "
     "type `pawl sum` again.",
     NULL, NULL},
    {"squash-split", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a database has a part of what a squash replaces",
     "The squash can neither run there, as half of it is done, nor be taken for done.",
     "Deploy the release before the squash, which has the replaced files; then this one.", NULL,
     NULL},

    /* ---- against another branch: check --base ---- */
    {"edited-since-base", SEVERITY_ERROR, RULE_ANY, FIXER_NONE,
     "a migration of the base was edited",
     "What the base has may be applied somewhere already. A database that ran it keeps what it "
     "ran, and only new databases get the new text. Comments and white space may change.",
     "Restore the file and put the change into a new migration: `pawl new NAME`.", NULL, NULL},
    {"removed-since-base", SEVERITY_ERROR, RULE_ANY, FIXER_NONE, "a migration of the base is gone",
     "Databases that applied it keep what it did, new databases never get it, and a deploy to the "
     "former is refused. It is a note where all that came before it is gone too: a long history "
     "was trimmed.",
     "Restore the file. To undo what it did, write a new migration: `pawl new NAME`.", NULL, NULL},
    {"renamed-since-base", SEVERITY_NOTE, RULE_ANY, FIXER_NONE,
     "a migration of the base has a new name",
     "A database that applied it knows it by its content, so nothing runs again. It is a warning "
     "where the new name stands behind a migration that came after the old one: that may be a new "
     "migration too, and a deploy asks which.",
     "Nothing is to be done. In doubt, keep the old name, or say it outright with `pawl repair "
     "--renamed OLD NEW`.",
     "20250703075850_add_users.sql", "20250703075850_add_user.sql"},

    /* ---- against the ledger ---- */
    {"applied-name", SEVERITY_NOTE, RULE_ANY, FIXER_NONE,
     "applied migrations have names of no scheme",
     "They came before this tool, or were adopted. What is applied keeps its name: it stops "
     "nothing, and a file renamed later is known by its content.",
     "Nothing is to be done.", NULL, NULL},
    {"out-of-order", SEVERITY_ERROR, RULE_ANY, FIXER_VERSION,
     "a pending migration is older than an applied one",
     "It was merged late. Databases that already ran the newer one get the two in another order "
     "than new databases do.",
     "Type `pawl renumber FILE`, or set `out_of_order = apply` in [pawl].", NULL, NULL},
    {"edited", SEVERITY_ERROR, RULE_ANY, FIXER_NONE, "an applied migration was edited",
     "The database keeps what it ran; only new databases get the new text. From then on the two "
     "differ.",
     "Restore the file and write a new migration. Where the edit is harmless: `pawl repair "
     "--accept-edit ID --reason TEXT`.",
     NULL, NULL},
    {"missing", SEVERITY_ERROR, RULE_ANY, FIXER_NONE, "an applied migration is not in the folder",
     "This checkout is older than the database, or comes from another branch, or a file was "
     "deleted.",
     "Deploy from a checkout that holds the migration, or set `missing = allow` in [pawl].", NULL,
     NULL},
    {"renamed", SEVERITY_NOTE, RULE_ANY, FIXER_NONE, "an applied migration has a new name",
     "The ledger knows it by its checksum: nothing runs again, and the old name stays known.",
     "Nothing is to be done. In doubt, `pawl repair --renamed OLD NEW` says it outright.", NULL,
     NULL},
};

const size_t rule_count = COUNT_OF(rules);

const char *fixer_text(enum fixer fixer)
{
    static const char *const texts[] = {
        [FIXER_NONE] = NULL,
        [FIXER_TEXT] = "mends the line where one thing was clearly meant; where that changes the "
                       "checksum, only with --base and in a file that is new",
        [FIXER_NAME] = "renames the file where one name was clearly meant",
        [FIXER_VERSION] = "renumbers what is new, with --base",
        [FIXER_SUM] = "writes pawl.sum anew; where a line says otherwise than its file, only with "
                      "--base and when nothing of the base was edited or removed",
    };
    return texts[fixer];
}

const struct rule *rule_find(const char *id)
{
    for (size_t i = 0; i < rule_count; i++)
        if (strcmp(rules[i].id, id) == 0)
            return &rules[i];
    return NULL;
}
