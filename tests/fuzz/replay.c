/*
 * Runs a fuzz target without libFuzzer: replay FOLDER [MUTATIONS], every seed of the folder and
 * that many mutations of each, always the same ones; replay FILE, that input alone.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "fuzz.h"

enum { INPUT_MAX_BYTES = 4096, SEED_MAX_BYTES = 1 << 20, MUTATIONS = 1000, EDITS = 6 };

struct seed {
    char *text;
    size_t len;
};

/* What the texts that pawl reads are made of. */
static const char *const pieces[] = {
    "'",
    "\"",
    "`",
    "[",
    "]",
    "$$",
    "$a$",
    "--",
    "/*",
    "*/",
    "/*+ ",
    "\\",
    "\\'",
    "''",
    ";",
    "(",
    ")",
    ",",
    "=",
    ":",
    "@",
    "/",
    "?",
    "&",
    "%",
    "%41",
    "#",
    ".",
    "..",
    "_",
    "__",
    "-",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\f",
    "\xef\xbb\xbf",
    "\xc3\xa9",
    "\xff",
    "0",
    "9",
    "99999999999999999999",
    "E'",
    "U&'",
    "X'",
    "BEGIN ",
    "END ",
    "ATOMIC ",
    "CREATE ",
    "TRIGGER ",
    "FUNCTION ",
    "CASE ",
    "COPY ",
    "STDIN",
    "password",
    "PASSWORD ",
    "://",
    "-- pawl: ",
    "-- +goose Up\n",
    "-- +goose Down\n",
    "-- migrate:up\n",
    "-- migrate:down\n",
    "transaction:false",
    "allow=",
    "reason=\"\"",
    "kind=",
    "[target.",
    "url = ",
    "file:",
    "env:",
    "sqlite:",
    ".sql",
    ".up.sql",
};

/* Small and always the same (xorshift). */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Replaces count bytes at a place by others, as far as they fit. */
static void replace(struct seed *input, size_t at, size_t count, const char *bytes, size_t len)
{
    if (count > input->len - at)
        count = input->len - at;
    if (input->len - count + len > INPUT_MAX_BYTES)
        return;
    char copy[INPUT_MAX_BYTES];
    memcpy(copy, bytes, len); /* it may be a part of the input itself */
    memmove(input->text + at + len, input->text + at + count, input->len - at - count);
    memcpy(input->text + at, copy, len);
    input->len = input->len - count + len;
}

/* A run of another seed. */
static void cross(struct seed *input, size_t at, const struct seed *other, uint32_t *state)
{
    if (other->len == 0)
        return;
    const size_t from = next_random(state) % other->len;
    size_t len = next_random(state) % 64;
    if (len > other->len - from)
        len = other->len - from;
    replace(input, at, next_random(state) % 64, other->text + from, len);
}

static void mutate(struct seed *input, const struct seed *seeds, size_t count, uint32_t *state)
{
    for (uint32_t edits = 1 + next_random(state) % EDITS; edits > 0; edits--) {
        const size_t at = next_random(state) % (input->len + 1);
        const char byte = (char)next_random(state);
        const char *const piece = pieces[next_random(state) % COUNT_OF(pieces)];
        switch (next_random(state) % 5) {
        case 0:
            replace(input, at, 1, &byte, 1);
            break;
        case 1:
            replace(input, at, 1 + next_random(state) % 16, "", 0);
            break;
        case 2:
            cross(input, at, &seeds[next_random(state) % count], state);
            break;
        default:
            replace(input, at, next_random(state) % 2, piece, strlen(piece));
        }
    }
}

/* The input at hand: kept as a file when the process ends before its time. */
static struct seed at_hand;
static const char *failed_path;

static void keep_input(int number)
{
    const int fd = open(failed_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, at_hand.text, at_hand.len) != (ssize_t)at_hand.len)
        failed_path = "nothing";
    static const char said[] = "the input is in ";
    (void)!write(STDERR_FILENO, said, sizeof said - 1);
    (void)!write(STDERR_FILENO, failed_path, strlen(failed_path));
    (void)!write(STDERR_FILENO, "\n", 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void run(const struct seed *input)
{
    char *const exact = fuzz_bytes(input->text, input->len);
    at_hand = (struct seed){exact, input->len};
    (void)LLVMFuzzerTestOneInput((const uint8_t *)exact, input->len);
    at_hand = (struct seed){0};
    free(exact);
}

static void run_mutations(const struct seed *seeds, size_t count, uint32_t mutations)
{
    char text[INPUT_MAX_BYTES];
    for (size_t i = 0; i < count; i++) {
        uint32_t state = 2463534242u + (uint32_t)i;
        for (uint32_t n = 0; n < mutations; n++) {
            struct seed input = {.text = text, .len = seeds[i].len};
            if (input.len > sizeof text)
                input.len = sizeof text;
            memcpy(text, seeds[i].text, input.len);
            mutate(&input, seeds, count, &state);
            run(&input);
        }
    }
}

struct seeds {
    struct seed *items;
    size_t count, capacity;
};

static bool read_seed(struct fuzz *fuzz, const char *path, struct seeds *ret)
{
    struct seed *const seed = arena_push(&fuzz->arena, ret);
    return seed != NULL &&
           fs_read(&fuzz->arena, path, SEED_MAX_BYTES, &seed->text, &seed->len, &fuzz->err);
}

static bool read_seeds(struct fuzz *fuzz, const char *path, struct seeds *ret)
{
    struct fs_names names = {0};
    if (!fs_is_folder(path))
        return read_seed(fuzz, path, ret);
    if (!fs_list(&fuzz->arena, path, &names, &fuzz->err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *const file = fs_join(&fuzz->arena, path, names.items[i]);
        if (file == NULL || !read_seed(fuzz, file, ret))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct fuzz fuzz = {0};
    struct seeds seeds = {0};
    if (argc < 2 || !read_seeds(&fuzz, argv[1], &seeds) || seeds.count == 0) {
        (void)fprintf(stderr, "replay: %s\n",
                      fuzz.err.message != NULL ? fuzz.err.message : "no seed");
        return 1;
    }
    failed_path = arena_printf(&fuzz.arena, "%s.input", argv[0]);
    (void)signal(SIGABRT, keep_input);
    for (size_t i = 0; i < seeds.count; i++)
        run(&seeds.items[i]);
    const uint32_t mutations = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : MUTATIONS;
    if (fs_is_folder(argv[1]))
        run_mutations(seeds.items, seeds.count, mutations);
    fuzz_end(&fuzz);
    return 0;
}
