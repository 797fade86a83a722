// What kernels and launchers include as <cuda_runtime.h> when they are compiled as plain C++: the
// part of CUDA C++ and of its runtime that Trimtab uses, with CUDA's own names, values and
// meanings.
#pragma once

#include "boxes.h"
#include "builtins.h"
#include "collectives.h"
#include "runtime_api.h"
