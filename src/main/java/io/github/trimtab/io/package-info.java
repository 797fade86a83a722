/** Files of tensors: mapped, bounds-checked, and without any knowledge of kernels. */
@NullMarked
package io.github.trimtab.io;

import org.jspecify.annotations.NullMarked;
