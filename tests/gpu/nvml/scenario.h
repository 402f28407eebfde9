/* Copyright (c) 2026 The ML in a Box authors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The file `mlinabox-scenario` beside the library, and the devices that it tells of.
 *
 * No header and no versioned symbol of the C library is used, so that what is compiled on one release runs on older
 * ones.
 */

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long size_t;
typedef struct device *nvmlDevice_t;

struct dl_info {
    const char *file;
    void *base;
    const char *symbol;
    void *address;
};

extern int dladdr(const void *, struct dl_info *);
extern int open(const char *, int, ...);
extern long read(int, void *, size_t);
extern int close(int);
extern int pause(void);
extern void abort(void);
extern int snprintf(char *, size_t, const char *, ...);
extern u64 strtoull(const char *, char **, int);
extern size_t strlen(const char *);
extern int strcmp(const char *, const char *);
extern int strncmp(const char *, const char *, size_t);
extern int strcasecmp(const char *, const char *);
extern char *strchr(const char *, int);
extern char *strrchr(const char *, int);
extern void *memcpy(void *, const void *, size_t);
extern void *memset(void *, int, size_t);

enum { OK, UNINITIALIZED, ARGUMENT, UNSUPPORTED, NOT_FOUND = 6, SIZE = 7, OTHER_VERSION = 25, UNKNOWN = 999 };
enum { MOST_GPUS = 32, MOST_PARTS = 8, MOST_TEXT = 262144, MIB = 1024 * 1024 };
#define ABSENT (~0ULL)

struct device {
    int gpu;
    int part; /* of MIG, or -1 */
};

static struct device whole[MOST_GPUS];
static struct device parts[MOST_GPUS][MOST_PARTS];
static char scenario[MOST_TEXT];
static int known;
static int users;

static void learn(void)
{
    struct dl_info info;
    char path[4096];
    char *slash;
    long size = 0, got;
    int file;

    if (known)
        return;
    known = 1;
    for (int gpu = 0; gpu < MOST_GPUS; gpu++) {
        whole[gpu].gpu = gpu;
        whole[gpu].part = -1;
        for (int part = 0; part < MOST_PARTS; part++) {
            parts[gpu][part].gpu = gpu;
            parts[gpu][part].part = part;
        }
    }
    if (!dladdr((void *)learn, &info) || !info.file)
        return;
    snprintf(path, sizeof path, "%s", info.file);
    slash = strrchr(path, '/');
    snprintf(slash ? slash + 1 : path, 64, "mlinabox-scenario");
    file = open(path, 0);
    if (file < 0)
        return;
    while (size < MOST_TEXT - 1 && (got = read(file, scenario + size, (size_t)(MOST_TEXT - 1 - size))) > 0)
        size += got;
    close(file);
}

/* The value of a key, up to the line's end, in `value`; whether there is one. */
static int look_up(const char *key, char *value, size_t size)
{
    size_t length = strlen(key);

    learn();
    for (const char *line = scenario; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : 0) {
        if (!strncmp(line, key, length) && line[length] == '=') {
            const char *start = line + length + 1;
            const char *end = strchr(start, '\n');
            size_t taken = end ? (size_t)(end - start) : strlen(start);
            if (taken >= size)
                taken = size - 1;
            memcpy(value, start, taken);
            value[taken] = 0;
            return 1;
        }
    }
    return 0;
}

static void key_of(nvmlDevice_t device, const char *key, char *name, size_t size)
{
    if (device->part < 0)
        snprintf(name, size, "gpu.%d.%s", device->gpu, key);
    else
        snprintf(name, size, "gpu.%d.mig.%d.%s", device->gpu, device->part, key);
}

static int text_of(nvmlDevice_t device, const char *key, char *value, size_t size)
{
    char name[128];

    key_of(device, key, name, sizeof name);
    return look_up(name, value, size);
}

static u64 number(const char *key)
{
    char value[64];

    return look_up(key, value, sizeof value) && *value ? strtoull(value, 0, 0) : ABSENT;
}

static u64 number_of(nvmlDevice_t device, const char *key)
{
    char name[128];

    key_of(device, key, name, sizeof name);
    return number(name);
}

/* What the scenario says that a function returns, OK where it says nothing; hangs and crashes as told. */
static int told(const char *key)
{
    char value[64];

    if (!look_up(key, value, sizeof value))
        return OK;
    if (!strcmp(value, "hang"))
        for (;;)
            pause();
    if (!strcmp(value, "crash"))
        abort();
    return (int)strtoull(value, 0, 0);
}
