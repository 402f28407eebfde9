/* What the stand-in for nvcc puts before each program: the language of kernels, as far as a host's compiler needs it. */
#ifndef MLINABOX_STAND_IN_LAUNCH_H
#define MLINABOX_STAND_IN_LAUNCH_H

#include <cuda_runtime.h>
#include <device_launch_parameters.h>

#include <tuple>
#include <utility>

/* A kernel is compiled as a function that nobody calls; its built-in variables have to be somewhere. */
__attribute__((weak)) extern const uint3 threadIdx = {0, 0, 0};
__attribute__((weak)) extern const uint3 blockIdx = {0, 0, 0};
__attribute__((weak)) extern const dim3 blockDim = {1, 1, 1};
__attribute__((weak)) extern const dim3 gridDim = {1, 1, 1};
__attribute__((weak)) extern const int warpSize = 32;

inline void __syncthreads() {}

namespace mlinabox_stand_in {

struct Configuration {
    dim3 grid, block;
    size_t shared;
    cudaStream_t stream;
};

template <typename... Parameters>
struct Launch {
    Configuration configuration;
    void (*kernel)(Parameters...);

    /* The real runtime is asked. It knows no device code of this kernel and says so, as cudaGetLastError then does. */
    void operator()(Parameters... given) const {
        void *arguments[] = {static_cast<void *>(&given)..., nullptr};
        (void)cudaLaunchKernel(reinterpret_cast<const void *>(kernel), configuration.grid, configuration.block, arguments,
                               configuration.shared, configuration.stream);
    }
};

struct Launcher {
    Configuration configuration;

    template <typename... Parameters>
    Launch<Parameters...> of(void (*kernel)(Parameters...)) const {
        return {configuration, kernel};
    }
};

inline Launcher launch(dim3 grid, dim3 block, size_t shared = 0, cudaStream_t stream = nullptr) {
    return {{grid, block, shared, stream}};
}

} // namespace mlinabox_stand_in
#endif
