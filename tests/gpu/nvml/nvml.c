/* Copyright (c) 2026 The ML in a Box authors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A stand-in for libnvidia-ml.so.1, NVIDIA's management library: it answers what the file `mlinabox-scenario` in its
 * own folder says, lines of key=value. Nothing of NVIDIA's is in it; the layouts are those of the public interface
 * (nvml.h), and pynvml, NVIDIA's own bindings, holds it to them in tests/unit/gpu.
 *
 * GENERATION, a driver branch such as 470, is given when it is compiled: functions that came later are not exported
 * (first seen in nvml.h of the CUDA release that came with that branch).
 *
 * Keys: driver, nvml, cuda (12020 is 12.2), count, process_entry (bytes, where a driver's differ);
 *       gpu.N.KEY and, of its MIG instances, gpu.N.mig.M.KEY; memory in MiB; process.M=PID:MIB:NAME;
 *       return.FUNCTION and gpu.N.return.FUNCTION (or .all): a code, or `hang`, or `crash`.
 */

#include "scenario.h"

#ifndef GENERATION
#error "GENERATION is a driver branch, such as -DGENERATION=535"
#endif

static int enter(const char *function)
{
    char key[128];
    int code;

    snprintf(key, sizeof key, "return.%s", function);
    code = told(key);
    return code ? code : users > 0 ? OK : UNINITIALIZED;
}

static int enter_of(const char *function, nvmlDevice_t device)
{
    char key[128], name[192];
    int code = enter(function);
    char *start = (char *)whole;

    if (code)
        return code;
    if (!(((char *)device >= start && (char *)device < start + sizeof whole) ||
          ((char *)device >= (char *)parts && (char *)device < (char *)parts + sizeof parts)))
        return ARGUMENT;
    key_of(device, "return.all", name, sizeof name);
    code = told(name);
    if (code)
        return code;
    snprintf(key, sizeof key, "return.%s", function);
    key_of(device, key, name, sizeof name);
    return told(name);
}

static int give(const char *value, char *buffer, u32 length)
{
    if (!buffer)
        return ARGUMENT;
    if (strlen(value) + 1 > length)
        return SIZE;
    memcpy(buffer, value, strlen(value) + 1);
    return OK;
}

static int give_text(const char *function, nvmlDevice_t device, const char *key, char *buffer, u32 length)
{
    char value[512];
    int code = enter_of(function, device);

    if (code)
        return code;
    return text_of(device, key, value, sizeof value) ? give(value, buffer, length) : UNSUPPORTED;
}

static int give_number(const char *function, nvmlDevice_t device, const char *key, u32 *value)
{
    int code = enter_of(function, device);
    u64 found;

    if (code)
        return code;
    if (!value)
        return ARGUMENT;
    found = number_of(device, key);
    if (found == ABSENT)
        return UNSUPPORTED;
    *value = (u32)found;
    return OK;
}

static int give_pair(const char *function, nvmlDevice_t device, const char *one, const char *two, u32 *first,
                     u32 *second)
{
    int code = give_number(function, device, one, first);

    return code ? code : give_number(function, device, two, second);
}

#define PUBLIC __attribute__((visibility("default")))
/* Functions of one shape: what they are called by, and what they hand on. */
#define TEXT(function, key) \
    PUBLIC int function(nvmlDevice_t d, char *to, u32 size) { return give_text(__func__, d, key, to, size); }
#define NUMBER(function, key) \
    PUBLIC int function(nvmlDevice_t d, u32 *to) { return give_number(__func__, d, key, to); }
#define PAIR(function, one, two) \
    PUBLIC int function(nvmlDevice_t d, u32 *to, u32 *also) { return give_pair(__func__, d, one, two, to, also); }
#define BITS(function, key) \
    PUBLIC int function(nvmlDevice_t d, u64 *to) { return bits(__func__, d, key, to); }
#define PROCESSES(function, list, entry) \
    PUBLIC int function(nvmlDevice_t d, u32 *n, char *to) { return processes(__func__, d, list, entry, n, to); }

/* ---- the library ---- */

static int start(const char *function)
{
    char key[128];
    int code;

    snprintf(key, sizeof key, "return.%s", function);
    code = told(key);
    if (!code)
        users++;
    return code;
}

PUBLIC int nvmlInit(void) { return start(__func__); }
PUBLIC int nvmlInit_v2(void) { return start(__func__); }
PUBLIC int nvmlInitWithFlags(u32 flags)
{
    (void)flags;
    return start(__func__);
}

PUBLIC int nvmlShutdown(void)
{
    int code = enter(__func__);

    if (!code)
        users--;
    return code;
}

PUBLIC const char *nvmlErrorString(int code)
{
    static const char *const words[] = {
        "Success", "Uninitialized", "Invalid Argument", "Not Supported", "Insufficient Permissions",
        "Already Initialized", "Not Found", "Insufficient Size", "Insufficient External Power", "Driver Not Loaded", "Timeout",
        "Interrupt Request Issue", "NVML Shared Library Not Found", "Function Not Found", "Corrupted infoROM",
        "GPU is lost", "GPU requires restart", "GPU access blocked by the operating system", "Driver/library version mismatch",
        "In use by another client", "Insufficient Memory", "No data", "vgpu operation not supported with ECC enabled",
        "Insufficient Resources", "Freq Not Supported", "Argument version mismatch", "Deprecated", "Not Ready",
        "No GPUs were found",
    };

    return code >= 0 && code < (int)(sizeof words / sizeof *words) ? words[code] : "Unknown Error";
}

PUBLIC int nvmlSystemGetDriverVersion(char *version, u32 length)
{
    char value[80] = "";
    int code = enter(__func__);

    look_up("driver", value, sizeof value);
    return code ? code : give(value, version, length);
}

PUBLIC int nvmlSystemGetNVMLVersion(char *version, u32 length)
{
    char value[80] = "";
    int code = enter(__func__);

    look_up("nvml", value, sizeof value);
    return code ? code : give(value, version, length);
}

static int cuda(const char *function, int *version)
{
    char key[128];
    int code;
    u64 value = number("cuda");

    snprintf(key, sizeof key, "return.%s", function);
    code = told(key);
    if (code)
        return code;
    if (!version)
        return ARGUMENT;
    if (value == ABSENT)
        return UNKNOWN;
    *version = (int)value;
    return OK;
}

PUBLIC int nvmlSystemGetCudaDriverVersion(int *version) { return cuda(__func__, version); }
PUBLIC int nvmlSystemGetCudaDriverVersion_v2(int *version) { return cuda(__func__, version); }

static int processes_of(nvmlDevice_t device, const char *list, int at, u32 *pid, u64 *mib, char *name, size_t size);

PUBLIC int nvmlSystemGetProcessName(u32 pid, char *name, u32 length)
{
    char found[512];
    int code = enter(__func__);
    u32 seen;
    u64 mib;

    if (code)
        return code;
    for (int gpu = 0; gpu < MOST_GPUS; gpu++)
        for (int at = 0; processes_of(&whole[gpu], "process", at, &seen, &mib, found, sizeof found); at++)
            if (seen == pid)
                return give(found, name, length);
    return NOT_FOUND;
}

/* ---- which devices there are ---- */

static int count(const char *function, u32 *value)
{
    int code = enter(function);
    u64 found = number("count");

    if (code)
        return code;
    if (!value)
        return ARGUMENT;
    *value = found == ABSENT ? 0 : (u32)found;
    return OK;
}

PUBLIC int nvmlDeviceGetCount(u32 *value) { return count(__func__, value); }
PUBLIC int nvmlDeviceGetCount_v2(u32 *value) { return count(__func__, value); }

static int take(const char *function, u32 index, nvmlDevice_t *device)
{
    char key[128];
    u64 found = number("count");
    int code;

    if (!device || found == ABSENT || index >= found || index >= MOST_GPUS)
        return ARGUMENT;
    snprintf(key, sizeof key, "gpu.%u.return.%s", index, function);
    code = told(key);
    if (!code)
        *device = &whole[index];
    return code;
}

static int by_index(const char *function, u32 index, nvmlDevice_t *device)
{
    int code = enter(function);

    return code ? code : take(function, index, device);
}

PUBLIC int nvmlDeviceGetHandleByIndex(u32 index, nvmlDevice_t *to) { return by_index(__func__, index, to); }
PUBLIC int nvmlDeviceGetHandleByIndex_v2(u32 index, nvmlDevice_t *to) { return by_index(__func__, index, to); }

static int by_text(const char *function, const char *key, const char *wanted, nvmlDevice_t *device)
{
    char value[128];
    int code = enter(function);

    if (code)
        return code;
    if (!wanted)
        return ARGUMENT;
    for (u32 index = 0; index < MOST_GPUS; index++)
        if (text_of(&whole[index], key, value, sizeof value)) {
            const char *one = value, *two = wanted;
            /* The domain may be written with four digits or with eight. */
            if (!strcmp(key, "address")) {
                while (*one == '0' && one[1] != ':')
                    one++;
                while (*two == '0' && two[1] != ':')
                    two++;
            }
            if (!strcasecmp(one, two))
                return take(function, index, device);
        }
    return NOT_FOUND;
}

#define BY_TEXT(function, key) \
    PUBLIC int function(const char *wanted, nvmlDevice_t *to) { return by_text(__func__, key, wanted, to); }
BY_TEXT(nvmlDeviceGetHandleByUUID, "uuid")
BY_TEXT(nvmlDeviceGetHandleByPciBusId, "address")
BY_TEXT(nvmlDeviceGetHandleByPciBusId_v2, "address")

/* ---- what a device is ---- */

TEXT(nvmlDeviceGetName, "name")
TEXT(nvmlDeviceGetUUID, "uuid")
TEXT(nvmlDeviceGetSerial, "serial")
TEXT(nvmlDeviceGetVbiosVersion, "vbios")

PUBLIC int nvmlDeviceGetIndex(nvmlDevice_t device, u32 *index)
{
    int code = enter_of(__func__, device);

    if (!code)
        *index = (u32)(device->part < 0 ? device->gpu : device->part);
    return code;
}

PUBLIC int nvmlDeviceGetMinorNumber(nvmlDevice_t device, u32 *minor) { return nvmlDeviceGetIndex(device, minor); }

struct pci {
    char legacy[16];
    u32 domain, bus, device, pci_device, subsystem;
    char text[32];
};

static int pci(const char *function, nvmlDevice_t device, struct pci *info, size_t size)
{
    struct pci full;
    char address[64], *rest;
    int code = enter_of(function, device);

    if (code)
        return code;
    if (!info)
        return ARGUMENT;
    if (!text_of(&whole[device->gpu], "address", address, sizeof address))
        return UNKNOWN;
    memset(&full, 0, sizeof full);
    full.domain = (u32)strtoull(address, &rest, 16);
    full.bus = (u32)strtoull(rest + 1, &rest, 16);
    full.device = (u32)strtoull(rest + 1, &rest, 16);
    full.pci_device = (u32)number_of(&whole[device->gpu], "device") << 16 | 0x10de;
    full.subsystem = (u32)number_of(&whole[device->gpu], "subsystem");
    snprintf(full.legacy, sizeof full.legacy, "%04X:%02X:%02X.0", full.domain, full.bus, full.device);
    snprintf(full.text, sizeof full.text, "%08X:%02X:%02X.0", full.domain, full.bus, full.device);
    memcpy(info, &full, size);
    return OK;
}

/* The older two end before the text. */
PUBLIC int nvmlDeviceGetPciInfo(nvmlDevice_t d, struct pci *info) { return pci(__func__, d, info, 36); }
PUBLIC int nvmlDeviceGetPciInfo_v2(nvmlDevice_t d, struct pci *info) { return pci(__func__, d, info, 36); }
PUBLIC int nvmlDeviceGetPciInfo_v3(nvmlDevice_t d, struct pci *info) { return pci(__func__, d, info, sizeof *info); }

struct memory {
    u64 total, free, used;
};

PUBLIC int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, struct memory *memory)
{
    u64 total, used;
    int code = enter_of(__func__, device);

    if (code)
        return code;
    if (!memory)
        return ARGUMENT;
    total = number_of(device, "memory");
    used = number_of(device, "used");
    if (total == ABSENT)
        return UNSUPPORTED;
    memory->total = total * MIB;
    memory->used = (used == ABSENT ? 0 : used) * MIB;
    memory->free = memory->total - memory->used;
    return OK;
}

#if GENERATION >= 510
struct memory2 {
    u32 version;
    u64 total, reserved, free, used;
};

PUBLIC int nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, struct memory2 *memory)
{
    struct memory plain;
    u64 reserved;
    int code = enter_of(__func__, device);

    if (code)
        return code;
    if (!memory)
        return ARGUMENT;
    if (memory->version != (sizeof *memory | 2u << 24))
        return OTHER_VERSION;
    code = nvmlDeviceGetMemoryInfo(device, &plain);
    if (code)
        return code;
    reserved = number_of(device, "reserved");
    memory->reserved = (reserved == ABSENT ? 0 : reserved) * MIB;
    memory->total = plain.total;
    memory->used = plain.used;
    memory->free = plain.free - memory->reserved;
    return OK;
}
#endif

PUBLIC int nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    char value[32], *rest;
    int code = enter_of(__func__, device);

    if (code)
        return code;
    if (!major || !minor)
        return ARGUMENT;
    if (!text_of(&whole[device->gpu], "capability", value, sizeof value))
        return UNSUPPORTED;
    *major = (int)strtoull(value, &rest, 10);
    *minor = (int)strtoull(rest + 1, 0, 10);
    return OK;
}

#if GENERATION >= 450
PUBLIC int nvmlDeviceGetArchitecture(nvmlDevice_t device, u32 *architecture)
{
    /* NVML_DEVICE_ARCH_*: Kepler 2, Maxwell 3, Pascal 4, Volta 5, Turing 6, Ampere 7, Ada 8, Hopper 9, Blackwell 10. */
    int major = 0, minor = 0;
    int code = nvmlDeviceGetCudaComputeCapability(device, &major, &minor);

    if (!code)
        *architecture = major == 3 ? 2 : major == 5 ? 3 : major == 6 ? 4 : major == 7 ? (minor < 5 ? 5 : 6)
                      : major == 8 ? (minor < 9 ? 7 : 8) : major == 9 ? 9 : major >= 10 ? 10 : 0xffffffff;
    return code;
}
#endif

#if GENERATION >= 515
PUBLIC int nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *version)
{
    return give_text(__func__, device, "firmware", version, 64);
}
#endif

/* ---- how a device is ---- */

NUMBER(nvmlDeviceGetPersistenceMode, "persistence")
NUMBER(nvmlDeviceGetComputeMode, "compute_mode")
NUMBER(nvmlDeviceGetPowerUsage, "power")

PUBLIC int nvmlDeviceGetUtilizationRates(nvmlDevice_t d, u32 *rates)
{
    return rates ? give_pair(__func__, d, "busy", "memory_busy", rates, rates + 1) : ARGUMENT;
}

PUBLIC int nvmlDeviceGetTemperature(nvmlDevice_t device, u32 sensor, u32 *degrees)
{
    return sensor ? ARGUMENT : give_number(__func__, device, "temperature", degrees);
}

#if GENERATION >= 570
struct temperature {
    u32 version, sensor;
    int degrees;
};

PUBLIC int nvmlDeviceGetTemperatureV(nvmlDevice_t device, struct temperature *temperature)
{
    u32 degrees = 0;
    int code;

    if (!temperature)
        return ARGUMENT;
    if (temperature->version != (sizeof *temperature | 1u << 24))
        return OTHER_VERSION;
    code = temperature->sensor ? ARGUMENT : give_number(__func__, device, "temperature", &degrees);
    temperature->degrees = (int)degrees;
    return code;
}
#endif

static int bits(const char *function, nvmlDevice_t device, const char *key, u64 *value)
{
    int code = enter_of(function, device);
    u64 found;

    if (code)
        return code;
    if (!value)
        return ARGUMENT;
    found = number_of(device, key);
    if (found == ABSENT)
        return UNSUPPORTED;
    *value = found;
    return OK;
}

BITS(nvmlDeviceGetCurrentClocksThrottleReasons, "throttle")
#if GENERATION >= 535
BITS(nvmlDeviceGetCurrentClocksEventReasons, "throttle")
#endif

PAIR(nvmlDeviceGetEccMode, "ecc.current", "ecc.pending")

PUBLIC int nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, u32 kind, u32 counter, u64 *errors)
{
    u32 now = 0;
    int code = enter_of(__func__, device);

    if (code)
        return code;
    if (kind > 1 || counter > 1 || !errors)
        return ARGUMENT;
    if (number_of(device, "ecc.current") == ABSENT || (now = (u32)number_of(device, "ecc.current")) != 1)
        return UNSUPPORTED;
    return bits(__func__, device, kind ? "ecc.uncorrected" : "ecc.corrected", errors);
}

PUBLIC int nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t d, u32 *pending)
{
    return give_number(__func__, d, "retired_pending", pending);
}

#if GENERATION >= 450
PUBLIC int nvmlDeviceGetRemappedRows(nvmlDevice_t d, u32 *corrected, u32 *uncorrected, u32 *pending, u32 *failed)
{
    int code = give_pair(__func__, d, "rows.corrected", "rows.uncorrected", corrected, uncorrected);

    return code ? code : give_pair(__func__, d, "rows.pending", "rows.failed", pending, failed);
}
#endif

/* ---- who is on it ---- */

static int processes_of(nvmlDevice_t device, const char *list, int at, u32 *pid, u64 *mib, char *name, size_t size)
{
    char key[64], value[512], *rest;

    snprintf(key, sizeof key, "%s.%d", list, at);
    if (!text_of(device, key, value, sizeof value))
        return 0;
    *pid = (u32)strtoull(value, &rest, 10);
    *mib = *rest == ':' ? strtoull(rest + 1, &rest, 10) : ABSENT;
    snprintf(name, size, "%s", *rest == ':' ? rest + 1 : "");
    return 1;
}

static int processes(const char *function, nvmlDevice_t device, const char *list, size_t entry, u32 *room, char *to)
{
    char name[512];
    u64 mib, other = number("process_entry");
    u32 pid, found = 0, none = 0xffffffff;
    int code = enter_of(function, device);

    if (code)
        return code;
    if (!room || (*room && !to))
        return ARGUMENT;
    if (entry > 16 && other != ABSENT)
        entry = other;
    while (processes_of(device, list, (int)found, &pid, &mib, name, sizeof name))
        found++;
    if (found > *room) {
        *room = found;
        return SIZE;
    }
    for (u32 at = 0; at < found; at++, to += entry) {
        processes_of(device, list, (int)at, &pid, &mib, name, sizeof name);
        mib = mib == ABSENT ? ABSENT : mib * MIB;
        memset(to, 0, entry);
        memcpy(to, &pid, 4);
        memcpy(to + 8, &mib, 8);
        if (entry > 16) {
            memcpy(to + 16, &none, 4);
            memcpy(to + 20, &none, 4);
        }
    }
    *room = found;
    return OK;
}

PROCESSES(nvmlDeviceGetComputeRunningProcesses, "process", 16)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses, "graphics", 16)
#if GENERATION >= 455
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v2, "process", 24)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v2, "graphics", 24)
#endif
#if GENERATION >= 510
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, "process", 24)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, "graphics", 24)
#endif

/* ---- parts of a device ---- */

#if GENERATION >= 450
PAIR(nvmlDeviceGetMigMode, "mig.current", "mig.pending")

PUBLIC int nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, u32 *most)
{
    int code = give_number(__func__, device, "mig.maximum", most);

    if (code == UNSUPPORTED) {
        *most = 0;
        return OK;
    }
    return code;
}

PUBLIC int nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, u32 index, nvmlDevice_t *part)
{
    char value[128];
    int code = enter_of(__func__, device);

    if (code)
        return code;
    if (!part || index >= MOST_PARTS || device->part >= 0)
        return ARGUMENT;
    if (number_of(device, "mig.current") != 1)
        return UNSUPPORTED;
    if (!text_of(&parts[device->gpu][index], "uuid", value, sizeof value))
        return NOT_FOUND;
    *part = &parts[device->gpu][index];
    return OK;
}

PUBLIC int nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, u32 *is)
{
    int code = enter_of(__func__, device);

    if (!code)
        *is = device->part >= 0;
    return code;
}

PUBLIC int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t part, nvmlDevice_t *device)
{
    int code = enter_of(__func__, part);

    if (code)
        return code;
    if (part->part < 0)
        return NOT_FOUND;
    *device = &whole[part->gpu];
    return OK;
}

NUMBER(nvmlDeviceGetGpuInstanceId, "gpu_instance")
NUMBER(nvmlDeviceGetComputeInstanceId, "compute_instance")

struct attributes {
    u32 multiprocessors, engines[5], gpu_slices, compute_slices;
    u64 memory;
};

static int attributes(const char *function, nvmlDevice_t device, struct attributes *has)
{
    int code = enter_of(function, device);

    if (code)
        return code;
    if (!has)
        return ARGUMENT;
    if (device->part < 0)
        return UNSUPPORTED;
    memset(has, 0, sizeof *has);
    has->gpu_slices = (u32)number_of(device, "gpu_slices");
    has->compute_slices = (u32)number_of(device, "compute_slices");
    has->multiprocessors = 14 * has->compute_slices;
    has->memory = number_of(device, "memory");
    return OK;
}

PUBLIC int nvmlDeviceGetAttributes(nvmlDevice_t d, struct attributes *has) { return attributes(__func__, d, has); }
#if GENERATION >= 455
PUBLIC int nvmlDeviceGetAttributes_v2(nvmlDevice_t d, struct attributes *has) { return attributes(__func__, d, has); }
#endif
#endif

/* ---- the fabric of NVSwitches ---- */

struct fabric {
    unsigned char cluster[16];
    u32 status, clique;
    unsigned char state;
};

static int fabric(const char *function, nvmlDevice_t device, struct fabric *info)
{
    u64 state, status;
    int code = enter_of(function, device);

    if (code)
        return code;
    state = number_of(device, "fabric.state");
    status = number_of(device, "fabric.status");
    memset(info, 0, sizeof *info);
    info->state = state == ABSENT ? 0 : (unsigned char)state;
    info->status = status == ABSENT ? 0 : (u32)status;
    return OK;
}

#if GENERATION >= 525
PUBLIC int nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, struct fabric *info)
{
    return info ? fabric(__func__, device, info) : ARGUMENT;
}
#endif

#if GENERATION >= 550
struct fabric2 {
    u32 version;
    unsigned char cluster[16];
    u32 status, clique;
    unsigned char state;
    u32 health;
};

struct fabric3 {
    struct fabric2 rest;
    unsigned char summary;
};

PUBLIC int nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, struct fabric3 *info)
{
    struct fabric plain;
    u32 version;
    int code;

    if (!info)
        return ARGUMENT;
    version = info->rest.version;
    if (version != (sizeof(struct fabric2) | 2u << 24) && version != (sizeof(struct fabric3) | 3u << 24))
        return OTHER_VERSION;
    code = fabric(__func__, device, &plain);
    if (code)
        return code;
    info->rest.status = plain.status;
    info->rest.clique = plain.clique;
    info->rest.state = plain.state;
    info->rest.health = 0;
    if (version >> 24 == 3)
        info->summary = 0;
    return OK;
}
#else
static int (*const unused)(const char *, nvmlDevice_t, struct fabric *) __attribute__((unused)) = fabric;
#endif
