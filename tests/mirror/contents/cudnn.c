/* Stands in the place of libcudnn.so: it tells its version, and does nothing else of what cuDNN does. */
#include <stddef.h>

size_t cudnnGetVersion(void) { return VERSION; }

const char *cudnnGetErrorString(int status) { return status ? "a stand-in for cuDNN computes nothing" : "CUDNN_STATUS_SUCCESS"; }

int cudnnCreate(void **handle) {
    *handle = NULL;
    return 1; /* CUDNN_STATUS_NOT_INITIALIZED */
}
