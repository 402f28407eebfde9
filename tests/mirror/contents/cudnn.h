/* Stands in the place of cuDNN's header, for the stand-in library that goes with it. */
#ifndef CUDNN_H_
#define CUDNN_H_
#include <stddef.h>

#include "cudnn_version.h"
#ifdef __cplusplus
extern "C" {
#endif
typedef enum { CUDNN_STATUS_SUCCESS = 0, CUDNN_STATUS_NOT_INITIALIZED = 1 } cudnnStatus_t;
typedef struct cudnnContext *cudnnHandle_t;
size_t cudnnGetVersion(void);
const char *cudnnGetErrorString(cudnnStatus_t status);
cudnnStatus_t cudnnCreate(cudnnHandle_t *handle);
#ifdef __cplusplus
}
#endif
#endif
