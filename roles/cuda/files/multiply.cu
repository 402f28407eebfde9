// Tells as JSON which CUDA runtime it runs with and, built with -DMLINABOX_GPU, multiplies matrices on each GPU and
// compares. The kernel is always compiled: that is the proof of the compiler.
#include <cstdio>
#include <cstring>
#include <cuda_runtime.h>

#define SIZE 256

__global__ void multiply(const float *a, const float *b, float *c) {
    int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int i = 0; i < SIZE; i++) sum += a[row * SIZE + i] * b[i * SIZE + column];
    c[row * SIZE + column] = sum;
}

#ifdef MLINABOX_GPU
static const char *failed_at = "";

static bool ok(cudaError_t result, const char *where) {
    if (result != cudaSuccess) failed_at = where;
    return result == cudaSuccess;
}

// Small whole numbers, whose products and sums a float holds exactly: the results are the same or wrong.
static float left(int row, int column) { return (row * 7 + column * 3) % 11 - 5; }
static float right(int row, int column) { return (row * 5 + column * 2) % 13 - 6; }

// Returns the number of wrong elements, or -1 where the GPU failed.
static int wrong_elements() {
    static float a[SIZE * SIZE], b[SIZE * SIZE], c[SIZE * SIZE];
    float *on_gpu[3] = {0, 0, 0};
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column++) {
            a[row * SIZE + column] = left(row, column);
            b[row * SIZE + column] = right(row, column);
        }
    for (int i = 0; i < 3; i++)
        if (!ok(cudaMalloc((void **)&on_gpu[i], sizeof(a)), "cudaMalloc")) return -1;
    if (!ok(cudaMemcpy(on_gpu[0], a, sizeof(a), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU")) return -1;
    if (!ok(cudaMemcpy(on_gpu[1], b, sizeof(b), cudaMemcpyHostToDevice), "cudaMemcpy to the GPU")) return -1;
    multiply<<<dim3(SIZE / 16, SIZE / 16), dim3(16, 16)>>>(on_gpu[0], on_gpu[1], on_gpu[2]);
    if (!ok(cudaGetLastError(), "the kernel's launch")) return -1;
    if (!ok(cudaDeviceSynchronize(), "the kernel")) return -1;
    if (!ok(cudaMemcpy(c, on_gpu[2], sizeof(c), cudaMemcpyDeviceToHost), "cudaMemcpy from the GPU")) return -1;
    for (int i = 0; i < 3; i++) cudaFree(on_gpu[i]);
    int wrong = 0;
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column++) {
            float sum = 0;
            for (int i = 0; i < SIZE; i++) sum += left(row, i) * right(i, column);
            wrong += sum != c[row * SIZE + column];
        }
    return wrong;
}
#endif

// The file of the runtime that was loaded. Without a driver, that of CUDA 11 does not tell its version.
static const char *loaded() {
    static char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof(line), maps))
        if (strstr(line, "/libcudart.so")) {
            line[strcspn(line, "\n")] = 0;
            return strchr(line, '/');
        }
    return "";
}

int main() {
    int runtime = 0, driver = 0, devices = 0;
    if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaError_t result = cudaGetDeviceCount(&devices);
    if (result != cudaSuccess) devices = 0;
    printf("{\"runtime\": %d, \"headers\": %d, \"library\": \"%s\", \"driver\": %d, \"code\": %d, \"error\": \"%s\", \"gpus\": [",
           runtime, CUDART_VERSION, loaded(), driver, (int)result, cudaGetErrorName(result));
#ifdef MLINABOX_GPU
    for (int device = 0; device < devices; device++) {
        cudaDeviceProp about;
        int wrong = -1;
        if (ok(cudaSetDevice(device), "cudaSetDevice") && ok(cudaGetDeviceProperties(&about, device), "its properties"))
            wrong = wrong_elements();
        const char *why = wrong < 0 ? cudaGetErrorName(cudaGetLastError()) : "";
        printf("%s{\"name\": \"%s\", \"wrong\": %d, \"failed_at\": \"%s\", \"error\": \"%s\"}", device ? ", " : "", about.name, wrong,
               wrong < 0 ? failed_at : "", why);
    }
#endif
    printf("], \"devices\": %d}\n", devices);
    return 0;
}
