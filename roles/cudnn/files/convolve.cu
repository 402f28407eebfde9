// Tells as JSON which cuDNN it runs with and, built with -DMLINABOX_GPU, folds a picture with it on the first GPU and
// compares.
#include <cstdio>
#include <cuda_runtime.h>
#include <cudnn.h>

#ifdef MLINABOX_GPU
#define SIDE 8

static const char *failed_at = "", *why = "";

static bool good(cudnnStatus_t result, const char *where) {
    if (result != CUDNN_STATUS_SUCCESS) failed_at = where, why = cudnnGetErrorString(result);
    return result == CUDNN_STATUS_SUCCESS;
}

static bool good(cudaError_t result, const char *where) {
    if (result != cudaSuccess) failed_at = where, why = cudaGetErrorName(result);
    return result == cudaSuccess;
}

// Each element becomes the sum of itself and its neighbours. Returns the number of wrong elements, or -1 where it failed.
static int wrong_elements() {
    float picture[SIDE * SIDE], ones[9], found[SIDE * SIDE], one = 1, none = 0;
    float *on_gpu[3] = {0, 0, 0};
    cudnnHandle_t cudnn;
    cudnnTensorDescriptor_t shape;
    cudnnFilterDescriptor_t filter;
    cudnnConvolutionDescriptor_t convolution;
    for (int i = 0; i < SIDE * SIDE; i++) picture[i] = i % 7;
    for (int i = 0; i < 9; i++) ones[i] = 1;
    if (!good(cudnnCreate(&cudnn), "cudnnCreate")) return -1;
    if (!good(cudnnCreateTensorDescriptor(&shape), "cudnnCreateTensorDescriptor") ||
        !good(cudnnCreateFilterDescriptor(&filter), "cudnnCreateFilterDescriptor") ||
        !good(cudnnCreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor") ||
        !good(cudnnSetTensor4dDescriptor(shape, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, 1, 1, SIDE, SIDE), "the tensor's shape") ||
        !good(cudnnSetFilter4dDescriptor(filter, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, 1, 1, 3, 3), "the filter's shape") ||
        !good(cudnnSetConvolution2dDescriptor(convolution, 1, 1, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
              "the convolution's shape"))
        return -1;
    if (!good(cudaMalloc((void **)&on_gpu[0], sizeof(picture)), "cudaMalloc") ||
        !good(cudaMalloc((void **)&on_gpu[1], sizeof(ones)), "cudaMalloc") ||
        !good(cudaMalloc((void **)&on_gpu[2], sizeof(found)), "cudaMalloc") ||
        !good(cudaMemcpy(on_gpu[0], picture, sizeof(picture), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU") ||
        !good(cudaMemcpy(on_gpu[1], ones, sizeof(ones), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU") ||
        !good(cudnnConvolutionForward(cudnn, &one, shape, on_gpu[0], filter, on_gpu[1], convolution,
                                      CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM, NULL, 0, &none, shape, on_gpu[2]),
              "cudnnConvolutionForward") ||
        !good(cudaMemcpy(found, on_gpu[2], sizeof(found), cudaMemcpyDeviceToHost), "cudaMemcpy from the GPU"))
        return -1;
    for (int i = 0; i < 3; i++) cudaFree(on_gpu[i]);
    cudnnDestroy(cudnn);
    int wrong = 0;
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            float sum = 0;
            for (int y = row - 1; y <= row + 1; y++)
                for (int x = column - 1; x <= column + 1; x++)
                    if (y >= 0 && y < SIDE && x >= 0 && x < SIDE) sum += picture[y * SIDE + x];
            wrong += sum != found[row * SIDE + column];
        }
    return wrong;
}
#endif

int main() {
    int devices = 0;
    cudaError_t result = cudaGetDeviceCount(&devices);
    if (result != cudaSuccess) devices = 0;
    printf("{\"cudnn\": %lu, \"headers\": %d, \"code\": %d, \"error\": \"%s\", \"gpus\": [", (unsigned long)cudnnGetVersion(),
           CUDNN_VERSION, (int)result, cudaGetErrorName(result));
#ifdef MLINABOX_GPU
    if (devices) {
        cudaDeviceProp about;
        if (cudaGetDeviceProperties(&about, 0) != cudaSuccess) about.name[0] = 0;
        int wrong = wrong_elements();
        printf("{\"name\": \"%s\", \"wrong\": %d, \"failed_at\": \"%s\", \"error\": \"%s\"}", about.name, wrong, failed_at, why);
    }
#endif
    printf("], \"devices\": %d}\n", devices);
    return 0;
}
