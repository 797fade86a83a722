/**
 * The arithmetic of the engine: matrix products, convolutions, norms and resampling, all in F32.
 */
@NullMarked
package io.github.trimtab.engine.math;

import org.jspecify.annotations.NullMarked;
