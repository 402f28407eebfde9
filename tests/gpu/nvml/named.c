/* Copyright (c) 2026 The ML in a Box authors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stand-ins for libraries of which only the name and the version are asked: each says the number that it was compiled
 * with. They compute nothing.
 */

#define PUBLIC __attribute__((visibility("default")))

#ifdef CUDNN
PUBLIC unsigned long cudnnGetVersion(void) { return CUDNN; }
#endif

#ifdef CUDART
PUBLIC int cudaRuntimeGetVersion(int *version)
{
    *version = CUDART;
    return 0;
}
#endif

#ifdef DRIVER
PUBLIC int cuInit(unsigned int flags) { return flags ? 1 : 0; }

PUBLIC int cuDriverGetVersion(int *version)
{
    *version = DRIVER;
    return 0;
}
#endif

#ifdef TARGETS
/* Where torch.cuda.get_arch_list() has its answer from: the text lies in libtorch_python.so. */
PUBLIC const char mlinabox_targets[] = TARGETS;
#endif
