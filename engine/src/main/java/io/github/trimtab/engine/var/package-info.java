/**
 * A class-conditional visual autoregressive model (VAR): its weights, blocks, sampling loop and
 * decoder.
 */
@NullMarked
package io.github.trimtab.engine.var;

import org.jspecify.annotations.NullMarked;
